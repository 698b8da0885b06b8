"""The FC of sliding windows of a signal, a row for each, and the similarity of every two of them (FCD)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.store.table_reader import TableReader
from dtbsim.store.table_writer import Column, TableWriter, rows_per_chunk

if TYPE_CHECKING:
    import xarray as xr

F64 = NDArray[np.float64]


class WindowWriter:
    """Writes to `path`: the step after which the last sample of a window was taken, and its FC, every pair once."""

    def __init__(
        self, path: Path, *, channels: Sequence[str], of: str, window_ms: float, dt_ms: float, members: int = 1
    ) -> None:
        pairs = len(channels) * (len(channels) - 1) // 2
        self._table = TableWriter(
            path,
            [Column("step", "<i8", -1), Column("fc", "<f8", np.nan, (members, pairs), ("member", "pair"))],
            chunk_rows=rows_per_chunk(8 * (1 + members * pairs)),
            axis="window",
            attributes={
                "kind": "windows",
                "signal": "fcd",
                "of": of,
                "channels": list(channels),
                "window_ms": window_ms,
                "dt_ms": dt_ms,
            },
            key="step",
        )

    def append(self, step: int, fc: F64) -> None:
        """Add a window, float64[members, pairs]. Raises StorageError when the disk does not take it."""
        self._table.append({"step": np.array([step]), "fc": fc[None]})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


def read_windows(path: Path) -> tuple[F64, F64, dict[str, Any]]:
    """Return the FC of every window float64[windows, members, pairs], the middles of windows (s), and attributes."""
    table = TableReader(path, "windows")
    window_ms, dt_ms = float(table.attribute("window_ms")), float(table.attribute("dt_ms"))
    time_s = (table.read("step") * dt_ms - window_ms / 2) * 1e-3
    about = {"units": "1", "kind": "fcd", "of": str(table.attribute("of")), "window_s": window_ms * 1e-3}
    return np.asarray(table.read("fc"), np.float64), time_s, about


def read_fcd(path: Path, members: Mapping[str, Any]) -> xr.DataArray:
    """Return FCD, float64 (time_s, other_s): correlations of the FC of every two windows.

    With coordinates `members` of an ensemble (member, time_s, other_s). Pairs of channels whose FC is not known in some
    window are left out. InputError where there is no window yet.
    """
    import xarray as xr

    windows, time_s, about = read_windows(path)
    if not len(windows):
        raise InputError("no window is complete yet", where=str(path), remedy="wait for the run to go on")
    found = np.array([_similarity(windows[:, member], path) for member in range(windows.shape[1])])
    return xr.DataArray(
        found if members else found[0],
        dims=("member", "time_s", "other_s") if members else ("time_s", "other_s"),
        coords={"time_s": time_s, "other_s": time_s, **members},
        name=path.stem,
        attrs=about,
    )


def _similarity(fc: F64, path: Path) -> F64:
    fc = fc[:, np.isfinite(fc).all(axis=0)]
    if fc.shape[1] < 2:
        raise InputError("too few channels change, so that there is no FC", where=str(path))
    fc = fc - fc.mean(axis=1, keepdims=True)
    fc /= np.sqrt((fc**2).sum(axis=1, keepdims=True))
    matrix = np.clip(fc @ fc.T, -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    return np.asarray((matrix + matrix.T) / 2)
