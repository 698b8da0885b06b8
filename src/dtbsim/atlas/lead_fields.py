"""Lead fields that come with bundled atlases: what the dipole moment of a region makes at named sensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.model import Atlas
from dtbsim.errors import InputError
from dtbsim.files import read_npz

FOLDER = Path(__file__).parent / "data" / "lead_fields"
MEG_FOLDER = Path(__file__).parent / "data" / "meg_fields"
UNIT = "V/(A m)"


@dataclass(frozen=True, eq=False)
class LeadField:
    """`values` float64[channels, regions] in `unit`, with the names of both."""

    values: NDArray[np.float64]
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    unit: str

    def of(self, regions: list[str]) -> NDArray[np.float64]:
        """The columns of the named regions, float64[channels, len(regions)]; InputError for one without a column."""
        column = {name: k for k, name in enumerate(self.regions)}
        missing = [name for name in regions if name not in column]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise InputError(f"the lead field has no column of region {missing[0]}{more}")
        return self.values[:, [column[name] for name in regions]]


def bundled_lead_fields() -> list[str]:
    """Names of the atlases with computed lead fields."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def bundled_meg_fields() -> list[str]:
    """Names of the atlases with computed lead fields of MEG."""
    return sorted(path.stem for path in MEG_FOLDER.glob("*.npz"))


def load_meg_field(atlas: Atlas, sensors: str) -> LeadField:
    """Return the computed lead field of `ctf275`, `neuromag_magnetometers` (T/(A m)) or `neuromag_gradiometers`.

    The unit is that of the sensors, T or T/m, per A m. Raises InputError where there is none.
    """
    if atlas.name not in bundled_meg_fields():
        raise InputError(
            f"there is no computed lead field of MEG of atlas '{atlas.name}' (there is one of "
            f"{', '.join(bundled_meg_fields())})",
            where="atlas",
            remedy="use one of these atlases",
        )
    table = read_npz(MEG_FOLDER / f"{atlas.name}.npz")
    system, unit = _SENSORS[sensors]
    chosen = np.asarray(table[f"{system}/units"]) == unit
    channels = tuple(str(name) for name in np.asarray(table[f"{system}/channels"])[chosen])
    regions = tuple(str(name) for name in table["regions"])
    return LeadField(np.asarray(table[f"{system}/field"], np.float64)[chosen], channels, regions, unit)


def meg_sensor_positions() -> dict[str, NDArray[np.float64]]:
    """Where the sensors of the helmets are, from the middle of the head (right, front, up; m), by their names."""
    table = read_npz(MEG_FOLDER / f"{bundled_meg_fields()[0]}.npz")
    return {
        str(name): np.asarray(place, np.float64)
        for system in dict.fromkeys(system for system, _ in _SENSORS.values())
        for name, place in zip(table[f"{system}/channels"], table[f"{system}/positions_m"], strict=True)
    }


_SENSORS = {
    "ctf275": ("ctf275", "T"),
    "neuromag_magnetometers": ("neuromag306", "T"),
    "neuromag_gradiometers": ("neuromag306", "T/m"),
}


def load_lead_field(atlas: Atlas, which: str) -> LeadField:
    """Return a lead field: `bem` or `sphere`, computed for bundled atlases, or `atlas`, the atlas's own.

    Raises InputError where there is none.
    """
    if which == "atlas":
        return _own(atlas)
    file = FOLDER / f"{atlas.name}.npz"
    if atlas.name not in bundled_lead_fields():
        raise InputError(
            f"there is no computed lead field of atlas '{atlas.name}' (there is one of "
            f"{', '.join(bundled_lead_fields())})",
            remedy="use one of these atlases, or give the atlas its own (docs/atlas_format.md) and `lead_field: atlas`",
        )
    table = read_npz(file)
    channels, regions = (tuple(str(name) for name in table[key]) for key in ("channels", "regions"))
    return LeadField(np.asarray(table[which], np.float64), channels, regions, UNIT)


def _own(atlas: Atlas) -> LeadField:
    if atlas.lead_field is None:
        raise InputError(
            f"atlas '{atlas.name}' has no lead field", remedy="give it one (docs/atlas_format.md), or use bem or sphere"
        )
    values = np.asarray(atlas.lead_field, np.float64)
    channels = atlas.lead_field_channels or tuple(str(k + 1) for k in range(len(values)))
    return LeadField(values, tuple(channels), atlas.region_names, atlas.lead_field_unit)
