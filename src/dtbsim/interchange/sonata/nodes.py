"""Neurons of a network as SONATA nodes: one population of point neurons, and one of virtual nodes for each source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.kinds import neuron_values
from dtbsim.interchange.base import Loss
from dtbsim.interchange.sonata.h5 import TEXT, Column, constant, counting, create
from dtbsim.interchange.sonata.models import MODELS, NestModel, nest_name, nest_parameters, settable
from dtbsim.interchange.sonata.tables import write_json, write_types
from dtbsim.models.base import same_values
from dtbsim.spec.network import Family, Network

I64 = NDArray[np.int64]
CHUNK = 1 << 20
NEURONS = "neurons"
"""Name of the population of all neurons that are simulated."""
FIRST_TYPE = 100


@dataclass(frozen=True)
class NodeMap:
    """Where neurons are among the nodes: by family the SONATA population, and by gid the node's id in it."""

    population: tuple[str, ...]
    starts: tuple[int, ...]
    """First gid of every family."""
    shift: tuple[int, ...]
    """What is subtracted from gids of a family."""
    sizes: tuple[int, ...]
    """Nodes of the SONATA population of every family."""

    def nodes(self, family: int, gids: I64) -> I64:
        """Ids of nodes."""
        return np.asarray(gids, np.int64) - self.shift[family]


def place(network: Network) -> NodeMap:
    """Number all nodes: neurons in the order of their gids, sources each in a population of its own."""
    names, starts, shifts, skipped = [], [], [], 0
    for index, family in enumerate(network.families):
        gid0, n = extent(network, index)
        starts.append(gid0)
        if family.declared.is_source:
            names.append(family.name)
            shifts.append(gid0)
            skipped += n
        else:
            names.append(NEURONS)
            shifts.append(skipped)
    of = [extent(network, index)[1] for index in range(len(network.families))]
    sizes = [sum(n for n, other in zip(of, names, strict=True) if other == name) for name in names]
    return NodeMap(tuple(names), tuple(starts), tuple(shifts), tuple(sizes))


def extent(network: Network, family: int) -> tuple[int, int]:
    """First gid and number of the neurons of a family: its populations follow one another."""
    members = [network.populations[index] for index in network.families[family].populations.tolist()]
    return members[0].gid0, sum(member.size for member in members)


def model_losses(network: Network) -> Iterator[Loss]:
    """What NEST lacks of the neuron models."""
    for index, family in enumerate(network.families):
        model, where = family.declared, family.key_path
        if model.is_source:
            continue
        entry = MODELS.get(model.name)
        if entry is None:
            known = ", ".join(MODELS)
            yield Loss(
                f"NEST has no model '{model.name}'", f"{where}.model", "its name is written, which no reader knows",
                True, f"use one of {known}",
            )  # fmt: skip
            continue
        if not entry.equal:
            yield Loss(
                f"NEST integrates '{model.name}' otherwise", f"{where}.model", f"nest:{entry.nest} with its parameters",
                True,
            )  # fmt: skip
        for name, value in entry.fixed.items():
            if any(not same_values(p.get(name, value), value) for _, p, _ in values_of(network, index)):
                shown = f"{where}.parameters.{name}"
                yield Loss(f"NEST's {entry.nest} has no {nest_name(name)}", shown, "it is left out", True)
        mine = {row.name for row in settable(model)}
        for name in family.initial:
            if name not in mine and any(not same_values(s[name], 0.0) for _, _, s in values_of(network, index)):
                yield Loss(
                    "NEST starts this state at 0", f"{where}.initial.{name}", "it is left out", True, "leave it at 0"
                )


def values_of(network: Network, family: int) -> Iterator[tuple[I64, dict[str, Any], dict[str, Any]]]:
    """Yield gids, parameters and initial states (as the user sees them) of a family, CHUNK neurons at a time."""
    item = network.families[family]
    for position, index in enumerate(item.populations.tolist()):
        population = network.populations[index]
        for first in range(0, population.size, CHUNK):
            gids = population.gid0 + np.arange(first, min(first + CHUNK, population.size))
            given, initial = (
                neuron_values(network, family, position, gids, what) for what in ("parameters", "initial")
            )
            p = item.declared.complete(given)
            internal = item.declared.initial_states(given, initial)
            yield gids, p, {name: item.declared.recorded(name, value, p) for name, value in internal.items()}


