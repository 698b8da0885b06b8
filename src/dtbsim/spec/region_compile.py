"""Region populations and their couplings of one configuration, with the numbers of one member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import coupling as cfg
from dtbsim.config.network import Population, RegionNoise
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.language.checked_region import check_own_value
from dtbsim.models.own import code_of_class
from dtbsim.models.region_own import find_region_model, is_known, is_region_model
from dtbsim.numerics.philox import PURPOSE_INITIAL, PURPOSE_PARAMETER, PURPOSE_SHIFT, philox_array
from dtbsim.spec.numbers import Numbers, values_of
from dtbsim.spec.places import Places
from dtbsim.spec.populations import regions_of
from dtbsim.spec.region_network import F64, FunctionKind, Wiring
from dtbsim.spec.region_wiring import wiring_of

if TYPE_CHECKING:
    from dtbsim.models.region_model import RegionModel
    from dtbsim.spec.region_network import RegionPopulation

I32 = NDArray[np.int32]
NODE_BASE = 2**31
"""Draws of nodes are keyed by numbers from here on: those of neurons are below, in any network that can be built."""
_NEURONS_ONLY = ("size", "receptors", "spikes_file", "spikes", "positions")
_REGIONS_ONLY = ("integrator", "noise")


@dataclass(eq=False)
class NoiseDraft:
    """Noise of a state or input: sigma float64[nodes]."""

    target: str
    kind: str
    sigma: F64
    tau_ms: float | None


@dataclass(eq=False)
class RegionDraft:
    """A region population of one member; numbers float64[nodes]."""

    name: str
    path: str
    model: RegionModel
    integrator: str
    regions: I32
    node_names: tuple[str, ...]
    first_node: int
    parameters: dict[str, F64]
    initial: dict[str, F64]
    noise: list[NoiseDraft]


@dataclass(eq=False)
class CouplingDraft:
    """A coupling of one member: strength float64[targets]."""

    name: str
    path: str
    source: str
    target: str
    variable: str
    input: str
    function: FunctionKind
    numbers: dict[str, float]
    strength: F64
    wiring: Wiring


def region_population_names(config: RunConfig, numbers: Numbers) -> list[str]:
    """Names of the populations whose model is a region model; notes keys that do not belong to a population's kind."""
    found = []
    for name, population in config.populations.items():
        if not is_known(population.model):
            continue  # compiling the neurons says so
        path = f"populations.{name}"
        with numbers.places.collecting(name):
            regional = is_region_model(population.model, numbers.base)
            _check_keys(population, path, regional=regional, numbers=numbers)
            if regional:
                found.append(name)
    return found


def _check_keys(population: Population, path: str, *, regional: bool, numbers: Numbers) -> None:
    places = numbers.places
    if regional:
        for key in _NEURONS_ONLY:
            if getattr(population, key) is not None:
                message = f"'{_shown(population.model)}' is a region model, with one node in every region"
                raise places.error(f"{path}.{key}", message, f"leave {key} out")
        return
    if population.size is None:
        raise places.error(f"{path}.size", "a population of neurons needs its size", "give size: NUMBER")
    for key in _REGIONS_ONLY:
        if getattr(population, key):
            message = f"'{_shown(population.model)}' is a neuron model"
            raise places.error(f"{path}.{key}", message, f"{key} belongs to region models; leave it out")


def _shown(model: Any) -> str:
    return model if isinstance(model, str) else str(getattr(model, "name", model))


# -- populations ------------------------------------------------------------------------------------------------


def compile_region_populations(config: RunConfig, names: list[str], numbers: Numbers) -> dict[str, RegionDraft]:
    """Nodes, models and numbers of the region populations; mistakes are collected by `numbers.places`."""
    drafts: dict[str, RegionDraft] = {}
    first = 0
    for name in names:
        with numbers.places.collecting(name):
            draft = _population(name, config.populations[name], first, config, numbers)
            first += draft.regions.size
            drafts[name] = draft
    return drafts


