"""Two levels: the ranks of a node hand their spikes to a leader, and leaders exchange; the spikes are the same."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate, simulate_ranks

import dtbsim
from dtbsim.build.rank import plan_rank
from dtbsim.config import load_config_text
from dtbsim.errors import FaultError
from dtbsim.exchange import leaders
from dtbsim.exchange.leaders import LeaderMailbox, LeaderTransport, MemberMailbox, leaders_pay
from dtbsim.exchange.mailbox import DirectMailbox
from dtbsim.exchange.room import Room
from dtbsim.mpi import Comm, FakeComm, run_ranks
from dtbsim.simulate.prepare import prepare

U64 = np.uint64

TWO_WINDOWS = """\
simulation: {dt_ms: 0.1, duration_ms: 50, block_size: 16, partitioner: contiguous}
populations:
  A: {model: iaf_psc_exp, size: 48, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  B: {model: iaf_psc_exp, size: 48, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
projections:
  AA: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 12}, weight_pA: 60, delay_ms: DELAY}
  BB: {source: B, target: B, rule: {kind: fixed_indegree, indegree: 12}, weight_pA: 60, delay_ms: DELAY}
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 6}, weight_pA: 60, delay_ms: 8}
  BA: {source: B, target: A, rule: {kind: fixed_indegree, indegree: 6}, weight_pA: 60, delay_ms: 8}
drives: {dc: {kind: dc, target: [A, B], amplitude: 700}}
"""
"""Three ranks each hold parts of both populations or one: local delays are short, tracts are long."""


def messages(comm: Comm, rounds: int, longest: int) -> Any:
    """Between all ranks of different nodes, of lengths that change; what came and what ought to have come."""
    transport, everyone = LeaderTransport(comm), np.arange(comm.size)
    far = everyone[transport.ways(everyone) == leaders.OVER_LEADERS].tolist()
    mailbox = transport.mailbox(leaders.OVER_LEADERS, far, far, 4)
    found, expected = [], []
    for turn in range(rounds):
        rest = []
        for k, rank in enumerate(far):
            words = sent(comm.rank, rank, turn, longest)
            room, begin = int(mailbox.send_at[k + 1] - mailbox.send_at[k]) - 1, int(mailbox.send_at[k])
            mailbox.send[begin] = words.size
            mailbox.send[begin + 1 : begin + 1 + min(words.size, room)] = words[:room]
            rest += [(k, words[room:])] if words.size > room else []
        if comm.rank == turn % comm.size:
            time.sleep(0.002)  # the others have posted long ago
        mailbox.post(rest)
        for _ in range(turn % 3):
            mailbox.progress()
        beyond = mailbox.complete()
        begins = mailbox.recv_at.tolist()
        parts = [mailbox.recv[a + 1 : min(a + 1 + int(mailbox.recv[a]), b)] for a, b in itertools.pairwise(begins)]
        found.append(np.concatenate([np.zeros(0, U64), *parts, *beyond]))
        expected.append(np.concatenate([np.zeros(0, U64), *(sent(rank, comm.rank, turn, longest) for rank in far)]))
        mailbox.tidy()
    return type(mailbox), found, expected


def sent(source: int, to: int, turn: int, longest: int) -> Any:
    """Words that no other pair sends in any round."""
    n = (source * 7 + to * 3 + turn * turn) % (longest + 1) if turn % 4 else 0
    return np.arange(n, dtype=U64) + U64((source << 40) + (to << 30) + (turn << 20))


@pytest.mark.parametrize(("ranks", "nodes"), [(3, 2), (5, 2), (7, 3), (3, 3)])
@pytest.mark.parametrize("longest", [3, 300])
def test_every_word_arrives_once(ranks: int, nodes: int, longest: int) -> None:
    kinds = []
    for kind, found, expected in run_ranks(ranks, lambda comm: messages(comm, 80, longest), node_count=nodes):
        kinds.append(kind)
        for turn, (words, ought) in enumerate(zip(found, expected, strict=True)):
            np.testing.assert_array_equal(np.sort(words), np.sort(ought), err_msg=f"round {turn}")
            for source in np.unique(words >> U64(40)):
                mine = words[words >> U64(40) == source]
                assert (np.diff(mine.astype(np.int64)) > 0).all(), "those of a rank stay in their order"
    assert kinds.count(LeaderMailbox) == nodes
    assert kinds.count(MemberMailbox) == ranks - nodes


@pytest.mark.parametrize("delay", ["0.1", "0.2", "{distribution: uniform, low: 0.3, high: 1}"])
@pytest.mark.parametrize(("ranks", "nodes"), [(3, 2), (3, 3), (6, 3)])
def test_the_same_spikes(ranks: int, nodes: int, delay: str) -> None:
    network = network_of(TWO_WINDOWS.replace("DELAY", delay))
    spikes = simulate(network)
    assert len(spikes) > 200
    found = simulate_ranks(network, ranks, nodes=nodes, words=2)
    np.testing.assert_array_equal(found, spikes)


def test_both_windows_go_over_leaders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Populations that are split over nodes exchange often, tracts rarely: two mailboxes with leaders."""
    made: list[tuple[int, list[int]]] = []
    plain = LeaderTransport.mailbox

    def noted(self: LeaderTransport, way: int, to: Any, sources: Any, words: int) -> Any:
        if self._comm.is_root:
            made.append((way, to))
        return plain(self, way, to, sources, words)

    monkeypatch.setattr(LeaderTransport, "mailbox", noted)
    network = network_of(TWO_WINDOWS.replace("DELAY", "1"))
    found = simulate_ranks(network, 3, nodes=2)
    np.testing.assert_array_equal(found, simulate(network))
    assert [way for way, _ in made].count(leaders.OVER_LEADERS) == 2
    assert [to for way, to in made if way == leaders.DIRECT] != []


