"""Spikes and packets of SANA-FE 2.2.9 for the files that `dtbsim map --export sanafe` writes of a small network.

SANA-FE is under the GPL and runs in an environment of its own:

    python -m venv /tmp/sanafe && /tmp/sanafe/bin/pip install sanafe==2.2.9 numpy
    DTBSIM_SANAFE_PYTHON=/tmp/sanafe/bin/python python tests/parity/make_sanafe_map.py

writes tests/parity/data/sanafe_map.npz: the SHA-256 of the files that were run, step and gid of every spike, packets.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.mapped import SMALL, delta_network, small_loihi

import dtbsim
from dtbsim.store.files import sha256_of_file

OUT = Path(__file__).parent / "data" / "sanafe_map.npz"
FILES = ("arch.yaml", "net.yaml")


def in_sanafe(folder: Path, python: str) -> dict[str, Any]:
    """What SANA-FE makes of exported files: `step` and `gid` of all spikes, `packets`."""
    done = subprocess.run([python, str(folder / "run_sanafe.py")], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    with np.load(folder / "sanafe.npz") as found:
        return dict(found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = dtbsim.map_network(delta_network(**SMALL), to=small_loihi(20), out=root / "map")
        written = dtbsim.export_mapping(made, to="sanafe", out=root / "tool")
        found = in_sanafe(written.path, os.environ["DTBSIM_SANAFE_PYTHON"])
        files = np.array([sha256_of_file(written.path / name) for name in FILES])
        spikes = np.stack([found["step"], found["gid"]], axis=1).astype(np.uint16)
        np.savez_compressed(OUT, files=files, spikes=spikes, packets=found["packets"])
        print(len(spikes), "spikes", int(found["packets"]), "packets")
