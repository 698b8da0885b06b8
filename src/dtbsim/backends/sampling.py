"""Sampling of state variables: which neurons of which lanes, and the values of each chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.lane_tables import LaneTables
from dtbsim.backends.memory import Output
from dtbsim.build.kinds import Kind, neuron_values
from dtbsim.build.lanes import Run
from dtbsim.kernels import layout as L
from dtbsim.numerics.gids import Gids
from dtbsim.numerics.ranges import range_of
from dtbsim.spec.network import Network
from dtbsim.spec.samples import NEVER

ValuesOf = Callable[[str, NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Sampled:
    """One record on this rank: gids [n] ascending, variables, interval in steps."""

    record: int
    gids: Gids
    variables: tuple[str, ...]
    interval: int


def chosen_gids(network: Network, record: int) -> NDArray[np.int64]:
    """Gids of a request of states."""
    item = network.samples[record]
    return first_or_listed(network, item.family, item.neurons)


def first_or_listed(network: Network, family: int, neurons: int | list[int]) -> NDArray[np.int64]:
    """Gids of the `neurons` first neurons, or of the listed ones, in every population of the family."""
    gids = []
    for index in network.families[family].populations.tolist():
        population = network.populations[index]
        wanted = np.arange(min(neurons, population.size)) if isinstance(neurons, int) else neurons
        gids.append(population.gid0 + np.unique(np.asarray(wanted, dtype=np.int64)))
    return np.concatenate(gids)


def _local(runs: list[Run], gids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Local indices, ascending, of those of `gids` (ascending) that are in the runs."""
    found = [np.zeros(0, np.int64)]
    for run in runs:
        low, high = np.searchsorted(gids, [run.gid0, run.gid0 + run.size])
        found.append(gids[low:high] - run.gid0 + run.local)
    return np.sort(np.concatenate(found))


