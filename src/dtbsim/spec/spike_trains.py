"""Listed spikes: read from files, checked, and turned into steps."""

from __future__ import annotations

import csv
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.clock import grid_problem, nearest_steps, off_grid
from dtbsim.config.parts import SpikeArrays
from dtbsim.errors import InputError
from dtbsim.files import read_npz, text_lines
from dtbsim.files.limits import MOST_TABLE_BYTES
from dtbsim.paths import user_path
from dtbsim.spec.places import Places

IntArray = NDArray[np.int64]
LAST_STEP = 2**53
"""Beyond it float64 does not tell one step from the next."""
Grid = tuple[float, str]
"""dt_ms, and what to do with times that are no whole number of steps: error or nearest."""


def spikes_path(base_dir: Path, given: str, where: str, places: Places) -> Path:
    """The file that a configuration in `base_dir` means."""
    try:
        return base_dir / user_path(given)
    except InputError as error:
        raise places.error(where, f"{given}: {error.message}", error.remedy) from None


def read_spike_trains(path: Path, size: int, grid: Grid, where: str, places: Places) -> IntArray:
    """Spikes of a .npz (`neuron`, `time_ms`) or .csv file as int64[n, 2] (step, neuron), ascending by step.

    A time k dt gives k: a drive acts in the step that begins then, one dt after a device would emit. Times after the
    end of the run are returned, too; they do nothing.
    """
    if not path.exists():
        raise places.error(where, f"there is no file {path}", "give a path relative to the configuration file")
    if path.suffix not in _READERS:
        raise places.error(where, f"{path.name} is neither .npz nor .csv")
    try:
        neuron, time_ms = _READERS[path.suffix](path)
    except (InputError, OSError, ValueError, csv.Error) as error:
        reason = error.message if isinstance(error, InputError) else str(error).splitlines()[0]
        raise places.error(
            where, f"cannot read spike trains from {path}: {reason}", "it needs columns `neuron` and `time_ms`"
        ) from None
    return steps_of_spikes(neuron, time_ms, size, grid, where, f"{path}: ", places)


def listed_spikes(spikes: SpikeArrays, size: int, grid: Grid, where: str, places: Places) -> IntArray:
    """Spikes that the configuration holds itself, as `read_spike_trains` gives them."""
    try:
        neuron = np.array(spikes.neuron, np.int64)
    except OverflowError:
        neuron = np.array(spikes.neuron, object)
    return steps_of_spikes(neuron, np.array(spikes.time_ms, np.float64), size, grid, where, "", places)


def steps_of_spikes(
    neuron: NDArray[Any], time_ms: NDArray[Any], size: int, grid: Grid, where: str, place: str, places: Places
) -> IntArray:
    """Checked arrays as int64[n, 2] (step, neuron), ascending by step; `place` begins the messages."""
    if neuron.shape != time_ms.shape or neuron.ndim != 1:
        raise places.error(where, f"{place}`neuron` {neuron.shape} and `time_ms` {time_ms.shape} differ in shape")
    if not neuron.size:
        return np.zeros((0, 2), np.int64)
    if neuron.dtype.kind not in "iuO":
        raise places.error(where, f"{place}`neuron` must be integers, not {neuron.dtype}")
    if time_ms.dtype.kind not in "iuf":
        raise places.error(where, f"{place}`time_ms` must be numbers, not {time_ms.dtype}")
    precision = float(np.finfo(time_ms.dtype).eps) if time_ms.dtype.kind == "f" else 0.0
    time_ms = time_ms.astype(np.float64)
    if not (neuron.min() >= 0 and neuron.max() < size):
        raise places.error(
            where, f"{place}neurons {neuron.min()} to {neuron.max()}; the population has 0 to {size - 1}"
        )
    if not np.isfinite(time_ms).all() or (time_ms < 0).any():
        raise places.error(where, f"{place}times must be finite and not negative")
    dt_ms, off = grid
    if time_ms.max() > LAST_STEP * dt_ms:
        largest = f"{LAST_STEP * dt_ms:g} ms ({LAST_STEP} steps)"
        raise places.error(where, f"{place}a time of {time_ms.max():g} ms; the largest allowed is {largest}")
    beside = off_grid(time_ms, dt_ms, precision)
    if beside.any():
        first = float(time_ms[np.argmax(beside)])
        count = f"{int(beside.sum()):,} of {time_ms.size:,} times"
        if off == "error":
            said = grid_problem(first, dt_ms) or ("", "")
            remedy = f"{said[1]}; off_grid_spikes: nearest rounds all of them"
            raise places.error(where, f"{place}{said[0]} (the first of {count})", remedy)
        places.notes.append(f"{where}: {place}{count} are no whole number of steps: the nearest one counts")
    steps = nearest_steps(time_ms, dt_ms, precision)
    order = np.lexsort((neuron, steps))
    return np.stack([steps[order], neuron[order].astype(np.int64)], axis=1)


def _from_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The arrays `neuron` and `time_ms` of an archive."""
    table = read_npz(path, ("neuron", "time_ms"))
    return table["neuron"], table["time_ms"]


def _from_csv(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The columns `neuron` and `time_ms`."""
    neurons, times_ms = array("q"), array("d")
    rows = csv.reader(text_lines(path, MOST_TABLE_BYTES, "save it as .npz"))
    columns = next(rows, [])
    _check_columns(columns)
    at_neuron, at_time = columns.index("neuron"), columns.index("time_ms")
    for row in rows:
        if not row:
            continue
        if len(row) != len(columns):
            raise ValueError(f"line {rows.line_num}: {len(row)} values for {len(columns)} columns")
        try:
            neurons.append(int(row[at_neuron]))
            times_ms.append(float(row[at_time]))
        except OverflowError:
            raise ValueError(f"line {rows.line_num}: there is no neuron {show(row[at_neuron])}") from None
        except ValueError as error:
            raise ValueError(f"line {rows.line_num}: {error}") from None
    return np.frombuffer(neurons, np.int64), np.frombuffer(times_ms, np.float64)


_READERS = {".npz": _from_npz, ".csv": _from_csv}


def _check_columns(found: list[str]) -> None:
    """ValueError naming the columns found, unless each needed one is there once."""
    if found.count("neuron") == 1 == found.count("time_ms"):
        return
    named = [show(name) for name in found[:8]] + ["..."] * (len(found) > 8)
    raise ValueError(f"its columns are {', '.join(named)}" if named else "no columns are named in it")
