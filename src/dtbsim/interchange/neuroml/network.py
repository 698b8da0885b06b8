"""A small network as NeuroML: populations, projections with weights and delays, spike arrays, current pulses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.build.drawn_spikes import ListedSpikes
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.interchange.neuroml.cells import Cells, synapse_component
from dtbsim.spec.network import Drive, Network

MOST_CONNECTIONS = 200_000
MOST_SPIKES = 1_000_000
MOST_PULSES = 1_000
I64 = NDArray[np.int64]
Connection = tuple[int, int, float, float]
"""Number of the source and of the target in their populations, weight, delay in ms."""


class NetworkWriter:
    """Collects the elements of a network."""

    def __init__(self, built: BuiltNetwork, cells: dict[int, Cells]) -> None:
        self._built, self._network, self._cells = built, built.network, cells
        self.sources: list[ET.Element] = []
        self.synapses: dict[str, ET.Element] = {}
        self._groups: dict[tuple[str, str, str, str], list[Connection]] = defaultdict(list)
        self._populations: list[tuple[str, str, int]] = []
        self._inputs: list[ET.Element] = []
        self.n_connections = self.n_spikes = 0

    def element(self) -> ET.Element:
        """Return the element `network`; InputError where it would be too large."""
        expected = sum(item.expected_synapses * len(item.receptors) for item in self._built.projections.values())
        if expected > MOST_CONNECTIONS:
            raise InputError(
                f"the network has about {expected:,.0f} connections, each some 130 bytes of XML; allowed: "
                f"{MOST_CONNECTIONS:,}",
                where="projections", remedy="export a smaller network, or use SONATA",
            )  # fmt: skip
        for item in self._cells.values():
            self._populations += [
                (name, f"cell_{name}", size) for name, size in zip(item.names, item.sizes, strict=True)
            ]
        for family in self._network.families:
            if family.declared.emits == "listed":
                self._add_sources(family.name)
        for projection in self._network.projections:
            self._add_projection(projection.name)
        for name, parts in _by_name(self._network):
            for number, part in enumerate(parts):
                self._add_drive(f"{_id(name)}_{number}" if len(parts) > 1 else _id(name), part)
        return self._written()

    def _written(self) -> ET.Element:
        root = ET.Element("network", id=_id(self._network.name))
        for name, component, size in self._populations:
            ET.SubElement(root, "population", id=name, component=component, size=str(size))
        for (name, pre, post, synapse), connections in self._groups.items():
            item = ET.SubElement(
                root, "projection", id=f"{name}_{pre}_{post}_{synapse}", presynapticPopulation=pre,
                postsynapticPopulation=post, synapse=synapse,
            )  # fmt: skip
            for k, (source, target, weight, delay) in enumerate(connections):
                ET.SubElement(
                    item, "connectionWD", id=str(k), preCellId=f"../{pre}[{source}]", postCellId=f"../{post}[{target}]",
                    weight=_number(weight), delay=f"{_number(delay)} ms",
                )  # fmt: skip
        root.extend(self._inputs)
        return root

    # -- connections -------------------------------------------------------------------------------------------------

    def _synapse(self, cells: Cells, part: int, port: str) -> str:
        made = synapse_component(cells, part, port)
        self.synapses.setdefault(made.attrib["id"], made)
        return made.attrib["id"]

    def _connect(
        self, name: str, pre: tuple[str, int], cells: Cells, neuron: int, ports: dict[str, float], weight: float,
        delay_ms: float,
    ) -> None:  # fmt: skip
        part = int(cells.part[neuron])
        for port, factor in ports.items():
            value = weight * factor
            if cells.model.receptor(port).takes == "size":
                value = abs(value)
            synapse = self._synapse(cells, part, port)
            if self.synapses[synapse].tag == "expCurrSynapse":
                value *= 1e-3
            key = (name, pre[0], cells.names[part], synapse)
            self._groups[key].append((pre[1], int(cells.index[neuron]), value, delay_ms))
            self.n_connections += 1

    def _add_projection(self, name: str) -> None:
        shown = self._built.projections[name]
        projection = next(item for item in self._network.projections if item.name == name)
        target = self._cells[projection.target_family]
        source = self._cells.get(projection.source_family)
        first = int(self._built.populations[shown.source].gids[0])
        for part in shown.synapses():
            columns = (part[key].to_numpy() for key in ("source_gid", "target_gid", "weight", "delay_ms"))
            for pre_gid, post_gid, weight, delay in zip(*columns, strict=True):
                if source is None:
                    pre = (f"{_id(shown.source)}_{int(pre_gid) - first}", 0)
                else:
                    k = int(pre_gid) - source.gid0
                    pre = (source.names[int(source.part[k])], int(source.index[k]))
                neuron = int(post_gid) - target.gid0
                self._connect(_id(name), pre, target, neuron, shown.receptors, float(weight), round(float(delay), 9))

    # -- input -------------------------------------------------------------------------------------------------------

    def _add_array(self, name: str, times_ms: NDArray[np.float64]) -> None:
        """A population of one source, which emits at these times."""
        self.n_spikes += times_ms.size
        if self.n_spikes > MOST_SPIKES:
            raise InputError(
                f"the input has more than {MOST_SPIKES:,} spikes", where="drives", remedy="export a shorter run"
            )
        array = ET.Element("spikeArray", id=f"spikes_{name}")
        for k, time in enumerate(times_ms.tolist()):
            ET.SubElement(array, "spike", id=str(k), time=f"{_number(time)} ms")
        self.sources.append(array)
        self._populations.append((name, f"spikes_{name}", 1))

    def _add_sources(self, name: str) -> None:
        """Spikes of step k are sent at (k + 1) dt."""
        shown = self._built.populations[name]
        spikes, gids = shown.spikes, shown.gids.astype(np.int64)
        for gid in gids.tolist():
            steps = np.sort(spikes["step"].to_numpy()[spikes["gid"].to_numpy() == gid])
            self._add_array(f"{_id(name)}_{gid - int(gids[0])}", _times(steps[steps < self._network.n_steps] + 1, self))

    def _add_drive(self, name: str, part: Drive) -> None:
        network = self._network
        population = network.populations[part.population]
        cells = self._cells[population.family]
        chosen = np.arange(population.size, dtype=np.int64) if part.neurons is None else part.neurons.astype(np.int64)
        gids = population.gid0 + chosen
        neurons = (gids - cells.gid0).tolist()
        if part.kind == "current":
            self._add_pulses(name, part, cells, neurons)
        elif part.kind in ("poisson", "events"):
            channel = network.families[population.family].channels[part.channel]
            ports = {
                row.name: factor
                for row in network.families[population.family].model.receptors
                for fed, factor in channel.mix
                if row.channel == fed
            }
            if len({row.channel for row in cells.model.receptors if row.name in ports}) > len(channel.mix):
                ports = dict(list(ports.items())[: len(channel.mix)])  # both ports of one kernel
            for k, (neuron, steps) in enumerate(zip(neurons, self._arrivals(part, gids, chosen), strict=True)):
                # what arrives in step k is in the synapse at (k + 1) dt: sent at k dt, with a delay of one step
                self._add_array(f"{name}_{k}", _times(steps, self))
                weight = part.weight * channel.quantum
                self._connect(name, (f"{name}_{k}", 0), cells, neuron, ports, weight, network.dt_ms)

    def _arrivals(self, part: Drive, gids: I64, chosen: I64) -> Iterator[I64]:
        """Steps in which spikes arrive, of every neuron; several of one step several times."""
        found: list[list[I64]] = [[np.zeros(0, np.int64)] for _ in gids]
        if part.kind == "events":
            listed = np.asarray(part.events, np.int64)[:, :2]
            listed = listed[part.windows.contain(listed[:, 0]) & (listed[:, 0] < self._network.n_steps)]
            for k, neuron in enumerate(chosen.tolist()):
                found[k].append(np.sort(listed[listed[:, 1] == neuron, 0]))
        else:
            for steps, who, counts in ListedSpikes(self._network).of(part, gids, chosen):
                for step, k, count in zip(steps.tolist(), who.tolist(), counts.tolist(), strict=True):
                    found[k].append(np.full(count, step, np.int64))
        return (np.concatenate(pieces) for pieces in found)

    def _add_pulses(self, name: str, part: Drive, cells: Cells, neurons: list[int]) -> None:
        """A pulse for each time in which the current stays the same."""
        steps = np.arange(self._network.n_steps)
        values = part.waveform(steps, self._network.dt_ms).astype(np.float64) if steps.size else np.zeros(0)
        edges = np.flatnonzero(np.diff(values, prepend=0.0))
        if edges.size > MOST_PULSES:
            raise InputError(
                f"the current changes {edges.size:,} times; allowed: {MOST_PULSES:,}", where=part.key_path,
                remedy="give it as steps, or export a shorter run",
            )  # fmt: skip
        dt_ms = self._network.dt_ms
        for k, (first, stop) in enumerate(zip(edges, [*edges[1:], steps.size], strict=True)):
            if values[first] == 0:
                continue
            self.sources.append(
                ET.Element(
                    "pulseGenerator",
                    id=f"{name}_pulse_{k}",
                    delay=f"{_number(time_of(int(first), dt_ms))} ms",
                    duration=f"{_number(round((stop - first) * dt_ms, 9))} ms",
                    amplitude=f"{_number(values[first])} pA",
                )
            )
            for neuron in neurons:
                target = f"{cells.names[int(cells.part[neuron])]}[{int(cells.index[neuron])}]"
                self._inputs.append(ET.Element("explicitInput", target=target, input=f"{name}_pulse_{k}"))


def _times(steps: Any, writer: NetworkWriter) -> NDArray[np.float64]:
    return np.round(np.asarray(steps, np.float64) * writer._built.dt_ms, 9)


def _by_name(network: Network) -> Iterator[tuple[str, list[Drive]]]:
    names = dict.fromkeys(drive.name for drive in sorted(network.drives, key=lambda drive: drive.index))
    for name in names:
        yield name, [drive for drive in network.drives if drive.name == name]


def _id(name: str) -> str:
    """A name as NeuroML takes it."""
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)


def _number(value: float) -> str:
    return np.format_float_positional(float(value), trim="0")