def _population(name: str, item: Population, first: int, config: RunConfig, numbers: Numbers) -> RegionDraft:
    path, places = f"populations.{name}", numbers.places
    try:
        model = find_region_model(item.model, numbers.base)
    except InputError as error:
        raise places.at(f"{path}.model", error) from None
    regions = regions_of(item.regions, numbers.atlas, f"{path}.regions", places)
    names = (name,) if regions[0] < 0 else tuple(numbers.atlas.region_names[k] for k in regions)  # type: ignore[union-attr]
    integrator = item.integrator or model.integrator
    if integrator not in model.integrators:
        message = f"model '{model.name}' has no integrator '{integrator}'"
        raise places.error(f"{path}.integrator", message, f"use one of {', '.join(model.integrators)}")
    draft = RegionDraft(name, path, model, integrator, regions, names, first, {}, {}, [])
    parameter_rows = [row.name for row in model.parameters]
    state_rows = [row.name for row in model.states]
    for key, value in item.parameters.items():
        with places.collecting(name):
            _known(model.parameter, key, value, f"{path}.parameters.{key}", numbers)
            word = (PURPOSE_PARAMETER << PURPOSE_SHIFT) | parameter_rows.index(key)
            draft.parameters[key] = node_values(value, draft, word, config.seed, f"{path}.parameters.{key}", numbers)
    for key, value in item.initial.items():
        with places.collecting(name):
            _known(model.state, key, value, f"{path}.initial.{key}", numbers)
            word = (PURPOSE_INITIAL << PURPOSE_SHIFT) | state_rows.index(key)
            draft.initial[key] = node_values(value, draft, word, config.seed, f"{path}.initial.{key}", numbers)
    _check(draft, config.simulation.dt_ms, f"{path}.parameters" if item.parameters else path, numbers)
    for key, noise in item.noise.items():
        with places.collecting(name):
            draft.noise.append(_noise(key, noise, draft, f"{path}.noise.{key}", numbers))
    return draft


def _known(find: Any, key: str, value: object, path: str, numbers: Numbers) -> None:
    try:
        find(key, value)
    except InputError as error:
        raise numbers.places.error(path, error.message, error.remedy) from None


def node_values(
    value: Any, draft: RegionDraft | RegionPopulation, word: int, seed: int, path: str, numbers: Numbers
) -> F64:
    """float64[nodes]: drawn by node, listed, or by region."""
    sizes = np.ones(draft.regions.size, np.int64)
    found = numbers.quantity(value, draft.regions, sizes, path)
    if isinstance(found, float):
        return np.full(draft.regions.size, found)
    if isinstance(found, np.ndarray):
        return found
    keys = (NODE_BASE + draft.first_node + np.arange(draft.regions.size)).astype(np.uint32)
    words = philox_array(keys, 0, 0, word, seed)[0]
    each = [
        values_of(found, k, np.zeros(1, np.int64), lambda k=k: words[k : k + 1])  # type: ignore[misc]
        for k in range(draft.regions.size)
    ]
    return np.array([float(np.ravel(one)[0]) for one in each])


def _check(draft: RegionDraft, dt_ms: float, path: str, numbers: Numbers) -> None:
    model = draft.model
    try:
        with code_of_class(type(model), "the parameters cannot be checked"):
            model.check(draft.parameters, dt_ms)
    except InputError as error:
        raise numbers.places.at(path, error) from None


def _noise(key: str, item: RegionNoise, draft: RegionDraft, path: str, numbers: Numbers) -> NoiseDraft:
    model, places = draft.model, numbers.places
    if key not in model.targets:
        message = f"model '{model.name}' has no state or input '{key}' for noise"
        raise places.error(path, message, did_you_mean(key, model.targets))
    if item.kind == "multiplicative" and key not in [row.name for row in model.states]:
        raise places.error(f"{path}.kind", f"noise on the input '{key}' cannot be multiplicative", "use a state")
    sigma = numbers.by_region(item.sigma, draft.regions, f"{path}.sigma")
    if (sigma < 0).any():
        raise places.error(f"{path}.sigma", f"it is {sigma.min():g}", "allowed: 0 or more")
    return NoiseDraft(key, item.kind, sigma, item.tau_ms)


# -- couplings --------------------------------------------------------------------------------------------------


def compile_couplings(config: RunConfig, drafts: Mapping[str, RegionDraft], numbers: Numbers) -> list[CouplingDraft]:
    """Couplings between region populations, one for each pair and variable; mistakes are collected."""
    found: list[CouplingDraft] = []
    for key, item in config.couplings.items():
        for name, source, target in item.pairs(key):
            if source in drafts and target in drafts:
                with numbers.places.collecting():
                    found += _couplings(name, key, item, drafts[source], drafts[target], config, numbers)
    return found


