"""From a configuration to a network: everything that only atlas and models together can tell is checked here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import network as cfg
from dtbsim.config.bounds import MAX_BLOCK, MAX_BLOCKS
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError
from dtbsim.models.base import MOST_SPIKES
from dtbsim.models.circuits import Parts
from dtbsim.paths import user_path
from dtbsim.spec.changes import noise_seeds, plan_changes
from dtbsim.spec.channels import ChannelPlan, all_channels
from dtbsim.spec.drives import check_event_counts, compile_drives, finish_drives
from dtbsim.spec.hybrid import add_drives, with_hybrid
from dtbsim.spec.network import Family, Network, Population, Projection
from dtbsim.spec.neuron_changes import compile_neuron_changes
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.parts import expand
from dtbsim.spec.places import Locator, Places
from dtbsim.spec.populations import Draft, compile_families, number_populations
from dtbsim.spec.projections import compile_projections
from dtbsim.spec.records import Request, compile_records, execution_of
from dtbsim.spec.region_inputs import with_inputs
from dtbsim.spec.region_items import region_numbers
from dtbsim.spec.region_part import compile_regions, region_population_names, without_regions
from dtbsim.spec.samples import state_requests
from dtbsim.spec.spike_trains import listed_spikes, read_spike_trains, spikes_path

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

BLOCKS_WANTED = 512
MIN_BLOCK, COMMON_BLOCK = 64, 2048
MANY_BLOCKS = 2**20
SHOWN = 5
"""Names in a message that could have many."""


def compile_network(
    config: RunConfig, base_dir: Path | None = None, locator: Locator | None = None, *, live: bool = False
) -> Network:
    """The network of a configuration; `live`: any parameter of its neurons may change while it runs.

    `base_dir` is what relative paths in it refer to (default: the current folder); `locator` gives file positions for
    messages. Raises InputError for everything that does not fit together, as many mistakes as can be found at once.
    """
    places = Places(locator)
    base = base_dir if base_dir is not None else Path.cwd()
    dt = config.simulation.dt_ms
    n_steps = places.steps(config.simulation.duration_ms, dt, "simulation.duration_ms")
    if n_steps < 1:
        raise places.error("simulation.duration_ms", f"{config.simulation.duration_ms:g} ms is less than one step")
    atlas = _atlas(config, base, places)
    numbers = Numbers(atlas, base, places)
    names = region_population_names(config, numbers)
    regions, members = compile_regions(config, names, numbers)
    given, config = config, without_regions(config, names, places) if names else config
    places.raise_collected()
    parts = expand(config)
    add_drives(config, regions, parts, numbers)
    places.raise_collected()
    planned = plan_changes(config, n_steps, places)
    planned.check_names(parts.projections, parts.drives, given.couplings, places)
    drafts = compile_families(config, parts, planned.populations, numbers)
    populations = number_populations(drafts, atlas, places)
    plan = ChannelPlan()
    projections, weight_changes = compile_projections(
        config, parts, drafts, populations, plan, numbers, planned.projections
    )
    found = compile_drives(parts, drafts, planned.drives, plan, numbers, names)
    regions = with_hybrid(config, regions, drafts, populations, numbers)
    places.raise_collected()
    regions = with_inputs(regions, members, planned, n_steps, numbers, live=live)
    places.raise_collected()
    channels = all_channels(plan, drafts)
    resolutions = plan.resolutions(drafts, places)
    indices = {name: index for index, name in enumerate(parts.drives)}
    drives = finish_drives(config, found, populations, channels, numbers, indices)
    with places.collecting():
        check_event_counts(drives, places)
    changes = compile_neuron_changes(drafts, populations, config.seed, atlas, places)
    families = tuple(
        Family(
            name=draft.name,
            declared=draft.declared,
            model=draft.model,
            parameters=draft.parameters,
            initial=draft.initial,
            channels=channels[draft.name],
            populations=np.array(draft.populations, dtype=np.int32),
            controlled=_every_parameter(draft) if live else draft.controlled,
            has_current=draft.has_current,
            key_path=draft.path,
        )
        for draft in drafts.values()
    )
    _check_records(config, families, populations, projections, places)
    indices = {family.name: index for index, family in enumerate(families)}
    named = {projection.name: projection.index for projection in projections}
    records = compile_records(config, indices, named, n_steps, places)
    by_region = _controlled(config, parts, drafts, numbers)
    emitted = _emitted(parts, drafts, populations, dt, base, places)
    places.raise_collected()
    _note_delays(places, dt)
    return Network(
        name=config.name,
        dt_ms=dt,
        n_steps=n_steps,
        seed=config.seed,
        block_size=_block_size(config, populations, places),
        families=families,
        populations=populations,
        projections=tuple(projections),
        drives=drives,
        records=records,
        execution=execution_of(config),
        signals=_requests(_located(given.signals, base)),
        controllers=_requests(given.controllers),
        region_names=tuple(atlas.region_names) if atlas is not None else (),
        atlas=atlas,
        atlas_given=config.atlas,
        by_region=by_region,
        emitted=emitted,
        changes=changes,
        weight_changes=weight_changes,
        noise_seeds=noise_seeds(config, n_steps, places),
        resolutions=resolutions,
        samples=state_requests(
            config,
            indices,
            {draft.name: draft.signal_states for draft in drafts.values()},
            dt,
            [k for k, item in enumerate(given.record.states) if item.population not in names],
        ),
        notes=tuple(dict.fromkeys(places.notes)),
        warnings=tuple(dict.fromkeys(places.warnings)),
        regions=regions,
    )


def _located(items: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Signals with the whole paths of the files that they name."""
    found = {}
    for name, item in items.items():
        files = {key: str(base / user_path(text)) for key, text in item.files().items()}
        found[name] = item.model_copy(update=files) if files else item
    return found


