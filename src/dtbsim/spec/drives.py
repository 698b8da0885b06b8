"""Drives: Poisson input, currents and listed spikes, one entry per target population."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.config import drives as cfg
from dtbsim.config.run import RunConfig
from dtbsim.config.values import RegionMap
from dtbsim.errors import did_you_mean
from dtbsim.kernels.poisson import MAX_COUNT, MAX_MEAN
from dtbsim.spec.changes import Event
from dtbsim.spec.channels import ChannelPlan, FixedChannels, counted, input_mix, weight_key, weight_table
from dtbsim.spec.circuits import Parts
from dtbsim.spec.distributions import Table, table_at
from dtbsim.spec.drive_changes import Stretch, joined_windows, piecewise, stretches_of, told_at
from dtbsim.spec.drive_rates import OwnMeans
from dtbsim.spec.network import Channel, Drive, Population
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft, region_values
from dtbsim.spec.resolution import Use
from dtbsim.spec.spike_trains import IntArray, listed_spikes, read_spike_trains, spikes_path
from dtbsim.spec.targets import chosen_neurons, chosen_positions
from dtbsim.spec.waveforms import (
    LONGEST_MEMORY,
    FloatArray,
    Noise,
    Ramp,
    Rate,
    Sine,
    SinusoidalRate,
    SteppedRate,
    Steps,
    Wave,
    Windows,
    windows_of,
)


@dataclass
class DriveDraft:
    """A drive on one family whose weight is not yet in quanta, in one of its stretches, or (currents) all of them."""

    name: str
    path: str
    item: cfg.Drive
    family: Draft
    channel: int
    weight: float
    base: cfg.Drive
    """The drive at first: its windows are those of the whole."""
    stretches: tuple[Stretch, ...]


def compile_drives(
    parts: Parts, drafts: dict[str, Draft], events: Mapping[str, list[Event]], plan: ChannelPlan, places: Places
) -> list[DriveDraft]:
    """First pass: targets, channels and weights. `events` are the changes of each drive in the order of their steps."""
    result: list[DriveDraft] = []
    for name, item in parts.drives.items():
        path = parts.path("drives", name)
        with places.collecting():
            stretches = stretches_of(item, events.get(name, ()), places)
            for target in [item.target] if isinstance(item.target, str) else item.target:
                if target not in places.broken:
                    with places.collecting():
                        result += draft_drives(name, item, stretches, target, path, drafts, plan, places)
    return result


def draft_drives(
    name: str,
    item: cfg.Drive,
    stretches: tuple[Stretch, ...],
    target: str,
    path: str,
    drafts: dict[str, Draft],
    plan: ChannelPlan | FixedChannels,
    places: Places,
) -> Iterator[DriveDraft]:
    """The drafts of a drive on one target: one for each stretch of one that gives spikes, else one for all."""
    if target not in drafts:
        raise places.error(f"{path}.target", f"there is no population '{target}'", did_you_mean(target, list(drafts)))
    family = drafts[target]
    if not isinstance(item, cfg.Spiking):
        if family.model.is_source or not family.model.uses_current:
            raise places.error(path, f"model '{family.model.name}' takes no input current")
        family.has_current = True
        yield DriveDraft(name, path, item, family, -1, 0.0, item, stretches)
        return
    for stretch in stretches:
        now = stretch.item
        assert isinstance(now, cfg.Spiking)
        with told_at(stretch.path, places):
            table = weight_table(now, family.model, path, places)
            mix = input_mix(family.model, now.receptor, table, path, places)
        channel = plan.use(family, mix, Use(stretch.path or f"{path}.{weight_key(now)}", table))
        weight = 1.0 if counted(family.model, mix) else table.low
        yield DriveDraft(name, path, now, family, channel, weight, item, (stretch,))


def finish_drives(
    config: RunConfig,
    found: list[DriveDraft],
    populations: tuple[Population, ...],
    channels: dict[str, tuple[Channel, ...]],
    atlas: Any,
    base_dir: Path,
    places: Places,
    indices: Mapping[str, int] | None = None,
) -> tuple[Drive, ...]:
    """Second pass: one drive per population, weights in quanta, times in steps.

    `indices` are the numbers of the drives, by which they draw (default: in their order).
    """
    if indices is None:
        indices = {name: index for index, name in enumerate(dict.fromkeys(draft.name for draft in found))}
    drives: list[Drive] = []
    for draft in found:
        with places.collecting():
            drives += _finish(config, draft, indices[draft.name], populations, channels, atlas, base_dir, places)
    return tuple(drives)


def _finish(
    config: RunConfig,
    draft: DriveDraft,
    index: int,
    populations: tuple[Population, ...],
    channels: dict[str, tuple[Channel, ...]],
    atlas: Any,
    base_dir: Path,
    places: Places,
) -> Iterator[Drive]:
    dt = config.simulation.dt_ms
    n_steps = places.steps(config.simulation.duration_ms, dt, "simulation.duration_ms")
    item, first = draft.item, draft.stretches[0]
    whole = _windows(draft.base, dt, n_steps, draft.path, places)
    windows = joined_windows(draft.stretches, whole)
    if (
        isinstance(item, cfg.NoiseCurrentDrive | cfg.OUCurrentDrive) and windows.on
    ):  # its process goes on while it is off
        windows = windows_of(windows.start, whole.stop, list(zip(whole.on, whole.off, strict=True)))
    if first.start > 0 and not windows.on:
        return
    common: dict[str, Any] = {"name": draft.name, "index": index, "windows": windows}
    common |= {"key_path": draft.path, "channel": draft.channel}
    if isinstance(item, cfg.Spiking):
        common["weight"] = round(draft.weight / channels[draft.family.name][draft.channel].quantum)
    else:
        common |= _current(draft.stretches, draft.path, dt, places)
    with told_at(first.path, places):
        if isinstance(item, cfg.VaryingPoisson):
            common |= {"kind": "poisson", "rate": _varying(item, draft.path, dt, places), "shared": item.shared}
        for position in chosen_positions(item, draft.family, atlas, draft.path, places):
            number = draft.family.populations[position]
            population = populations[number]
            values = {**common, "population": number}
            values["neurons"] = chosen_neurons(item, index, population, config.seed, draft.path, places)
            if isinstance(item, cfg.PoissonDrive):
                values |= {"kind": "poisson", "shared": item.shared}
                values |= _means(item, draft, position, population, config, atlas, places)
            elif isinstance(item, cfg.SpikeTrainDrive):
                events = _trains(item, population.size, dt, draft.path, base_dir, places)
                values |= {"kind": "events", "events": _received(events, common["windows"], values["neurons"])}
            yield Drive(**values)


def _windows(item: cfg.Windowed, dt_ms: float, n_steps: int, path: str, places: Places) -> Windows:
    """When the drive is on, in steps; InputError if it never is, although it begins before the end of the run."""
    start = places.steps(item.start_ms, dt_ms, f"{path}.start_ms")
    stop = n_steps if item.stop_ms is None else min(n_steps, places.steps(item.stop_ms, dt_ms, f"{path}.stop_ms"))
    pairs = [(item.start_ms, item.stop_ms)] if item.windows_ms is None else item.windows_ms
    where = f"{path}.windows_ms"
    steps = [
        (places.steps(on, dt_ms, where), stop if off is None else places.steps(off, dt_ms, where)) for on, off in pairs
    ]
    windows = windows_of(start, stop, steps)
    if not windows.on and max(item.start_ms, pairs[0][0]) < n_steps * dt_ms:
        shown = ", ".join(f"[{on:g}, {'end' if off is None else format(off, 'g')}]" for on, off in pairs[:3])
        remedy = "its windows count between start_ms, stop_ms and the end of the run"
        raise places.error(path, f"the drive is never on: {shown} ms hold no step", remedy)
    return windows


def _current(stretches: tuple[Stretch, ...], path: str, dt_ms: float, places: Places) -> dict[str, Any]:
    """What makes a drive that injects a current: its kind, its course, its noise."""
    item = stretches[0].item
    assert isinstance(item, cfg.Current)
    if isinstance(item, cfg.NoiseCurrentDrive | cfg.OUCurrentDrive):
        sds = [Sine(_sd(stretch.item) * stretch.on) for stretch in stretches]
        wave = piecewise(stretches, [Sine(_mean(stretch.item) * stretch.on) for stretch in stretches])
        found = {"kind": "noise", "wave": wave, "shared": item.shared}
        sd = piecewise(stretches, sds)
        if isinstance(item, cfg.NoiseCurrentDrive):
            interval = 1 if item.dt_ms is None else places.steps(item.dt_ms, dt_ms, f"{path}.dt_ms")
            return found | {"noise": Noise(sd, interval)}
        if item.tau_ms > LONGEST_MEMORY * dt_ms:
            message = f"{item.tau_ms:g} ms is more than {LONGEST_MEMORY} steps"
            raise places.error(f"{path}.tau_ms", message, "give a constant current that differs between the neurons")
        return found | {"noise": Noise(sd, tau_ms=item.tau_ms)}
    waves = [_wave(stretch.item, path, dt_ms, places) for stretch in stretches if isinstance(stretch.item, cfg.Current)]
    return {"kind": "current", "wave": piecewise(stretches, waves)}


def _mean(item: cfg.Drive) -> float:
    assert isinstance(item, cfg.NoiseCurrentDrive | cfg.OUCurrentDrive)
    return item.mean


def _sd(item: cfg.Drive) -> float:
    """The standard deviation of a noisy current."""
    assert isinstance(item, cfg.NoiseCurrentDrive | cfg.OUCurrentDrive)
    return item.std if isinstance(item, cfg.NoiseCurrentDrive) else item.sigma


def _wave(item: cfg.Current, path: str, dt_ms: float, places: Places) -> Wave:
    if isinstance(item, cfg.DCDrive):
        return Sine(item.amplitude)
    if isinstance(item, cfg.StepCurrentDrive):
        edges = tuple(places.steps(time_ms, dt_ms, f"{path}.times_ms") for time_ms in item.times_ms)
        return Steps(edges, tuple(item.amplitudes))
    if isinstance(item, cfg.RampDrive):
        start = places.steps(item.start_ms, dt_ms, f"{path}.start_ms")
        return Ramp(item.from_amplitude, item.to_amplitude, start, item.duration_ms)
    assert isinstance(item, cfg.Sinusoidal)
    return Sine(item.offset, item.amplitude, item.frequency_hz, math.radians(item.phase_deg))


def _means(
    item: cfg.PoissonDrive, draft: DriveDraft, position: int, population: Population, config: RunConfig, atlas: Any,
    places: Places,
) -> dict[str, Any]:  # fmt: skip
    """Events per step: the largest mean, and where the neurons differ that of each."""
    path, dt = f"{draft.path}.rate_hz", config.simulation.dt_ms
    table: Table | None = None
    listed: FloatArray | None = None
    if isinstance(item.rate_hz, RegionMap):
        low = high = float(region_values(item.rate_hz, draft.family.regions, atlas, path, places)[position])
    elif isinstance(item.rate_hz, list):
        listed = np.array(item.rate_hz)
        if listed.size != population.size:
            raise places.error(path, f"{listed.size} rates for the {population.size} neurons of '{population.name}'")
        low, high = float(listed.min()), float(listed.max())
    else:
        table = table_at(item.rate_hz, path, places)
        low, high = table.low, table.high
    if low < 0 and table is not None and not table.constant:
        message = f"rates down to {low:.4g} Hz; allowed: at least 0"
        raise places.error(path, message, "bound it: `low: 0`")
    for mean in (low * dt * 1e-3, high * dt * 1e-3):
        _check_mean(mean, path, places)
    if low == high:
        return {"mean": mean}
    if item.shared:
        raise places.error(path, "shared: true gives all targets one train; these rates differ between the neurons")
    return {"mean": mean, "own_means": OwnMeans(table, listed, dt)}


def _check_mean(mean: float, path: str, places: Places) -> None:
    if not 0 <= mean <= MAX_MEAN:
        raise places.error(
            path,
            f"{mean:g} events per step; allowed: 0 to {MAX_MEAN:g}",
            "use a shorter dt_ms, or fewer events with a larger weight",
        )


def _varying(item: cfg.VaryingPoisson, path: str, dt_ms: float, places: Places) -> Rate:
    """The rate of a drive whose rate varies; its largest value must be a possible one."""
    if isinstance(item, cfg.InhomogeneousPoissonDrive):
        _check_mean(max(item.rates_hz) * dt_ms * 1e-3, f"{path}.rates_hz", places)
        return SteppedRate(tuple(item.times_ms), tuple(item.rates_hz))
    _check_mean((item.rate_hz + item.amplitude_hz) * dt_ms * 1e-3, f"{path}.amplitude_hz", places)
    return SinusoidalRate(item.rate_hz, item.amplitude_hz, item.frequency_hz, math.radians(item.phase_deg))


def _trains(item: cfg.SpikeTrainDrive, size: int, dt_ms: float, path: str, base_dir: Path, places: Places) -> IntArray:
    grid = dt_ms, item.off_grid_spikes
    if item.spikes is not None:
        return listed_spikes(item.spikes, size, grid, f"{path}.spikes", places)
    assert item.file is not None
    where = f"{path}.file"
    return read_spike_trains(spikes_path(base_dir, item.file, where, places), size, grid, where, places)


def _received(events: Any, windows: Windows, neurons: Any) -> Any:
    """The events that fall into the windows and on these neurons (None: all)."""
    keep = windows.contain(events[:, 0])
    if neurons is not None:
        keep &= np.isin(events[:, 1], neurons)
    return events[keep]


def check_event_counts(drives: tuple[Drive, ...], places: Places) -> None:
    """A neuron takes at most MAX_COUNT listed events of one drive per step (the overflow bound counts on it)."""
    for drive in drives:
        if drive.events is not None and drive.events.size:
            _, counts = np.unique(drive.events, axis=0, return_counts=True)
            if counts.max() > MAX_COUNT:
                raise places.error(
                    drive.key_path, f"{counts.max()} spikes of one neuron in one step; allowed: {MAX_COUNT}"
                )
