"""The course of an assimilation: settle, match, follow, run freely, forecast what was held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.assimilation.hierarchical import HierarchicalFilter, Volume
from dtbsim.assimilation.measured import Measured
from dtbsim.assimilation.settings import Settings
from dtbsim.assimilation.transform import row_mean

F64 = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
MOST_LEADS = 10
Tick = Callable[[int, int, str], None]
"""Told after every volume: how many are done, of how many, and what is being done."""


@dataclass(eq=False)
class Course:
    """What an assimilation has found so far; arrays are in the order of time.

    offset, scale: float64[regions]: a measured z stands for BOLD offset + scale z of the model.
    volumes: what each followed volume brought, and after it each held-out one that was filtered.
    free: float64[held-out volumes, members, regions], BOLD of the members in units of `z` without data.
    starts, forecasts: int64[s] and float64[s, leads, regions]: means of forecasts after held-out volumes.
    """

    offset: F64
    scale: F64
    volumes: list[Volume] = field(default_factory=list)
    free: F64 | None = None
    starts: list[int] = field(default_factory=list)
    forecasts: list[F64] = field(default_factory=list)


class Follower:
    """Leads a filter through a measured series."""

    def __init__(self, filter_: HierarchicalFilter, measured: Measured, settings: Settings, tick: Tick) -> None:
        self._filter, self._measured, self._settings, self._tick = filter_, measured, settings, tick
        self._settle = max(1, round(settings.settle_s / measured.tr_s))
        self._match = max(10, round(settings.match_s / measured.tr_s))
        self.leads = min(MOST_LEADS, measured.held_out // 2)
        starts = len(self._starts())
        self.total = self._settle + self._match + measured.followed
        self.total += (2 * measured.held_out + starts * self.leads) if measured.held_out else 0
        self._done = 0

    def _starts(self) -> list[int]:
        """Volumes after which forecasts begin: every `leads`-th one that has so many after it."""
        if not self.leads:
            return []
        first, last = self._measured.followed - 1, len(self._measured.z) - 1
        return list(range(first, last - self.leads + 1, self.leads))

    # -- stages -------------------------------------------------------------------------------------------------

    def begin(self) -> Course:
        """Let the ensemble settle, and see what its BOLD is like: means and deviations of regions without data."""
        for _ in range(self._settle):
            self._filter.forecast()
            self._note("settling")
        seen = []
        for _ in range(self._match):
            seen.append(self._filter.forecast())
            self._note("matching")
        bold = np.ascontiguousarray(np.stack(seen).reshape(-1, self._filter.regions))
        offset = row_mean(bold)
        within = np.stack(seen)
        own = row_mean(np.ascontiguousarray(within.reshape(len(seen), -1))).reshape(within.shape[1:])
        squares = row_mean(np.ascontiguousarray(((within - own) ** 2).reshape(-1, self._filter.regions)))
        scale = np.maximum(np.sqrt(squares * len(seen) / (len(seen) - 1)), 1e-12)
        if self._settings.units == "model":
            return Course(self._measured.mean, self._measured.sd)
        return Course(offset, scale)

    def follow(self, course: Course, save: Callable[[Course], None]) -> None:
        """Assimilate what is followed, from where the course is."""
        while len(course.volumes) < self._measured.followed:
            course.volumes.append(self._cycle(course, len(course.volumes)))
            self._note("following")
            save(course)

    def _cycle(self, course: Course, t: int) -> Volume:
        simulated = self._filter.forecast()
        observed = course.offset + course.scale * self._measured.z[t]
        self._filter.analyse(simulated, observed, (self._settings.noise * course.scale) ** 2)
        return self._filter.volume(simulated)

    def hold_out(self, course: Course) -> None:
        """Run freely over all that was held out; then forecast from several volumes of it. Parameters stay."""
        measured, one = self._measured, self._filter
        if not measured.held_out:
            return
        one.hold_parameters()
        moment = one.save()
        free = []
        for _ in range(measured.held_out):
            free.append((one.forecast() - course.offset) / course.scale)
            self._note("running freely")
        course.free = np.stack(free)
        one.load(moment)
        starts = self._starts()
        for t in range(measured.followed - 1, len(measured.z)):
            if t >= measured.followed:
                course.volumes.append(self._cycle(course, t))
                self._note("held out")
            if t in starts:
                moment = one.save()
                means = []
                for _ in range(self.leads):
                    means.append((row_mean(one.forecast()) - course.offset) / course.scale)
                    self._note("forecasting")
                one.load(moment)
                course.starts.append(t)
                course.forecasts.append(np.stack(means))

    def _note(self, what: str) -> None:
        self._done += 1
        self._tick(self._done, self.total, what)

    def skip(self, volumes: int) -> None:
        """Count what an earlier process has done."""
        self._done = self._settle + self._match + volumes
