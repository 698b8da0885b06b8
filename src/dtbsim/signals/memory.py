"""Bytes that signals of mean-field regions take on rank 0: haemodynamics, and sums for the connectivity of members."""

from __future__ import annotations

from dtbsim.signals.region_drive import RegionDrive
from dtbsim.spec.network import Network

STATES, BINS = 6 + 8, 64
"""Numbers of a column of the haemodynamic model and of what is brought to it; bins of a chunk, about."""
PAIRS = {"fc": 1, "fcd": 1, "plv": 2}
"""Kinds that keep numbers for every pair of channels and member."""


def region_signal_bytes(network: Network) -> int:
    """float64 arrays of the BOLD model and of the sums over its samples, and sums of entries of `signals`."""
    if network.regions is None:
        return 0
    members, regions = network.regions.members.n, network.regions.n_nodes
    total = 0
    if network.records.bold is not None:
        n = len(RegionDrive(network.regions).regions)
        total += 8 * members * n * (STATES + 3 * BINS)
        if members > 1:
            total += 8 * members * n * (2 * n + 1)  # sums of products, and those of one sample
    for request in network.signals:
        total += 8 * members * regions * regions * 2 * PAIRS.get(request.kind, 0)
    return total
