"""What a run goes on from: the state of everything on a rank that carries any, and how those of all ranks are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.backends.state import OF_ALL_RANKS, merge_states
from dtbsim.build.rank import RankNetwork
from dtbsim.errors import InputError
from dtbsim.intervene import Feedback, Intervention, NoiseSeeds, Schedule, WeightSchedule
from dtbsim.mpi import Comm
from dtbsim.run_folder.checkpoint_file import Header
from dtbsim.simulate.chunks import ChunkReader
from dtbsim.simulate.streams import Planned, Streams
from dtbsim.spec.network import Network

Arrays = dict[str, NDArray[Any]]
Ranges = list[list[int]]
"""First gid and number of neurons, ascending."""
BACKEND, READER, STREAM, INTERVENTION = "backend", "counts", "stream", "intervention"
DRIVES_SET = f"{BACKEND}:drives/packed"


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything of a rank that carries state."""

    backend: Backend
    reader: ChunkReader
    streams: Streams
    acting: Sequence[Intervention]

    def check(self) -> None:
        """Raise InputError where something does not say what its state is."""
        self.streams.check_states()
        for intervention in self.acting:
            if not all(callable(getattr(intervention, name, None)) for name in ("state", "restore")):
                raise InputError(
                    f"{type(intervention).__name__} has no state() and restore(), so this run cannot be saved",
                    where="controllers",
                    remedy="leave it or `checkpoint` out, or add them to its class",
                )

    def state(self) -> Arrays:
        """All of it, under names that begin with those of the parts; collective."""
        found = dict(_named(BACKEND, self.backend.state()))
        found |= _named(READER, self.reader.state())
        for k, state in enumerate(self.streams.state()):
            found |= _named(f"{STREAM}.{k}", state)
        for k, intervention in enumerate(self.acting):
            found |= _named(f"{INTERVENTION}.{k}", intervention.state())
        return found

    def restore(self, states: Sequence[Arrays], comm: Comm) -> None:
        """Give all others of this rank what they go on from; `states` are what it needs of all ranks of the run.

        Raises InputError where something cannot go on with another number of ranks.
        """
        self.reader.restore([_part(state, READER) for state in states])
        self.streams.restore_from([self._of_streams(state) for state in states], comm)
        self._restore_interventions(states, comm)

    def branch(self, states: Sequence[Arrays], comm: Comm, manifest: Mapping[str, Any], same: frozenset[str]) -> None:
        """As `restore`, where a branch begins: recorders and signals of the kinds in `same` go on from their states."""
        if self.streams.unit == manifest["unit"]:
            self.reader.restore([_part(state, READER) for state in states])
        kinds = list(manifest["streams"])
        of_all = [[_part(state, f"{STREAM}.{k}") for k in range(len(kinds))] for state in states]
        self.streams.branch_from(of_all, comm, kinds, same)
        self._restore_interventions(states, comm)

    def go_on(self, step: int) -> None:
        """Have done what holds from the step on at which the run goes on."""
        for intervention in self.acting:
            if isinstance(intervention, Feedback | NoiseSeeds | WeightSchedule | Schedule):
                intervention.go_on(step, self.backend)

    def _restore_interventions(self, states: Sequence[Arrays], comm: Comm) -> None:
        for k, intervention in enumerate(self.acting):
            parts = [_part(state, f"{INTERVENTION}.{k}") for state in states]
            intervention.restore(of_one_rank(parts, comm, type(intervention).__name__))

    def _of_streams(self, state: Arrays) -> list[Arrays]:
        return [_part(state, f"{STREAM}.{k}") for k in range(self.streams.count)]


