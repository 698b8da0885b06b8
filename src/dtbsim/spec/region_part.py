"""What of a configuration is about mean-field regions: taken out of it, compiled for all members of the ensemble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dtbsim.clock import steps_of
from dtbsim.config.coupling import FeedbackInhibition
from dtbsim.config.run import RunConfig
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.models.region_own import is_known
from dtbsim.spec.ensemble import MemberConfig, members_of
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.places import Places
from dtbsim.spec.records import bold_record
from dtbsim.spec.region_compile import (
    CouplingDraft,
    RegionDraft,
    compile_couplings,
    compile_region_populations,
    region_population_names,
)
from dtbsim.spec.region_drives import check_target, targets_of
from dtbsim.spec.region_inhibition import balance
from dtbsim.spec.region_network import (
    BOLD,
    F64,
    Members,
    Noise,
    RegionCoupling,
    RegionNetwork,
    RegionPopulation,
    RegionSample,
    Wiring,
)

RATES_MS = 1000.0
"""Where feedback inhibition corrects nothing, mean rates over so long are recorded beside it."""
_Compiled = tuple[dict[str, RegionDraft], list[CouplingDraft]]


def without_regions(config: RunConfig, names: list[str], places: Places) -> RunConfig:
    """The configuration of the neurons alone; notes what refers to region populations and cannot."""
    for path, name, what, remedy in _neurons_wanted(config, set(names)):
        places.mistakes.append(places.error(path, f"'{name}' is a population of regions, {what}", remedy))
    for key, drive in config.drives.items():
        for name in targets_of(drive):
            if name in names:
                with places.collecting():
                    check_target(key, drive, name, places)
    spiking = {name: item for name, item in config.populations.items() if name not in names}
    states = [item for item in config.record.states if item.population not in names]
    couplings = {name: item for name, item in config.couplings.items() if any(end in spiking for end in _ends(item))}
    record = config.record.model_copy(update={"states": states})
    return config.model_copy(update={"populations": spiking, "record": record, "couplings": couplings})


def _ends(item: Any) -> list[str]:
    return [name for given in (item.source, item.target) for name in ([given] if isinstance(given, str) else given)]


def _neurons_wanted(config: RunConfig, names: set[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield key path, population, why not, and what to do."""
    for key, projection in config.projections.items():
        for end in ("source", "target"):
            given = getattr(projection, end)
            for name in [given] if isinstance(given, str) else given:
                if name in names:
                    remedy = "connect regions by `couplings`, also with spiking populations"
                    yield f"projections.{key}.{end}", name, "which has no synapses", remedy
    spikes = config.record.spikes
    if spikes is not None and spikes.populations != "all":
        for name in spikes.populations:
            if name in names:
                yield "record.spikes.populations", name, "which has no spikes", "record its variables: record.states"
    for index, pair in enumerate(config.record.correlations):
        for end in ("first", "second"):
            if getattr(pair, end) in names:
                where = f"record.correlations.{index}.{end}"
                yield where, getattr(pair, end), "which has no spikes", "leave it out"


def compile_regions(
    config: RunConfig, names: list[str], numbers: Numbers
) -> tuple[RegionNetwork | None, list[MemberConfig]]:
    """The network of the region populations `names` (None without any), and the members of the ensemble.

    Mistakes are collected by `numbers.places`.
    """
    places = numbers.places
    if not names:
        _no_regions(config, places)
        return None, [MemberConfig(config)]
    members = members_of(config, numbers)
    base = _compiled(members[0], names, numbers)
    places.raise_collected()
    compiled = [base]
    for member in members[1:]:
        compiled.append(_compiled(member, names, numbers.of(member.atlas) if member.atlas is not None else numbers))
        places.raise_collected()
    drafts, couplings = base
    controlled: dict[str, set[str]] = {}
    for key, item in config.controllers.items():
        if isinstance(item, FeedbackInhibition):
            with places.collecting():
                balance(key, item, compiled, places)
                controlled.setdefault(item.population, set()).add("J_i")
    places.raise_collected()
    populations = tuple(
        _population(index, [drafts[name] for drafts, _ in compiled], frozenset(controlled.get(name, ())))
        for index, name in enumerate(drafts)
    )
    indices = {population.name: population.index for population in populations}
    found = tuple(_coupling(index, [all_[index] for _, all_ in compiled], indices) for index in range(len(couplings)))
    coordinates = _coordinates(members)
    samples = tuple(_samples(config, populations, indices, places))
    seeds = tuple(member.config.seed for member in members)
    return RegionNetwork(populations, found, Members(seeds, coordinates), samples), members