def _requests(items: Mapping[str, Any]) -> tuple[Request, ...]:
    return tuple(Request(name, item.kind, item) for name, item in items.items())


def _every_parameter(draft: Draft) -> frozenset[str]:
    model = draft.model
    return frozenset() if model.is_source else frozenset(row.name for row in model.parameters)


def _controlled(
    config: RunConfig, parts: Parts, drafts: dict[str, Draft], numbers: Numbers
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Numbers of controllers for every region of the population that each of them controls."""
    found = {}
    for name, item in config.controllers.items():
        if not item.by_region:
            continue
        population = item.population_named()
        if population is None:
            population = str(parts.projections[str(item.projection_named())].target)
        draft = drafts[population]
        for key in item.by_region:
            with numbers.places.collecting():
                found[name, key] = region_numbers(item, key, draft, f"controllers.{name}.{key}", numbers)
    return found


def _note_delays(places: Places, dt_ms: float) -> None:
    names = places.rounded_delays
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        which = f"{', '.join(names[:SHOWN])}{more}"
        places.notes.append(
            f"delays that are drawn or follow tract lengths count as the nearest whole step of {dt_ms:g} ms: {which}"
        )


def _block_size(config: RunConfig, populations: tuple[Population, ...], places: Places) -> int:
    """Neurons of a block; InputError for more blocks than there can be."""
    size = config.simulation.block_size or default_block_size(populations)
    blocks = sum(-(-population.size // size) for population in populations)
    if blocks > MAX_BLOCKS:
        larger = math.ceil(sum(population.size for population in populations) / MAX_BLOCKS)
        given = config.simulation.block_size is not None
        remedy = f"raise block_size, to {larger} or more" if given else "use fewer populations or regions"
        path = "simulation.block_size" if given else "populations"
        raise places.error(path, f"{blocks:,} blocks of {size} neurons; at most {MAX_BLOCKS:,} can be", remedy)
    return size


def default_block_size(populations: tuple[Population, ...]) -> int:
    """A power of two: some BLOCKS_WANTED blocks, more where these would be larger than COMMON_BLOCK neurons.

    So a rank of some 30,000 neurons or more has blocks enough for a balance within some per cent, however many ranks
    there are. Beyond MANY_BLOCKS blocks they grow again. A function of the network alone.
    """
    total = sum(population.size for population in populations)
    few, many = (2 ** round(math.log2(max(1.0, total / blocks))) for blocks in (BLOCKS_WANTED, MANY_BLOCKS))
    return int(min(max(min(few, COMMON_BLOCK), many, MIN_BLOCK), MAX_BLOCK))


def _atlas(config: RunConfig, base: Path, places: Places) -> Atlas | None:
    if config.atlas is None:
        return None
    from dtbsim.atlas import load_atlas

    try:
        return load_atlas(config.atlas, base_dir=base)
    except InputError as error:
        where = places.where("atlas")
        raise InputError(
            error.message, where=f"{where}: {error.where}" if error.where else where, remedy=error.remedy
        ) from None


def _emitted(
    parts: Parts,
    drafts: dict[str, Draft],
    populations: tuple[Population, ...],
    dt_ms: float,
    base: Path,
    places: Places,
) -> dict[int, Any]:
    """Spike lists of source populations. A spike at k dt is that of step k - 1, which ends then."""
    result: dict[int, Any] = {}
    for name, draft in drafts.items():
        with places.collecting():
            result |= _emitted_by(parts.populations[name], draft, populations, dt_ms, base, places)
    return result


def _emitted_by(
    item: cfg.Population, draft: Draft, populations: tuple[Population, ...], dt_ms: float, base: Path, places: Places
) -> dict[int, Any]:
    key = "spikes" if item.spikes is not None else "spikes_file"
    path = f"{draft.path}.{key}"
    given = item.spikes is not None or item.spikes_file is not None
    listed = draft.model.emits == "listed"
    if listed and not given:
        remedy = "give spikes_file: FILE, or spikes: {neuron: [...], time_ms: [...]}"
        raise places.error(path, f"a '{draft.model.name}' population needs its spikes", remedy)
    if given and not listed:
        raise places.error(path, f"model '{draft.model.name}' makes its own spikes")
    result = {}
    for population in draft.populations if given else ():
        size = populations[population].size
        grid = dt_ms, item.off_grid_spikes
        if item.spikes is not None:
            spikes = listed_spikes(item.spikes, size, grid, path, places)
        else:
            file = spikes_path(base, str(item.spikes_file), path, places)
            spikes = read_spike_trains(file, size, grid, path, places)
        if spikes.size and spikes[0, 0] < 1:
            raise places.error(path, "spike times must be above 0")
        _, times = np.unique(spikes, axis=0, return_counts=True)
        if times.max(initial=0) > MOST_SPIKES:
            raise places.error(path, f"{times.max()} spikes of one neuron in one step; allowed: {MOST_SPIKES}")
        result[population] = spikes - np.array([1, 0])
    return result


def _check_records(
    config: RunConfig,
    families: tuple[Family, ...],
    populations: tuple[Population, ...],
    projections: list[Projection],
    places: Places,
) -> None:
    by_name = {family.name: family for family in families}
    targets = {projection.name: families[projection.target_family] for projection in projections}
    states, weights = config.record.states, config.record.weights
    chosen = [(f"record.states.{k}", by_name[item.population], item.neurons) for k, item in enumerate(states)]
    chosen += [(f"record.weights.{k}", targets[item.projection], item.neurons) for k, item in enumerate(weights)]
    for path, family, neurons in chosen:
        size = populations[int(family.populations[0])].size
        with places.collecting():
            if isinstance(neurons, list) and neurons and max(neurons) >= size:
                raise places.error(
                    f"{path}.neurons",
                    f"neuron {max(neurons)} of population '{family.name}'",
                    f"allowed: 0 to {size - 1}",
                )
    for k, record in enumerate(config.record.states):
        family = by_name[record.population]
        for index, variable in enumerate(record.variables):
            with places.collecting():
                _check_variable(family, variable, f"record.states.{k}.variables.{index}", places)


def _check_variable(family: Family, variable: str, path: str, places: Places) -> None:
    try:
        family.declared.state(variable)
    except InputError as error:
        raise places.error(path, error.message, error.remedy) from None
