"""The regions of one rank, whatever steps them: chunks, samples, hash, checks, state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.group import LaneGroup, Sampled
from dtbsim.backends.regions.series import RegionSeries
from dtbsim.backends.regions.shares import Share, share_of
from dtbsim.backends.regions.state import PART, load_outer, load_state, outer_state, row_names, state_of
from dtbsim.backends.regions.state_hash import INTERVAL, RegionHasher
from dtbsim.errors import NumericsError
from dtbsim.mpi import Comm
from dtbsim.spec.region_network import F64, RegionChange, RegionDrive, RegionNetwork

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


class RegionStepper(ABC):
    """Steps the share of one rank; `advance`, then `series` for every sample of the network.

    `lanes`: the most members of a group; None: as usual.
    """

    def __init__(self, network: RegionNetwork, dt_ms: float, comm: Comm, lanes: int | None = None) -> None:
        self._network, self._dt_ms, self._comm, self._lanes = network, dt_ms, comm, lanes
        self.share: Share = share_of(network, comm.rank, comm.size, lanes)
        self._sampled, self._columns = _sampled(network)
        self.groups: list[LaneGroup] = []
        self.reached = 0
        self._span = 0, 0
        self._begun = False
        self._noise_seed: int | None = None
        self.hasher = RegionHasher()
        self.filtered = [np.zeros(one.sizes.size, np.float32) for one in network.from_spikes]

    # -- what a device does in its own way ------------------------------------------------------------------------

    @abstractmethod
    def compile(self) -> None:
        """Have all machine code."""

    @abstractmethod
    def _fill_histories(self) -> None:
        """Fill the histories with what is sent at the start; collective."""

    @abstractmethod
    def _advance(self, stop: int) -> None:
        """Step from `reached` to before `stop`, within a chunk; collective."""

    @abstractmethod
    def step_block(self, stop: int) -> list[F32]:
        """Step to `stop`, within a block; returns what neurons get, float32[steps, targets] by `to_spikes`."""

    @abstractmethod
    def _remember(self, steps: int) -> None:
        """End a block that was stepped; what neurons gave is in `rates` of the group."""

    @abstractmethod
    def close(self) -> None:
        """Let go of threads and memory."""

    # -- stepping -----------------------------------------------------------------------------------------------

    @property
    def block(self) -> int:
        """Steps that can be taken at once: the shortest delay and one more."""
        return min((group.block for group in self.groups), default=1)

    def _begin(self) -> None:
        self.compile()
        if not self._begun:
            self._begun = True
            self._fill_histories()

    def advance(self, start: int, stop: int) -> None:
        """Step from `start`, which is `reached`, to before `stop`; collective."""
        self.begin_chunk(start, stop)
        self._to_end(stop)

    def _to_end(self, stop: int) -> None:
        """Step to before `stop`; states are mixed at every multiple of INTERVAL steps."""
        start = self.reached
        for end in (*range((start // INTERVAL + 1) * INTERVAL, stop, INTERVAL), stop):
            self._advance(end)
            self.reached = end
            if end % INTERVAL == 0:
                self._hash(last=False)

    @property
    def hybrid(self) -> bool:
        """Whether there are couplings from or to neurons, with which a block must be exchanged."""
        return bool(self._network.from_spikes or self._network.to_spikes)

    def begin_chunk(self, start: int, stop: int) -> None:
        """Begin the steps [start, stop), which follow block by block; collective."""
        self._begin()
        assert start == self.reached
        self._span = start, stop
        for group in self.groups:
            group.begin_chunk(start, stop)

    def block_end(self, stop: int) -> int:
        """Where the block that begins now ends."""
        hashed = (self.reached // INTERVAL + 1) * INTERVAL
        return min(self.reached + self.block, hashed, stop)

    def end_block(self, stop: int, counts: I64) -> None:
        """End the block that was stepped: `counts` int64[steps, populations] are the spikes in it, of all ranks."""
        (group,) = self.groups
        steps = stop - self.reached
        for number, one in enumerate(self._network.from_spikes):
            decay = np.float32(np.exp(-self._dt_ms / one.tau_ms))
            each = np.float32(1.0) / (one.sizes * (self._dt_ms * 1e-3)).astype(np.float32)
            now = self.filtered[number]
            for k in range(steps):
                now = decay * now + (np.float32(1.0) - decay) * (counts[k, one.populations].astype(np.float32) * each)
                group.rates[number][k] = now
            self.filtered[number] = now
        self._remember(steps)
        self.reached = stop
        if stop % INTERVAL == 0:
            self._hash(last=False)

    def _exchange(self, group: LaneGroup, steps: int) -> None:
        """Give what own nodes sent in a block to all ranks; float32 as they are, in words of 64 bits."""
        if not self.share.split or not group.everywhere:
            return
        parts = [group.sent_now(p, v, steps).ravel() for p, v in group.everywhere]
        mine = np.concatenate([np.zeros(0, np.float32), *parts])
        padded = np.zeros(-(-mine.size // 2) * 2, np.float32)
        padded[: mine.size] = mine
        words = padded.view(np.uint64)
        received = self._comm.alltoallv([words] * self._comm.size)
        for rank, other in enumerate(received):
            values, at = other.view(np.float32), 0
            for (p, _), everywhere in group.everywhere.items():
                first, last = share_of(self._network, rank, self._comm.size, self._lanes).nodes[p]
                size = (last - first) * group.lanes
                rows = values[at : at + steps * size].reshape(steps, size)
                everywhere[:steps, first * group.lanes : last * group.lanes] = rows
                at += steps * size
        group.tell_everywhere(steps)

    # -- the hash ------------------------------------------------------------------------------------------------

    def hashed(self) -> RegionHasher:
        """The hash of all states so far, those at present included."""
        if self.reached % INTERVAL or not self.hasher.sums:
            self._hash(last=True)
        return self.hasher

    def _hash(self, *, last: bool) -> None:
        for group in self.groups:
            group.fetch_states()
            members = np.array(group.members, np.uint64) << np.uint64(40)
            for block in group.blocks:
                nodes = block.node_keys.astype(np.uint64)
                who = (nodes[:, None] | members[None, :]).ravel()
                for k, row in enumerate(block.states[: len(block.kernel.variant.rows)]):
                    self.hasher.add(self.reached, who | np.uint64(k << 32), row, last=last)

    # -- samples ------------------------------------------------------------------------------------------------

    def series(self) -> list[RegionSeries]:
        """What the last chunk brought of every sample of the network: of the nodes and members of this rank."""
        start, stop = self._span
        found = []
        for sample, columns in zip(self._network.samples, self._columns, strict=True):
            first = start // sample.interval * sample.interval + sample.interval - 1
            steps = np.arange(first, stop, sample.interval, dtype=np.int64)
            low, high = self.share.nodes[sample.population]
            values = np.zeros((steps.size, high - low, len(self.share.members), len(columns)), np.float32)
            at = 0
            for group in self.groups:
                for k, column in enumerate(columns):
                    values[:, :, at : at + group.lanes, k] = group.taken(column)
                at += group.lanes
            found.append(RegionSeries(steps, values, (low, high), self.share.members))
        return found

    def parameter(self, population: int, name: str) -> NDArray[np.float64]:
        """float64[nodes of this rank, members of this rank]: what holds of a parameter."""
        one = self._network.populations[population]
        return np.concatenate([group.constants.parameter(one, name) for group in self.groups], axis=1)

    def set_parameter(self, population: int, name: str, values: NDArray[np.float64]) -> None:
        """New values of a parameter that changes during the run: float64[nodes of this rank, members of this rank]."""
        at = 0
        for group in self.groups:
            group.set_parameter(self._network.populations[population], name, values[:, at : at + group.lanes])
            at += group.lanes

    def change(self, change: RegionChange) -> None:
        """Make a change, from the next step on."""
        for group in self.groups:
            group.change(change)

    def set_drives(self, drives: Iterable[RegionDrive]) -> None:
        """Drive the regions like this from now on: the same drives on the same inputs, with other values."""
        for group in self.groups:
            group.drives.set(drives)

    def set_noise_seed(self, seed: int | None) -> None:
        """Draw noise, also that of drives, from this seed on; None: from that of every member."""
        if seed != self._noise_seed:
            self._noise_seed = seed
            for group in self.groups:
                group.set_noise_seed(seed)

    def values(self, population: int, name: str) -> F64:
        """float64[nodes here, members here]: a parameter or state as it is now."""
        for group in self.groups:
            group.fetch_states()
        where = self._network.populations[population]
        states = {row.name for row in where.model.states}
        found = [
            group.blocks[population].state(name).astype(np.float64)
            if name in states
            else group.constants.parameter(where, name)
            for group in self.groups
        ]
        first, last = self.share.nodes[population]
        return np.concatenate([np.zeros((last - first, 0)), *found], axis=1)

    # -- checks and measures ------------------------------------------------------------------------------------

    def _all_finite(self) -> bool:
        """Whether all states are, where that is known without looking at them here."""
        return False

    def check_finite(self, start: int, stop: int) -> None:
        """Raise NumericsError naming region, variable, member and steps if a state, or what was sampled in the chunk,
        became NaN or infinite."""
        if not self._all_finite():
            self._check_states(start, stop)
        for group in self.groups:
            for k, one in enumerate(self._sampled):
                finite = np.isfinite(group.taken(k))
                if not finite.all():
                    _, node, lane = np.argwhere(~finite)[0].tolist()
                    lost = np.flatnonzero(~finite.all(axis=(0, 1)))
                    members = tuple(group.members[at] for at in lost)
                    raise self._lost(one.population, one.variable, (node, lane), group, start, stop, members)

    def _check_states(self, start: int, stop: int) -> None:
        for group in self.groups:
            for population, block in zip(self._network.populations, group.blocks, strict=True):
                if np.isfinite(block.states).all():
                    continue
                row, element = np.argwhere(~np.isfinite(block.states))[0].tolist()
                at = divmod(element, group.lanes)
                name = row_names(block)[row]
                raise self._lost(population.index, name, at, group, start, stop, self._not_finite())

    def _lost(
        self, population: int, variable: str, at: tuple[int, int], group: LaneGroup, start: int, stop: int,
        members: tuple[int, ...],
    ) -> NumericsError:  # fmt: skip
        """`at`: which node of this rank, which lane of the group."""
        where = self._network.populations[population]
        region = where.node_names[self.share.nodes[population][0] + at[0]]
        member = "" if self._network.members.n == 1 else f", member {group.members[at[1]]} of the ensemble"
        kind = "value" if variable in {row.name for row in where.model.outputs} else "state"
        error = NumericsError(
            f"{kind} {variable} of region {region} became NaN or infinite after step {start}, by step {stop}{member}",
            where=f"population {where.name}",
            remedy="use a shorter dt_ms, or check parameters and coupling strengths",
        )
        error.members = members
        return error

    def _not_finite(self) -> tuple[int, ...]:
        """The members with a state that is NaN or infinite."""
        found: set[int] = set()
        for group in self.groups:
            for block in group.blocks:
                rows = np.isfinite(block.states).reshape(len(block.states), -1, group.lanes)
                found |= {group.members[lane] for lane in np.flatnonzero(~rows.all(axis=(0, 1)))}
        return tuple(sorted(found))

    @property
    def n_bytes(self) -> int:
        """Bytes of states, sums and histories."""
        return sum(
            sum(block.states.nbytes for block in group.blocks)
            + sum(array.nbytes for array in group.sums)
            + sum(history.values.nbytes for history in group.histories)
            for group in self.groups
        )

    # -- state --------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that going on needs, by node and member: `regions/...`, of the share of this rank."""
        found = state_of(self._network, self.share, self.groups)
        steps = np.array(sorted(self.hasher.sums), np.int64)
        sums = np.array([self.hasher.sums[int(step)] for step in steps], np.uint64).reshape(-1, 2)
        found |= {f"{PART}/hash/step": steps, f"{PART}/hash/sums": sums}
        return found | (outer_state(self.groups, self.filtered) if self._comm.is_root else {})

    def load(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        """Go on from the merged state of all ranks, in an engine that has not stepped; collective."""
        self._begin()
        load_state(state, self._network, self.share, self.groups, step)
        load_outer(state, self.groups, self.filtered)
        for group in self.groups:
            group.store()
        self.reached = step
        if self._comm.is_root:  # the sums of all ranks go on with one
            for at, sums in zip(state[f"{PART}/hash/step"], state[f"{PART}/hash/sums"], strict=True):
                self.hasher.sums[int(at)] = self.hasher.sums.get(int(at), np.zeros(2, np.uint64)) + sums


def _sampled(network: RegionNetwork) -> tuple[list[Sampled], list[list[int]]]:
    """What groups sample, and for every sample of the network which of them its variables are."""
    found: list[Sampled] = []
    columns: list[list[int]] = []
    for sample in network.samples:
        mine = []
        for variable in sample.variables:
            found.append(Sampled(sample.population, variable, sample.interval, sample.mean))
            mine.append(len(found) - 1)
        columns.append(mine)
    return found, columns
