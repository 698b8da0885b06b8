"""Series as objects of MNE-Python (https://mne.tools)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    import xarray as xr

SYSTEMS = ("ctf275", "neuromag")
"""Helmets, as MNE calls them."""
SI = {"uV": 1e-6, "fT": 1e-15, "fT/cm": 1e-13}
"""What makes V, T and T/m, which MNE has, of our units."""


def to_raw(data: xr.DataArray) -> Any:
    """Return mne.io.RawArray of a series (time, channel).

    EEG (V) and MEG (T, T/m) have their sensors' places as MNE knows them by name; other series are of type `misc`, in
    their own unit. The first sample keeps its time (`first_time`). Raises MissingDependencyError without mne.
    """
    try:
        import mne
    except ImportError as error:
        raise MissingDependencyError(
            f"the package mne cannot be imported: {error}", remedy="pip install 'dtbsim[mne]'"
        ) from error
    rows = str(data.dims[0])
    if rows not in ("time_ms", "time_s") or data.ndim != 2 or data.sizes[rows] < 2 or "other_s" in data.dims:
        raise InputError(f"'{data.name}' is no series of two samples or more", remedy="name a series, such as eeg")
    times_s = data[rows].values * (1e-3 if rows == "time_ms" else 1.0)
    rate_hz = float(f"{(len(times_s) - 1) / (times_s[-1] - times_s[0]):.9g}")
    names = [str(name) for name in data[data.dims[1]].values]
    unit = str(data.attrs.get("units", ""))
    kind = str(data.attrs.get("kind", ""))
    kinds = {"eeg": "eeg", "meg": "grad" if unit == "fT/cm" else "mag"}
    channel_type = kinds.get(kind, "misc") if unit in SI else "misc"
    factor = SI[unit] if channel_type != "misc" else 1.0
    info = mne.create_info(names, rate_hz, channel_type)
    if channel_type == "eeg":
        info.set_montage(mne.channels.make_standard_montage("colin27_1005"), on_missing="ignore", verbose="error")
    elif channel_type != "misc":
        _place(mne, info, names)
    first = round(float(times_s[0]) * rate_hz)
    return mne.io.RawArray(np.ascontiguousarray(data.values.T) * factor, info, first_samp=first, verbose="error")


def _place(mne: Any, info: Any, names: list[str]) -> None:
    """Give MEG channels the coils that MNE has of the same names; older versions of it have none."""
    read = getattr(mne.channels, "read_meg_canonical_info", None)
    if read is None:
        return
    for system in SYSTEMS:
        known = {ch["ch_name"].replace(" ", "").partition("-")[0]: ch for ch in read(system)["chs"]}
        if set(names) <= known.keys():
            with info._unlock():
                for channel in info["chs"]:
                    coil = known[channel["ch_name"]]
                    channel.update({key: coil[key] for key in ("loc", "coil_type", "unit", "coord_frame", "kind")})
            return
