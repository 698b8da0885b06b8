"""Procedural projections: what a spike draws again is what the stored form holds, and whole runs are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of, simulate, simulate_ranks
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.test_build_outdegree import shrink_parts

from dtbsim.backends.cpu import CpuBackend
from dtbsim.kernels import layout as L
from dtbsim.kernels.procedural import deliver_procedural, schedule_procedural
from dtbsim.numerics.philox import seed_key
from dtbsim.spec import Network

PAIRS = """\
simulation: {dt_ms: 0.1, duration_ms: 1, block_size: 16}
atlas: small.npz
seed: 8
populations:
  A: {model: iaf_psc_exp, size: 40, regions: all, parameters: {tau_syn_in_ms: 6.0}}
  B: {model: iaf_psc_exp, size: 77, parameters: {tau_syn_in_ms: 6.0}}
projections:
  P:
    source: SOURCE
    target: TARGET
    rule: RULE
    scope: SCOPE
    receptor: in
    weight_pA: WEIGHT
    delay_ms: DELAY
    procedural: true
"""
DRAWN = "{distribution: normal, mean: 40, sd: 25}"
SPREAD = "{distribution: uniform, low: 0.3, high: 4}"
CASES = {
    "out-degree": ("B", "B", "all", "{kind: fixed_outdegree, outdegree: 700}", DRAWN, SPREAD),
    "out-degree without autapses": (
        "A", "A", "same_region", "{kind: fixed_outdegree, outdegree: 30, autapses: false}", DRAWN, "1.5",
    ),
    "out-degree between regions": (
        "A", "A", "connectome", "{kind: fixed_outdegree, outdegree: 30}", DRAWN, "{tract_velocity_m_per_s: 20}",
    ),
    "out-degree, weights by the connectome": (
        "A", "A", "connectome", "{kind: fixed_outdegree, outdegree: 9}\n    connectome_scales: weight", DRAWN, SPREAD,
    ),
    "out-degree, fixed values": ("A", "B", "all", "{kind: fixed_outdegree, outdegree: 9}", "-40", "0.1"),
    "few per source": ("A", "B", "all", "{kind: fixed_outdegree, outdegree: 3}", DRAWN, SPREAD),
    "everybody": ("B", "B", "all", "{kind: all_to_all}", DRAWN, SPREAD),
    "everybody else": ("B", "B", "all", "{kind: all_to_all, autapses: false}", "30", "2.0"),
    "everybody between regions": (
        "A", "A", "connectome", "{kind: all_to_all}", DRAWN, "{tract_velocity_m_per_s: 20}",
    ),
    "partners": ("A", "A", "all", "{kind: one_to_one}", DRAWN, SPREAD),
    "partners, fixed values": ("B", "B", "all", "{kind: one_to_one}", "55", "0.1"),
}  # fmt: skip
APART = {"few per source": 0.99, "everybody": 0.999, "everybody between regions": 0.999, "partners": 0.999}


def pair_of_networks(folder: Path, name: str) -> tuple[Network, Network]:
    """(procedural, stored) forms of a case."""
    save_small_atlas(folder)
    text = PAIRS
    for key, value in zip(("SOURCE", "TARGET", "SCOPE", "RULE", "WEIGHT", "DELAY"), CASES[name], strict=True):
        text = text.replace(key, value)
    stored = text.replace("procedural: true", "procedural: false")
    return network_of(text, base_dir=folder), network_of(stored, base_dir=folder)


@pytest.mark.parametrize("part", [1 << 20, 8])
@pytest.mark.parametrize("name", list(CASES))
def test_a_spike_draws_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, part: int) -> None:
    """Source by source: number of events at every delay, and the sum of weights at every (slot, delay)."""
    shrink_parts(monkeypatch, part)
    procedural, stored = pair_of_networks(tmp_path, name)
    synapses, apart = 0, 0
    for rank in range(2):
        twin = built_rank(stored, rank, 2, 2)
        built = built_rank(procedural, rank, 2, 2)
        backend = CpuBackend(built, None, 2)
        assert (built.candidates.gids() == twin.candidates.gids()).all()
        every_table = iter(backend.tables.procedural)
        for state, row in zip(twin.lanes, backend.tables.table, strict=True):
            rows = state.rows
            if row[L.N_PROCEDURAL] == 0:
                assert rows.n_synapses == 0
                continue
            tables = next(every_table)
            weights = rows.targets.view(np.int32) >> 16
            slots = rows.targets & np.uint32(0xFFFF)
            delays = np.repeat(rows.segments >> np.uint32(16), rows.segments & np.uint32(0xFFFF))
            synapses += rows.n_synapses
            for source in range(built.candidates.size):
                part_of = slice(int(rows.rows[source]), int(rows.rows[source + 1]))
                expected = np.zeros_like(tables._ring)
                due = delays[part_of] % len(expected)
                np.add.at(expected, (due, slots[part_of]), weights[part_of])
                apart += len(np.unique(delays[part_of].astype(np.int64) * 100_000 + slots[part_of]))
                schedule_procedural(row, source, 0, 1, *seed_key(procedural.seed))
                assert np.array_equal(tables._ring, expected)
                assert np.array_equal(tables._events, np.bincount(due, minlength=len(expected)))
                tables._ring[:], tables._events[:] = 0, 0
        backend.close()
    assert synapses > 70
    if name in APART:
        assert apart > APART[name] * synapses, "each sum is a single weight: the same synapses one by one"


def test_what_is_due_before_now_is_left_out(tmp_path: Path) -> None:
    procedural, _ = pair_of_networks(tmp_path, "out-degree")
    built = built_rank(procedural)
    backend = CpuBackend(built, None, 1)
    row, tables = backend.tables.table[0], backend.tables.procedural[0]
    schedule_procedural(row, 5, 100, 101, *seed_key(procedural.seed))
    whole = tables._events.copy()
    assert whole.sum() == 700
    tables._ring[:], tables._events[:] = 0, 0
    schedule_procedural(row, 5, 100, 120, *seed_key(procedural.seed))
    due = (100 + np.arange(1, 41)) & (len(whole) - 1)
    assert (tables._events[due[:19]] == 0).all()
    assert (tables._events[due[19:]] == whole[due[19:]]).all()
    assert 0 < tables._events.sum() < 700
    deliver_procedural(row, 125)
    assert row[L.ACC_AT] == tables._ring[125 & 63].ctypes.data, "the row is the input vector"
    assert np.abs(tables._ring[125 & 63]).sum() > 0
    assert row[L.EVENT_TOTAL] == whole[125 & 63]
    assert tables._events[125 & 63] == 0
    assert len(whole) == 64
    backend.close()


# -- whole runs -------------------------------------------------------------------------------------------------------

RECURRENT = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16}
seed: 21
populations:
  E: {model: iaf_psc_exp, size: 160, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  I: {model: iaf_psc_exp, size: 40}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_outdegree, outdegree: 12, autapses: false}
    weight_pA: {distribution: lognormal, mean: 90, sd: 50}
    delay_ms: {distribution: uniform, low: 0.4, high: 3}
    procedural: FIRST
  EI:
    source: E
    target: I
    rule: {kind: fixed_outdegree, outdegree: 4}
    weight_pA: 80
    delay_ms: 0.4
    procedural: SECOND
  IE:
    source: I
    target: E
    rule: {kind: all_to_all}
    weight_pA: {distribution: uniform, low: -20, high: -5}
    delay_ms: {distribution: uniform, low: 0.4, high: 1}
    procedural: FIRST
  II: {source: I, target: I, rule: {kind: one_to_one}, weight_pA: -100, delay_ms: 0.9, procedural: SECOND}
  more: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 6}, weight_pA: 60, delay_ms: 0.6}
drives: {dc: {kind: dc, target: [E, I], amplitude: 520}}
"""


