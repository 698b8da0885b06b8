"""What the report shows of series of regions and of what is made of other signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.signals.panel import BrainFrames, Curves, Figure, Panel, Topography, Traces, one_member

if TYPE_CHECKING:
    import xarray as xr

F64 = NDArray[np.float64]
MOST_TRACES, MOST_TIMES, MOST_FRAMES = 6, 4000, 60
LONGEST_SHOWN_S = 10.0
MOST_SPECTRA = 5


def region_panel(run: Any, title: str, data: xr.DataArray, what: str) -> Panel | None:
    """Traces of a few regions, their spectra, and the brain coloured in time, of a series (time_ms, channel)."""
    from scipy.signal import welch

    data, which = one_member(data)
    known = data.dropna("time_ms")
    if known.sizes["time_ms"] < 2:
        return None
    names = [str(channel) for channel in known["channel"].values]
    shown = names[:: max(1, -(-len(names) // MOST_TRACES))][:MOST_TRACES]
    values = known.sel(channel=shown).values
    time_s, interval_s, unit = known["time_ms"].values * 1e-3, data.attrs["interval_ms"] * 1e-3, data.attrs["units"]
    last = max(2, min(len(values), MOST_TIMES, round(LONGEST_SHOWN_S / interval_s)))
    segment = min(len(values), max(2, round(4.0 / interval_s)))
    frequency, power = welch(values - values.mean(axis=0), 1 / interval_s, nperseg=segment, axis=0)
    figures: list[Figure] = [Traces(time_s[-last:], shown, values[-last:], unit)]
    if len(frequency) > 2:
        spectrum = Curves(frequency[1:], power[1:], shown, "frequency (Hz)", f"power ({unit}²/Hz)", logarithmic=True)
        figures.append(spectrum)
    text = f"{what} of {len(shown)} of {len(names)} regions over the last {time_s[-1] - time_s[-last]:.3g} s"
    text += (", and power spectra of all of it." if len(frequency) > 2 else ".") + which
    figures += brain(run, known)
    return Panel(title, text, figures)


def brain(run: Any, data: xr.DataArray) -> list[Figure]:
    """The brain coloured in time where the channels are regions: means over equal parts of the time."""
    names = [str(channel) for channel in data["channel"].values]
    if not set(names) <= set(run.network.get("regions") or []) or data.sizes["time_ms"] < 2:
        return []
    length = -(-data.sizes["time_ms"] // MOST_FRAMES)
    frames = data.sizes["time_ms"] // length
    values = data.values[: frames * length].reshape(frames, length, -1).mean(axis=1)
    time_s = data["time_ms"].values[: frames * length].reshape(frames, length).mean(axis=1) * 1e-3
    return [BrainFrames(time_s, names, values, str(data.attrs["units"]))]


def band_panel(run: Any, name: str, data: xr.DataArray) -> Panel | None:
    """Traces of a few channels, and the mean on the head or the course in the brain."""
    data, which = one_member(data)
    known = data.dropna("time_ms")
    if known.sizes["time_ms"] < 2:
        return None
    output, of = str(data.attrs["output"]), data.attrs["of"]
    names = [str(channel) for channel in known["channel"].values]
    shown = names[:: max(1, -(-len(names) // MOST_TRACES))][:MOST_TRACES]
    unit, time_s = str(data.attrs["units"]), known["time_ms"].values * 1e-3
    last = max(2, min(len(time_s), MOST_TIMES, round(LONGEST_SHOWN_S / (data.attrs["interval_ms"] * 1e-3))))
    band = f"{data.attrs['low_hz']:g} to {data.attrs['high_hz']:g} Hz"
    what = {"filtered": "Signal", "power": "Power", "amplitude": "Amplitude", "phase": "Phase"}[output]
    text = f"{what} of {of} from {band}, by a causal filter"
    text += "." if output in ("phase", "filtered") else f"; it comes {data.attrs['delay_ms']:.3g} ms late."
    text += which
    figures: list[Figure] = [Traces(time_s[-last:], shown, known.sel(channel=shown).values[-last:], unit)]
    if output in ("power", "amplitude"):
        figures += _map_of(known, names, unit) or brain(run, known)
    return Panel(f"Band ({name})", text, figures)


def _map_of(data: xr.DataArray, names: list[str], unit: str) -> list[Topography]:
    from dtbsim.signals.head import FEWEST_FOR_MAP, electrode_positions, head_map, sensor_positions

    if len(names) < FEWEST_FOR_MAP:
        return []
    for positions in (electrode_positions(names), sensor_positions(names)):
        if positions is not None:
            return [head_map(positions, names, data.values.mean(axis=0), unit, "mean over time")]
    return []


def order_panel(name: str, data: xr.DataArray) -> Panel | None:
    """R against time, and how often which values occur."""
    data, which = one_member(data)
    known = data.dropna("time_ms")
    if known.sizes["time_ms"] < 2:
        return None
    values, time_s = known.values[:, 0], known["time_ms"].values * 1e-3
    thin = -(-len(values) // MOST_TIMES)
    shares, edges = np.histogram(values, bins=40, range=(0.0, 1.0), density=True)
    text = (
        f"Kuramoto order parameter of {data.attrs['of']}: 1 where all channels have one phase. Synchrony (mean) "
        f"{values.mean():.3f}, metastability (standard deviation) {values.std():.3f}.{which}"
    )
    figures: list[Figure] = [
        Traces(time_s[::thin], ["R"], values[::thin, None], ""),
        Curves((edges[:-1] + edges[1:]) / 2, shares[:, None], ["density"], "R", "density"),
    ]
    return Panel(f"Synchrony ({name})", text, figures)


def spectrum_panel(name: str, data: xr.DataArray) -> Panel | None:
    """The median of all channels and a few of them."""
    data, which = one_member(data)
    names = [str(channel) for channel in data["channel"].values]
    shown = names[:: max(1, -(-len(names) // MOST_SPECTRA))][:MOST_SPECTRA]
    power = data.sel(channel=shown).values[1:]
    labels, curves = shown, power
    if len(names) > 1:
        labels = ["median", *shown]
        curves = np.concatenate([np.median(data.values[1:], axis=1)[:, None], power], axis=1)
    if not np.isfinite(curves).all():
        return None
    text = (
        f"Power spectra of {data.attrs['of']}, the median of {len(names)} channel(s) and some of them: the mean of "
        f"{data.attrs['segments']} segments of {data.attrs['segment_ms']:g} ms (Welch).{which}"
    )
    curve = Curves(
        data["frequency_hz"].values[1:], curves, labels, "frequency (Hz)", f"power ({data.attrs['units']})", True
    )
    return Panel(f"Spectrum ({name})", text, [curve])
