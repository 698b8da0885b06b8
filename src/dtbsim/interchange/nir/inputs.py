"""Input of a network as channels of a NIR graph: spikes of sources and drives, and injected currents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.build.drawn_spikes import ListedSpikes
from dtbsim.interchange.nir.layers import Place
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Channels:
    """Some channels: which neurons of the layer each reaches with which weight, and what arrives when.

    `channel`, `neuron`, `weight`: [synapses], weights in the unit of the port, or 1 for a current in pA (`current`).
    `step`, `of`, `value`: [events], the step in which `value` arrives at channel `of`.
    """

    n: int
    channel: I64
    neuron: I64
    weight: F64
    step: I64
    of: I64
    value: F64
    current: bool = False


def channels_of(built: BuiltNetwork, places: list[Place]) -> Iterator[Channels]:
    """Yield the channels of sources, then of drives."""
    network = built.network
    by_family = {place.family: place for place in places}
    for projection in network.projections:
        if network.families[projection.source_family].declared.emits == "listed":
            yield _of_source(built, projection.name, by_family[projection.target_family])
    for drive in network.drives:
        place = by_family[network.populations[drive.population].family]
        if drive.kind == "poisson":
            yield _of_poisson(network, drive, place)
        elif drive.kind == "events":
            yield _of_events(network, drive, place)
        elif drive.kind == "current" and network.families[place.family].declared.name == "iaf_psc_delta":
            yield _of_current(network, drive, place)


def factor_of(network: Network, family: int, channel: int) -> float:
    """What weights of an input are multiplied with: ports of one kernel add up."""
    return float(sum(factor for _, factor in network.families[family].channels[channel].mix))


def _of_source(built: BuiltNetwork, name: str, place: Place) -> Channels:
    """A channel for each neuron of a source and each delay of its synapses."""
    network = built.network
    shown = built.projections[name]
    projection = next(item for item in network.projections if item.name == name)
    factor = factor_of(network, place.family, projection.channel)
    rows = [
        (
            part["source_gid"].to_numpy(np.int64),
            part["delay_steps"].to_numpy(np.int64),
            part["target_gid"].to_numpy(np.int64) - place.gid0 + place.first,
            part["quanta"].to_numpy(np.float64) * shown.quantum * factor,
        )
        for part in shown.synapses()
    ]
    empty = np.zeros(0, np.int64)
    gid, delay, neuron, weight = (
        np.concatenate(column) for column in zip((empty, empty, empty, np.zeros(0)), *rows, strict=True)
    )
    pairs, channel = np.unique(np.stack([gid, delay], axis=1), axis=0, return_inverse=True)
    spikes = built.populations[shown.source].spikes
    step, of = [empty], [empty]
    order = np.argsort(spikes["gid"].to_numpy(), kind="stable")
    sent, sender = spikes["step"].to_numpy(np.int64)[order], spikes["gid"].to_numpy(np.int64)[order]
    for k, (source, steps) in enumerate(pairs.tolist()):
        first, stop = np.searchsorted(sender, [source, source + 1])
        step.append(sent[first:stop] + steps)
        of.append(np.full(stop - first, k))
    arrival, index = np.concatenate(step), np.concatenate(of)
    return Channels(len(pairs), np.ravel(channel), neuron, weight, arrival, index, np.ones(arrival.size))


def _reached(network: Network, drive: Drive, place: Place) -> tuple[I64, I64, I64]:
    """Indices in the population, gids, and places in the layer."""
    population = network.populations[drive.population]
    chosen = np.arange(population.size, dtype=np.int64) if drive.neurons is None else drive.neurons.astype(np.int64)
    gids = population.gid0 + chosen
    return chosen, gids, gids - place.gid0 + place.first


def _weight_of(network: Network, drive: Drive, place: Place) -> float:
    quantum = network.families[place.family].channels[drive.channel].quantum
    return drive.weight * quantum * factor_of(network, place.family, drive.channel)


def _of_poisson(network: Network, drive: Drive, place: Place) -> Channels:
    """A channel for each neuron, or one for all where they share their spikes."""
    chosen, gids, neuron = _reached(network, drive, place)
    step, of, value = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for steps, who, counts in ListedSpikes(network).of(drive, gids, chosen):
        kept = who == 0 if drive.shared else np.ones(who.size, bool)
        step.append(steps[kept])
        of.append(who[kept])
        value.append(counts[kept].astype(np.float64))
    n = 1 if drive.shared else gids.size
    channel = np.zeros(gids.size, np.int64) if drive.shared else np.arange(gids.size)
    weight = np.full(gids.size, _weight_of(network, drive, place))
    return Channels(n, channel, neuron, weight, np.concatenate(step), np.concatenate(of), np.concatenate(value))


def _of_events(network: Network, drive: Drive, place: Place) -> Channels:
    chosen, gids, neuron = _reached(network, drive, place)
    listed = np.asarray(drive.events, np.int64)[:, :2]
    listed = listed[np.isin(listed[:, 1], chosen) & drive.windows.contain(listed[:, 0])]
    of = np.searchsorted(chosen, listed[:, 1])
    weight = np.full(gids.size, _weight_of(network, drive, place))
    return Channels(gids.size, np.arange(gids.size), neuron, weight, listed[:, 0], of, np.ones(len(listed)))


def _of_current(network: Network, drive: Drive, place: Place) -> Channels:
    """One channel, whose values are the current of each step."""
    _, gids, neuron = _reached(network, drive, place)
    steps = np.arange(network.n_steps)
    values = drive.waveform(steps, network.dt_ms).astype(np.float64)
    on = np.flatnonzero(values)
    zeros = np.zeros(gids.size, np.int64)
    return Channels(1, zeros, neuron, np.ones(gids.size), on, np.zeros(on.size, np.int64), values[on], current=True)
