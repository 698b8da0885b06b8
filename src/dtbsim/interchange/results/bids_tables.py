"""Tables of BIDS: TSV with what is not known as n/a, and JSON beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.interchange.results.series import Series
from dtbsim.store.files import to_json, write_text

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.store import Run


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """A JSON file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, to_json(dict(values)), durable=False)


def write_tsv(path: Path, header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    """A table; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in (header, *rows):
            file.write("\t".join(map(_cell, row)) + "\n")


def write_series(run: Run, series: Series, stem: Path) -> None:
    """STEM.tsv, a line for each sample, and STEM.json with what the columns are and when the samples were."""
    import pandas as pd

    names = series.columns.names
    stem.parent.mkdir(parents=True, exist_ok=True)
    with _with(stem, ".tsv").open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=names).to_csv(file, sep="\t", index=False, lineterminator="\n")
        for _, values in series.blocks():
            pd.DataFrame(values).to_csv(file, sep="\t", header=False, index=False, na_rep="n/a", lineterminator="\n")
    first = "the start of the first interval" if series.bin else "the time of the first sample"
    said = {
        "Description": series.about,
        "SamplingFrequency": series.grid.rate_hz,
        "StartTime": float(series.grid.seconds([0])[0]),
        "StartTimeDescription": f"{first} in s of simulated time",
        "Units": series.unit,
        "Columns": names,
        "Atlas": run.network.get("atlas"),
    }
    write_json(_with(stem, ".json"), {key: value for key, value in said.items() if value is not None})


def write_matrix(stem: Path, matrix: xr.DataArray) -> bool:
    """STEM.tsv, a line for each channel with its name first, and STEM.json; False where it is no matrix of channels."""
    if matrix.dims != ("channel", "other"):
        return False
    names = [str(name) for name in matrix["channel"].values]
    rows = ([name, *values] for name, values in zip(names, matrix.values.tolist(), strict=True))
    write_tsv(_with(stem, ".tsv"), ["Node", *names], rows)
    of, kind = str(matrix.attrs.get("of", "")), str(matrix.attrs.get("kind", matrix.name))
    said: dict[str, Any] = {
        "Description": f"{kind} of every two channels of {of}",
        "RelationshipMeasure": kind,
        "Weighted": True,
    }
    said |= {"Directed": False, "ValidDiagonal": True, "NonNegative": bool((np.nan_to_num(matrix.values) >= 0).all())}
    if "samples" in matrix.attrs:
        said["Samples"] = int(matrix.attrs["samples"])
    write_json(_with(stem, ".json"), said)
    return True


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "n/a"
    return " ".join(str(value).split()) or "n/a"


def _with(stem: Path, end: str) -> Path:
    return stem.with_name(stem.name + end)
