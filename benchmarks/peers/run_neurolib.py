"""neurolib: run_neurolib.py MODEL NETWORK.npz DT_MS DURATION_MS -> JSON; run by `benchmarks/regions_peers.py`."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time

import numpy as np

MODELS = {"dmf": ("ww", "WWModel"), "hopf": ("hopf", "HopfModel"), "wilson_cowan": ("wc", "WCModel")}


def main() -> None:
    name, network, dt_ms, duration_ms = sys.argv[1], np.load(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    module, cls = MODELS[name]
    lengths = network["lengths_mm"] if network["delays"] else 0.0 * network["lengths_mm"]
    model = getattr(importlib.import_module(f"neurolib.models.{module}"), cls)(Cmat=network["weights"], Dmat=lengths)
    model.params["dt"], model.params["signalV"] = dt_ms, 10.0
    model.params["sigma_ou"] = 0.01
    model.params["duration"] = 20.0 * dt_ms + 100.0
    model.run()  # compiles
    model.params["duration"] = duration_ms
    best_s = np.inf
    for _ in range(3):
        begin_s = time.process_time()
        model.run()
        best_s = min(best_s, time.process_time() - begin_s)
    version = importlib.metadata.version("neurolib")
    print(
        json.dumps({"seconds": best_s, "members": 1, "version": version, "scheme": "euler, Ornstein-Uhlenbeck noise"})
    )


if __name__ == "__main__":
    main()
