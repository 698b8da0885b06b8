"""The FC of sliding windows of a signal, a row for each, and the similarity of every two of them (FCD)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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

    def __init__(self, path: Path, *, channels: Sequence[str], of: str, window_ms: float, dt_ms: float) -> None:
        pairs = len(channels) * (len(channels) - 1) // 2
        self._table = TableWriter(
            path,
            [Column("step", "<i8", -1), Column("fc", "<f8", np.nan, (pairs,), ("pair",))],
            chunk_rows=rows_per_chunk(8 * (1 + pairs)),
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
        """Add a window, float64[pairs]. Raises StorageError when the disk does not take it."""
        self._table.append({"step": np.array([step]), "fc": fc[None]})

    def close(self) -> None:
        """Publish everything and mark the store complete; after a failed append this does nothing."""
        self._table.close()


def read_windows(path: Path) -> xr.DataArray:
    """Return the FC of every window, float64 (time_s, pair), pairs with `first` and `second`; times are the middles."""
    import xarray as xr

    table = TableReader(path, "windows")
    channels = np.array([str(name) for name in table.attribute("channels")])
    window_ms, dt_ms = float(table.attribute("window_ms")), float(table.attribute("dt_ms"))
    first, second = np.triu_indices(len(channels), 1)
    return xr.DataArray(
        table.read("fc"),
        dims=("time_s", "pair"),
        coords={
            "time_s": (table.read("step") * dt_ms - window_ms / 2) * 1e-3,
            "first": ("pair", channels[first]),
            "second": ("pair", channels[second]),
        },
        name=path.stem,
        attrs={"units": "1", "kind": "windowed_fc", "of": str(table.attribute("of")), "window_s": window_ms * 1e-3},
    )


def read_fcd(path: Path) -> xr.DataArray:
    """Return FCD, float64 (time_s, other_s): correlations of the FC of every two windows.

    Pairs of channels whose FC is not known in some window are left out. InputError where there is no window yet.
    """
    import xarray as xr

    windows = read_windows(path)
    fc = windows.values[:, np.isfinite(windows.values).all(axis=0)]
    if fc.shape[0] < 1 or fc.shape[1] < 2:
        raise InputError("no window is complete yet, or too few channels change", where=str(path))
    fc = fc - fc.mean(axis=1, keepdims=True)
    fc /= np.sqrt((fc**2).sum(axis=1, keepdims=True))
    matrix = np.clip(fc @ fc.T, -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    time_s = windows["time_s"].values
    return xr.DataArray(
        (matrix + matrix.T) / 2,
        dims=("time_s", "other_s"),
        coords={"time_s": time_s, "other_s": time_s},
        name=path.stem,
        attrs=windows.attrs | {"kind": "fcd"},
    )
