"""`dtbsim export RUN --to mne FILE_raw.fif`: EEG and MEG as one mne.io.Raw (https://mne.tools), in V, T and T/m.

Sensors have the places that MNE knows by their names: electrodes of the 10-05 system (`colin27_1005`), coils of the CTF
and Neuromag helmets. Numbers are stored in double precision: they are those of the run times a power of ten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_file
from dtbsim.interchange.results import about
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.results.extras import check_suffix, needs
from dtbsim.interchange.results.series import Series
from dtbsim.store.export_mne import SI, to_raw

KINDS = ("eeg", "meg")
_LARGEST_BYTES = 2_000_000_000
"""A FIF file of more is split into several."""


class Mne(Exporter):
    """All entries of EEG and MEG that have the same times, as channels of one recording."""

    takes = "run"
    summary = "EEG and MEG as a recording for MNE-Python (.fif), with places of sensors"
    options = OPTIONS

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write the sensors' signals of a `Run` to a file. Raises MissingDependencyError without the extra `mne`."""
        check_suffix(target, ".fif")
        needs("mne", "mne")
        chosen = Chosen(source, lossy=lossy, **options)
        series = sensor_series(chosen)
        raw = joined(source, series)
        n_bytes = 8 * sum(one.rows * len(one.columns.names) for one in series)
        if n_bytes > _LARGEST_BYTES:
            raise InputError(
                f"the recording has {n_bytes / 1e9:.1f} GB; a FIF file holds {_LARGEST_BYTES / 1e9:g}",
                where=str(target), remedy="write it in windows of time (--start MS, --stop MS)",
            )  # fmt: skip
        with new_file(target, "_raw.fif") as path:
            raw.save(path, fmt="double", verbose="error")
        written = {one.name for one in series}
        for one in chosen.series:
            if one.name not in written:
                chosen.lose(one.name, str(chosen.run.path), "nothing: it is of no sensors")
        if chosen.spikes is not None:
            chosen.lose("spikes", str(chosen.run.path))
        return Written(target, {"channels": len(raw.ch_names), "samples": int(raw.n_times)}, tuple(chosen.losses))


def sensor_series(chosen: Chosen) -> list[Series]:
    """EEG and MEG, in the order of the configuration; InputError where there is none, or of an ensemble."""
    found = [one for one in chosen.series if one.kind in KINDS]
    if not found:
        raise InputError(
            "this run has no EEG and no MEG here", where=str(chosen.run.path),
            remedy="run with an entry of `signals` with kind: eeg or kind: meg",
        )  # fmt: skip
    if found[0].columns.members is not None:
        raise InputError(
            "these are members of an ensemble, of which a recording holds one", where=str(chosen.run.path),
            remedy="use --to nwb or --to bids, which keep all members",
        )  # fmt: skip
    return found


def joined(run: Any, series: list[Series]) -> Any:
    """One mne.io.Raw of series with the same times and different channels; InputError of others."""
    first = series[0]
    for one in series[1:]:
        if (one.grid, one.rows) != (first.grid, first.rows):
            raise InputError(
                f"'{one.name}' has other times than '{first.name}'", where=f"signals.{one.name}",
                remedy=f"write one of them (--signal {one.name}), or give both the same interval_ms and start_ms",
            )  # fmt: skip
    names = [name for one in series for name in one.columns.names]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"two signals have a channel {twice}",
            where=str(run.path),
            remedy=f"write one of them (--signal {first.name})",
        )
    raw = raw_of(first)
    if len(series) > 1:
        raw.add_channels([raw_of(one) for one in series[1:]], force_update_info=True)
    raw.set_meas_date(about.started(run))
    raw.info["description"] = about.sentence(run)
    return raw


def raw_of(series: Series) -> Any:
    """A series as mne.io.RawArray."""
    import xarray as xr

    if series.unit not in SI:
        raise InputError(
            f"the unit of '{series.name}' is not known ({series.unit}), and MNE has V and T",
            where=f"signals.{series.name}", remedy="say lead_field_unit",
        )  # fmt: skip
    data = xr.DataArray(
        series.values(), dims=("time_ms", "channel"),
        coords={"time_ms": series.grid.ms(np.arange(series.rows)), "channel": series.columns.names},
        name=series.name, attrs={"units": series.unit, "kind": series.kind},
    )  # fmt: skip
    return to_raw(data)


MNE = Mne()
