"""Stores of which every rank writes one, where an interrupted run goes on with another number of ranks.

A store keeps the neurons or synapses that it began with, so that what it holds need not be written again: rank r writes
store r, r + size, ... of the stores that there are. Ranks beyond those make further ones, with no neurons.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.mpi.world import on_every_rank

if TYPE_CHECKING:
    from dtbsim.signals.stream import Site

Ends = tuple[NDArray[Any], ...]
"""What each column of a store is: gids of neurons; targets, sources and delays of synapses."""


def rank_stores_of(site: Site) -> list[int]:
    """Numbers of the stores of a rank, first its own."""
    return list(range(site.comm.rank, max(site.begun, site.comm.size), site.comm.size))


class StoreColumns:
    """Which columns of all ranks belong to which store of this rank.

    `ends` are the columns of this rank's own neurons, in the order of `key`: all columns of a key (those of a target)
    are on one rank. `stores` are the numbers of this rank's stores in `folder` with what their columns are. Raises
    InputError where one that is there is damaged.
    """

    def __init__(self, site: Site, folder: Path, ends: Mapping[str, NDArray[Any]], key: str) -> None:
        self._comm, self._begun, self._folder = site.comm, site.begun, folder
        self._mine: Ends = tuple(ends.values())
        self._key = list(ends).index(key)
        self._rows: list[NDArray[np.int64]] | None = None
        self._known = not site.begun
        self.stores = [(k, _stored(folder, k, ends, site)) for k in rank_stores_of(site)]

    def is_new(self, store: int) -> bool:
        """Whether this is a store that an interrupted run did not have."""
        return 0 < self._begun <= store

    def dealt(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Values of the columns of every store of this rank, from those of this rank's neurons; collective.

        The columns are the axis 1 of samples [k, neurons, variables], and the only one of weights. Raises InputError,
        on all ranks, where the stores are of other neurons.
        """
        if not self._known:
            self._find()
        if self._rows is None:
            return [values]
        axis = min(1, values.ndim - 1)
        every = np.concatenate(self._comm.allgather(values), axis=axis)
        return [np.take(every, rows, axis=axis) for rows in self._rows]

    def _find(self) -> None:
        """Nothing needs to be brought to another rank where all have what they had."""
        self._known = True
        as_before = len(self.stores) == 1 and _same(self.stores[0][1], self._mine)
        if self._comm.allreduce_max(float(not as_before)) == 0:
            return
        every = [np.concatenate(parts) for parts in zip(*self._comm.allgather(self._mine), strict=True)]
        self._rows = on_every_rank(self._comm, lambda: [self._columns(every, stored) for _, stored in self.stores])

    def _columns(self, every: list[NDArray[Any]], stored: Ends) -> NDArray[np.int64]:
        """Where the columns of a store are among those of all ranks."""
        key = every[self._key]
        order = np.argsort(key, kind="stable")
        chosen = order[np.isin(key[order], stored[self._key])]
        if not _same(tuple(values[chosen] for values in every), stored):
            raise InputError("the stores are of other neurons or synapses", where=str(self._folder))
        return np.asarray(chosen, np.int64)


def _stored(folder: Path, store: int, ends: Mapping[str, NDArray[Any]], site: Site) -> Ends:
    from dtbsim.store.published import rank_store
    from dtbsim.store.table_reader import TableReader

    if not site.begun:
        return tuple(ends.values())
    if store >= site.begun:
        return tuple(values[:0] for values in ends.values())
    table = TableReader(rank_store(folder, store), None)
    return tuple(table.constant(name) for name in ends)


def _same(one: Ends, other: Ends) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def steps_before(folder: Path) -> NDArray[np.int64]:
    """Steps of the samples that the first store of an interrupted run keeps."""
    from dtbsim.store.open_tables import kept_of
    from dtbsim.store.published import rank_store
    from dtbsim.store.table_reader import TableReader

    path = rank_store(folder, 0)
    kept = kept_of(path)
    return np.asarray(TableReader(path, None).read("step", 0, None if kept is None else kept.rows), np.int64)
