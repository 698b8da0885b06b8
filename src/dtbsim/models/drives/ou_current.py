"""ou_current: an Ornstein-Uhlenbeck process as a current."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.drives import ByRegion, Current, NotNegative
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import NoisyCurrent
from dtbsim.models.drives.waveforms import LONGEST_MEMORY, Sine


class OUCurrentDrive(Current):
    """An Ornstein-Uhlenbeck process as an input current: dI = (mean - I) dt / tau + sigma sqrt(2 / tau) dW.

    Normally distributed at every moment, with the correlation exp(-s / tau) between moments s apart. It starts from
    this distribution when the drive is first switched on and goes on while `windows_ms` switch it off; a step is exact.
    """

    changeable: ClassVar = ("mean", "sigma")
    kind: Literal["ou_current"] = Field(default="ou_current", description=KIND)
    mean: ByRegion = Field(default=0.0, description="mean, in the unit of the model's current input")
    sigma: NotNegative = Field(description="standard deviation of the current")
    tau_ms: Number = Field(gt=0, description="correlation time")
    shared: Flag = Field(default=False, description="all targets get the same current; otherwise each its own")


class OUCurrent(DriveKind):
    """Exact over a step."""

    config = OUCurrentDrive

    def compile(self, item: OUCurrentDrive, site: Site) -> NoisyCurrent:
        """Return the process around its mean."""
        if item.tau_ms > LONGEST_MEMORY * site.dt_ms:
            message = f"{item.tau_ms:g} ms is more than {LONGEST_MEMORY} steps"
            raise site.error("tau_ms", message, "give a constant current that differs between the neurons")
        return NoisyCurrent(Sine(float(item.mean)), Sine(float(item.sigma)), tau_ms=item.tau_ms, shared=item.shared)
