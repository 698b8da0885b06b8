"""What a signal shows in the report of a run: plain arrays and texts, which the report draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

MOST_TRACES, MOST_TIMES = 6, 4000


@dataclass(frozen=True, eq=False)
class Traces:
    """Curves against time, one above the other: `values` float64[times, names] in `unit`."""

    time_s: NDArray[np.float64]
    names: Sequence[str]
    values: NDArray[np.float64]
    unit: str


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves in one figure: `y` float64[x, names] against `x`; `logarithmic`: both axes."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    names: Sequence[str]
    x_label: str
    y_label: str
    logarithmic: bool = False


@dataclass(frozen=True, eq=False)
class Topography:
    """A map of the head from above, nose up: `values` float64[names] at `positions` float64[names, 2].

    Positions are (right, front) in units of the circumference through Fpz, T7, Oz and T8.
    """

    positions: NDArray[np.float64]
    names: Sequence[str]
    values: NDArray[np.float64]
    unit: str
    title: str = ""


@dataclass(frozen=True, eq=False)
class Matrix:
    """Numbers of all pairs as colours: `values` float64[names, names] of `label`, from `low` to `high`.

    `places`: numbers in place of the names on both axes, of `axis`.
    """

    names: Sequence[str]
    values: NDArray[np.float64]
    label: str
    low: float
    high: float
    places: NDArray[np.float64] | None = None
    axis: str = ""


@dataclass(frozen=True, eq=False)
class BrainFrames:
    """The brain coloured in time: `values` float64[times, names] of regions in `unit` at `time_s`.

    The report knows where regions are, and shows nothing of those of which it does not.
    """

    time_s: NDArray[np.float64]
    names: Sequence[str]
    values: NDArray[np.float64]
    unit: str
    positions_mm: NDArray[np.float64] | None = None


Figure = Traces | Curves | Topography | Matrix | BrainFrames


@dataclass(frozen=True, eq=False)
class Panel:
    """A panel of the report: a title, one or two plain sentences on what is shown, and its figures."""

    title: str
    text: str
    figures: Sequence[Figure]


def one_member(data: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Of an ensemble its first member, and words that say so."""
    if "member" not in data.dims:
        return data, ""
    return data.isel(member=0), f" Member 0 of an ensemble of {data.sizes['member']}."


def traces_panel(name: str, signal: xr.DataArray) -> Panel | None:
    """The last samples of the first channels of a signal (time_ms, channel)."""
    signal, which = one_member(signal)
    if not signal.size:
        return None
    shown = [str(channel) for channel in signal["channel"].values[:MOST_TRACES]]
    values = signal.values[-MOST_TIMES:, : len(shown)]
    time_s = signal["time_ms"].values[-MOST_TIMES:] * 1e-3
    unit = str(signal.attrs.get("units", ""))
    text = f"{len(shown)} of {signal.sizes['channel']} channels of {name}"
    text += (f" in {unit}." if unit else ".") + which
    return Panel(f"{signal.attrs.get('kind', 'signal')} ({name})", text, [Traces(time_s, shown, values, unit)])
