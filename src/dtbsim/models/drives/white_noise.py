"""white_noise: noise by what it does to the membrane, whatever the time step."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.drives import ByRegion, Current, NotNegative
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import NoisyCurrent
from dtbsim.models.drives.waveforms import LONGEST_MEMORY, Sine


class WhiteNoiseDrive(Current):
    """White noise of the membrane: dV = (V_rest - V) dt / tau + sigma sqrt(2 / tau) dW, with V_rest raised by `mean`.

    Without a threshold the potential is normally distributed with the standard deviation `sigma_mV`, for every time
    step, as of `sigma*sqrt(2/tau)*xi` in Brian2. `sigma_pA` is the same as a current: sigma_mV over the resistance of
    the membrane. A value of the current is held for one step; its standard deviation is
    sigma sqrt((1 + e) / (1 - e)) with e = exp(-dt / tau), at which the potential at the ends of steps has the right
    variance. tau and resistance are those of the model's parameters (tau_m_ms and C_m_pF, or C_m_pF and g_L_nS: those
    of the leak, where a membrane has other conductances, too).
    """

    changeable: ClassVar = ("mean", "sigma_mV", "sigma_pA")
    of_membrane: ClassVar = True
    kind: Literal["white_noise"] = Field(default="white_noise", description=KIND)
    sigma_mV: NotNegative | None = Field(default=None, description="standard deviation of the potential")
    sigma_pA: NotNegative | None = Field(default=None, description="the same over the resistance of the membrane")
    mean: ByRegion = Field(default=0.0, description="mean current, in the unit of the model's current input")
    tau_ms: Number | None = Field(
        default=None, gt=0, description="time constant of the membrane; default: that of the parameters"
    )
    shared: Flag = Field(default=False, description="all targets get the same current; otherwise each its own")

    @model_validator(mode="after")
    def _one_sigma(self) -> WhiteNoiseDrive:
        if (self.sigma_mV is None) == (self.sigma_pA is None):
            raise ValueError("give sigma_mV or sigma_pA" + ("" if self.sigma_mV is None else ", not both"))
        return self


class WhiteNoise(DriveKind):
    """Normal numbers, one for each step, whose size follows the step and the membrane."""

    config = WhiteNoiseDrive
    by_population = True

    def compile(self, item: WhiteNoiseDrive, site: Site) -> NoisyCurrent:
        """Return the noisy current."""
        if site.model.current_unit != "pA":
            raise site.error(
                "kind",
                f"model '{site.model.name}' takes a current in {site.model.current_unit or 'no unit'}, and the noise "
                "of its membrane in pA is not known",
                "use noise_current",
            )
        tau = item.tau_ms if item.tau_ms is not None else _tau_ms(site)
        if tau > LONGEST_MEMORY * site.dt_ms:
            raise site.error("tau_ms", f"{tau:g} ms is more than {LONGEST_MEMORY} steps")
        sigma = float(item.sigma_pA or 0.0)
        if item.sigma_mV is not None:
            sigma = item.sigma_mV * site.parameter("C_m_pF") / tau
        rest = -math.expm1(-site.dt_ms / tau)  # 1 - e
        return NoisyCurrent(Sine(float(item.mean)), Sine(sigma * math.sqrt((2.0 - rest) / rest)), shared=item.shared)


def _tau_ms(site: Site) -> float:
    names = {row.name for row in site.model.parameters}
    if "tau_m_ms" in names:
        return site.parameter("tau_m_ms")
    if {"C_m_pF", "g_L_nS"} <= names:
        return site.parameter("C_m_pF") / site.parameter("g_L_nS")
    raise site.error("tau_ms", f"model '{site.model.name}' has no time constant of the membrane", "give one")
