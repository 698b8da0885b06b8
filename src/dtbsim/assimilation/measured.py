"""The measured series: read, ordered as the regions of the network, divided into what is followed and held out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.clock import steps_of
from dtbsim.data import Series, read_series
from dtbsim.data.series import LONGEST_PERIOD_S
from dtbsim.errors import InputError

F64 = NDArray[np.float64]
FEWEST_FOLLOWED = 20
FEWEST_HELD_OUT = 10
"""Volumes: fewer say nothing about a filter, or about forecasts."""
HELD_OUT = 0.25
"""Share of the series that is held out where nothing is asked for."""


@dataclass(frozen=True, eq=False)
class Measured:
    """BOLD, in units of each region's standard deviation over what is followed, from its mean there.

    z: float64[volumes, regions]; the first `followed` are assimilated, the rest is held out.
    mean, sd: float64[regions], of the series as given over what is followed.
    """

    names: tuple[str, ...]
    z: F64
    mean: F64
    sd: F64
    tr_s: float
    followed: int
    where: str
    notices: tuple[str, ...]

    @property
    def held_out(self) -> int:
        """Volumes."""
        return len(self.z) - self.followed


def read_measured(
    source: str | os.PathLike[str] | Series | ArrayLike, tr_s: float | None, regions: tuple[str, ...] | None
) -> Series:
    """The series that `source` means: a file that `dtbsim.data.read_series` reads, a Series, or float[time, region].

    Raises InputError where no repetition time is known, or as `read_series`.
    """
    if isinstance(source, str | os.PathLike):
        found = read_series(Path(source), period_s=tr_s, n_regions=None if regions is None else len(regions))
    elif isinstance(source, Series):
        found = source
    else:
        values = np.array(source, np.float64)
        if values.ndim != 2 or not values.size:
            raise InputError(f"got the shape {values.shape}", where="bold", remedy="give [time, region]")
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0].tolist()
            raise InputError(
                f"volume {row} of region {column} is {values[row, column]}", where="bold", remedy="leave it out"
            )
        found = Series(values, None, tr_s, "bold")
    period = found.period_s if found.period_s is not None else tr_s
    if period is None:
        raise InputError(
            "nothing says how long the time between two volumes is",
            where=found.where,
            remedy="give it: --tr SECONDS",
        )
    if not 0 < period <= LONGEST_PERIOD_S:
        raise InputError(
            f"{period:g} s between two volumes is no repetition time",
            where=found.where,
            remedy="give it in seconds: --tr 0.72",
        )
    return Series(found.values, found.labels, period, found.where, found.notices)


def check_period(series: Series, dt_ms: float) -> float:
    """The repetition time in ms. InputError where it is not a whole number of steps."""
    assert series.period_s is not None
    tr_ms = round(series.period_s * 1000.0, 9)
    try:
        steps_of(tr_ms, dt_ms, "tr")
    except InputError:
        raise InputError(
            f"a repetition time of {tr_ms:g} ms is not a whole number of steps of {dt_ms:g} ms",
            where=series.where,
            remedy="set simulation.dt_ms to a part of it",
        ) from None
    return tr_ms


def divided(series: Series, names: tuple[str, ...], hold_out_s: float | None) -> Measured:
    """Order the regions and divide the time. InputError where it is too short, or a region does not change."""
    series = series.ordered(names)
    assert series.period_s is not None
    values, tr_s = series.values, series.period_s
    volumes = len(values)
    held = round(HELD_OUT * volumes) if hold_out_s is None else round(hold_out_s / tr_s)
    followed = volumes - held
    if hold_out_s is not None and 0 < held < FEWEST_HELD_OUT:
        raise InputError(
            f"{held} volumes are too few to be held out (at least {FEWEST_HELD_OUT})",
            where=f"{series.where}: --hold-out",
            remedy=f"give {FEWEST_HELD_OUT * tr_s:g} s or more, or 0",
        )
    if followed < FEWEST_FOLLOWED or (hold_out_s is None and held < FEWEST_HELD_OUT):
        raise InputError(
            f"the series of {volumes} volumes is too short: {max(followed, 0)} to follow and {held} held out",
            where=series.where,
            remedy=f"at least {FEWEST_FOLLOWED} are followed and {FEWEST_HELD_OUT} held out; give a longer series or "
            "another --hold-out",
        )
    start = values[:followed]
    mean, sd = start.mean(axis=0), start.std(axis=0, ddof=1)
    still = ~(sd > 1e-10 * np.abs(start).max(axis=0))
    if still.any():
        name = names[int(np.flatnonzero(still)[0])]
        raise InputError(
            f"region {name} does not change in the part that is followed", where=series.where, remedy="leave it out"
        )
    return Measured(tuple(names), (values - mean) / sd, mean, sd, tr_s, followed, series.where, series.notices)
