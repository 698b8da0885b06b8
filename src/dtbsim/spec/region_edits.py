"""Changes of mean-field regions that are asked for while they run, compiled as those of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dtbsim.config.changes import Change
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError
from dtbsim.spec.changes import Event, Planned
from dtbsim.spec.drive_changes import Stretch
from dtbsim.spec.ensemble import MemberConfig, members_of
from dtbsim.spec.network import Network
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.places import Places
from dtbsim.spec.region_changes import MemberChange, stacked
from dtbsim.spec.region_drives import RegionDrives, region_drive, targets_of
from dtbsim.spec.region_inputs import compile_changes, held_parameters
from dtbsim.spec.region_network import RegionChange, RegionDrive, RegionNetwork


class RegionEditor:
    """Turns changes into what running regions take, for all members of an ensemble."""

    def __init__(self, network: Network, config: RunConfig, base: Path) -> None:
        assert network.regions is not None
        self._network, self._config, self._base = network, config, base
        self._regions: RegionNetwork = network.regions
        self._past: dict[tuple[int, str], list[MemberChange]] = {}

    @property
    def populations(self) -> list[str]:
        """Names of populations of regions."""
        return [population.name for population in self._regions.populations]

    def named(self, names: str | Sequence[str] | None) -> list[str]:
        """Those of some names that are populations of regions."""
        given = [names] if isinstance(names, str) else names or []
        return [name for name in given if self._regions.index(name) is not None]

    @cached_property
    def _members(self) -> list[MemberConfig]:
        return members_of(self._config, self._numbers(Places()))

    def _numbers(self, places: Places) -> Numbers:
        return Numbers(self._network.atlas, self._base, places)

    def changes(self, change: Change, events: Sequence[Event]) -> tuple[RegionChange, ...]:
        """Compile a change of regions or of a coupling, whose events are `events`. InputError for what cannot be."""
        planned = Planned()
        for name in self.named(change.population):
            planned.populations[name] = list(events)
        if change.coupling is not None:
            planned.couplings[change.coupling] = list(events)
        by_member: list[list[MemberChange]] = []
        for k, member in enumerate(self._members):
            places = Places()
            numbers = self._numbers(places)
            own = numbers.of(member.atlas) if member.atlas is not None else numbers
            earlier = {name: self._past.get((k, name), []) for name in planned.populations}
            held = held_parameters(self._config)
            by_member.append(compile_changes(member.config, self._regions, k, own, planned, held, earlier))
            places.raise_collected()
        for k, found in enumerate(by_member):
            for name in planned.populations:
                index = self._regions.index(name)
                mine = [one for one in found if one.target == index]
                self._past[k, name] = [*self._past.get((k, name), []), *mine][-1000:]
        return stacked(by_member)

    def drives_after(self, name: str, stretches: tuple[Stretch, ...]) -> tuple[RegionDrive, ...]:
        """All drives of regions, of which that called `name` is as `stretches` say. InputError for what cannot be."""
        regions, item = self._regions, self._config.drives[name]
        mine = [target for target in targets_of(item) if regions.index(target) is not None]
        if not mine:
            return regions.drives
        if any(key.startswith((f"drives.{name}.", "changes.")) for one in self._members for key in one.values):
            message = "it differs between the members of the ensemble, so it cannot be set for all of them"
            raise InputError(message, where=name, remedy="leave it out of `ensemble`")
        places, made = Places(), {}
        compilers = [RegionDrives(one.config, regions, k, self._numbers(places)) for k, one in enumerate(self._members)]
        for target in mine:
            found = [compiler.made(name, target, stretches) for compiler in compilers]
            made[target] = region_drive(name, list(self._config.drives).index(name), target, item, found, regions)
        places.raise_collected()
        others = [drive for drive in regions.drives if drive.name != name]
        return (*others, *made.values())

    def use(self, drives: tuple[RegionDrive, ...]) -> None:
        """The regions are driven like this from now on."""
        self._regions = replace(self._regions, drives=drives)
