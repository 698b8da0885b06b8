"""`dtbsim import FILE --from nir --out model.yaml`: a graph of NIR as a configuration with files beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError
from dtbsim.interchange.base import Importer, Loss, Written
from dtbsim.interchange.folder import new_model
from dtbsim.interchange.nir.files import Events, Graph, read_events, read_graph
from dtbsim.interchange.nir.neurons import Neurons, neurons_of
from dtbsim.interchange.nir.wiring import Wiring, wiring_of

EXACT = 2.0**24
_NOT_IN_NAMES = re.compile("[^A-Za-z0-9_-]")
F64 = NDArray[np.float64]


class NirImporter(Importer):
    """Layers become populations, matrices explicit projections; delays make up for layers that act at once."""

    summary = "NIR graph of LIF and CubaLIF layers with Linear and Affine ones between, and its input if there is one"

    def read(self, source: Path, out: Path, *, overwrite: bool) -> Written:
        """Write `out`, a .yaml, and beside it a folder of the same name without `.yaml` for lists and numbers."""
        if not source.is_file():
            raise InputError("there is no such file", where=str(source))
        graph, files = _named(read_graph(source))
        wiring = wiring_of(graph, str(source))
        layers = {name: neurons_of(name, graph, wiring.bias.get(name), str(source)) for name in wiring.layers}
        beside = source.with_name(f"{source.stem}_input.nir")
        events = {name: read_events(beside, files[name]) for name in wiring.inputs} if beside.is_file() else {}
        with new_model(out, overwrite) as (yaml, folder):
            made = _Model(graph, wiring, layers, events, folder, out.with_suffix("").name)
            yaml.write_text(to_yaml(made.config(source, out)), encoding="utf-8")
        return Written(out, made.sizes, tuple(made.losses), tuple(made.notes))


NIR = NirImporter()


def _named(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """The graph with names that populations can have (snnTorch calls layers 0, 1), and those of the file by them."""
    names: dict[str, str] = {}
    for name in graph.nodes:
        found = _NOT_IN_NAMES.sub("_", name)
        found = found if found[:1].isalpha() else f"layer_{found}"
        while found in names.values():
            found += "_"
        names[name] = found
    for name in {name for edge in graph.edges for name in edge} - names.keys():
        names[name] = name
    nodes = {names[name]: node for name, node in graph.nodes.items()}
    edges = [(names[source], names[target]) for source, target in graph.edges]
    return Graph(nodes, edges, graph.metadata), {new: old for old, new in names.items()}


class _Model:
    """The parts of a configuration."""

    def __init__(
        self,
        graph: Graph,
        wiring: Wiring,
        layers: dict[str, Neurons],
        events: dict[str, Events],
        folder: Path,
        prefix: str,
    ) -> None:
        self._graph, self._wiring, self._layers, self._events = graph, wiring, layers, events
        self._folder, self._prefix = folder, prefix
        self.losses: list[Loss] = []
        self.notes: list[str] = []
        self.sizes = {"neurons": sum(item.n for item in layers.values())}
        self._dt_s = float(graph.metadata.get("dt_s", 1e-4))
        self._dt_ms = float(graph.metadata.get("dt_ms", self._dt_s * 1e3))
        steps = {name: np.rint(item.time_s / self._dt_s).astype(np.int64) for name, item in events.items()}
        earliest = min((int(step.min()) for step in steps.values() if step.size), default=0)
        self._early = min(earliest, min(wiring.lag[name] for name in layers))
        self._steps = steps

    def config(self, source: Path, out: Path) -> dict[str, Any]:
        """Return the configuration."""
        if "dt_ms" not in self._graph.metadata:
            self.notes.append("the file says no time step: it is read as snnTorch does, with one of 0.1 ms")
        for name in self._layers:
            late = self._wiring.lag[name] - self._early
            if late:
                self.notes.append(f"spikes of {name} come {late} steps later than in a reader of the file")
        populations = {name: self._population(name, item) for name, item in self._layers.items()}
        populations |= {name: self._source(name) for name in self._wiring.inputs}
        projections = self._projections()
        end = max((item.end_s for item in self._events.values()), default=1.0)
        n_steps = int(self._graph.metadata.get("n_steps", round(end / self._dt_s)))
        name = _NOT_IN_NAMES.sub("_", str(self._graph.metadata.get("name", out.stem)))
        return {
            "name": name if name[:1].isalpha() else f"model_{name}",
            "description": f"imported from NIR, {source.name}",
            "simulation": {"duration_ms": round(n_steps * self._dt_ms, 9), "dt_ms": self._dt_ms},
            "populations": populations,
            "projections": projections,
        }  # fmt: skip

    def _population(self, name: str, item: Neurons) -> dict[str, Any]:
        late = self._wiring.lag[name] - self._early
        made: dict[str, Any] = {"model": item.model, "size": item.n}
        made["parameters"] = self._numbers(f"{name}_parameters", item.parameters)
        if late and item.parameters["I_e_pA"].any():
            made["initial"] = self._numbers(f"{name}_initial", {"V_m_mV": item.before(late, self._dt_ms)})
        return made

    def _numbers(self, file: str, given: dict[str, F64]) -> dict[str, Any]:
        """Numbers that all neurons share as they are, and those that differ in a file."""
        arrays = {key: values for key, values in given.items() if (values != values[0]).any()}
        if arrays:
            save: Any = np.savez
            save(self._folder / f"{file}.npz", **arrays)
        return {
            key: {"file": f"{self._prefix}/{file}.npz", "column": key} if key in arrays else float(values[0])
            for key, values in given.items()
        }

    def _source(self, name: str) -> dict[str, Any]:
        """A source for each channel. Its spike of step k is that of step k + `early` in the file."""
        n = self._wiring.inputs[name]
        index, time_ms = np.zeros(0, np.int64), np.zeros(0)
        if name in self._events:
            item = self._events[name]
            if (item.index < 0).any() or (item.index >= n).any() or (self._steps[name] < 0).any():
                raise InputError(f"an event is of no channel of '{name}', which has {n}, or before time 0", where=name)
            counts = np.rint(item.value).astype(np.int64)
            if (counts != item.value).any() or (counts < 0).any():
                raise InputError(
                    f"the input '{name}' has values that are no counts of spikes, which alone can be read",
                    where=name, remedy="give currents as a drive of the configuration",
                )  # fmt: skip
            index = np.repeat(item.index, counts)
            time_ms = np.repeat((self._steps[name] - self._early + 1) * self._dt_ms, counts)
        np.savez(self._folder / f"{name}_spikes.npz", neuron=index, time_ms=np.round(time_ms, 9))
        self.sizes["input spikes"] = self.sizes.get("input spikes", 0) + int(index.size)
        return {"model": "spike_source", "size": n, "spikes_file": f"{self._prefix}/{name}_spikes.npz"}

    def _projections(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        n_synapses = 0
        for link in self._wiring.links:
            layer = self._layers[link.target]
            weight = link.weight * layer.per_weight[:, None]
            target, source = np.nonzero(weight)
            values = weight[target, source]
            narrow = values.astype(np.float32).astype(np.float64)
            near = np.abs(narrow - values) <= 1e-12 * np.abs(values)
            values = np.where(near, narrow, values)
            n_synapses += values.size
            name = f"{link.source}_{link.target}"
            np.savez(self._folder / f"{name}.npz", source=source, target=target, weight=values)
            rule: dict[str, Any] = {"kind": "explicit", "file": f"{self._prefix}/{name}.npz"}
            if _exact(values):
                rule["exact_weights"] = True
            made: dict[str, Any] = {"source": link.source, "target": link.target, "rule": rule}
            if layer.model == "iaf_psc_exp":
                made["receptor"] = "ex"
            made["delay_ms"] = round(link.steps * self._dt_ms, 9)
            found[name] = made
        self.sizes["synapses"] = n_synapses
        return found


def _exact(values: F64) -> bool:
    """Whether all weights are whole multiples of one power of two, of at most EXACT of them."""
    if not values.size:
        return False
    mantissa, exponent = np.frexp(values)
    whole = np.rint(mantissa * EXACT)
    if (whole != mantissa * EXACT).any():
        return False
    numbers = whole.astype(np.int64)
    trailing = np.log2(numbers & -numbers).astype(np.int64)
    finest = np.ldexp(1.0, int((exponent - 24 + trailing).min()))
    return bool(np.abs(values).max() <= finest * EXACT)
