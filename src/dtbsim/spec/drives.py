"""Drives: Poisson input, currents and listed spikes, one entry per target population."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import network as cfg
from dtbsim.config.run import RunConfig
from dtbsim.config.values import RegionMap
from dtbsim.errors import did_you_mean
from dtbsim.kernels.poisson import MAX_COUNT, MAX_MEAN
from dtbsim.spec.channels import ChannelPlan, input_mix, weight_table
from dtbsim.spec.circuits import Parts
from dtbsim.spec.distributions import table_at
from dtbsim.spec.network import Channel, Drive, Population
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft, region_values

IntArray = NDArray[np.int64]
LAST_STEP = 2**53
"""Beyond it float64 does not tell one step from the next."""


@dataclass
class DriveDraft:
    """A drive on one family whose weight is not yet in quanta."""

    name: str
    path: str
    item: cfg.Drive
    family: Draft
    channel: int
    weight: float


def compile_drives(parts: Parts, drafts: dict[str, Draft], plan: ChannelPlan, places: Places) -> list[DriveDraft]:
    """First pass: targets, channels and weights."""
    result = []
    for name, item in parts.drives.items():
        path = parts.path("drives", name)
        for target in [item.target] if isinstance(item.target, str) else item.target:
            if target not in drafts:
                raise places.error(
                    f"{path}.target", f"there is no population '{target}'", did_you_mean(target, list(drafts))
                )
            family = drafts[target]
            channel, weight = -1, 0.0
            if isinstance(item, (cfg.PoissonDrive, cfg.SpikeTrainDrive)):
                table = weight_table(item, family.model, path, places)
                mix = input_mix(family.model, item.receptor, table, path, places)
                channel, weight = plan.use(target, mix, table), table.low
            else:
                if family.model.is_source or not family.model.uses_current:
                    raise places.error(path, f"model '{family.model.name}' takes no input current")
                family.has_current = True
            result.append(DriveDraft(name, path, item, family, channel, weight))
    return result


def finish_drives(
    config: RunConfig,
    found: list[DriveDraft],
    populations: tuple[Population, ...],
    channels: dict[str, tuple[Channel, ...]],
    atlas: Any,
    base_dir: Path,
    places: Places,
) -> tuple[Drive, ...]:
    """Second pass: one drive per population, weights in quanta, times in steps."""
    dt = config.simulation.dt_ms
    n_steps = max(1, round(config.simulation.duration_ms / dt))
    names = list(dict.fromkeys(draft.name for draft in found))
    drives: list[Drive] = []
    for draft in found:
        item = draft.item
        start = round(item.start_ms / dt)
        stop = n_steps if item.stop_ms is None else min(n_steps, round(item.stop_ms / dt))
        common = {"name": draft.name, "index": names.index(draft.name), "start": start, "stop": stop}
        common |= {"key_path": draft.path, "channel": draft.channel}
        if draft.channel >= 0:
            common["weight"] = round(draft.weight / channels[draft.family.name][draft.channel].quantum)
        for position, population in enumerate(draft.family.populations):
            values: dict[str, Any] = {**common, "population": population}
            if isinstance(item, cfg.PoissonDrive):
                mean = _rate(item, draft, position, atlas, places) * dt * 1e-3
                if not 0 <= mean <= MAX_MEAN:
                    raise places.error(
                        f"{draft.path}.rate_hz",
                        f"{mean:g} events per step; allowed: 0 to {MAX_MEAN:g}",
                        "use a shorter dt_ms, or fewer events with a larger weight",
                    )
                drives.append(Drive(kind="poisson", mean=mean, **values))
            elif isinstance(item, cfg.DCDrive):
                drives.append(Drive(kind="current", offset=item.amplitude, **values))
            elif isinstance(item, cfg.SinusoidalDrive):
                phase = math.radians(item.phase_deg)
                drives.append(
                    Drive(
                        kind="current",
                        offset=item.offset,
                        amplitude=item.amplitude,
                        frequency_hz=item.frequency_hz,
                        phase_rad=phase,
                        **values,
                    )
                )
            else:
                size = populations[population].size
                events = read_spike_trains(base_dir / item.file, size, dt, f"{draft.path}.file", places)
                keep = (events[:, 0] >= start) & (events[:, 0] < stop)
                drives.append(Drive(kind="events", events=events[keep], **values))
    return tuple(drives)


def _rate(item: cfg.PoissonDrive, draft: DriveDraft, position: int, atlas: Any, places: Places) -> float:
    path = f"{draft.path}.rate_hz"
    if isinstance(item.rate_hz, RegionMap):
        return float(region_values(item.rate_hz, draft.family.regions, atlas, path, places)[position])
    table = table_at(item.rate_hz, path, places)
    if not table.constant:
        raise places.error(path, "a rate is a number or a region map, not a distribution")
    return table.low


def read_spike_trains(path: Path, size: int, dt_ms: float, where: str, places: Places) -> IntArray:
    """Spikes of a .npz (`neuron`, `time_ms`) or .csv file as int64[n, 2] (step, neuron), ascending by step.

    A time in ((k - 1) dt, k dt] gives k: a drive acts in the step that begins then, one dt after a device would emit.
    Times after the end of the run are returned, too; they are of no effect.
    """
    if not path.is_file():
        raise places.error(where, f"there is no file {path}", "give a path relative to the configuration file")
    if path.suffix not in _READERS:
        raise places.error(where, f"{path.name} is neither .npz nor .csv")
    try:
        neuron, time_ms = _READERS[path.suffix](path)
    except Exception as error:  # noqa: BLE001 - zipfile, zlib, pickle and numpy each have errors for damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise places.error(
            where, f"cannot read spike trains from {path}: {reason}", "it needs columns `neuron` and `time_ms`"
        ) from None
    if neuron.shape != time_ms.shape or neuron.ndim != 1:
        raise places.error(where, f"{path}: `neuron` {neuron.shape} and `time_ms` {time_ms.shape} differ in shape")
    if not neuron.size:
        return np.zeros((0, 2), np.int64)
    if neuron.dtype.kind not in "iuO":
        raise places.error(where, f"{path}: `neuron` must be integers, not {neuron.dtype}")
    if time_ms.dtype.kind not in "iuf":
        raise places.error(where, f"{path}: `time_ms` must be numbers, not {time_ms.dtype}")
    time_ms = time_ms.astype(np.float64)
    if not (neuron.min() >= 0 and neuron.max() < size):
        raise places.error(
            where, f"{path}: neurons {neuron.min()} to {neuron.max()}; the population has 0 to {size - 1}"
        )
    if not np.isfinite(time_ms).all() or (time_ms < 0).any():
        raise places.error(where, f"{path}: times must be finite and not negative")
    if time_ms.max() > LAST_STEP * dt_ms:
        largest = f"{LAST_STEP * dt_ms:g} ms ({LAST_STEP} steps)"
        raise places.error(where, f"{path}: a time of {time_ms.max():g} ms; the largest allowed is {largest}")
    steps = np.ceil(time_ms / dt_ms - 1e-6).astype(np.int64)
    order = np.lexsort((neuron, steps))
    return np.stack([steps[order], neuron[order].astype(np.int64)], axis=1)


def _from_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The arrays `neuron` and `time_ms` of an archive; arrays of objects, which would run code, are refused."""
    with path.open("rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("this is no archive of arrays; numpy.savez makes one")  # noqa: TRY004 - no type of ours
        _check_columns(archive.files)
        return np.asarray(archive["neuron"]), np.asarray(archive["time_ms"])


def _from_csv(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The columns `neuron` and `time_ms`; integers too large for int64 come as objects, for their range to be named."""
    neurons, times_ms = [], []
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
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
            except ValueError as error:
                raise ValueError(f"line {rows.line_num}: {error}") from None
    try:
        neuron = np.array(neurons, np.int64)
    except OverflowError:
        neuron = np.array(neurons, object)
    return neuron, np.array(times_ms, np.float64)


_READERS = {".npz": _from_npz, ".csv": _from_csv}


def _check_columns(found: list[str]) -> None:
    """ValueError naming the columns found, unless each needed one is there once."""
    if found.count("neuron") == 1 == found.count("time_ms"):
        return
    named = [repr(name[:40]) for name in found[:8]] + ["..."] * (len(found) > 8)
    raise ValueError(f"its columns are {', '.join(named)}" if named else "no columns are named in it")


def check_event_counts(drives: tuple[Drive, ...], places: Places) -> None:
    """A neuron takes at most MAX_COUNT listed events of one drive per step (the overflow bound counts on it)."""
    for drive in drives:
        if drive.events is not None and drive.events.size:
            _, counts = np.unique(drive.events, axis=0, return_counts=True)
            if counts.max() > MAX_COUNT:
                raise places.error(
                    drive.key_path, f"{counts.max()} spikes of one neuron in one step; allowed: {MAX_COUNT}"
                )
