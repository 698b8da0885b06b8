"""One rank of many, alone: it is built and stepped as in a run, with spikes of the others that are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import SOURCE, built_rank, network_of, simulate_ranks, synapses_of

import dtbsim
from dtbsim.backends.cpu import CpuBackend
from dtbsim.config import load_config_text
from dtbsim.errors import EXIT_INPUT, InputError, MemoryPlanError
from dtbsim.estimation import dry_run as estimation
from dtbsim.estimation.dry_run import DryRun, measure_rank, open_dry_exchange
from dtbsim.exchange.dry_run import DryComm, OtherRanks
from dtbsim.exchange.mailbox import DirectMailbox

REGIONS = """\
simulation: {dt_ms: 0.1, duration_ms: 200, block_size: 16, partitioner: contiguous}
populations:
  A: {model: iaf_psc_exp, size: 160}
  B: {model: iaf_psc_exp, size: 160}
projections:
  AA: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: 1, delay_ms: 1}
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 1, delay_ms: 6}
  BA: {source: B, target: A, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 1, delay_ms: 6}
"""
"""Nobody fires by itself: what a rank delivers comes from others."""
N_RANKS, RANK = 5, 1


@pytest.fixture(scope="module")
def built() -> Any:
    return built_rank(network_of(REGIONS), RANK, N_RANKS)


def others(built: Any, *ranks: int, rates: tuple[float, float] = (40.0, 10.0)) -> OtherRanks:
    return OtherRanks(built, np.array(ranks), np.array(rates), 1)


def test_drawn_spikes_are_of_neurons_with_synapses_here(built: Any) -> None:
    ranks, entries = others(built, 0, 3).spikes(100, 15100)
    gid, step = entries & 0xFFFFFFFF, entries >> 32
    assert (np.diff(ranks) >= 0).all()
    assert set(ranks.tolist()) == {0, 3}
    owner = np.zeros(320, np.int64)
    for gid0, size, rank in zip(built.blocks.gid0, built.blocks.size, built.blocks.rank, strict=True):
        owner[gid0 : gid0 + size] = rank
    np.testing.assert_array_equal(owner[gid], ranks)
    heard = np.unique(synapses_of(built)[:, SOURCE])
    assert set(gid.tolist()) == set(heard[np.isin(owner[heard], [0, 3])].tolist()), "all of them, and no other"
    assert 100 <= step.min() < 200 < 15000 < step.max() < 15100
    seconds = 15000 * 1e-4
    for population, rate in ((0, 40.0), (1, 10.0)):
        expected = seconds * rate * np.isin(owner[heard[heard // 160 == population]], [0, 3]).sum()
        assert abs((gid // 160 == population).sum() - expected) < 5 * expected**0.5


def test_they_do_not_depend_on_where_windows_end(built: Any) -> None:
    drawn = others(built, 0, 2, 3, 4)
    whole = np.sort(drawn.spikes(0, 300)[1])
    parts = np.sort(np.concatenate([drawn.spikes(a, b)[1] for a, b in ((0, 1), (1, 120), (120, 120), (120, 300))]))
    assert whole.size > 100
    np.testing.assert_array_equal(parts, whole)
    assert others(built, 0, rates=(0.0, 0.0)).spikes(0, 100)[1].size == 0


def test_a_rank_alone_sends_the_messages_of_a_run(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many to each neighbour as in a run of all ranks."""
    sent = np.zeros(N_RANKS, np.int64)
    plain = DirectMailbox.post

    def counted(self: DirectMailbox, rest: Any = ()) -> None:
        if self._carrier.rank == RANK:
            np.add.at(sent, np.array(self.to, np.int64), 1)
        plain(self, rest)

    comm = DryComm(RANK, N_RANKS)
    backend = CpuBackend(built, open_dry_exchange(comm, built, 20.0), 1)
    backend.advance(0, 500)
    backend.collect()
    backend.close()
    monkeypatch.setattr(DirectMailbox, "post", counted)
    simulate_ranks(network_of(REGIONS.replace("200", "50")), N_RANKS)
    assert len(set(sent.tolist()) - {0}) > 1, "some neighbours get messages less often than others"
    np.testing.assert_array_equal(comm.messages, sent)
    assert comm.words[sent > 0].min() > 0


@pytest.mark.parametrize("words", [2, 64])
def test_what_comes_is_delivered(words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what had no room in the first messages: an event for every synapse whose source is on another rank."""
    monkeypatch.setattr("dtbsim.exchange.neighbours.FIRST_WORDS", words)
    network = network_of(REGIONS)
    found = measure_rank(network, DryRun(RANK, N_RANKS, 1, 2000, 50.0))
    built = built_rank(network, RANK, N_RANKS)
    mine = built.blocks.rank == RANK
    pieces = zip(built.blocks.gid0[mine].tolist(), built.blocks.size[mine].tolist(), strict=True)
    here = np.concatenate([np.arange(gid0, gid0 + size) for gid0, size in pieces])
    remote = int((~np.isin(synapses_of(built)[:, SOURCE], here)).sum())
    assert (found.neurons, found.synapses, found.rate_hz) == (built.n_neurons, built.n_synapses, 0.0)
    assert found.events_per_s == pytest.approx(50.0 * remote, rel=0.15)
    assert found.spikes_received_per_s > 0
    assert found.messages_per_window > 1
    assert measure_rank(network, DryRun(RANK, N_RANKS, 1, 200, 0.0)).events_per_s == 0


def test_an_estimate_measures_its_fullest_rank() -> None:
    config = load_config_text(REGIONS)
    found = dtbsim.estimate(config, 5, threads=1, rate_hz=50, measure_ms=100)
    assert found.measured is not None
    assert (found.measured.rank, found.measured.duration_ms) == (found.memory.peak.rank, 100.0)
    assert found.measured.neighbours == pytest.approx(found.exchange.neighbours.mean, abs=2)
    assert found.measured.messages_per_window == pytest.approx(found.exchange.messages_per_window.mean, rel=0.5)
    low, high = found.exchange.spikes_received_per_s.smallest, found.exchange.spikes_received_per_s.largest
    assert 0.8 * low < found.measured.spikes_received_per_s < 1.2 * high
    assert dtbsim.estimate(config, 5, threads=1).measured is None


@pytest.mark.parametrize("given", [0, -1, 0.05, 201])
def test_times_that_cannot_be_measured(given: float) -> None:
    with pytest.raises(InputError) as caught:
        dtbsim.estimate(load_config_text(REGIONS), 2, measure_ms=given)
    assert caught.value.where == "measure_ms"
    assert caught.value.exit_code == EXIT_INPUT


def test_a_rank_that_does_not_fit_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimation, "available_bytes", lambda: 1000)
    monkeypatch.setattr(estimation, "build_rank", lambda *_: pytest.fail("it was built"))
    with pytest.raises(MemoryPlanError):
        measure_rank(network_of(REGIONS), DryRun(0, 2, 1, 10, 4.0))
