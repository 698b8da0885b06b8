"""What a live run says of its mean-field regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.config.drives import NeuronRange
from dtbsim.errors import InputError, did_you_mean
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.spec.network import Network

Array = NDArray[np.float64]


def region_values(
    network: Network,
    comm: Comm,
    backend: Backend,
    population: int,
    name: str,
    region: str = "",
    chosen: Sequence[int] | NeuronRange | None = None,
) -> Array:
    """Return a parameter or state of a population of regions now, float64[nodes], of an ensemble [members, nodes].

    `region` names one of the nodes, `chosen` gives the indices of some. Collective; InputError for what there is not.
    """
    assert network.regions is not None
    regions = network.regions
    where = regions.populations[population]
    names = [*(row.name for row in where.model.parameters), *(row.name for row in where.model.states)]
    if name not in names:
        raise InputError(f"model '{where.model.name}' keeps no '{name}'", remedy=did_you_mean(name, names))
    mine = on_every_rank(comm, lambda: backend.region_values(population, name))
    found: Array = np.zeros((regions.members.n, where.n_nodes))
    for (first, last), members, values in comm.allgather((*backend.region_share(population), mine)):
        found[np.ix_(list(members), range(first, last))] = values.T
    if region:
        if region not in where.node_names:
            advice = did_you_mean(region, where.node_names)
            raise InputError(f"'{where.name}' has no region '{region}'", where="name", remedy=advice)
        found = found[:, [where.node_names.index(region)]]
    if chosen is not None:
        at: Any = range(chosen.start, chosen.stop, chosen.step) if isinstance(chosen, NeuronRange) else chosen
        if max(at) >= found.shape[1] or min(at) < 0:
            raise InputError(f"'{where.name}' has regions 0 to {found.shape[1] - 1}", where="neurons")
        found = found[:, list(at)]
    return found[0] if regions.members.n == 1 else found
