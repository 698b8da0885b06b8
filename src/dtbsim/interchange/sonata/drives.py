"""Input from outside in SONATA: spikes of virtual nodes, and current clamps.

A drive that gives spikes becomes a population of virtual nodes, one for each neuron that it reaches, with an edge of
one step's delay to it: a count in step k is that many spikes at k dt. NEST has no spikes at time 0, so that those of
step 0 are lost. A current of step k comes from a clamp that is on from (k - 1) dt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.drawn_spikes import poisson_spikes
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.interchange.base import Loss
from dtbsim.interchange.sonata.edges import EdgeWriter, blocks_of, ports_of
from dtbsim.interchange.sonata.nodes import NodeMap, safe, write_virtual
from dtbsim.interchange.sonata.spikes import write_spikes
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
MOST_SPIKES = 500_000_000
MOST_CLAMP_STEPS = 1_000_000


@dataclass
class Inputs:
    """What drives became: entries of the circuit and of `inputs` (BMTK's, libsonata's), and generators of NEST."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    bmtk: dict[str, Any] = field(default_factory=dict)
    libsonata: dict[str, Any] = field(default_factory=dict)
    generators: list[dict[str, Any]] = field(default_factory=list)
    node_sets: dict[str, Any] = field(default_factory=dict)
    n_spikes: int = 0


def drives_by_name(network: Network) -> list[tuple[str, list[Drive]]]:
    """Drives of the configuration with their parts, one for each population they reach."""
    ordered = sorted(network.drives, key=lambda drive: drive.index)
    return [(name, list(parts)) for name, parts in groupby(ordered, key=lambda drive: drive.name)]


def reached(network: Network, part: Drive) -> tuple[I64, I64]:
    """Gids, and indices in the population."""
    population = network.populations[part.population]
    chosen = np.arange(population.size, dtype=np.int64) if part.neurons is None else part.neurons.astype(np.int64)
    return population.gid0 + chosen, chosen


def drive_losses(network: Network, how: str) -> Iterator[Loss]:
    """What becomes of drives that cannot be said, or are left out."""
    for name, parts in drives_by_name(network):
        kind, where = parts[0].kind, parts[0].key_path or f"drives.{name}"
        if kind == "poisson" and how == "poisson":
            yield Loss(
                "Poisson spikes are drawn by NEST", where, "as many on average, at other times (--drives poisson)"
            )
        elif how == "none":
            yield Loss(f"the drive '{name}'", where, "nothing (--drives none)")
        elif kind in ("noise", "trains"):
            yield Loss(
                f"a drive of kind '{kind}' is drawn while the network runs", where, "it is left out", True,
                "give its input as spike_trains or step_current",
            )  # fmt: skip
        elif kind == "current":
            yield from _current_losses(network, parts, where)
        elif any(_starts_at_once(network, part) for part in parts):
            yield Loss(
                "spikes that arrive in step 0", where, "they are left out: NEST has no spikes at time 0", True,
                f"begin it at {network.dt_ms:g} ms (start_ms)",
            )  # fmt: skip


def _current_losses(network: Network, parts: list[Drive], where: str) -> Iterator[Loss]:
    first = parts[0].waveform(np.arange(min(3, network.n_steps)), network.dt_ms)
    if (first != 0).any():
        begin = 3 * network.dt_ms
        yield Loss(
            "a current in the first three steps", where, "it is left out: BMTK's clamps begin later", True,
            f"begin it at {begin:g} ms (start_ms), or give a constant one as I_e_pA of the population",
        )  # fmt: skip


def _starts_at_once(network: Network, part: Drive) -> bool:
    if part.kind == "events":
        return part.events is not None and bool((np.asarray(part.events)[:, 0] == 0).any())
    gids, chosen = reached(network, part)
    first = next(iter(poisson_spikes(network, part, gids, chosen)), None)
    return first is not None and bool((first[0] == 0).any())


def write_drives(network: Network, nodes: NodeMap, root: Path, how: str) -> Inputs:
    """Write everything that drives give; `how` Poisson spikes are given: spikes, poisson or none."""
    made = Inputs()
    for name, parts in drives_by_name(network) if how != "none" else []:
        kind = parts[0].kind
        if kind == "current":
            _write_clamp(network, nodes, name, parts, made)
        elif kind == "poisson" and how == "poisson":
            _note_generators(network, nodes, name, parts, made)
        elif kind in ("poisson", "events"):
            _write_trains(network, nodes, root, name, parts, made)
    for index, family in enumerate(network.families):
        if family.declared.emits == "listed":
            _write_source(network, nodes, root, index, made)
    return made


