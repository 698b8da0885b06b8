"""Changes that are asked for while a network runs: compiled as those of a configuration, with what is built kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dtbsim.config.changes import Change
from dtbsim.config.drives import Windowed as DriveItem
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError, did_you_mean
from dtbsim.spec.changes import Event, NeuronChange, check_state, events_of, plan_changes
from dtbsim.spec.channels import FixedChannels, check_weight
from dtbsim.spec.distributions import Table
from dtbsim.spec.drive_changes import Stretch, stretches_of
from dtbsim.spec.drives import draft_drives, finish_drives
from dtbsim.spec.network import Drive, Family, Network, Projection
from dtbsim.spec.neuron_changes import compile_neuron_changes
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.parts import expand
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Changed, Draft, changed_values, check_changes, form_of
from dtbsim.spec.region_edits import RegionEditor
from dtbsim.spec.region_network import RegionChange, RegionDrive
from dtbsim.spec.weight_changes import Weights, weights_of


class Editor:
    """Turns changes into what a running network takes, which was compiled from `config`.

    Every rank has one, and they are asked the same.
    """

    def __init__(self, network: Network, config: RunConfig, base_dir: Path | None = None) -> None:
        self._network, self._base = network, base_dir if base_dir is not None else Path.cwd()
        self._config = config
        self._order = len(config.changes)
        self.region_drives: tuple[RegionDrive, ...] = ()
        """Those of regions, after a change of one."""
        self._parts = expand(config)
        self._drafts = {family.name: _draft(network, index) for index, family in enumerate(network.families)}
        planned = plan_changes(config, network.n_steps, Places())
        self._planned = planned.populations
        self._past: dict[str, list[Changed]] = {}
        self._controlled: dict[str, dict[str, str]] = {}
        for key, item in config.controllers.items():
            if (found := item.parameter_set()) is not None:
                population, parameter, named = found
                self._controlled.setdefault(population, {})[parameter] = f"controllers.{key}.{named}"
        self._regions = None if network.regions is None else RegionEditor(network, config, self._base)
        self._courses = {
            name: _Course(item, True, [], planned.drives.get(name, [])) for name, item in self._parts.drives.items()
        }

    # -- what there is ------------------------------------------------------------------------------------------

    @property
    def populations(self) -> list[str]:
        """Names of populations, also those of regions."""
        return [*self._drafts, *([] if self._regions is None else self._regions.populations)]

    @property
    def couplings(self) -> list[str]:
        """Names of couplings."""
        return list(self._config.couplings)

    def region_population(self, name: str) -> int | None:
        """Return the index of a population of regions; None where the name is not that of one."""
        return None if self._network.regions is None else self._network.regions.index(name)

    @property
    def drives(self) -> list[str]:
        """Names of drives."""
        return list(self._parts.drives)

    def family(self, name: str) -> int:
        """Return the index of a population's family."""
        if name not in self._drafts:
            raise InputError(f"there is no population '{name}'", remedy=did_you_mean(name, list(self._drafts)))
        return self._network.family_index(name)

    # -- neurons ------------------------------------------------------------------------------------------------

    def neuron_changes(self, key: str, change: Change, step: int) -> tuple[NeuronChange, ...]:
        """Compile a change of neurons that is made at `step`. InputError for what cannot be."""
        network, places = self._network, Places()
        events = [replace(event, step=step) for event in self._events(key, change)]
        names = [change.population] if isinstance(change.population, str) else change.population or []
        if self._regions is not None:
            names = [name for name in names if name not in self._regions.named(names)]
        found: dict[str, Draft] = {}
        for name in names:
            draft = replace(self._drafts[self._network.families[self.family(name)].name], changed=[])
            draft.changed = list(
                changed_values(
                    draft.declared,
                    events,
                    self._controlled.get(name, {}),
                    draft.regions,
                    draft.sizes,
                    self._numbers(places),
                )
            )
            places.raise_collected()
            past = self._past.get(name, [])
            check_changes(draft.declared, draft.parameters, [*past, *draft.changed], network.dt_ms, places)
            self._check_form(draft, past, places)
            places.raise_collected()
            found[name] = draft
        everyone = {name: found.get(name, draft) for name, draft in self._drafts.items()}
        changes = compile_neuron_changes(everyone, network.populations, network.seed, network.atlas, places)
        places.raise_collected()
        for name, draft in found.items():
            self._past[name] = [*self._past.get(name, []), *draft.changed][-1000:]
        return changes

    def region_changes(self, key: str, change: Change, step: int) -> tuple[RegionChange, ...]:
        """Compile a change of regions or of a coupling that is made at `step`. InputError for what cannot be."""
        if self._regions is None:
            return ()
        return self._regions.changes(change, [replace(event, step=step) for event in self._events(key, change)])

    def was_set(self) -> None:
        """The change has been made: those to come have the next number."""
        self._order += 1

    def _check_form(self, draft: Draft, past: list[Changed], places: Places) -> None:
        """InputError where the form that was compiled would not do any more, or does not keep a state."""
        common = draft.declared, draft.parameters, draft.initial, frozenset(self._controlled.get(draft.name, {}))
        planned = [Changed(event, False, float("nan")) for event in self._planned.get(draft.name, ())]
        before = form_of(*common, [*planned, *past], set())
        for item in draft.changed:
            if item.is_state:
                check_state(item.event, draft.declared, draft.model, places)
            if form_of(*common, [*planned, *past, item], set()) is not before:
                name = item.event.name
                raise places.error(
                    item.event.path,
                    f"the network was built for a simpler form of model '{draft.declared.name}', in which {name} "
                    "cannot take this value",
                    f"name a change of {name} in the configuration, changes: {{x: {{population: {draft.name}, t_ms: "
                    f"LATER, set: {{{name}: ...}}}}}}, so that the general form is built",
                )

    def _events(self, key: str, change: Change) -> list[Event]:
        dt_ms, n_steps = self._network.dt_ms, self._network.n_steps
        return list(events_of(key, change, self._order, dt_ms, n_steps, Places()))

    def _numbers(self, places: Places) -> Numbers:
        return Numbers(self._network.atlas, self._base, places)

    # -- weights ------------------------------------------------------------------------------------------------

    @property
    def compiled_drives(self) -> tuple[Drive, ...]:
        """The drives of the network as they are from now on."""
        return self._network.drives

    @property
    def projections(self) -> list[str]:
        """Names of projections."""
        return list(self._parts.projections)

    def weights_after(
        self, key: str, change: Change, step: int, now: Mapping[int, Table]
    ) -> tuple[Projection, list[Weights]]:
        """Return a projection and what becomes of its weights by a change at `step`, one after the other.

        `now`: what weights of projections, by their index, are drawn from, where that is not as at the beginning.

        InputError for what cannot be. The order of changes goes on with `was_set`.
        """
        network, name = self._network, str(change.projection)
        projection = network.projection(name)
        item = self._parts.projections[name]
        if projection.lists_weights:
            raise InputError("each of its synapses has a weight of its own, which is listed", where=name)
        family = network.families[projection.target_family]
        before = now.get(projection.index, projection.weight)
        events = [replace(event, step=step) for event in self._events(key, change)]
        mix = family.channels[projection.channel].mix
        factors = projection.weight_factor
        changing = projection.dynamics, (float(factors[factors > 0].min(initial=1.0)), float(factors.max(initial=0.0)))
        found = weights_of(item, before, projection.weight_unit, mix, family.model, events, changing, Places())
        return projection, [part for part in found if part.path]

    # -- drives -------------------------------------------------------------------------------------------------

    def drive_item(self, name: str, step: int) -> DriveItem:
        """Return a drive as it is in `step`."""
        if name not in self._courses:
            raise InputError(f"there is no drive '{name}'", remedy=did_you_mean(name, self.drives))
        course = self._courses[name]
        return stretches_of(course.item, [event for event in course.events if event.step <= step], Places())[-1].item

    def drives_after(
        self, key: str, change: Change, step: int, check: Callable[[tuple[Drive, ...]], None]
    ) -> tuple[Drive, ...]:
        """Return all drives of the network after a change of one that is made at `step`.

        InputError for what cannot be, also what `check` raises: then everything stays as it was.
        """
        name, places = str(change.drive), Places()
        self.drive_item(name, step)
        new = [replace(event, step=step) for event in self._events(key, change)]
        course = self._courses[name]
        events = sorted([*course.events, *new], key=lambda event: event.step)
        stretches = stretches_of(course.item, events, places, on=course.on)
        now = max(k for k, stretch in enumerate(stretches) if stretch.start <= step)
        item = stretches[now].item
        past = [replace(stretch, item=item, path="") for stretch in stretches[: now + 1]]
        if course.past:
            past[0] = replace(past[0], start=course.past[-1].stop or 0)
            past = [*(replace(stretch, item=item) for stretch in course.past), *past]
        kept = _merged(past)
        follow = (*kept, *stretches[now + 1 :])
        drives = self._compiled(name, list(follow), places)
        regions = () if self._regions is None else self._regions.drives_after(name, follow)
        others = [drive for drive in self._network.drives if drive.name != name]
        everything = tuple(sorted([*others, *drives], key=lambda drive: drive.index))
        check(everything)
        ended = replace(kept[-1], stop=step)
        before = [*kept[:-1], *([ended] if ended.start < step else [])]
        later = [event for event in events if event.step > step]
        self._courses[name] = _Course(item, stretches[now].on, before, later)
        if self._regions is not None:
            self._regions.use(regions)
        self.region_drives = regions
        self._network = replace(self._network, drives=everything)
        return everything

    def _compiled(self, name: str, stretches: list[Stretch], places: Places) -> tuple[Drive, ...]:
        network, item, path = self._network, self._parts.drives[name], self._parts.path("drives", name)
        plan = FixedChannels({family.name: family.channels for family in network.families})
        targets = [item.target] if isinstance(item.target, str) else item.target
        if self._regions is not None:
            targets = [target for target in targets if target not in self._regions.named(targets)]
        numbers = self._numbers(places)
        found = [
            draft
            for target in targets
            for draft in draft_drives(name, item, tuple(stretches), target, path, self._drafts, plan, numbers)
        ]
        channels = {family.name: family.channels for family in network.families}
        index = {name: self.drives.index(name)}
        made = finish_drives(self._config, found, network.populations, channels, numbers, index)
        places.raise_collected()
        for drive in made:
            if drive.channel >= 0:
                family = network.families[network.populations[drive.population].family]
                check_weight(drive, family.channels[drive.channel].quantum)
        return made


@dataclass(frozen=True, eq=False)
class _Course:
    """A drive from now on: as what, whether on, when it was on before, and the changes that are still to come."""

    item: DriveItem
    on: bool
    past: list[Stretch]
    events: list[Event]


def _merged(stretches: list[Stretch]) -> list[Stretch]:
    """Neighbours that are both on, or both off, as one."""
    result: list[Stretch] = []
    for stretch in stretches:
        if result and result[-1].on == stretch.on:
            result[-1] = replace(result[-1], stop=stretch.stop)
        else:
            result.append(stretch)
    return result


def _draft(network: Network, index: int) -> Draft:
    """A family as it was compiled, without its changes."""
    family: Family = network.families[index]
    populations = [network.populations[number] for number in family.populations.tolist()]
    return Draft(
        name=family.name,
        path=family.key_path,
        declared=family.declared,
        model=family.model,
        regions=np.array([population.region for population in populations], dtype=np.int32),
        sizes=np.array([population.size for population in populations], dtype=np.int64),
        parameters=family.parameters,
        initial=family.initial,
        controlled=family.controlled,
        populations=family.populations.tolist(),
        has_current=family.has_current,
    )
