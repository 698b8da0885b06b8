"""Runs that are interrupted: the state is taken in the middle and loaded by backends of another division."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.helpers.networks import built_rank, sorted_rows, spikes_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.state import State, merge_states
from dtbsim.build import lanes
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.open import CpuExchange, open_exchange
from dtbsim.exchange.plan import plan_exchange
from dtbsim.mpi.fake import FakeComm, run_ranks
from dtbsim.spec import Network


@dataclass(frozen=True)
class Division:
    """Ranks and threads, how spikes travel, and the input slots of a lane (fewer give many lanes)."""

    ranks: int = 1
    threads: int = 1
    board: bool = False
    slots: int = lanes.PACKED_SLOTS
    words: int = 512
    nodes: int | None = None
    """By messages over the leaders of so many nodes."""


@dataclass(eq=False)
class Stretch:
    """What some steps of a run gave: spikes, sampled states and weights of every record, events; the state then."""

    spikes: Any
    samples: list[Any]
    weights: list[Any]
    events: int
    state: State


@contextmanager
def _slots(n: int) -> Iterator[None]:
    usual, lanes.PACKED_SLOTS = lanes.PACKED_SLOTS, n
    try:
        yield
    finally:
        lanes.PACKED_SLOTS = usual


def stretch(
    network: Network,
    division: Division,
    steps: tuple[int, ...],
    state: State | None = None,
    before: Callable[[Any, int], None] | None = None,
) -> Stretch:
    """Run from steps[0] to steps[-1], in chunks, from a state that was taken at steps[0].

    `before(backend, step)` is called before every chunk.
    """

    def work(comm: FakeComm) -> Any:
        built = built_rank(network, comm.rank, comm.size, division.threads)
        exchange: Any = None
        if comm.size > 1:
            plan = plan_exchange(network, built.blocks, comm.size)
            way: CpuExchange = "packets" if division.nodes is None else "two_level"
            exchange = (
                SharedBoard(comm, plan, network.n_neurons)
                if division.board
                else open_exchange(way, comm, built, plan, division.words)
            )
        backend = CpuBackend(built, exchange, division.threads)
        try:
            if state is not None:
                backend.load(state)
            return _stepped(backend, steps, before)
        finally:
            backend.close()

    with _slots(division.slots):
        results = run_ranks(division.ranks, work, node_count=division.nodes or 1, timeout_s=250)
    spikes, samples, weights, events, states = zip(*results, strict=True)
    return Stretch(
        sorted_rows(np.concatenate(spikes)),
        [_by_neuron(parts) for parts in zip(*samples, strict=True)],
        [_by_synapse(parts) for parts in zip(*weights, strict=True)],
        sum(events),
        merge_states(states),
    )


def _stepped(backend: Any, steps: tuple[int, ...], before: Callable[[Any, int], None] | None) -> Any:
    spikes, samples = [np.zeros((0, 2), np.int64)], [[] for _ in backend.sampler.records]
    for start, stop in itertools.pairwise(steps):
        if before is not None:
            before(backend, start)
        backend.advance(start, stop)
        spikes.append(spikes_of(backend))
        for k, taken in enumerate(samples):
            taken.append(backend.sampler.take(k)[1])
    sampled = [
        (record.gids, np.concatenate([np.zeros((0, record.gids.size, len(record.variables)), np.float32), *taken]))
        for record, taken in zip(backend.sampler.records, samples, strict=True)
    ]
    state = backend.state()
    weights = [
        (kept.target, kept.source, kept.delay, kept.now(steps[-1])) for kept in backend.weights
    ]  # fmt: skip
    return np.concatenate(spikes), sampled, weights, backend.events(), state


def _by_neuron(parts: Any) -> Any:
    """float32[times, neurons, variables], neurons by gid."""
    gids = np.concatenate([gids for gids, _ in parts])
    return np.concatenate([values for _, values in parts], axis=1)[:, np.argsort(gids)]


def _by_synapse(parts: Any) -> Any:
    """float64[synapses, 4]: target, source, delay, weight; those of one target are all on one rank, in their order."""
    table = np.concatenate([np.stack([np.asarray(part, float) for part in columns], axis=1) for columns in parts])
    return table[np.argsort(table[:, 0], kind="stable")]


def assert_goes_on(
    network: Network,
    step: int,
    first: Division,
    second: Division,
    pauses: tuple[int, ...] = (),
    before: Callable[[Any, int], None] | None = None,
) -> None:
    """Interrupted at `step`, for another division, the run gives what it gives without, bit for bit."""
    n = network.n_steps
    whole = stretch(network, Division(), tuple(sorted({0, *pauses, step, n})), before=before)
    until = tuple(sorted({0, *(pause for pause in pauses if pause < step), step // 3, step}))
    begun = stretch(network, first, until, before=before)
    after = tuple(sorted({step, *(pause for pause in pauses if pause > step), min(step + 3, n), n}))
    ended = stretch(network, second, after, begun.state, before)
    samples = [np.concatenate(parts) for parts in zip(begun.samples, ended.samples, strict=True)]
    spikes = sorted_rows(np.concatenate([begun.spikes, ended.spikes]))
    assert_same(Stretch(spikes, samples, ended.weights, ended.events, ended.state), whole)


def assert_same(found: Stretch, expected: Stretch) -> None:
    """Equal bit for bit, the states, too."""
    assert np.array_equal(found.spikes, expected.spikes)
    for one, other in zip(found.samples + found.weights, expected.samples + expected.weights, strict=True):
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    assert found.events == expected.events
    assert_same_state(found.state, expected.state)


def assert_same_state(found: State, expected: State) -> None:
    """Equal bit for bit but for the order of ranks, and how often what several ranks have is listed."""
    assert found.keys() == expected.keys()
    one, other = in_order(found), in_order(expected)
    for name in other:
        assert one[name].shape == other[name].shape, name
        assert one[name].tobytes() == other[name].tobytes(), name


KEYS = {
    "source": ("gid",),
    "transit": ("step", "gid", "nth"),
    "target": ("gid",),
    "dopamine": ("cell",),
    "neurons": ("gid",),
    "noise": ("drive", "gid"),
    "trains": ("gid",),
    "spikes": ("step", "gid"),
    "parameters": ("gid",),
}
"""Columns that tell the rows of a table apart."""


def in_order(state: State) -> dict[str, Any]:
    """The same with the rows of every table in the order of their keys, each once."""
    done: dict[str, Any] = {"events": state["events/count"].sum()}
    for name, array in state.items():
        table, _, column = name.rpartition("/")
        if name == "step" or column in ("applied", "clock", "level"):
            done[name] = np.unique(array, axis=0)
        elif column == "packed":
            done[name] = array
        elif column in ("weight", "eligibility", "history", "event") or table.endswith("/state"):
            target = f"{table.removesuffix('/state')}/target"
            done[name] = _ragged(state, target, array, "spikes" if column == "history" else "indegree")
        elif table != "events":
            done[name] = array[_rows(state, name)]
    return done


def _rows(state: State, name: str) -> Any:
    """Rows of the table of a column, in their order."""
    table = name.rpartition("/")[0]
    parts = table.split("/")
    keys = KEYS[parts[-1] if parts[0] == "synapses" else parts[0]]
    columns = np.stack([state[f"{table}/{key}"].astype(np.int64) for key in keys], axis=1)
    if parts[0] == "spikes":  # a neuron may spike several times in a step
        return np.lexsort(columns.T[::-1])
    return np.unique(columns, axis=0, return_index=True)[1]


def _ragged(state: State, target: str, values: Any, count: str) -> Any:
    """Values of the targets, target by target."""
    order = np.argsort(state[f"{target}/gid"], kind="stable")
    pieces = np.split(values, np.cumsum(state[f"{target}/{count}"])[:-1])
    return np.concatenate([pieces[k] for k in order]) if order.size else values
