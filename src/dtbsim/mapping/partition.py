"""Which neurons share a core: by regions, in the order of gids, or so that spikes reach as few cores as they can.

regions     Every region has cores of its own, on which its populations lie together, split evenly where it needs
            several. Where there are more such parts than cores, parts share cores in the order of the atlas. Where a
            core can have neurons of one population only, as sequential.
sequential  Neurons in the order of their gids, core after core.
km1         As regions where every region fits a core and there are enough; else Mt-KaHyPar puts regions, or blocks of
            neurons where a region needs several cores, onto cores so that spikes reach as few cores as they can
            (connectivity minus one, weighted with rates; Gottesbueren et al. 2024, ACM Trans. Algorithms 20:11).
"""

from __future__ import annotations

import functools
import importlib
import math
from typing import Any

import numpy as np

from dtbsim.chips.chip import Chip
from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.mapping.links import F64, I64, Links
from dtbsim.mapping.loads import fullness, loads_of, reach_of, take, work_of
from dtbsim.report.text import plural

METHODS = ("regions", "sequential", "km1")
MOST_VERTICES = 2000
"""Blocks that Mt-KaHyPar is given at most, unless there are more regions: it then takes seconds."""
MOST_NETS = 200_000
TOLERANCE = 0.03
_SUM_OF_WEIGHTS = 2**30
_ROUNDS = 40


def partition(links: Links, chip: Chip, method: str, n_cores: int, rates_hz: F64) -> tuple[I64, int, str]:
    """Return int64[n], the core of each neuron (-1: outside), how many cores are used, and how it was done, in words.

    More cores than `n_cores` may come back, where the network does not fit them; limits that one neuron alone breaks
    are left for the check. `rates_hz`: float64[n].

    Raises:
        MissingDependencyError: km1 needs mtkahypar, which is not installed.
        InputError: km1 for a chip whose cores have neurons of one population.
    """
    if method == "sequential" or (method == "regions" and _alone(chip)):
        cores, used = _sequential(links, chip)
        text = "neurons in the order of their numbers"
        return cores, used, f"{text}, populations on cores of their own" if _alone(chip) else text
    if method == "km1" and _alone(chip):
        raise InputError(
            f"a core of {chip.name} has neurons of one population ({chip.cited('size.populations_per_core')}), "
            "which km1 would mix", where="--partition", remedy="use regions or sequential",
        )  # fmt: skip
    groups = _groups(links)
    parts, n_parts = _split(links, chip, groups)
    n_groups = np.unique(groups[links.placed]).size
    if n_parts <= n_cores and (method == "regions" or n_parts == n_groups):
        return (
            parts,
            n_parts,
            f"{plural(n_groups, 'region or population', 'regions or populations')}, on cores of their own",
        )
    if method == "regions":
        cores, used = _packed(links, chip, parts, n_parts)
        return cores, used, f"{n_parts} parts of regions, in their order on shared cores"
    vertices, n_vertices = (parts, n_parts) if n_parts == n_groups else _blocks(links, groups)
    cores, used = _km1(links, chip, vertices, n_vertices, min(n_cores, n_parts), rates_hz)
    return cores, used, f"{n_vertices} {'regions' if n_parts == n_groups else 'blocks'}, cut by Mt-KaHyPar"


def _alone(chip: Chip) -> bool:
    """Whether a core computes neurons of one population only."""
    return chip.get("size.populations_per_core") == 1


def _groups(links: Links) -> I64:
    """int64[n]: what belongs together, a region or, without one, a population."""
    key = np.where(links.region >= 0, links.region, len(links.regions) + np.arange(len(links.names)))
    return key[links.population].astype(np.int64)


