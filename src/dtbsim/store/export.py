"""Series and matrices of a run as files for other tools: CSV, BIDS-like TSV with JSON, FIF, NIfTI."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.store.files import storage_errors, to_json, write_text
from dtbsim.version import VERSION

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.store.signal_readers import SignalReaders

FORMS = (".csv", ".tsv", ".fif", ".nii", ".nii.gz")


def export(
    run: SignalReaders,
    name: str,
    file: Path,
    start_ms: float | None = None,
    stop_ms: float | None = None,
    *,
    labels: Path | None = None,
) -> Path:
    """Write one thing of a run; see `Run.export`."""
    form = next((form for form in FORMS if file.name.lower().endswith(form)), None)
    if form is None:
        raise InputError(
            f"'{file.name}' names no form that is known",
            where=str(file),
            remedy=f"end its name with {', '.join(FORMS)}",
        )
    if labels is not None and not form.startswith(".nii"):
        raise InputError("a label image is for .nii and .nii.gz alone", where=str(file), remedy="leave labels out")
    if not file.parent.is_dir():
        raise InputError("there is no such folder", where=str(file.parent), remedy="make it, or choose another one")
    data = read(run, name, start_ms, stop_ms)
    if form == ".fif":
        from dtbsim.store.export_mne import to_raw

        raw = to_raw(data)
        written(file, lambda path: raw.save(path, verbose="error"), end="_raw.fif")
    elif form.startswith(".nii"):
        from dtbsim.store.export_nifti import to_image

        if labels is None:
            raise InputError(
                "an image needs the label image of the atlas",
                where=str(file),
                remedy="give it as labels (--labels FILE)",
            )
        image = to_image(data, labels, run.config)
        written(file, lambda path: image.to_filename(path), end=form)
    elif form == ".tsv":
        write_text(file, table(data, "\t"))
        write_text(file.with_suffix(".json"), to_json(sidecar(run, name, data)))
    else:
        write_text(file, table(data, ","))
    return file


def read(run: SignalReaders, name: str, start_ms: float | None, stop_ms: float | None) -> xr.DataArray:
    """What a name means: an entry of `signals`, else rates, BOLD, FC or FCD."""
    entries = run.config.get("signals") or {}
    kind = entries[name]["kind"] if name in entries else name
    if kind in ("fc", "fcd"):
        made = run.fc if kind == "fc" else run.fcd
        return made(name if name in entries else None, start_ms, stop_ms)
    found: xr.DataArray = run.series(name, start_ms, stop_ms)
    if "member" in getattr(found, "dims", ()):
        raise InputError(
            f"'{name}' is of {found.sizes['member']} members of an ensemble, of which a file holds one",
            remedy="in Python: run.series(NAME).isel(member=0).to_pandas().to_csv(FILE)",
        )
    if getattr(found, "ndim", 0) != 2:
        raise InputError(f"'{name}' is no table of numbers, which a file could hold")
    return found


def table(data: xr.DataArray, separator: str) -> str:
    """Return rows and columns as text, a line for each sample; the first column is time, or the name of the row.

    Numbers have all digits that tell them apart; where one is not known, `n/a` stands in TSV, and nothing in CSV.
    """
    rows, columns = data.dims
    names = [str(name) for name in data[columns].values]
    bad = next((name for name in names if separator in name or '"' in name or "\n" in name), None)
    if bad is not None:
        names = ['"' + name.replace('"', '""') + '"' for name in names]
    missing = "n/a" if separator == "\t" else ""
    lines = [separator.join([str(rows), *names])]
    firsts = data[rows].values
    for first, values in zip(firsts.tolist(), data.values.tolist(), strict=True):
        head = f"{first:.12g}" if isinstance(first, float) else str(first)
        lines.append(separator.join([head, *(missing if value != value else repr(value) for value in values)]))
    return "\n".join(lines) + "\n"


def sidecar(run: SignalReaders, name: str, data: xr.DataArray) -> dict[str, Any]:
    """Return what stands in the JSON file beside a TSV: the words of BIDS where it has them."""
    rows = str(data.dims[0])
    found: dict[str, Any] = {
        "Description": f"{data.attrs.get('kind', name)} of the simulation '{run.config.get('name') or run.path.name}'",
        "GeneratedBy": [{"Name": "dtbsim", "Version": VERSION}],
        "Units": str(data.attrs.get("units", "1")),
        "Columns": [rows, *(str(column) for column in data[data.dims[1]].values)],
    }
    if rows in ("time_ms", "time_s") and data.sizes[rows] > 1:
        scale = 1e-3 if rows == "time_ms" else 1.0
        times_s = data[rows].values * scale
        found |= {
            "SamplingFrequency": float(f"{1 / ((times_s[-1] - times_s[0]) / (len(times_s) - 1)):.12g}"),
            "StartTime": float(times_s[0]),
        }
    more = {key: value for key, value in data.attrs.items() if key not in ("units", "kind")}
    return found | {"Parameters": {key: plain(value) for key, value in more.items()}}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return value.item() if isinstance(value, np.generic) else value


def written(file: Path, write: Callable[[Path], Any], *, end: str) -> None:
    """Let `write` make a file beside it and give that its name, so that nothing is half written."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}{end}")
    with storage_errors(file):
        try:
            write(temporary)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