def _write_trains(network: Network, nodes: NodeMap, root: Path, name: str, parts: list[Drive], made: Inputs) -> None:
    """Virtual nodes, an edge from each, and their spikes; parts that reach different models have edges of their own."""
    stem = f"drive_{name}"
    first, n_parts = 0, []
    for part in parts:
        gids, chosen = reached(network, part)
        n_parts.append((part, gids, chosen, first))
        first += gids.size
    made.nodes.append(write_virtual(root, stem, first, {"dtbsim_drive": name}))
    for number, (part, gids, _, start) in enumerate(n_parts):
        index = network.populations[part.population].family
        family = network.families[index]
        channel = family.channels[part.channel]
        weight = part.weight * channel.quantum
        receptors = _receptors_of(network, part, weight)
        edge_name = stem if len(parts) == 1 else f"{stem}_{number}"
        ends = stem, nodes.population[index]
        sizes = first, nodes.sizes[index]
        writer = EdgeWriter(root, edge_name, ends, sizes, ports_of(family.declared, receptors), network.dt_ms)
        writer.start(wide=abs(part.weight) > 2**24, large=False)
        source = start + np.arange(gids.size)
        for block in blocks_of(source, nodes.nodes(index, gids), weight, 1):
            writer.add(block)
        made.edges.append(writer.close())
    path = root / "inputs" / f"{safe(stem)}.h5"
    made.n_spikes += write_spikes(path, stem, _trains(network, n_parts), network.dt_ms)
    _note_spikes(made, stem, path.name, network)


def _receptors_of(network: Network, part: Drive, weight: float) -> dict[str, float]:
    """Ports that a drive feeds, with what they multiply its weight with, as the configuration counts."""
    family = network.families[network.populations[part.population].family]
    mix = dict(family.channels[part.channel].mix)
    rows = [row for row in family.model.receptors if row.channel in mix]
    if len({row.channel for row in rows}) < len(rows):
        rows = rows[:1] if weight >= 0 else rows[-1:]
    return {row.name: mix[row.channel] for row in rows}


def _trains(network: Network, parts: list[tuple[Drive, I64, I64, int]]) -> Iterator[tuple[I64, I64]]:
    """Steps and nodes of all parts, ascending in steps; a window of steps of each at a time."""
    streams = [_windows(network, part, gids, chosen, start) for part, gids, chosen, start in parts]
    n = 0
    for pieces in zip(*streams, strict=True):
        steps, node = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.argsort(steps, kind="stable")
        n += steps.size
        if n > MOST_SPIKES:
            raise InputError(
                f"the drives give more than {MOST_SPIKES:,} spikes", where=parts[0][0].key_path,
                remedy="let NEST draw them (--drives poisson), or shorten the run",
            )  # fmt: skip
        yield steps[order], node[order]


def _windows(network: Network, part: Drive, gids: I64, chosen: I64, start: int) -> Iterator[tuple[I64, I64]]:
    """Steps and nodes of one part, for consecutive windows of steps."""
    window = 256
    if part.kind == "events":
        listed = np.asarray(part.events)[:, :2]
        listed = listed[(listed[:, 0] > 0) & (listed[:, 0] < network.n_steps)]
        listed = listed[np.isin(listed[:, 1], chosen) & part.windows.contain(listed[:, 0])]
        listed = listed[np.argsort(listed[:, 0], kind="stable")]
        place = np.searchsorted(chosen, listed[:, 1])
        for low in range(0, network.n_steps, window):
            first, stop = np.searchsorted(listed[:, 0], [low, low + window])
            yield listed[first:stop, 0], start + place[first:stop]
        return
    drawn, held = poisson_spikes(network, part, gids, chosen), None
    for low in range(0, network.n_steps, window):
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        while True:
            held = held if held is not None else next(drawn, None)
            if held is None or (held[0].size and held[0][0] >= low + window):
                break
            steps, place, counts = held
            held = None
            if steps.size and steps[0] > 0:
                found.append((np.repeat(steps, counts), start + np.repeat(place, counts)))
        yield np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def _write_source(network: Network, nodes: NodeMap, root: Path, index: int, made: Inputs) -> None:
    """A population that emits listed spikes: step k is sent at (k + 1) dt."""
    family, gid0 = network.families[index], nodes.starts[index]
    pieces = [np.zeros((0, 2), np.int64)]
    for member in family.populations.tolist():
        if member in network.emitted:
            pieces.append(network.emitted[member] + np.array([0, network.populations[member].gid0 - gid0]))
    listed = np.concatenate(pieces)
    listed = listed[np.argsort(listed[:, 0], kind="stable")]
    listed = listed[listed[:, 0] < network.n_steps]
    n = sum(network.populations[member].size for member in family.populations.tolist())
    made.nodes.append(write_virtual(root, family.name, n, {"dtbsim_order": index}))
    path = root / "inputs" / f"{safe(family.name)}.h5"
    made.n_spikes += write_spikes(path, family.name, iter([(listed[:, 0] + 1, listed[:, 1])]), network.dt_ms)
    _note_spikes(made, family.name, path.name, network)


