"""Spikes depend on the network and its seed alone: not on threads, ranks, packets, partitioner, format or pauses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of, simulate, simulate_ranks
from tests.helpers.zoo import zoo

from dtbsim.build.rank import plan_rank
from dtbsim.exchange.links import find_links
from dtbsim.exchange.mailbox import DirectMailbox
from dtbsim.exchange.room import Room
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

PARTITIONERS = ("contiguous", "ordered")

SHORT = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 100, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  I: {model: iaf_psc_exp, size: 28}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 90, delay_ms: DELAY}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 90, delay_ms: DELAY}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: -200, delay_ms: DELAY}
drives: {dc: {kind: dc, target: [E, I], amplitude: 800}}
"""
DELAYS = {
    "one step": "0.1",
    "two steps": "0.2",
    "three steps and more": "{distribution: uniform, low: 0.3, high: 2}",
    "long": "1.6",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    spikes = simulate(zoo(folder))
    assert len(spikes) > 1000
    return spikes


@pytest.fixture
def second_messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one for every message whose spikes did not fit into its room."""
    ranks: list[int] = []
    plain = DirectMailbox.post

    def counted(self: DirectMailbox, rest: Any = ()) -> Any:
        ranks.extend([self._carrier.rank] * len(rest))
        return plain(self, rest)

    monkeypatch.setattr(DirectMailbox, "post", counted)
    return ranks


def short(delay: str, *overrides: str) -> Network:
    return network_of(SHORT.replace("DELAY", DELAYS[delay]), *overrides)


# -- one process ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [2, 3])
def test_threads(folder: Path, reference: Any, threads: int) -> None:
    assert np.array_equal(simulate(zoo(folder), threads), reference)


@pytest.mark.parametrize("kind", [L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64])
def test_synapse_formats(folder: Path, reference: Any, kind: int) -> None:
    assert np.array_equal(simulate(zoo(folder), threads=2, kind=kind), reference)


@pytest.mark.parametrize("chunks", [(1,), (7, 8, 300), tuple(range(13, 600, 13))])
def test_pauses(folder: Path, reference: Any, chunks: Any) -> None:
    assert np.array_equal(simulate(zoo(folder), threads=2, chunks=chunks), reference)


def test_lanes_beyond_the_threads(folder: Path, reference: Any) -> None:
    """More lanes than threads: each thread steps several."""
    assert np.array_equal(simulate(zoo(folder), threads=1, built=built_rank(zoo(folder), threads=5)), reference)
    assert np.array_equal(simulate(zoo(folder), threads=2, built=built_rank(zoo(folder), threads=5)), reference)


def test_a_difference_is_seen(folder: Path, reference: Any) -> None:
    for change in ("seed=13", "simulation.block_size=32", "projections.ZI.delay_ms=2.1"):
        assert not np.array_equal(simulate(zoo(folder, change)), reference), change


# -- ranks over packets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partitioner", PARTITIONERS)
@pytest.mark.parametrize(("n_ranks", "threads"), [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2)])
def test_ranks_and_partitioners(folder: Path, reference: Any, n_ranks: int, threads: int, partitioner: str) -> None:
    network = zoo(folder, f"simulation.partitioner={partitioner}")
    assert np.array_equal(simulate_ranks(network, n_ranks, threads), reference)


@pytest.mark.parametrize("grows", [True, False])
def test_messages_that_do_not_fit(
    folder: Path, reference: Any, second_messages: list[int], monkeypatch: pytest.MonkeyPatch, grows: bool
) -> None:
    """Room grows after the first; where it does not, spikes travel in second messages again and again."""
    if not grows:
        monkeypatch.setattr(Room, "adapt", lambda *_: False)
    assert np.array_equal(simulate_ranks(zoo(folder), 3, words=2), reference)
    assert sorted(set(second_messages)) == [0, 1, 2]
    assert len(second_messages) > 10 if not grows else len(second_messages) < 40


def test_large_messages_are_single(folder: Path, reference: Any, second_messages: list[int]) -> None:
    assert np.array_equal(simulate_ranks(zoo(folder), 3, words=512), reference)
    assert second_messages == []


FAR = """\
simulation: {dt_ms: 0.1, duration_ms: 80, block_size: 16}
populations:
  A: {model: iaf_psc_exp, size: 48, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  B: {model: iaf_psc_exp, size: 48, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  C: {model: iaf_psc_exp, size: 48}
projections:
  AA: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 9}, weight_pA: 90, delay_ms: NEAR}
  BB: {source: B, target: B, rule: {kind: fixed_indegree, indegree: 9}, weight_pA: 90, delay_ms: NEAR}
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 9}, weight_pA: 90, delay_ms: 4.7}
  BA: {source: B, target: A, rule: {kind: fixed_indegree, indegree: 9}, weight_pA: 90, delay_ms: 11.3}
  BC: {source: B, target: C, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 120, delay_ms: 1.9}
