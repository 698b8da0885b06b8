"""Numbers from anywhere: every source of numbers of a configuration becomes one of five forms.

    float       the same for all
    Table       drawn for every neuron
    float64[r]  one for every region of a population (of its populations, in their order)
    Spread      drawn for every neuron around the mean of its region
    PerNeuron   listed for every neuron

What can vary in fewer ways takes fewer of them. Equal numbers are a float, however they were written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.bounds import MAX_NUMBER
from dtbsim.config.sources import PER_REGION, FromFile, Matrix, RegionMap, RegionValues, Spreading
from dtbsim.errors import InputError, did_you_mean
from dtbsim.paths import user_path
from dtbsim.spec.distributions import Table, table_at
from dtbsim.spec.number_files import read_matrix, read_numbers, read_regions
from dtbsim.spec.places import Places
from dtbsim.spec.regions import atlas_of

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class PerNeuron:
    """A number for every neuron of a population, region after region: values[starts[position] + index]."""

    values: F64
    starts: I64

    def of(self, position: int, neurons: I64) -> F64:
        """Those of neurons, by index, of the region at a position among the regions of the population."""
        return np.asarray(self.values[self.starts[position] + neurons])


@dataclass(frozen=True, eq=False)
class Spread:
    """Drawn around the `means` of regions, float64[r]: times what `table` gives (`relative`), or plus it."""

    means: F64
    table: Table
    relative: bool

    def table_of(self, position: int) -> Table:
        """What is drawn in the region at a position among the regions of the population."""
        mean = float(self.means[position])
        return self.table.map(mean) if self.relative else self.table.shifted(mean)


Quantity = float | Table | F64 | Spread | PerNeuron


def varies_within(value: Quantity) -> bool:
    """Whether neurons of one region can have different values."""
    return isinstance(value, Table | Spread | PerNeuron)


def typical(value: Quantity) -> float:
    """A value that some neuron may have."""
    if isinstance(value, Table):
        return value.mean
    if isinstance(value, Spread):
        return value.table_of(0).mean
    return float(np.atleast_1d(value.values if isinstance(value, PerNeuron) else np.asarray(value))[0])


def extremes(value: Quantity) -> tuple[float, float]:
    """Smallest and largest value."""
    if isinstance(value, Table):
        return value.low, value.high
    if isinstance(value, Spread):
        ends = np.array([value.table.low, value.table.high])
        reached = np.multiply.outer(value.means, ends) if value.relative else np.add.outer(value.means, ends)
        return float(reached.min()), float(reached.max())
    values = value.values if isinstance(value, PerNeuron) else np.asarray(value)
    return float(np.min(values)), float(np.max(values))


def values_of(value: Quantity, position: int, neurons: I64, words: Callable[[], NDArray[np.uint32]]) -> float | F64:
    """Values of neurons, by index within the region at a position; `words` gives a uniform word for each of them."""
    if isinstance(value, Table):
        return value.draw(words())
    if isinstance(value, Spread):
        return value.table_of(position).draw(words())
    if isinstance(value, PerNeuron):
        return value.of(position, neurons)
    return float(value[position]) if isinstance(value, np.ndarray) else float(value)


@dataclass(frozen=True)
class Numbers:
    """Reads the numbers of a configuration: paths in it are relative to `base`, regions those of the `atlas`."""

    atlas: Atlas | None
    base: Path
    places: Places

    def of(self, atlas: Atlas) -> Numbers:
        """The same with another atlas."""
        return Numbers(atlas, self.base, self.places)

    def quantity(self, value: Any, regions: NDArray[np.int32], sizes: I64, path: str) -> Quantity:
        """A value of the neurons of a population in `regions` ([-1]: in none), of so many neurons each."""
        if isinstance(value, PER_REGION):
            return self._spreading(value, self.by_region(value, regions, path), path)
        if isinstance(value, list | FromFile):
            return self._per_neuron(value, regions, sizes, path)
        table = table_at(value, path, self.places)
        return table.low if table.constant else table

    def _spreading(self, value: Spreading, means: F64, path: str) -> Quantity:
        table, relative = self.spread(value, path)
        if table is not None and table.constant:
            means, table = means * table.low if relative else means + table.low, None
        if table is not None:
            made = Spread(means, table, relative)
            self._check_size(np.array(extremes(made)), path)
            return made
        return float(means[0]) if (means == means[0]).all() else means

    def spread(self, value: Spreading, path: str) -> tuple[Table | None, bool]:
        """Table of the spread around the means of a value (None: it has none), and whether it is a factor."""
        for key, relative in (("relative_spread", True), ("spread", False)):
            given = getattr(value, key)
            if given is not None:
                return table_at(given, f"{path}.{key}", self.places), relative
        return None, True

    def _per_neuron(self, value: list[float] | FromFile, regions: NDArray[np.int32], sizes: I64, path: str) -> Quantity:
        if isinstance(value, FromFile):
            numbers = self._read(value.file, f"{path}.file", lambda file: read_numbers(file, value.column))
        else:
            numbers = np.array(value, dtype=np.float64)
        self._check_finite(numbers, path)
        total = int(sizes.sum())
        if numbers.size not in (total, *set(sizes.tolist())) or (numbers.size != total and np.ptp(sizes) > 0):
            each = f"{sizes[0]:,} neurons" if not np.ptp(sizes) else f"{total:,} neurons in all regions"
            every = f", or {total:,} for those of all regions" if sizes.size > 1 and not np.ptp(sizes) else ""
            if sizes.size > 1 and sizes.max() == 1:
                each, every = f"{total:,} regions", ""
            raise self.places.error(path, f"{numbers.size:,} numbers for {each}{every}")
        if (numbers == numbers[0]).all():
            return float(numbers[0])
        starts = np.cumsum(sizes) - sizes if numbers.size == total else np.zeros(sizes.size, np.int64)
        return PerNeuron(numbers, starts)

    # -- regions and pairs of regions -------------------------------------------------------------------------

    def by_region(self, value: Any, regions: NDArray[np.int32], path: str) -> F64:
        """One number for each of the regions; a plain number for all of them."""
        if not isinstance(value, RegionMap | RegionValues):
            return np.full(regions.size, float(value))
        if regions[0] < 0:
            what = f"map '{value.map}'" if isinstance(value, RegionMap) else "a number by region"
            raise self.places.error(path, f"{what} needs a population in regions", "add `regions: all`")
        values = self._map(value, regions, path) if isinstance(value, RegionMap) else self._named(value, regions, path)
        self._check_finite(values, path)
        return values

    def _map(self, value: RegionMap, regions: NDArray[np.int32], path: str) -> F64:
        """The map as it is, or low + (high - low) * (m - min m) / (max m - min m)."""
        atlas = atlas_of(self.atlas)
        if value.map not in atlas.maps:
            raise self.places.error(
                path, f"atlas '{atlas.name}' has no map '{value.map}'", did_you_mean(value.map, list(atlas.maps))
            )
        full = np.asarray(atlas.maps[value.map], dtype=np.float64)
        chosen = full[regions]
        if not np.isfinite(chosen).all():
            bad = atlas.region_names[int(regions[int(np.argmin(np.isfinite(chosen)))])]
            remedy = "use a map that covers the regions"
            raise self.places.error(path, f"map '{value.map}' has no value in region {bad}", remedy)
        if value.low is None or value.high is None:
            return np.asarray(chosen)
        low, high = float(np.nanmin(full)), float(np.nanmax(full))
        if high == low:
            raise self.places.error(path, f"map '{value.map}' is the same everywhere", "give a number instead")
        return np.asarray(value.low + (value.high - value.low) * (chosen - low) / (high - low))

    def _named(self, value: RegionValues, regions: NDArray[np.int32], path: str) -> F64:
        where = f"{path}.regions"
        if isinstance(value.regions, str):
            file = value.regions
            names, numbers = self._read(file, where, lambda path: read_regions(path, value.column))
            self._check_finite(numbers, where)
        else:
            names, numbers = list(value.regions), np.array(list(value.regions.values()), dtype=np.float64)
        given = dict(zip(names, numbers.tolist(), strict=True))
        if len(given) < len(names):
            twice = next(name for name in given if names.count(name) > 1)
            raise self.places.error(where, f"region '{twice}' is there twice")
        self._check_known(names, where)
        found = [given.get(atlas_of(self.atlas).region_names[region], value.default) for region in regions.tolist()]
        if None in found:
            missing = atlas_of(self.atlas).region_names[int(regions[found.index(None)])]
            raise self.places.error(path, f"no number for region {missing}", "name it, or give a `default`")
        return np.array(found, dtype=np.float64)

    def _check_known(self, names: list[str], where: str) -> None:
        known = set(atlas_of(self.atlas).region_names)
        for name in names:
            if name not in known:
                remedy = did_you_mean(name, atlas_of(self.atlas).region_names)
                raise self.places.error(where, f"atlas '{atlas_of(self.atlas).name}' has no region '{name}'", remedy)

    def matrix(self, value: Matrix, target: NDArray[np.int32], source: NDArray[np.int32], path: str) -> F64:
        """float64[targets, sources]: the entries of a matrix for regions of the atlas."""
        where = f"{path}.matrix"
        if target[0] < 0 or source[0] < 0:
            raise self.places.error(where, "a matrix of regions needs populations in regions", "give both `regions`")
        rows: list[str] | None = None
        columns: list[str] | None = None
        if isinstance(value.matrix, str):
            rows, columns, numbers = self._read(value.matrix, where, lambda file: read_matrix(file, value.array))
        else:
            lengths = {len(row) for row in value.matrix}
            if len(lengths) > 1:
                raise self.places.error(where, f"rows of {min(lengths)} and of {max(lengths)} numbers", "fill them")
            numbers = np.array(value.matrix, dtype=np.float64)
        self._check_finite(numbers, where)
        if rows is not None and columns is not None:
            at = [self._positions(names, regions, where) for names, regions in ((rows, target), (columns, source))]
            return np.asarray(numbers[np.ix_(*at)])
        n = len(atlas_of(self.atlas).region_names)
        if numbers.shape == (n, n):
            return np.asarray(numbers[np.ix_(target, source)])
        if numbers.shape == (target.size, source.size):
            return numbers
        shape = " x ".join(map(str, numbers.shape)) or "a number"
        own = f", or {target.size} x {source.size} (target x source)" if (target.size, source.size) != (n, n) else ""
        raise self.places.error(where, f"the matrix is {shape}; the atlas has {n} x {n} regions{own}")

    def _positions(self, names: list[str], regions: NDArray[np.int32], where: str) -> list[int]:
        """Positions of regions of the atlas among names."""
        self._check_known(names, where)
        index = {name: position for position, name in enumerate(names)}
        if len(index) < len(names):
            twice = next(name for name in index if names.count(name) > 1)
            raise self.places.error(where, f"region '{twice}' is there twice")
        wanted = [atlas_of(self.atlas).region_names[region] for region in regions.tolist()]
        missing = next((name for name in wanted if name not in index), None)
        if missing is not None:
            raise self.places.error(where, f"the matrix does not have region {missing}")
        return [index[name] for name in wanted]

    def from_file(self, file: str, column: str | None, where: str) -> F64:
        """The numbers of a file that is named at the key path `where`."""
        found = self._read(file, where, lambda path: read_numbers(path, column))
        self._check_finite(found, where)
        return found

    # -- files and checks -------------------------------------------------------------------------------------

    def _read(self, given: str, where: str, read: Callable[[Path], _T]) -> _T:
        try:
            path = self.base / user_path(given)
            return read(path)
        except FileNotFoundError:
            remedy = "give a path relative to the configuration file"
            raise self.places.error(where, f"there is no file {path}", remedy) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise self.places.error(where, f"{given} cannot be read: {reason}") from None
        except InputError as error:
            shown = error.where or given
            raise self.places.error(where, f"{shown}: {error.message}", error.remedy) from None

    def _check_finite(self, values: F64, path: str) -> None:
        if not values.size:
            raise self.places.error(path, "there are no numbers")
        if not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values).reshape(-1)))
            shown = np.array2string(values.reshape(-1)[at])
            place = at if values.ndim == 1 else [int(k) for k in np.unravel_index(at, values.shape)]
            raise self.places.error(path, f"number {place} (from 0) is {shown}", "numbers must be finite")
        self._check_size(values, path)

    def _check_size(self, values: F64, path: str) -> None:
        largest = float(np.abs(values).max())
        if largest > MAX_NUMBER:
            raise self.places.error(path, f"{largest:.3g} is too large", f"allowed: sizes up to {MAX_NUMBER:.3g}")
