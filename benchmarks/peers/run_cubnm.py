"""cuBNM on the CPU: run_cubnm.py MODEL NETWORK.npz DT_MS DURATION_MS -> JSON; run by `benchmarks/regions_peers.py`.

It steps whole seconds and makes BOLD of every run; the difference of a long and a short run is what is measured.
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
MEMBERS = 4


def group_of(name: str, network: Any, dt_ms: float, duration_s: float) -> Any:
    more = {"do_fic": False} if name == "dmf" else {}
    if network["delays"]:
        more["sc_dist"] = network["lengths_mm"]
    group = getattr(sim, f"{MODELS[name]}SimGroup")(
        duration=duration_s, TR=1.0, sc=network["weights"], dt=str(dt_ms), force_cpu=True, do_fc=False, do_fcd=False,
        bold_remove_s=0, noise_segment_length=None, **more,
    )  # fmt: skip
    group.N = MEMBERS
    group.param_lists["G"] = np.linspace(0.1, 0.2, MEMBERS)
    if network["delays"]:
        group.param_lists["v"] = np.full(MEMBERS, 10.0)
    for key in group.regional_param_names:
        group.param_lists[key] = np.full((MEMBERS, len(network["weights"])), group.default_params[key])
    return group


def main() -> None:
    name, network, dt_ms, duration_ms = sys.argv[1], np.load(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    short_s, took = 2.0, []
    long_s = short_s + max(1.0, round(duration_ms * 1e-3))
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
    found = {"seconds": (took[1] - took[0]) * share, "members": MEMBERS, "version": version}
    print(json.dumps(found | {"scheme": "euler, white noise, float64, with BOLD"}))


if __name__ == "__main__":
    main()
