"""Phases of the channels of another signal, by a filter or as they are, for what is made of phases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.errors import InputError
from dtbsim.signals.band import PHASE_UNIT, settled_first
from dtbsim.signals.demodulator import Demodulator, settling_samples
from dtbsim.signals.following import FollowingOptions, FollowingPlan
from dtbsim.signals.source import F64


class PhaseOptions(FollowingOptions):
    """What a signal takes that is made of phases: a band (see `band`), or none where it follows phases."""

    low_hz: Number | None = Field(default=None, gt=0, description="lower edge of the band; none: it follows phases")
    high_hz: Number | None = Field(default=None, gt=0, description="upper edge of the band")
    order: int = Field(
        default=4, ge=1, le=8, description="order of the low-pass, whose corner is half the band's width"
    )


def first_phase(plan: FollowingPlan, item: Any) -> int:
    """The step of the first sample whose phases count; InputError where the band does not fit or is missing."""
    where = f"signals.{plan.name}"
    if (item.low_hz is None) != (item.high_hz is None):
        key = "low_hz" if item.low_hz is None else "high_hz"
        raise InputError("a band has two edges", where=f"{where}.{key}", remedy="give low_hz and high_hz, or neither")
    if item.low_hz is not None:
        return settled_first(plan, item)
    if plan.followed.unit != PHASE_UNIT:
        raise InputError(
            f"'{plan.of}' is in {plan.followed.unit or 'no unit'}: it holds no phases",
            where=f"{where}.low_hz",
            remedy="give the band of which the phases are, low_hz and high_hz",
        )
    return plan.first


class Phases:
    """Unit vectors at the phases of all channels, sample by sample."""

    def __init__(self, plan: FollowingPlan, item: Any) -> None:
        grid = plan.followed
        self._first, self._interval = plan.first, grid.interval
        self._filter: Demodulator | None = None
        self._settled = 0
        if item.low_hz is not None:
            interval_s = 1e-3 * grid.interval_ms
            self._filter = Demodulator(grid.columns, interval_s, item.low_hz, item.high_hz, item.order)
            self._settled = settling_samples(item.low_hz, item.high_hz, item.order, interval_s)

    def of(self, step: int, rows: F64) -> Iterator[tuple[F64, F64]]:
        """Yield cosines and sines float64[n] of the phases of each sample that counts.

        The first of the samples `rows` float64[k, n] is of step `step`. A channel without amplitude has phase 0.
        """
        for k, (real, imaginary) in self._analytic(step, rows):
            if step + k * self._interval < self._first or not np.isfinite(real).all():
                continue
            size = np.sqrt(real * real + imaginary * imaginary)
            silent = size == 0
            size[silent] = 1.0
            yield np.where(silent, 1.0, real / size), imaginary / size

    def _analytic(self, step: int, rows: F64) -> Iterator[tuple[int, tuple[F64, F64]]]:
        if self._filter is None:
            for k, row in enumerate(rows):
                yield k, (np.cos(row), np.sin(row))
            return
        seen = self._filter.samples
        real, imaginary = self._filter.step(step // self._interval, rows)
        for k in range(max(0, self._settled - seen), len(rows)):
            yield k, (real[k], imaginary[k])

    def state(self) -> dict[str, NDArray[Any]]:
        """That of the filter."""
        return {} if self._filter is None else self._filter.state()

    def restore(self, state: Any) -> None:
        """Go on from there."""
        if self._filter is not None:
            self._filter.restore(state)
