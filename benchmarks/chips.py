"""How fast is a network of Loihi's neurons, and how much faster than in SANA-FE, which gives the same spikes?

    python benchmarks/chips.py --json benchmarks/results/chips.json [--sanafe /tmp/sanafe/bin/python]

80 regions of 250 neurons, one on each core: 20,000 `loihi_lif` neurons with constant input, some 1,900,000 synapses of
1 to 6 steps. With `--sanafe`, a Python with SANA-FE 2.2.9, numpy and pyyaml (it is under the GPL, and run as a program
of its own), the same network is simulated there, as large and with 3 regions: all spikes and packets have to be the
same, else the exit status is 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np

import dtbsim

PER_REGION, EXCITE = 250, 200
PARAMETERS = {"decay_u": 4096, "decay_v": 301, "vth_mantissa": 60, "refractory_steps": 3}
INSIDE, OUTSIDE = 85, 10
"""Synapses onto a neuron from its region, and from others."""
PEER = Path(__file__).with_name("chips_sanafe.py")


def network(regions: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Synapses (source, target, weight as mantissa, delay as the chip counts) and the bias of every neuron."""
    draw = np.random.default_rng(seed)
    n = regions * PER_REGION
    target = np.repeat(np.arange(n), INSIDE + OUTSIDE)
    near = np.tile(np.arange(INSIDE + OUTSIDE) < INSIDE, n)
    inside = target // PER_REGION * PER_REGION + draw.integers(0, PER_REGION, target.size)
    source = np.where(
        near, inside, draw.integers(0, regions, target.size) * PER_REGION + draw.integers(0, EXCITE, target.size)
    )
    excites = source % PER_REGION < EXCITE
    weight = np.where(excites, draw.integers(1, 5, target.size), -draw.integers(5, 19, target.size))
    order = np.lexsort((source, target))
    found = {"source": source, "target": target, "weight": weight, "delay": draw.integers(0, 6, target.size)}
    return {key: value[order] for key, value in found.items()} | {"bias": draw.integers(100, 700, n)}


def configuration(net: dict[str, np.ndarray], steps: int, folder: Path) -> dict[str, Any]:
    """The network for dtbsim."""
    file = folder / "edges.npz"
    np.savez(file, source=net["source"], target=net["target"], weight=64 * net["weight"], delay_steps=net["delay"] + 1)
    population = {
        "model": "loihi_lif",
        "size": net["bias"].size,
        "parameters": PARAMETERS | {"bias_mantissa": net["bias"]},
    }
    return {
        "name": "chip",
        "simulation": {"dt_ms": 1.0, "duration_ms": float(steps)},
        "populations": {"N": population},
        "projections": {"NN": {"source": "N", "target": "N", "rule": {"kind": "explicit", "file": str(file)}}},
    }


def measured(net: dict[str, np.ndarray], steps: int, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """What a run took, and its spikes int64[n, 2] (step, neuron), sorted."""
    began = time.perf_counter()
    result = dtbsim.run(configuration(net, steps, folder), out=folder / "run", overwrite=True)
    whole = time.perf_counter() - began
    run = result.open()
    step, gid = (np.asarray(column, np.int64) for column in run.spike_steps())
    order = np.lexsort((gid, step))
    row = {
        "neurons": int(net["bias"].size), "synapses": int(net["weight"].size), "steps": steps, "spikes": int(step.size),
        "whole_s": round(whole, 2), "simulate_s": round(run.summary["simulate_s"], 3),
    }  # fmt: skip
    return row, np.column_stack([step[order], gid[order]])


def packets(net: dict[str, np.ndarray], spikes: np.ndarray) -> int:
    """One for each spike and core with targets."""
    pairs = np.unique(net["source"] * (1 << 20) + net["target"] // PER_REGION)
    return int(np.bincount(pairs >> 20, minlength=net["bias"].size)[spikes[:, 1]].sum())


def in_sanafe(net: dict[str, np.ndarray], steps: int, python: Path, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """The same of SANA-FE."""
    np.savez(folder / "network.npz", steps=steps, per_core=PER_REGION, **net)
    (folder / "parameters.json").write_text(json.dumps(PARAMETERS))
    done = subprocess.run([python, str(PEER), str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise common.fail(
            f"SANA-FE: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
        )
    return json.loads((folder / "sanafe.json").read_text()), np.load(folder / "sanafe.npz")["spikes"].astype(np.int64)


def main() -> int:
    """Measure, compare, print."""
    parser = common.parser(__doc__)
    parser.add_argument("--regions", type=common.count, default=80, metavar="N")
    parser.add_argument("--steps", type=common.count, default=1000, metavar="N", help="of dtbsim; SANA-FE has a fifth")
    parser.add_argument("--sanafe", type=Path, metavar="PYTHON")
    options = parser.parse_args()
    head = common.origin("chips", "numba", "numpy")
    rows, failures = [], []
    for regions in sorted({3, options.regions}):
        net = network(regions)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            measured(net, 20, folder)  # kernels are compiled or loaded
            row, spikes = measured(net, options.steps, folder)
            row |= {"us_per_step": round(1e6 * row["simulate_s"] / options.steps, 1)}
            common.say(json.dumps(row))
            if options.sanafe is not None:
                fewer = max(1, options.steps // 5)
                peer, theirs = in_sanafe(net, fewer, options.sanafe, folder)
                own = spikes[spikes[:, 0] < fewer]
                equal = np.array_equal(own, theirs) and packets(net, own) == peer["packets_sent"]
                row |= {f"sanafe_{key}": value for key, value in peer.items()} | {"equal": bool(equal)}
                row["times_faster_per_step"] = round(
                    peer["simulate_s"] / fewer / (row["simulate_s"] / options.steps), 1
                )
                failures += [] if equal else [f"{regions} regions: spikes or packets differ"]
                common.say(json.dumps(row))
        rows.append(row)
    settings = {"regions": options.regions, "steps": options.steps}
    report = {**head, "settings": settings, "results": rows, "differences": failures, "passed": not failures}
    print(common.headline(report))
    columns = [
        "neurons",
        "synapses",
        "spikes",
        "whole_s",
        "us_per_step",
        "sanafe_simulate_s",
        "times_faster_per_step",
        "equal",
    ]
    print(common.table(columns, [[row.get(key) for key in columns] for row in rows]))
    if options.json is not None:
        common.write_json(options.json, report)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
