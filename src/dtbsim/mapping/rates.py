"""How often neurons fire: from the spikes of a run of the same network, or from a short run of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.mapping.links import F64

if TYPE_CHECKING:
    from dtbsim.store.run import Run

SHORT_MS = 1000.0
"""How long the network is simulated where no run is given."""
UNRECORDED: dict[str, Any] = {
    "bold": None,
    "signals": {},
    "record.states": [],
    "record.weights": [],
    "record.correlations": [],
}
"""Overrides that leave out what no mapping reads."""


def rates_of_run(run: Run, n_neurons: int) -> F64:
    """Return float64[n], the rate of every neuron (Hz) in the spikes that a run has stored.

    Raises InputError where the run is of another network, or has not stored the spikes of all populations.
    """
    size = run.network_table.n_neurons
    if size != n_neurons:
        raise InputError(
            f"the run has {size:,} neurons, the network {n_neurons:,}", where=str(run.path),
            remedy="name a run of this network",
        )  # fmt: skip
    recorded = (run.config.get("record") or {}).get("spikes")
    if recorded is None or recorded.get("populations", "all") != "all":
        raise InputError(
            "the run has not stored the spikes of all populations", where=str(run.path),
            remedy="record.spikes: {} stores them",
        )  # fmt: skip
    seconds = observed_s(run)
    _, gids = run.spike_steps()
    return np.bincount(gids.astype(np.int64), minlength=n_neurons) / seconds


def observed_s(run: Run) -> float:
    """Return the biological time of which a run has stored spikes (s). Raises InputError where that is none."""
    recorded = (run.config.get("record") or {}).get("spikes") or {}
    ended = float(run.summary.get("simulated_ms") or run.config["simulation"]["duration_ms"])
    start = float(recorded.get("start_ms") or 0.0)
    stop = min(ended, float(recorded.get("stop_ms") or ended))
    if stop <= start:
        raise InputError("no spikes were stored", where=str(run.path), remedy="name a longer run")
    return (stop - start) * 1e-3


def short_run(config: Path, n_neurons: int, duration_ms: float) -> F64:
    """Return float64[n]: rates of a run of at most a second (Hz), which leaves nothing behind."""
    from dtbsim.api import run

    changes = {"simulation.duration_ms": min(SHORT_MS, duration_ms), "record.spikes": {}} | UNRECORDED
    found = run(config, set=changes, temporary=True)
    return rates_of_run(found.open(), n_neurons)
