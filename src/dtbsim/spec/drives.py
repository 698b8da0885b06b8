"""Drives: Poisson input, currents and listed spikes, one entry per target population."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.config import drives as cfg
from dtbsim.config.run import RunConfig
from dtbsim.errors import did_you_mean
from dtbsim.numerics.limits import MAX_COUNT, MAX_MEAN
from dtbsim.spec.changes import Event
from dtbsim.spec.channels import ChannelPlan, FixedChannels, counted, input_mix, weight_key, weight_table
from dtbsim.spec.circuits import Parts
from dtbsim.spec.distributions import Table
from dtbsim.spec.drive_changes import Stretch, joined_windows, piecewise, stretches_of, told_at
from dtbsim.spec.drive_rates import OwnMeans
from dtbsim.spec.network import Channel, Drive, Population
from dtbsim.spec.numbers import Numbers, PerNeuron, Quantity, Spread, extremes
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft
from dtbsim.spec.region_items import by_position, region_weights
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
    weights: FloatArray
    """In every region of the population."""
    base: cfg.Drive
    """The drive at first: its windows are those of the whole."""
    stretches: tuple[Stretch, ...]


def compile_drives(
    parts: Parts, drafts: dict[str, Draft], events: Mapping[str, list[Event]], plan: ChannelPlan, numbers: Numbers
) -> list[DriveDraft]:
    """First pass: targets, channels and weights. `events` are the changes of each drive in the order of their steps."""
    places = numbers.places
    result: list[DriveDraft] = []
    for name, item in parts.drives.items():
        path = parts.path("drives", name)
        with places.collecting():
            stretches = stretches_of(item, events.get(name, ()), places)
            for target in [item.target] if isinstance(item.target, str) else item.target:
                if target not in places.broken:
                    with places.collecting():
                        result += draft_drives(name, item, stretches, target, path, drafts, plan, numbers)
    return result


def draft_drives(
    name: str,
    item: cfg.Drive,
    stretches: tuple[Stretch, ...],
    target: str,
    path: str,
    drafts: dict[str, Draft],
    plan: ChannelPlan | FixedChannels,
    numbers: Numbers,
) -> Iterator[DriveDraft]:
    """The drafts of a drive on one target: one for each stretch of one that gives spikes, else one for all."""
    places = numbers.places
    if target not in drafts:
        raise places.error(f"{path}.target", f"there is no population '{target}'", did_you_mean(target, list(drafts)))
    family = drafts[target]
    if not isinstance(item, cfg.Spiking):
        if family.model.is_source or not family.model.uses_current:
            raise places.error(path, f"model '{family.model.name}' takes no input current")
        family.has_current = True
        yield DriveDraft(name, path, item, family, -1, np.zeros(family.regions.size), item, stretches)
        return
    for stretch in stretches:
        now = stretch.item
        assert isinstance(now, cfg.Spiking)
        where = f"{path}.{weight_key(now)}"
        with told_at(stretch.path, places):
            given, factors, weights = region_weights(getattr(now, weight_key(now)), family, where, numbers)
            table = weight_table(now, family.model, path, places, given)
            mix = input_mix(family.model, now.receptor, table, path, places)
        scale = (1.0, 1.0) if factors is None else (float(factors[factors > 0].min(initial=1.0)), 1.0)
        channel = plan.use(family, mix, Use(stretch.path or where, table, factors), scale)
        if counted(family.model, mix):
            weights = np.ones(family.regions.size)
        yield DriveDraft(name, path, now, family, channel, weights, item, (stretch,))


def finish_drives(
    config: RunConfig,
    found: list[DriveDraft],
    populations: tuple[Population, ...],
    channels: dict[str, tuple[Channel, ...]],
    numbers: Numbers,
    indices: Mapping[str, int] | None = None,
) -> tuple[Drive, ...]:
    """Second pass: one drive per population, weights in quanta, times in steps.

    `indices` are the numbers of the drives, by which they draw (default: in their order).
    """
    places = numbers.places
    if indices is None:
        indices = {name: index for index, name in enumerate(dict.fromkeys(draft.name for draft in found))}
    drives: list[Drive] = []
    for draft in found:
        with places.collecting():
            drives += _finish(config, draft, indices[draft.name], populations, channels, numbers)
    return tuple(drives)


def _finish(
    config: RunConfig,
    draft: DriveDraft,
    index: int,
    populations: tuple[Population, ...],
    channels: dict[str, tuple[Channel, ...]],
    numbers: Numbers,
) -> Iterator[Drive]:
    dt, places, family = config.simulation.dt_ms, numbers.places, draft.family
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
    quantum = channels[family.name][draft.channel].quantum if draft.channel >= 0 else 1.0
    in_time: dict[tuple[int, ...], dict[str, Any]] = {}
    with told_at(first.path, places):
        rates = None
        if isinstance(item, cfg.PoissonDrive):
            rates = numbers.quantity(item.rate_hz, family.regions, family.sizes, f"{draft.path}.rate_hz")
        chosen = chosen_positions(item, family, numbers.atlas, draft.path, places)
        for position, stretches in zip(chosen, _by_position(draft, chosen, numbers), strict=True):
            item = stretches[0].item
            same = tuple(id(stretch.item) for stretch in stretches)
            if same not in in_time:
                in_time[same] = _in_time(stretches, draft.path, dt, places)
            number = family.populations[position]
            population = populations[number]
            values = {**common, **in_time[same], "population": number}
            values["neurons"] = chosen_neurons(item, index, population, config.seed, draft.path, places)
            if draft.channel >= 0:
                values["weight"] = round(float(draft.weights[position]) / quantum)
            if isinstance(item, cfg.PoissonDrive) and rates is not None:
                values |= {"kind": "poisson", "shared": item.shared}
                values |= _means(item, rates, position, f"{draft.path}.rate_hz", dt, places)
            elif isinstance(item, cfg.SpikeTrainDrive):
                events = _trains(item, population.size, dt, draft.path, numbers.base, places)
                values |= {"kind": "events", "events": _received(events, common["windows"], values["neurons"])}
            yield Drive(**values)


def _by_position(draft: DriveDraft, chosen: list[int], numbers: Numbers) -> list[tuple[Stretch, ...]]:
    """The stretches of a drive for each of some regions, with plain numbers."""
    left_out = ("rate_hz",) if isinstance(draft.item, cfg.PoissonDrive) else ()
    items = []
    for stretch in draft.stretches:
        with told_at(stretch.path, numbers.places):
            items.append(by_position(stretch.item, draft.family, chosen, draft.path, numbers, left_out=left_out))
    return [
        tuple(replace(stretch, item=own[k]) for stretch, own in zip(draft.stretches, items, strict=True))
        for k in range(len(chosen))
    ]


def _in_time(stretches: tuple[Stretch, ...], path: str, dt_ms: float, places: Places) -> dict[str, Any]:
    """The course in time of a drive; populations whose numbers are the same share it."""
    item = stretches[0].item
    if isinstance(item, cfg.VaryingPoisson):
        return {"kind": "poisson", "rate": _varying(item, path, dt_ms, places), "shared": item.shared}
    return {} if isinstance(item, cfg.Spiking) else _current(stretches, path, dt_ms, places)


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
    return float(item.mean)


def _sd(item: cfg.Drive) -> float:
    """The standard deviation of a noisy current."""
    assert isinstance(item, cfg.NoiseCurrentDrive | cfg.OUCurrentDrive)
    return float(item.std if isinstance(item, cfg.NoiseCurrentDrive) else item.sigma)


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
    item: cfg.PoissonDrive, rates: Quantity, position: int, path: str, dt_ms: float, places: Places
) -> dict[str, Any]:
    """Events per step: the largest mean, and where the neurons of the region differ that of each."""
    if isinstance(rates, Spread):
        rates = rates.table_of(position)
    if isinstance(rates, np.ndarray):
        rates = float(rates[position])
    low, high = extremes(rates)
    if low < 0 and isinstance(rates, Table):
        message = f"rates down to {low:.4g} Hz; allowed: at least 0"
        raise places.error(path, message, "bound it: `low: 0`")
    for mean in (low * dt_ms * 1e-3, high * dt_ms * 1e-3):
        _check_mean(mean, path, places)
    if low == high:
        return {"mean": mean}
    if item.shared:
        raise places.error(path, "shared: true gives all targets one train; these rates differ between the neurons")
    table = rates if isinstance(rates, Table) else None
    return {
        "mean": mean,
        "own_means": OwnMeans(table, rates if isinstance(rates, PerNeuron) else None, position, dt_ms),
    }


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
