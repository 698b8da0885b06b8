"""Whole runs on the CUDA backend: the examples give the hash of the CPU, and the run folder says what computed them.

The device runs the kernels on the host (`tests.helpers.shim_device`).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import GXX, LIMITS, ShimDevice
from tests.helpers.short_examples import EXAMPLES, SHORT
from tests.helpers.two_backends import assert_same, stepped

import dtbsim
from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.build.lanes import MAX_DEVICE_LANES
from dtbsim.build.rank import build_rank, plan_rank
from dtbsim.cli.summary import summary_rows
from dtbsim.config import load_config_text
from dtbsim.errors import EXIT_MEMORY, InputError, MemoryPlanError
from dtbsim.given import resolve
from dtbsim.kernels import layout as L
from dtbsim.mpi import run_ranks
from dtbsim.spec import compile_network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
OPEN = "dtbsim.backends.cuda.choose.open_device"
NUMBERS = ("neurons", "synapses", "spikes", "events", "spike_hash")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Devices stand for GPUs; the list holds the local ranks that have opened one."""
    ranks: list[int] = []

    def open_device(local_rank: int) -> ShimDevice:
        ranks.append(local_rank)
        return ShimDevice()

    monkeypatch.setattr(OPEN, open_device)
    return ranks


RUNS = [
    *[(name, "general") for name in sorted(SHORT)],
    *[(name, "persistent") for name in sorted(SHORT) if name != "resting_state"],  # its synapses change
]


@pytest.mark.parametrize(("name", "plan"), RUNS)
def test_an_example_gives_the_same_on_both(name: str, plan: str, tmp_path: Path, opened: list[int]) -> None:
    runs = {}
    for backend in ("cpu", "cuda"):
        overrides = [*SHORT[name], f"simulation.backend={backend}", f"simulation.gpu_plan={plan}"]
        runs[backend] = dtbsim.run(EXAMPLES / f"{name}.yaml", out=tmp_path / backend, set=overrides)
    cpu, cuda = (runs[backend].summary for backend in ("cpu", "cuda"))
    assert {key: cuda[key] for key in NUMBERS} == {key: cpu[key] for key in NUMBERS}
    assert cuda["spikes"] > 400
    told = ("backend", "gpu", "gpu_plan")
    assert [[run[key] for key in told] for run in (cuda, cpu)] == [["cuda", "shim", plan], ["cpu", None, None]]
    assert opened == [0]
    for stored in sorted((tmp_path / "cpu/stores").rglob("*")):
        same = tmp_path / "cuda/stores" / stored.relative_to(tmp_path / "cpu/stores")
        assert same.exists(), f"both recorded {same.name}"
    assert cuda.get("fc_correlation") == cpu.get("fc_correlation")
    assert dict(summary_rows(cuda))["parallel"] == "1 rank on shim"
    record = json.loads((tmp_path / "cuda/provenance.json").read_text())
    assert (record["backend"], record["gpu"]["name"]) == ("cuda", "shim")
    log = (tmp_path / "cuda/log.txt").read_text()
    assert "backend cuda (as configured: shim)" in log
    assert f"GPU plan: {plan} (simulation.gpu_plan)" in log
    assert "GPU: shim (device 0, devices 1, bus_id 0)" in log


NETWORK = """\
simulation: {dt_ms: 0.5, duration_ms: 60, block_size: 32}
populations:
  E: {model: iaf_psc_exp, size: 200, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 80, delay_ms: 1.5}
drives:
  bg: {kind: poisson, target: E, rate_hz: 9000, weight_pA: 60}
"""


@pytest.mark.parametrize("size", [1, 3])
def test_auto_takes_a_gpu_and_ranks_may_share_it(size: int, tmp_path: Path, opened: list[int]) -> None:
    config = load_config_text(NETWORK)
    expected = dtbsim.run(load_config_text(NETWORK, overrides=("simulation.backend=cpu",)), out=tmp_path / "cpu")
    found = run_ranks(size, lambda comm: dtbsim.run(config, out=tmp_path / "gpu", comm=comm))
    assert found[0].summary["spike_hash"] == expected.summary["spike_hash"]
    assert found[0].summary["exchange"] == ("none" if size == 1 else "packets")
    assert sorted(opened) == list(range(size))
    log = (tmp_path / "gpu/log.txt").read_text()
    assert "backend cuda (auto: shim)" in log
    assert ("3 ranks share a GPU" in log) == (size == 3)


