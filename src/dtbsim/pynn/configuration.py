"""The configuration of dtbsim that PyNN's objects amount to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.clock import MAX_STEPS, time_of


def configuration_of(state: Any, folder: Path) -> dict[str, Any]:
    """Return the configuration of everything that a `State` holds, as it was when the segment began.

    Lists of synapses and spikes are files in `folder`; those of synapses stay the same for a segment.
    """
    longest = max((projection.longest_delay for projection in state.projections if len(projection)), default=0.0)
    simulation: dict[str, Any] = {
        "dt_ms": state.dt,
        "duration_ms": time_of(MAX_STEPS, state.dt),
        "max_delay_ms": max(1000.0, longest),
        "backend": state.backend,
    }
    if state.threads is not None:
        simulation["threads"] = state.threads
    changes: dict[str, Any] = {}
    if state.segment_counter > 0:
        changes["segment"] = {"t_ms": 0.0, "noise_seed": state.seed + state.segment_counter}
    changes |= {f"change_{number}": entry for number, entry in enumerate(state.timeline)}
    drives: dict[str, Any] = {}
    for item in (*state.populations, *state.current_sources):
        drives |= item.drives()
    projections: dict[str, Any] = {}
    for projection in state.projections:
        for key, entry, edges, _ in projection.configured():
            file = folder / f"{key}.npz"
            if not file.exists():
                np.savez(file, **edges)
            projections[key] = entry | {"rule": {"kind": "explicit", "file": str(file)}}
    weights = [
        {"projection": key, "neurons": list(range(state_size(state, entry["target"])))}
        for key, entry in projections.items()
        if entry.get("synapse", {}).get("kind") == "stdp"
    ]
    return {
        "name": "pynn",
        "seed": state.seed,
        "simulation": simulation,
        "populations": {population.name: population.configured(folder) for population in state.populations},
        "projections": projections,
        "drives": drives,
        "changes": changes,
        "record": {
            "spikes": None,
            "rate_bin_ms": None,
            "states": [entry for recorder in ordered(state.recorders) for entry in recorder.configured()],
            "weights": weights,
        },
        "checkpoint": {"keep": 1},
    }


def ordered(recorders: Any) -> list[Any]:
    """Recorders in the order of their populations."""
    return sorted(recorders, key=lambda recorder: recorder.population.number)


def state_size(state: Any, name: str) -> int:
    """Neurons of a population, by its name in the configuration."""
    return int(next(population.size for population in state.populations if population.name == name))


def packed(values: Any) -> Any:
    """A number where all of an array are equal, else the array."""
    array = np.asarray(values, np.float64)
    return float(array.flat[0]) if array.size and (array == array.flat[0]).all() else array
