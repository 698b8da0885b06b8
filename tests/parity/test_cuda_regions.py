"""Mean-field regions on a GPU give the states of the CPU, bit for bit: alone, in ensembles, beside neurons, resumed.

The device runs the kernels on the host (`tests.helpers.shim_device`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.region_device_runs import (
    MODELS_FILE,
    Case,
    cases_of,
    hashes_of,
    on_cpu,
    on_shim,
    one_of_each,
    regions_of,
)
from tests.helpers.shim_device import GXX, ShimDevice
from tests.unit import test_region_hybrid as hybrid
from tests.unit import test_region_inputs as inputs
from tests.unit import test_region_network as regions

import dtbsim
from dtbsim.backends.cuda import region_plan
from dtbsim.backends.cuda.region_engine import DeviceRegions
from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.backends.state import merge_states
from dtbsim.config import RunConfig
from dtbsim.errors import MemoryPlanError, NumericsError
from dtbsim.models.region_registry import list_region_models
from dtbsim.mpi import run_ranks
from dtbsim.mpi.comm import SerialComm
from dtbsim.simulate import run
from dtbsim.spec.region_network import RegionChange

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
Array = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture(autouse=True)
def _shim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda _: ShimDevice())


def same(found: Any, expected: Any) -> None:
    assert found[0] == expected[0]
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


# -- engines ----------------------------------------------------------------------------------------------------


def test_the_same_bits_for_threads_in_any_order_chunks_blocks_and_ranks(tmp_path: Path, monkeypatch: Any) -> None:
    config = regions._mixed(tmp_path)
    expected = on_cpu(config)
    assert np.ptp(expected[1][0][-1, :, 0, 0]) > 1e-3
    same(on_shim(config), expected)
    same(on_shim(config, backwards=True, chunk=7), expected)
    same(on_shim(config, ranks=3), expected)
    monkeypatch.setattr(region_plan, "BLOCK_VALUES", 30)
    monkeypatch.setattr(region_plan, "LEAST_BLOCK", 2)
    same(on_shim(config, chunk=50), expected)
    same(on_shim(config, ranks=3), expected)
    assert on_shim(regions._mixed(tmp_path, seed=6))[0] != expected[0]


def test_members_in_one_group_in_many_and_over_ranks(tmp_path: Path, monkeypatch: Any) -> None:
    other = np.round(np.random.default_rng(9).random((21, 21)), 3).tolist()
    members = [{}, {"couplings.all.weights": {"matrix": other}}, {"couplings.all.strength": 0.07}]
    for ensemble in (regions.ENSEMBLE, {"seeds": "own", "members": members}):
        config = regions._mixed(tmp_path, ensemble=ensemble)
        expected = on_cpu(config)
        same(on_shim(config), expected)
        same(on_shim(config, ranks=2, backwards=True), expected)
        with monkeypatch.context() as few:
            few.setattr(region_plan, "MOST_LANES", 2)
            same(on_shim(config), expected)


def test_states_go_on_from_cpu_to_gpu_and_back(tmp_path: Path) -> None:
    config = regions._mixed(tmp_path, ensemble=regions.ENSEMBLE)
    network, n_steps, dt_ms = regions_of(config)
    expected, _ = on_cpu(config)

    def engine(comm: Any, there: bool) -> Any:
        return DeviceRegions(network, dt_ms, comm, ShimDevice()) if there else RegionEngine(network, dt_ms, comm, 1)

    def half(comm: Any, there: bool) -> Any:
        one = engine(comm, there)
        one.advance(0, 51)
        return one.state()

    def rest(comm: Any, there: bool, state: Any) -> str:
        one = engine(comm, there)
        one.load(state, 51)
        one.advance(51, n_steps)
        return str(one.hashed().combined(comm))

    states = {}
    for before, ranks in ((True, 1), (False, 1), (True, 3)):
        states[before, ranks] = merge_states(run_ranks(ranks, lambda comm, b=before: half(comm, b)))
        after = not before or ranks == 3
        assert set(run_ranks(2, lambda comm, b=before, r=ranks, a=after: rest(comm, a, states[b, r]))) == {expected}
    assert states[True, 1].keys() == states[False, 1].keys()
    for name, values in states[True, 1].items():
        np.testing.assert_array_equal(values, states[False, 1][name], err_msg=name)


def test_a_state_that_is_not_finite_is_named_as_on_the_cpu(tmp_path: Path) -> None:
    config = regions._mixed(tmp_path, ensemble={"grid": {"couplings.all.strength": [0.05, -500.0]}})
    network, n_steps, dt_ms = regions_of(config)
    told = []
    for engine in (
        RegionEngine(network, dt_ms, SerialComm(), 1),
        DeviceRegions(network, dt_ms, SerialComm(), ShimDevice()),
    ):
        engine.advance(0, n_steps)
        with pytest.raises(NumericsError, match="member 1 of the ensemble") as caught:
            engine.check_finite(0, n_steps)
        told.append(str(caught.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("ensemble", [inputs.ENSEMBLE, pytest.param(None, marks=pytest.mark.nightly)])
def test_drives_reach_regions_on_the_gpu(tmp_path: Path, monkeypatch: Any, ensemble: Any) -> None:
    """Courses and noise of several drives on two inputs, in windows; members differ in them."""
    shared = inputs.DRIVES["wander"] | {"shared": True, "input": None, "tau_ms": 3.0, "start_ms": 2.0}
    given = inputs._all(tmp_path, ensemble=ensemble, drives=inputs.DRIVES | {"arousal": shared})
    expected = on_cpu(given)
    assert expected[0] != on_cpu(inputs._config(tmp_path))[0]
    same(on_shim(given, backwards=True, chunk=7), expected)
    same(on_shim(given, ranks=3, chunk=31), expected)
    monkeypatch.setattr(region_plan, "MOST_LANES", 3)
    monkeypatch.setattr(region_plan, "BLOCK_VALUES", 10)
    monkeypatch.setattr(region_plan, "LEAST_BLOCK", 2)
    same(on_shim(given), expected)


# -- whole runs -------------------------------------------------------------------------------------------------


def _on(config: RunConfig, backend: str, **changes: Any) -> RunConfig:
    simulation = config.simulation.model_copy(update={"backend": backend, **changes})
    return config.model_copy(update={"simulation": simulation})


@pytest.mark.parametrize("least_work", [None, 0])
def test_neurons_and_regions_feed_each_other(tmp_path: Path, monkeypatch: Any, least_work: int | None) -> None:
    """Neurons on the GPU, regions on the host as they are few, or both there: then also on two ranks, and gone on from
    on the other backend."""
    if least_work is not None:
        monkeypatch.setattr(region_plan, "LEAST_WORK", least_work)
    config = hybrid._config(tmp_path)
    expected = run(_on(config, "cpu"), out=tmp_path / "cpu", report=False).summary
    found = run(_on(config, "cuda"), out=tmp_path / "cuda", report=False).summary
    keys = ("spike_hash", "state_hash", "spikes")
    assert [found[key] for key in keys] == [expected[key] for key in keys]
    assert (found["backend"], found["gpu"], found["gpu_plan"]) == ("cuda", "shim", "general")
    log = (tmp_path / "cuda/log.txt").read_text()
    assert "GPU plan: general (regions exchange with neurons every 3 step(s)" in log
    where = "on the host (2 regions times members, 3 step(s) a block: fewer than 50,000 element-steps"
    assert f"mean-field regions: {where if least_work is None else 'on shim (2 regions times members'}" in log
    for k in (0, 1):
        one, other = (dtbsim.open_run(tmp_path / name).states(k) for name in ("cpu", "cuda"))
        for name, values in one.data_vars.items():
            np.testing.assert_array_equal(other[name].values, values.values)
    if least_work is None:
        return
    on_two = run_ranks(2, lambda comm: run(_on(config, "cuda"), out=tmp_path / "two", comm=comm, report=False))
    assert [on_two[0].summary[key] for key in keys] == [expected[key] for key in keys]
    assert "mean-field regions: on shim (1 regions" in (tmp_path / "two/log.txt").read_text()
    for before, after in (("cpu", "cuda"), ("cuda", "cpu")):
        half = _on(config, before, duration_ms=37.5).model_copy(update={"checkpoint": dtbsim.config.run.Checkpoints()})
        run(half, out=tmp_path / f"half-{before}", report=False)
        changes = {"simulation.duration_ms": 100.0, "simulation.backend": after}
        resumed = dtbsim.resume(tmp_path / f"half-{before}", set=changes).summary
        assert [resumed[key] for key in keys[:2]] == [expected[key] for key in keys[:2]]


def test_feedback_inhibition_and_signals_follow_samples_of_the_gpu(tmp_path: Path, monkeypatch: Any) -> None:
    controller = {"kind": "feedback_inhibition", "population": "nodes", "interval_ms": 50.0, "gain": 0.1}
    bold = {"population": "nodes", "variable": "S_E", "tr_ms": 100.0}
    simulation = {"dt_ms": 1.0, "duration_ms": 400.0}
    config = regions._inhibited(tmp_path, controllers={"fic": controller}, bold=bold, simulation=simulation)
    expected = run(_on(config, "cpu"), out=tmp_path / "cpu", report=False)
    found = run(_on(config, "cuda"), out=tmp_path / "cuda", report=False)
    assert found.summary["state_hash"] == expected.summary["state_hash"]
    assert found.summary["gpu"] == "shim"
    assert found.summary["gpu_plan"] is None
    for name in ("states", "bold"):
        one, other = (getattr(dtbsim.open_run(r.run_dir), name) for r in (expected, found))
        one, other = (
            (one(0), other(0)) if name == "states" else (one().to_dataset(name="bold"), other().to_dataset(name="bold"))
        )
        for key, values in one.data_vars.items():
            np.testing.assert_array_equal(other[key].values, values.values)
    assert (
        "mean-field regions: on shim (as configured; 9 regions times members" in (tmp_path / "cuda/log.txt").read_text()
    )
    assert json.loads((tmp_path / "cuda/provenance.json").read_text())["gpu"]["name"] == "shim"
    run(_on(config, "auto"), out=tmp_path / "auto", report=False)
    assert (
        "backend cpu (auto: 9 regions times members, 1 step(s) a block: fewer"
        in (tmp_path / "auto/log.txt").read_text()
    )
    monkeypatch.setattr(region_plan, "LEAST_WORK", 9)
    run(_on(config, "auto"), out=tmp_path / "many", report=False)
    assert "backend cuda (auto: shim)" in (tmp_path / "many/log.txt").read_text()


def test_more_members_than_memory_of_the_gpu_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ShimDevice, "free_bytes", lambda self: 1 << 18)
    grid = {"grid": {"couplings.all.strength": [0.001 * k for k in range(1, 65)]}}
    config = _on(regions._mixed(tmp_path, ensemble=grid), "cuda")
    with pytest.raises(
        MemoryPlanError,
        match=r"mean-field regions need 0\.\d+ GiB on shim, but 0\.00 GiB are free "
        r"\(21 regions, 64 members, delays up to \d+ steps\)",
    ) as caught:
        run(config, out=tmp_path / "run", report=False)
    assert caught.value.exit_code == 4
    assert not (tmp_path / "run").exists()


def test_what_is_planned_is_what_is_taken(tmp_path: Path) -> None:
    grid = {"grid": {"couplings.all.strength": [0.001 * k for k in range(1, 65)]}}
    many = {"grid": {"drives.tonic.amplitude": [0.01 * k for k in range(64)]}}
    for make, ensemble in ((regions._mixed, grid), (inputs._all, many)):
        config = make(tmp_path, ensemble=ensemble)
        network, _, dt_ms = regions_of(config)
        engine = DeviceRegions(network, dt_ms, SerialComm(), ShimDevice())
        planned = region_plan.device_bytes(network, dt_ms, 0, 1)
        assert 0.8 * planned < engine.bytes_there <= planned


def test_changes_reach_the_gpu(tmp_path: Path) -> None:
    """Of a parameter, a state that others see, a strength, the seed of noise."""
    network, n_steps, dt_ms = regions_of(regions._mixed(tmp_path, ensemble=regions.ENSEMBLE))
    comm, hashes = SerialComm(), []
    for engine in (
        RegionEngine(network, dt_ms, SerialComm(), 1),
        DeviceRegions(network, dt_ms, SerialComm(), ShimDevice()),
    ):
        engine.advance(0, 31)
        for what, target, name, value in (
            ("parameter", 0, "a", 0.15), ("state", 0, "x", 0.4), ("strength", network.couplings[0].name, "", 0.03),
        ):  # fmt: skip
            values, chosen = np.full((1, 1), value), np.ones((1, 1), bool)
            engine.change(RegionChange(31, what, target, name, values, chosen, None, "changes[0]"))
        engine.set_noise_seed(77)
        engine.advance(31, n_steps)
        hashes.append(engine.hashed().combined(comm))
        engine.close()
    assert hashes[0] == hashes[1]


def test_drives_that_change_and_runs_that_go_on(tmp_path: Path) -> None:
    """Changes of drives, parameters and strengths; checkpoints on either backend, whose states are the same."""
    config = inputs._all(tmp_path, checkpoint={"every_ms": 1000.0})
    expected = run(_on(config, "cpu"), out=tmp_path / "cpu", report=False).summary["state_hash"]
    found = run(_on(config, "cuda"), out=tmp_path / "cuda", report=False).summary
    assert (found["state_hash"], found["backend"]) == (expected, "cuda")
    assert "mean-field regions: on shim" in (tmp_path / "cuda/log.txt").read_text()
    for before, after in (("cpu", "cuda"), ("cuda", "cpu"), ("cuda", "cuda")):
        folder = tmp_path / f"{before}-{after}"
        run(_on(config, before, duration_ms=24.5), out=folder, report=False)
        resumed = dtbsim.resume(folder, set={"simulation.duration_ms": 40.0, "simulation.backend": after})
        assert resumed.summary["state_hash"] == expected


def test_drives_of_a_live_run_on_the_gpu(tmp_path: Path) -> None:
    hashes = []
    for backend in ("cpu", "cuda"):
        config = _on(inputs._config(tmp_path, drives=inputs.DRIVES), backend)
        with dtbsim.start(config, out=tmp_path / backend) as sim:
            sim.run(11.5)
            sim.set("tonic", amplitude=1.5)
            sim.set("wander", sigma=2.0)
            sim.run(13.5)
            sim.set("wave", on=False)
            sim.run(5)
        hashes.append(sim.result.summary["state_hash"])
    assert hashes[0] == hashes[1]


# -- models -----------------------------------------------------------------------------------------------------


def test_every_model_gives_the_states_that_the_cpu_gave(tmp_path: Path) -> None:
    """All models side by side with noise; the states of the CPU are stored, and made anew every night."""
    assert hashes_of(one_of_each(tmp_path), ShimDevice()) == json.loads(MODELS_FILE.read_text())


@pytest.mark.nightly
def test_every_model_gives_the_stored_states_on_the_cpu(tmp_path: Path) -> None:
    assert hashes_of(one_of_each(tmp_path)) == json.loads(MODELS_FILE.read_text())


@pytest.mark.nightly
@pytest.mark.parametrize("name", list_region_models())
def test_every_model_integrator_and_noise(name: str, tmp_path: Path) -> None:
    cases: list[Case] = cases_of(name, tmp_path)
    assert len(cases) >= 3
    for case in cases:
        expected = on_cpu(case.config)
        assert np.isfinite(expected[1][0]).all(), case
        same(on_shim(case.config), expected)


# -- launches ---------------------------------------------------------------------------------------------------


def test_a_block_is_three_launches(tmp_path: Path) -> None:
    network, n_steps, dt_ms = regions_of(regions._mixed(tmp_path, ensemble=regions.ENSEMBLE))
    engine = DeviceRegions(network, dt_ms, SerialComm(), ShimDevice())
    engine.advance(0, n_steps)
    blocks, rest = divmod(n_steps, engine.block)
    launched = [name for name, _ in engine._kernels.launches]
    for name in ("sums", "nodes", "keep"):
        assert launched.count(f"dtb_region_{name}") == blocks + (rest > 0) + (name == "nodes")
    assert all(name.startswith("dtb_region_") for name in launched)
