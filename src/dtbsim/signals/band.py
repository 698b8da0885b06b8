"""Power, amplitude or phase of a frequency band of another signal, as a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.config.bounds import Number
from dtbsim.config.parts import KIND
from dtbsim.errors import InputError
from dtbsim.signals.demodulator import Demodulator, delay_s, settling_samples
from dtbsim.signals.following import FollowingOptions, FollowingPlan, FollowingStream
from dtbsim.signals.sensors import writer_of
from dtbsim.signals.source import F64, Grid
from dtbsim.signals.stream import Plan, Signal
from dtbsim.units import squared

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network


PHASE_UNIT = "rad"


class BandOptions(FollowingOptions):
    """A band of what is followed, by a causal filter (complex demodulation; see `dtbsim.signals.demodulator`).

    Samples begin when the filter has settled, in the alpha band (8 to 12 Hz) a second after the first one of what it
    follows.
    """

    low_hz: Number = Field(gt=0, description="lower edge of the band")
    high_hz: Number = Field(gt=0, description="upper edge of the band, below half the sampling rate")
    order: int = Field(
        default=4, ge=1, le=8, description="order of the low-pass, whose corner is half the band's width"
    )


class Band(BandOptions):
    """Power, amplitude or phase of a frequency band of another signal, while the run goes on.

    For a sine of amplitude A the amplitude is A and the power half its square. The filter sees the past alone, so
    envelopes come late, by 0.8 s over the band's width in Hz or a little more; `delay_ms` of the result says it.
    """

    on_grid: ClassVar = ("start_ms", "interval_ms")
    intervals: ClassVar = ("interval_ms",)

    kind: Literal["band"] = Field(default="band", description=KIND)
    output: Literal["power", "amplitude", "phase", "filtered"] = Field(
        default="power", description="`filtered` is the band itself; phases are in radians, 0 at a maximum"
    )
    interval_ms: Number | None = Field(
        default=None, gt=0, description="time between samples; default: that of what it follows"
    )


class BandSignal(Signal):
    """`signals.NAME` with `kind: band`."""

    name = "band"
    part = "signals"
    config = Band

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """What it follows, and its filter."""
        return BandPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return the series, float64 (time_ms, channel), with `of`, `output`, the band and `delay_ms` in `attrs`."""
        found = super().read(run, name)
        item = run.config["signals"][name]
        keys = ("of", "output", "low_hz", "high_hz", "order")
        low_hz, high_hz = float(item["low_hz"]), float(item["high_hz"])
        delay_ms = 1e3 * delay_s(low_hz, high_hz, int(item["order"]))
        return found.assign_attrs({key: item[key] for key in keys}, delay_ms=round(delay_ms, 3))

    def panel(self, run: Any, name: str) -> Panel | None:
        """Traces, and where it is: on the head or in the brain."""
        from dtbsim.signals.region_panel import band_panel

        return band_panel(run, name, self.read(run, name))


def settled_first(plan: FollowingPlan, item: BandOptions) -> int:
    """The step of the first sample after the start for which the filter of a band has settled; InputError if none.

    Filters begin with the first sample of what is followed.
    """
    grid = plan.followed
    where = f"signals.{plan.name}"
    try:
        Demodulator(1, 1e-3 * grid.interval_ms, item.low_hz, item.high_hz, item.order)
    except InputError as error:
        error.where = f"{where}.high_hz"
        raise
    settled = grid.first + grid.interval * settling_samples(
        item.low_hz, item.high_hz, item.order, 1e-3 * grid.interval_ms
    )
    first = max(plan.first, settled)
    if first > grid.stop:
        raise InputError(
            f"the filter of this band has settled {(settled - grid.first) * grid.dt_ms:g} ms after the first sample of "
            f"'{plan.of}' ({grid.first_ms:g} ms); that ends at {grid.stop * grid.dt_ms:g} ms",
            where=f"{where}.high_hz",
            remedy="make the run longer or the band wider",
        )
    return first


class BandPlan(FollowingPlan):
    """A filter for every channel."""

    def __init__(self, name: str, item: Band, network: Network) -> None:
        super().__init__(name, "band", item, network)
        self.item, followed = item, self.followed
        interval = followed.interval if item.interval_ms is None else steps_of(item.interval_ms, network.dt_ms)
        if interval % followed.interval:
            raise InputError(
                f"{item.interval_ms:g} ms is no multiple of the interval of '{item.of}' ({followed.interval_ms:g} ms)",
                where=f"signals.{name}.interval_ms",
                remedy="choose a multiple of it",
            )
        self.every = interval // followed.interval
        self.first = settled_first(self, item)
        units = {"power": squared(followed.unit), "phase": PHASE_UNIT}
        unit = units.get(item.output, followed.unit)
        self.grid = Grid(followed.channels, unit, interval, self.first, followed.stop, network.dt_ms, followed.members)

    def follow(self, site: Site) -> FollowingStream:
        """The filter and the store."""
        return BandStream(self, site)


class BandStream(FollowingStream):
    """Filters every sample, stores every so many of them."""

    def __init__(self, plan: BandPlan, site: Site) -> None:
        super().__init__(plan, site)
        item, grid = plan.item, plan.followed
        self._plan = plan
        self._filter = Demodulator(grid.columns, 1e-3 * grid.interval_ms, item.low_hz, item.high_hz, item.order)
        self._settled = settling_samples(item.low_hz, item.high_hz, item.order, 1e-3 * grid.interval_ms)
        self._writer = writer_of(plan.name, "band", plan.grid, site)

    def add(self, step: int, rows: F64) -> None:
        """Store what the filter makes of it."""
        plan, interval = self._plan, self._interval
        seen = self._filter.samples
        real, imaginary = self._filter.step(step // interval, rows)
        found = output_of(plan.item.output, real, imaginary)
        found[: max(0, self._settled - seen)] = np.nan  # only where a branch begins with it
        steps = step + interval * np.arange(len(rows))
        due = (steps >= plan.first) & ((steps - plan.first) % (interval * plan.every) == 0)
        self.board.publish(self.board_name, int(steps[due][0]) if due.any() else 0, found[due])
        if due.any():
            self._writer.append(found[due])

    def state(self) -> dict[str, NDArray[Any]]:
        """That of the filter."""
        return self._filter.state()

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._filter.restore(state)

    def close(self) -> None:
        """Publish the store."""
        self._writer.close()


def output_of(output: str, real: F64, imaginary: F64) -> F64:
    """Power, amplitude, phase or the band itself, float64[k, n], of an analytic signal."""
    if output == "filtered":
        return real
    if output == "phase":  # row by row: the bits of a sample do not depend on how many there are
        return np.array([np.arctan2(b, a) for a, b in zip(real, imaginary, strict=True)]).reshape(real.shape)
    squared = real * real + imaginary * imaginary
    return 0.5 * squared if output == "power" else np.sqrt(squared)


BAND = BandSignal()
