"""Where sensors are, by their names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.electrodes import electrode_directions
from dtbsim.atlas.lead_fields import meg_sensor_positions

F64 = NDArray[np.float64]


def places_of(names: list[str], kind: str) -> tuple[F64, str] | None:
    """Places float64[n, 3] (right, front, up) of electrodes or MEG sensors, and what they are; None of other names."""
    if kind == "eeg":
        found = electrode_directions(names)
        return None if found is None else (found, "on a spherical head of radius 1")
    known = meg_sensor_positions()
    if not set(names) <= known.keys():
        return None
    return np.array([known[name] for name in names]), "in m from the middle of the head"
