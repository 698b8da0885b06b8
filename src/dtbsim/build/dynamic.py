"""Rows of a dynamic projection on one lane: as the static ones, for the sources of that projection only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.candidates import Candidates
from dtbsim.build.lanes import Lane
from dtbsim.build.sparse_rows import SparseRows, sparse_shift
from dtbsim.build.synapses import LaneBuilder, Rows
from dtbsim.kernels import layout as L
from dtbsim.kernels.used_sources import count_used, fill_used
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Network, Projection
from dtbsim.spec.synapses import Dynamics


@dataclass(frozen=True, eq=False)
class DynamicRows:
    """The synapses of one dynamic projection on a lane.

    `rows` has one row for each of `n_heard` source candidates from `source0` on, or for those that are `used` (int64,
    see `kernels.used_sources`); plastic weights are int32 sizes in fine quanta.
    """

    projection: Projection
    dynamics: Dynamics
    quantum: float
    rows: Rows
    source0: int
    n_heard: int
    used: NDArray[np.int64] | None = None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The source candidate of each row, int64[n], ascending."""
        if self.used is None:
            return np.arange(self.source0, self.source0 + self.n_heard)
        flags = np.unpackbits(np.ascontiguousarray(self.used[:, 0]).view(np.uint8), bitorder="little")
        return self.source0 + np.flatnonzero(flags)

    @property
    def table_bytes(self) -> int:
        """What finding the rows of sources takes beside the rows."""
        return 0 if self.used is None else self.used.nbytes

    @property
    def n_sources(self) -> int:
        """Rows."""
        return int(self.rows.rows.size) - 1

    def sizes(self, values: NDArray[np.float64]) -> NDArray[np.int32]:
        """Plastic weights (fine quanta) within their bounds, whole, and as float32 holds them."""
        smallest, largest = self.dynamics.bounds(self.quantum)
        whole = np.rint(values).clip(smallest, largest)
        return np.asarray(whole.astype(np.float32).astype(np.int32))

    def widened(self) -> DynamicRows:
        """The same for 64-bit sums."""
        return self if self.dynamics.plastic else replace(self, rows=self.rows.widened())

    def add_largest(self, totals: np.ndarray, times: np.ndarray | None = None) -> None:
        """totals[slot] += the largest |input| that these synapses can give each slot in one step.

        `times`: how often each source candidate can spike in a step (None: once).
        """
        mine = None if times is None else times[self.numbers]
        if self.dynamics.plastic:
            most = int(np.ceil(self.dynamics.weight_max / self.quantum)) + 1
            often = 1 if mine is None else int(mine.max(initial=1))
            totals += np.bincount(self.rows.targets, minlength=totals.size) * most * often
        else:
            self.rows.add_magnitudes(totals, mine)


ALL_FLOAT32 = 2**24
"""float32 holds every whole number up to here."""


def initial_sizes(weights: NDArray[Any], limit: int) -> NDArray[np.int32]:
    """Sizes of plastic weights in fine quanta within their bound, as float32 holds them: rules compute in float32.

    `weights`, int32, become these sizes, in place.
    """
    np.minimum(np.abs(weights, out=weights), np.int32(limit), out=weights)
    if limit > ALL_FLOAT32:
        weights[:] = weights.astype(np.float32)
    return weights


def build_dynamic(network: Network, lane: Lane, candidates: Candidates, kind: int) -> list[DynamicRows]:
    """All dynamic projections of a lane, without those that have no synapse there."""
    built = (_build(network, lane, candidates, kind, p) for p in network.projections if p.dynamics is not None)
    return [part for part in built if part is not None]


def rebuilt_dynamic(
    network: Network, lane: Lane, candidates: Candidates, part: DynamicRows, weight: Table
) -> DynamicRows:
    """The same synapses in the same rows, with weights drawn from another table."""
    built = _build(network, lane, candidates, part.rows.kind, replace(part.projection, weight=weight))
    assert built is not None
    assert built.rows.n_synapses == part.rows.n_synapses
    return built


def _build(
    network: Network, lane: Lane, candidates: Candidates, kind: int, projection: Projection
) -> DynamicRows | None:
    dynamics = projection.dynamics
    assert dynamics is not None
    if not lane.has_targets(projection):
        return None
    quantum = network.families[projection.target_family].channels[projection.channel].quantum
    form, fine = (L.KIND_WIDE32, quantum / 2 ** dynamics.shift(quantum)) if dynamics.plastic else (kind, quantum)
    sources = candidates.of(network, projection)
    if sources.start == sources.stop:
        return None
    n_heard = sources.stop - sources.start
    shift = sparse_shift(n_heard, expected_on(network, lane, projection))
    builder = LaneBuilder(network, lane, candidates, form, (projection,), fine, sources, shift)
    rows, used = _of_used(builder.build_sparse(), n_heard) if shift else (builder.build(), None)
    if rows.n_synapses == 0:
        return None
    if dynamics.plastic:
        assert rows.weights.dtype == np.int32, "plastic weights have a form of their own"
        initial_sizes(rows.weights, dynamics.largest(quantum))
    if used is not None:
        return DynamicRows(projection, dynamics, quantum, rows, sources.start, n_heard, used)
    first, rows = rows.cut_to_sources()
    return DynamicRows(projection, dynamics, quantum, rows, sources.start + first, rows.rows.size - 1)


def expected_on(network: Network, lane: Lane, projection: Projection) -> float:
    """Expected synapses of a projection onto a lane."""
    entries = network.entries
    mine = slice(*np.searchsorted(entries.projection, [projection.index, projection.index + 1]).tolist())
    targets = projection.piece_target.tolist()
    owned = np.array([sum(run.size for run in lane.runs_of.get(target, ())) for target in targets], np.float64)
    share = np.repeat(owned / network.sizes[projection.piece_target], np.diff(projection.entry_start))
    return float(entries.synapses[mine] @ share)


def _of_used(sparse: SparseRows, n_heard: int) -> tuple[Rows, NDArray[np.int64]]:
    """Rows of the sources that have a synapse, and which these are."""
    n_sources, n_segments = count_used(sparse.first, sparse.lows, sparse.delays)
    rows, segment_rows = np.empty(n_sources + 1, np.int64), np.empty(n_sources + 1, np.int64)
    segments = np.empty(n_segments, np.uint32)
    used = np.zeros(((n_heard + 63) // 64, 2), np.int64)
    fill_used(sparse.first, sparse.shift, sparse.lows, sparse.delays, sparse.delay, rows, segment_rows, segments, used)
    return Rows(sparse.kind, rows, sparse.targets, sparse.weights, segment_rows, segments), used
