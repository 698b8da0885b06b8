"""Configuration objects: errors for people, values from Python, what is seen of them in a notebook and in `help`."""

from __future__ import annotations

import copy
import pickle
import pydoc
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from config_samples import assert_for_people
from pydantic import BaseModel

import dtbsim
from dtbsim.config import load_config_data
from dtbsim.config.strict import Strict, summary_of
from dtbsim.errors import InputError, MultipleInputError

SIZE = "a whole number at least 1 and at most"


def population(**changed: Any) -> dtbsim.Population:
    return dtbsim.Population(**({"model": "iaf_psc_exp", "size": 10} | changed))


def error_of(make: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        make()
    assert_for_people(caught.value)
    return caught.value


# -- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes_name_class_field_and_what_is_meant() -> None:
    error = error_of(lambda: dtbsim.Population(modle="iaf_psc_exp", size=10))  # type: ignore[call-arg]
    assert str(error).startswith("Population.modle: unknown key 'modle' (did you mean 'model'? allowed: ")
    error = error_of(lambda: population(size=0))
    assert str(error).startswith(f"Population.size: got 0 (allowed: {SIZE}")
    error = error_of(lambda: dtbsim.Uniform(distribution="uniform", low=2, high=1))
    assert str(error) == "Uniform: low (2) must be below high (1)"
    error = error_of(lambda: population(parameters={"tau_m_ms": {"distribution": "normal", "mean": 3, "std": 1}}))
    assert str(error).startswith("Population.parameters.tau_m_ms.std: unknown key 'std' with distribution: normal (did")


def test_all_mistakes_of_an_object_are_told() -> None:
    error = error_of(lambda: dtbsim.Simulation(dt_ms=-1, duration="1 s", threads=1.5))  # type: ignore[call-arg,arg-type]
    assert isinstance(error, MultipleInputError)
    assert [mistake.where for mistake in error.mistakes] == [
        "Simulation.dt_ms", "Simulation.threads", "Simulation.duration"
    ]  # fmt: skip


def test_mistakes_of_the_whole_have_the_paths_of_a_file() -> None:
    error = error_of(lambda: dtbsim.RunConfig(simulation={"duration_ms": 0}, populations={"E": {"size": 3}}))  # type: ignore[arg-type]
    assert [mistake.where for mistake in error.mistakes] == ["simulation.duration_ms", "populations.E.model"]


def test_an_object_of_another_class_is_shown_shortly() -> None:
    error = error_of(lambda: dtbsim.RunConfig(simulation=population(), populations={"E": population()}))  # type: ignore[arg-type]
    assert str(error).startswith("simulation: got Population(model='iaf_psc_exp', size=10) (allowed: a mapping with")


def test_values_come_by_name() -> None:
    error = error_of(lambda: dtbsim.Population("iaf_psc_exp", 10))  # type: ignore[call-arg,misc]
    assert str(error) == "Population takes its values by name (write Population(model=..., ...))"


def test_assignments_are_checked() -> None:
    changed = population()
    for name, value, message in (
        ("size", -1, "Population.size: got -1 (allowed: "),
        ("szie", 3, "Population.szie: unknown key 'szie' (did you mean 'size'? allowed: "),
        ("spikes_file", b"x", "Population.spikes_file: got b'x' (allowed: a text, or null)"),
        ("model", "a\0", r"Population.model: \u0000 in the text 'a\x00' cannot be written to a file (remove it)"),
    ):
        error = error_of(lambda name=name, value=value: setattr(changed, name, value))
        assert str(error).startswith(message)
    assert changed == population()
    changed.size = np.int64(20)  # type: ignore[assignment]
    assert changed == population(size=20)


def test_model_validate_raises_the_same() -> None:
    assert str(error_of(lambda: dtbsim.Population.model_validate({"model": "x", "size": 0}))).startswith(
        "Population.size: got 0 (allowed: "
    )
    assert str(error_of(lambda: dtbsim.RunConfig.model_validate(None))).startswith("got null (allowed: a mapping")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"E", "b'E'"),
        ({"E", "I"}, "a set of 2"),
        (frozenset("E"), "a frozenset of 1"),
        ((name for name in "EI"), "a generator"),
        (iter(["E"]), "a list_iterator"),
        (map(str, [1]), "a map"),
        ({"E": 1}.keys(), "dict_keys(['E'])"),
        (deque(["E"]), "deque(['E'])"),
        (object(), "a object"),
        (3 + 4j, "(3+4j)"),
        (float("nan"), ".nan"),
        ([["E"]], "['E']"),
        (10**5000, "a whole number of about 5,000 digits"),
        (np.array(["E", 3], object), "3"),
        (np.datetime64("2020-01-01"), "datetime.date(2020, 1, 1)"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_values_of_wrong_types(value: Any, shown: str) -> None:
    error = error_of(lambda: dtbsim.DCDrive(kind="dc", target=value, amplitude=1))
    assert shown in str(error)
    assert str(error).startswith("DCDrive.target")


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for given in (endless, {"a": endless}):
        error_of(lambda given=given: population(regions=given))
        error_of(lambda given=given: load_config_data({"simulation": given}))


def test_keys_that_are_no_texts() -> None:
    error = error_of(lambda: load_config_data({3: 4, b"x": 1}))  # type: ignore[dict-item]
    assert [str(mistake) for mistake in error.mistakes] == [
        "3: the key 3 is not a text (keys are names)",
        "b'x': the key b'x' is not a text (keys are names)",
    ]
    error = error_of(lambda: population(parameters={3: 4.0}))
    assert str(error) == "Population.parameters.3: the key 3 is not a text (keys are names)"


# -- values from Python --------------------------------------------------------------------------------------------


def test_numpy_paths_tuples_and_ranges_are_taken() -> None:
    drive = dtbsim.SpikeTrainDrive(
        kind="spike_trains", target=("E", "I"), file=Path("a/b.npz"), weight_pA=np.float32(1.5), neurons=range(3)
    )  # type: ignore[arg-type]
    assert (drive.target, drive.file, drive.weight_pA, drive.neurons) == (["E", "I"], "a/b.npz", 1.5, [0, 1, 2])
    spikes = dtbsim.SpikeArrays(neuron=np.array([0, 1], np.uint8), time_ms=np.array([1.5, 2]))  # type: ignore[arg-type]
    assert (spikes.neuron, spikes.time_ms) == ([0, 1], [1.5, 2.0])
    windows = dtbsim.DCDrive(kind="dc", target="E", amplitude=1, windows_ms=((0, 1), np.array([2, 3])))  # type: ignore[arg-type]
    assert windows.windows_ms == [[0, 1], [2, 3]]
    assert population(parameters={"tau_m_ms": np.float32(8)}).parameters == {"tau_m_ms": 8.0}
    assert population(parameters={np.str_("tau_m_ms"): np.int32(8)}).parameters == {"tau_m_ms": 8.0}


def test_what_is_given_stays_as_it_is() -> None:
    regions = ["a", "b"]
    made = population(regions=regions)
    regions.append("c")
    assert made.regions == ["a", "b"]
    data: dict[str, Any] = {"simulation": {"duration_ms": 1}, "populations": {"E": population()}}
    kept = copy.deepcopy(data)
    load_config_data(data, {"populations.E.size": 3})
    assert data == kept


# -- what is seen --------------------------------------------------------------------------------------------------


def test_reprs_say_what_differs_from_the_defaults() -> None:
    assert repr(population(size=800)) == "Population(model='iaf_psc_exp', size=800)"
    assert str(population(size=800)) == repr(population(size=800))
    config = dtbsim.RunConfig(
        name="net",
        simulation=dtbsim.Simulation(duration_ms=1000),
        populations={f"P{k}": population(size=k + 1, regions=[f"r{i}" for i in range(100)]) for k in range(20)},
    )
    text = repr(config)
    assert text.startswith(
        "RunConfig(name='net', simulation=Simulation(duration_ms=1000), populations={'P0': Population("
    )
    assert "'r5', ... (100 in all)]" in text
    assert text.endswith("... (20 in all)})")
    assert len(text) < 1000


def test_reprs_are_python() -> None:
    made = population(parameters={"tau_m_ms": dtbsim.Normal(distribution="normal", mean=10, sd=1.5)})
    names = {name: getattr(dtbsim, name) for name in dtbsim.__all__}
    assert eval(repr(made), names) == made


def test_notebooks_get_a_table_without_markup_of_strangers() -> None:
    html = population(model="<script>alert(1)</script>")._repr_html_()
    assert "<table>" in html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def classes() -> list[type[Strict]]:
    found = [getattr(dtbsim, name) for name in dtbsim.__all__]
    return [item for item in found if isinstance(item, type) and issubclass(item, BaseModel)]


@pytest.mark.parametrize("model", classes(), ids=lambda model: model.__name__)
def test_help_says_what_each_field_takes(model: type[Strict]) -> None:
    text = pydoc.plain(pydoc.render_doc(model))
    lines = text.splitlines()
    assert len(lines) < 90, "the methods of pydantic are not listed"
    assert summary_of(model).splitlines()[0] in text
    for name, field in model.model_fields.items():
        (line,) = [line for line in lines if line.strip(" |").startswith(f"{name} (")]
        assert (field.description or "") in line
        assert ("required)" in line) == field.is_required()
    assert "typing" not in text
    assert "Fields:" not in summary_of(model)


def test_copies_and_pickles_are_equal() -> None:
    made = population(parameters={"tau_m_ms": dtbsim.Normal(distribution="normal", mean=10, sd=1.5)})
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made.model_copy() == made