drives: {dc: {kind: dc, target: [A, B], amplitude: 600}}
"""


@pytest.mark.parametrize("near", ["0.1", "0.2", "0.7"])
def test_ranks_far_apart_exchange_rarely(near: str) -> None:
    """Same spikes, whenever chunks end; more ticks between the exchanges of ranks with longer delays between them."""
    network = network_of(FAR.replace("NEAR", near), "simulation.partitioner=contiguous")
    expected = simulate(network)
    assert len(expected) > 300
    for n_ranks in (2, 5):
        blocks = plan_rank(network, 0, n_ranks, 1).blocks
        delays = np.concatenate([find_links(network, blocks, rank).to_delay for rank in range(n_ranks)])
        assert n_ranks == 2 or delays.max() > 8 * delays.min()
        for chunks in ((), (1, 2, 3, 50, 51, 300), tuple(range(7, 800, 7))):
            assert np.array_equal(simulate_ranks(network, n_ranks, chunks=chunks), expected), (n_ranks, chunks)


@pytest.mark.parametrize("delay", list(DELAYS))
def test_windows_of_any_length(delay: str) -> None:
    network = short(delay)
    expected = simulate(network)
    assert len(expected) > 400
    for n_ranks in (2, 3):
        for words, chunks in ((512, ()), (4, ()), (512, (1, 2, 6, 100)), (3, tuple(range(11, 600, 11)))):
            found = simulate_ranks(network, n_ranks, words=words, chunks=chunks)
            assert np.array_equal(found, expected), (n_ranks, words, chunks)


def test_a_window_that_is_too_long_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spikes that arrive after they are due are lost: the test above would notice."""
    network = short("three steps and more")
    expected = simulate(network)

    def longer(*arguments: Any) -> Any:
        links = find_links(*arguments)
        return replace(links, to_delay=3 * links.to_delay, sources_delay=3 * links.sources_delay)

    monkeypatch.setattr("dtbsim.exchange.neighbours.find_links", longer)
    assert not np.array_equal(simulate_ranks(network, 2), expected)


def test_ranks_without_neurons_of_a_population() -> None:
    """As many ranks as blocks: every rank has one."""
    network = short("long", "simulation.block_size=48")
    blocks = len(plan_rank(network, 0, 1, 1).table)
    assert blocks == 4
    assert np.array_equal(simulate_ranks(network, blocks), simulate(network))


# -- ranks over shared memory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_ranks", "threads"), [(2, 1), (3, 1), (2, 2)])
def test_the_shared_board(folder: Path, reference: Any, n_ranks: int, threads: int) -> None:
    assert np.array_equal(simulate_ranks(zoo(folder), n_ranks, threads, board=True), reference)


@pytest.mark.parametrize("delay", ["one step", "long"])
def test_a_board_with_room_for_few_spikes(delay: str) -> None:
    network = short(delay)
    expected = simulate(network)
    for capacity, chunks in ((1, ()), (3, (5, 6, 77))):
        assert np.array_equal(simulate_ranks(network, 2, board=True, capacity=capacity, chunks=chunks), expected)


def test_another_seed_changes_the_result_on_ranks_too(folder: Path, reference: Any) -> None:
    assert not np.array_equal(simulate_ranks(zoo(folder, "seed=13"), 2), reference)