def test_a_network_larger_than_the_gpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShimDevice, "free_bytes", lambda self: 30_000)
    monkeypatch.setattr(OPEN, lambda _: ShimDevice(LIMITS))
    config = load_config_text(NETWORK, overrides=("simulation.backend=cuda",))
    with pytest.raises(
        MemoryPlanError, match=r"needs 0\.25 GiB on shim, but 0\.00 GiB are free \(4000 synapses 0\.00, .*use more GPUs"
    ) as caught:
        dtbsim.run(config, out=tmp_path / "run")
    assert caught.value.exit_code == EXIT_MEMORY
    assert not (tmp_path / "run").exists()


def test_sums_that_turn_out_to_need_64_bits_are_for_the_general_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[int]
) -> None:
    """What synapses can add to a neuron is known exactly only when they are built."""
    assert not opened
    expected = dtbsim.run(load_config_text(NETWORK, overrides=("simulation.backend=cpu",)), out=tmp_path / "cpu")
    monkeypatch.setattr("dtbsim.build.rank.INT32_LIMIT", 1000)
    run = dtbsim.run(load_config_text(NETWORK), out=tmp_path / "auto")
    assert run.summary["spike_hash"] == expected.summary["spike_hash"]
    assert run.summary["gpu_plan"] == "general"
    assert "GPU plan: general (sums of synaptic input need 64 bits)" in (tmp_path / "auto/log.txt").read_text()
    config = load_config_text(NETWORK, overrides=("simulation.gpu_plan=persistent",))
    with pytest.raises(InputError, match="the persistent plan cannot step this network: sums of synaptic input need"):
        dtbsim.run(config, out=tmp_path / "persistent")


def test_running_out_of_memory_while_building_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[int]
) -> None:
    def build(*given: object, **named: object) -> None:
        raise MemoryError("nothing left")

    monkeypatch.setattr("dtbsim.backends.cuda.rank_plan.build_rank_on_device", build)
    with pytest.raises(MemoryPlanError, match=r"the GPU has no memory left: nothing left; 4\.00 GiB are free"):
        dtbsim.run(load_config_text(NETWORK), out=tmp_path / "run")
    assert opened == [0]


def test_a_device_has_the_lanes_that_keep_synapses_small() -> None:
    """A thread of a CPU has eight at most: a million neurons do not fit 16-bit slots there."""
    network = network_of(NETWORK.replace("size: 200", "size: 700000").replace("block_size: 32", "block_size: 8192"))
    few, many = plan_rank(network, 0, 1, 1), plan_rank(network, 0, 1, 1, MAX_DEVICE_LANES)
    assert (len(few.lanes), few.synapse_kind) == (1, L.KIND_WIDE16)
    assert many.synapse_kind == L.KIND_PACKED
    assert 11 <= len(many.lanes) <= 13
    assert max(lane.n_slots for lane in many.lanes) <= 65536
    np.testing.assert_array_equal(np.sort(np.concatenate([lane.gids for lane in many.lanes])), np.arange(700_000))


def test_the_lanes_of_a_device_keep_regions_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of far sources then hold one segment per region, and spikes are the same as ever."""
    network = compile_network(*resolve(EXAMPLES / "resting_state.yaml", SHORT["resting_state"]))
    monkeypatch.setattr("dtbsim.build.lanes.PACKED_SLOTS", 1100)
    plan = plan_rank(network, 0, 1, 1, MAX_DEVICE_LANES)
    assert plan.synapse_kind == L.KIND_PACKED
    assert len(plan.lanes) > 4
    lanes_of: dict[int, set[int]] = {}
    for index, lane in enumerate(plan.lanes):
        assert lane.n_slots <= 1100
        for run in lane.runs:
            lanes_of.setdefault(network.populations[run.population].region, set()).add(index)
    assert max(map(len, lanes_of.values())) <= 2
    np.testing.assert_array_equal(
        np.sort(np.concatenate([lane.gids for lane in plan.lanes])), np.arange(network.n_neurons)
    )
    spread = plan_rank(network, 0, 1, len(plan.lanes))
    segments = [sum(state.rows.segments.size for state in build_rank(each, 1).lanes) for each in (plan, spread)]
    assert segments[0] < 0.8 * segments[1]
    backend = CudaBackend(build_rank(plan, 1), None, ShimDevice())
    assert_same(stepped(backend, 300), stepped(CpuBackend(built_rank(network), None, 1), 300))
