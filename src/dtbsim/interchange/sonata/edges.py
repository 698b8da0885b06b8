"""Synapses as SONATA edges: an edge population for every projection, an edge type for every receptor port it feeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltProjection
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.interchange.base import Loss
from dtbsim.interchange.sonata.h5 import Column, constant, counting, create
from dtbsim.interchange.sonata.models import MODELS
from dtbsim.interchange.sonata.nodes import NodeMap, safe
from dtbsim.interchange.sonata.tables import write_json, write_types
from dtbsim.models import NeuronModel

FIRST_TYPE = 100
Block = tuple[NDArray[Any], NDArray[Any], NDArray[np.float64], NDArray[np.int64]]
"""Source and target node, weight, delay in steps; ascending targets."""


@dataclass(frozen=True)
class Port:
    """A port of a target model as NEST takes it: what weights are multiplied by, their sign, the receptor's number."""

    name: str
    factor: float
    sign: int
    """1, -1: all weights must have this sign; 0: any; -2: their size, made negative."""
    number: int | None


def ports_of(model: NeuronModel, receptors: dict[str, float]) -> list[Port]:
    """Return the ports of a projection onto neurons of a model."""
    entry, found = MODELS.get(model.name), []
    for name, factor in receptors.items():
        row = model.receptor(name)
        if entry is None or entry.ports == "one":
            found.append(Port(name, factor, 0, None))
        elif entry.ports == "number":
            found.append(Port(name, factor, 0, 1 + [port.name for port in model.receptors].index(name)))
        elif row.takes == "size":
            found.append(Port(name, factor, -2, None))
        else:
            found.append(Port(name, factor, 1 if name == "ex" else -1, None))
    return found


def same_kernels(model: NeuronModel, parameters: Iterable[dict[str, Any]]) -> bool:
    """Whether both ports of a model with `ex` and `in` answer alike, so that the sign does not matter."""
    if model.receptors and model.receptors[0].takes != "any":
        return False
    return all(
        bool(np.all(np.asarray(p["tau_syn_ex_ms"]) == np.asarray(p["tau_syn_in_ms"]))) if "tau_syn_ex_ms" in p else True
        for p in parameters
    )


def sign_losses(port: Port, low: float, high: float, where: str, name: str) -> Iterator[Loss]:
    """NEST chooses between `ex` and `in` by the sign of a weight."""
    low, high = sorted((low * port.factor, high * port.factor))
    if (port.sign == 1 and low < 0) or (port.sign == -1 and high > 0):
        kind = "below" if port.sign == 1 else "above"
        yield Loss(
            f"weights {kind} 0 go to port '{port.name}' of '{name}'", f"{where}.receptor",
            "NEST gives them to the other port", True, "use iaf_psc_exp_multisynapse, whose ports are numbered",
        )  # fmt: skip


class EdgeWriter:
    """Writes one edge population, block by block, and its types."""

    def __init__(
        self, root: Path, name: str, ends: tuple[str, str], sizes: tuple[int, int], ports: list[Port], dt_ms: float
    ) -> None:
        """`ends`: populations of the source and target nodes, of `sizes`. `root` holds the folders of the circuit."""
        self._sizes = sizes
        self._root, self.name, self._ports, self._dt_ms = root, name, ports, dt_ms
        self._stem = f"edges_{safe(name)}"
        self._file = create(root / "network" / f"{self._stem}.h5")
        self._population = self._file.create_group(f"edges/{name}")
        self._group = self._population.create_group("0")
        self._columns: dict[str, Column] = {}
        self._ends, self.n = ends, 0
        self._delay: int | None = None
        self._delays: Column | None = None

    def start(self, *, wide: bool, large: bool) -> None:
        """Make the columns: `wide` weights need float64, `large` ids 64 bits."""
        ids = np.uint64 if large else np.uint32
        made = self._columns
        made["source"] = Column(self._population, "source_node_id", ids)
        made["target"] = Column(self._population, "target_node_id", ids)
        made["source"].data.attrs["node_population"], made["target"].data.attrs["node_population"] = self._ends
        for end, size in zip(("source", "target"), self._sizes, strict=True):
            made[end].data.attrs["n_nodes"] = size
        made["weight"] = Column(self._group, "syn_weight", np.float64 if wide else np.float32)
        if len(self._ports) > 1:
            made["type"] = Column(self._population, "edge_type_id", np.uint32)

    def add(self, block: Block) -> None:
        """Write a block of synapses, an edge for every port."""
        source, target, weight, delay = block
        if not source.size:
            return
        k = len(self._ports)
        if k > 1:
            source, target, delay = (np.repeat(values, k) for values in (source, target, delay))
            self._columns["type"].append(np.tile(FIRST_TYPE + np.arange(k), weight.size))
        weights = np.stack([_as_nest(port, weight) for port in self._ports], axis=1).ravel()
        self._columns["source"].append(source)
        self._columns["target"].append(target)
        self._columns["weight"].append(weights)
        self._add_delays(delay)
        self.n += source.size

    def _add_delays(self, delay: NDArray[np.int64]) -> None:
        """One delay of all edges stands in their type; the column begins where a second one is met."""
        if self._delay is None:
            self._delay = int(delay[0])
        if self._delays is None and (delay != self._delay).any():
            self._delays = Column(self._group, "delay", np.float64)
            for first in range(0, self.n, 1 << 20):
                self._delays.append(np.full(min(1 << 20, self.n - first), time_of(self._delay, self._dt_ms)))
        if self._delays is not None:
            self._delays.append(np.round(delay * self._dt_ms, 9))

    def close(self) -> dict[str, Any]:
        """Write the rest and the table of types; return the entry of the circuit."""
        with self._file:
            for column in (*self._columns.values(), *([] if self._delays is None else [self._delays])):
                column.close()
            constant(self._population, "edge_group_id", self.n, 0)
            counting(self._population, "edge_group_index", self.n)
            if "type" not in self._columns:
                constant(self._population, "edge_type_id", self.n, FIRST_TYPE)
        rows = []
        for k, port in enumerate(self._ports):
            params = "static.json" if port.number is None else f"receptor_{port.number}.json"
            write_json(
                self._root / "components" / "synaptic_models" / params,
                {} if port.number is None else {"receptor_type": port.number},
            )
            row = {"edge_type_id": FIRST_TYPE + k, "model_template": "static_synapse", "dynamics_params": params}
            if self._delays is None:
                row["delay"] = time_of(self._delay or 1, self._dt_ms)
            rows.append({**row, "dtbsim_receptor": port.name})
        write_types(self._root / "network" / f"{self._stem}_types.csv", rows)
        return {
            "edges_file": f"$NETWORK_DIR/{self._stem}.h5",
            "edge_types_file": f"$NETWORK_DIR/{self._stem}_types.csv",
            "populations": {self.name: {"type": "chemical_point"}},
        }


