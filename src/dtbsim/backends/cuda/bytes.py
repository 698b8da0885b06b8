"""Memory of a rank whose synapses are all procedural, on the GPU and on the host: what each neuron costs.

Stored synapses, and tables whose size does not grow with the number of neurons, are not in these sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda import procedural
from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.log import log_bytes
from dtbsim.backends.cuda.tables import MOST_RUNS
from dtbsim.build.kinds import find_kinds
from dtbsim.build.memory import own_rate_bytes
from dtbsim.build.most_spikes import most_spikes
from dtbsim.build.pairs import splits_of
from dtbsim.build.procedural import ring_size
from dtbsim.kernels import device_layout as X
from dtbsim.kernels.poisson import STEPS
from dtbsim.spec.network import Network

I64 = NDArray[np.int64]


def device_bytes(network: Network, owned: I64, wide: bool = False) -> dict[str, int]:
    """Bytes on the GPU by what they are for.

    Args:
        network: procedural projections only.
        owned: int64[n_populations], neurons on this rank.
        wide: sums of 64 bits.
    """
    n, states, inputs = _sizes(network, owned)
    most = int((most_spikes(network) * owned).sum())
    driven = sum(int(owned[drive.population]) for drive in network.drives if drive.kind == "poisson")
    own_rates = sum(own_rate_bytes(drive) * int(owned[drive.population]) for drive in network.drives)
    parts = _ordered_parts(network, owned)
    batch = min(procedural.BATCH, -(-most // Limits.threads) * Limits.threads)
    return {
        "states": 4 * states,
        "input of coming steps": (8 if wide else 4) * inputs * max(1, ring_size(network)),
        "gids and numbers as sources": id_bytes(network, n),
        "published spikes": 4 * most,
        "log": log_bytes(most),
        "drives": 8 * driven // X.UNIT + STEPS * driven + own_rates,
        "batches": batch * (8 + 2 * parts) if parts else 0,
    }


def host_bytes(network: Network, owned: I64) -> dict[str, int]:
    """Bytes that stay on the host, by what they are for; arguments as for `device_bytes`."""
    n, states, _ = _sizes(network, owned)
    return {"states": 4 * states, "gids and numbers as sources": id_bytes(network, n)}


def id_bytes(network: Network, n: int) -> int:
    """Of `n` neurons of a rank that has whole populations in one lane: few of these are few runs of ids."""
    return 0 if len(network.populations) <= MOST_RUNS else 8 * n


def _sizes(network: Network, owned: I64) -> tuple[int, int, int]:
    """Neurons, values of states and constants, input slots."""
    states = inputs = 0
    for kind in find_kinds(network):
        mine = sum(int(owned[network.families[family].populations].sum()) for family in kind.families)
        states += mine * (0 if kind.model.is_source else len(kind.model.states) + len(kind.arrays))
        inputs += mine * len(kind.channels)
    return int(owned.sum()), states, inputs


def _ordered_parts(network: Network, owned: I64) -> int:
    """Most parts of a target population on this rank that is drawn part by part; 0: none is."""
    targets = {
        int(population)
        for projection in network.projections
        if projection.procedural and projection.rule.by_source
        for population in projection.piece_target
    }
    splits = [splits_of(network.populations[index].size) for index in targets if owned[index]]
    most = max(splits, default=0)
    return 1 << most if most >= procedural.ORDERED_SPLITS else 0