def test_nodes_exchange_one_message_whatever_ranks_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six ranks on two nodes that all talk: a leader sends one message across, where ranks would send nine."""
    count = {"across": 0, "others": 0}
    plain = DirectMailbox.post

    def counted(self: DirectMailbox, rest: Any = ()) -> None:
        for rank in self.to:
            count["across" if rank // 3 != self._carrier.rank // 3 else "others"] += 1
        plain(self, rest)

    monkeypatch.setattr(DirectMailbox, "post", counted)
    network = network_of(TWO_WINDOWS.replace("DELAY", "1").replace("8}", "1}"))
    spikes = simulate(network)
    across = []
    for nodes in (None, 2):
        count.update(across=0, others=0)
        np.testing.assert_array_equal(simulate_ranks(network, 6, nodes=nodes), spikes)
        across.append(count["across"])
    assert across[1] > 0
    assert across[0] == 9 * (across[1] + 2), "what two leaders got last is for steps after the end"


def test_messages_without_room_travel_in_second_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Room, "adapt", lambda *_: False)
    network = network_of(TWO_WINDOWS.replace("DELAY", "1"))
    found = simulate_ranks(network, 5, nodes=2, words=2)
    np.testing.assert_array_equal(found, simulate(network))


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_rank_that_fails_ends_the_others(failing: int) -> None:
    """A leader with members, a member, a leader alone: nobody waits for ever for what it would have passed on."""
    errors: dict[int, BaseException] = {}

    def work(comm: FakeComm) -> None:
        transport = LeaderTransport(comm)
        far = [0, 1] if comm.rank == 2 else [2]
        mailbox = transport.mailbox(leaders.OVER_LEADERS, far, far, 8)
        try:
            for turn in range(10):
                if turn == 5 and comm.rank == failing:
                    raise ZeroDivisionError("planned")
                mailbox.post()
                mailbox.complete()
                mailbox.tidy()
        except FaultError as error:
            errors[comm.rank] = error
            raise

    with pytest.raises(ZeroDivisionError):
        run_ranks(3, work, node_count=2, timeout_s=20)
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("ranks", "nodes", "neighbours", "spikes", "pays"),
    [(8, 2, 4, 16, True), (8, 2, 5, 16, False), (8, 2, 4, 0.01, False), (6, 2, 1, 16, False), (8, 1, 1, 16, False)],
)
def test_when_leaders_pay(
    ranks: int, nodes: int, neighbours: int, spikes: float, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From four ranks on a node, so many neighbours on others, and up to so many spikes in a message; here all ranks
    are neighbours, and each rank's neurons fire some times between two exchanges."""
    monkeypatch.setattr(leaders, "FROM_NEIGHBOURS", neighbours)
    monkeypatch.setattr(leaders, "MOST_SPIKES", spikes)
    network = network_of(
        TWO_WINDOWS.replace("DELAY", "1").replace("48", "3200").replace("block_size: 16", "block_size: 400")
    )

    def work(comm: FakeComm) -> bool:
        return leaders_pay(comm, network, plan_rank(network, comm.rank, comm.size, 1).blocks)

    assert run_ranks(ranks, work, node_count=nodes) == [pays] * ranks


def test_auto_takes_leaders_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "FROM_NEIGHBOURS", 4)
    config = load_config_text(TWO_WINDOWS.replace("DELAY", "1").replace("48", "64"))
    found = run_ranks(8, lambda comm: prepare(config, comm, None, None).exchange, node_count=2)
    assert found == ["two_level"] * 8
    assert run_ranks(4, lambda comm: prepare(config, comm, None, None).exchange, node_count=2) == ["packets"] * 4


def test_an_estimate_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And counts the messages of leaders: three to members, one to the other leader, and to three ranks of the node."""
    config = load_config_text(TWO_WINDOWS.replace("DELAY", "1").replace("48", "64").replace("8}", "1}"))
    where: Any = {"ranks_per_node": 4, "threads": 1, "machine": "cluster"}
    straight = dtbsim.estimate(config, 8, **where).exchange
    assert (straight.way, straight.messages_per_window.mean) == ("packets", 7.0)
    monkeypatch.setattr(leaders, "FROM_NEIGHBOURS", 4)
    found = dtbsim.estimate(config, 8, **where)
    assert (found.exchange.way, found.exchange.messages_per_window.mean) == ("two_level", 7.0)
    assert found.time.parts["exchange"] > 0
    assert dtbsim.estimate(config, 4, **where | {"ranks_per_node": 2}).exchange.way == "packets"
