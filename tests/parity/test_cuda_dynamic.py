"""Synapses that change in the CUDA kernels, run on the host: spikes and weights of the CPU backend bit for bit."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.changing_synapses import (
    DYNAMIC_SYNAPSES,
    RARE,
    REWARD_SYNAPSES,
    dynamic_text,
    reward_text,
)
from tests.helpers.cuda_runs import SMALL, Run, assert_same, on_cpu, on_shim, on_shim_ranks, together
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import GXX, ShimDevice

import dtbsim
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")

NAMES = [*DYNAMIC_SYNAPSES, *(f"dopamine, {name}" for name in REWARD_SYNAPSES)]
PLASTIC = [name for name in NAMES if name not in ("depression and facilitation", "saturation")]
PAUSES = (13, 200, 611)
RECORD = "record: {weights: [{projection: EE, neurons: 34, interval_ms: 10}]}\n"


def network(name: str, *overrides: str) -> Network:
    kind, _, rule = name.partition(", ")
    text = reward_text(rule) if kind == "dopamine" else dynamic_text(name)
    return network_of(text + (RECORD if name in PLASTIC else ""), "simulation.duration_ms=200", *overrides)


@cache
def expected_of(name: str) -> Run:
    run = on_cpu(network(name), PAUSES)
    assert len(run.spikes) > 900
    if name in PLASTIC:
        assert (run.changes() != 0).mean() > 0.9
    return run


@pytest.mark.parametrize("name", by_day(NAMES, ["power law"]))
def test_lanes_chunks_small_buckets_and_the_order_of_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.dynamic_tables.FIRST_NOTES", 3)
    expected = expected_of(name)
    for threads, backwards in ((1, False), (2, True)):
        built = built_rank(network(name), threads=threads)
        found = on_shim(built, PAUSES, 2, backwards=backwards)
        assert_same(found, expected)
        assert len(found.backend.tables.dynamic) == threads
        for tables in found.backend.tables.dynamic:
            assert all(kept.payload_queue.capacity > 2 for kept in tables._kept), "payload queues have grown"
            if name in PLASTIC:
                assert tables._kept[0].notes.capacity > 3, "notes have grown"


@pytest.mark.parametrize("kind", [L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64])
@pytest.mark.parametrize("name", ["depression and facilitation", "triplets", "dopamine, fast updates"])
def test_every_format_of_synapses(name: str, kind: int) -> None:
    built = built_rank(network(name), kind=kind)
    assert_same(on_shim(built, PAUSES), expected_of(name))


def several_spikes_at_once(folder: Path, synapse: str) -> Network:
    """Rare sources that fire in successive steps, one of them also at once and then late, and busy targets."""
    times = [20.0, 20.2, 20.4, 21.0, 160.4, 160.6, 161.2]
    rows = [f"{neuron},{time + 0.2 * neuron:g}" for neuron in range(4) for time in times] + ["4,0.2", "4,200"]
    (folder / "rare.csv").write_text("\n".join(["neuron,time_ms", *rows]), encoding="utf-8")
    more = RARE.replace("SYNAPSE", DYNAMIC_SYNAPSES[synapse]).replace("low: 0.2, high: 2", "low: 1.2, high: 2")
    text = dynamic_text(synapse).replace("  EI: {source: E,", more + "  EI: {source: E,")
    text = text.replace("low: 0.2, high: 4.0", "low: 1.0, high: 4.0").replace("delay_ms: 0.6", "delay_ms: 1")
    source = "populations:\n  S: {model: spike_source, size: 5, spikes_file: rare.csv}\n"
    text = text.replace("populations:\n", source, 1).replace("t_ref_ms: 1.0}", "t_ref_ms: 1.0, I_e_pA: 500}")
    if synapse in PLASTIC:
        text += "record: {weights: [{projection: EE, neurons: 34}, {projection: SE, neurons: 34}]}\n"
    return network_of(text, "simulation.duration_ms=240", base_dir=folder)


@pytest.mark.parametrize("long", [4, 64])
def test_histories_grow_and_are_forgotten(long: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = several_spikes_at_once(tmp_path, "triplets")
    pauses = range(40, 1200, 40)
    expected = on_cpu(busy, pauses)
    monkeypatch.setattr("dtbsim.backends.dynamic_tables.LONG_HISTORY", long)
    found = on_shim(built_rank(busy))
    for weights, wanted in zip(found.weights[-1], expected.weights[-1], strict=True):
        np.testing.assert_array_equal(weights, wanted)
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    often = on_shim(built_rank(busy), pauses, backwards=True)
    assert_same(often, expected)
    (once,), (forgetting,) = found.backend.tables.dynamic, often.backend.tables.dynamic
    assert once.table[0, D.HISTORY_CAPACITY] > 8
    assert once.table[0, D.HISTORY_CAPACITY] >= forgetting.table[0, D.HISTORY_CAPACITY]
    assert forgetting._longest_history(0) < 8


def test_pending_changes_are_applied_where_histories_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("multiplicative", "dopamine, fast updates"):
        plain = network(name, "record.weights=[]")
        applied = []
        for long, cells in ((64, 10_000), (1, 1)):
            monkeypatch.setattr("dtbsim.backends.dynamic_tables.LONG_HISTORY", long)
            monkeypatch.setattr("dtbsim.backends.reward_tables.LONG_CELLS", cells)
            run = on_shim(built_rank(plain), PAUSES)
            np.testing.assert_array_equal(run.spikes, expected_of(name).spikes)
            applied.append(int(run.backend.tables.dynamic[0].table[0, D.APPLIED]))
        assert applied[0] <= 0
        assert applied[1] > plain.n_steps - 2 * plain.max_delay_steps - 12


@pytest.mark.parametrize(
    "name", ["depression and facilitation", "saturation", "intermediate", "triplets", "dopamine, one delay"]
)
def test_ranks(name: str) -> None:
    shorter = network(name, "simulation.duration_ms=100")
    expected = on_cpu(shorter, PAUSES[:2])
    for n_ranks, words, backwards in ((2, 4, True), (3, 512, False)):  # with 4 words not all spikes fit into packets
        runs = on_shim_ranks(shorter, n_ranks, PAUSES[:2], 2, words=words, backwards=backwards)
        assert all(len(run.spikes) > 50 for run in runs)
        assert_same(together(runs), expected)


@pytest.mark.parametrize("synapse", ["depression and facilitation", "triplets", "multiplicative"])
def test_several_spikes_of_a_source_in_one_exchange(synapse: str, tmp_path: Path) -> None:
    busy = several_spikes_at_once(tmp_path, synapse)
    expected = on_cpu(busy, [300])
    for backwards in (False, True):
        assert_same(together(on_shim_ranks(busy, 3, [300], backwards=backwards)), expected)


def test_room_for_what_many_spikes_carry() -> None:
    backend = CudaBackend(built_rank(network("triplets")), None, ShimDevice())
    (tables,) = backend.tables.dynamic
    assert tables._kept[0].carried.shape == (52, 2)
    tables.carry(1000)
    assert tables._kept[0].carried.shape == (1000, 2)
    assert tables.table[0, tables.width - 1] == 0


SCALED = """\
simulation: {dt_ms: 0.2, duration_ms: 300, block_size: 16}
populations:
  S: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: {distribution: uniform, low: 380, high: 500}}}
  E: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: {distribution: uniform, low: 240, high: 350}}}
  DA: {model: iaf_psc_exp, size: 16, parameters: {I_e_pA: 420}}
