"""`dtbsim export CONFIG --to nir FILE --reader NAME`: a network as a graph of NIR, and its input beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.errors import InputError
from dtbsim.interchange.base import Exporter, Loss, Written, refuse_losses
from dtbsim.interchange.folder import new_file
from dtbsim.interchange.nir.files import Events, Graph, Node, write_events, write_graph
from dtbsim.interchange.nir.inputs import Channels, channels_of, factor_of
from dtbsim.interchange.nir.layers import Place, layer_of, losses_of, places_of
from dtbsim.interchange.nir.readers import Layer, Reader, as_node, reader_of
from dtbsim.version import VERSION

MOST_WEIGHTS = 1 << 27
"""Weights of a graph are matrices: 1 GiB in memory."""
F64 = NDArray[np.float64]


class NirExporter(Exporter):
    """One layer of LIF or CubaLIF neurons, its input and, where neurons are connected, its recurrence."""

    takes = "network"
    summary = "NIR graph of one layer, for Norse or snnTorch, or by the equations (--reader norse, snntorch, spec)"
    options = frozenset({"reader"})

    def write(self, source: BuiltNetwork, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write `target`, a .nir, and beside it `NAME_input.nir` with what arrives when.

        Args:
            source: the network.
            target: the file.
            lossy: write it although spikes will differ.
            options: `reader`: the program that will read it: norse, snntorch, or spec for the equations of NIR.
        """
        reader = reader_of(options.get("reader"))
        if target.suffix != ".nir":
            raise InputError("the name of a graph of NIR ends with .nir", where=str(target), remedy=f"{target}.nir")
        losses = tuple(losses_of(source, reader))
        refuse_losses(losses, lossy)
        places = places_of(source.network)
        layer = layer_of(source, places)
        channels = list(channels_of(source, places))
        n_channels = sum(item.n for item in channels)
        _check_size(layer.n, n_channels)
        made = _graph(source, places, layer, channels, reader, losses)
        beside = target.with_name(f"{target.stem}_input.nir")
        with new_file(target) as graph, new_file(beside) as data:
            write_graph(graph, made)
            events = _events(source, channels, reader)
            write_events(data, "input", events)
        sizes = {"neurons": layer.n, "channels of input": n_channels, "input events": int(events.index.size)}
        return Written(target, sizes, losses, (f"its input is in {beside}",))


NIR = NirExporter()


def _check_size(n: int, n_channels: int) -> None:
    if n * (n + n_channels) > MOST_WEIGHTS:
        raise InputError(
            f"matrices of {n:,} neurons with {n_channels:,} channels of input have {n * (n + n_channels):,} weights; "
            f"allowed: {MOST_WEIGHTS:,}",
            where="populations", remedy="export a smaller network",
        )  # fmt: skip


def _graph(
    built: BuiltNetwork,
    places: list[Place],
    layer: Layer,
    channels: list[Channels],
    reader: Reader,
    losses: tuple[Loss, ...],
) -> Graph:
    network = built.network
    made = as_node(layer, reader, built.dt_ms)
    weights = _input_weights(layer.n, channels, made.per_weight, made.per_current)
    inputs = Node("Linear", {"weight": weights})
    if made.bias.any():
        inputs = Node("Affine", {"weight": weights, "bias": made.bias})
    nodes = {
        "input": Node("Input", {"shape": np.array([weights.shape[1]])}),
        "w_in": inputs,
        "neurons": made.node,
        "output": Node("Output", {"shape": np.array([layer.n])}),
    }
    edges = [("input", "w_in"), ("w_in", "neurons")]
    recurrent, delay = _recurrent_weights(built, places, layer.n)
    if recurrent is not None:
        nodes["w_rec"] = Node("Linear", {"weight": recurrent * made.per_weight[:, None]})
        edges += [("neurons", "w_rec")]
        if reader.steps:
            edges += [("w_rec", "neurons")]
        else:
            nodes["delay"] = Node("Delay", {"delay": np.full(layer.n, delay * built.dt_ms * 1e-3)})
            edges += [("w_rec", "delay"), ("delay", "neurons")]
    edges += [("neurons", "output")]  # last: Norse returns what the last node of a walk along the edges gives
    metadata = {
        "dtbsim": VERSION,
        "name": network.name,
        "reader": reader.name,
        "rule": reader.rule,
        "dt_s": _dt_s(reader, built.dt_ms),
        "dt_ms": built.dt_ms,
        "n_steps": network.n_steps,
        "seed": str(network.seed),
        "populations": json.dumps([{"name": x.name, "first": x.first, "size": x.size} for x in places]),
        "lost": json.dumps([[loss.what, loss.where, loss.instead] for loss in losses]),
        "C_m_pF": layer.C_m_pF,
        "E_L_mV": layer.E_L_mV,
        "I_e_pA": layer.I_e_pA,
    }
    return Graph(nodes, edges, metadata)


def _dt_s(reader: Reader, dt_ms: float) -> float:
    return reader.dt_s or dt_ms * 1e-3


def _input_weights(n: int, channels: list[Channels], per_weight: F64, per_current: F64) -> F64:
    """float64[neurons, channels]; without any input one channel that reaches nobody, as layers need some."""
    weights = np.zeros((n, max(1, sum(item.n for item in channels))))
    first = 0
    for item in channels:
        scale = per_current if item.current else per_weight
        np.add.at(weights, (item.neuron, first + item.channel), item.weight)
        weights[:, first : first + item.n] *= scale[:, None]
        first += item.n
    return weights


def _recurrent_weights(built: BuiltNetwork, places: list[Place], n: int) -> tuple[F64 | None, int]:
    """Weights between neurons, float64[target, source], or None without any; and the shortest delay in steps."""
    network, by_family = built.network, {place.family: place for place in places}
    weights, delays = None, []
    for projection in network.projections:
        if projection.source_family not in by_family:
            continue
        weights = np.zeros((n, n)) if weights is None else weights
        source, target = by_family[projection.source_family], by_family[projection.target_family]
        shown = built.projections[projection.name]
        factor = shown.quantum * factor_of(network, target.family, projection.channel)
        delays.append(projection.delay_range(network.dt_ms)[0])
        for part in shown.synapses():
            where = (
                part["target_gid"].to_numpy(np.int64) - target.gid0 + target.first,
                part["source_gid"].to_numpy(np.int64) - source.gid0 + source.first,
            )
            np.add.at(weights, where, part["quanta"].to_numpy(np.float64) * factor)
    return weights, min(delays, default=1)


def _events(built: BuiltNetwork, channels: list[Channels], reader: Reader) -> Events:
    """What arrives when. Currents of readers act on the potential in the step in which input arrives, dtbsim's in the
    next: there it comes a step later."""
    network = built.network
    late = int(reader.steps and network.families[places_of(network)[0].family].declared.name == "iaf_psc_exp")
    firsts = np.cumsum([0, *(item.n for item in channels)])
    empty = np.zeros(0, np.int64)
    step = np.concatenate([empty, *(item.step for item in channels)]) + late
    index = np.concatenate([empty, *(item.of + first for item, first in zip(channels, firsts, strict=False))])
    value = np.concatenate([np.zeros(0), *(item.value for item in channels)])
    order = np.lexsort((index, step))
    order = order[step[order] < network.n_steps]
    dt_s = _dt_s(reader, built.dt_ms)
    return Events(index[order], step[order] * dt_s, value[order], max(1, int(firsts[-1])), network.n_steps * dt_s)
