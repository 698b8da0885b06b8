"""tvb-library: run_tvb.py MODEL NETWORK.npz DT_MS DURATION_MS -> JSON; run by `benchmarks/regions_peers.py`."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time

import numpy as np
from tvb.datatypes.connectivity import Connectivity
from tvb.simulator import coupling, integrators, models, monitors, noise, simulator

MODELS = {
    "dmf": ("ReducedWongWangExcInh", "Linear", "EulerStochastic"),
    "hopf": ("SupHopf", "Difference", "EulerStochastic"),
    "jansen_rit": ("JansenRit", "SigmoidalJansenRit", "HeunStochastic"),
    "wilson_cowan": ("WilsonCowan", "Linear", "HeunStochastic"),
    "kuramoto": ("Kuramoto", "Kuramoto", "EulerStochastic"),
    "epileptor": ("Epileptor", "Difference", "HeunStochastic"),
}


def main() -> None:
    name, network, dt_ms, duration_ms = sys.argv[1], np.load(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    cls, function, integrator = MODELS[name]
    n = len(network["weights"])
    lengths = network["lengths_mm"] if network["delays"] else 0.0 * network["lengths_mm"]
    connectivity = Connectivity(
        weights=network["weights"], tract_lengths=lengths, speed=np.array([10.0]), centres=np.zeros((n, 3)),
        region_labels=np.array([f"r{k}" for k in range(n)]),
    )  # fmt: skip
    model = getattr(models, cls)()
    sim = simulator.Simulator(
        model=model,
        connectivity=connectivity,
        coupling=getattr(coupling, function)(a=np.array([0.01])),
        integrator=getattr(integrators, integrator)(dt=dt_ms, noise=noise.Additive(nsig=np.array([1e-8]))),
        monitors=(monitors.SubSample(period=max(1.0, dt_ms)),),
        simulation_length=20 * dt_ms,
    ).configure()
    sim.run()
    best_s = np.inf
    for _ in range(2):
        begin_s = time.process_time()
        sim.run(simulation_length=duration_ms)
        best_s = min(best_s, time.process_time() - begin_s)
    version, scheme = importlib.metadata.version("tvb-library"), integrator.replace("Stochastic", "").lower()
    print(json.dumps({"seconds": best_s, "members": 1, "version": version, "scheme": f"{scheme}, white noise"}))


if __name__ == "__main__":
    main()
