"""Estimates of mean-field regions: memory against what an engine holds, refusals, networks of regions alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.backends.regions.memory import planned_parts
from dtbsim.config import load_config_data
from dtbsim.errors import EXIT_MEMORY, MemoryPlanError
from dtbsim.estimation import region_networks
from dtbsim.estimation.estimate import estimate_network
from dtbsim.estimation.place import Asked
from dtbsim.mpi.comm import SerialComm
from dtbsim.simulate import prepare, run
from dtbsim.spec import compile_network


def scan(members: int, model: str = "deco_2014", delays: bool = False, **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "atlas": "aal2",
        "simulation": {"dt_ms": 1.0, "duration_ms": 5000.0, "threads": 1},
        "populations": {"x": {"model": model, "regions": "all"}},
        "couplings": {
            "c": {
                "source": "x",
                "target": "x",
                "strength": 0.1,
                "delay_ms": {"tract_velocity_m_per_s": 10.0} if delays else 0.0,
            }
        },
        **more,
    }
    if members > 1:
        values = [0.1 + 0.001 * k for k in range(members)]
        data["ensemble"] = {"grid": {"couplings.c.strength": values}, "seeds": "own"}
    return data


@pytest.mark.parametrize(
    ("model", "delays", "members"), [("deco_2014", False, 32), ("jansen_rit", True, 16), ("hopf", False, 1)]
)
def test_planned_memory_is_what_an_engine_holds(model: str, delays: bool, members: int) -> None:
    network = compile_network(load_config_data(scan(members, model, delays)))
    assert network.regions is not None
    engine = RegionEngine(network.regions, network.dt_ms, SerialComm(), 1)
    arrays: dict[int, int] = {}
    for group in engine.groups:
        kept: list[Any] = [*group.sums, *group._held, *group._dense, *(h.values for h in group.histories)]
        kept += [array for sent in group.sent for array in sent.values()]
        for block in group.blocks:
            kept += [block.states, block._numbers, block._words, block._arrays, block._element_nodes]
            kept += [block._element_seeds]
        arrays |= {id(array): array.nbytes for array in kept if isinstance(array, np.ndarray)}
    held = sum(arrays.values())
    parts = planned_parts(network.regions, 0, 1)
    planned = sum(size for name, size in parts.items() if name != "numbers")
    engine.close()
    assert planned == pytest.approx(held, rel=0.1)


def test_a_network_of_regions_alone_is_estimated() -> None:
    found = estimate_network(compile_network(load_config_data(scan(32, bold={"population": "x"}))), Asked(1))
    assert (found.network.neurons, found.network.regions, found.network.members) == (0, 80, 32)
    assert not found.refusals
    assert set(found.time.parts) == {"regions", "signals"}
    assert found.time.real_time_factor.expected > 0
    more = estimate_network(compile_network(load_config_data(scan(64, bold={"population": "x"}))), Asked(1))
    assert more.time.parts["regions"] == pytest.approx(2 * found.time.parts["regions"])


def test_regions_beside_neurons_are_counted() -> None:
    data = scan(1)
    data["populations"]["E"] = {"model": "iaf_psc_exp", "size": 100}
    found = estimate_network(compile_network(load_config_data(data)), Asked(1))
    assert found.memory.parts["regions"].largest > 0
    assert found.time.parts["regions"] > 0


def test_more_members_than_memory_are_refused_with_what_would_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    few = 355 * 2**20
    monkeypatch.setattr(region_networks, "available_bytes", lambda: few)
    monkeypatch.setattr(prepare, "available_bytes", lambda: few)
    config = load_config_data(scan(64, bold={"population": "x"}))
    found = estimate_network(compile_network(config), Asked(1))
    assert [refusal.exit_code for refusal in found.refusals] == [EXIT_MEMORY]
    with pytest.raises(MemoryPlanError, match=r"64 members of 80 regions, and about \d+ would fit") as caught:
        run(config, out=tmp_path / "run", report=False)
    assert caught.value.exit_code == EXIT_MEMORY
    fit = int(str(caught.value).split(" and about ")[1].split(" ")[0])
    assert 0 < fit < 64
    assert not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.nightly
@pytest.mark.parametrize("members", [1, 64])
def test_estimated_time_and_memory_are_those_of_a_run(members: int, tmp_path: Any) -> None:
    noise = {"S_E": {"sigma": 0.01}, "S_I": {"sigma": 0.01}}
    data = scan(members, bold={"population": "x"})
    data["populations"]["x"]["noise"] = noise
    data["simulation"]["duration_ms"] = 120_000.0
    config = load_config_data(data)
    run(config, out=tmp_path / "first", report=False)  # compiles
    found = estimate_network(compile_network(config), Asked(1))
    result = run(config, out=tmp_path / "run", report=False)
    assert result.summary["stages"]["simulate"]["max_s"] == pytest.approx(
        120.0 * found.time.real_time_factor.expected, rel=0.3
    )
