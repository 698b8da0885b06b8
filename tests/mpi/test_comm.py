"""Ranks that are processes answer as ranks that are threads do, and carry spikes as one process steps them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of, simulate, sorted_rows, spikes_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.errors import InputError, MemoryPlanError, StorageError
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.mailbox import DirectMailbox
from dtbsim.exchange.neighbours import neighbour_exchange
from dtbsim.exchange.plan import plan_exchange
from dtbsim.mpi import Comm, ElsewhereError, on_root, run_ranks, world_comm
from dtbsim.mpi.channel import Messages
from dtbsim.mpi.comm import ROW_LAST_TICK_NS, ROW_TICKS, ROW_WAITING, blank_row
from dtbsim.mpi.world import is_agreed, on_every_rank

pytestmark = [pytest.mark.mpi(min_size=2), pytest.mark.timeout(90)]

U64 = np.uint64


@pytest.fixture(scope="module")
def comm() -> Iterator[Comm]:
    found = world_comm()
    yield found
    found.close()


def u64(*values: int) -> Any:
    return np.array(values, dtype=U64)


# -- every method, against the ranks that are threads ----------------------------------------------------------


def who_am_i(comm: Comm) -> Any:
    return comm.rank, comm.size, comm.is_root, comm.node_rank, comm.node_size, comm.node_index, comm.node_count


def broadcast(comm: Comm) -> Any:
    return [comm.bcast({"from": comm.rank, "many": [comm.rank] * 5000}, root) for root in range(comm.size)]


def gather(comm: Comm) -> Any:
    return [comm.gather(("x" * comm.rank, comm.rank), root) for root in range(comm.size)]


def allgather(comm: Comm) -> Any:
    return [comm.allgather(None if comm.rank == 1 else np.arange(comm.rank)), comm.allgather(comm.rank)]


def sums(comm: Comm) -> Any:
    table = (np.arange(6, dtype=np.int64) * 10**15 * (comm.rank + 1)).reshape(2, 3)
    return [comm.allreduce_sum(table), comm.allreduce_sum(table[:, ::2]), comm.allreduce_sum(table[:0]), table]


def largest(comm: Comm) -> Any:
    return [comm.allreduce_max(value) for value in (-float(comm.rank), comm.rank == 1, 1e300 * comm.rank, -1e-300)]


def counts(comm: Comm) -> Any:
    return comm.exchange_counts(u64(*(100 * comm.rank + other for other in range(comm.size))))


def parts(comm: Comm) -> Any:
    """Of different lengths, none at all, and only from one rank."""
    uneven = [np.full(other * comm.rank, 2**63 + comm.rank, dtype=U64) for other in range(comm.size)]
    empty = [u64() for _ in range(comm.size)]
    lonely = [u64(other, 7) if comm.rank == 1 else u64() for other in range(comm.size)]
    return [comm.alltoallv(send) for send in (uneven, empty, lonely)]


def channels(comm: Comm) -> Any:
    """Two channels under way at the same time, several rounds each, waited for in the other order."""
    made = []
    for words in (2, 5):
        other = [rank for rank in range(comm.size) if rank != comm.rank]
        at = np.arange(comm.size, dtype=np.int64) * words
        out, into = Messages(other, np.zeros(at[-1], U64), at), Messages(other, np.full(at[-1], 7, U64), at)
        made.append((comm.channel(comm.new_tag(), out, into), out, into))
    taken = []
    for turn in range(6):
        for number, (channel, out, _) in enumerate(made):
            for rank, message in out.parts:
                message[:] = 1000 * number + 100 * comm.rank + 10 * rank + turn
            channel.post()
        for channel, _, into in reversed(made):
            if turn % 2:
                comm.poll(channel.ready)
            channel.complete()
            taken.append(into.buffer.copy())
    for channel, _, _ in made:
        channel.close()
    return taken


def mail(comm: Comm) -> Any:
    """To the next rank and the one after it, several rounds, of lengths that outgrow the room and shrink again."""
    to = sorted({(comm.rank + shift) % comm.size for shift in (1, 2)} - {comm.rank})
    sources = sorted({(comm.rank - shift) % comm.size for shift in (1, 2)} - {comm.rank})
    first, second = DirectMailbox(comm, to, sources, 4), DirectMailbox(comm, [], [], 4)
    taken = []
    for turn in range(150):
        rest = []
        for k, rank in enumerate(to):
            n = (7 * turn + rank) % 40 if turn < 40 else 1000 if turn == 50 else turn % 3
            words = np.arange(n, dtype=U64) + U64(1000 * comm.rank + turn)
            room = int(first.send_at[k + 1] - first.send_at[k]) - 1
            begin = int(first.send_at[k])
            first.send[begin] = n
            first.send[begin + 1 : begin + 1 + min(n, room)] = words[:room]
            if n > room:
                rest.append((k, words[room:]))
        first.post(rest)
        second.post()
        over, _ = first.complete(), second.complete()
        begins = [int(at) for at in first.recv_at]
        for k in range(len(sources)):
            n = int(first.recv[begins[k]])
            taken.append(first.recv[begins[k] + 1 : min(begins[k] + 1 + n, begins[k + 1])].copy())
        taken += [*over, np.diff(first.recv_at), np.diff(first.send_at)]
        first.tidy()
    return taken


def questions(comm: Comm) -> Any:
    """Asked before something else is exchanged, answered after it."""
    answers = []
    for turn in range(5):
        comm.ask_max(float(comm.rank == turn))
        comm.barrier()
        answers.append(comm.answer_max())
    return answers


def shared(comm: Comm) -> Any:
    """Zero at first; what one rank of the node writes, all of them read."""
    memory = comm.shared_memory(64 * comm.node_size)
    assert memory is not None
    other = comm.shared_memory(8)
    assert other is not None
    before = memory.copy()
    comm.barrier()
    memory[64 * comm.node_rank : 64 * comm.node_rank + 3] = comm.rank + 1
    if comm.is_root:
        other[:] = 9
    comm.barrier()
    after = memory.copy(), other.copy()
    comm.barrier()
    return before, after


@pytest.mark.parametrize(
    "talk",
    [
        who_am_i,
        broadcast,
        gather,
        allgather,
        sums,
        largest,
        counts,
        parts,
        channels,
        mail,
        questions,
        shared,
    ],
    ids=lambda talk: talk.__name__,
)
def test_processes_answer_as_threads_do(comm: Comm, talk: Callable[[Comm], Any]) -> None:
    expected = run_ranks(comm.size, talk)[comm.rank]
    assert_same(talk(comm), expected)


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


def test_a_barrier_waits_for_the_last(comm: Comm) -> None:
    comm.barrier()
    if comm.rank == comm.size - 1:
        time.sleep(0.2)
    came_ns = time.monotonic_ns()
    comm.barrier()
    left_ns = time.monotonic_ns()
    arrivals = comm.allgather(came_ns)  # one machine, one clock
    assert left_ns >= max(arrivals)


@pytest.mark.parametrize("send", [np.zeros(1, np.int64), np.zeros((1, 1), U64), np.zeros(99, U64)])
def test_wrong_arrays_are_refused_before_anything_is_sent(comm: Comm, send: Any) -> None:
    with pytest.raises(ValueError, match="exchange needs uint64 of shape"):
        comm.exchange_counts(send)
    with pytest.raises(ValueError, match="flat uint64 arrays, one per rank"):
        comm.alltoallv([send])


def test_the_row_shows_who_waits_and_that_it_goes_on(comm: Comm) -> None:
    row = blank_row()
    comm.attach_row(row)
    try:
        before_ns = time.monotonic_ns()
        comm.barrier()
        assert (row[ROW_TICKS], row[ROW_WAITING]) == (1, 0)
        assert before_ns <= row[ROW_LAST_TICK_NS] <= time.monotonic_ns()
        ticks = row[ROW_TICKS]
        if comm.rank == 0:
            time.sleep(0.2)
            comm.barrier()
        else:
            waiting: list[int] = []
            request = comm.handle.Ibarrier()  # type: ignore[attr-defined]

            def done() -> bool:
                waiting.append(row[ROW_WAITING])
                return bool(request.Test())

            comm.poll(done)  # type: ignore[attr-defined]
            assert set(waiting) == {1}
        assert (row[ROW_TICKS], row[ROW_WAITING]) == (ticks + 1, 0)
    finally:
        comm.attach_row(blank_row())


def test_a_long_wait_leaves_the_core_to_others(comm: Comm, monkeypatch: pytest.MonkeyPatch) -> None:
    """First it gives its core away between two looks, then it sleeps between them, at last for a millisecond."""
    from dtbsim.mpi import library

    naps_s: list[float] = []
    yields: list[None] = []
    monkeypatch.setattr(library.time, "sleep", naps_s.append)
    monkeypatch.setattr(library.os, "sched_yield", lambda: yields.append(None))
    looks = iter(range(10**6))
    comm.poll(lambda: next(looks) >= 20_000)
    monkeypatch.undo()
    comm.barrier()
    assert len(yields) < 2000
    assert len(yields) + len(naps_s) == 20_000
    assert naps_s == sorted(naps_s)
    assert naps_s.count(1e-3) > 14_000


# -- errors that all ranks share -------------------------------------------------------------------------------


def test_on_root_gives_every_rank_the_result(comm: Comm) -> None:
    assert on_root(comm, lambda: {"pid": os.getpid(), "rank": comm.rank}) == comm.bcast(
        {"pid": os.getpid(), "rank": comm.rank}
    )


def test_on_root_all_ranks_leave_with_one_error(comm: Comm) -> None:
    def refuse() -> None:
        raise InputError("no such key", where="run.yaml:3", remedy="remove it")

    with pytest.raises((InputError, ElsewhereError)) as caught:
        on_root(comm, refuse)
    assert type(caught.value) is (InputError if comm.is_root else ElsewhereError)
    told = comm.allgather((str(caught.value), caught.value.exit_code, is_agreed(caught.value)))
    assert "run.yaml:3: no such key (remove it)" in told[0][0]
    assert {entry[1:] for entry in told} == {(2, True)}
    comm.barrier()  # nobody is left waiting inside


def test_on_every_rank_returns_what_each_has(comm: Comm) -> None:
    assert on_every_rank(comm, lambda: comm.rank * 10) == comm.rank * 10


@pytest.mark.parametrize("failing", [[0], [1], [0, 1]])
def test_on_every_rank_all_raise_the_same(comm: Comm, failing: list[int]) -> None:
    def work() -> None:
        if comm.rank in failing:
            raise StorageError(f"disk {comm.rank} is full", where="spikes", remedy="free some space")

    with pytest.raises(Exception, match="is full") as caught:
        on_every_rank(comm, work)
    told = comm.allgather((str(caught.value), getattr(caught.value, "exit_code", 0), is_agreed(caught.value)))
    first = failing[0]
    assert set(told) == {(f"spikes: [rank {first}] disk {first} is full (free some space)", 5, True)}


def test_an_error_of_all_ranks_names_none(comm: Comm) -> None:
    def work() -> None:
        raise MemoryPlanError("too large", remedy="use more nodes")

    with pytest.raises(MemoryPlanError) as caught:
        on_every_rank(comm, work)
    assert str(caught.value) == "too large (use more nodes)"
    assert is_agreed(caught.value)


# -- spikes between ranks --------------------------------------------------------------------------------------

NET = """\
seed: 8
simulation: {dt_ms: 0.1, duration_ms: 40, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 160, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
  I: {model: iaf_psc_exp, size: 48}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 60, delay_ms: DELAY}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 60, delay_ms: DELAY}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 12}, weight_pA: -150, delay_ms: 1.7}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
