"""spike_trains: listed spikes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from dtbsim.config.drives import Spiking
from dtbsim.config.parts import KIND, OFF_GRID, OffGrid, SpikeArrays
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import ListedSpikes


class SpikeTrainDrive(Spiking):
    """Listed spike trains into the target neurons through a receptor port, from a file or written out.

    The file (.npz with arrays `neuron`, `time_ms`; or .csv with these columns) numbers the neurons of the population
    from 0; with `fraction` or `neurons` the trains of the others are left out. A spike at time t reaches its neuron at
    the step that ends at t + one step, as from a device connected with a delay of one step.
    """

    kind: Literal["spike_trains"] = Field(default="spike_trains", description=KIND)
    file: str | None = Field(default=None, description="path of the file, relative to the configuration file")
    spikes: SpikeArrays | None = Field(
        default=None, description="the same written out; in Python `neuron` and `time_ms` may be numpy arrays"
    )
    off_grid_spikes: OffGrid = Field(default="error", description=OFF_GRID)

    @model_validator(mode="after")
    def _spikes_once(self) -> SpikeTrainDrive:
        if (self.spikes is None) == (self.file is None):
            raise ValueError("give file or spikes" + ("" if self.file is None else ", not both"))
        return self

    def files(self) -> dict[str, str]:
        """Return the file of the spikes."""
        return {} if self.file is None else {"file": self.file}


class SpikeTrains(DriveKind):
    """Spikes are listed by neuron of the population."""

    config = SpikeTrainDrive
    by_population = True

    def compile(self, item: SpikeTrainDrive, site: Site) -> ListedSpikes:
        """Return the spikes of the list or of the file."""
        return ListedSpikes(site.listed_spikes(item.spikes, item.file, item.off_grid_spikes))
