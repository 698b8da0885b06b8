"""What carries spikes between threads and ranks: the barrier, packets and the board."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.lane_table import LaneTable

from dtbsim.exchange.wanted import Runs, addresses
from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.board import HEADER, board_words, read_round, schedule_remote, write_round
from dtbsim.kernels.delay_queue import take_due
from dtbsim.kernels.intrinsics import atomic_store
from dtbsim.kernels.packets import pack, unpack
from dtbsim.kernels.sources import jump_table, source_index


@nb.njit(nogil=True)
def meet(barrier: Any, n: int, me: int, rounds: int, seen: Any, obey: bool) -> int:
    """Count rounds; returns how often another thread was found in another round, -1 after an abort."""
    wrong = 0
    for k in range(rounds):
        seen[me * 16] = k
        if obey and not B.wait(barrier, n):
            return -1
        for other in range(n):
            wrong += seen[other * 16] != k
        if obey and not B.wait(barrier, n):
            return -1
    return wrong


@nb.njit(nogil=True)
def abort(barrier: Any) -> None:
    atomic_store(barrier, B.ABORT, np.int64(1))


def run_threads(n: int, rounds: int, obey: bool = True) -> list[int]:
    barrier, seen = np.zeros(B.WORDS, np.int64), np.zeros(16 * n, np.int64)
    meet(barrier, 1, 0, 1, seen, True)  # compiled before the threads start
    result = [-9] * n

    def body(me: int) -> None:
        result[me] = meet(barrier, n, me, rounds, seen, obey)

    threads = [threading.Thread(target=body, args=(me,)) for me in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return result


def test_threads_meet_at_the_barrier() -> None:
    assert run_threads(2, 20_000) == [0, 0]
    assert run_threads(5, 300) == [0] * 5, "more threads than cores"


def test_without_the_barrier_threads_do_not_meet() -> None:
    assert max(run_threads(2, 3_000_000, obey=False)) > 0


def test_an_abort_releases_a_waiting_thread() -> None:
    barrier, seen = np.zeros(B.WORDS, np.int64), np.zeros(32, np.int64)
    meet(barrier, 1, 0, 1, seen, True)
    result: list[int] = []
    waiting = threading.Thread(target=lambda: result.append(meet(barrier, 2, 0, 5, seen, True)))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive(), "it waits for the second thread"
    abort(barrier)
    waiting.join(30)
    assert result == [-1]


# -- packets ----------------------------------------------------------------------------------------------------------


class Ranks:
    """Ranks with two lanes each; log entries are (step, gid). Populations start at `gid_starts`.

    Spikes of population p go from every rank to the ranks of `wanted_by[p]`, all of which are neighbours of all.
    """

    def __init__(
        self,
        logs: list[list[list[tuple[int, int]]]],
        wanted_by: list[list[int]],
        gid_starts: list[int],
        heard: list[Any] | None = None,
    ) -> None:
        starts = np.array(gid_starts, np.int64)
        first = np.cumsum([0, *map(len, wanted_by)]).astype(np.int64)
        messages = np.array([m for some in wanted_by for m in some], np.int32)
        runs = Runs(starts[:-1], np.diff(starts), np.arange(starts.size - 1))
        self.to = addresses(runs, first, messages, heard)
        self.rank = np.zeros(L.RANK_FIELDS, np.int64)
        self.rank[L.N_LANES] = 2
        self.lanes, self.tables = [], []
        for lanes in logs:
            rows = np.zeros((2, L.LANE_FIELDS), np.int64)
            for row, entries in zip(rows, lanes, strict=True):
                self.tables.append(LaneTable(row))
                self.tables[-1].log([step << 32 | gid for step, gid in entries])
            self.lanes.append(rows)

    def pack(self, me: int, room: list[int], sent: Any) -> tuple[list[list[int]], list[list[int]], int]:
        """(what is in each message, what had no room in it, how many had none) for messages of `room` words."""
        at = np.cumsum([0, *room]).astype(np.int64)
        send = np.full(at[-1], 77, np.uint64)
        to = self.to
        arguments = self.rank, self.lanes[me], sent, to.runs, to.first, to.wanted_by, to.bits, at, send
        beyond = int(pack(*arguments, np.zeros(0, np.int64), np.zeros(0, np.uint64)))
        over = np.maximum(send[at[:-1]].astype(np.int64) + 1 - room, 0)
        assert beyond == over.sum()
        rest, rest_at = np.full(beyond, 99, np.uint64), np.concatenate([[0], np.cumsum(over)]).astype(np.int64)
        pack(*arguments, rest_at, rest)
        held = [send[at[m] + 1 : min(at[m] + 1 + int(send[at[m]]), at[m + 1])].tolist() for m in range(len(room))]
        out = np.zeros(send.size, np.int64)
        n = unpack(at, send, out)
        assert out[:n].tolist() == [word for words in held for word in words]
        return held, [rest[rest_at[m] : rest_at[m + 1]].tolist() for m in range(len(room))], beyond

    def close(self) -> None:
        for table in self.tables:
            table.close()


ENTRY = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 29))
LOGS = st.lists(st.lists(st.lists(ENTRY, max_size=6), min_size=2, max_size=2), min_size=1, max_size=1)
WANTED = st.lists(st.sets(st.integers(0, 2)).map(sorted), min_size=3, max_size=3)


@settings(max_examples=80, deadline=None)
@given(
    LOGS,
    WANTED,
    st.lists(st.integers(2, 9), min_size=3, max_size=3),
    st.lists(st.integers(0, 2), min_size=2, max_size=2),
)
def test_messages_hold_what_each_rank_needs(logs: Any, wanted_by: Any, room: list[int], done: list[int]) -> None:
    """In order; what has no room is left over; nothing that was sent before."""
    ranks = Ranks(logs, wanted_by, [0, 4, 25, 30])
    sent = np.array([min(n, len(lane)) for n, lane in zip(done, logs[0], strict=True)], np.int64)
    new = [entry for lane, n in zip(logs[0], sent, strict=True) for entry in lane[n:]]
    try:
        held, rest, _ = ranks.pack(0, room, sent)
        for m in range(3):
            wanted = [s << 32 | g for s, g in new if m in wanted_by[0 if g < 4 else 1 + (g >= 25)]]
            assert held[m] == wanted[: room[m] - 1]
            assert rest[m] == wanted[room[m] - 1 :]
    finally:
        ranks.close()


@pytest.mark.parametrize("n_messages", [3, 64, 65, 200])
def test_spikes_go_where_they_have_synapses(n_messages: int) -> None:
    """Of each neuron another set of messages, of more than fit into one word, too."""
    rng = np.random.default_rng(n_messages)
    wanted_by = [sorted(rng.permutation(n_messages)[: n_messages // 2 + 1].tolist()), list(range(n_messages)), []]
    starts, sizes = [0, 4, 25, 30], [4, 21, 5]
    heard = [
        np.concatenate([rng.random(n) < 0.4 for n, some in zip(sizes, wanted_by, strict=True) if m in some])
        for m in range(n_messages)
    ]
    log = [(step, gid) for step in range(2) for gid in range(30)]
    ranks = Ranks([[log[:13], log[13:]]], wanted_by, starts, heard)
    try:
        held, _, beyond = ranks.pack(0, [70] * n_messages, np.zeros(2, np.int64))
        assert beyond == 0
        for m in range(n_messages):
            wanting = [gid for p, some in enumerate(wanted_by) for gid in range(starts[p], starts[p + 1]) if m in some]
            hears = {gid for gid, hears in zip(wanting, heard[m], strict=True) if hears}
            assert held[m] == [step << 32 | gid for step, gid in log if gid in hears]
    finally:
        ranks.close()


# -- board ------------------------------------------------------------------------------------------------------------


def source_table(rank: Any, ranges: Any) -> list[Any]:
    """Enter ranges (int64[n, 3]) of source candidates into a rank's table; what it points to."""
    ranges = np.ascontiguousarray(ranges, np.int64).reshape(-1, 3)
    jump, shift = jump_table(ranges)
    rank[L.N_SOURCE_RANGES], rank[L.SOURCE_RANGES_AT] = len(ranges), ranges.ctypes.data
    rank[L.N_SOURCE_JUMPS], rank[L.SOURCE_JUMPS_AT], rank[L.SOURCE_SHIFT] = jump.size, jump.ctypes.data, shift
    return [ranges, jump]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(0, 30)), max_size=12), st.data())
