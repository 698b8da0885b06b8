"""One rank, worked out as a run would plan it: layout and memory by the engine's own planner, then what it does.

Nothing here knows how large a synapse is: bytes come from `build.memory` and `backends.cuda.memory_plan`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.memory_plan import plan_device_memory
from dtbsim.backends.cuda.persistent import stride_of
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.build.blocks import Blocks
from dtbsim.build.memory import owned_share
from dtbsim.build.rank import RankPlan, plan_rank
from dtbsim.estimation.costs import drive_costs, firing_rates, neuron_costs, synapse_costs
from dtbsim.estimation.profile import Profile
from dtbsim.estimation.result import Machine
from dtbsim.estimation.segments import Segments
from dtbsim.estimation.traffic import Traffic, TrafficModel
from dtbsim.exchange.board import board_capacity
from dtbsim.exchange.leaders import far_messages, many_and_short, nodes_allow
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Network

F64 = NDArray[np.float64]
ENTRY_BYTES = 2 * 8
"""Of a spike in transit in a row: an entry, and the room that a queue which grows by doubling has beside it."""
LARGEST_PART = 2**20
"""Neurons of a part of a population (docs/adr/0013), at most."""
RECORDED_SPIKES, RECORDED_BYTES = 2**20, 40
"""Spikes of a rank that are kept until a shard of them is written, at most; bytes of each, sorted and compressed."""
CHUNK_S, SPIKE_BYTES = 0.2, 4 * 8
"""Spikes of a rank are kept for about so long, until they are counted, hashed and stored, in so many bytes each."""


@dataclass(frozen=True)
class Rank:
    """What one rank holds and does; per biological second where a name says so.

    `synapses` and `stored`: expected, with and without those that are procedural; `events_per_s` and
    `neurons_per_step`, `driven_per_step` are weighted by what their models cost (`costs`). `host`, `device`: bytes by
    part.
    """

    rank: int
    neurons: int
    synapses: float
    stored: float
    n_lanes: int
    largest_lane: int
    """Input slots of the largest lane."""
    heard: int
    """Neurons that may have a synapse here."""
    events_per_s: float
    rows_per_s: float
    draws_per_s: float
    """Procedural synapses that are drawn again for spikes, some of other lanes and ranks among them."""
    neurons_per_step: float
    driven_per_step: float
    spikes_per_s: float
    traffic: Traffic
    host: dict[str, float]
    device: dict[str, float] | None
    planned_host: int
    """What the run itself will check against the memory of its node."""

    @property
    def host_peak(self) -> float:
        """Bytes at the worst moment: what building takes for a while is given back before stepping."""
        parts = dict(self.host)
        later = parts["stepping"] + parts["exchange"] + parts["recording"]
        return sum(parts.values()) - min(parts["building"], later)

    @property
    def device_peak(self) -> float | None:
        """The same of its GPU."""
        if self.device is None:
            return None
        later = self.device["changing"] + self.device["neurons"] + self.device["stepping"]
        return self.device["synapses"] + self.device["tables"] + max(self.device["building"], later)


ASKED_RANKS = 16
"""Of which the estimate finds out whether messages between nodes are many and short."""


class Ranks:
    """Works out single ranks; what all of them share is made once."""

    def __init__(
        self, network: Network, table: BlockTable, blocks: Blocks, machine: Machine, profile: Profile, rate_hz: float
    ) -> None:
        self._network, self._table, self._blocks = network, table, blocks
        self._machine, self._profile = machine, profile
        self._rates = firing_rates(network, rate_hz)
        self._neurons, self._drives, self._synapses = (
            neuron_costs(network),
            drive_costs(network),
            synapse_costs(network),
        )
        self._tables = table_bytes(network, table, blocks)
        self.traffic = TrafficModel(network, blocks, machine.ranks, self._rates)
        self._segments = Segments(network)
        halvings = np.ceil(np.log2(np.maximum(network.sizes / LARGEST_PART, 1.0)))
        self._part = 2.0**-halvings
        """Share of each population in a part: of procedural synapses a lane draws all those of parts that it is in."""

    @property
    def _recorded_s(self) -> float:
        """Biological seconds of which spikes are stored."""
        spikes = self._network.records.spikes
        if spikes is None:
            return 0.0
        steps = min(spikes.stop, self._network.n_steps) - spikes.start
        return max(0, steps) * self._network.dt_ms * 1e-3

    @property
    def _process_mib(self) -> float:
        mpi = self._profile["process.mpi"] if self._machine.ranks > 1 else 0.0
        return self._profile["process.memory"] + mpi

    @property
    def way(self) -> str:
        """How spikes travel: none, shared_memory, packets, two_level, gpu."""
        if self._machine.ranks == 1:
            return "none"
        if self._machine.kind == "gpu":
            return "gpu"
        wanted = self._network.execution.exchange
        if wanted != "auto":
            return wanted
        if self._machine.nodes == 1:
            return "shared_memory"
        return "two_level" if self._leaders_pay else "packets"

    @cached_property
    def _leaders_pay(self) -> bool:
        """As a run finds out (`exchange.leaders`), of some ranks spread evenly."""
        n_ranks, shortest = self._machine.ranks, self.traffic.shortest
        if not nodes_allow(n_ranks, self._machine.nodes):
            return False
        some = np.unique(np.linspace(0, n_ranks - 1, ASKED_RANKS).astype(int)).tolist()
        sums = np.sum([far_messages(self._network, self._blocks, r, self._node_of, shortest) for r in some], axis=0)
        return many_and_short(int(sums[0]), int(sums[1]), len(some))

    @property
    def _node_of(self) -> NDArray[np.int64]:
        return np.arange(self._machine.ranks) // self._machine.ranks_per_node

    def work_out(self, rank: int) -> Rank:
        """One rank, in time that does not depend on how many neurons it has."""
        network = self._network
        plan, device = self._planned(rank)
        share = owned_share(network, self._blocks, rank)
        owned, entries = share * network.sizes, network.entries
        onto = entries.synapses * share[entries.target]
        stored = np.array([not p.procedural for p in network.projections], dtype=bool)[entries.projection]
        covered = entries.synapses * np.where(share > 0, np.minimum(share + self._part, 1.0), 0.0)[entries.target]
        spikes = onto * self._rates[entries.source]
        rows = self._segments.rows_per_s(onto, self._rates, len(plan.lanes), stored)
        traffic = self._traffic(rank)
        own_spikes = float(self._rates @ owned)
        memory = plan.memory
        host = {
            "process": self._process_mib * 2**20,
            "network": float(self._tables),
            "synapses": float(memory.synapses),
            "tables": float(memory.tables),
            "building": float(memory.building),
            "exchange": float(traffic.buffer_bytes) if device is None else 0.0,
            "recording": RECORDED_BYTES * min(float(RECORDED_SPIKES), own_spikes * self._recorded_s),
            "stepping": rows * self._segments.mean_delay_s * ENTRY_BYTES + own_spikes * CHUNK_S * SPIKE_BYTES,
        }
        if device is not None:
            device = device | {"stepping": device["stepping"] + traffic.buffer_bytes}
        return Rank(
            rank=rank,
            neurons=round(float(owned.sum())),
            synapses=float(onto.sum()),
            stored=float(onto[stored].sum()),
            n_lanes=len(plan.lanes),
            largest_lane=max(lane.n_slots for lane in plan.lanes),
            heard=plan.candidates.size,
            events_per_s=float((spikes * self._synapses[entries.projection])[stored].sum()),
            draws_per_s=len(plan.lanes) * float((covered * self._rates[entries.source])[~stored].sum()),
            rows_per_s=rows,
            neurons_per_step=float(self._neurons @ owned),
            driven_per_step=float(self._drives @ owned),
            spikes_per_s=own_spikes,
            traffic=traffic,
            host=host,
            device=device,
            planned_host=memory.peak,
        )

    def _planned(self, rank: int) -> tuple[RankPlan, dict[str, float] | None]:
        network, machine, ranks = self._network, self._machine, self._blocks.rank
        if machine.kind == "cpu":
            plan = plan_rank(
                network, rank, machine.ranks, machine.threads, ranks=ranks, table=self._table, bounded=False
            )
            return plan, None
        profile = self._profile
        limits = Limits(
            multiprocessors=int(profile["gpu.multiprocessors"]),
            shared_bytes=int(profile["gpu.shared_memory"] * 2**10),
            cache_bytes=int(profile["gpu.cache"] * 2**20),
            free_bytes=int(profile["gpu.memory"] * 2**30),
        )
        wanted = network.execution.gpu_plan
        choice = choose_plan(network, rank, machine.ranks, limits, wanted, ranks, self._table, bounded=False)
        persistent = choice.name == "persistent"
        needed = plan_device_memory(choice.layout, in_order=not persistent, stride_of=stride_of if persistent else None)
        names = {"dynamic": "changing", "spikes": "stepping"}
        found = dataclasses.asdict(needed)
        del found["n_synapses"]
        return choice.layout, {names.get(key, key): float(value) for key, value in found.items()}

    def _traffic(self, rank: int) -> Traffic:
        if self.way == "shared_memory":
            return self.traffic.by_shared_memory(rank, board_capacity(self._network.n_neurons // self._machine.ranks))
        if self.way == "gpu":
            return self.traffic.by_gpu(rank)
        return self.traffic.by_messages(rank, self._node_of if self.way == "two_level" else None)


def table_bytes(network: Network, table: BlockTable, blocks: Blocks) -> int:
    """What every rank holds of the whole network: entries of pools, populations, blocks, the atlas."""
    holders = [*network.projections, network.entries, table, blocks, *([network.atlas] if network.atlas else [])]
    arrays = {
        id(value): value.nbytes for item in holders for value in vars(item).values() if isinstance(value, np.ndarray)
    }
    return sum(arrays.values()) + 600 * len(network.populations) + 4000 * len(network.projections)
