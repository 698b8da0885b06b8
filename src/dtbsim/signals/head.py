"""What the report shows of signals of sensors on the head: traces, spectra, and maps of the power from above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.signals.panel import Curves, Figure, Panel, Topography, Traces, one_member

if TYPE_CHECKING:
    import xarray as xr

F64 = NDArray[np.float64]
SHOWN = ("Fz", "Cz", "Pz", "Oz", "T7", "T8")
SHOWN_MEG = ("MLF23", "MRF23", "MLT24", "MRT24", "MLO21", "MRO21", "MEG0521", "MEG1411", "MEG1921")
LONGEST_SHOWN_S, MOST_SHOWN = 10.0, 4000
FEWEST_FOR_MAP = 16
"""Fewer sensors make no map of the head."""
SEGMENT_S = 4.0
ALPHA_HZ = (8.0, 13.0)
FEWEST_SEGMENTS = 2
"""Of one second, before a map of the alpha band is shown."""


def eeg_panel(name: str, eeg: xr.DataArray) -> Panel | None:
    """Traces of the last seconds of a few electrodes, spectra of all that was recorded, and maps of the power."""
    eeg, which = one_member(eeg)
    names = [str(channel) for channel in eeg["channel"].values]
    found = _signal(eeg, [channel for channel in SHOWN if channel in names] or names[: len(SHOWN)])
    if found is None:
        return None
    text, figures = found
    maps = power_maps(eeg, electrode_positions(names))
    if maps:
        text += " The map shows the mean power of every electrode, from above, nose up; T7 and T8 are on the circle."
    return Panel(f"EEG ({name})", f"Potential at {text}{which}", [*figures, *maps])


def meg_panel(name: str, meg: xr.DataArray) -> Panel | None:
    """The same of sensors of a helmet."""
    meg, which = one_member(meg)
    names = [str(channel) for channel in meg["channel"].values]
    found = _signal(
        meg, [channel for channel in SHOWN_MEG if channel in names] or names[:: max(1, len(names) // 6)][:6]
    )
    if found is None:
        return None
    text, figures = found
    maps = power_maps(meg, sensor_positions(names))
    if maps:
        text += " The map shows the mean power of every sensor, from above, nose up."
    return Panel(f"MEG ({name})", f"Magnetic field at {text}{which}", [*figures, *maps])


def electrode_positions(names: Sequence[str]) -> F64 | None:
    """Places of electrodes on the map, float64[n, 2]; None where one is not known."""
    from dtbsim.analysis.electrodes import electrode_directions, flat_positions

    directions = electrode_directions(names)
    return None if directions is None else flat_positions(directions)


def sensor_positions(names: Sequence[str]) -> F64 | None:
    """Places of the sensors of a helmet on the map, float64[n, 2]; None where one is not known."""
    from dtbsim.analysis.electrodes import flat_positions
    from dtbsim.atlas.lead_fields import meg_sensor_positions

    known = meg_sensor_positions()
    if not set(names) <= known.keys():
        return None
    places = np.array([known[name] for name in names])
    return flat_positions(places / np.linalg.norm(places, axis=1, keepdims=True))


def _signal(data: xr.DataArray, shown: list[str]) -> tuple[str, list[Figure]] | None:
    from scipy.signal import welch

    if data.sizes["time_ms"] < 2:
        return None
    values = data.sel(channel=shown).values
    values = values - values.mean(axis=0)
    time_s, interval_s, unit = data["time_ms"].values * 1e-3, data.attrs["interval_ms"] * 1e-3, data.attrs["units"]
    last = max(2, min(len(values), MOST_SHOWN, round(LONGEST_SHOWN_S / interval_s)))
    segment = min(len(values), max(2, round(SEGMENT_S / interval_s)))
    frequency, power = welch(values, 1 / interval_s, nperseg=segment, axis=0)
    spectra = Curves(frequency[1:], power[1:], shown, "frequency (Hz)", f"power ({unit}²/Hz)", logarithmic=True)
    what = "electrodes" if data.attrs["kind"] == "eeg" else "sensors"
    text = (
        f"{len(shown)} of {data.sizes['channel']} {what}, their mean over time left out: the last "
        f"{time_s[-1] - time_s[-last]:.3g} s, and the power spectra of all {time_s[-1] - time_s[0]:.3g} s."
    )
    return text, [Traces(time_s[-last:], shown, values[-last:], unit), spectra]


def power_maps(data: xr.DataArray, positions: F64 | None) -> list[Topography]:
    """Mean square of each channel about its mean, and its part in the alpha band where the signal is long enough."""
    if positions is None or len(positions) < FEWEST_FOR_MAP or not np.isfinite(data.values).all():
        return []
    names, unit = [str(channel) for channel in data["channel"].values], f"{data.attrs['units']}²"
    found = [head_map(positions, names, data.values.var(axis=0), unit, "")]
    alpha = band_power(data.values, data.attrs["interval_ms"] * 1e-3, *ALPHA_HZ)
    if alpha is not None:
        title = f"alpha band, {ALPHA_HZ[0]:g} to {ALPHA_HZ[1]:g} Hz"
        found.append(head_map(positions, names, alpha, unit, title))
    return found


def head_map(positions: F64, names: Sequence[str], values: F64, unit: str, title: str) -> Topography:
    """A map; several channels at one place (planar gradiometers) are added, their names put together."""
    place, first, inverse = np.unique(positions.round(6), axis=0, return_index=True, return_inverse=True)
    if len(place) == len(positions):
        return Topography(positions, names, values, unit, title)
    inverse = inverse.ravel()
    members = [np.flatnonzero(inverse == at).tolist() for at in range(len(place))]
    together = [" + ".join(names[k] for k in member) for member in members]
    total = np.bincount(inverse, values).astype(np.float64)
    return Topography(positions[first], together, total, unit, title)


def band_power(values: F64, interval_s: float, low_hz: float, high_hz: float) -> F64 | None:
    """Power float64[n] of channels in a band, from segments of a second; None of a signal that is too short or slow."""
    from scipy.signal import welch

    segment = round(1.0 / interval_s)
    if len(values) < FEWEST_SEGMENTS * segment or high_hz >= 0.5 / interval_s:
        return None
    frequency, power = welch(values, 1 / interval_s, nperseg=segment, axis=0)
    inside = (frequency >= low_hz) & (frequency <= high_hz)
    return np.asarray(power[inside].sum(axis=0) * (frequency[1] - frequency[0]))
