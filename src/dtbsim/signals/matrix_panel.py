"""What the report shows of matrices: numbers of all pairs of channels, and of all pairs of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.signals.panel import Matrix, Panel, one_member

if TYPE_CHECKING:
    import xarray as xr

MOST = 600
"""Beyond so many rows, a matrix is shown thinned out."""


def matrix_panel(title: str, text: str, data: xr.DataArray, label: str, bounds: tuple[float, float]) -> Panel | None:
    """The matrix of all pairs of channels; the diagonal is left out."""
    data, which = one_member(data)
    names = [str(channel) for channel in data["channel"].values]
    if len(names) < 2:
        return None
    thin = -(-len(names) // MOST)
    values = np.array(data.values)
    np.fill_diagonal(values, np.nan)
    if not np.isfinite(values).any():
        return None
    return Panel(title, text + which, [Matrix(names[::thin], values[::thin, ::thin], label, *bounds)])


def fcd_panel(name: str, data: xr.DataArray) -> Panel | None:
    """The matrix of all pairs of windows."""
    data, which = one_member(data)
    time_s, thin = data["time_s"].values, -(-data.sizes["time_s"] // MOST)
    if len(time_s) < 2:
        return None
    text = (
        f"Correlation of the FC of {data.attrs['of']} in every two of {len(time_s)} windows of "
        f"{data.attrs['window_s']:g} s: blocks off the diagonal are states that last or come back.{which}"
    )
    values = data.values[::thin, ::thin]
    low = min(0.0, float(values.min()))
    names = [f"{time:.4g} s" for time in time_s[::thin]]
    return Panel(
        f"FC dynamics ({name})", text, [Matrix(names, values, "r", low, 1.0, time_s[::thin], "middle of window (s)")]
    )