def write_neurons(network: Network, nodes: NodeMap, root: Path) -> tuple[dict[str, Any], int, list[str]]:
    """Write the population of neurons; return its entry of the circuit, its size, and parameters that are per node."""
    neurons = [index for index, family in enumerate(network.families) if not family.declared.is_source]
    n = sum(extent(network, index)[1] for index in neurons)
    rows: list[dict[str, Any]] = []
    per_node: dict[str, list[tuple[int, NDArray[np.float64]]]] = {}
    with create(root / "network" / "nodes.h5") as file:
        population = file.create_group(f"nodes/{NEURONS}")
        group = population.create_group("0")
        types = Column(population, "node_type_id", np.uint32)
        for index in neurons:
            family, size = network.families[index], extent(network, index)[1]
            types.append(np.full(size, FIRST_TYPE + index))
            scalars, arrays = _collected(network, index)
            file_name = f"{safe(family.name)}.json"
            write_json(root / "components" / "point_neuron_models" / file_name, scalars)
            rows.append(_type_row(network, index, file_name))
            for name, values in arrays.items():
                first = int(nodes.nodes(index, np.array([nodes.starts[index]]))[0])
                per_node.setdefault(name, []).append((first, values))
        types.close()
        counting(population, "node_id", n)
        constant(population, "node_group_id", n, 0)
        counting(population, "node_group_index", n)
        _write_names(network, neurons, group)
        for name, pieces in per_node.items():
            data = group.require_group("dynamics_params").create_dataset(
                name, shape=(n,), dtype=np.float64, fillvalue=np.nan
            )
            for first, values in pieces:
                data[first : first + len(values)] = values
    write_types(root / "network" / "node_types.csv", rows)
    return _entry("nodes.h5", "node_types.csv", NEURONS, "point_neuron"), n, sorted(per_node)


def _type_row(network: Network, index: int, file_name: str) -> dict[str, Any]:
    family = network.families[index]
    entry = MODELS.get(family.declared.name)
    ports = [row.name for row in family.declared.receptors] if entry and entry.ports == "number" else []
    return {
        "node_type_id": FIRST_TYPE + index,
        "pop_name": family.name,
        "model_type": "point_neuron",
        "model_template": f"nest:{entry.nest if entry else family.declared.name}",
        "dynamics_params": file_name,
        "dtbsim_order": index,
        "dtbsim_ports": ",".join(ports) or None,
    }


def _collected(network: Network, index: int) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Parameters as NEST takes them: those that are one number for the family, and those of every neuron."""
    family = network.families[index]
    entry = MODELS.get(family.declared.name, NestModel(family.declared.name, False))
    chunks: dict[str, list[NDArray[np.float64]]] = {}
    for gids, parameters, states in values_of(network, index):
        values = parameters | {row.name: states[row.name] for row in settable(family.declared)}
        for name, value in values.items():
            chunks.setdefault(name, []).append(_packed(value, gids.size))
    whole: dict[str, Any] = {}
    for name, parts in chunks.items():
        low, high = min(float(part[0].min()) for part in parts), max(float(part[0].max()) for part in parts)
        if low == high:
            whole[name] = low
        else:
            whole[name] = np.concatenate([np.broadcast_to(part[0], part[1]) for part in parts])
    return nest_parameters(family.declared, entry, whole)


def _packed(value: Any, n: int) -> Any:
    """Values and how many they stand for; one number where all are equal."""
    values = np.asarray(value, np.float64).ravel()
    return (values[:1] if values.size and (values == values[0]).all() else values), n


def _write_names(network: Network, neurons: list[int], group: Any) -> None:
    """Population and region of every node, as texts of any length, which libsonata and BMTK take."""
    items = [
        (network.families[index].name, network.populations[member])
        for index in neurons
        for member in network.families[index].populations.tolist()
    ]
    _texts(group, "population_name", [(name, item.size) for name, item in items])
    if network.region_names and any(item.region >= 0 for _, item in items):
        regions = [(network.region_names[item.region] if item.region >= 0 else "", item.size) for _, item in items]
        _texts(group, "region", regions)


def _texts(group: Any, name: str, runs: list[tuple[str, int]]) -> None:
    column = Column(group, name, TEXT)
    for text, n in runs:
        for first in range(0, n, CHUNK):
            column.append(np.full(min(CHUNK, n - first), text, object))
    column.close()


def write_virtual(root: Path, name: str, n: int, more: dict[str, Any]) -> dict[str, Any]:
    """Write a population of `n` virtual nodes, whose spikes are an input; return its entry of the circuit."""
    stem = safe(name)
    with create(root / "network" / f"{stem}_nodes.h5") as file:
        population = file.create_group(f"nodes/{name}")
        population.create_group("0")
        constant(population, "node_type_id", n, FIRST_TYPE)
        counting(population, "node_id", n)
        constant(population, "node_group_id", n, 0)
        counting(population, "node_group_index", n)
    row = {"node_type_id": FIRST_TYPE, "pop_name": name, "model_type": "virtual", **more}
    write_types(root / "network" / f"{stem}_node_types.csv", [row])
    return _entry(f"{stem}_nodes.h5", f"{stem}_node_types.csv", name, "virtual")


def _entry(nodes: str, types: str, population: str, kind: str) -> dict[str, Any]:
    return {
        "nodes_file": f"$NETWORK_DIR/{nodes}",
        "node_types_file": f"$NETWORK_DIR/{types}",
        "populations": {population: {"type": kind}},
    }


def family_of(network: Network, name: str) -> tuple[int, Family]:
    """Index and family of a population of the configuration."""
    index = network.family_index(name)
    return index, network.families[index]


def safe(name: str) -> str:
    """A name as part of a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
