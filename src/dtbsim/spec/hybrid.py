"""Couplings between mean-field regions and spiking populations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dtbsim.config.coupling import Coupling
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError
from dtbsim.models.circuits import Parts
from dtbsim.models.drives.inhomogeneous_poisson import InhomogeneousPoissonDrive
from dtbsim.models.drives.step_current import StepCurrentDrive
from dtbsim.models.region_own import is_known
from dtbsim.spec.network import Population
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.populations import Draft
from dtbsim.spec.region_compile import as_input_takes, function_of
from dtbsim.spec.region_network import FromSpikes, RegionCoupling, RegionNetwork, RegionPopulation, ToSpikes, Wiring
from dtbsim.spec.region_wiring import wiring_of

_NONE = np.zeros(1, np.int64)


def drive_name(coupling: str) -> str:
    """Name of the drive that brings what a coupling gives to neurons."""
    return f"couplings.{coupling}"


def add_drives(config: RunConfig, regions: RegionNetwork | None, parts: Parts, numbers: Numbers) -> None:
    """Add a drive for each coupling from regions to neurons, silent until the coupling gives it something."""
    for key, item in config.couplings.items():
        for name, source, target in item.pairs(key):
            ends = [parts.populations[end] for end in (source, target) if end in parts.populations]
            if target not in parts.populations or not all(is_known(end.model) for end in ends):
                continue
            path, places = f"couplings.{key}", numbers.places
            with places.collecting():
                if regions is None or regions.index(source) is None:
                    remedy = "connect neurons by `projections`"
                    raise places.error(path, f"'{source}' and '{target}' are both populations of neurons", remedy)
                if item.effect is None:
                    remedy = "give effect: poisson, with a weight, or effect: current"
                    raise places.error(f"{path}.effect", f"'{target}' is a population of neurons", remedy)
                drive: Any = StepCurrentDrive(target=target, times_ms=[0.0], amplitudes=[0.0])
                if item.effect == "poisson":
                    given: dict[str, Any] = dict(item.given_weight)
                    drive = InhomogeneousPoissonDrive(
                        target=target, receptor=item.receptor, times_ms=[0.0], rates_hz=[0.0], **given
                    )
                parts.drives[drive_name(name)] = drive
                parts.paths["drives", drive_name(name)] = path


def with_hybrid(
    config: RunConfig,
    regions: RegionNetwork | None,
    drafts: Mapping[str, Draft],
    populations: tuple[Population, ...],
    numbers: Numbers,
) -> RegionNetwork | None:
    """The regions with their couplings from and to populations of neurons; mistakes are collected."""
    if regions is None:
        return None
    inward: list[FromSpikes] = []
    outward: list[ToSpikes] = []
    for key, item in config.couplings.items():
        for name, source, target in item.pairs(key):
            with numbers.places.collecting():
                if source in drafts and (index := regions.index(target)) is not None:
                    inward.append(_inward(name, key, item, drafts[source], regions.populations[index], populations,
                                          config, numbers, len(inward)))  # fmt: skip
                elif target in drafts and (index := regions.index(source)) is not None:
                    outward.append(_outward(name, key, item, regions.populations[index], drafts[target], config,
                                            numbers, len(outward)))  # fmt: skip
    if (inward or outward) and regions.members.n > 1:
        numbers.places.mistakes.append(
            numbers.places.error(
                "ensemble", "members of an ensemble are mean-field regions alone; this network has neurons, too",
                "`dtbsim run CONFIG`, or dtbsim.sweep(CONFIG) in Python, runs them one by one",
            )
        )  # fmt: skip
    return replace(regions, from_spikes=tuple(inward), to_spikes=tuple(outward))


def _wiring(item: Coupling, path: str, target: Any, source: Any, config: RunConfig, numbers: Numbers) -> Wiring:
    simulation, places = config.simulation, numbers.places
    if item.function is not None and item.function.kind in ("difference", "kuramoto"):
        message = f"{item.function.kind} needs the value of the target, which a population of neurons does not have"
        raise places.error(f"{path}.function", message, "use linear, scaling, sigmoidal or hyperbolic_tangent")
    wiring = wiring_of(item, path, target, source, simulation.dt_ms, simulation.max_delay_ms, numbers)
    if wiring.weights.size and wiring.shortest < 1:
        raise places.error(
            f"{path}.delay_ms", "there are delays below one step between mean-field regions and neurons",
            f"give at least dt_ms ({simulation.dt_ms:g}), with tract lengths as minimum_ms",
        )  # fmt: skip
    return wiring


def _coupling(
    name: str, item: Coupling, path: str, ends: tuple[int, int], variable: str, arrives: str, kind: Any,
    strength: Any, wiring: Wiring, index: int,
) -> RegionCoupling:  # fmt: skip
    function, values = kind
    return RegionCoupling(
        name, index, *ends, variable, arrives, function, {key: np.array([value]) for key, value in values.items()},
        strength[None, :], (wiring,), _NONE, path,
    )  # fmt: skip


def _inward(
    name: str, key: str, item: Coupling, source: Draft, target: RegionPopulation, populations: tuple[Population, ...],
    config: RunConfig, numbers: Numbers, index: int,
) -> FromSpikes:  # fmt: skip
    path, places = f"couplings.{key}", numbers.places
    if item.variable not in (None, "rate_hz"):
        raise places.error(f"{path}.variable", f"neurons give their rate, not '{item.variable}'", "give rate_hz")
    if item.filter_tau_ms is None:
        message = f"'{source.name}' is a population of neurons, whose rate is to be filtered"
        raise places.error(f"{path}.filter_tau_ms", message, "give the time constant of the synapse, such as 10")
    if item.effect is not None:
        raise places.error(f"{path}.effect", f"'{target.name}' is of mean-field regions", "leave it out")
    try:
        arrives = target.model.input(item.input).name
    except InputError as error:
        raise places.error(f"{path}.input", error.message, error.remedy) from None
    wiring = _wiring(item, path, target.regions, source.regions, config, numbers)
    strength = numbers.by_region(item.strength, target.regions, f"{path}.strength")
    strength, wiring = as_input_takes(target.model, arrives, strength, wiring)
    kind = function_of(item, None)
    coupling = _coupling(name, item, path, (-1, target.index), "rate_hz", arrives, kind, strength, wiring, index)
    chosen = np.array(source.populations, np.int64)
    sizes = np.array([populations[k].size for k in source.populations], np.int64)
    return FromSpikes(coupling, chosen, sizes, item.filter_tau_ms)


def _outward(
    name: str, key: str, item: Coupling, source: RegionPopulation, target: Draft, config: RunConfig, numbers: Numbers,
    index: int,
) -> ToSpikes:  # fmt: skip
    path, places = f"couplings.{key}", numbers.places
    if item.filter_tau_ms is not None:
        raise places.error(f"{path}.filter_tau_ms", f"'{source.name}' is of mean-field regions", "leave it out")
    if item.input is not None:
        raise places.error(f"{path}.input", f"'{target.name}' is of neurons", "give a receptor instead")
    model = source.model
    try:
        variable = model.read("rate").variable if item.variable is None else model.variable(item.variable).name
    except InputError as error:
        raise places.error(f"{path}.variable", error.message, error.remedy) from None
    wiring = _wiring(item, path, target.regions, source.regions, config, numbers)
    strength = numbers.by_region(item.strength, target.regions, f"{path}.strength")
    coupling = _coupling(
        name, item, path, (source.index, -1), variable, "", function_of(item, None), strength, wiring, index
    )
    return ToSpikes(coupling, np.array(target.populations, np.int64), drive_name(name), target.regions)
