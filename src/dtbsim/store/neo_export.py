"""Spike trains as Neo objects (https://neo.readthedocs.io), for elephant and other tools."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.errors import MissingDependencyError
from dtbsim.record.spike_order import Gids, Steps
from dtbsim.store.network_table import NetworkTable, PopulationChoice


def spike_trains(
    network: NetworkTable, choice: PopulationChoice, steps: Steps, gids: Gids, start_step: int, stop_step: int
) -> list[Any]:
    """Return a neo.SpikeTrain for every neuron of the chosen populations, from spikes sorted by step.

    Times are the ends of the steps in ms, t_start < t <= t_stop; t_start and t_stop are those of the window, which is
    the steps from `start_step` to `stop_step`, exclusive. Annotations: gid, population.
    """
    try:
        import neo
    except ImportError as error:
        raise MissingDependencyError(
            f"the package neo cannot be imported: {error}", remedy="pip install 'dtbsim[neo]'"
        ) from error
    order = np.argsort(gids, kind="stable")
    times_ms, gids = network.time_ms(steps[order]), gids[order]
    t_start, t_stop = start_step * network.dt_ms, stop_step * network.dt_ms
    trains = []
    for population in network.named(choice):
        members = np.arange(population["gid0"], population["gid0"] + population["size"])
        bounds = np.searchsorted(gids, np.append(members, members[-1] + 1))
        for gid, first, last in zip(members.tolist(), bounds[:-1], bounds[1:], strict=True):
            train = neo.SpikeTrain(
                times_ms[first:last], units="ms", t_start=t_start, t_stop=t_stop, gid=gid, population=population["name"]
            )
            trains.append(train)
    return trains
