"""pulse_packet: volleys of spikes around given times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from dtbsim.config.bounds import Number, Whole
from dtbsim.config.drives import SHARED, Spiking, ascending
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import I64, Draws, Trains
from dtbsim.numerics.limits import MAX_COUNT

WIDEST = 8.5
"""No normal number of 52 bits is larger."""


class PulsePacketDrive(Spiking):
    """Packets of `spikes` spikes whose times have a normal distribution around each of the pulse times.

    As NEST's pulsepacket_generator (its pulse_times, activity and sdev), which gives all of its targets the same spikes
    (`shared: true`); otherwise every target gets as many of its own. Times count as those of `spike_trains` do; they
    are rounded up to whole steps, and those before the run begins are left out.
    """

    kind: Literal["pulse_packet"] = Field(default="pulse_packet", description=KIND)
    times_ms: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="centres of the packets, ascending; also within a step"
    )
    spikes: Annotated[Whole, Field(ge=1, le=MAX_COUNT)] = Field(
        default=1, description="spikes of a packet, into every target"
    )
    sdev_ms: Number = Field(ge=0, description="standard deviation of their times")
    shared: Flag = Field(default=False, description=SHARED)

    @model_validator(mode="after")
    def _ascending(self) -> PulsePacketDrive:
        ascending("times_ms", self.times_ms)
        return self


@dataclass(frozen=True, eq=False)
class Packets(Trains):
    """Spike j of packet k of a neuron is drawn by k and j alone; there is no state. Times in ms."""

    times: tuple[float, ...]
    spikes: int
    sdev: float
    shared: bool = False

    def advance(self, state: I64, draws: Draws, start: int, stop: int) -> tuple[I64, I64]:
        """Draw the packets that can reach the steps, and keep what falls into them."""
        from scipy.special import ndtri

        reach = WIDEST * self.sdev + draws.dt_ms
        first, last = np.searchsorted(self.times, [start * draws.dt_ms - reach, stop * draws.dt_ms + reach])
        steps, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for k in range(first, last):
            place, j = (axis.ravel() for axis in np.indices((draws.n, self.spikes)))
            at = self.times[k] + self.sdev * ndtri(draws.uniform(place, np.full_like(place, k), j))
            step = np.ceil(at / draws.dt_ms - 1e-6).astype(np.int64)
            inside = (step >= start) & (step < stop)
            steps.append(step[inside])
            places.append(place[inside])
        return np.concatenate(steps), np.concatenate(places)


class PulsePacket(DriveKind):
    """Packets may overlap."""

    config = PulsePacketDrive

    def compile(self, item: PulsePacketDrive, site: Site) -> Packets:
        """Return the packets."""
        return Packets(tuple(item.times_ms), item.spikes, item.sdev_ms, item.shared)
