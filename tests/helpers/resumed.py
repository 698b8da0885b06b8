"""A network with everything that carries state, runs of it that are interrupted, and what they hold, to be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.helpers.rich_run import write_rich_config

import dtbsim
from dtbsim.mpi import run_ranks
from dtbsim.store import open_run

MORE = """\
  slow: {kind: ou_current, target: I, mean: 100, sigma: 50, tau_ms: 20}
controllers:
  tonic: {kind: homeostatic_tonic, population: E, parameter: I_e_pA, target_rate_hz: 20, gain: 5, interval_ms: 35,
          stages: [{start_ms: 0, eta: 1}]}
  scale: {kind: synaptic_scaling, projection: IE, target_rate_hz: 20, tau_rate_ms: 100, interval_ms: 40, eta: 0.1}
changes:
  step: {population: I, t_ms: 120, set: {I_e_pA: 50}}
  weaker: {projection: EI, t_ms: 210, set: {weight_factor: 0.5}}
  louder: {drive: background, t_ms: 90, set: {rate_hz: 9000}}
bold:"""
STATES = """\
  states:
  - {population: I, variables: [V_m_mV], neurons: 3, interval_ms: 1}
  - {population: E, variables: [V_m_mV], neurons: 2, interval_ms: 7}
  weights:
  - {projection: IE, neurons: 8, interval_ms: 100}
  - {projection: IE, neurons: 2}
  correlations:
  - {first: E, second: I, bin_ms: 2, tau_max_ms: 10, start_ms: 31}
"""


def write_changing_config(folder: Path) -> Path:
    """Write the configuration of the rich run with controllers, changes and noise that remembers."""
    path = write_rich_config(folder)
    text = path.read_text(encoding="utf-8").replace("bold:", MORE, 1)
    head, _, _ = text.partition("  states:")
    path.write_text(head + STATES, encoding="utf-8")
    return path


def begin(config: Path, out: Path, until_ms: float, ranks: int = 1, **overrides: Any) -> None:
    """Run until a time, where a checkpoint is written."""
    values = {"simulation.duration_ms": until_ms, "checkpoint": {}} | overrides
    run_ranks(ranks, lambda comm: dtbsim.run(config, out=out, set=values, comm=comm), timeout_s=200)


def go_on(out: Path, until_ms: float, ranks: int = 1, **overrides: Any) -> dict[str, Any]:
    """Resume until a time; returns the summary."""
    values = {"simulation.duration_ms": until_ms} | overrides
    results = run_ranks(ranks, lambda comm: dtbsim.resume(out, set=values, comm=comm), timeout_s=200)
    return dict(results[0].summary)


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a run has stored, and the numbers of its summary that do not tell of time and memory."""
    run = open_run(folder)
    steps, gids = run.spike_steps()
    found: dict[str, Any] = {"steps": steps.tobytes(), "gids": gids.tobytes(), "hash": run.spike_hash().digest}
    found |= {"rates": run.rates().to_dict(), "bold": run.bold().to_dict()}
    found |= {f"states {k}": run.states(k).to_dict() for k in range(len(run.config["record"]["states"]))}
    found |= {f"weights {k}": run.weights(k).to_dict() for k in range(len(run.config["record"]["weights"]))}
    found["correlation"] = run.correlation().to_dict()
    for key in ("neurons", "synapses", "spikes", "events", "mean_rate_hz", "biological_s", "spike_hash", "synchrony"):
        found[key] = run.summary[key]
    return {key: repr(value) for key, value in found.items()}