def _no_regions(config: RunConfig, places: Places) -> None:
    """Note what needs mean-field regions, where there are none."""
    if config.ensemble is not None:
        message = "members side by side are of mean-field regions, and this network has neurons alone"
        places.mistakes.append(
            places.error(
                "ensemble", message, "`dtbsim run CONFIG`, or dtbsim.sweep(CONFIG) in Python, runs them one by one"
            )
        )
    unknown = {name for name, population in config.populations.items() if not is_known(population.model)}
    for key, item in config.couplings.items():
        if unknown.intersection(_ends(item)):
            continue  # the name of its model is wrong, which compiling the neurons reports
        message = "there is no population of mean-field regions"
        places.mistakes.append(places.error(f"couplings.{key}", message, "connect neurons by `projections`"))
    for key, item in config.controllers.items():
        if item.of_regions:
            path = f"controllers.{key}"
            places.mistakes.append(places.error(path, "there is no population of mean-field regions", "leave it out"))


def _compiled(member: MemberConfig, names: list[str], numbers: Numbers) -> _Compiled:
    drafts = compile_region_populations(member.config, names, numbers)
    return drafts, compile_couplings(member.config, drafts, numbers)


def _coordinates(members: list[MemberConfig]) -> Mapping[str, tuple[Any, ...]]:
    keys = dict.fromkeys(key for member in members for key in member.values)
    return {key: tuple(member.values.get(key) for member in members) for key in keys}


# -- stacking ---------------------------------------------------------------------------------------------------


def _stack(values: list[F64]) -> F64:
    """float64[members or 1, n]: one row where all are equal."""
    rows = np.array(values)
    return rows[:1] if (rows == rows[0]).all() else rows


def _all_of(drafts: list[RegionDraft], what: str, name: str) -> list[F64]:
    """A number of every member; where a member leaves it out, the default of the model."""
    found = []
    for draft in drafts:
        given: dict[str, F64] = getattr(draft, what)
        if name in given:
            found.append(given[name])
        elif what == "parameters":
            found.append(np.full(draft.regions.size, float(draft.model.parameter(name).default)))
        else:
            values = draft.model.initial_states(draft.parameters, draft.initial)[name]
            found.append(np.broadcast_to(np.asarray(values, np.float64), draft.regions.shape))
    return found


def _population(index: int, drafts: list[RegionDraft], controlled: frozenset[str]) -> RegionPopulation:
    first = drafts[0]
    tables = {
        what: {
            name: _stack(_all_of(drafts, what, name))
            for name in dict.fromkeys(name for draft in drafts for name in getattr(draft, what))
        }
        for what in ("parameters", "initial")
    }
    noise = tuple(
        Noise(one.target, one.kind, _stack([draft.noise[k].sigma for draft in drafts]), one.tau_ms)  # type: ignore[arg-type]
        for k, one in enumerate(first.noise)
    )
    return RegionPopulation(
        first.name, index, first.model, first.integrator, first.regions, first.node_names, first.first_node,
        tables["parameters"], tables["initial"], noise, first.path, controlled,
    )  # fmt: skip


