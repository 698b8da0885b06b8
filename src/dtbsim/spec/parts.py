"""All populations, projections and drives of a configuration: its own, those of circuits, those that others stand for.

A projection with lists of sources or targets stands for one of every pair; a drive that is a source for a population of
parrot neurons, which it drives, and a projection from there.
"""

from __future__ import annotations

from typing import Any

from dtbsim.config.drives import Spiking, Windowed
from dtbsim.config.network import CircuitConfig, Population, Projection
from dtbsim.config.parts import WEIGHT_KEYS
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError
from dtbsim.models.circuits import Circuit, Parts, circuit_of
from dtbsim.models.connections.one_to_one import OneToOne
from dtbsim.models.own import code_of_class

_KINDS: dict[str, type] = {"populations": Population, "projections": Projection, "drives": Windowed}


def expand(config: RunConfig) -> Parts:
    """All populations, projections and drives of a configuration, circuits first, in their order."""
    parts, dt_ms = Parts(), config.simulation.dt_ms
    for name, item in config.circuits.items():
        parts.add(name, _expanded(circuit_of(item), name, item, dt_ms))
    parts.populations.update(config.populations)
    for name, projection in config.projections.items():
        parts.add_projection(name, projection, f"projections.{name}")
    parts.drives.update(config.drives)
    for name, drive in list(parts.drives.items()):
        if isinstance(drive, Spiking) and drive.as_source:
            _add_source(parts, name, drive, dt_ms)
    return parts


def _expanded(circuit: Circuit, name: str, item: CircuitConfig, dt_ms: float) -> Parts:
    """The parts of a circuit. InputError at it for what another package's does wrong."""
    where = f"circuits.{name}"
    try:
        with code_of_class(type(circuit), f"the circuit {circuit.kind} cannot be expanded"):
            found = circuit.expand(name, item, dt_ms)
            _check(circuit, found, item)
    except InputError as error:
        if error.where is not None and error.where.startswith(where):
            raise
        place = where if error.where is None else f"{where}: {error.where}"
        raise InputError(error.message, where=place, remedy=error.remedy) from None
    return found


def _check(circuit: Circuit, found: object, item: CircuitConfig) -> None:
    if not isinstance(found, Parts):
        raise InputError(
            f"`expand` of the circuit {circuit.kind} returns {type(found).__name__}; it must be a Parts object",
            remedy="repair it",
        )
    for key, kind in _KINDS.items():
        wrong = [name for name, part in getattr(found, key).items() if not isinstance(part, kind)]
        if wrong:
            raise InputError(
                f"the circuit {circuit.kind} has a {type(getattr(found, key)[wrong[0]]).__name__} among its {key}",
                remedy=f"repair its `{wrong[0]}`",
            )
    if tuple(found.populations) != tuple(item.population_names()):
        raise InputError(
            f"the circuit {circuit.kind} has the populations {', '.join(found.populations)}; its configuration names "
            f"{', '.join(item.population_names())}",
            remedy="repair its `POPULATIONS` or its `expand`: these must be the same, in the same order",
        )


def _add_source(parts: Parts, name: str, drive: Spiking, dt_ms: float) -> None:
    """Put a population that the drive drives, and a projection, between the drive and each of its targets."""
    where, sources = parts.path("drives", name), drive.sources(name)
    for target, source in sources.items():
        population = parts.populations.get(target)
        if population is None:
            return  # the drive stays as it is, and its target is an error
        for key in ("populations", "projections"):
            if source in getattr(parts, key):
                raise InputError(f"its source '{source}' is the name of another of the {key}", where=where)
            parts.paths[key, source] = where
        parts.populations[source] = Population(model="parrot_neuron", size=population.size, regions=population.regions)
        weights: dict[str, Any] = {key: getattr(drive, key) for key in WEIGHT_KEYS if getattr(drive, key) is not None}
        parts.projections[source] = Projection(
            source=source,
            target=target,
            rule=OneToOne(),
            scope=None if population.regions is None else "same_region",
            receptor=drive.receptor,
            delay_ms=dt_ms if drive.delay_ms is None else drive.delay_ms,
            **weights,
        )
    plain = dict.fromkeys((*WEIGHT_KEYS, "receptor", "delay_ms"))
    changed = {"target": list(sources.values()), "weight": 1.0}
    parts.drives[name] = drive.model_copy(update=plain | changed)