def _split(links: Links, chip: Chip, groups: I64) -> tuple[I64, int]:
    """Split groups evenly into as many parts as fit cores: int64[n], and how many parts there are in all."""
    _, group = np.unique(groups, return_inverse=True)
    n_groups = int(group.max()) + 1 if group.size else 0
    placed = links.placed
    sizes = np.bincount(group[placed], minlength=n_groups)
    rank = _rank_within(links, group)
    work = np.bincount(group, work_of(links, chip), n_groups)
    pieces = np.clip(np.ceil(work - 1e-9).astype(np.int64), 1, np.maximum(sizes, 1))
    for _ in range(_ROUNDS):
        start = np.concatenate(([0], np.cumsum(pieces)))
        piece = np.minimum(rank * pieces[group] // np.maximum(sizes[group], 1), pieces[group] - 1)
        cores, used = take(np.where(placed, start[group] + piece, -1))
        reach = reach_of(links, cores, used)
        full = fullness(loads_of(links, chip, cores, reach), chip)
        too_full = np.zeros(n_groups)
        np.maximum.at(too_full, group[placed], full[cores[placed]])
        more = (too_full > 1) & (pieces < sizes)
        if not more.any():
            break
        grown = np.maximum(pieces + 1, np.ceil(pieces * np.minimum(too_full, 2) * 0.98).astype(np.int64))
        pieces = np.where(more, np.minimum(grown, sizes), pieces)
    return cores, used


def _rank_within(links: Links, group: I64) -> I64:
    """int64[n]: a number within the group so that equal slices hold equal shares of every population of it.

    Neurons are ordered by their relative position in their population.
    """
    sizes = np.bincount(links.population, minlength=len(links.names))
    start = np.concatenate(([0], np.cumsum(sizes)))[:-1]
    position = (np.arange(links.n) - start[links.population] + 0.5) / sizes[links.population]
    order = np.lexsort((np.arange(links.n), position, group, ~links.placed))
    rank = np.zeros(links.n, np.int64)
    inside = order[: int(links.placed.sum())]
    first = np.concatenate(([0], np.cumsum(np.bincount(group[inside], minlength=int(group.max()) + 1))))
    rank[inside] = np.arange(inside.size) - first[group[inside]]
    return rank


def _sequential(links: Links, chip: Chip) -> tuple[I64, int]:
    """Fill cores in the order of gids, each as far as neurons, synapses and axons fit."""
    order = np.flatnonzero(links.placed)
    by = links.family[links.population] if _alone(chip) else np.zeros(links.n, np.int64)
    cores = np.full(links.n, -1, np.int64)
    cores[order] = _fill(work_of(links, chip)[order], by[order])
    least_room = 1.0
    for _ in range(_ROUNDS):
        cores, used = take(cores)
        full = fullness(loads_of(links, chip, cores, reach_of(links, cores, used)), chip)
        counts = np.bincount(cores[order], minlength=used)
        if not ((full > 1) & (counts > 1)).any():
            break
        least_room /= min(2.0, max(1.05, float(full[counts > 1].max())))
        cores[order] = _fill(work_of(links, chip)[order] / least_room, by[order])
    return cores, used


def _fill(work: Any, by: I64) -> I64:
    """int64[k]: the bin of each item, in order, of bins of size 1; a new one begins where `by` changes."""
    bins = np.empty(work.size, np.int64)
    current, room, last = -1, 0.0, None
    for k, (size, kind) in enumerate(zip(work.tolist(), by.tolist(), strict=True)):
        if current < 0 or kind != last or size > room + 1e-12:
            current, room, last = current + 1, 1.0, kind
        room -= size
        bins[k] = current
    return bins


def _packed(links: Links, chip: Chip, parts: I64, n_parts: int) -> tuple[I64, int]:
    """Put parts into shared cores, one after the other, as long as they fit by neurons, synapses and axons."""
    inside = parts >= 0
    work = np.bincount(parts[inside], work_of(links, chip)[inside], n_parts)
    reach = reach_of(links, parts, n_parts)
    for path, used in (("connections.axons_in", reach.axons_in), ("connections.axons_out", reach.axons_out(parts))):
        if chip.get(path) is not None:
            work = np.maximum(work, used / chip[path])
    bins = _fill(work, np.zeros(n_parts, np.int64))
    return take(np.where(inside, bins[parts], -1))


def _blocks(links: Links, groups: I64) -> tuple[I64, int]:
    """Blocks of neurons of one population and group, single neurons where there are few: int64[n] and their number."""
    placed = links.placed
    size = max(1, math.ceil(int(placed.sum()) / MOST_VERTICES))
    key = links.population * (int(groups.max()) + 1) + groups
    start = np.concatenate(([True], key[1:] != key[:-1]))
    first = np.maximum.accumulate(np.where(start, np.arange(links.n), 0))
    block = np.cumsum(start | ((np.arange(links.n) - first) % size == 0)) - 1
    return take(np.where(placed, block, -1))


def _km1(links: Links, chip: Chip, vertices: I64, n_vertices: int, wanted: int, rates: F64) -> tuple[I64, int]:
    inside = vertices >= 0
    work = np.bincount(vertices[inside], work_of(links, chip)[inside], n_vertices)
    total = float(work.sum())
    least = max(1, math.ceil(total - 1e-9))
    nets, weights = _nets(links, vertices, n_vertices, rates)
    for k in range(min(least, n_vertices), n_vertices + 1):
        found = _cut(n_vertices, nets, work, weights, k, min(TOLERANCE, max(k / total - 1, 0.0)))
        cores, used = take(np.where(inside, found[vertices], -1))
        full = fullness(loads_of(links, chip, cores, reach_of(links, cores, used)), chip)
        if (full <= 1).all() or k >= max(wanted, 2 * least):
            return cores, used
    return cores, used


def _nets(links: Links, vertices: I64, n_vertices: int, rates: F64) -> tuple[list[list[int]], F64]:
    """For every neuron that reaches several vertices, those and its own; the same ones together with their rates."""
    reach = reach_of(links, vertices, n_vertices)
    own = vertices[reach.source]
    source, vertex = reach.source, reach.core
    if np.unique(source).size > MOST_NETS:
        source = np.where(own >= 0, own, n_vertices + source)
    pairs = np.unique(
        np.concatenate([source * n_vertices + vertex, (source * n_vertices + own)[own >= 0]])
    )  # sorted by source
    bounds = np.flatnonzero(np.diff(pairs // n_vertices)) + 1
    rate = np.maximum(rates, 1e-3)
    by_source = np.bincount(own[own >= 0], rate[reach.source[own >= 0]], n_vertices)
    grouped = source is not reach.source
    merged: dict[tuple[int, ...], float] = {}
    for part in np.split(pairs, bounds):
        pins = tuple((part % n_vertices).tolist())
        if len(pins) > 1:
            first = int(part[0]) // n_vertices
            weight = float(by_source[first]) if grouped and first < n_vertices else float(rate[min(first, links.n - 1)])
            merged[pins] = merged.get(pins, 0.0) + weight
    return [list(pins) for pins in merged], np.array(list(merged.values()), np.float64)


def _cut(n_vertices: int, nets: list[list[int]], work: Any, weights: F64, n_parts: int, tolerance: float) -> I64:
    """int64[vertices]: the part of each, by Mt-KaHyPar, none over 1 + `tolerance` times the mean; repeatable."""
    if n_parts == 1:
        return np.zeros(n_vertices, np.int64)
    if n_parts >= n_vertices or not nets:
        return np.arange(n_vertices, dtype=np.int64) % n_parts
    library = _library()
    starter = _started(library)
    context = starter.context_from_preset(library.PresetType.DETERMINISTIC)
    context.set_partitioning_parameters(n_parts, tolerance, library.Objective.KM1)
    context.logging = False
    library.set_seed(1)
    try:
        graph = starter.create_hypergraph(context, n_vertices, len(nets), nets, _scaled(work), _scaled(weights))
        done = graph.partition(context)
    except Exception as error:  # the library has errors of its own, derived from Exception
        raise InputError(
            f"Mt-KaHyPar gives up on {n_parts} cores: {error}", where="--partition", remedy="use regions"
        ) from error
    return np.array([done.block_id(vertex) for vertex in range(n_vertices)], np.int64)


def _scaled(values: F64) -> list[int]:
    """Whole weights of at least 1, whose sum 32 bits hold."""
    total = float(values.sum())
    factor = (_SUM_OF_WEIGHTS - len(values)) / total if total > 0 else 0.0
    scaled: list[int] = np.maximum(np.floor(values * factor), 1).astype(np.int64).tolist()
    return scaled


def _library() -> Any:
    try:
        return importlib.import_module("mtkahypar")
    except ImportError as error:
        raise MissingDependencyError(
            f"--partition is km1, but mtkahypar cannot be imported: {error}",
            remedy="pip install 'dtbsim[partition]', or use regions",
        ) from error


@functools.cache
def _started(library: Any) -> Any:
    """What the library lets start once in a process."""
    from dtbsim.partition.external import _started as started

    return started(library)
