"""Drives: whom they reach, when and how strongly, one entry per target population.

What they give is compiled by their kinds (`spec.drive_inputs`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from dtbsim.config import drives as cfg
from dtbsim.config.run import RunConfig
from dtbsim.errors import did_you_mean
from dtbsim.models.circuits import Parts
from dtbsim.models.drives.waveforms import Windows, windows_of
from dtbsim.numerics.limits import MAX_COUNT
from dtbsim.spec.changes import Event
from dtbsim.spec.channels import ChannelPlan, FixedChannels, counted, input_mix, kept_grid, weight_key, weight_table
from dtbsim.spec.drive_changes import Stretch, joined_windows, stretches_of, told_at
from dtbsim.spec.drive_inputs import DriveDraft, Inputs
from dtbsim.spec.network import Channel, Drive, Population
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft
from dtbsim.spec.region_items import region_weights
from dtbsim.spec.resolution import Use
from dtbsim.spec.targets import chosen_neurons, chosen_positions


def compile_drives(
    parts: Parts,
    drafts: dict[str, Draft],
    events: Mapping[str, list[Event]],
    plan: ChannelPlan,
    numbers: Numbers,
    regions: Collection[str] = (),
) -> list[DriveDraft]:
    """First pass: targets, channels and weights. `events` are the changes of each drive in the order of their steps.

    Targets in `regions` are populations of mean-field regions, and not compiled here.
    """
    places = numbers.places
    result: list[DriveDraft] = []
    for name, item in parts.drives.items():
        path = parts.path("drives", name)
        with places.collecting():
            stretches = stretches_of(item, events.get(name, ()), places)
            for target in [item.target] if isinstance(item.target, str) else item.target:
                if target not in places.broken and target not in regions:
                    with places.collecting():
                        result += draft_drives(name, item, stretches, target, path, drafts, plan, numbers)
    return result


def draft_drives(
    name: str,
    item: cfg.Windowed,
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
        if getattr(item, "input", None) is not None:
            message = f"'{target}' is a population of neurons, whose membrane a current flows into"
            raise places.error(f"{path}.input", message, "leave it out; it names an input of mean-field regions")
        family.has_current = True
        yield DriveDraft(name, path, item, family, -1, np.zeros(family.regions.size), item, stretches, stretches)
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
        shown = stretch.path or where
        grid = kept_grid(family.model, mix, table, [1.0] if factors is None else factors, None, shown, places)
        channel = plan.use(family, mix, Use(shown, table, factors, grid=grid), scale)
        if counted(family.model, mix):
            weights = np.ones(family.regions.size)
        yield DriveDraft(name, path, now, family, channel, weights, item, (stretch,), stretches)


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
    inputs = Inputs(numbers, config.simulation.dt_ms)
    for draft in found:
        with places.collecting():
            drives += _finish(config, draft, indices[draft.name], populations, channels, numbers, inputs)
    return tuple(drives)


def _finish(
    config: RunConfig,
    draft: DriveDraft,
    index: int,
    populations: tuple[Population, ...],
    channels: dict[str, tuple[Channel, ...]],
    numbers: Numbers,
    inputs: Inputs,
) -> Iterator[Drive]:
    dt, places, family = config.simulation.dt_ms, numbers.places, draft.family
    n_steps = places.steps(config.simulation.duration_ms, dt, "simulation.duration_ms")
    first = draft.stretches[0]
    whole = windows_in_steps(draft.base, dt, n_steps, draft.path, places)
    windows = joined_windows(draft.stretches, whole)
    if first.start > 0 and not windows.on:
        return
    quantum = channels[family.name][draft.channel].quantum if draft.channel >= 0 else 1.0
    with told_at(first.path, places):
        chosen = chosen_positions(draft.item, family, numbers.atlas, draft.path, places)
        for position, (item, given) in zip(chosen, inputs.of(draft, chosen), strict=True):
            number = family.populations[position]
            population = populations[number]
            neurons = chosen_neurons(item, index, population, config.seed, draft.path, places)
            fields: dict[str, Any] = {"population": number, "channel": draft.channel, "neurons": neurons}
            if draft.channel >= 0:
                fields["weight"] = round(float(draft.weights[position]) / quantum)
            fields |= {**given, "windows": windows}
            if fields["kind"] == "noise" and windows.on:  # its process goes on while it is off
                pairs = list(zip(whole.on, whole.off, strict=True))
                fields["windows"] = windows_of(windows.start, whole.stop, pairs)
            if fields.get("events") is not None:
                fields["events"] = _received(fields["events"], windows, neurons)
            yield Drive(name=draft.name, index=index, key_path=draft.path, **fields)


def windows_in_steps(item: cfg.Windowed, dt_ms: float, n_steps: int, path: str, places: Places) -> Windows:
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
