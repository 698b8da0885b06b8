"""Environments of the simulators that `benchmarks/regions_peers.py` compares with, one for each.

    python benchmarks/peers/environments.py FOLDER [PEER ...]

makes FOLDER/PEER by `venv` and `pip`, about 2 GB in all; what is there already stays. neurolib, tvb-library and cuBNM
are wheels, vbi builds a C++ part from source (SWIG and a compiler). Python 3.11 serves all of them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

PEERS = {
    "neurolib": ["neurolib==0.6.2"],
    "tvb": ["tvb-library==2.10.0"],
    "cubnm": ["cubnm==0.1.0"],
    "vbi": ["vbi==0.4.4"],
}
"""What is installed for each."""


def python_of(folder: Path, peer: str) -> Path:
    """The interpreter of an environment."""
    return folder / peer / "bin" / "python"


def make(folder: Path, peer: str) -> bool:
    """Make an environment unless it is there; returns whether it can be used."""
    python, done = python_of(folder, peer), folder / peer / "installed"
    if done.exists():
        return True
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / peer)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PEERS[peer]]
    result = subprocess.run(pip, capture_output=True, text=True, check=False)
    if result.returncode:
        print(f"{peer} does not install here: {result.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return False
    done.touch()
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("peers", nargs="*", default=list(PEERS))
    given = parser.parse_args()
    for name in given.peers:
        print(name, "is there" if make(given.folder, name) else "is missing")
