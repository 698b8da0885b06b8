"""Drives of mean-field regions: the currents that neurons get, onto the input current or an input of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import drives as cfg
from dtbsim.config.changes import Change
from dtbsim.config.drives import NeuronRange
from dtbsim.config.run import RunConfig
from dtbsim.errors import did_you_mean
from dtbsim.models.drives.waveforms import windows_of
from dtbsim.spec.changes import Event
from dtbsim.spec.drive_changes import Stretch, joined_windows, stretches_of, told_at
from dtbsim.spec.drive_inputs import DriveDraft, Inputs
from dtbsim.spec.drives import windows_in_steps
from dtbsim.spec.ensemble import MemberConfig
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft
from dtbsim.spec.region_network import STIMULUS, DrivePart, RegionDrive, RegionNetwork, RegionPopulation
from dtbsim.spec.targets import chosen_positions

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Made:
    """A drive on one population in one member: parts, and which of them a node gets (-1: none), int64[nodes]."""

    input: str
    parts: list[DrivePart]
    which: I64


def targets_of(item: cfg.Windowed | Change) -> list[str]:
    """Names of the populations of a drive, or of a change (none: [])."""
    given = item.target if isinstance(item, cfg.Windowed) else item.population
    return [given] if isinstance(given, str) else list(given or [])


def draft_of(population: RegionPopulation, member: int) -> Draft:
    """A region population in one member, as what neurons are compiled of: one node for each region."""
    n = population.n_nodes
    parameters: dict[str, Any] = {
        name: np.asarray(values[min(member, len(values) - 1)]) for name, values in population.parameters.items()
    }
    model: Any = population.model
    return Draft(
        population.name, population.key_path, model, model, population.regions, np.ones(n, np.int64), parameters, {},
        frozenset(), populations=list(range(n)),
    )  # fmt: skip


def chosen_nodes(item: cfg.Windowed | Change, draft: Draft, path: str, numbers: Numbers) -> list[int]:
    """Indices of the nodes that a drive reaches or a change concerns: in the order of a list of them, else ascending.

    InputError for what there is not.
    """
    places, n = numbers.places, len(draft.populations)
    if item.fraction is not None:
        message = f"'{draft.name}' is a population of regions, with one node in each"
        raise places.error(f"{path}.fraction", message, "choose by regions or neurons, which count them from 0")
    if item.neurons is None:
        return chosen_positions(item, draft, numbers.atlas, path, places)
    if item.regions is not None:
        message = f"neurons are the regions of '{draft.name}', by their index"
        raise places.error(f"{path}.neurons", message, "give regions or neurons, one of them")
    given = item.neurons
    chosen = list(range(given.start, given.stop, given.step)) if isinstance(given, NeuronRange) else list(given)
    if max(chosen) >= n:
        where = f"{path}.neurons.stop" if isinstance(given, NeuronRange) else f"{path}.neurons"
        raise places.error(where, f"there is no region {max(chosen)} of '{draft.name}'", f"it has 0 to {n - 1}")
    return chosen


def check_target(key: str, item: cfg.Windowed, name: str, places: Places) -> None:
    """InputError where a kind of drives cannot act on a region."""
    path = f"drives.{key}"
    if isinstance(item, cfg.Spiking):
        message = f"'{name}' is a population of regions, which take no spikes"
        raise places.error(f"{path}.kind", message, "use a current: dc, step_current, sinusoidal, noise_current, ...")
    if getattr(item, "of_membrane", False):
        message = f"'{name}' is a population of regions, which have no membrane"
        raise places.error(f"{path}.kind", message, f"use noise_current or ou_current, or populations.{name}.noise")


def _input_of(item: cfg.Windowed, population: RegionPopulation, path: str, places: Places) -> str:
    model, given = population.model, getattr(item, "input", None)
    known = [*([STIMULUS] if model.uses_stimulus else []), *(row.name for row in model.inputs)]
    if given is None and model.uses_stimulus:
        return STIMULUS
    if given is None:
        message = f"model '{model.name}' takes no input current I_stim"
        remedy = f"name one of its inputs, {', '.join(known)}" if known else "it has no inputs"
        raise places.error(f"{path}.input", message, remedy)
    if given not in known:
        raise places.error(f"{path}.input", f"model '{model.name}' has no input '{given}'", did_you_mean(given, known))
    return str(given)


class RegionDrives:
    """Compiles the drives of one member of an ensemble on region populations."""

    def __init__(self, config: RunConfig, regions: RegionNetwork, member: int, numbers: Numbers) -> None:
        self._config, self._regions, self._numbers = config, regions, numbers
        self._member = member
        self._inputs = Inputs(numbers, config.simulation.dt_ms)

    def made(self, name: str, target: str, stretches: tuple[Stretch, ...]) -> _Made:
        """A drive on a population, as `stretches` say. InputError for what cannot be."""
        item, path, places = self._config.drives[name], f"drives.{name}", self._numbers.places
        index = self._regions.index(target)
        assert index is not None
        population = self._regions.populations[index]
        check_target(name, item, target, places)
        arrives = _input_of(item, population, path, places)
        draft = draft_of(population, self._member)
        simulation = self._config.simulation
        n_steps = places.steps(simulation.duration_ms, simulation.dt_ms, "simulation.duration_ms")
        whole = windows_in_steps(item, simulation.dt_ms, n_steps, path, places)
        windows = joined_windows(stretches, whole)
        drive = DriveDraft(name, path, item, draft, -1, np.ones(population.n_nodes), item, stretches, stretches)
        which = np.full(population.n_nodes, -1, np.int64)
        parts: dict[int, tuple[int, DrivePart]] = {}
        with told_at(stretches[0].path, places):
            chosen = sorted(chosen_nodes(item, draft, path, self._numbers))
            for position, (_, fields) in zip(chosen, self._inputs.of(drive, chosen), strict=True):
                if id(fields) not in parts:
                    on = windows
                    if fields["kind"] == "noise" and windows.on:  # its process goes on while it is off
                        pairs = list(zip(whole.on, whole.off, strict=True))
                        on = windows_of(windows.start, whole.stop, pairs)
                    parts[id(fields)] = len(parts), DrivePart(on, fields["wave"], fields.get("noise"))
                which[position] = parts[id(fields)][0]
        return _Made(arrives, [part for _, part in parts.values()], which)


def compile_region_drives(
    members: Sequence[tuple[MemberConfig, Numbers]],
    regions: RegionNetwork,
    events: Sequence[Mapping[str, list[Event]]],
) -> tuple[RegionDrive, ...]:
    """All drives on region populations; `events` are the changes of drives by member. Mistakes are collected.

    `members` is one, where all have the same drives.
    """
    config, numbers = members[0][0].config, members[0][1]
    compilers = [RegionDrives(one.config, regions, k, own) for k, (one, own) in enumerate(members)]
    found: list[RegionDrive] = []
    for index, (name, item) in enumerate(config.drives.items()):
        for target in targets_of(item):
            if regions.index(target) is None:
                continue
            with numbers.places.collecting():
                made = []
                for compiler, (one, own), happening in zip(compilers, members, events, strict=True):
                    stretches = stretches_of(one.config.drives[name], happening.get(name, ()), own.places)
                    made.append(compiler.made(name, target, stretches))
                found.append(region_drive(name, index, target, item, made, regions))
    return tuple(found)


def region_drive(
    name: str, index: int, target: str, item: cfg.Windowed, made: Sequence[_Made], regions: RegionNetwork
) -> RegionDrive:
    """A drive of what was made of it for every member, or for all of them."""
    population = regions.index(target)
    assert population is not None
    parts: list[DrivePart] = []
    rows = []
    for one in made:
        rows.append(np.where(one.which < 0, -1, one.which + len(parts)))
        parts += one.parts
    return RegionDrive(
        name, index, population, made[0].input, tuple(parts), np.array(rows, np.int64),
        bool(getattr(item, "shared", False)), f"drives.{name}",
    )  # fmt: skip
