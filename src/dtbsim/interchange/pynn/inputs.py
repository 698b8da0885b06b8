"""Input from outside as lists: spikes of drives with their times, and currents where they change."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.drawn_spikes import ListedSpikes
from dtbsim.errors import InputError
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
MOST_CURRENT_STEPS = 1_000_000


def drives_by_name(network: Network) -> list[tuple[str, list[Drive]]]:
    """Drives of the configuration with their parts, one for each population they reach."""
    ordered = sorted(network.drives, key=lambda drive: drive.index)
    return [(name, list(parts)) for name, parts in groupby(ordered, key=lambda drive: drive.name)]


def reached(network: Network, part: Drive) -> tuple[I64, I64]:
    """Gids, and indices in the population, of the neurons that a part of a drive reaches."""
    population = network.populations[part.population]
    chosen = np.arange(population.size, dtype=np.int64) if part.neurons is None else part.neurons.astype(np.int64)
    return population.gid0 + chosen, chosen


def drive_spikes(network: Network, part: Drive, stop: int | None = None) -> tuple[I64, I64, I64]:
    """Return steps, places among the neurons that it reaches, and counts of the spikes of a drive; before step `stop`.

    Raises InputError where there are too many to list.
    """
    stop = network.n_steps if stop is None else min(stop, network.n_steps)
    gids, chosen = reached(network, part)
    if part.kind == "events":
        listed = np.asarray(part.events)[:, :2]
        listed = listed[(listed[:, 0] < stop) & np.isin(listed[:, 1], chosen) & part.windows.contain(listed[:, 0])]
        places, counts = np.unique(listed, axis=0, return_counts=True)
        return places[:, 0], np.searchsorted(chosen, places[:, 1]), counts.astype(np.int64)
    found = [(np.zeros(0, np.int64),) * 3]
    remedy = "let the simulator draw them (--drives poisson), or shorten the run"
    for piece in ListedSpikes(network, remedy).of(part, gids, chosen):
        if piece[0].size and piece[0][0] >= stop:
            break
        found.append(piece)
    steps, places, counts = (np.concatenate(column) for column in zip(*found, strict=True))
    return steps, places, counts


def current_steps(network: Network, part: Drive, first: int) -> tuple[I64, NDArray[np.float64]]:
    """Steps at which a current changes, from `first` on, and its values from there, in the unit of the model."""
    steps = np.arange(first, network.n_steps)
    values = part.waveform(steps, network.dt_ms).astype(np.float64) if steps.size else np.zeros(0)
    edges = np.flatnonzero(np.diff(values, prepend=0.0))
    if edges.size > MOST_CURRENT_STEPS:
        raise InputError(
            f"the current changes {edges.size:,} times; allowed: {MOST_CURRENT_STEPS:,}", where=part.key_path,
            remedy="export a shorter run",
        )  # fmt: skip
    return steps[edges], values[edges]


def trains(steps: I64, places: I64, counts: I64, n: int, layer: int) -> dict[str, Any]:
    """The spikes of `n` sources, those of neurons with more than `layer` in a step: `step` int64[m], source by
    source, and `n` int64[n], how many each has. Sources that can send but one spike in a step take a layer each."""
    keep = counts > layer
    order = np.lexsort((steps[keep], places[keep]))
    return {"step": steps[keep][order], "n": np.bincount(places[keep], minlength=n)}
