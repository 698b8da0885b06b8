"""A drive: every neuron gets spikes at a regular interval, from a phase of its own, each with some jitter."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dtbsim.models.drives import DriveKind, Spiking, Trains


class MetronomeDrive(Spiking):
    """Spikes every `interval_ms`, each up to `jitter` intervals late."""

    changeable: ClassVar = ("jitter",)

    kind: Literal["metronome"] = Field(default="metronome", description="names the kind")
    interval_ms: float = Field(gt=0, description="between two spikes; used as it is")
    jitter: float = Field(default=0.0, ge=0, le=1, description="largest lateness, in intervals")


@dataclass(frozen=True)
class Beats(Trains):
    """Beat k of a neuron is drawn by k alone, so that there is no state."""

    interval_ms: float
    jitter: float

    def advance(self, state, draws, start, stop):
        """Return steps and places of the spikes from `start` to before `stop`."""
        interval = self.interval_ms / draws.dt_ms
        beats = np.arange(int(start / interval) - 2, int(stop / interval) + 1)
        place, beat = (axis.ravel() for axis in np.meshgrid(np.arange(draws.n), beats[beats >= 0], indexing="ij"))
        phase = draws.uniform(place, np.zeros_like(beat), 1)
        late = self.jitter * draws.uniform(place, beat, 2)
        step = ((beat + phase + late) * interval).astype(np.int64)
        inside = (step >= start) & (step < stop)
        return step[inside], place[inside]


class Metronome(DriveKind):
    """`drives: {NAME: {kind: metronome, interval_ms: 25}}`."""

    config = MetronomeDrive

    def compile(self, item, site):
        """Return what the neurons get."""
        if item.interval_ms < site.dt_ms:
            raise site.error("interval_ms", f"{item.interval_ms:g} ms is shorter than a step", "use a shorter dt_ms")
        return Beats(item.interval_ms, item.jitter)
