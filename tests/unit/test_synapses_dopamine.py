"""Plasticity that follows dopamine: errors with their place, recorded weights on ranks, memory."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of, simulate_ranks, spikes_of
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.backends.cpu import CpuBackend
from dtbsim.errors import InputError
from dtbsim.kernels import dynamic_layout as D
from dtbsim.mpi import run_ranks

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 200, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: {distribution: uniform, low: 385, high: 410}}}
  DA: {model: iaf_psc_exp, size: 20, parameters: {I_e_pA: {distribution: uniform, low: 385, high: 430}}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 6}
    weight_pA: 50
    delay_ms: {distribution: uniform, low: 0.5, high: 2.0}
    synapse: {kind: stdp_dopamine, dopamine: DA, weight_max: 100, update_interval_ms: 10}
record: {weights: [{projection: EE, neurons: 40, interval_ms: 7}]}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dopamine: DA", "dopamine: D", "projections.EE.synapse.dopamine: no population 'D'"),
        ("dopamine: DA, ", "", "projections.EE.synapse.dopamine"),
        ("interval_ms: 10}", "interval_ms: 10.05}", "synapse.update_interval_ms: 10.05 ms is not a whole number of st"),
        ("interval_ms: 10}", "interval_ms: 10, tau_c_ms: 9}", "update_interval_ms (10) must be at most tau_c_ms (9)"),
        ("weight_max: 100", "weight_max: 40", "weights up to 50 are beyond the largest weight 40"),
        ("weight_max: 100", "weight_max: -100", "weight_max -100 does not have the sign of the weights"),
        ("weight_max: 100", "weight_max: 100, weight_min: 60", "weights down to 50 in size are below the smallest 60"),
        ("weight_max: 100", "weight_max: 100, weight_min: -10", "weight_min: -10 is not between 0 and weight_max 100"),
        ("weight_max: 100", "weight_max: 100, baseline: 1", "unknown key 'baseline'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, message: str) -> None:
    assert NETWORK.count(old) == 1
    with pytest.raises(InputError) as caught:
        network_of(NETWORK.replace(old, new))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_recorded_weights_do_not_depend_on_ranks_and_threads(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    alone = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "alone", set=["simulation.threads=1"]).open()
    results = run_ranks(3, lambda comm: dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "three", comm=comm))
    assert results[0].spike_hash == alone.spike_hash().digest
    weights = alone.weights(0)
    assert weights.identical(results[0].open().weights(0))
    assert weights.values.shape[1] == 240
    changed = weights.values[-1] != weights.values[0]
    assert changed.mean() > 0.9


def test_inhibitory_weights_keep_their_sign() -> None:
    text = NETWORK.replace("weight_pA: 50", "weight_pA: -50").replace(
        "weight_max: 100", "weight_max: -100, weight_min: -5, A_plus: 40, A_minus: 60"
    )
    backend = CpuBackend(built_rank(network_of(text)), None, 1)
    backend.advance(0, 2000)
    weights = backend.weights[0].now(2000)
    backend.close()
    assert weights.min() >= -100.001
    assert weights.max() == pytest.approx(-5, abs=1e-3)
    assert np.ptp(weights) > 20


def test_what_is_kept_per_step_stays_bounded() -> None:
    """Cells of dopamine, histories of targets and logs of sources are forgotten once all synapses have advanced."""
    backend = CpuBackend(built_rank(network_of(NETWORK, "simulation.duration_ms=3000")), None, 1)
    sizes = []
    for start in range(0, 30_000, 500):
        backend.advance(start, start + 500)
        sizes.append(backend.tables.dynamic_bytes())
        row = backend.tables.dynamic[0].table[0]
        assert row[D.N_CELLS] <= 32
        assert row[D.RECENT_COUNT] < 40 * 30
        backend.collect()
    backend.close()
    assert max(sizes[30:]) <= max(sizes[:30])


def test_dopamine_comes_from_all_regions_of_its_population(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    text = "atlas: small.npz\n" + NETWORK.replace("size: 40,", "size: 40, regions: all,").replace(
        "size: 20,", "size: 20, regions: [A_L, D_R],"
    ).replace("    target: E\n", "    target: E\n    scope: same_region\n")
    network = network_of(text, "simulation.partitioner=contiguous", base_dir=tmp_path)
    assert [network.populations[k].name for k in network.projections[0].modulators] == ["DA@A_L", "DA@D_R"]
    backend = CpuBackend(built_rank(network, threads=2), None, 2)
    backend.advance(0, 1000)
    spikes = spikes_of(backend)
    first = network.populations[network.projections[0].modulators[0]].gid0
    emitted = np.bincount(spikes[spikes[:, 1] >= first][:, 0], minlength=1000)
    assert len(backend.tables.dynamic) == 2
    for tables in backend.tables.dynamic:
        row = tables.table[0]
        words = ctypes.c_int32 * int(row[D.N_CELLS] * row[D.INTERVAL])
        released = np.ctypeslib.as_array(words.from_address(int(row[D.RELEASED_AT])))[:1000]
        assert row[D.CELL0] == 0
        np.testing.assert_array_equal(released, emitted)
    backend.close()
    assert emitted.sum() > 50
    assert np.array_equal(simulate_ranks(network, 3, chunks=[1000])[: len(spikes)], spikes)
