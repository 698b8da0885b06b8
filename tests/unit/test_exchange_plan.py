"""How often ranks exchange and who needs whose spikes, against the list of synapses; and the exchanges themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import (
    DELAY,
    SOURCE,
    TARGET,
    all_synapses,
    built_rank,
    dynamic_synapses_of,
    network_of,
    simulate,
    simulate_ranks,
    synapses_of,
)
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo

from dtbsim.build import sparse_rows
from dtbsim.build.heard import sources_heard
from dtbsim.build.rank import plan_rank
from dtbsim.errors import MissingDependencyError
from dtbsim.exchange import wanted
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.links import Links, find_links
from dtbsim.exchange.mailbox import DirectMailbox
from dtbsim.exchange.neighbours import NeighbourExchange
from dtbsim.exchange.plan import MOST_STEPS, ExchangePlan, plan_exchange
from dtbsim.exchange.wanted import Runs
from dtbsim.kernels import layout as L
from dtbsim.mpi import SerialComm, run_ranks
from dtbsim.spec.network import MAX_DELAY_STEPS, Network


def by_hand(network: Network, synapses: Any, n_ranks: int) -> tuple[int, Any, Any]:
    """(shortest delay between ranks, needs as found, blocks): from single synapses."""
    blocks = plan_rank(network, 0, n_ranks, 1).blocks
    owner = np.zeros(network.n_neurons, np.int64)
    for gid0, size, rank in zip(blocks.gid0, blocks.size, blocks.rank, strict=True):
        owner[gid0 : gid0 + size] = rank
    crossing = synapses[owner[synapses[:, SOURCE]] != owner[synapses[:, TARGET]]]
    needs = np.zeros((n_ranks, len(network.populations)), bool)
    source = np.searchsorted(network.gid_starts, crossing[:, SOURCE], side="right") - 1
    needs[owner[crossing[:, TARGET]], source] = True
    return int(crossing[:, DELAY].min(initial=MAX_DELAY_STEPS)), needs, blocks


@pytest.mark.parametrize("partitioner", ["contiguous", "greedy", "ordered"])
@pytest.mark.parametrize("n_ranks", [2, 3, 5])
def test_the_plan_covers_every_synapse_between_ranks(tmp_path: Path, n_ranks: int, partitioner: str) -> None:
    network = zoo(tmp_path, f"simulation.partitioner={partitioner}")
    shortest, needs, blocks = by_hand(network, all_synapses(network), n_ranks)
    plan = plan_exchange(network, blocks, n_ranks)
    assert plan.window <= shortest
    assert (plan.needs | ~needs).all(), "what some synapse needs is sent"
    assert needs.sum() <= plan.needs.sum() <= needs.sum() + 12, "and little else"
    assert not plan.silent


def test_the_window_is_the_shortest_delay_that_crosses() -> None:
    """Two populations on two ranks: fast inside, slow between."""
    network = network_of(
        "simulation: {duration_ms: 1, block_size: 16, partitioner: contiguous}\n"
        "populations: {A: {model: izhikevich, size: 16}, B: {model: izhikevich, size: 16}}\n"
        "projections:\n"
        "  AA: {source: A, target: A, rule: {kind: all_to_all}, weight_mV: 1, delay_ms: 0.1}\n"
        "  AB: {source: A, target: B, rule: {kind: all_to_all}, weight_mV: 1, delay_ms: 2.5}\n"
        "  BB: {source: B, target: B, rule: {kind: all_to_all}, weight_mV: 1, delay_ms: 0.2}\n"
    )
    plan = plan_exchange(network, plan_rank(network, 0, 2, 1).blocks, 2)
    assert plan.window == 25
    assert plan.needs.tolist() == [[False, False], [True, False]]
    alone = plan_exchange(network, plan_rank(network, 0, 1, 1).blocks, 1)
    assert (alone.window, alone.silent) == (MAX_DELAY_STEPS, True)


def test_the_shortest_tract_between_ranks_counts(tmp_path: Path) -> None:
    """Every pair of regions has a delay of its own: the window is the smallest of those that cross."""
    save_small_atlas(tmp_path)
    network = network_of(
        "simulation: {duration_ms: 1, block_size: 16, partitioner: contiguous}\natlas: small.npz\n"
        "populations: {A: {model: izhikevich, size: 16, regions: all}}\n"
        "projections:\n"
        "  P: {source: A, target: A, scope: connectome, rule: {kind: all_to_all}, weight_mV: 1,\n"
        "      delay_ms: {tract_velocity_m_per_s: 5}}\n",
        base_dir=tmp_path,
    )
    synapses = all_synapses(network)
    windows = set()
    for n_ranks in (2, 3, 5):
        shortest, needs, blocks = by_hand(network, synapses, n_ranks)
        plan = plan_exchange(network, blocks, n_ranks)
        assert plan.window == shortest
        assert (plan.needs == needs).all()
        windows.add(plan.window)
    assert len(windows) > 1


def test_a_split_population_crosses_to_itself() -> None:
    network = network_of(
        "simulation: {duration_ms: 1, block_size: 16}\n"
        "populations: {A: {model: izhikevich, size: 32}}\n"
        "projections: {AA: {source: A, target: A, rule: {kind: all_to_all}, weight_mV: 1, delay_ms: 0.7}}\n"
    )
    plan = plan_exchange(network, plan_rank(network, 0, 2, 1).blocks, 2)
    assert plan.window == 7
    assert plan.needs.tolist() == [[True], [True]]


def test_without_projections_nothing_travels() -> None:
    network = network_of(
        "simulation: {duration_ms: 1, block_size: 16}\npopulations: {A: {model: izhikevich, size: 32}}\n"
    )
    plan = plan_exchange(network, plan_rank(network, 0, 2, 1).blocks, 2)
    assert (plan.window, plan.silent) == (MAX_DELAY_STEPS, True)


NONE = np.zeros(0, np.int64)


@pytest.mark.parametrize(("window", "steps"), [(1, 1), (2, 1), (3, 1), (20, 10), (10_000, MOST_STEPS // 2)])
def test_two_ticks_fit_the_shortest_delay(window: int, steps: int) -> None:
    plan, links = ExchangePlan.of(window, np.zeros((1, 1), bool)), Links(*[NONE] * 4, np.zeros(2, np.int64), NONE)
    exchange = NeighbourExchange(SerialComm(), plan, links, Runs(NONE, NONE, NONE), 1)
    assert exchange.window == steps
    assert exchange.complete().size == 0, "nothing is under way at the start"


@pytest.mark.parametrize("n_ranks", [2, 3, 5])
def test_links_are_those_of_the_synapses(tmp_path: Path, n_ranks: int) -> None:
    """Both ends of a link know its delay; no synapse between two ranks is shorter, and every one has a link."""
    network = zoo(tmp_path)
    blocks = plan_rank(network, 0, n_ranks, 1).blocks
    links = [find_links(network, blocks, rank) for rank in range(n_ranks)]
    delay = {
        (rank, int(to)): int(d) for rank, one in enumerate(links) for to, d in zip(one.to, one.to_delay, strict=True)
    }
    received = {
        (int(source), rank): int(d)
        for rank, one in enumerate(links)
        for source, d in zip(one.sources, one.sources_delay, strict=True)
    }
    assert delay == received
    plan = plan_exchange(network, blocks, n_ranks)
    assert min(delay.values()) == plan.window
    synapses = all_synapses(network)
    owner = np.repeat(blocks.rank, blocks.size)[np.argsort(np.concatenate([
        np.arange(g, g + n) for g, n in zip(blocks.gid0, blocks.size, strict=True)
    ]))]  # fmt: skip
    population = np.searchsorted(network.gid_starts, synapses[:, SOURCE], side="right") - 1
    for source, target, p, steps in zip(
        owner[synapses[:, SOURCE]].tolist(), owner[synapses[:, TARGET]].tolist(), population.tolist(),
        synapses[:, DELAY].tolist(), strict=True,
    ):  # fmt: skip
        if source != target:
            assert steps >= delay[source, target]
            one = links[source]
            assert target in one.to[one.wanted_by[one.first[p] : one.first[p + 1]]]


def test_more_neighbours_than_populations_have_addresses_of_their_own() -> None:
    """One population on six ranks: its spikes go to all five others, which step it to the same spikes."""
    network = network_of(
        "simulation: {duration_ms: 30, block_size: 16}\n"
        "populations:\n"
        "  A: {model: iaf_psc_exp, size: 96, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}\n"
        "projections:\n"
        "  AA: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 60, delay_ms: 1}\n"
        "drives: {dc: {kind: dc, target: A, amplitude: 500}}\n"
    )
    blocks = plan_rank(network, 0, 6, 1).blocks
    for rank in range(6):
        links = find_links(network, blocks, rank)
        assert links.to.tolist() == [other for other in range(6) if other != rank]
        assert links.wanted_by.tolist() == [0, 1, 2, 3, 4]
        assert links.first.tolist() == [0, 5]
    spikes, on_ranks = simulate(network), simulate_ranks(network, 6)
    assert len(spikes) > 100
    np.testing.assert_array_equal(on_ranks, spikes)


def test_the_board_needs_shared_memory() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        SharedBoard(SerialComm(), ExchangePlan.of(5, np.zeros((1, 1), bool)), 10)
    assert "no shared memory between the ranks of a node" in caught.value.message


@pytest.mark.parametrize(("neurons", "capacity"), [(5, 1024), (5000, 5000), (10**9, 1 << 20)])
def test_the_board_is_entered_into_the_table_of_the_rank(neurons: int, capacity: int) -> None:
    def work(comm: Any) -> Any:
        board = SharedBoard(comm, ExchangePlan.of(7, np.ones((2, 1), bool)), neurons)
        rank = np.zeros(L.RANK_FIELDS, np.int64)
        board.attach(rank)
        return rank[[L.BOARD_AT, L.BOARD_RANK, L.BOARD_RANKS, L.BOARD_WINDOW, L.BOARD_CAPACITY]].tolist()

    first, second = run_ranks(2, work)
    assert first[0] == second[0] != 0, "one memory for both"
    assert first[1:] == [0, 2, 7, capacity]
    assert second[1:] == [1, 2, 7, capacity]


def test_ranks_know_their_sources(tmp_path: Path) -> None:
    """Candidates: all neurons of the populations that project to the rank, ascending; every synapse comes from one."""
    network = zoo(tmp_path)
    for rank in range(3):
        built = built_rank(network, rank, 3)
        gids = built.candidates.gids()
        assert (np.diff(gids.astype(np.int64)) > 0).all()
        for index, population in enumerate(network.populations):
            offset = built.candidates.offset[index]
            if offset >= 0:
                part = gids[offset : offset + population.size]
                assert (part == np.arange(population.gid0, population.gid0 + population.size)).all()
            else:
                assert not np.isin(np.arange(population.gid0, population.gid0 + population.size), gids).any()


HEARD = """\
simulation: {dt_ms: 0.1, duration_ms: 40, block_size: 16}
populations:
  A: {model: iaf_psc_exp, size: 60, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  B: {model: iaf_psc_exp, size: 60}
  D: {model: parrot_neuron, size: 10}
projections:
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 1}, weight_pA: 90, delay_ms: 1.5}
  BA:
    source: B
    target: A
    rule: {kind: fixed_total_number, total: 20}
    weight_pA: 90
    delay_ms: 1.5
    synapse: SYNAPSE
  AD: {source: A, target: D, rule: {kind: fixed_indegree, indegree: 2}, weight: 1, delay_ms: 1.5}
