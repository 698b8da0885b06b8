"""What acts on mean-field regions from outside: drives, and changes at given times, for all members of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dtbsim.config.coupling import FeedbackInhibition
from dtbsim.config.run import RunConfig
from dtbsim.spec.changes import Planned, plan_changes
from dtbsim.spec.ensemble import MemberConfig
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.region_changes import MemberChange, RegionChanges, changed_parameters, stacked
from dtbsim.spec.region_drives import compile_region_drives
from dtbsim.spec.region_network import RegionChange, RegionNetwork, RegionPopulation

_OF_INPUTS = "drives.", "changes."


def with_inputs(
    regions: RegionNetwork | None,
    members: Sequence[MemberConfig],
    planned: Planned,
    n_steps: int,
    numbers: Numbers,
    *,
    live: bool,
) -> RegionNetwork | None:
    """The regions with their drives and changes; mistakes are collected by `numbers.places`.

    `planned` are the events of the configuration without its ensemble; `live`: any parameter may change during the run.
    """
    if regions is None:
        return None
    compiled = members if _differ(members) else members[:1]
    of_members = [(one, numbers.of(one.atlas) if one.atlas is not None else numbers) for one in compiled]
    plans = [planned if not one.values else plan_changes(one.config, n_steps, numbers.places) for one in compiled]
    drives = compile_region_drives(of_members, regions, [plan.drives for plan in plans])
    controlled = held_parameters(members[0].config)
    changes = [
        compile_changes(one.config, regions, k, own, plan, controlled)
        for k, ((one, own), plan) in enumerate(zip(of_members, plans, strict=True))
    ]
    found = stacked(changes)
    populations = tuple(
        replace(population, controlled=population.controlled | _moving(population, found, live=live))
        for population in regions.populations
    )
    return replace(regions, drives=drives, changes=found, populations=populations)


def _differ(members: Sequence[MemberConfig]) -> bool:
    """Whether members can have different drives or changes; numbers that are drawn or mapped follow seed and atlas."""
    first = members[0].config
    if len(members) == 1 or not (first.drives or first.changes):
        return False
    given = any(key.startswith(_OF_INPUTS) for one in members for key in one.values)
    drawn = any(one.config.seed != first.seed or one.config.atlas != first.atlas for one in members)
    return given or drawn or any(_parameters(one.config) != _parameters(first) for one in members)


def _parameters(config: RunConfig) -> object:
    return {name: population.parameters for name, population in config.populations.items()}


def compile_changes(
    config: RunConfig,
    regions: RegionNetwork,
    member: int,
    numbers: Numbers,
    planned: Planned,
    controlled: Mapping[tuple[str, str], str],
    earlier: Mapping[str, Sequence[MemberChange]] | None = None,
) -> list[MemberChange]:
    """The changes of one member; `earlier` are those of populations that have been made before."""
    compiler = RegionChanges(config, regions, member, numbers, controlled)
    found: list[MemberChange] = []
    for name, events in planned.populations.items():
        if regions.index(name) is not None:
            found += compiler.of_population(name, events, (earlier or {}).get(name, ()))
    for key, events in planned.couplings.items():
        found += compiler.of_coupling(key, events)
    return found


def held_parameters(config: RunConfig) -> dict[tuple[str, str], str]:
    """(population, parameter): the controller that holds it."""
    return {
        (item.population, "J_i"): f"controllers.{key}"
        for key, item in config.controllers.items()
        if isinstance(item, FeedbackInhibition)
    }


def _moving(population: RegionPopulation, changes: Sequence[RegionChange], *, live: bool) -> frozenset[str]:
    if live:
        return frozenset(row.name for row in population.model.parameters)
    return changed_parameters(changes, population.index)
