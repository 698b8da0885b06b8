"""The spikes of one rank, as a table of steps and gids sorted by step, then gid."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dtbsim.record.spike_order import Gids, SpikeSorter, Steps
from dtbsim.store.published import rank_store
from dtbsim.store.table_writer import FLUSH_INTERVAL_S, Column, TableWriter

CHUNK_SPIKES = 1 << 17
STEP_COLUMN = Column("step", "<i8", -1)
GID_COLUMNS = {np.dtype(np.uint32): Column("gid", "<u4", 2**32 - 1), np.dtype(np.int64): Column("gid", "<i8", -1)}


class SpikeWriter:
    """Writes `folder`/rank_NNNNN.zarr: step int64[n] and gid uint32[n], or int64[n].

    An append costs about a microsecond plus some 30 ns per spike. What is readable while the run goes on lags behind
    by at most `flush_interval_s` of appends, or one shard (about a million spikes), whichever comes first.
    """

    def __init__(
        self,
        folder: Path,
        rank: int,
        *,
        chunk_spikes: int = CHUNK_SPIKES,
        flush_interval_s: float = FLUSH_INTERVAL_S,
        gid_dtype: type[np.uint32] | type[np.int64] = np.uint32,
    ) -> None:
        """`gid_dtype`: int64 in networks of 2^32 neurons or more."""
        self._table = TableWriter(
            rank_store(folder, rank),
            [STEP_COLUMN, GID_COLUMNS[np.dtype(gid_dtype)]],
            chunk_rows=chunk_spikes,
            axis="spike",
            attributes={"kind": "spikes", "rank": rank},
            key="step",
            flush_interval_s=flush_interval_s,
        )
        self._sorter = SpikeSorter(self._write_sorted, min(chunk_spikes, CHUNK_SPIKES), gid_dtype)
        self._stop_step = 0

    @property
    def spikes(self) -> int:
        """Number of spikes appended."""
        return self._table.rows + self._sorter.pending

    def append(self, steps: Steps, gids: Gids, *, stop_step: int | None = None) -> None:
        """Add the spikes of the next window of time (int64[n], gids of the writer's dtype; any order inside).

        Every step must lie above all steps of earlier appends. `stop_step` says that all spikes before this step have
        been appended, so that a reader knows how far the run went; without it that is the last spike, and a rank that
        stays silent holds back what can be read of a killed run.

        Raises StorageError when the disk does not take the spikes, TypeError for other dtypes and ValueError for
        windows that overlap. The last two may come from a later append, which sorts the batch.
        """
        self._table.check_usable()
        self._sorter.append(steps, gids)
        if stop_step is not None:
            self._stop_step = stop_step
        if self._table.flush_due:
            self.flush()

    def flush(self) -> None:
        """Make everything appended so far readable."""
        self._sorter.flush()
        self._table.flush(complete_before=self._stop_step)

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        if self._table.usable:
            self._sorter.flush()
        self._table.close(complete_before=self._stop_step)

    def _write_sorted(self, steps: Steps, gids: Gids) -> None:
        self._table.append({"step": steps, "gid": gids})