def _note_spikes(made: Inputs, population: str, file: str, network: Network) -> None:
    made.bmtk[population] = {
        "input_type": "spikes",
        "module": "sonata",
        "input_file": f"$INPUT_DIR/{file}",
        "node_set": population,
    }
    made.libsonata[population] = {
        "input_type": "spikes",
        "module": "synapse_replay",
        "spike_file": f"inputs/{file}",
        "delay": 0.0,
        "duration": time_of(network.n_steps, network.dt_ms),
        "node_set": "neurons",
    }


def _write_clamp(network: Network, nodes: NodeMap, name: str, parts: list[Drive], made: Inputs) -> None:
    """One clamp for all that get the same current: its steps as lists of amplitudes, delays and durations."""
    for number, part in enumerate(parts):
        steps = np.arange(3, network.n_steps)
        values = part.waveform(steps, network.dt_ms).astype(np.float64) if steps.size else np.zeros(0)
        edges = np.flatnonzero(np.diff(values, prepend=0.0))
        if edges.size > MOST_CLAMP_STEPS:
            raise InputError(
                f"the current changes {edges.size:,} times; a clamp has at most {MOST_CLAMP_STEPS:,} steps",
                where=part.key_path, remedy="export a shorter run",
            )  # fmt: skip
        if not edges.size:
            continue
        # longer than until the next change: BMTK switches off a clamp that ends there, at the very time of the change
        lengths = (np.append(edges[1:], steps.size) - edges + 1) * network.dt_ms
        key = f"drive_{name}" if len(parts) == 1 else f"drive_{name}_{number}"
        gids, _ = reached(network, part)
        index = network.populations[part.population].family
        ids = nodes.nodes(index, gids).tolist()
        made.node_sets[key] = {"population": nodes.population[index], "node_id": ids}
        made.bmtk[key] = {
            "input_type": "current_clamp",
            "module": "IClamp",
            "node_set": {"population": nodes.population[index], "node_id": ids},
            "amp": values[edges].tolist(),
            "delay": [time_of(int(step) - 1, network.dt_ms) for step in steps[edges]],
            "duration": np.round(lengths, 9).tolist(),
        }


def _note_generators(network: Network, nodes: NodeMap, name: str, parts: list[Drive], made: Inputs) -> None:
    """Poisson generators of NEST, which the script makes: those of one rate."""
    for part in parts:
        gids, _ = reached(network, part)
        index = network.populations[part.population].family
        family = network.families[index]
        if part.own_means is not None or part.rate is not None or part.shared or len(part.windows.on) > 1:
            raise InputError(
                f"the drive '{name}' is no plain Poisson drive, which NEST could draw", where=part.key_path,
                remedy="give its spikes: --drives spikes",
            )  # fmt: skip
        weight = part.weight * family.channels[part.channel].quantum
        for port in ports_of(family.declared, _receptors_of(network, part, weight)):
            made.generators.append(
                {
                    "population": nodes.population[index],
                    "first": int(nodes.nodes(index, gids[:1])[0]) if part.neurons is None else None,
                    "n": int(gids.size),
                    "node_ids": None if part.neurons is None else nodes.nodes(index, gids).tolist(),
                    "rate": part.mean / network.dt_ms * 1e3,
                    "start": time_of(max(part.start - 1, 0), network.dt_ms),
                    "stop": time_of(max(min(part.stop, network.n_steps) - 1, 0), network.dt_ms),
                    "weight": -abs(weight * port.factor) if port.sign == -2 else weight * port.factor,
                    "receptor_type": port.number,
                }
            )
