"""Make tests/data/nir: spikes of exported networks in Norse and snnTorch.

    python -m venv /tmp/nir && /tmp/nir/bin/pip install nir==1.0.8 nirtorch==2.6 norse==1.1.0 snntorch==1.0.0
    DTBSIM_NIR_PYTHON=/tmp/nir/bin/python python tests/parity/make_nir_spikes.py

A Python of its own, as PyTorch is some gigabytes. Each file has `step` and `neuron` of all spikes, `versions` of what
ran, and `digest`, that of the numbers of the graph (tests/helpers/nir_graphs.py), so that a test knows whether it
would still be the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tests.helpers.nir_cases import CASES
from tests.helpers.nir_graphs import digest

import dtbsim

DATA = Path(__file__).parents[1] / "data" / "nir"


def run_elsewhere(name: str, folder: Path) -> dict[str, np.ndarray]:
    """Export a case into a folder and run it in its reader."""
    reader, given = CASES[name]
    graph = folder / f"{name}.nir"
    dtbsim.export(given, to="nir", out=graph, reader=reader)
    script = Path(__file__).with_name("run_nir.py")
    command = [os.environ["DTBSIM_NIR_PYTHON"], str(script), reader, str(graph), str(folder / "out.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    with np.load(folder / "out.npz") as found:
        return {**found, "digest": np.array(digest(graph))}


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            found = run_elsewhere(name, Path(folder))
        np.savez_compressed(DATA / f"{name}.npz", **found)
        print(name, found["step"].size, "spikes;", ", ".join(found["versions"]))
