"""vbi (numba): run_vbi.py MODEL NETWORK.npz DT_MS DURATION_MS -> JSON; run by `benchmarks/regions_peers.py`.

Its Jansen-Rit and Wilson-Cowan models have no delays, which is said in `scheme`. Its Stuart-Landau model is left out:
in version 0.4.4 half a second of 80 regions took longer than 100 s.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import sys
import time

import numpy as np

MODELS = {
    "dmf": ("ww", "WW_sde", {"G_exc": 0.1, "a_inh": 615.0, "RECORD_BOLD": False, "RECORD_S": True}),
    "jansen_rit": ("jansen_rit", "JR_sde", {"G": 0.1}),
    "wilson_cowan": ("wilson_cowan", "WC_sde_numba", {"g_e": 0.1}),
}


def main() -> None:
    name, network, dt_ms, duration_ms = sys.argv[1], np.load(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    module, cls, given = MODELS[name]
    weights = np.ascontiguousarray(network["weights"])
    parameters = {"weights": weights, "dt": dt_ms, "t_end": 20.0 * dt_ms + 50.0, "noise_amp": 0.001, "seed": 1, **given}
    best_s = np.inf
    with contextlib.redirect_stdout(io.StringIO()):
        model = getattr(importlib.import_module(f"vbi.models.numba.{module}"), cls)
        model(dict(parameters)).run()  # compiles
        for _ in range(3):
            one = model(parameters | {"t_end": duration_ms})
            begin_s = time.process_time()
            one.run()
            best_s = min(best_s, time.process_time() - begin_s)
    delays = "" if not network["delays"] else ", without delays"
    found = {"seconds": best_s, "members": 1, "version": importlib.metadata.version("vbi")}
    print(json.dumps(found | {"scheme": f"heun, white noise{delays}"}))


if __name__ == "__main__":
    main()
