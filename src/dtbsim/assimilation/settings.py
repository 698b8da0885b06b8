"""How an assimilation is done."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from dtbsim.arguments import refuse

Scheme = Literal["own", "diffusion", "local", "global"]
SCHEMES = ("own", "diffusion", "local", "global")
VARIANTS = ("stochastic", "square_root")
UNITS = ("matched", "model")
FEWEST_MEMBERS = 4
_SHARES = ("own_weight", "relaxation", "pooling")


@dataclass(frozen=True)
class Settings:
    """Settings of a filter; see docs/assimilation.md.

    members: simulations side by side.
    scheme: `own`: every region by its own observation (Lu et al. 2024); `diffusion`: the same averaged with what the
        others' observations say; `local`: observations count less with distance; `global`: all count everywhere.
    variant: `stochastic` perturbs observations, `square_root` does not (not of `diffusion`).
    noise: standard deviation of the noise of observations, in those of the measured series.
    walk: standard deviation of the step of a free parameter per volume, where its prior has 1.
    pooling: how far a regional parameter moves toward its mean over regions, its hyperparameter, per volume.
    inflation: of deviations of all that is estimated, before an analysis.
    relaxation: share of the spread that an analysis takes which is given back.
    own_weight: of `diffusion`: the weight of a region's own observation.
    radius_mm: of `local`: where the weight of an observation is 5 / 24; none from twice as far on.
    settle_s: time before the first volume, without data.
    match_s: time over which the free-running ensemble's BOLD is observed, to find its mean and deviation.
    units: `matched`: the measured series has units of its own; its mean and standard deviation in a region correspond
        to those of the free-running ensemble. `model`: it is BOLD as the model has it, a fraction of rest.
    """

    members: int = 32
    scheme: Scheme = "diffusion"
    variant: str = "stochastic"
    noise: float = 0.5
    walk: float = 0.03
    pooling: float = 0.0
    inflation: float = 1.0
    relaxation: float = 0.3
    own_weight: float = 0.5
    radius_mm: float = 40.0
    settle_s: float = 20.0
    match_s: float = 60.0
    units: str = "matched"

    def __post_init__(self) -> None:
        if isinstance(self.members, bool) or not isinstance(self.members, int) or self.members < FEWEST_MEMBERS:
            raise refuse(self.members, "members", f"a whole number, {FEWEST_MEMBERS} or more")
        if self.scheme not in SCHEMES:
            raise refuse(self.scheme, "scheme", ", ".join(SCHEMES))
        if self.variant not in VARIANTS:
            raise refuse(self.variant, "variant", ", ".join(VARIANTS))
        if self.scheme == "diffusion" and self.variant != "stochastic":
            raise refuse(self.variant, "variant", "stochastic, with scheme diffusion")
        if self.units not in UNITS:
            raise refuse(self.units, "units", ", ".join(UNITS))
        for field in fields(self)[3:-1]:
            value = getattr(self, field.name)
            least = field.name in ("walk", "settle_s", *_SHARES)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
                raise refuse(value, field.name, "a number, 0 or more" if least else "a number above 0")
            if not least and value == 0:
                raise refuse(value, field.name, "a number above 0")
            if field.name in _SHARES and value > 1:
                raise refuse(value, field.name, "a share from 0 to 1")
