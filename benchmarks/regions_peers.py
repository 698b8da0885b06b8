"""Mean-field regions side by side with other simulators: nanoseconds of one core per region, step and run.

    python benchmarks/regions_peers.py FOLDER [MODEL ...] [--peers neurolib,tvb,cubnm,vbi] [--json RESULT]

80 regions of aal2 (dense), dt 0.1 ms (0.05 ms of the Epileptor), delays by tracts at 10 mm/ms where the case of
`benchmarks/regions.py` has them, process time of one thread, noise included, what is compiled is compiled before; each
simulator with the parameters, the scheme and the noise it has, as its users run it. FOLDER holds an environment for
each peer (`benchmarks/peers/environments.py` makes those that lack). What a peer has no model for, or none that runs,
is left out. With `--json`, cases that are measured replace those in the file, so that a run can be cut into pieces.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
import regions
from peers import environments

from dtbsim.atlas import load_atlas

HAS = {
    "neurolib": ("dmf", "hopf", "wilson_cowan"),
    "tvb": ("dmf", "hopf", "jansen_rit", "wilson_cowan", "kuramoto", "epileptor"),
    "cubnm": ("dmf", "jansen_rit", "wilson_cowan", "kuramoto"),
    "vbi": ("dmf", "jansen_rit", "wilson_cowan"),
}
"""Models of which every peer has the same or a sibling."""
STEPS = {"neurolib": 20_000, "tvb": 1_000, "cubnm": 10_000, "vbi": 5_000}
LIMIT_S = 150.0


def network_file(folder: Path, delays: bool) -> Path:
    """Weights, scaled to a largest eigenvalue of 1, and lengths, for the other interpreters."""
    atlas = load_atlas("aal2")
    weights = np.asarray(atlas.weights, np.float64)
    path = folder / f"network_{int(delays)}.npz"
    scaled = weights / np.linalg.eigvals(weights).real.max()
    np.savez(path, weights=scaled, lengths_mm=np.asarray(atlas.lengths_mm, np.float64), delays=delays)
    return path


def of_peer(folder: Path, peer: str, name: str, case: regions.Case, network: Path) -> dict[str, Any] | None:
    """Measure a peer in its environment; None where it does not run."""
    python = environments.python_of(folder, peer)
    script = Path(environments.__file__).with_name(f"run_{peer}.py")
    steps = 1000 if (peer, name) == ("cubnm", "kuramoto") else STEPS[peer]
    command = [str(python), str(script), name, str(network), str(case.dt_ms), str(steps * case.dt_ms)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | threads
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        common.say(f"{peer} {name}: no result within {LIMIT_S:g} s")
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        common.say(f"{peer} {name}: {done.stderr.strip().splitlines()[-1:]}")
        return None
    found: dict[str, Any] = json.loads(lines[-1])
    with np.load(network) as data:
        n_nodes = len(data["weights"])
    found["ns"] = found.pop("seconds") / (steps * n_nodes * found["members"]) * 1e9
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="*", choices=[*regions.CASES, []], help="default: all")
    parser.add_argument("--peers", default=",".join(HAS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results here")
    given = parser.parse_args()
    peers = [peer for peer in given.peers.split(",") if environments.make(given.folder.resolve(), peer)]
    head = common.origin("regions_peers")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.models or regions.CASES:
            case = regions.CASES[name]
            row: dict[str, Any] = {"dtbsim alone": regions.measured(case, 1), "dtbsim": regions.measured(case, 16)}
            network = network_file(Path(scratch), case.delays)
            for peer in peers:
                if (
                    name in HAS[peer]
                    and (one := of_peer(given.folder.resolve(), peer, name, case, network)) is not None
                ):
                    row[peer] = one
            found[name] = row
            print(f"{name:14s}", ", ".join(f"{who} {one['ns']:.4g} ns" for who, one in row.items()), flush=True)
    if given.json is not None:
        if given.json.exists():
            found = json.loads(given.json.read_text(encoding="utf-8"))["results"] | found
        common.write_json(given.json, head | {"results": found})


if __name__ == "__main__":
    main()
