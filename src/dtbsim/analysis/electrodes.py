"""Where the electrodes of the 10-10 system are, by their names, on a spherical head; and maps between them.

The 10-10 system (Chatrian et al. 1985; Oostenveld and Praamstra 2001, doi:10.1016/S1388-2457(00)00527-7) divides the
way from nasion to inion into tenths, and the circumference through Fpz, T7, Oz and T8 likewise; the electrodes of a row
divide the arc through the two on the circumference and the one on the midline. On a sphere whose pole is Cz the
circumference is the equator, and a tenth of the midline is 22.5 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_MIDLINE = ("Nz", "Fpz", "AFz", "Fz", "FCz", "Cz", "CPz", "Pz", "POz", "Oz", "Iz")
_RING = ("Fp1", "AF7", "F7", "FT7", "T7", "TP7", "P7", "PO7", "O1")
"""The left half of the circumference between Fpz and Oz, a tenth of it apart."""
_ROWS = {"AF": ("AF7", "AFz"), "F": ("F7", "Fz"), "FC": ("FT7", "FCz"), "C": ("T7", "Cz"), "CP": ("TP7", "CPz"),
         "P": ("P7", "Pz"), "PO": ("PO7", "POz")}  # fmt: skip
"""Rows with their electrodes on the circumference and on the midline; 5, 3 and 1 lie in between."""
_BELOW = {"AF9": "AF7", "F9": "F7", "FT9": "FT7", "T9": "T7", "TP9": "TP7", "P9": "P7", "PO9": "PO7"}
"""A tenth below those of the circumference."""
_TENTH = np.pi / 8
_OLD = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
"""Names of the 10-20 system."""


def electrode_directions(names: Sequence[str]) -> F64 | None:
    """Unit vectors of named electrodes, float64[n, 3], (right, front, up); None where one is none of the system."""
    known = {name.lower(): direction for name, direction in _directions().items()}
    found = [known.get(name.lower()) for name in names]
    return None if any(direction is None for direction in found) else np.array(found, np.float64).reshape(-1, 3)


def flat_positions(directions: F64) -> F64:
    """Positions on a map, float64[n, 2], (right, front): distances from Cz are kept, and 1 is the circumference."""
    angle = np.arccos(np.clip(directions[:, 2], -1, 1)) / (np.pi / 2)
    across = np.hypot(directions[:, 0], directions[:, 1])
    return np.asarray(directions[:, :2] * (angle / np.where(across > 1e-12, across, 1.0))[:, None])


def scalp_map(positions: F64, values: F64, points: F64) -> F64:
    """Values at `points` float64[k, 2] between those of electrodes at `positions` float64[n, 2], float64[k].

    Biharmonic splines through all values (Sandwell 1987, doi:10.1029/GL014i002p00139), as EEGLAB uses.
    """
    mean = values.mean()
    weights = np.linalg.lstsq(_bend(positions, positions), values - mean, rcond=None)[0]
    return np.asarray(_bend(points, positions) @ weights + mean)


def _bend(at: F64, of: F64) -> F64:
    """The shape of a thin plate that is bent at points `of`."""
    distance = np.linalg.norm(at[:, None] - of[None], axis=2)
    return np.asarray(distance**2 * (np.log(np.where(distance > 0, distance, 1.0)) - 1.0))


@cache
def _directions() -> dict[str, F64]:
    found = {name: _at(np.pi, (k - 5) * _TENTH) for k, name in enumerate(_MIDLINE)}
    found |= {name: _at((k + 1) * np.pi / 10, np.pi / 2) for k, name in enumerate(_RING)}
    for row, (outer, middle) in _ROWS.items():
        parts = _along(found[outer], found[middle], _mirrored(found[outer]))
        found |= {f"{row}{number}": part for number, part in zip((5, 3, 1), parts, strict=True)}
    for name, above in _BELOW.items():
        azimuth = (_RING.index(above) + 1) * np.pi / 10
        found[name] = _at(azimuth, np.pi / 2 + _TENTH)
    odd = [name for name in found if name[-1].isdigit()]
    for name in odd:
        row = name.rstrip("0123456789")
        found[f"{row}{int(name.removeprefix(row)) + 1}"] = _mirrored(found[name])
    return found | {old: found[new] for old, new in _OLD.items()}


def _at(azimuth: float, polar: float) -> F64:
    """`azimuth` from the front over the left, `polar` from Cz; below 0 for the front of the midline at azimuth pi."""
    return np.array([-np.sin(azimuth) * np.sin(polar), np.cos(azimuth) * np.sin(polar), np.cos(polar)])


def _mirrored(direction: F64) -> F64:
    return direction * [-1.0, 1.0, 1.0]


def _along(left: F64, middle: F64, right: F64) -> list[F64]:
    """Points at a quarter, a half and three quarters of the way from `left` to `middle`, on the circle through all."""
    normal = np.cross(middle - left, right - left)
    normal /= np.linalg.norm(normal)
    centre = normal * (normal @ left)
    start, end = left - centre, middle - centre
    angle = np.arccos(np.clip(start @ end / (start @ start), -1, 1))
    turn = np.cross(np.cross(start, end), start)
    turn *= np.linalg.norm(start) / np.linalg.norm(turn)
    return [centre + start * np.cos(part * angle) + turn * np.sin(part * angle) for part in (0.25, 0.5, 0.75)]
