"""Which numbers of a configuration are turned: those of long-range couplings, and one for every target rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dtbsim.arguments import refuse, show
from dtbsim.config import RunConfig
from dtbsim.config.parts import WEIGHT_KEYS
from dtbsim.config.plain import plain
from dtbsim.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from dtbsim.spec import Network
    from dtbsim.spec.region_network import RegionPopulation

NONE = "none"
"""As a coupling: no coupling is scanned."""
FASTEST_HZ = 1000.0


@dataclass(frozen=True)
class Number:
    """A number of the configuration: its key path and its value as given."""

    key: str
    value: float


@dataclass(frozen=True)
class Goal:
    """A rate that a population is to have.

    `knob` is the number that is turned until it has it. `held` is the target of a controller that sees to it instead.
    """

    population: str
    target_hz: float
    knob: Number | None = None
    held: str | None = None


# -- couplings --------------------------------------------------------------------------------------------------


def coupling_numbers(config: RunConfig, asked: Sequence[str] | None) -> list[Number]:
    """The numbers that a scan multiplies by one factor, the first of them those of couplings; [] for `none`.

    By default the weights of all projections with `scope: connectome` and the strengths of all couplings by the
    connectome; beside them the tonic drive that a controller begins with for every input of such a projection.

    Raises InputError where there is none, and for what is no number above or below 0.
    """
    if asked is not None and list(asked) == [NONE]:
        return []
    data = plain(config)
    keys = list(_long_range(config)) if asked is None else [str(key) for key in asked]
    if not keys:
        raise InputError(
            "there is no coupling between regions to scan: no projection has scope: connectome, and no coupling takes "
            "the weights of the atlas",
            where=config.name,
            remedy="name the number to scan: --coupling KEY.PATH; or --coupling none, to bring rates alone to targets",
        )
    found = [number_at(data, key, "--coupling") for key in dict.fromkeys(keys)]
    return found + list(_beside(config, [number.key for number in found]))


def _long_range(config: RunConfig) -> Iterator[str]:
    for name, projection in config.projections.items():
        if projection.scope == "connectome":
            for key in WEIGHT_KEYS:
                if getattr(projection, key) is not None:
                    yield f"projections.{name}.{key}"
    for name, coupling in config.couplings.items():
        if coupling.weights == "connectome":
            yield f"couplings.{name}.strength"


def _beside(config: RunConfig, keys: Sequence[str]) -> Iterator[Number]:
    """What a controller subtracts at the start for every long-range input, which follows the weight of that input."""
    projections = {key.split(".")[1] for key in keys if key.startswith("projections.")}
    for name, controller in config.controllers.items():
        per_input = getattr(controller, "start_per_indegree", 0.0)
        if per_input and str(getattr(controller, "projection", "")).split(".")[0] in projections:
            yield Number(f"controllers.{name}.start_per_indegree", float(per_input))


def number_at(data: Mapping[str, Any], key: str, where: str) -> Number:
    """The number at a key path of plain configuration data. InputError where there is none, and where it is 0."""
    value: Any = data
    for at, part in enumerate(parts := key.split(".")):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            known = [str(name) for name in value] if isinstance(value, Mapping) else []
            place = ".".join(parts[:at]) or "the configuration"
            remedy = did_you_mean(part, known) if known else "name a number that the configuration gives"
            raise InputError(f"{key}: {place} has no '{part}'", where=where, remedy=remedy)
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = "give one number in the configuration, or name another key"
        raise InputError(f"{key} is {show(value)}, and one number is turned", where=where, remedy=remedy)
    if value == 0:
        remedy = "give it a size in the configuration: it is multiplied, and its size says where to begin"
        raise InputError(f"{key} is 0", where=where, remedy=remedy)
    return Number(key, float(value))


# -- target rates -----------------------------------------------------------------------------------------------


def goals_of(config: RunConfig, network: Network, rates: Any, knobs: Any) -> list[Goal]:
    """The rates that populations are to have, {population: Hz}, and what is turned for them, {population: key}.

    Raises InputError for populations that there are not, rates that are none, and where nothing is known to turn.
    """
    rates, knobs = _mapping(rates, "rates"), _mapping(knobs, "knobs")
    goals = []
    for name, target in rates.items():
        if isinstance(target, bool) or not isinstance(target, int | float) or not 0 < target <= FASTEST_HZ:
            raise refuse(target, f"--rates {name}", f"a rate above 0 and up to {FASTEST_HZ:g} Hz")
        _check_known(network, name, "--rates")
        goals.append(_goal(config, network, name, float(target), knobs.get(name)))
    for name in knobs:
        if name not in rates:
            raise InputError(f"'{name}' has no target", where="--knob", remedy=f"give --rates {name}=HZ as well")
    turned = [goal.knob.key for goal in goals if goal.knob is not None]
    for key in turned:
        if turned.count(key) > 1:
            names = " and ".join(goal.population for goal in goals if goal.knob is not None and goal.knob.key == key)
            raise InputError(f"{key} would be turned for {names}", where="--knob", remedy="name a number for each")
    return goals


def _mapping(given: Any, name: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise refuse(given, name, "a mapping from names of populations")
    return dict(given)


def _check_known(network: Network, name: str, where: str) -> None:
    """InputError where there is no population of that name, or it has no rate."""
    if any(family.name == name for family in network.families):
        return
    regions = () if network.regions is None else network.regions.populations
    for population in regions:
        if population.name == name:
            if not rate_variable(population):
                raise InputError(
                    f"'{name}' has no rate: {population.model.name} has no variable that is one",
                    where=where,
                    remedy="leave it out; its coupling is scanned all the same",
                )
            return
    known = [family.name for family in network.families] + [population.name for population in regions]
    raise InputError(f"there is no population '{name}'", where=where, remedy=did_you_mean(name, known))


def rate_variable(population: RegionPopulation) -> str | None:
    """The variable of a region population that is its rate; None: it has none."""
    return next((row.variable for row in population.model.reads if row.signal == "rate"), None)


def _goal(config: RunConfig, network: Network, name: str, target_hz: float, knob: Any) -> Goal:
    data = plain(config)
    if knob is not None:
        return Goal(name, target_hz, number_at(data, str(knob), f"--knob {name}"))
    for key, controller in config.controllers.items():
        if getattr(controller, "population", None) == name and hasattr(controller, "target_rate_hz"):
            return Goal(name, target_hz, held=f"controllers.{key}.target_rate_hz")
    for key in _drives(config, name):
        return Goal(name, target_hz, number_at(data, key, f"--rates {name}"))
    raise InputError(
        f"nothing is known to set the rate of '{name}' by: no controller holds it, and no Poisson drive is its alone",
        where="--rates",
        remedy=f"name a number to turn, such as --knob {name}=populations.{name}.parameters.NAME",
    )


def _drives(config: RunConfig, name: str) -> Iterator[str]:
    """Rates of what drives a population alone, also of the background that its circuit has."""
    for key, drive in config.drives.items():
        targets = getattr(drive, "target", None)
        rate = getattr(drive, "rate_hz", None)
        if drive.kind == "poisson" and targets in (name, [name]) and isinstance(rate, int | float) and rate > 0:
            yield f"drives.{key}.rate_hz"
    circuit, _, part = name.partition(".")
    if circuit in config.circuits and getattr(config.circuits[circuit], f"drive_rate_{part}_hz", None):
        yield f"circuits.{circuit}.drive_rate_{part}_hz"