def _coupling(index: int, drafts: list[CouplingDraft], indices: Mapping[str, int]) -> RegionCoupling:
    first = drafts[0]
    wirings: list[Wiring] = []
    of: list[int] = []
    for draft in drafts:
        known = next((k for k, one in enumerate(wirings) if one is draft.wiring or one.same(draft.wiring)), None)
        if known is None:
            known = len(wirings)
            wirings.append(draft.wiring)
        of.append(known)
    numbers = {name: np.array([draft.numbers[name] for draft in drafts]) for name in first.numbers}
    return RegionCoupling(
        first.name, index, indices[first.source], indices[first.target], first.variable, first.input, first.function,
        numbers, _stack([draft.strength for draft in drafts]), tuple(wirings), np.array(of, np.int64), first.path,
    )  # fmt: skip


# -- what is sampled --------------------------------------------------------------------------------------------


def _samples(
    config: RunConfig, populations: tuple[RegionPopulation, ...], indices: Mapping[str, int], places: Places
) -> Iterator[RegionSample]:
    """Yield what record.states asks of regions."""
    for k, item in enumerate(config.record.states):
        if item.population not in indices:
            continue
        population = populations[indices[item.population]]
        with places.collecting():
            _check_no_neurons(item, population, f"record.states.{k}.neurons", places)
            for number, variable in enumerate(item.variables):
                check_variable(population, variable, f"record.states.{k}.variables.{number}", places)
            interval = 1 if item.interval_ms is None else steps_of(item.interval_ms, config.simulation.dt_ms)
            yield RegionSample(k, population.index, tuple(item.variables), interval)
    yield from _samples_of_signals(config, populations, indices, places)
    for key, item in config.controllers.items():
        if isinstance(item, FeedbackInhibition) and item.population in indices:
            every_ms = min(item.interval_ms or RATES_MS, config.simulation.duration_ms)
            interval = max(1, int(every_ms / config.simulation.dt_ms + 1e-6))
            yield RegionSample(f"controllers.{key}", indices[item.population], ("r_E_Hz",), interval, mean=True)


def _samples_of_signals(
    config: RunConfig, populations: tuple[RegionPopulation, ...], indices: Mapping[str, int], places: Places
) -> Iterator[RegionSample]:
    """Yield what BOLD and signals need of regions: what their models declare as the source, or the variable named."""
    dt_ms, bold = config.simulation.dt_ms, config.bold
    if bold is not None:
        record = bold_record(bold, {}, dt_ms, places)
        for name in [bold.population] if isinstance(bold.population, str) else bold.population:
            if name in indices:
                with places.collecting():
                    variable = _source(populations[indices[name]], "bold", bold.variable, "bold", places)
                    yield RegionSample(BOLD, indices[name], (variable,), record.bin_steps(dt_ms), mean=True)
    for key, item in config.signals.items():
        for name, where in item.populations().items():
            if name not in indices:
                continue
            with places.collecting():
                reads = SIGNALS.find(item.kind).reads(item)
                if reads is None:
                    message = f"'{name}' is a population of mean-field regions, of which {item.kind} is not made"
                    raise places.error(f"signals.{key}.{where}", message, "name a population of neurons")
                named = getattr(item, "variable", None)
                variable = _source(populations[indices[name]], reads, named, f"signals.{key}", places)
                yield RegionSample(key, indices[name], (variable,), steps_of(item.interval_ms, dt_ms))


def _source(population: RegionPopulation, signal: str, named: str | None, path: str, places: Places) -> str:
    """The variable that is the source of a signal; InputError where the model lacks or does not declare it."""
    if named is not None:
        check_variable(population, named, f"{path}.variable", places)
        return named
    try:
        return population.model.read(signal).variable
    except InputError as error:
        raise places.error(f"{path}.variable", error.message, error.remedy) from None


def _check_no_neurons(item: Any, population: RegionPopulation, path: str, places: Places) -> None:
    if item.neurons != type(item).model_fields["neurons"].default:
        message = f"'{population.name}' is a population of regions, all of which are recorded"
        raise places.error(path, message, "leave `neurons` out")


def check_variable(population: RegionPopulation, variable: str, path: str, places: Places) -> None:
    """InputError at `path` where the model has no such state or output."""
    try:
        population.model.variable(variable)
    except InputError as error:
        raise places.error(path, error.message, error.remedy) from None


__all__ = ["check_variable", "compile_regions", "region_population_names", "without_regions"]
