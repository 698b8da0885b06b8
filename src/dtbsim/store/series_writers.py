"""Series on a regular time grid: states of chosen neurons (per rank), rates, BOLD, signals, correlations (rank 0).

In a branch, bins and samples keep their grid; the first is the one that ends after its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.numerics.gids import as_gids
from dtbsim.record.spike_order import Gids, Steps
from dtbsim.store.open_tables import bins_before_branch
from dtbsim.store.published import rank_store
from dtbsim.store.table_writer import Column, TableWriter, rows_per_chunk


class StateWriter:
    """Writes `folder`/rank_NNNNN.zarr: state variables of this rank's recorded neurons, every `interval_steps`.

    `gids` uint32[n] are the neurons; n may be 0, and every rank writes a store, so that a missing one is noticed.
    """

    def __init__(self, folder: Path, rank: int, gids: Gids, variables: Sequence[str], interval_steps: int) -> None:
        n, n_variables = len(gids), len(variables)
        self._shape = (n, n_variables)
        self._table = TableWriter(
            rank_store(folder, rank),
            [Column("step", "<i8", -1), Column("values", "<f4", np.nan, self._shape, ("neuron", "variable"))],
            chunk_rows=rows_per_chunk(8 + 4 * n * n_variables),
            axis="time",
            attributes={
                "kind": "states",
                "rank": rank,
                "variables": list(variables),
                "interval_steps": interval_steps,
            },
            constants={"gid": as_gids(np.asarray(gids))},
            constants_axis="neuron",
            key="step",
        )

    def append(self, steps: Steps, values: NDArray[np.float32]) -> None:
        """Add k samples: `steps` int64[k], ascending, and `values` float32[k, neurons, variables].

        Raises StorageError when the disk does not take them, ValueError for another shape.
        """
        _check_shape("values", values, (len(steps), *self._shape))
        self._table.append({"step": steps, "values": values})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


class WeightWriter:
    """Writes `folder`/rank_NNNNN.zarr: weights of this rank's recorded synapses.

    `source`, `target` uint32[n] and `delay` int32[n] (steps) are the synapses; every rank writes a store.
    """

    def __init__(
        self, folder: Path, rank: int, source: Gids, target: Gids, delay: NDArray[np.int32], dt_ms: float
    ) -> None:
        self._n = len(source)
        self._table = TableWriter(
            rank_store(folder, rank),
            [Column("step", "<i8", -1), Column("weight", "<f8", np.nan, (self._n,), ("synapse",))],
            chunk_rows=rows_per_chunk(8 + 8 * self._n),
            axis="time",
            attributes={"kind": "weights", "rank": rank, "dt_ms": dt_ms},
            constants={"source": source, "target": target, "delay": delay},
            constants_axis="synapse",
            key="step",
        )

    def append(self, step: int, weights: NDArray[np.float64], *, only_at_the_end: bool = False) -> None:
        """Add the weights after `step` steps, float64[n]. Raises StorageError when the disk does not take them.

        `only_at_the_end`: they are stored because the run ends there, so that one that goes on leaves them out.
        """
        _check_shape("weights", weights, (self._n,))
        self._table.append({"step": np.array([step], np.int64), "weight": weights[np.newaxis]})
        self._table.note_provisional(1 if only_at_the_end else 0)

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


class RateWriter:
    """Writes spike counts per population and time bin to `path` (stores/rates.zarr).

    `population_sizes` are the numbers of neurons by which a count becomes a rate; bin 0 begins at `start_ms`.
    """

    def __init__(
        self,
        path: Path,
        population_names: Sequence[str],
        population_sizes: Sequence[int],
        bin_ms: float,
        *,
        start_ms: float = 0.0,
    ) -> None:
        if len(population_names) != len(population_sizes):
            raise ValueError(f"{len(population_names)} population names but {len(population_sizes)} sizes")
        self._populations = len(population_names)
        self._table = TableWriter(
            path,
            [Column("count", "<i8", -1, (self._populations,), ("population",))],
            chunk_rows=rows_per_chunk(8 * self._populations),
            axis="time",
            attributes={
                "kind": "rates",
                "populations": list(population_names),
                "sizes": [int(size) for size in population_sizes],
                "bin_ms": bin_ms,
                "start_ms": start_ms + bin_ms * bins_before_branch(start_ms, bin_ms),
            },
        )

    def append(self, counts: NDArray[np.int64] | NDArray[np.int32]) -> None:
        """Add whole bins: spikes per bin and population, int64 or int32 [bins, populations].

        Raises StorageError when the disk does not take them, ValueError for another shape.
        """
        _check_shape("counts", counts, (len(counts), self._populations))
        self._table.append({"count": counts})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


class BoldWriter:
    """Writes BOLD samples per region to `path` (stores/bold.zarr).

    The first sample stands for time `first_ms` (default: one TR), the others follow every `tr_ms`.
    """

    def __init__(
        self, path: Path, region_names: Sequence[str], tr_ms: float, *, first_ms: float | None = None, members: int = 1
    ) -> None:
        """Of an ensemble a sample has the regions of member after member."""
        self._regions = members * len(region_names)
        first_ms = tr_ms if first_ms is None else first_ms
        self._table = TableWriter(
            path,
            [Column("bold", "<f8", np.nan, (self._regions,), ("region",))],
            chunk_rows=rows_per_chunk(8 * self._regions),
            axis="time",
            attributes={
                "kind": "bold",
                "regions": list(region_names),
                "members": members,
                "tr_ms": tr_ms,
                "first_ms": first_ms + tr_ms * bins_before_branch(first_ms - tr_ms, tr_ms),
            },
        )

    def append(self, samples: NDArray[np.float64]) -> None:
        """Add samples, float64[samples, regions], as fractions of the resting signal.

        Raises StorageError when the disk does not take them, ValueError for another shape.
        """
        _check_shape("samples", samples, (len(samples), self._regions))
        self._table.append({"bold": samples})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


class SignalWriter:
    """Writes a signal on a regular time grid to `path` (stores/signals/NAME.zarr): one value per sample and channel.

    `kind` is that of the signal, `unit` of its values. The first sample is of time `first_ms`, the others follow every
    `interval_ms`.
    """

    def __init__(
        self,
        path: Path,
        *,
        kind: str,
        channels: Sequence[str],
        unit: str,
        interval_ms: float,
        first_ms: float,
        members: int = 1,
    ) -> None:
        """Of an ensemble a sample has the channels of member after member."""
        self._channels = members * len(channels)
        self._table = TableWriter(
            path,
            [Column("value", "<f8", np.nan, (self._channels,), ("channel",))],
            chunk_rows=rows_per_chunk(8 * self._channels),
            axis="time",
            attributes={
                "kind": "signal",
                "signal": kind,
                "channels": list(channels),
                "members": members,
                "unit": unit,
                "interval_ms": interval_ms,
                "first_ms": first_ms + interval_ms * bins_before_branch(first_ms - interval_ms, interval_ms),
            },
        )

    def append(self, samples: NDArray[np.float64]) -> None:
        """Add samples, float64[samples, channels].

        Raises StorageError when the disk does not take them, ValueError for another shape.
        """
        _check_shape("samples", samples, (len(samples), self._channels))
        self._table.append({"value": samples})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


class CorrelationWriter:
    """Writes snapshots of a growing histogram of correlations to `path` (stores/correlations/K.zarr); the last counts.

    `populations` are the first and the second one; lags go from -`lags` to `lags` bins of `bin_ms`; bins of the run are
    counted from `first_bin` on.
    """

    def __init__(self, path: Path, populations: tuple[str, str], lags: int, bin_ms: float, first_bin: int) -> None:
        self._lags = 2 * lags + 1
        self._table = TableWriter(
            path,
            [
                Column("bins", "<i8", -1),
                Column("spikes", "<i8", -1, (2,), ("side",)),
                Column("count", "<i8", -1, (self._lags,), ("lag",)),
            ],
            chunk_rows=rows_per_chunk(8 * (3 + self._lags), 1 << 16),
            axis="snapshot",
            attributes={
                "kind": "correlation",
                "populations": list(populations),
                "lags": lags,
                "bin_ms": bin_ms,
                "start_ms": first_bin * bin_ms,
            },
        )

    @property
    def due(self) -> bool:
        """Whether the last snapshot is old enough for another one."""
        return self._table.flush_due

    @property
    def usable(self) -> bool:
        """False once the store was closed or a write failed."""
        return self._table.usable

    def append(self, bins: int, spikes: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Add a snapshot: bins so far, spikes of both populations int64[2], counts int64[2 lags + 1].

        Raises StorageError when the disk does not take it, ValueError for another shape.
        """
        _check_shape("counts", counts, (self._lags,))
        self._table.append({"bins": np.array([bins]), "spikes": spikes[None], "count": counts[None]})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


def _check_shape(name: str, given: NDArray[np.generic], expected: tuple[int, ...]) -> None:
    if given.shape != expected:
        raise ValueError(f"{name} must have shape {expected}, got {given.shape}")
