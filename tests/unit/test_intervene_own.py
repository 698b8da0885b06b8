"""An intervention of another package: defined here, registered, configured like those built in, and followed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import jsonschema
import numpy as np
import pytest
from pydantic import Field

import dtbsim
from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.config import load_config_data
from dtbsim.config.bounds import Number
from dtbsim.config.reference import render_reference
from dtbsim.config.schema import json_schema
from dtbsim.errors import InputError
from dtbsim.intervene import INTERVENTIONS, ControllerOptions, Kind, Plan, State
from dtbsim.record.chunk import Chunk
from dtbsim.record.counts import Bins
from dtbsim.spec.network import Network
from dtbsim.store import open_run
from dtbsim.testing import assert_independent

CONFIG: dict[str, Any] = {
    "name": "own",
    "simulation": {"dt_ms": 0.5, "duration_ms": 100, "threads": 1, "block_size": 16},
    "populations": {
        "E": {"model": "iaf_psc_exp", "size": 40, "parameters": {"I_e_pA": 450}},
        "I": {"model": "iaf_psc_exp", "size": 20, "parameters": {"I_e_pA": 600}},
    },
    "controllers": {"fuse": {"kind": "fuse", "population": "I", "most": 10, "interval_ms": 20}},
    "record": {"rate_bin_ms": 20},
}


class FuseOptions(ControllerOptions):
    """Current that is cut off for good after an interval with more than `most` spikes."""

    population_key: ClassVar = "population"
    parameter_key: ClassVar = "parameter"
    by_region: ClassVar = ("most",)

    kind: Literal["fuse"] = "fuse"
    population: str = Field(description="population that is watched")
    parameter: str = Field(default="I_e_pA", description="what is cut off")
    most: Number = Field(ge=0, description="spikes in an interval")
    interval_ms: Number = Field(gt=0, description="time between two looks")


class FusePlan(Plan):
    counts = True

    def __init__(self, network: Network, name: str, item: FuseOptions) -> None:
        if item.most == 13:
            raise InputError("13 spikes bring bad luck", where=f"controllers.{name}.most")
        self.interval = steps_of(item.interval_ms, network.dt_ms)
        self.item, self.family = item, network.family_index(item.population)
        (self.column,) = network.families[self.family].populations.tolist()
        (self.most,) = network.by_region[name, "most"].tolist()

    def open(self, backend: Backend, unit: int) -> Fuse:
        return Fuse(self, unit)


class Fuse:
    def __init__(self, plan: FusePlan, unit: int) -> None:
        self.plan = plan
        self.bins = Bins(plan.interval // unit, 1)

    def begin(self, backend: Backend) -> None:
        backend.set_parameter(self.plan.family, self.plan.item.parameter, np.array([600.0]))

    def take(self, chunk: Chunk, backend: Backend) -> None:
        for (spikes,) in self.bins.add(chunk.counts[:, [self.plan.column]]).tolist():
            if spikes > self.plan.most:
                backend.set_parameter(self.plan.family, self.plan.item.parameter, np.array([0.0]))

    def state(self) -> State:
        return {"started": self.bins.started}

    def restore(self, state: State) -> None:
        self.bins.started = np.array(state["started"], np.int64)


class FuseKind(Kind):
    config = FuseOptions

    def plan(self, network: Network, name: str, item: FuseOptions) -> FusePlan:
        return FusePlan(network, name, item)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    INTERVENTIONS.add("fuse", FuseKind())
    yield
    del INTERVENTIONS._built_in["fuse"]


def changed(*path: str, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(CONFIG)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


def test_it_acts_from_the_end_of_an_interval_on_in_any_division() -> None:
    spikes = dtbsim.run(CONFIG).open().rates().sel(population="I").values * 20 * 20e-3
    first = int(np.argmax(spikes > 10))
    assert spikes[first] > 10, "there is an interval beyond the limit"
    assert not spikes[first + 2 :].any(), "without a current there are no spikes, but for what is under way"
    whole = dtbsim.run(changed("controllers", "fuse", "most", value=1000)).open().rates().sel(population="I").values
    assert whole[first + 2 :].all(), "a limit that is not reached changes nothing"
    assert_independent(CONFIG, ranks=(1, 2), threads=(1,))


def test_it_is_described_like_those_built_in() -> None:
    assert "`controllers.NAME` with `kind: fuse`" in render_reference()
    jsonschema.Draft202012Validator(json_schema()).validate(CONFIG)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(changed("controllers", "fuse", "most", value=-1))
    config = load_config_data(CONFIG)
    assert config.controllers["fuse"] == FuseOptions(population="I", most=10, interval_ms=20)
    assert load_config_data(config.model_dump(exclude_none=True)) == config, "written and read again"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("fuse", "population"), "J", "controllers.fuse.population: no population 'J'"),
        (("fuse", "interval_ms"), 0.7, "controllers.fuse.interval_ms: 0.7 ms is not a whole number of steps"),
        (("fuse", "interval_ms"), 0.1, "controllers.fuse.interval_ms: 0.1 ms is less than one step"),
        (("fuse", "most"), -1, "controllers.fuse.most: got -1 (allowed: a number at least 0)"),
        (("fuse", "most"), 13, "controllers.fuse.most: 13 spikes bring bad luck"),
        (("fuse", "parameter"), "I_E_pA", "controllers.fuse.parameter"),
        (("fuse", "colour"), 1, "controllers.fuse.colour: unknown key"),
        (("fuse", "kind"), "fuze", "controllers.fuse.kind: unknown kind 'fuze' (did you mean 'fuse'?"),
    ],
)
def test_mistakes_are_found_where_they_are(path: tuple[str, ...], value: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        dtbsim.validate(changed("controllers", *path, value=value))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_change_of_what_it_sets_is_refused() -> None:
    data = {**CONFIG, "changes": {"c": {"t_ms": 50, "population": "I", "set": {"I_e_pA": 1}}}}
    with pytest.raises(InputError, match=r"I_e_pA is what controllers\.fuse controls"):
        dtbsim.validate(data)


def test_a_run_can_be_opened_again_with_it(tmp_path: Any) -> None:
    result = dtbsim.run(CONFIG, out=tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.config["controllers"]["fuse"]["kind"] == "fuse"
    again = dtbsim.run(tmp_path / "run" / "config.yaml")
    assert again.spike_hash == result.spike_hash
