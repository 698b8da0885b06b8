"""poisson: a Poisson spike train into every target."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from dtbsim.config.drives import SHARED, Rates, Spiking
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import PoissonSpikes


class PoissonDrive(Spiking):
    """A Poisson spike train into every target neuron.

    One rate for all, one per region, or one for each neuron: drawn from a distribution by seed, drive and neuron, or
    listed.
    """

    changeable: ClassVar = ("rate_hz",)
    per_neuron: ClassVar = ("rate_hz",)
    kind: Literal["poisson"] = Field(default="poisson", description=KIND)
    rate_hz: Rates = Field(description="rate of each train, not below 0; listed, for each neuron of the population")
    shared: Flag = Field(default=False, description=SHARED)

    @model_validator(mode="after")
    def _one_rate_if_shared(self) -> PoissonDrive:
        if self.shared and isinstance(self.rate_hz, list):
            raise ValueError("shared: true gives all targets one train; rate_hz lists a rate for each")
        return self


class Poisson(DriveKind):
    """Rates may differ between neurons."""

    config = PoissonDrive
    by_population = True

    def compile(self, item: PoissonDrive, site: Site) -> PoissonSpikes:
        """Return Poisson spikes at a constant rate."""
        return PoissonSpikes(site.rate_hz("rate_hz"), shared=item.shared)
