"""EEG and MEG as BIDS has them: BrainVision by pybv, FIF by MNE, with side-cars and tables of channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.interchange.results import about
from dtbsim.interchange.results.bids_tables import write_json, write_tsv
from dtbsim.interchange.results.chosen import Chosen
from dtbsim.interchange.results.extras import needs
from dtbsim.interchange.results.mne import joined
from dtbsim.interchange.results.series import Series
from dtbsim.store.export_mne import SI

_UNITS = {"uV": "uV", "fT": "T", "fT/cm": "T/m"}
"""What the files are in."""


def write_recording(chosen: Chosen, series: Series, stem: Path, task: str) -> None:
    """STEM with .vhdr, .eeg and .vmrk, or .fif; STEM.json, and channels.tsv beside it.

    Raises MissingDependencyError without the extras `bids` and `mne`.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    if series.kind == "eeg":
        _brainvision(chosen, series, stem)
    else:
        needs("mne", "mne")
        joined(chosen.run, [series]).save(stem.with_name(f"{stem.name}.fif"), fmt="double", verbose="error")
    write_json(stem.with_name(f"{stem.name}.json"), _sidecar(chosen, series, task))
    base = stem.name.removesuffix(f"_{series.kind}")
    kind = {"uV": "EEG", "fT": "MEGMAG", "fT/cm": "MEGGRADPLANAR"}[series.unit]
    rows = ([name, kind, _UNITS[series.unit], series.grid.rate_hz] for name in series.columns.names)
    write_tsv(stem.with_name(f"{base}_channels.tsv"), ["name", "type", "units", "sampling_frequency"], rows)


def _brainvision(chosen: Chosen, series: Series, stem: Path) -> None:
    """Float32 in uV: one unit of the file is one uV."""
    pybv = needs("pybv", "bids")
    pybv.write_brainvision(
        data=series.values().T * SI["uV"], sfreq=series.grid.rate_hz, ch_names=series.columns.names,
        fname_base=stem.name, folder_out=str(stem.parent), unit="µV", resolution=1.0, fmt="binary_float32",
        meas_date=about.started(chosen.run).replace(tzinfo=None), overwrite=True,
    )  # fmt: skip


def _sidecar(chosen: Chosen, series: Series, task: str) -> dict[str, Any]:
    item = (chosen.run.config.get("signals") or {}).get(series.name) or {}
    said = {
        "TaskName": task,
        "TaskDescription": f"{about.sentence(chosen.run)} {series.about}",
        "SamplingFrequency": series.grid.rate_hz,
        "PowerLineFrequency": "n/a",
        "SoftwareFilters": "n/a",
        "RecordingDuration": float(series.rows * series.grid.interval_ms / 1000),
        "RecordingType": "continuous",
        "StartTime": float(series.grid.seconds([0])[0]),
    }
    if series.kind == "eeg":
        said |= {"EEGReference": str(item.get("reference", "n/a")), "EEGChannelCount": len(series.columns.names)}
    else:
        said |= {"DewarPosition": "n/a", "DigitizedLandmarks": False, "DigitizedHeadPoints": False}
        said["MEGChannelCount"] = len(series.columns.names)
    return said