def _couplings(
    name: str,
    key: str,
    item: cfg.Coupling,
    source: RegionDraft,
    target: RegionDraft,
    config: RunConfig,
    numbers: Numbers,
) -> list[CouplingDraft]:
    path, places, simulation = f"couplings.{key}", numbers.places, config.simulation
    for wrong in ("filter_tau_ms", "effect"):
        if getattr(item, wrong) is not None:
            message = f"{wrong} belongs to spiking populations; '{source.name}' and '{target.name}' are of regions"
            raise places.error(f"{path}.{wrong}", message, "leave it out")
    wiring = wiring_of(item, path, target.regions, source.regions, simulation.dt_ms, simulation.max_delay_ms, numbers)
    function, values = function_of(item, target.model)
    strength = numbers.by_region(item.strength, target.regions, f"{path}.strength")
    pairs = _variables(item, path, source, target, numbers)
    if function in ("difference", "kuramoto"):
        for variable, _ in pairs:
            _check_own(function, variable, target, path, places)
    apart = len({variable for variable, _ in pairs}) == len(pairs)
    names = {arrives: variable if apart else arrives for variable, arrives in pairs}
    return [
        CouplingDraft(
            name if len(pairs) == 1 else f"{name}.{names[arrives]}", path, source.name, target.name, variable, arrives,
            function, values, *as_input_takes(target.model, arrives, strength, wiring),
        )
        for variable, arrives in pairs
    ]  # fmt: skip


def _check_own(function: str, variable: str, target: RegionDraft, path: str, places: Places) -> None:
    """The target has a value of its own to be subtracted."""
    if variable not in target.model.variables:
        message = f"{function} takes the target's own {variable}, which model '{target.model.name}' does not have"
        raise places.error(f"{path}.function", message, "give a function that does without: linear, sigmoidal, ...")
    try:
        check_own_value(target.model, variable)
    except InputError as error:
        raise places.error(f"{path}.function", error.message, error.remedy) from None


def as_input_takes(model: RegionModel, name: str, strength: F64, wiring: Wiring) -> tuple[F64, Wiring]:
    """Strength and weights as an input of a model adds them up: some take the squares of both."""
    if not model.input(name).squared:
        return strength, wiring
    return strength**2, replace(wiring, weights=(wiring.weights.astype(np.float64) ** 2).astype(np.float32))


def function_of(item: cfg.Coupling, model: RegionModel | None) -> tuple[FunctionKind, dict[str, float]]:
    """Kind of the function of a coupling and its numbers; that of the target's model (None: linear) by default."""
    function = item.function
    if function is None:
        kinds = {str(kind.model_fields["kind"].default): kind for kind in cfg.FUNCTIONS}
        function = kinds["linear" if model is None else model.coupling]()
    values = {name: float(getattr(function, name)) for name in type(function).model_fields if name != "kind"}
    return function.kind, values


def _variables(
    item: cfg.Coupling, path: str, source: RegionDraft, target: RegionDraft, numbers: Numbers
) -> list[tuple[str, str]]:
    """Pairs of a variable of the source and an input of the target."""
    places = numbers.places
    for key, find in (("variable", source.model.variable), ("input", target.model.input)):
        given = getattr(item, key)
        try:
            if given is not None or key == "input":
                find(given)
        except InputError as error:
            where = f"{path}.{key}" if given is not None else path
            raise places.error(where, error.message, error.remedy) from None
    declared = source.model.couples
    if item.variable is not None:
        usual = dict(declared).get(item.variable) if source.model is target.model else None
        return [(item.variable, item.input or usual or target.model.inputs[0].name)]
    if not declared:
        message = f"model '{source.model.name}' does not say which variable it sends"
        raise places.error(path, message, f"give variable, one of {', '.join(source.model.variables)}")
    inputs = {row.name for row in target.model.inputs}
    if item.input is None and {arrives for _, arrives in declared} <= inputs:
        return list(declared)
    variable, usual = declared[0]
    return [(variable, item.input or (usual if usual in inputs else target.model.inputs[0].name))]