"""
CHUNKS = (1, 8, 57, 58, 200)
"""Ends of chunks that are no multiples of any window."""


@pytest.mark.parametrize("delay_ms", [0.1, 0.2, 1.3], ids=["window1", "window2", "window13"])
@pytest.mark.parametrize(
    ("kind", "room"),
    [("packets", 512), ("packets", 4), ("board", None), ("board", 3)],
    ids=["packets", "packets-overflow", "board", "board-rounds"],
)
def test_spikes_between_ranks_are_those_of_one_process(
    comm: Comm, kind: str, room: int | None, delay_ms: float
) -> None:
    network = network_of(NET.replace("DELAY", str(delay_ms)))
    expected = simulate(network)
    assert len(expected) > 300

    built = built_rank(network, comm.rank, comm.size)
    plan = plan_exchange(network, built.blocks, comm.size)
    assert plan.window == round(delay_ms / 0.1)
    exchange: Any
    if kind == "packets":
        exchange = neighbour_exchange(comm, built, plan, room or 64)
    else:
        exchange = SharedBoard(comm, plan, network.n_neurons)
        exchange.capacity = exchange.capacity if room is None else room
    backend = CpuBackend(built, exchange, 1)
    mine = []
    for start, stop in zip((0, *CHUNKS), (*CHUNKS, network.n_steps), strict=True):
        backend.advance(start, stop)
        mine.append(spikes_of(backend))
    backend.close()
    found = sorted_rows(np.concatenate([spikes for part in comm.allgather(mine) for spikes in part]))
    np.testing.assert_array_equal(found, expected)
    assert min(len(np.concatenate(part)) for part in comm.allgather(mine)) > 0, "every rank has a share"


def test_spikes_that_do_not_travel_show(comm: Comm) -> None:
    """The comparison above can fail: with an exchange that forgets, the ranks spike differently."""
    network = network_of(NET.replace("DELAY", "1.3"))
    built = built_rank(network, comm.rank, comm.size)
    backend = CpuBackend(built, None, 1)
    backend.advance(0, network.n_steps)
    mine = spikes_of(backend)
    backend.close()
    assert not np.array_equal(sorted_rows(np.concatenate(comm.allgather(mine))), simulate(network))


def test_a_path_of_rank_0_is_the_path_of_all(comm: Comm, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Objects that travel keep their type: the run folder is made on rank 0 and used on all."""
    folder = on_root(comm, lambda: tmp_path_factory.mktemp("shared"))
    assert isinstance(folder, Path)
    (folder / f"rank_{comm.rank}").touch()
    comm.barrier()
    assert len(list(folder.iterdir())) == comm.size
    comm.barrier()
