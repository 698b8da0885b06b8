"""The decision circuit of Wang (2002): trials of examples/decision.py in dtbsim, and the same trials in NEST."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from examples.decision import DT_MS, SIZES, START_MS, STOP_MS, trial

NEST_NAMES = {"C_m_pF": "C_m", "g_L_nS": "g_L", "t_ref_ms": "t_ref", "V_th_mV": "V_th", "V_reset_mV": "V_reset"}
RECEPTORS = {"ampa": 1, "gaba": 2, "nmda": 3}
BIN_MS = 50.0
SETTLED_MS = 200.0
WON_HZ, LOST_HZ = 15.0, 10.0
"""Rates above and below which a population has won or lost; the paper's threshold of a decision is 15 Hz."""


def run_dtbsim(coherence_percent: float, seed: int) -> dict[str, list[float]]:
    """Rates (Hz) of all populations in bins of BIN_MS, in a trial."""
    import dtbsim

    with tempfile.TemporaryDirectory() as folder:
        config = trial(coherence_percent, seed)
        chosen = ["simulation.threads=1", "record.rate_bin_ms=null"]
        run = dtbsim.run(config, out=Path(folder) / "run", set=chosen).open()
        return {name: binned((run.spike_steps(name)[0] + 1) * DT_MS, size) for name, size in SIZES.items()}


def run_nest(coherence_percent: float, seed: int) -> dict[str, list[float]]:
    """The same trial in NEST, from the same configuration."""
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution, nest.rng_seed, nest.local_num_threads = DT_MS, seed, 1
    config = trial(coherence_percent, seed)
    cells, recorders = {}, {}
    for name, population in config.populations.items():
        parameters = {NEST_NAMES[key]: value for key, value in population.parameters.items()}
        cells[name] = nest.Create("iaf_bw_2001", population.size, params=parameters)
        recorders[name] = nest.Create("spike_recorder")
        nest.Connect(cells[name], recorders[name])
    for projection in config.projections.values():
        # weights of GABA are conductances here, not negative as in other models of NEST: a negative one would excite
        synapse = {"weight": projection.weight_nS, "delay": projection.delay_ms,
                   "receptor_type": RECEPTORS[projection.receptor]}  # fmt: skip
        nest.Connect(cells[projection.source], cells[projection.target], syn_spec=synapse)
    for drive in config.drives.values():
        generator = _generator(nest, drive)
        for target in [drive.target] if isinstance(drive.target, str) else drive.target:
            synapse = {"weight": drive.weight_nS, "delay": DT_MS, "receptor_type": RECEPTORS["ampa"]}
            nest.Connect(generator, cells[target], syn_spec=synapse)
    nest.Simulate(STOP_MS)
    return {name: binned(recorders[name].events["times"], size) for name, size in SIZES.items()}


def _generator(nest: Any, drive: Any) -> Any:
    """NEST's generator of a drive: Poisson with one rate or with rates that change."""
    if drive.kind == "poisson":
        return nest.Create("poisson_generator", params={"rate": drive.rate_hz})
    return nest.Create(
        "inhomogeneous_poisson_generator",
        params={"rate_times": drive.times_ms, "rate_values": drive.rates_hz, "stop": drive.stop_ms},
    )


def binned(times_ms: Any, size: int) -> list[float]:
    """Rates (Hz) of a population in bins of BIN_MS."""
    counts = np.histogram(times_ms, np.arange(0.0, STOP_MS + BIN_MS / 2, BIN_MS) + DT_MS / 2)[0]
    return [round(float(count) / size / BIN_MS * 1e3, 3) for count in counts]


def mean_rate(rates: list[float], start_ms: float, stop_ms: float) -> float:
    """Mean of the bins from `start_ms` to `stop_ms`."""
    return float(np.mean(rates[round(start_ms / BIN_MS) : round(stop_ms / BIN_MS)]))


def spontaneous(run: dict[str, list[float]]) -> dict[str, float]:
    """Rates (Hz) before the stimulus."""
    return {name: mean_rate(rates, SETTLED_MS, START_MS) for name, rates in run.items()}


def decided(run: dict[str, list[float]]) -> dict[str, float]:
    """Rates (Hz) in the last half second of the stimulus."""
    return {name: mean_rate(rates, STOP_MS - 500.0, STOP_MS) for name, rates in run.items()}