projections:
  SE:
    source: S
    target: E
    rule: {kind: fixed_indegree, indegree: 12}
    weight_pA: {distribution: uniform, low: 30, high: 120}
    delay_ms: {distribution: uniform, low: 0.4, high: 2.0}
    synapse: SYNAPSE
controllers:
  scale: {kind: synaptic_scaling, projection: SE, target_rate_hz: 15, interval_ms: 50, tau_rate_ms: 200, eta: 0.05}
record: {weights: [{projection: SE, neurons: 40, interval_ms: 50}]}
"""


@pytest.mark.parametrize(
    "synapse",
    [
        "{kind: stdp, weight_max: 200, learning_rate: 0.02, alpha: 1.1}",
        "{kind: stdp_dopamine, dopamine: DA, weight_max: 200, weight_min: 25, update_interval_ms: 20}",
    ],
)
def test_scaled_weights(synapse: str) -> None:
    scaled = network_of(SCALED.replace("SYNAPSE", synapse))
    pauses = range(250, 1500, 250)
    expected = on_cpu(scaled, pauses)
    unscaled = on_cpu(network_of(SCALED.replace("SYNAPSE", synapse), "controllers={}"), pauses)
    assert not np.array_equal(unscaled.weights[-1], expected.weights[-1])
    for threads, backwards in ((1, True), (3, False)):
        assert_same(on_shim(built_rank(scaled, threads=threads), pauses, backwards=backwards), expected)


def test_a_whole_run_records_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda local_rank: ShimDevice(SMALL))
    (tmp_path / "net.yaml").write_text(SCALED.replace("SYNAPSE", "{kind: stdp, weight_max: 200, learning_rate: 0.02}"))
    runs = {}
    for backend in ("cpu", "cuda"):
        made = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / backend, set=[f"simulation.backend={backend}"])
        assert made.summary["backend"] == backend
        runs[backend] = made.open()
    assert runs["cuda"].spike_hash().digest == runs["cpu"].spike_hash().digest
    assert runs["cuda"].weights(0).identical(runs["cpu"].weights(0))
    assert np.ptp(runs["cuda"].weights(0).values[-1] - runs["cuda"].weights(0).values[0]) > 10
