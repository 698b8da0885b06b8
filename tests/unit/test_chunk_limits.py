"""A chunk whose time is up ends early: after the same step on all threads and ranks, and with the same results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of, simulate, sorted_rows, spikes_of
from tests.helpers.zoo import zoo

import dtbsim
from dtbsim.backends.cpu import ASKED_PER_CHUNK, CpuBackend
from dtbsim.config import load_config_text
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.neighbours import neighbour_exchange
from dtbsim.exchange.plan import MOST_STEPS, plan_exchange
from dtbsim.mpi.fake import FakeComm, run_ranks
from dtbsim.runtime.progress import SilentProgress
from dtbsim.simulate import run as conduct
from dtbsim.simulate import stepping
from dtbsim.spec import Network

AT_ONCE, NEVER = 0.0, 3600.0
RECORDED = """\
simulation: {dt_ms: 0.1, duration_ms: 30, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 64, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 90, delay_ms: DELAY}
drives: {dc: {kind: dc, target: E, amplitude: 800}}
record: {states: [{population: E, variables: [V_m_mV], interval_ms: 0.3}]}
"""


def advance(backend: CpuBackend, n_steps: int, limit_s: float | None) -> tuple[list[int], Any, Any]:
    """Where the chunks ended, the spikes, and the samples of the first record."""
    ends, spikes, samples = [0], [], []
    backend.limit_s = limit_s
    while ends[-1] < n_steps:
        backend.advance(ends[-1], n_steps)
        assert ends[-1] < backend.reached <= n_steps
        ends.append(backend.reached)
        spikes.append(spikes_of(backend))
        samples.append(backend.sampler.take(0) if backend.sampler.records else (np.zeros(0), np.zeros(0)))
    steps, values = (np.concatenate(column) for column in zip(*samples, strict=True))
    return ends[1:], sorted_rows(np.concatenate(spikes)), (steps, values)


def alone(network: Network, threads: int, limit_s: float | None) -> tuple[list[int], Any, Any]:
    backend = CpuBackend(built_rank(network, threads=threads), None, threads)
    try:
        return advance(backend, network.n_steps, limit_s)
    finally:
        backend.close()


def on_ranks(network: Network, threads: int, limits_s: list[float], *, board: bool) -> tuple[list[list[int]], Any]:
    def work(comm: FakeComm) -> Any:
        built = built_rank(network, comm.rank, comm.size, threads)
        plan = plan_exchange(network, built.blocks, comm.size)
        exchange: Any = SharedBoard(comm, plan, network.n_neurons)
        if not board:
            exchange = neighbour_exchange(comm, built, plan, 8)
        backend = CpuBackend(built, exchange, threads)
        try:
            return advance(backend, network.n_steps, limits_s[comm.rank])
        finally:
            backend.close()

    found = run_ranks(len(limits_s), work)
    return [ends for ends, _, _ in found], sorted_rows(np.concatenate([spikes for _, spikes, _ in found]))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_chunk_without_time_is_one_step(threads: int) -> None:
    network = network_of(RECORDED.replace("DELAY", "0.5"))
    whole, pieces = alone(network, threads, None), alone(network, threads, AT_ONCE)
    assert whole[0] == [300]
    assert pieces[0] == list(range(1, 301))
    assert len(whole[1]) > 100
    np.testing.assert_array_equal(pieces[1], whole[1])
    assert whole[2][0].tolist() == list(range(2, 300, 3))
    for mine, theirs in zip(pieces[2], whole[2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_chunk_with_time_enough_is_not_cut() -> None:
    assert alone(network_of(RECORDED.replace("DELAY", "0.5")), 2, NEVER)[0] == [300]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("board", [True, False])
@pytest.mark.parametrize(("delay", "every"), [("0.1", 1), ("0.8", 8), ("40", MOST_STEPS)])
def test_ranks_end_a_chunk_together_when_one_of_them_runs_out_of_time(
    threads: int, board: bool, delay: str, every: int
) -> None:
    network = network_of(RECORDED.replace("DELAY", delay))
    whole = simulate(network)
    ends, spikes = on_ranks(network, threads, [NEVER, AT_ONCE, NEVER], board=board)
    assert ends[0] == ends[1] == ends[2]
    if board:
        assert max(np.diff([0, *ends[0]])) <= max(2, every), "they agree at their exchanges"
    else:
        tick, lasted = max(1, every // 2), np.diff([0, *ends[0]])
        left = (300 - np.array([0, *ends[0][:-1]])) // tick + 1
        assert (lasted <= (np.maximum(left // ASKED_PER_CHUNK, 1) + 1) * tick).all(), "they ask some times in a chunk"
    np.testing.assert_array_equal(spikes, whole)


@pytest.mark.parametrize("board", [True, False])
def test_ranks_with_time_enough_are_not_cut(board: bool) -> None:
    network = network_of(RECORDED.replace("DELAY", "0.8"))
    ends, _ = on_ranks(network, 1, [NEVER, NEVER], board=board)
    assert ends == [[300], [300]]


@pytest.mark.parametrize("ranks", [1, 2])
def test_everything_that_a_network_can_hold_survives_the_cuts(
    tmp_path_factory: pytest.TempPathFactory, ranks: int
) -> None:
    network = zoo(tmp_path_factory.mktemp("zoo"))
    whole = simulate(network)
    if ranks == 1:
        spikes = alone(network, 2, AT_ONCE)[1]
    else:
        spikes = on_ranks(network, 2, [AT_ONCE, NEVER], board=True)[1]
    np.testing.assert_array_equal(spikes, whole)


@pytest.mark.parametrize("ranks", [1, 3])
def test_whole_runs_store_every_chunk_that_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: int) -> None:
    config = load_config_text(RECORDED.replace("DELAY", "0.5"))
    whole = conduct(config, out=tmp_path / "whole", report=False)
    monkeypatch.setattr(stepping, "LIMIT_S", AT_ONCE)
    sinks = [Steps() for _ in range(ranks)]
    results = run_ranks(
        ranks, lambda c: conduct(config, out=tmp_path / "cut", comm=c, progress=sinks[c.rank], report=False)
    )
    assert len(sinks[0].steps) >= 30
    assert all(sink.steps == sinks[0].steps for sink in sinks)
    assert {result.spike_hash for result in results} == {whole.spike_hash}
    assert dtbsim.hash_run(tmp_path / "cut", recompute=True).agrees
    for name in ("whole", "cut"):
        assert len(dtbsim.open_run(tmp_path / name).states(0)["time_ms"]) == 100


class Steps(SilentProgress):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        if dt_ms > 0:
            self.steps.append(step)
