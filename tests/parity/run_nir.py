"""Run a graph of NIR with its input in another program: python run_nir.py norse|snntorch GRAPH.nir OUT.npz

Needs a Python with nir, nirtorch and norse or snntorch, and no dtbsim. OUT gets the steps and neurons of all spikes
and the versions of what ran.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import nir
import numpy as np
import torch


def dense(path: Path, dt_s: float, n_steps: int) -> torch.Tensor:
    """What arrives, [steps, channels]."""
    events = nir.read_data(str(path)).nodes["input"].observables["spikes"]
    values = np.zeros((n_steps, events.n_neurons), np.float32)
    np.add.at(values, (np.rint(events.time / dt_s).astype(int), events.idx), events.value)
    return torch.from_numpy(values)


def main(program: str, path: Path, out: Path) -> None:
    """Step the graph."""
    graph = nir.read(path)
    dt_s, n_steps = float(graph.metadata["dt_s"]), int(graph.metadata["n_steps"])
    values = dense(path.with_name(f"{path.stem}_input.nir"), dt_s, n_steps)
    if program == "norse":
        import norse.torch

        model = norse.torch.from_nir(graph, dt=dt_s)
    else:
        from snntorch.import_nir import import_from_nir

        model = import_from_nir(graph)
    state, found = None, []
    with torch.no_grad():
        for step in range(n_steps):
            given = values[step : step + 1]
            result = model(given) if state is None else model(given, state)
            spikes, state = result if isinstance(result, tuple) else (result, None)
            neurons = np.flatnonzero(spikes.numpy().ravel() > 0)
            found.append(np.stack([np.full(neurons.size, step), neurons], axis=1))
    table = np.concatenate(found)
    names = ("nir", "nirtorch", program, "torch")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in names]
    np.savez_compressed(out, step=table[:, 0].astype(np.int32), neuron=table[:, 1].astype(np.int32), versions=versions)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
