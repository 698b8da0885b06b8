"""How the layers of a NIR graph are connected, and the delays that stand for its order of steps.

A reader passes a spike through matrices to the next layer within the same step, and back into the same layer in the
next one; the shortest delay here is one step, and currents act one step later still. So a layer lags: spikes of step n
in the file come in step n + lag.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, did_you_mean
from dtbsim.interchange.nir.files import Graph, Node

F64 = NDArray[np.float64]
LAYERS = ("LIF", "CubaLIF")
MATRICES = ("Linear", "Affine")
_KNOWN = (*LAYERS, *MATRICES, "Input", "Output")


@dataclass(frozen=True, eq=False)
class Link:
    """Weights of one layer or input onto another, float64[target, source], and the delay in steps."""

    source: str
    target: str
    weight: F64
    steps: int


@dataclass(eq=False)
class Wiring:
    """Layers and inputs (with their sizes), links between them, constant inputs, and how many steps a layer lags."""

    layers: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    bias: dict[str, F64] = field(default_factory=dict)
    lag: dict[str, int] = field(default_factory=dict)


def wiring_of(graph: Graph, where: str) -> Wiring:
    """Return how the graph is wired; InputError for nodes and cycles that cannot be simulated."""
    made = Wiring()
    for name, node in graph.nodes.items():
        if node.kind not in _KNOWN:
            raise InputError(
                f"nodes of type '{node.kind}' cannot be simulated", where=f"{where}: {name}",
                remedy=did_you_mean(node.kind, _KNOWN),
            )  # fmt: skip
        if node.kind in LAYERS:
            made.layers[name] = max((np.size(value) for value in node.values.values()), default=0)
        elif node.kind == "Input":
            made.inputs[name] = _size_of_input(node, f"{where}: {name}")
        elif node.kind in MATRICES:
            _check_matrix(node, f"{where}: {name}")
    if not made.layers:
        raise InputError("the graph has no layer of LIF or CubaLIF neurons", where=where)
    for end in {name for edge in graph.edges for name in edge} - graph.nodes.keys():
        raise InputError(f"an edge goes to '{end}', which is no node", where=where)
    pairs = _pairs(graph, made, where)
    made.lag = _lags(graph, made, [(source, target) for source, target, _ in pairs], where)
    for source, target, weight in pairs:
        steps = made.lag[target] - made.lag[source] - (graph.nodes[target].kind == "CubaLIF")
        if source == target:
            steps = _own_steps(graph.nodes[target], f"{where}: {target}")
        made.links.append(Link(source, target, weight, steps))
    return made


def _size_of_input(node: Node, where: str) -> int:
    shape = np.ravel(node.values.get("shape", ()))
    if shape.size != 1 or shape.dtype.kind not in "iu" or shape[0] < 1:
        raise InputError("the input is no list of channels: its shape must be one number", where=where)
    return int(shape[0])


def _check_matrix(node: Node, where: str) -> None:
    for name in ("weight", *(["bias"] if node.kind == "Affine" else [])):
        values = np.asarray(node.values.get(name, "none"))
        if values.dtype.kind not in "biuf" or not (np.abs(values) < 1e30).all():
            raise InputError(f"{name} is missing, or not all of it numbers below 1e30", where=where)


def _own_steps(node: Node, where: str) -> int:
    if node.kind == "CubaLIF":
        raise InputError(
            "a CubaLIF layer acts on itself in the next step, which is earlier than the shortest delay does",
            where=where,
        )
    return 1


def _pairs(graph: Graph, made: Wiring, where: str) -> list[tuple[str, str, F64]]:
    """Sources and targets with their weights; constant inputs go into `made.bias`."""
    found: dict[tuple[str, str], F64] = {}
    for middle, target in graph.edges:
        if target not in made.layers:
            continue
        n, node = made.layers[target], graph.nodes[middle]
        if node.kind in MATRICES:
            weight = np.asarray(node.values["weight"], np.float64)
            sources = [source for source, end in graph.edges if end == middle]
            if "bias" in node.values and np.any(node.values["bias"]):
                bias = np.ravel(node.values["bias"]).astype(np.float64)
                if bias.size != n:
                    raise InputError(f"the bias of '{middle}' has {bias.size} numbers; {n} are needed", where=where)
                made.bias[target] = made.bias.get(target, np.zeros(n)) + bias
        else:
            weight, sources = np.eye(n), [middle]
        for source in sources:
            size = made.layers.get(source, made.inputs.get(source))
            if size is None:
                kind = graph.nodes[source].kind
                raise InputError(f"'{source}', of type {kind}, leads into '{middle}': only layers and inputs can",
                                 where=where)  # fmt: skip
            if weight.shape != (n, size):
                raise InputError(
                    f"the weights of '{middle}' are {' x '.join(map(str, weight.shape))}; {n} x {size} are needed",
                    where=where,
                )
            pair = source, target
            found[pair] = found[pair] + weight if pair in found else weight
    return [(source, target, weight) for (source, target), weight in found.items()]


def _lags(graph: Graph, made: Wiring, pairs: list[tuple[str, str]], where: str) -> dict[str, int]:
    """Steps that every layer lags; inputs do not. InputError for cycles over several layers."""
    lag = dict.fromkeys(made.inputs, 0)
    left = set(made.layers)
    while left:
        ready = [
            name for name in sorted(left) if all(a in lag or a == name for a, b in pairs if b == name)
        ]  # fmt: skip
        if not ready:
            raise InputError(
                f"the layers {', '.join(sorted(left))} form a cycle, whose order of steps NIR does not say", where=where
            )
        for name in ready:
            later = 2 if graph.nodes[name].kind == "CubaLIF" else 1
            before = [lag[a] for a, b in pairs if b == name and a != name]
            lag[name] = max(before, default=-later) + later
        left -= set(ready)
    return lag
