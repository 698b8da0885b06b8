"""What mean-field regions take: seconds of a step of all of them, and their bytes.

A step of a region in a member is the update of its model, its noise, and the sums over its sources, as
`benchmarks/regions.py` has measured them; other models count by the elementary functions they call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.backends.regions.memory import planned_bytes
from dtbsim.backends.regions.shares import MOST_LANES, share_of
from dtbsim.kernels.region_coupling import WIDTH
from dtbsim.models.language.checked_region import checked_derivatives
from dtbsim.signals.memory import region_signal_bytes

if TYPE_CHECKING:
    from dtbsim.spec.network import Network
    from dtbsim.spec.region_network import RegionNetwork, RegionPopulation

STAGES = {"euler": 1, "exponential": 1, "heun": 2, "rk4": 4}
UPDATE_NS = {"deco_2014": 1.7, "hopf": 0.3, "jansen_rit": 3.2, "wilson_cowan": 3.3, "kuramoto": 5.0, "epileptor": 5.2}
"""Of a stage of a model, in lanes of members."""
OTHER_NS, CALL_NS = 0.5, 0.9
"""Of a stage of another model: whatever it is, and for each elementary function it calls."""
NOISE_NS = 1.25
"""Of a noise term: a quarter of a Philox block, and a quantile."""
DENSE_NS, ENTRY_NS = 0.0105, 0.02
"""Of a source of a sum: of all pairs, and entry by entry."""
ALONE = 1.6
"""Of one member by itself, whose lanes are regions or steps."""
BIN_NS, PAIR_NS = 17.0, 1.5
"""Of a region and bin of the haemodynamic model; of a pair of regions and sample of a member's connectivity."""
FACTOR = 1.5
"""By which it may be off."""
LAPTOP_UPDATE_NS = 0.4
"""Of a neuron on the machine on which these were measured."""


def region_bytes(network: Network, rank: int, n_ranks: int) -> int:
    """Bytes of the regions of a rank, and on rank 0 those of what is made of them."""
    if network.regions is None:
        return 0
    return planned_bytes(network.regions, rank, n_ranks) + (region_signal_bytes(network) if rank == 0 else 0)


def region_seconds(network: Network, rank: int, n_ranks: int, threads: int) -> dict[str, float]:
    """Seconds per biological second, by part: `regions` and `signals`."""
    regions = network.regions
    if regions is None:
        return {}
    share = share_of(regions, rank, n_ranks)
    steps_per_s, total = 1000.0 / network.dt_ms, 0.0
    for members in share.groups:
        for population in regions.populations:
            low, high = share.nodes[population.index]
            total += step_ns(regions, population, len(members)) * (high - low) * len(members)
    busy = max(1, min(threads, len(share.groups)))
    found = {"regions": total * steps_per_s * 1e-9 / busy}
    if network.records.bold is not None and rank == 0:
        bold, n = network.records.bold, regions.n_nodes * regions.members.n
        found["signals"] = n * BIN_NS * steps_per_s / bold.bin_steps(network.dt_ms) * 1e-9
        if regions.members.n > 1:
            found["signals"] += n * regions.n_nodes * PAIR_NS * steps_per_s / bold.tr * 1e-9
    return found


def step_ns(regions: RegionNetwork, population: RegionPopulation, lanes: int) -> float:
    """Nanoseconds of a step of a region in one of some members that are stepped together."""
    model = population.model
    stage = UPDATE_NS.get(model.name)
    if stage is None:
        stage = OTHER_NS + CALL_NS * len(checked_derivatives(model).calls)
    found = stage * STAGES[population.integrator] + NOISE_NS * len(population.noise)
    for coupling in regions.couplings:
        if coupling.target != population.index:
            continue
        wiring = coupling.wirings[0]
        sums = 2 if coupling.function == "kuramoto" else 1
        each = DENSE_NS if wiring.shortest == wiring.longest else ENTRY_NS
        idle = WIDTH / lanes if 1 < lanes < MOST_LANES else 1.0
        found += sums * each * idle * wiring.weights.size / max(1, population.n_nodes)
    return found * (ALONE if lanes == 1 else 1.0)
