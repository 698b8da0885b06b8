"""explicit: the synapses themselves, from a file or from Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from dtbsim.arguments import show
from dtbsim.clock import MAX_STEPS, nearest_steps, off_grid
from dtbsim.config.bounds import MAX_NUMBER, Number, Whole
from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.values import Flag, Strict
from dtbsim.errors import InputError
from dtbsim.models.connections.base import F64, I64, ConnectionRule, Ends, Listed, Listing, Span, Words
from dtbsim.numerics.fixed_point import lowest_bit
from dtbsim.paths import user_path

KEPT_EDGES = 1 << 22
"""Lists of at most so many edges stay in memory; longer files are read again when the network is built."""
LARGEST_GRID = 2.0**62
_FEWER_STEPS = 2**31 - 1
Columns = dict[str, NDArray[Any]]


class EdgeArrays(Strict):
    """Edges written out, or given from Python as arrays; entry k of each is of edge k.

    `source` and `target` count the neurons of the populations from 0, `weight` is in the unit of the target's port.
    """

    source: Annotated[list[Whole], Field(fail_fast=True)] = Field(description="source neurons, from 0")
    target: Annotated[list[Whole], Field(fail_fast=True)] = Field(description="target neurons, as many")
    weight: Annotated[list[Number], Field(fail_fast=True)] | None = Field(
        default=None, description="weights, as many; default: that of the projection"
    )
    delay_ms: Annotated[list[Number], Field(fail_fast=True)] | None = Field(
        default=None, description="delays, as many; default: that of the projection"
    )
    delay_steps: Annotated[list[Whole], Field(fail_fast=True)] | None = Field(
        default=None, description="the same in steps"
    )

    @model_validator(mode="after")
    def _as_many(self) -> EdgeArrays:
        n = len(self.source)
        for name in ("target", "weight", "delay_ms", "delay_steps"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise ValueError(f"source has {n} entries, {name} {len(values)}")
        if self.delay_ms is not None and self.delay_steps is not None:
            raise ValueError("give delay_ms or delay_steps, not both")
        return self

    def columns(self) -> Columns:
        """Return what is given as arrays."""
        given = {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}
        return {name: _array(values) for name, values in given.items()}


def _array(values: list[Any]) -> NDArray[Any]:
    if not values:
        return np.zeros(0, np.int64)
    try:
        array = np.array(values)
    except OverflowError:
        array = np.array(values, object)
    return array


class Explicit(RuleConfig):
    """The synapses of `file`, or of `edges`, one by one; several of one pair of neurons stay several.

    A file has the columns `source` and `target` (whole numbers, from 0) and as needed `weight` and `delay_ms` or
    `delay_steps`: arrays in an .npz, datasets in an .h5, named columns of a .csv or .parquet. A column `weight_pA`,
    `weight_mV` or `weight_nS` says its unit; `weight` is in that of the target's port. What has no column is given by
    the projection, which may draw it. Or it is a matrix of weights: .npy, or .npz of scipy.sparse.save_npz; entries
    that are 0 (of a sparse matrix: not stored) are no synapses, and one of true and false has no weights.

    Neurons are counted within the population; those of a population in regions are numbered through, region after
    region in the order of the atlas: neuron i of the k-th region is number k * size + i.

    Weights that are all whole numbers are kept exactly; others are rounded as all weights are, unless `exact_weights`
    says that they are to be kept, too, which they are where all are whole multiples of one power of two. Delays in ms
    count as the nearest whole number of steps.
    """

    lists_values: ClassVar[bool] = True

    kind: Literal["explicit"] = Field(default="explicit", description=KIND)
    file: str | None = Field(default=None, description="file of edges, or matrix of weights, see above")
    edges: EdgeArrays | None = Field(default=None, description="the edges themselves, instead of a file")
    matrix_rows: Literal["target", "source"] = Field(
        default="target", description="what the rows of a matrix are: row i has the weights onto neuron i, or from it"
    )

    exact_weights: Flag = Field(
        default=False, description="keep the weights exactly, or refuse them; default: those that are whole numbers"
    )

    @model_validator(mode="after")
    def _once(self) -> Explicit:
        if (self.file is None) == (self.edges is None):
            raise ValueError("give file or edges" + (", not both" if self.file is not None else ""))
        return self

    def files(self) -> dict[str, str]:
        """Return the file of edges."""
        return {} if self.file is None else {"file": self.file}

    def arrays(self) -> tuple[str, str, Columns] | None:
        """Return the edges that are given without a file."""
        return None if self.edges is None else ("edges", "file", self.edges.columns())


class ExplicitRule(ConnectionRule):
    """Every rank reads the list and keeps the edges onto its own neurons."""

    config = Explicit
    scopes = ("all",)
    default_scope = "all"

    def compile(self, item: Explicit, ends: Ends) -> Listing:
        """Read the list once: check it, count it, and keep it where it is short."""
        if item.edges is not None:
            columns = item.edges.columns()
            return _scan(_Source("edges", _Given(columns), None), ends, exact=item.exact_weights)
        from dtbsim.files.edges import open_edges

        assert item.file is not None
        path = ends.base_dir / user_path(item.file)
        try:
            found = open_edges(path)
            if found.shape is None:
                return _scan(_Source(str(path), _Read(path), path), ends, exact=item.exact_weights)
            _check_shape(found.shape, item.matrix_rows, path, ends)
            names = ("target", "source") if item.matrix_rows == "target" else ("source", "target")
            return _scan(_Source(str(path), _Read(path, names), path), ends, exact=item.exact_weights)
        except FileNotFoundError:
            raise InputError(
                f"there is no file {path}", remedy="give a path relative to the configuration file"
            ) from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _check_shape(shape: tuple[int, int], rows: str, path: Path, ends: Ends) -> None:
    sizes = {"target": ends.target.n_neurons, "source": ends.source.n_neurons}
    other = "source" if rows == "target" else "target"
    if shape == (sizes[rows], sizes[other]):
        return
    turned = shape == (sizes[other], sizes[rows])
    raise InputError(
        f"a matrix of {shape[0]:,} x {shape[1]:,}; {sizes[rows]:,} {rows} neurons (rows) and {sizes[other]:,} {other} "
        f"neurons (columns) are needed",
        where=str(path),
        remedy=f"give matrix_rows: {other}" if turned else "give a matrix of this shape, or a list of edges",
    )


@dataclass(frozen=True, eq=False)
class _Given:
    """Edges that are in memory, as one piece."""

    columns: Columns

    def __call__(self) -> Iterator[Columns]:
        return iter((self.columns,))


@dataclass(frozen=True)
class _Read:
    """Edges of a file, piece by piece; `names`: what rows and columns of a matrix are."""

    path: Path
    names: tuple[str, str] | None = None

    def __call__(self) -> Iterator[Columns]:
        from dtbsim.files.edges import open_edges

        renamed = {} if self.names is None else dict(zip(("row", "column"), self.names, strict=True))
        for piece in open_edges(self.path).pieces():
            yield {renamed.get(name, name): values for name, values in piece.items()}


@dataclass(frozen=True)
class _Source:
    """Where edges come from: their name in messages, their pieces, and the file, if it is one."""

    name: str
    pieces: Callable[[], Iterator[Columns]]
    path: Path | None

    @property
    def version(self) -> tuple[int, int] | None:
        """Size and time of the last change of the file."""
        if self.path is None:
            return None
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns


@dataclass(eq=False)
class _Sums:
    """Bounds and sums of a column."""

    n: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    size: float = 0.0
    whole: bool = True
    bits: int = 0
    rounded: bool = False
    exact: bool = False
    """Whether values have to be kept exactly."""
    lowest: float = np.inf
    """Smallest power of two that is a bit of a value, where `exact`."""

    def add(self, values: F64) -> None:
        """Add values."""
        if not values.size:
            return
        self.n += values.size
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.total += float(values.sum())
        sizes = np.abs(values)
        self.size += float(sizes.sum())
        self.whole = self.whole and float(sizes.max()) < LARGEST_GRID and bool((values == np.rint(values)).all())
        if self.whole:
            self.bits |= int(np.bitwise_or.reduce(sizes.astype(np.int64)))
        if self.exact:
            self.lowest = min(self.lowest, lowest_bit(sizes))

    def span(self, key: str | None = None) -> Span:
        """Return what was added."""
        if not self.n:
            return Span(1.0, 1.0, 1.0, 1.0, key=key)
        grid = float(self.bits & -self.bits) if self.whole and self.bits else 0.0
        if self.exact and self.lowest < np.inf:
            grid = self.lowest
        mean, size = self.total / self.n, self.size / self.n
        return Span(self.low, self.high, mean, size, grid, key, self.rounded)


def _scan(source: _Source, ends: Ends, *, exact: bool = False) -> Edges:
    """Check every edge; InputError that names the first wrong one."""
    version = source.version
    n_targets, n_sources = ends.target.regions.size, ends.source.regions.size
    expected = np.zeros(n_targets * n_sources, np.int64)
    weights, delays = _Sums(exact=exact), _Sums()
    kept: list[Listed] | None = []
    n, weight_key, has_delay = 0, None, False
    for piece in source.pieces():
        edges, key, rounded = _checked(piece, n, source.name, ends)
        n += edges.source.size
        pair = edges.target // ends.target.size * n_sources + edges.source // ends.source.size
        expected += np.bincount(pair, minlength=expected.size)
        weight_key = key or weight_key
        has_delay = has_delay or edges.delay is not None
        if edges.weight is not None:
            weights.add(edges.weight)
        if edges.delay is not None:
            delays.add(edges.delay.astype(np.float64))
            delays.rounded = delays.rounded or rounded
        if kept is not None and n <= KEPT_EDGES:
            kept.append(edges)
        else:
            kept = None
    return Edges(
        source=source,
        version=version,
        ends=ends,
        n_edges=n,
        expected=expected.reshape(n_targets, n_sources).astype(np.float64),
        weight=weights.span(weight_key) if weight_key else None,
        delay=delays.span() if has_delay else None,
        kept=None if kept is None else _by_target(kept),
    )


@dataclass(frozen=True, eq=False)
class Edges:
    """A checked list of edges; `kept` are all of them, ascending by target, where they are few."""

    source: _Source
    version: tuple[int, int] | None
    ends: Ends
    n_edges: int
    expected: F64
    weight: Span | None
    delay: Span | None
    kept: Listed | None = field(repr=False)

    def onto(self, targets: I64, words: Words) -> Listed:
        """Return the edges onto the targets, those of one target in the order of the list."""
        if self.kept is not None:
            first = np.searchsorted(self.kept.target, targets, side="left")
            count = np.searchsorted(self.kept.target, targets, side="right") - first
            before = np.cumsum(count) - count
            return _at(self.kept, np.arange(int(count.sum())) + np.repeat(first - before, count))
        wanted = np.zeros(self.ends.target.n_neurons, dtype=bool)
        wanted[targets] = True
        parts, n = [], 0
        for piece in self.source.pieces():
            edges, _, _ = _checked(piece, n, self.source.name, self.ends)
            n += edges.source.size
            parts.append(_at(edges, np.flatnonzero(wanted[edges.target])))
        if n != self.n_edges or self.source.version != self.version:
            raise InputError(
                f"{self.source.name} changed while the network was built", remedy="run again when it is complete"
            )
        return _by_target(parts)


def _at(edges: Listed, places: I64) -> Listed:
    return Listed(
        edges.source[places],
        edges.target[places],
        None if edges.weight is None else edges.weight[places],
        None if edges.delay is None else edges.delay[places],
    )


def _by_target(parts: list[Listed]) -> Listed:
    """All parts together, ascending by target, otherwise in their order."""
    none = np.zeros(0, np.int64)
    weights = [part.weight for part in parts if part.weight is not None]
    delays = [part.delay for part in parts if part.delay is not None]
    joined = Listed(
        np.concatenate([none, *(part.source for part in parts)]),
        np.concatenate([none, *(part.target for part in parts)]),
        np.concatenate(weights) if weights else None,
        np.concatenate(delays) if delays else None,
    )
    return _at(joined, np.argsort(joined.target, kind="stable"))


def _checked(piece: Columns, first: int, name: str, ends: Ends) -> tuple[Listed, str | None, bool]:
    """The edges of a piece, whose first is number `first`; the key of their weights; whether delays were rounded."""
    source = _indices(piece["source"], "source", ends.source.name, ends.source.n_neurons, first, name)
    target = _indices(piece["target"], "target", ends.target.name, ends.target.n_neurons, first, name)
    key = next((column for column in piece if column.startswith("weight")), None)
    weight = None if key is None else _numbers(piece[key], key, first, name)
    if "delay_steps" in piece:
        steps = piece["delay_steps"]
        if steps.size and steps.dtype.kind not in "iu":
            raise _wrong(name, f"delay_steps holds {steps.dtype}", "it must be whole numbers; delay_ms takes others")
        bad = np.flatnonzero((steps < 1) | (steps > MAX_STEPS))
        if bad.size:
            raise _at_edge(name, first, bad, f"a delay of {steps[bad[0]]} steps", "delays are at least one step")
        return Listed(source, target, weight, steps.astype(np.int64)), key, False
    if "delay_ms" not in piece:
        return Listed(source, target, weight), key, False
    values = _numbers(piece["delay_ms"], "delay_ms", first, name)
    bad = np.flatnonzero(values < ends.dt_ms / 2 * (1 - 1e-9))
    if bad.size:
        what = f"a delay of {values[bad[0]]:g} ms is shorter than one step (dt_ms = {ends.dt_ms:g})"
        raise _at_edge(name, first, bad, what, "delays are at least one step")
    bounded = np.minimum(values, _FEWER_STEPS * ends.dt_ms)  # what is longer is refused with simulation.max_delay_ms
    dtype = piece["delay_ms"].dtype
    precision = float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    rounded = bool(off_grid(bounded, ends.dt_ms, precision).any())
    delay = np.maximum(nearest_steps(bounded, ends.dt_ms, precision), 1).astype(np.int64)
    return Listed(source, target, weight, delay), key, rounded


def _indices(values: NDArray[Any], column: str, population: str, n: int, first: int, name: str) -> I64:
    if values.size and values.dtype.kind not in "iuO":
        raise _wrong(name, f"{column} holds {values.dtype}", "it must be whole numbers")
    bad = np.flatnonzero((values < 0) | (values >= n))
    if bad.size:
        what = f"{column} {show(int(values[bad[0]]))}; population '{population}' has 0 to {n - 1}"
        raise _at_edge(name, first, bad, what, "neurons are counted within the population, from 0")
    return values.astype(np.int64)


def _numbers(values: NDArray[Any], column: str, first: int, name: str) -> F64:
    if values.size and values.dtype.kind not in "iuf":
        raise _wrong(name, f"{column} holds {values.dtype}", "it must be numbers")
    numbers = values.astype(np.float64)
    bad = np.flatnonzero(~(np.abs(numbers) <= MAX_NUMBER))
    if bad.size:
        what = f"{column} is {numbers[bad[0]]:g}"
        raise _at_edge(name, first, bad, what, f"allowed: numbers up to {MAX_NUMBER:.3g} in size")
    return numbers


def _wrong(name: str, what: str, remedy: str) -> InputError:
    return InputError(what, where=name, remedy=remedy)


def _at_edge(name: str, first: int, bad: I64, what: str, remedy: str) -> InputError:
    return InputError(f"edge {first + int(bad[0])} (from 0): {what}", where=name, remedy=remedy)
