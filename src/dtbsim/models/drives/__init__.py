"""Drives: one object and one file each; other packages add theirs through entry points.

A package names an object, or a class that makes one, in its pyproject.toml:

    [project.entry-points."dtbsim.drives"]
    shot_noise = "my_package.shot_noise:ShotNoise"
"""

from __future__ import annotations

from typing import Any

from dtbsim.config.drives import Current, Spiking, Windowed
from dtbsim.config.kinds import check_config
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.current_series import CurrentSeries
from dtbsim.models.drives.dc import DC
from dtbsim.models.drives.gamma import Gamma
from dtbsim.models.drives.inhomogeneous_poisson import InhomogeneousPoisson
from dtbsim.models.drives.inputs import (
    Draws,
    Input,
    InputCurrent,
    ListedSpikes,
    NoisyCurrent,
    OwnRates,
    PoissonSpikes,
    Trains,
)
from dtbsim.models.drives.noise_current import NoiseCurrent
from dtbsim.models.drives.ou_current import OUCurrent
from dtbsim.models.drives.poisson import Poisson
from dtbsim.models.drives.pulse_packet import PulsePacket
from dtbsim.models.drives.pulse_train import PulseTrain
from dtbsim.models.drives.ramp import RampCurrent
from dtbsim.models.drives.renewal import RenewalTrains
from dtbsim.models.drives.sinusoidal import AC, SinusoidalCurrent
from dtbsim.models.drives.sinusoidal_gamma import SinusoidalGamma
from dtbsim.models.drives.sinusoidal_poisson import SinusoidalPoisson
from dtbsim.models.drives.spike_trains import SpikeTrains
from dtbsim.models.drives.step_current import StepCurrent
from dtbsim.models.drives.white_noise import WhiteNoise
from dtbsim.registry import Registry

__all__ = [
    "DRIVES",
    "Current",
    "Draws",
    "DriveKind",
    "Input",
    "InputCurrent",
    "ListedSpikes",
    "NoisyCurrent",
    "OwnRates",
    "PoissonSpikes",
    "Site",
    "Spiking",
    "Trains",
    "drive_kind_of",
]

BUILT_IN: tuple[DriveKind, ...] = (
    Poisson(),
    InhomogeneousPoisson(),
    SinusoidalPoisson(),
    Gamma(),
    SinusoidalGamma(),
    RenewalTrains(),
    PulsePacket(),
    DC(),
    SinusoidalCurrent(),
    AC(),
    StepCurrent(),
    RampCurrent(),
    PulseTrain(),
    CurrentSeries(),
    NoiseCurrent(),
    OUCurrent(),
    WhiteNoise(),
    SpikeTrains(),
)


def _checked(name: str, value: object) -> DriveKind:
    """Return the drive that an entry point names; TypeError that says what it lacks."""
    made = value() if isinstance(value, type) else value
    if not isinstance(made, DriveKind):
        raise TypeError("a drive is a subclass of dtbsim.models.drives.DriveKind")
    config: Any = getattr(made, "config", None)
    check_config(config, (Spiking, Current), name)
    lacking = [key for key in (*config.changeable, *config.per_neuron) if key not in config.model_fields]
    if lacking:
        raise TypeError(f"its configuration has no '{lacking[0]}', which it lists as changeable or per neuron")
    if type(made).compile is DriveKind.compile:
        raise TypeError("it needs `compile(item, site)`, which returns what the neurons get")
    return made


DRIVES: Registry[DriveKind] = Registry("dtbsim.drives", "drive", {kind.kind: kind for kind in BUILT_IN}, _checked)


def drive_kind_of(item: Windowed) -> DriveKind:
    """Return the kind that a configuration is of."""
    return DRIVES.find(str(item.kind))
