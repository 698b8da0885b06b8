"""Tables of region models, their pages, and a user's own region models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtbsim.errors import InputError
from dtbsim.models.describe_regions import describe_region, region_models_page
from dtbsim.models.language.checked_region import checked_derivatives, checked_output
from dtbsim.models.region_check import check_region_model
from dtbsim.models.region_own import find_region_model, region_fingerprint, save_region_model
from dtbsim.models.region_registry import get_region_model, list_region_models
from dtbsim.models.region_tables import SIGNALS

ROOT = Path(__file__).parents[2]
MODELS = list_region_models()
OWN = '''\
"""A model."""

from dtbsim.models import Parameter, RegionInput, RegionModel, RegionState


class Leaky(RegionModel):
    """A rate."""

    name = "leaky"
    summary = "Leaky rate unit"
    parameters = (Parameter("tau_ms", "ms", 10.0, "time constant", low=0.0, open_low=True),)
    states = (RegionState("r", "1", "activity"),)
    inputs = (RegionInput("network", "1", "input of other regions"),)
    couples = (("r", "network"),)

    @staticmethod
    def derivatives(r, in_network, tau_ms):
        """Rise."""
        return (in_network - r) / tau_ms
'''


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_complete_and_says_what_it_is(name: str) -> None:
    model = get_region_model(name)
    check_region_model(model)
    text = describe_region(model)
    for row in (*model.parameters, *model.states, *model.inputs, *model.outputs, *model.derived):
        assert row.description
        assert row.name in text
    assert model.citation
    assert model.equations
    assert model.equivalents
    assert {row.signal for row in model.reads} >= set(SIGNALS) - {"rate"}
    assert all(row.reason for row in model.reads)
    assert len(checked_derivatives(model).results) == len(model.states)
    output = checked_output(model)
    assert (output is None) == (not model.outputs)
    bound = model.largest_dt_ms(model.complete({}))
    model.check({}, min(0.1, float(np.min(bound)) if bound is not None else 0.1))


def test_the_models_of_the_field_are_there() -> None:
    assert set(MODELS) == {
        "aln", "coombes_byrne", "coombes_byrne_2d", "deco_2013", "deco_2014", "di_volo_2019",
        "di_volo_2019_second_order", "epileptor", "epileptor_2d", "fitzhugh_nagumo", "generic_2d_oscillator", "hopf",
        "jansen_rit", "kuramoto", "larter_breakspear", "linear", "montbrio_pazo_roxin", "wilson_cowan",
        "wilson_cowan_1972", "zetterberg_jansen",
    }  # fmt: skip


def test_the_page_of_region_models_is_up_to_date() -> None:
    page = (ROOT / "docs" / "region_models.md").read_text(encoding="utf-8")
    assert page == region_models_page(), "run: python -m dtbsim.models.describe_regions docs/region_models.md"


def test_a_step_above_the_bound_is_refused_with_the_bound() -> None:
    with pytest.raises(InputError, match="needs dt_ms <= 20 with these parameters") as refused:
        get_region_model("jansen_rit").check({}, 25.0)
    assert refused.value.remedy == "set simulation.dt_ms to 20 or less"


def test_a_signal_that_a_model_does_not_declare_is_refused() -> None:
    with pytest.raises(InputError, match="declares no source of rate"):
        get_region_model("hopf").read("rate")


def own(tmp_path: Path, old: str = "", new: str = "") -> str:
    assert old in OWN
    path = tmp_path / "mine.py"
    path.write_text(OWN.replace(old, new) if old else OWN, encoding="utf-8")
    return f"{path}:Leaky"


def test_an_own_model_is_found_and_kept(tmp_path: Path) -> None:
    reference = own(tmp_path)
    model = find_region_model(reference)
    assert model is find_region_model(reference)
    assert model.variables == ("r",)
    saved: Any = save_region_model(reference)
    assert (saved.stem, saved.name, saved.text) == ("mine", "Leaky", OWN)
    again = save_region_model(type(model))
    assert not isinstance(again, str)
    assert again.lacking is None
    assert region_fingerprint(model) != region_fingerprint(get_region_model("linear"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("in_network - r", "(in_network - r) ** 2", r"mine.py:19: the power operator \*\* is not allowed"),
        ("(in_network - r) / tau_ms", "in_network, r", "returns 2 values; expected 1"),
        ("def derivatives(r, in_network, tau_ms):", "def derivatives(r, tau_ms, in_network, x):", "argument 'x' is no"),
        (
            'tau_ms):\n        """Rise."""\n        return (in_network - r) / tau_ms',
            "tau_ms):\n        return (x_network - r) / tau_ms",
            "unknown name 'x_network'",
        ),
        ("def derivatives(r, in_network, tau_ms):", "def derivatives(r, tau_ms, in_network=0.0):", "default values"),
        ('("r", "network")', '("q", "network")', "names 'q', which is not among r"),
        ('summary = "Leaky rate unit"', "", "has no summary"),
        ("    @staticmethod\n", "", "takes the model as its first argument"),
        ('"tau_ms", "ms", 10.0', '"tau_ms", "ms", -1.0', "the default of tau_ms is -1.0"),
        ("couples =", 'coupling = "sine"\n    couples =', "`coupling` of model 'leaky' has 'sine'"),
        ("couples =", 'integrator = "exponential"\n    couples =', "`integrator` of model 'leaky' has 'exponential'"),
        ("class Leaky(RegionModel)", "class Leaky", "'Leaky' is no region model"),
    ],
)
def test_what_is_wrong_with_an_own_model_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    reference = own(tmp_path, old, new)
    with pytest.raises(InputError, match=said):
        find_region_model(reference)
