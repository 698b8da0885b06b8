"""Virtual nodes that dtbsim wrote for a drive become that drive again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.files import read_npz
from dtbsim.interchange.sonata.cells import Cell
from dtbsim.interchange.sonata.edges_read import Bundle

WEIGHT_KEYS = {"pA": "weight_pA", "mV": "weight_mV", "nS": "weight_nS"}


def drives_of(
    bundles: list[Bundle], cells: list[Cell], folder: Path, prefix: str, dt_ms: float, spikes: Mapping[str, str]
) -> dict[str, Any]:
    """Return drives of listed spikes for cells that were drives, and have one edge of a step's delay from each node.

    Others are made plain virtual nodes, `cell.drive` None.
    """
    found: dict[str, Any] = {}
    for cell in cells:
        if cell.drive is None:
            continue
        mine = [bundle for bundle in bundles if bundle.source is cell]
        if cell.name not in spikes or not all(_one_to_one(bundle, dt_ms) for bundle in mine):
            cell.drive = None
            continue
        file = folder / Path(spikes[cell.name]).name
        table = read_npz(file)
        file.unlink()
        for bundle in mine:
            ends = [f"_{bundle.target.name}"] if len({id(x.target) for x in mine}) > 1 else []
            ends += [f"_{bundle.receptor}"] if len({x.receptor for x in mine}) > 1 else []
            name = free_name("".join([cell.drive, *ends]), found)
            found[name] = _drive(bundle, table, folder, prefix, name)
    return found


def _one_to_one(bundle: Bundle, dt_ms: float) -> bool:
    source = bundle.files.column("source")
    alike = len(bundle.weights) == 1 and len(bundle.delays) == 1 and abs(next(iter(bundle.delays)) - dt_ms) < 1e-9
    return alike and np.unique(source).size == source.size


def _drive(bundle: Bundle, table: Mapping[str, Any], folder: Path, prefix: str, name: str) -> dict[str, Any]:
    target = np.full(bundle.source.size, -1, np.int64)
    target[bundle.files.column("source")] = bundle.files.column("target")
    neuron = target[table["neuron"]]
    file = f"drive_{name}.npz"
    np.savez(folder / file, neuron=neuron[neuron >= 0], time_ms=table["time_ms"][neuron >= 0])
    assert bundle.target.model is not None
    port = bundle.target.model.receptor(bundle.receptor)
    made: dict[str, Any] = {"kind": "spike_trains", "target": bundle.target.name, "file": f"{prefix}/{file}"}
    if bundle.receptor is not None:
        made["receptor"] = bundle.receptor
    made[WEIGHT_KEYS.get(port.weight_unit, "weight")] = next(iter(bundle.weights))
    return made


def free_name(name: str, taken: dict[str, Any]) -> str:
    """Return a name that begins with a letter and is not taken."""
    name = name if name[:1].isalpha() else f"p_{name}"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
