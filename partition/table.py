"""What a partitioner works on: the table of blocks and the traffic between regions or populations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]

WORK_UNITS = 2**52
"""Sum of the integer work of a table: relative resolution far below any prediction of work, sums exact in int64."""


@dataclass(frozen=True)
class BlockTable:
    """Blocks of neurons, the indivisible units of a partition; row i of every array is block i.

    Attributes:
        n_neurons: int64[b], neurons in the block, at least 1.
        work: float64[b], predicted cost of one step of the block in ns, finite and not negative.
        region: int32[b], index of the region, -1 for a block without one.
        population: int32[b], index of the population.
        gid0: int64[b], gid of the first neuron; distinct, it defines the order of the blocks.
        xyz_mm: float64[k, 3], where region k lies; None where no atlas says so.

    Raises:
        InputError: lengths differ, or a value is outside the ranges above.
    """

    n_neurons: Int64
    work: Float64
    region: Int32
    population: Int32
    gid0: Int64
    xyz_mm: Float64 | None = None

    def __post_init__(self) -> None:
        for name, dtype in _COLUMNS.items():
            object.__setattr__(self, name, _column(name, getattr(self, name), dtype))
        lengths = {name: len(getattr(self, name)) for name in _COLUMNS}
        if len(set(lengths.values())) != 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(f"the columns of a block table differ in length: {shown}", remedy="give one row per block")
        _require(self.n_neurons >= 1, self.n_neurons, "n_neurons", "at least 1")
        _require(np.isfinite(self.work) & (self.work >= 0), self.work, "work", "finite and not negative (ns per step)")
        _require(self.region >= -1, self.region, "region", "an index, or -1 for none")
        _require(self.population >= 0, self.population, "population", "an index")
        ascending = bool((np.diff(self.gid0) > 0).all())  # as blocks are cut: no need to look for equal ones
        if not ascending and len(np.unique(self.gid0)) != len(self.gid0):
            raise InputError("two blocks start at the same gid", remedy="give every block its own gid0")
        if self.xyz_mm is not None:
            object.__setattr__(self, "xyz_mm", _centroids(self.xyz_mm, int(self.region.max(initial=-1)) + 1))

    def __len__(self) -> int:
        return len(self.gid0)

    def order(self) -> Int64:
        """Return int64[b], the rows by ascending gid0: the order that every partitioner uses."""
        return np.argsort(self.gid0).astype(np.int64)

    def integer_work(self) -> Int64:
        """Return int64[b], work in units of 2**-52 of the total (neuron numbers where all work is zero).

        Integers make every sum exact, so that no result depends on the order of summation.
        """
        weight = self.work if self.work.sum() > 0 else self.n_neurons.astype(np.float64)
        scaled: Float64 = np.rint(weight * (WORK_UNITS / weight.sum()))
        return scaled.astype(np.int64)


@dataclass(frozen=True)
class Traffic:
    """Synaptic events per second between regions or populations.

    Attributes:
        matrix: [k, k], entry [i, j] from i to j, finite and not negative; given as an array or as anything sparse of
            scipy, kept as a csr_array of float64: it takes as much memory as there are pairs that talk to each other.
        by: what the rows and columns count: "region" (blocks without a region take no part) or "population".

    Raises:
        InputError: the matrix is not square, or holds a negative or non-finite number.
    """

    matrix: csr_array
    by: Literal["region", "population"]

    def __post_init__(self) -> None:
        from scipy.sparse import csr_array, issparse

        given: Any = self.matrix if issparse(self.matrix) else np.asarray(self.matrix, dtype=np.float64)
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise InputError(f"the traffic matrix has shape {given.shape}", remedy="give a square matrix")
        matrix = csr_array(given, dtype=np.float64)
        if not (np.isfinite(matrix.data).all() and (matrix.data >= 0).all()):
            raise InputError(
                "the traffic matrix holds a negative or non-finite number", remedy="give events per second"
            )
        if self.by not in ("region", "population"):
            raise InputError(f"traffic by '{self.by}'", remedy="allowed: region, population")
        object.__setattr__(self, "matrix", matrix)

    def index(self, blocks: BlockTable) -> Int32:
        """Return int32[b], the row of the matrix that each block belongs to (-1: none)."""
        index = blocks.region if self.by == "region" else blocks.population
        if len(index) and int(index.max()) >= self.matrix.shape[0]:
            raise InputError(
                f"the traffic matrix has {self.matrix.shape[0]} rows, but the blocks name {self.by} {int(index.max())}",
                remedy=f"give one row and column per {self.by}",
            )
        return index


def check_parts(blocks: BlockTable, n_parts: int, unit: str) -> None:
    """Raise InputError unless `blocks` can be shared by `n_parts` non-empty parts called `unit` (e.g. "ranks")."""
    if n_parts < 1:
        raise InputError(f"{n_parts} {unit}: at least 1 is needed")
    if n_parts > len(blocks):
        raise InputError(
            f"{n_parts} {unit}, but the network has only {len(blocks)} block(s) of neurons",
            where="simulation.block_size",
            remedy=f"use at most {len(blocks)} {unit}, or a smaller block_size for more blocks",
        )


def fill_empty(work: Int64, row: Int32, n_parts: int) -> Int32:
    """Return `row`, int32[b], with a block moved to every empty part, each from the most loaded that can spare one."""
    counts = np.bincount(row, minlength=n_parts)
    loads = np.zeros(n_parts, dtype=np.int64)
    np.add.at(loads, row, work)
    row = row.copy()
    for part in np.flatnonzero(counts == 0):
        donor = int(np.argmax(np.where(counts > 1, loads, -1)))
        block = int(np.flatnonzero(row == donor)[-1])
        row[block] = part
        counts[donor] -= 1
        counts[part] += 1
        loads[donor] -= work[block]
        loads[part] += work[block]
    return row


_COLUMNS: dict[str, type[np.generic]] = {
    "n_neurons": np.int64,
    "work": np.float64,
    "region": np.int32,
    "population": np.int32,
    "gid0": np.int64,
}


def _column(name: str, values: Any, dtype: type[np.generic]) -> NDArray[Any]:
    """Return `values` as a read-only one-dimensional copy of `dtype`; integers may not lose anything."""
    given = np.asarray(values)
    if given.ndim != 1:
        raise InputError(
            f"column {name} of a block table has {given.ndim} dimensions", remedy="give one number a block"
        )
    column = given.astype(dtype)
    if np.issubdtype(dtype, np.integer) and not np.array_equal(column, given):
        raise InputError(f"column {name} of a block table does not fit {np.dtype(dtype).name}")
    column.flags.writeable = False
    return column


def _centroids(values: Any, n_regions: int) -> Float64:
    """Return float64[k, 3] of at least `n_regions` rows, finite."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != 3 or len(given) < n_regions or not np.isfinite(given).all():
        raise InputError(
            f"xyz_mm of a block table of {n_regions} regions has shape {given.shape}",
            remedy="give three finite numbers for every region",
        )
    return given


def _require(good: NDArray[np.bool_], values: NDArray[Any], name: str, allowed: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise InputError(f"block {row} has {name} = {values[row]}; allowed: {allowed}")