def described(network: Network, planned: Planned, acting: Sequence[Intervention]) -> dict[str, Any]:
    """What states refer to besides gids, as plain values: the same where a run goes on.

    `parts` are the classes of streams and interventions in their order, `streams` the kinds of the former, `unit` and
    bins the steps in which they count; `drives` names by number; `quanta` the weights of one quantum of every channel,
    and `forms` what the neurons keep, of every population.
    """
    plans = [plan for _, plan in planned.plans]
    return {
        "parts": [type(one).__name__ for one in (*plans, *acting)],
        "streams": planned.kinds,
        "unit": planned.unit,
        "bins": [list(plan.bins) for plan in plans],
        "controller_bins": [plan.interval for plan in planned.controllers if plan.counts],
        "drives": [name for _, name in sorted({(drive.index, drive.name) for drive in network.drives})],
        "quanta": {f.name: [float(channel.quantum) for channel in f.channels] for f in network.families},
        "forms": {f.name: [f.model.name, *(row.name for row in f.model.states)] for f in network.families},
    }


def neurons_of(built: RankNetwork) -> Ranges:
    """Ranges [first gid, number] of the neurons of a rank, ascending."""
    runs = sorted((run.gid0, run.size) for state in built.lanes for run in state.lane.runs)
    found: Ranges = []
    for gid0, size in runs:
        if found and sum(found[-1]) == gid0:
            found[-1][1] += size
        else:
            found.append([gid0, size])
    return found


def needed(neurons: Ranges, comm: Comm, n_files: int) -> Callable[[int, Header], Collection[str]]:
    """What a rank with these neurons needs of the file of every rank of the interrupted run: names of arrays.

    States that belong to neurons, and to synapses onto them, only of files with neurons of its own; counts and streams
    only of its own file, where there are as many ranks as there were; of all files what every rank must know.
    """

    def of_file(number: int, header: Header) -> Collection[str]:
        theirs = header.about["neurons"]
        names = {row["name"] for row in header.arrays}
        own = number == comm.rank if n_files == comm.size else True
        near = _overlap(neurons, theirs) or (not neurons and number == 0)
        return {name for name in names if _is_needed(name, names, own=own, near=near)}

    return of_file


def _is_needed(name: str, names: Collection[str], *, own: bool, near: bool) -> bool:
    part, _, rest = name.partition(":")
    if part == BACKEND:
        return near or rest.split("/")[0] in OF_ALL_RANKS
    if part.startswith(INTERVENTION):
        return near or f"{part}:gids" not in names
    return own


def _overlap(one: Ranges, other: Ranges) -> bool:
    """Whether some neuron is in both; the ranges ascend."""
    starts = np.array([first for first, _ in other], np.int64)
    for first, size in one:
        k = int(np.searchsorted(starts, first + size)) - 1
        if k >= 0 and first < sum(other[k]):
            return True
    return False


def with_states(backend: Backend, states: Sequence[Arrays]) -> None:
    """Give the backend what it goes on from, of the states of all ranks of the interrupted run; collective."""
    backend.load(merge_states([_part(state, BACKEND) for state in states]))


def of_one_rank(states: Sequence[Arrays], comm: Comm, name: str) -> Arrays:
    """What an intervention goes on from: arrays of neurons, whose `gids` are among them, of all ranks by ascending gid.

    Without `gids` it is the same on all ranks, or theirs where there are as many ranks as there were.
    """
    near = [state for state in states if "gids" in state]
    if near:
        order = np.argsort(np.concatenate([state["gids"] for state in near]), kind="stable")
        return {key: np.concatenate([state[key] for state in near])[order] for key in near[0]}
    first = states[0]
    if all(_equal(first, state) for state in states[1:]):
        return first
    if len(states) != comm.size:
        raise InputError(
            f"{name} differs between ranks, so it can only go on with as many as it had ({len(states)})",
            where="controllers",
            remedy=f"start {len(states)} ranks",
        )
    return states[comm.rank]


def _equal(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def _named(part: str, state: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    return ((f"{part}:{name}", np.asarray(array)) for name, array in state.items())


def _part(state: Arrays, part: str) -> Arrays:
    begin = f"{part}:"
    return {name.removeprefix(begin): array for name, array in state.items() if name.startswith(begin)}
