"""Every model of dtbsim through the same door: checked, the same bits from its C text; nothing to write per model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.helpers import c_kernel
from tests.helpers.by_day import by_day
from tests.helpers.every_model import every_model, first_difference, fitting_input, parameter_set, population

from dtbsim.models import NeuronModel, list_models
from dtbsim.models.own_check import check_model

MODELS = every_model()
STEPS = 3000
SETS = {"set 1": (1, False), "set 2": (2, False), "set 3": (3, False), "one per neuron": (4, True)}
"""Name -> (seed, whether parameters differ between neurons)."""

needs_gxx = pytest.mark.skipif(c_kernel.GXX is None, reason="needs g++")


def test_all_models_are_covered() -> None:
    assert {name for name in list_models() if not name.endswith("_source")} <= MODELS.keys()
    assert len(MODELS) >= 4


@pytest.mark.parametrize("name", MODELS)
def test_the_model_passes_the_checks_of_users_models(name: str) -> None:
    check_model(MODELS[name])


@needs_gxx
@pytest.mark.parametrize("name", by_day(MODELS, [*MODELS][::4]))
def test_c_text_gives_the_bits_of_the_numba_kernel(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    spikes = 0
    for label, (seed, spread) in SETS.items():
        parameters = parameter_set(model, seed, spread)
        given = fitting_input(model, parameters)
        one = population(model, parameters, given)
        other = population(model, parameters, given, c_kernel.build(one.kernel, tmp_path, name=f"k{seed}"))
        difference, fired = first_difference(one, other, given, STEPS)
        assert difference is None, label
        assert one.untouched()
        assert other.untouched()
        spikes += fired
        for row in model.states:
            assert np.isfinite(one.state(row.name)).all(), label
    assert spikes > 100, "the comparison sees spikes"


def ends_of(model: NeuronModel) -> list[int]:
    return sorted({0, len(model.states) - 1}) if model.states else []


@needs_gxx
@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, model in MODELS.items() for state in ends_of(model)]
)
def test_a_state_that_is_lost_is_noticed(name: str, state: int, tmp_path: Path) -> None:
    model = MODELS[name]

    def forget(text: str) -> str:
        name = model.states[state].name
        assert text.count(f"{name} = _r{state};") == 1
        return text.replace(f"{name} = _r{state};", f"{name} = 0;")

    parameters = parameter_set(model, 1)
    given = fitting_input(model, parameters)
    one = population(model, parameters, given)
    other = population(model, parameters, given, c_kernel.build(one.kernel, tmp_path, forget))
    assert first_difference(one, other, given, STEPS)[0] is not None
