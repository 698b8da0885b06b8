"""Lead fields, bundled or from files: what the dipole moment of a region makes at named sensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.model import Atlas
from dtbsim.data.arrays import ARRAY_SUFFIXES, choose_array, read_arrays
from dtbsim.data.labels import check_unique, match_labels
from dtbsim.data.model import check_number
from dtbsim.data.table import TEXT_SUFFIXES, read_table
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


def read_lead_field(path: Path, atlas: Atlas, unit: str | None) -> LeadField:
    """Return a lead field from a file, its columns by the names of regions of `atlas`.

    A .csv or .tsv has the labels of regions in its first line and the names of channels in its first column. An .npz,
    .mat or .h5 has the array `lead_field` [channels, regions] (or a single one), and may have the texts `channels`,
    `regions` and `unit`; without labels the columns are all regions of the atlas in its order.

    Raises:
        InputError: not readable, a column of no region of the atlas, numbers that are not finite.
    """
    values, channels, labels, said = _read(path)
    if not np.isfinite(values).all():
        channel, region = (int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise InputError(f"row {channel + 1}, column {region + 1} is no number", where=str(path), remedy="give numbers")
    if labels is None:
        check_number(values.shape[1], atlas.n_regions, str(path))
        regions = atlas.region_names
    else:
        order = match_labels(atlas.display_names, labels, where=f"atlas {atlas.name}: regions of {path}")
        regions = tuple(atlas.region_names[k] for k in order)
    names = channels or tuple(str(k + 1) for k in range(len(values)))
    check_unique(names, f"{path}: channels")
    return LeadField(values, names, regions, said if unit is None else unit)


def _read(path: Path) -> tuple[NDArray[np.float64], tuple[str, ...] | None, tuple[str, ...] | None, str]:
    """Numbers, channels, labels of regions and unit of a file, as far as it says them."""
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        table = read_table(path)
        return table.values, table.rows, table.columns, ""
    if suffix not in ARRAY_SUFFIXES:
        raise InputError(
            f"a lead field is read from files ending in {', '.join((*TEXT_SUFFIXES, *ARRAY_SUFFIXES))}",
            where=str(path),
            remedy="allowed: such a file, or of EEG bem, sphere, atlas",
        )
    arrays = read_arrays(path)
    chosen = "lead_field" if "lead_field" in arrays else None
    _, values = choose_array(arrays, path, chosen, lambda _, array: array.ndim == 2, "lead field (channels x regions)")
    if values.ndim != 2:
        raise InputError(f"lead_field has {values.ndim} axes; needed 2, channels and regions", where=str(path))
    texts = {key: tuple(map(str, arrays[key].ravel())) for key in ("channels", "regions", "unit") if key in arrays}
    for key, size in (("channels", values.shape[0]), ("regions", values.shape[1])):
        if key in texts and len(texts[key]) != size:
            raise InputError(f"{len(texts[key])} {key} for {values.shape} numbers", where=str(path))
    return values, texts.get("channels"), texts.get("regions"), next(iter(texts.get("unit", ())), "")


def _own(atlas: Atlas) -> LeadField:
    if atlas.lead_field is None:
        raise InputError(
            f"atlas '{atlas.name}' has no lead field", remedy="give it one (docs/atlas_format.md), or use bem or sphere"
        )
    values = np.asarray(atlas.lead_field, np.float64)
    channels = atlas.lead_field_channels or tuple(str(k + 1) for k in range(len(values)))
    return LeadField(values, tuple(channels), atlas.region_names, atlas.lead_field_unit)
