"""Power spectra of the channels of another signal by Welch's method, accumulated while the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.parts import KIND
from dtbsim.errors import InputError
from dtbsim.signals.accumulated import AccumulatedSignal, AccumulatedStream
from dtbsim.signals.following import FollowingOptions, FollowingPlan, FollowingStream
from dtbsim.signals.source import F64
from dtbsim.signals.stream import Plan

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network

FEWEST = 8
"""Samples of a segment."""


class Spectrum(FollowingOptions):
    """Power spectral density of every channel of what it follows (Welch 1967), without keeping the series.

    Segments are weighted by a Hann window after their mean was subtracted, and their periodograms averaged: what
    scipy.signal.welch gives of the whole series.
    """

    on_grid: ClassVar = ("start_ms", "segment_ms")
    intervals: ClassVar = ("segment_ms",)

    kind: Literal["spectrum"] = Field(default="spectrum", description=KIND)
    segment_ms: Number = Field(
        default=2000.0, gt=0, description="length of a segment; one over it is the distance of frequencies"
    )
    overlap: Number = Field(default=0.5, ge=0, lt=1, description="part of a segment that the next one has, too")


class SpectrumSignal(AccumulatedSignal):
    """`signals.NAME` with `kind: spectrum`."""

    name = "spectrum"
    config = Spectrum

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """What it follows."""
        return SpectrumPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return one-sided power densities, float64 (frequency_hz, channel), in the square of the unit per Hz."""
        from dtbsim.store.accumulated import spectrum
        from dtbsim.store.region_reader import member_coordinates

        return spectrum(self.stored(run, name), member_coordinates(run.network))

    def panel(self, run: Any, name: str) -> Panel | None:
        """Spectra of a few channels and their mean."""
        from dtbsim.signals.region_panel import spectrum_panel

        return spectrum_panel(name, self.read(run, name))


class SpectrumPlan(FollowingPlan):
    """Segments of `samples` samples, every `hop` samples."""

    def __init__(self, name: str, item: Spectrum, network: Network) -> None:
        super().__init__(name, "spectrum", item, network)
        interval_ms = self.followed.interval_ms
        self.samples = round(item.segment_ms / interval_ms)
        if self.samples < FEWEST:
            raise InputError(
                f"a segment of {item.segment_ms:g} ms has {self.samples} samples of '{item.of}' (every {interval_ms:g} "
                f"ms); at least {FEWEST} are needed",
                where=f"signals.{name}.segment_ms",
                remedy="make segments longer, or sample what it follows more often",
            )
        self.hop = max(1, self.samples - int(item.overlap * self.samples))
        self.need(self.samples, "a segment", "segment_ms")

    def follow(self, site: Site) -> FollowingStream:
        """The sums and their store."""
        return SpectrumStream(self, site)


class SpectrumStream(AccumulatedStream):
    """Keeps the samples of segments that have begun, and the sum of the periodograms of those that are complete."""

    def __init__(self, plan: SpectrumPlan, site: Site) -> None:
        n = plan.followed.columns
        super().__init__(plan, site, {"power": (plan.samples // 2 + 1, n)}, segment=plan.samples)
        self._samples, self._hop = plan.samples, plan.hop
        self._rate_hz = 1e3 / plan.followed.interval_ms
        self._hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(plan.samples) / plan.samples)
        self._kept = np.zeros((0, n))
        self._segments = 0
        self._power = np.zeros((plan.samples // 2 + 1, n))

    @property
    def count(self) -> int:
        """Segments."""
        return self._segments

    def sums(self) -> dict[str, F64]:
        """The mean of the periodograms."""
        return {"power": self._power / max(1, self._segments)}

    def add(self, step: int, rows: F64) -> None:
        """Work on every segment that they complete."""
        rows = self.after_start(step, rows)
        known = np.isfinite(rows).all(axis=1)  # others are of a filter that has not settled
        kept = np.concatenate([self._kept, rows[known]])
        while len(kept) >= self._samples:
            self._power += self._periodogram(kept[: self._samples])
            self._segments += 1
            kept = kept[self._hop :]
        self._kept = kept
        self.store_if_due()

    def _periodogram(self, segment: F64) -> F64:
        """One-sided density of a segment float64[samples, n]; every channel is transformed by itself."""
        from scipy.fft import rfft

        weighted = (segment - segment.mean(axis=0)) * self._hann[:, None]
        found = rfft(np.ascontiguousarray(weighted.T), axis=1).T
        power = (found.real**2 + found.imag**2) / (self._rate_hz * np.square(self._hann).sum())
        last = len(power) - 1 if self._samples % 2 == 0 else len(power)
        power[1:last] *= 2.0
        return np.asarray(power)

    def state(self) -> dict[str, NDArray[Any]]:
        """The sum, and the samples that are kept."""
        sums = {"segments": np.array(self._segments), "power": self._power.copy(), "kept": self._kept.copy()}
        return {**sums, "written": np.array(self._written)}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._segments, self._written = int(state["segments"]), int(state["written"])
        self._power, self._kept = np.array(state["power"]), np.array(state["kept"])

    def branch(self, state: Any) -> None:
        """Sums begin."""


SPECTRUM = SpectrumSignal()