def recurrent(first: bool, second: bool, *overrides: str) -> Network:
    text = RECURRENT.replace("FIRST", str(first).lower()).replace("SECOND", str(second).lower())
    return network_of(text, *overrides)


@pytest.fixture(scope="module")
def stored_spikes() -> Any:
    spikes = simulate(recurrent(False, False))
    assert len(spikes) > 400
    assert (spikes[:, 1] >= 160).sum() > 50, "inhibitory neurons fire, too"
    return spikes


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_spikes_are_those_of_stored_synapses(stored_spikes: Any, first: bool, second: bool, threads: int) -> None:
    assert np.array_equal(simulate(recurrent(first, second), threads), stored_spikes)


@pytest.mark.parametrize("board", [True, False])
@pytest.mark.parametrize("n_ranks", [2, 3])
def test_on_ranks_and_with_pauses(stored_spikes: Any, n_ranks: int, board: bool) -> None:
    capacity = 8 if board else None
    spikes = simulate_ranks(recurrent(True, True), n_ranks, 2, board=board, capacity=capacity, chunks=(7, 301))
    assert np.array_equal(spikes, stored_spikes)


def test_with_parts(monkeypatch: pytest.MonkeyPatch, stored_spikes: Any) -> None:
    """Other parts draw other synapses; stored and procedural ones are the same again."""
    shrink_parts(monkeypatch, 24)
    expected = simulate(recurrent(False, False))
    assert not np.array_equal(expected, stored_spikes)
    assert np.array_equal(simulate(recurrent(True, True), 2), expected)


def test_events_are_counted_alike() -> None:
    totals = []
    for procedural in (False, True):
        backend = CpuBackend(built_rank(recurrent(procedural, procedural), threads=2), None, 2)
        backend.advance(0, 333)
        totals.append(backend.events())
        backend.close()
    assert totals[0] == totals[1] > 5000


def test_another_seed_changes_the_result(stored_spikes: Any) -> None:
    assert not np.array_equal(simulate(recurrent(True, True, "seed=22")), stored_spikes)