def _as_nest(port: Port, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = weight * port.factor
    return -np.abs(weights) if port.sign == -2 else weights


def write_projection(
    root: Path,
    projection: BuiltProjection,
    nodes: NodeMap,
    ports: list[Port],
    dt_ms: float,
    families: tuple[int, int],
    *,
    wide: bool,
) -> tuple[dict[str, Any], int]:
    """Write the synapses of a projection; return its entry of the circuit and how many edges it has.

    `wide`: weights may have more bits than float32 holds.
    """
    source, target = families
    ends = nodes.population[source], nodes.population[target]
    writer = EdgeWriter(root, projection.name, ends, (nodes.sizes[source], nodes.sizes[target]), ports, dt_ms)
    exact = all(abs(port.factor) == 1 for port in ports)
    writer.start(wide=wide or not exact, large=nodes.starts[-1] > 2**31)
    for part in projection.synapses():
        writer.add(
            (
                nodes.nodes(source, part["source_gid"].to_numpy()),
                nodes.nodes(target, part["target_gid"].to_numpy()),
                part["quanta"].to_numpy() * projection.quantum,
                part["delay_steps"].to_numpy().astype(np.int64),
            )
        )
    return writer.close(), writer.n


def index_edges(path: Path, name: str, most_bytes: int = 1 << 30) -> None:
    """Add the two indices of an edge population, for readers that ask for the edges of a node.

    The names of the specification are `node_id_to_ranges` and `range_to_edge_id`; BMTK wants `node_id_to_range`, which
    is the same dataset. Edges ascend by target; those of a source are found by sorting, so files whose sources take
    more than `most_bytes` are refused.
    """
    with h5py.File(path, "r+") as file:
        population = file[f"edges/{name}"]
        sizes = {end: int(population[f"{end}_node_id"].attrs["n_nodes"]) for end in ("source", "target")}
        n = population["source_node_id"].shape[0]
        if 24 * n > most_bytes:
            raise InputError(
                f"the index of {n:,} edges needs {24 * n / 1e9:.2g} GB of memory", where=str(path),
                remedy="leave --index out: edges ascend by target, and readers can index them",
            )  # fmt: skip
        for end, kind in (("source", "source_to_target"), ("target", "target_to_source")):
            ids = population[f"{end}_node_id"][:].astype(np.int64)
            _write_index(population.require_group(f"indices/{kind}"), ids, sizes[end])


def _write_index(group: Any, ids: NDArray[np.int64], n_nodes: int) -> None:
    order = np.argsort(ids, kind="stable")
    of = ids[order]
    first = np.ones(order.size, bool)
    first[1:] = (of[1:] != of[:-1]) | (order[1:] != order[:-1] + 1)
    starts = np.flatnonzero(first)
    stops = np.append(starts[1:], order.size)
    ranges = np.stack([order[starts], order[starts] + (stops - starts)], axis=1) if order.size else np.zeros((0, 2))
    edges = np.searchsorted(of[starts] if order.size else of, np.arange(n_nodes + 1))
    group.create_dataset("range_to_edge_id", data=ranges.astype(np.uint64))
    table = group.create_dataset("node_id_to_ranges", data=np.stack([edges[:-1], edges[1:]], axis=1).astype(np.uint64))
    group["node_id_to_range"] = table


def blocks_of(source: NDArray[Any], target: NDArray[Any], weight: float, delay: int) -> Iterator[Block]:
    """Edges of one weight and delay as one block."""
    yield source, target, np.full(source.size, weight), np.full(source.size, delay, np.int64)
