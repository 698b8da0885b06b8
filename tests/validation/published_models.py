"""Published networks (the configurations in `published`) in both simulators, and what is measured of them.

Every network is run with several seeds, for each of which all of its connections, initial values and inputs are others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tests.validation.microcircuit import POPULATIONS, create_column

from dtbsim.analysis.spikes import (
    cv_per_neuron,
    inter_spike_intervals,
    population_activity_hz,
    power_spectrum,
    select_spikes,
)

FOLDER = Path(__file__).parent / "published"
NETWORKS = ("cuba", "coba", "brunel_hakim", "thalamic_pulses")
DT_MS, TRANSIENT_MS = 0.1, 500.0
MIN_SPIKES = 3
BIN_MS, SEGMENT_S, LOWEST_PEAK_HZ = 0.5, 0.25, 20.0
PULSES_MS = range(700, 10_700, 500)
BEFORE_MS, AFTER_MS = 200, 30
SYMBOLS = {"C_m_pF": "C_m", "tau_m_ms": "tau_m", "g_L_nS": "g_L", "E_L_mV": "E_L", "E_ex_mV": "E_ex", "E_in_mV": "E_in",
           "V_th_mV": "V_th", "V_reset_mV": "V_reset", "t_ref_ms": "t_ref", "tau_syn_ex_ms": "tau_syn_ex",
           "tau_syn_in_ms": "tau_syn_in"}  # fmt: skip
Measured = dict[str, float]


def run_dtbsim(name: str, seed: int, *more: str) -> Measured:
    """What is measured in a run of the network `name`, with further overrides."""
    import dtbsim

    chosen = [f"seed={seed}", *more]
    run = dtbsim.run(FOLDER / f"{name}.yaml", set=chosen, temporary=True, report=False, progress=False).open()
    table = run.populations.set_index("name")
    ranges = {key: (int(table.gid0[key]), int(table["size"][key])) for key in table.index}
    steps, gids = run.spike_steps()
    return measured(name, steps, gids, ranges, run.config["simulation"]["duration_ms"])


def measured(name: str, steps: Any, gids: Any, ranges: Mapping[str, tuple[int, int]], duration_ms: float) -> Measured:
    """Steps int64[k], gids uint32[k] and (first gid, size) by population, as the numbers that are compared."""
    if name == "thalamic_pulses":
        return {
            layer: response_ms(select_spikes(steps, gids, gid0=gid0, size=size, start_step=0, stop_step=2**40)[0])
            for layer, (gid0, size) in ((layer, ranges[f"column.{layer}"]) for layer in POPULATIONS)
        }
    start, stop = round(TRANSIENT_MS / DT_MS), round(duration_ms / DT_MS)
    first, size = min(gid0 for gid0, _ in ranges.values()), sum(size for _, size in ranges.values())
    time, neuron = select_spikes(steps, gids, gid0=first, size=size, start_step=start, stop_step=stop)
    intervals = inter_spike_intervals(time, neuron, gid0=first, size=size)
    found = {
        "rate_hz": time.size / size / (stop - start) / DT_MS * 1e3,
        "cv": float(np.nanmean(cv_per_neuron(intervals, min_spikes=MIN_SPIKES))),
    }
    if name == "brunel_hakim":
        found["peak_hz"] = peak_hz(time, size, start, stop)
    return found


def peak_hz(steps: Any, size: int, start: int, stop: int) -> float:
    """Frequency at which the rate of the population oscillates."""
    window = {"start_step": start, "stop_step": stop, "bin_steps": round(BIN_MS / DT_MS)}
    activity = population_activity_hz(steps, n_neurons=size, dt_ms=DT_MS, **window)
    frequency, density = power_spectrum(activity, bin_s=BIN_MS * 1e-3, segment_s=SEGMENT_S)
    possible = frequency > LOWEST_PEAK_HZ
    return centre(frequency[possible], density[possible])


def response_ms(steps: Any) -> float:
    """Time from the onset of a pulse to the peak of the rate above that before the pulses, in the mean over pulses."""
    time_ms = (np.asarray(steps) + 1) * DT_MS
    edges = np.arange(-BEFORE_MS, AFTER_MS + 1)
    counts = sum(np.histogram(time_ms - pulse, edges)[0] for pulse in PULSES_MS)
    excess = np.convolve(counts[BEFORE_MS:] - counts[:BEFORE_MS].mean(), np.ones(3) / 3, "valid")
    return centre(np.arange(excess.size) + 1.5, excess)


def centre(x: Any, y: Any) -> float:
    """Where y is largest: the centre of what is above half of its maximum, and next to it."""
    largest = int(np.argmax(y))
    low = np.flatnonzero(np.append(True, y[:largest] < y[largest] / 2))[-1]
    high = largest + int(np.argmax(np.append(y[largest:] < y[largest] / 2, True)))
    return float(np.average(x[low:high], weights=y[low:high]))


def run_nest(name: str, seed: int) -> Measured:
    """The same with NEST, on one thread."""
    import nest

    from dtbsim import load_config

    config = load_config(FOLDER / f"{name}.yaml")
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution, nest.rng_seed, nest.local_num_threads = DT_MS, seed, 1
    cells = _column(nest, config) if name == "thalamic_pulses" else _network(nest, config)
    recorder = nest.Create("spike_recorder")
    for cell in cells.values():
        nest.Connect(cell, recorder)
    nest.Simulate(config.simulation.duration_ms)
    events = recorder.events
    ranges = {key: (int(cell[0].global_id), len(cell)) for key, cell in cells.items()}
    steps = np.rint(events["times"] / DT_MS).astype(np.int64) - 1
    return measured(name, steps, events["senders"].astype(np.int64), ranges, config.simulation.duration_ms)


def _network(nest: Any, config: Any) -> dict[str, Any]:
    """CUBA, COBA and the network of Brunel and Hakim, from the same configuration."""
    cells = {}
    for key, population in config.populations.items():
        parameters = {SYMBOLS[symbol]: value for symbol, value in population.parameters.items()}
        start = _value(nest, population.initial["V_m_mV"])
        cells[key] = nest.Create(population.model, population.size, parameters | {"V_m": start})
    for projection in config.projections.values():
        rule = {"rule": "pairwise_bernoulli", "p": projection.rule.probability}
        weight = next(w for w in (projection.weight_pA, projection.weight_nS, projection.weight_mV) if w is not None)
        sign = -1.0 if projection.weight_nS is not None and projection.receptor == "in" else 1.0
        synapse = {"weight": sign * weight, "delay": projection.delay_ms}
        for target in projection.target if isinstance(projection.target, list) else [projection.target]:
            nest.Connect(cells[projection.source], cells[target], rule, synapse)
    for drive in config.drives.values():
        if drive.kind == "noise_current":
            device = nest.Create("noise_generator", params={"mean": drive.mean, "std": drive.std, "dt": DT_MS})
            nest.Connect(device, cells[drive.target])
        else:
            device = nest.Create("poisson_generator", params={"rate": drive.rate_hz, "stop": drive.stop_ms})
            chosen = cells[drive.target][: drive.neurons.stop]
            nest.Connect(device, chosen, syn_spec={"weight": drive.weight_nS, "delay": DT_MS})
    return cells


def _value(nest: Any, value: Any) -> Any:
    kind = getattr(value, "distribution", None)
    if kind == "uniform":
        return nest.random.uniform(value.low, value.high)
    return nest.random.normal(value.mean, value.sd) if kind == "normal" else float(value)


def _column(nest: Any, config: Any) -> dict[str, Any]:
    """The microcircuit, and the thalamus."""
    cells = {f"column.{key}": cell for key, cell in create_column(nest, config.circuits["column"].scale).items()}
    thalamus = nest.Create("parrot_neuron", config.populations["thalamus"].size)
    drive = config.drives["pulses"]
    for start, stop in drive.windows_ms:
        device = nest.Create("poisson_generator", params={"rate": drive.rate_hz, "start": start, "stop": stop})
        nest.Connect(device, thalamus, syn_spec={"delay": DT_MS})
    for projection in config.projections.values():
        weight, delay = projection.weight_pA, projection.delay_ms
        synapse = {
            "weight": nest.random.normal(weight.mean, weight.sd),
            "delay": nest.math.redraw(nest.random.normal(delay.mean, delay.sd), min=delay.low, max=math.inf),
        }
        rule = {"rule": "pairwise_bernoulli", "p": projection.rule.probability}
        nest.Connect(thalamus, cells[projection.target], rule, synapse)
    return cells
