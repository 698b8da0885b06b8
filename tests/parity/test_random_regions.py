"""Networks of regions drawn at random give the same bits however they are computed, observed, cut or resumed.

States and sampled variables are compared: threads, ranks, members together and alone, more that is recorded, a run that
goes on from any step, an emulated GPU. What is found gets a test of its own, since another generator draws others.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.random_regions import DT_MS, MODELS, STEPS, RandomRegions
from tests.helpers.shim_device import GXX, ShimDevice

import dtbsim
from dtbsim.config import RunConfig
from dtbsim.errors import InputError, NumericsError
from dtbsim.models.region_registry import get_region_model
from dtbsim.mpi import run_ranks
from dtbsim.simulate import run
from dtbsim.spec import compile_network

NIGHTLY = range(160)


def _states(folder: Path) -> list[Any]:
    opened = dtbsim.open_run(folder)
    return [opened.states(k) for k in range(len(opened.config["record"]["states"]))]


class Ways:
    """Runs of one configuration in folders of their own."""

    def __init__(self, data: dict[str, Any], folder: Path) -> None:
        self.data, self.folder, self._n = data, folder, 0

    def __call__(self, ranks: int = 1, resumed_at: int | None = None, **changes: Any) -> tuple[str, Path]:
        """The hash of a run and its folder; `changes` are by key path, with __ for dots."""
        self._n += 1
        out = self.folder / f"way{self._n}"
        given = {key.replace("__", "."): value for key, value in changes.items()}
        if resumed_at is not None:
            until = {"simulation.duration_ms": round(resumed_at * DT_MS, 1), "checkpoint": {"every_ms": 1e4}}
            dtbsim.run(self.data, out=out, set=given | until)
            done = dtbsim.resume(out, set={"simulation.duration_ms": DT_MS * STEPS})
            return str(done.summary["state_hash"]), out
        config = RunConfig.model_validate(dtbsim.config.load_config_data(self.data, given).model_dump())

        def one(comm: Any) -> str:
            return str(run(config, out=out, report=False, comm=comm).summary["state_hash"])

        return one(None) if ranks == 1 else run_ranks(ranks, one)[0], out


def _same(found: Path, expected: list[Any], why: str) -> None:
    for one, other in zip(_states(found), expected, strict=True):
        for name, values in other.data_vars.items():
            np.testing.assert_array_equal(one[name].values, values.values, err_msg=why)


def check(data: dict[str, Any], folder: Path, seed: int) -> bool:
    """Compare all ways; False where the network does not stay finite."""
    ways = Ways(data, folder)
    told = f"seed {seed}: {json.dumps(data)}"
    try:
        expected, base = ways(simulation__threads=1)
    except NumericsError:
        return False
    states = _states(base)
    for ranks, threads in ((1, 2), (2, 1), (3, 2)):
        found, out = ways(ranks, simulation__threads=threads)
        assert found == expected, f"{ranks} ranks, {threads} threads, {told}"
        _same(out, states, told)
    for step in (1, 37, STEPS - 1):
        found, out = ways(resumed_at=step)
        assert found == expected, f"resumed at step {step}, {told}"
        _same(out, states, told)
    assert ways(**observers(data))[0] == expected, f"observed, {told}"
    if GXX is not None:
        found, out = ways(2, simulation__backend="cuda")
        assert found == expected, f"GPU, {told}"
        _same(out, states, told)
    network = compile_network(dtbsim.config.load_config_data(data)).regions
    assert network is not None
    if "ensemble" in data:
        for member in {0, network.members.n - 1}:
            own = {key: values[member] for key, values in network.members.coordinates.items()}
            own |= {"seed": network.members.seeds[member]}
            dtbsim.run(data, out=folder / f"member{member}", set={"ensemble": None, **own})
            for one, other in zip(_states(folder / f"member{member}"), states, strict=True):
                for name, values in one.data_vars.items():
                    alone = other[name].isel(member=member).values
                    np.testing.assert_array_equal(values.values, alone, err_msg=f"member {member} alone, {told}")
    return True


def observers(data: dict[str, Any]) -> dict[str, Any]:
    """More to be recorded: every variable of a population, its field potential and FC, and BOLD of another."""
    name = next(iter(data["populations"]))
    last = list(data["populations"])[-1]
    variables = list(get_region_model(data["populations"][name]["model"]).variables)
    more = [{"population": name, "variables": variables, "interval_ms": 0.2}]
    return {
        "record__states": [*data["record"]["states"], *more],
        "signals": {
            "field": {"kind": "lfp", "population": name, "interval_ms": 0.4},
            "fc": {"kind": "fc", "of": "field"},
        },
        "bold": {"population": last, "tr_ms": 1.0},
    }


@pytest.fixture(autouse=True)
def _shim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda _: ShimDevice())


@pytest.mark.nightly
@pytest.mark.parametrize("seed", NIGHTLY)
def test_many_networks_of_regions(seed: int, tmp_path: Path) -> None:
    if not check(RandomRegions(seed, tmp_path).data, tmp_path, seed):
        pytest.skip("its states do not stay finite")


def test_the_networks_are_varied(tmp_path: Path) -> None:
    """All models, weights, delays, drives and members occur; nearly all networks can be compiled."""
    seen: Counter[str] = Counter()
    refused = []
    for seed in NIGHTLY:
        data = RandomRegions(seed, tmp_path).data
        seen.update(f"model {one['model']}" for one in data["populations"].values())
        for one in data["couplings"].values():
            seen[f"weights {one['weights'] if isinstance(one['weights'], str) else 'matrix'}"] += 1
            seen[f"delay {next(iter(one['delay_ms'])) if isinstance(one['delay_ms'], dict) else 'time'}"] += 1
        seen.update(f"drive {one['kind']}" for one in data["drives"].values())
        seen.update(f"change {next(iter(one))}" for one in data["changes"].values())
        seen["ensemble"] += "ensemble" in data
        if seed % 40 == 0:
            try:
                compile_network(dtbsim.config.load_config_data(data))
            except InputError as error:
                refused.append(f"{seed}: {error}")
    assert refused == []
    expected = {f"model {name}" for name in MODELS} | {"weights connectome", "weights matrix", "weights all"}
    expected |= {"weights same_region", "delay matrix", "delay tract_velocity_m_per_s", "delay time", "ensemble"}
    expected |= {f"drive {kind}" for kind in ("dc", "sinusoidal", "noise_current", "ou_current")}
    expected |= {f"change {kind}" for kind in ("coupling", "drive", "population", "noise_seed")}
    assert expected <= {name for name, count in seen.items() if count > 1}