class Sampler:
    """Keeps the lanes' sampling tables; `take` returns what was sampled since `begin`."""

    def __init__(self, network: Network, kinds: list[Kind], tables: LaneTables) -> None:
        self._network, self._kinds, self._tables = network, kinds, tables
        self.records: list[Sampled] = []
        self._shown: list[tuple[int, str, NDArray[np.int64], NDArray[np.float32]]] = []
        """Family, variable, gids, and what is added to the values of these."""
        self._record_of_row: list[list[int]] = [[] for _ in tables.states]
        self._tables_of_lane: list[list[list[int]]] = [[] for _ in tables.states]
        self._parts: list[list[tuple[int, int, slice | NDArray[np.int64], int]]] = []
        """Lane, row of its table, columns among the gids of the record, index of the variable."""
        for record in range(len(network.samples)):
            self._add(record)
        self._arrays = [np.array(rows, np.int64).reshape(-1, L.SAMPLED_FIELDS) for rows in self._tables_of_lane]
        for lane, array in enumerate(self._arrays):
            tables.table[lane, L.N_SAMPLED] = len(array)
            tables.table[lane, L.SAMPLED_AT] = tables.memory.place_table(array)

    def _add(self, record: int) -> None:
        network = self._network
        item = network.samples[record]
        gids = chosen_gids(network, record)
        mine: list[NDArray[np.int64]] = []
        parts: list[tuple[int, int, NDArray[np.int64], int]] = []
        family = item.family
        for lane, state in enumerate(self._tables.states):
            runs = state.lane.runs_of_family(network.families[family])
            local = _local(runs, gids)
            if local.size == 0:
                continue
            kind = runs[0].kind
            group = state.neurons.group_of[kind]
            mine.append(state.lane.gids_of(local).astype(np.int64))
            for variable in item.variables:
                row = self._kinds[kind].model.state(variable)
                index = np.ascontiguousarray(local - group.start, dtype=np.int64)
                sampled = state.lane.gids_of(local).astype(np.int64)
                offset = self._offsets(family, variable, sampled)
                self._shown.append((family, variable, sampled, offset))
                table = self._tables_of_lane[lane]
                parts.append((lane, len(table), sampled, item.variables.index(variable)))
                base = group.state_offset[variable]
                where = 0 if row.dtype == "f32" else 1
                place = self._tables.memory.place
                self._record_of_row[lane].append(record)
                table.append([where, base, local.size, place(index), item.interval, 0, 0, place(offset)])
        owned = np.sort(np.concatenate([*mine, np.zeros(0, np.int64)])).astype(network.gid_dtype)
        self.records.append(Sampled(record, owned, item.variables, item.interval))
        self._parts.append([(lane, row, _columns(owned, part), variable) for lane, row, part, variable in parts])

    def _offsets(self, family: int, variable: str, gids: NDArray[np.int64]) -> NDArray[np.float32]:
        """What to add to the internal value of each neuron to get what the user sees."""
        model = self._network.families[family].model
        offsets = np.zeros(gids.size, dtype=np.float32)
        populations = range_of(self._network.gid_starts, gids)
        found, first = np.unique(populations, return_index=True)  # gids ascend
        for index, begin, end in zip(found, first, [*first[1:], gids.size], strict=True):
            here = slice(int(begin), int(end))
            position = int(np.searchsorted(self._network.families[family].populations, index))
            parameters = neuron_values(self._network, family, position, gids[here], "parameters")
            offsets[here] = np.asarray(model.recorded(variable, 0.0, parameters), dtype=np.float32)
        return offsets

    def parameters_changed(self, family: int, values: ValuesOf) -> None:
        """Follow new parameters of a family in what is added to its states; `values(name, gids)` gives those."""
        model = self._network.families[family].model
        for index, variable, gids, offset in self._shown:
            if index != family:  # of another model, maybe, without such a state
                continue
            added = model.state(variable).offset
            if added is not None:
                offset[:] = values(added, gids)
                self._tables.memory.store(offset, slice(None))

    def begin(self, start: int, stop: int) -> None:
        """Give every table room for the samples of [start, stop)."""
        self._span = start, stop
        self._outputs: list[list[Output]] = []
        for array, records in zip(self._arrays, self._record_of_row, strict=True):
            rows: list[Output] = []
            for row, record in zip(array, records, strict=True):
                row[L.S_INTERVAL] = self.records[record].interval if self._wanted(record) else NEVER
                n = (stop // int(row[L.S_INTERVAL]) - start // int(row[L.S_INTERVAL])) * int(row[L.S_COUNT])
                output = self._tables.memory.output(max(n, 1), np.float32)
                row[L.S_OUT_AT], row[L.S_CURSOR] = output.address, 0
                rows.append(output)
            self._outputs.append(rows)

    def _wanted(self, record: int) -> bool:
        """Whether a record has to do with the current chunk, as it was begun."""
        request, (start, stop) = self._network.samples[record], self._span
        return start < request.stop and stop > request.start

    def end(self, stop: int) -> None:
        """Only the steps before `stop` were done."""
        self._span = self._span[0], stop

    def take(self, record: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(steps int64[k], values float32[k, n_neurons, n_variables]) of a record; a sample ends its step.

        The values of a variable lie together in memory.
        """
        sampled = self.records[record]
        start, stop = self._span
        if not self._wanted(record):
            stop = start
        first = start // sampled.interval * sampled.interval + sampled.interval - 1
        steps = np.arange(first, stop, sampled.interval, dtype=np.int64)
        values = np.zeros((len(sampled.variables), steps.size, sampled.gids.size), dtype=np.float32)
        for lane, row, columns, variable in self._parts[record] if steps.size else ():
            n = int(self._arrays[lane][row, L.S_COUNT])
            values[variable][:, columns] = self._outputs[lane][row].values()[: steps.size * n].reshape(steps.size, n)
        return steps, values.transpose(1, 2, 0)


def _columns(all_gids: Gids, gids: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Where `gids` are among all (both ascend): a slice where they follow one another."""
    if not gids.size:
        return slice(0)
    first, last = np.searchsorted(all_gids, gids[[0, -1]]).tolist()
    return slice(first, last + 1) if last - first + 1 == gids.size else np.searchsorted(all_gids, gids)