drives: {dc: {kind: dc, target: [A, B], amplitude: 600}}
"""
DOPAMINE = range(120, 130)
SYNAPSES = {
    "static": "null",
    "stdp": "{kind: stdp, weight_max: 100}",
    "dopamine": "{kind: stdp_dopamine, dopamine: D, weight_max: 100}",
}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("synapse", list(SYNAPSES))
def test_spikes_travel_to_ranks_with_synapses_alone(
    synapse: str, sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every neuron the ranks that have one of its synapses, or synapses that it modulates; and the same spikes."""
    network = network_of(HEARD.replace("SYNAPSE", SYNAPSES[synapse]))
    if sparse:
        monkeypatch.setattr(sparse_rows, "SMALL_BYTES", 0)
        monkeypatch.setattr(sparse_rows, "DENSE_FROM", 10**9)
    n_ranks = 4
    for rank in range(n_ranks):
        built = built_rank(network, rank, n_ranks)
        synapses = [synapses_of(built)[:, SOURCE], *(table[:, SOURCE] for _, table in dynamic_synapses_of(built))]
        expected = set(np.concatenate(synapses).tolist())
        if synapse == "dopamine" and any(0 in state.lane.runs_of for state in built.lanes):
            expected |= set(DOPAMINE)
        gids = built.candidates.gids()
        flags = np.concatenate([sources_heard(built, 0, 7), sources_heard(built, 7, gids.size)])
        assert set(gids[flags].tolist()) == expected
    words: list[int] = []
    plain = DirectMailbox.post

    def counted(self: DirectMailbox, rest: Any = ()) -> None:
        words.append(int(self.send[self.send_at[:-1]].sum()))
        plain(self, rest)

    monkeypatch.setattr(DirectMailbox, "post", counted)
    sent = []
    for worth in (0.9, 0.0):
        monkeypatch.setattr(wanted, "WORTH_ASKING", worth)
        words.clear()
        assert np.array_equal(simulate_ranks(network, n_ranks), simulate(network))
        sent.append(sum(words))
    assert 0 < sent[0] < 0.8 * sent[1]
