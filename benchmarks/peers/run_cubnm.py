"""cuBNM on the CPU: run_cubnm.py MODEL NETWORK.npz DT_MS DURATION_MS -> JSON; run by `benchmarks/regions_peers.py`.

It makes BOLD of every run; the difference of a long and a short run is what is measured.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import sys
import time
from typing import Any

import numpy as np
from cubnm import sim

MODELS = {"dmf": "rWW", "jansen_rit": "JR", "wilson_cowan": "WC", "kuramoto": "Kuramoto"}
MEMBERS = {"kuramoto": 1}
"""Runs of a call; else 4. Its Kuramoto model takes about 1,500 ns of a region and step."""


def group_of(name: str, network: Any, dt_ms: float, duration_s: float) -> Any:
    more = {"do_fic": False} if name == "dmf" else {}
    if network["delays"]:
        more["sc_dist"] = network["lengths_mm"]
    group = getattr(sim, f"{MODELS[name]}SimGroup")(
        duration=duration_s, TR=0.5, sc=network["weights"], dt=str(dt_ms), force_cpu=True, do_fc=False, do_fcd=False,
        gof_terms=[],
        bold_remove_s=0, noise_segment_length=None, **more,
    )  # fmt: skip
    members = MEMBERS.get(name, 4)
    group.N = members
    group.param_lists["G"] = np.linspace(0.1, 0.2, members)
    if network["delays"]:
        group.param_lists["v"] = np.full(members, 10.0)
    for key in group.regional_param_names:
        default = group.default_params[key]
        group.param_lists[key] = np.full((members, len(network["weights"])), 0.0 if default is None else default)
    return group


def main() -> None:
    name, network, dt_ms, duration_ms = sys.argv[1], np.load(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    short_s, took = 0.5, []
    long_s = short_s + max(0.5, round(duration_ms * 2e-3) / 2)
    with contextlib.redirect_stdout(io.StringIO()):
        for duration_s in (short_s, long_s):
            best_s = np.inf
            for _ in range(2):
                group = group_of(name, network, dt_ms, duration_s)
                begin_s = time.process_time()
                group.run()
                best_s = min(best_s, time.process_time() - begin_s)
            took.append(best_s)
    share = duration_ms * 1e-3 / (long_s - short_s)
    version = importlib.metadata.version("cubnm")
    found = {"seconds": (took[1] - took[0]) * share, "members": MEMBERS.get(name, 4), "version": version}
    print(json.dumps(found | {"scheme": "euler, white noise, float64, with BOLD"}))


if __name__ == "__main__":
    main()
