"""Series of regions (BOLD, source or sensor signals): tables, arrays, parcellated CIFTI, images with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import number
from dtbsim.arguments import path as path_argument
from dtbsim.data.arrays import ARRAY_SUFFIXES, choose_array, labels_in, read_arrays
from dtbsim.data.labels import check_unique
from dtbsim.data.model import Series
from dtbsim.data.table import TEXT_SUFFIXES, Table, read_table
from dtbsim.errors import InputError
from dtbsim.files import read_json

IMAGE_SUFFIXES = (".nii", ".nii.gz")
SHORTEST = 2
LONGEST_PERIOD_S = 60.0
_EVEN = 1e-3
_TIMES = {"time": 1.0, "t": 1.0, "time_s": 1.0, "times": 1.0, "seconds": 1.0, "time_ms": 1e-3, "t_ms": 1e-3, "t_s": 1.0}
_PERIODS = {"tr": 1.0, "tr_s": 1.0, "period_s": 1.0, "repetitiontime": 1.0, "repetition_time": 1.0, "tr_ms": 1e-3}
_RATES = ("fs", "sfreq", "samplingfrequency", "sampling_frequency", "sampling_rate", "fs_hz")


def read_series(
    path: str | Path,
    *,
    period_s: float | None = None,
    variable: str | None = None,
    label_image: str | Path | None = None,
    n_regions: int | None = None,
) -> Series:
    """Return a series of regions from .csv, .tsv, .txt, .npz, .npy, .mat, .h5, .ptseries.nii or an image with labels.

    `period_s` is the time between two samples where the file does not say it (a column of times, an array such as `TR`,
    a .json of BIDS beside it, the header of an image), and must agree where it does. `variable` names the array of a
    file that holds several. Labels and `n_regions` tell which axis is time; without them the longer one is. Of an image
    (`.nii`, `.nii.gz`) each region is the mean over the voxels with its number in `label_image`.

    Raises:
        InputError: not readable, shorter than two samples, columns without numbers, times that are not even, periods
            that disagree or are no seconds.
        MissingDependencyError: an image without nibabel.
    """
    file = path_argument(path, "path")
    if period_s is not None:
        period_s = number(period_s, "period_s", above=0)
    name = file.name.lower()
    if name.endswith(IMAGE_SUFFIXES):
        from dtbsim.data.images import read_image_series, read_parcellated

        if name.endswith(".ptseries.nii"):
            found = read_parcellated(file)
        else:
            found = read_image_series(file, None if label_image is None else path_argument(label_image, "label_image"))
    elif name.endswith(TEXT_SUFFIXES):
        if variable is not None:
            raise InputError("a text file has no variables", where=str(file), remedy="name the file alone")
        found = series_of_table(read_table(file), n_regions)
    elif name.endswith(ARRAY_SUFFIXES):
        found = _series_of_arrays(file, variable, n_regions)
    else:
        allowed = ", ".join((*TEXT_SUFFIXES, *ARRAY_SUFFIXES, ".ptseries.nii", *IMAGE_SUFFIXES))
        raise InputError(f"series are read from files ending in {allowed}", where=str(file), remedy="convert it to one")
    return _with_period(_checked(found), file, period_s)


def series_of_table(table: Table, n_regions: int | None = None) -> Series:
    """Return the series in a table of numbers; a column of times gives the period. Raises as `read_series`."""
    where, notices, values = str(table.path), list(table.notices), table.values
    columns, rows, period = table.columns, table.rows, None
    if columns is not None and columns and (unit := _TIMES.get(_plain(columns[0]))) is not None and rows is None:
        period = _period_of_times(values[:, 0], unit, where)
        notices.append(f"column {columns[0]!r} taken for times")
        columns, values = columns[1:], values[:, 1:]
    if columns is not None and _are_numbers(columns):
        columns = None
    if rows is not None and _are_numbers(rows):
        rows = None
    if rows is not None and columns is None:
        return Series(values.T, rows, period, where, (*notices, "names in the first column: rows are regions"))
    if columns is not None:
        return Series(values, columns, period, where, tuple(notices))
    values, turned = _time_first(values, n_regions)
    return Series(values, None, period, where, (*notices, *turned))


def _series_of_arrays(file: Path, variable: str | None, n_regions: int | None) -> Series:
    arrays = read_arrays(file)
    name, values = choose_array(
        arrays,
        file,
        variable,
        lambda _, array: array.ndim == 2 and min(array.shape) >= SHORTEST,
        "series (time x region)",
    )
    where = str(file) if file.suffix.lower() == ".npy" else f"{file}: {name}"
    return _oriented(values, arrays, where, file, n_regions)


def series_of_values(
    values: NDArray[np.float64],
    arrays: Mapping[str, NDArray[Any]],
    where: str,
    file: Path,
    n_regions: int | None = None,
    period_s: float | None = None,
) -> Series:
    """Return the series in numbers of a file that has `arrays` beside them (labels, TR). Raises as `read_series`."""
    return _with_period(_checked(_oriented(values, arrays, where, file, n_regions)), file, period_s)


def _oriented(
    values: NDArray[np.float64], arrays: Mapping[str, NDArray[Any]], where: str, file: Path, n_regions: int | None
) -> Series:
    if values.ndim != 2:
        raise InputError(
            f"has {values.ndim} axes ({'x'.join(map(str, values.shape))}); a series has 2, time and region", where=where
        )
    by_size = [labels_in(arrays, size, str(file)) for size in values.shape]
    axis = next((axis for axis in (1, 0) if by_size[axis][0] is not None), None)
    notices: tuple[str, ...]
    if axis is None or values.shape[0] == values.shape[1]:
        values, notices = _time_first(values, n_regions)
        labels = by_size[0][0] if len(by_size) == 2 and values.shape[0] == values.shape[1] else None
    else:
        labels, source = by_size[axis]
        notices = (f"labels from the variable {source}" + ("; rows are regions" if axis == 0 else ""),)
        values = values if axis == 1 else np.ascontiguousarray(values.T)
    return Series(values, labels, _period_in(arrays, str(file)), where, notices)


def _time_first(values: NDArray[np.float64], n_regions: int | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    rows, columns = values.shape
    if n_regions in (rows, columns) and rows != columns:
        turned = n_regions == rows
    else:
        turned = columns > rows
    if not turned:
        return values, ()
    return np.ascontiguousarray(values.T), (f"turned: {rows} rows taken for regions, {columns} columns for times",)


def _plain(name: str) -> str:
    return name.lower().strip().replace(" ", "_").replace("(", "").replace(")", "").replace("[", "").replace("]", "")


def _are_numbers(names: Sequence[str]) -> bool:
    try:
        return bool(names) and all(float(name) == k + float(names[0]) for k, name in enumerate(names))
    except ValueError:
        return False


def _period_of_times(times: NDArray[np.float64], unit: float, where: str) -> float | None:
    steps = np.diff(times) * unit
    if not steps.size:
        return None
    middle = float(np.median(steps))
    if not np.isfinite(times).all() or middle <= 0 or np.abs(steps - middle).max() > _EVEN * middle:
        raise InputError("the column of times is not even", where=where, remedy="sample it at equal distances")
    return float(f"{middle:.9g}")


def _period_in(arrays: Mapping[str, NDArray[Any]], where: str) -> float | None:
    for name, array in arrays.items():
        key = _plain(name.split("/")[-1])
        if array.dtype.kind not in "iuf":
            continue
        if array.size == 1 and key in _PERIODS:
            return float(array.flat[0]) * _PERIODS[key]
        if array.size == 1 and key in _RATES and array.flat[0] > 0:
            return 1 / float(array.flat[0])
        if array.size > 1 and array.size == max(array.shape) and key in _TIMES:
            return _period_of_times(array.ravel().astype(np.float64), _TIMES[key], f"{where}: {name}")
    return None


def _checked(series: Series) -> Series:
    values = series.values
    if values.shape[0] < SHORTEST:
        raise InputError(
            f"{values.shape[0]} samples of {values.shape[1]} regions; a series has at least {SHORTEST}",
            where=series.where,
            remedy="give it as time x region",
        )
    if series.labels is not None:
        check_unique(series.labels, series.where)
    bad = ~np.isfinite(values)
    if bad.any():
        columns = np.flatnonzero(bad.any(axis=0))
        names = [series.labels[k] if series.labels else f"column {k + 1}" for k in columns[:3]]
        first = int(np.flatnonzero(bad[:, columns[0]])[0])
        listed = ", ".join(names) + ", ..." * (columns.size > 3)
        raise InputError(
            f"{listed}: {int(bad.sum())} numbers are missing or not finite in {columns.size} of {values.shape[1]} "
            f"regions (the first is sample {first + 1})",
            where=series.where,
            remedy="leave these regions out, or fill the gaps",
        )
    return series


def _with_period(series: Series, file: Path, given: float | None) -> Series:
    notices, found = series.notices, series.period_s
    if found is None and (told := _sidecar(file)) is not None:
        found, name = told
        notices += (f"sampling period from {name}",)
    if given is not None and found is not None and abs(given - found) > _EVEN * found:
        raise InputError(
            f"the sampling period was given as {given:g} s, but the file says {found:g} s",
            where=series.where,
            remedy="leave it out, or correct the file",
        )
    period = found if given is None else given
    if period is not None and not 0 < period <= LONGEST_PERIOD_S:
        raise InputError(
            f"a sampling period of {period:g} s", where=series.where, remedy="give seconds (720 ms is 0.72)"
        )
    return replace(series, period_s=period, notices=notices)


def _sidecar(file: Path) -> tuple[float, str] | None:
    """The sampling period that a .json of BIDS beside the file says."""
    stem = file.name.split(".")[0]
    beside = file.with_name(f"{stem}.json")
    if not beside.is_file():
        return None
    content = read_json(beside)
    if not isinstance(content, dict):
        return None
    for key, of in (("RepetitionTime", float), ("SamplingFrequency", lambda value: 1 / value)):
        value = content.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(of(value)), beside.name
    return None