def test_source_index_finds_a_gid(gaps: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """Ranges far apart and side by side, small and large; every id at their ends, and any other."""
    ranges, at, first = [], 0, 0
    for gap, size, power in gaps:
        begin = at + (gap << (power % 20))
        stop = begin + (size << (power % 24))
        if stop >= 2**32:
            break
        ranges.append((begin, stop, first))
        first, at = first + stop - begin, stop
    rank = np.zeros(L.RANK_FIELDS, np.int64)
    _kept = source_table(rank, ranges)
    asked = {e + d for begin, stop, _ in ranges for e in (begin, stop) for d in (-1, 0, 1)} | {0, 2**32 - 1}
    asked |= {data.draw(st.integers(0, 2**32 - 1))}
    for gid in sorted(asked - {-1}):
        expected = next((gid - b + number for b, stop, number in ranges if b <= gid < stop), -1)
        assert source_index(rank, np.int64(gid)) == expected


@pytest.fixture
def two_ranks() -> Iterator[Any]:
    """Two ranks that know gids 3, 5 and 8 as sources (delays 2, 3, 4), one lane each, capacity 3."""
    words = board_words(2, 3)
    board, gids = np.zeros(words, np.int64), [(3, 4, 0), (5, 6, 1), (8, 9, 2)]
    ranks, tables, rows, kept = [], [], [], []
    for me in range(2):
        rank = np.zeros(L.RANK_FIELDS, np.int64)
        rank[L.N_LANES], rank[L.RING] = 1, 8
        kept.append(source_table(rank, gids))
        rank[L.BOARD_RANK], rank[L.BOARD_RANKS], rank[L.BOARD_CAPACITY] = me, 2, 3
        row = np.zeros((1, L.LANE_FIELDS), np.int64)
        table = LaneTable(row[0])
        table.delay_queue([[(2, 1)], [(3, 1)], [(4, 1)]], 8)
        table.log([])
        ranks.append(rank)
        tables.append(table)
        rows.append(row)
    yield board, ranks, rows, tables, gids
    for table in tables:
        table.close()


def taken(table: LaneTable, steps: range) -> dict[int, list[int]]:
    """Source number of what is due, per step."""
    found = {step: [first for first, _ in table.due(take_due(table.row, step, 7))] for step in steps}
    return {step: sources for step, sources in found.items() if sources}


def test_the_board_carries_more_spikes_than_it_holds_in_several_rounds(two_ranks: Any) -> None:
    board, ranks, rows, tables, _ = two_ranks
    tables[0].log([step << 32 | gid for step, gid in [(10, 3), (10, 5), (10, 4), (11, 8), (11, 3), (11, 99), (11, 5)]])
    tables[1].log([10 << 32 | 8])
    sent = [np.zeros(1, np.int64), np.zeros(1, np.int64)]
    rests = []
    for _ in range(3):
        for me in range(2):
            write_round(ranks[me], rows[me], board, sent[me])
        rests.append([read_round(ranks[me], rows[me], board, 0, 1, 12) for me in range(2)])
        for rank in ranks:
            rank[L.BOARD_ROUND] += 1
    assert rests == [[4, 4], [1, 1], [0, 0]], "both ranks know when the last round is over"
    assert [s.tolist() for s in sent] == [[7], [1]]
    assert taken(tables[0], range(12, 20)) == {14: [2]}
    assert taken(tables[1], range(12, 20)) == {12: [0], 13: [0, 1], 14: [1], 15: [2]}


def test_rounds_alternate_between_two_slots_of_each_rank(two_ranks: Any) -> None:
    board, ranks, rows, tables, _ = two_ranks
    sent = np.zeros(1, np.int64)
    tables[1].log([7 << 32 | 3])
    write_round(ranks[1], rows[1], board, sent)
    ranks[1][L.BOARD_ROUND] = 1
    tables[1].log([8 << 32 | 5])
    sent[:] = 0
    write_round(ranks[1], rows[1], board, sent)
    slots = board[B.WORDS :].reshape(4, HEADER + 3)
    assert slots[2, 0] == slots[3, 0] == 1
    assert (slots[2, HEADER], slots[3, HEADER]) == (7 << 32 | 3, 8 << 32 | 5)
    assert not slots[:2].any()


def test_remote_spikes_without_targets_here_are_passed_over(two_ranks: Any) -> None:
    _, ranks, _, tables, _ = two_ranks
    entries = np.array([20 << 32 | gid for gid in (0, 4, 9, 2**32 - 1)], np.int64)
    assert schedule_remote(ranks[0], tables[0].row, entries, 21)
    assert taken(tables[0], range(21, 29)) == {}
    assert schedule_remote(ranks[0], tables[0].row, np.array([20 << 32 | 8], np.int64), 21)
    assert taken(tables[0], range(21, 29)) == {24: [2]}
