"""Why a run would not start, and what would make it slow: told before a job waits for its turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dtbsim.backends.regions.memory import of_members
from dtbsim.build.candidates import MOST_SOURCES
from dtbsim.build.lanes import MOST_SLOTS
from dtbsim.build.memory import check_memory
from dtbsim.errors import DtbsimError, InputError, MemoryPlanError, StorageError
from dtbsim.estimation.rank import Rank
from dtbsim.estimation.regions import region_bytes
from dtbsim.estimation.result import Finding, Machine, Memory, Results, Time
from dtbsim.spec.network import Network
from dtbsim.spec.simulated import check_on_gpu, check_simulated

UNEVEN = 1.1
FEW_BLOCKS = 4
MANY_INODES = 1_000_000
REAL_TIME = 1.0
"""Seconds per biological second of the exchange up to which nobody minds how large its share is."""
GIB = 2**30


def refusals(
    network: Network, ranks: Sequence[Rank], machine: Machine, memory: Memory, results: Results
) -> tuple[Finding, ...]:
    """What a run would be refused for, the most basic first."""
    found: list[DtbsimError] = []
    try:
        check_simulated(network)
        if machine.kind == "gpu":
            check_on_gpu(network)
    except InputError as error:
        found.append(error)
    if network.execution.exchange == "shared_memory" and machine.kind == "cpu" and machine.nodes > 1:
        found.append(
            InputError(
                f"simulation.exchange is shared_memory, but the ranks are on {machine.nodes} nodes",
                remedy="use auto or packets",
            )
        )
    heard = max(ranks, key=lambda rank: rank.heard)
    if heard.heard > MOST_SOURCES:
        found.append(
            InputError(
                f"rank {heard.rank} hears {heard.heard:,} neurons; a rank can number {MOST_SOURCES:,}",
                where="populations",
                remedy="use fewer neurons, or a connectome with more regions than ranks",
            )
        )
    widest = max(ranks, key=lambda rank: rank.largest_lane)
    if widest.largest_lane > MOST_SLOTS:
        found.append(
            InputError(
                f"a lane of rank {widest.rank} would have {widest.largest_lane:,} inputs; allowed: {MOST_SLOTS:,}",
                where="populations",
                remedy="use more ranks or more threads",
            )
        )
    found += of_memory(network, machine, memory)
    if memory.device_peak is not None and memory.device_available is not None:
        peak, free = memory.device_peak.largest, memory.device_available
        if peak > free:
            found.append(
                MemoryPlanError(
                    f"rank {memory.device_peak.rank} needs {peak / GIB:.1f} GiB on its GPU, but {free / GIB:.1f} GiB "
                    "are there for it",
                    remedy="use more ranks (GPUs), fewer synapses or a smaller scale",
                )
            )
    if results.available is not None and results.bytes > results.available:
        found.append(
            StorageError(
                f"the results take {results.bytes / GIB:.1f} GiB, but {results.available / GIB:.1f} GiB are free here",
                remedy="record less, or write them to another disk: --out",
            )
        )
    return tuple(Finding.of(error) for error in found)


def of_memory(network: Network, machine: Machine, memory: Memory) -> Iterator[DtbsimError]:
    """A node that has less memory than its ranks need."""
    try:
        check_memory(int(memory.node_bytes), int(memory.node_available), machine.ranks_per_node)
    except MemoryPlanError as error:
        yield of_members(error, network.regions, region_bytes(network, 0, machine.ranks))


def warnings(
    network: Network,
    machine: Machine,
    memory: Memory,
    results: Results,
    time: Time,
    *,
    imbalance: float,
    fewest_blocks: int,
    shortest: int,
    way: str,
) -> Iterator[str]:
    """Sentences."""
    if network.execution.backend == "cuda" and machine.kind == "cpu":
        yield "simulation.backend is cuda, and this is an estimate for CPUs: name a machine with GPUs"
    yield from of_place(machine, memory)
    if machine.gpus_per_node is not None and machine.ranks_per_node > machine.gpus_per_node:
        yield f"{machine.ranks_per_node} ranks of a node share {machine.gpus_per_node} GPU(s)"
    if imbalance > UNEVEN:
        few = f"; some ranks have {fewest_blocks} block(s): a smaller simulation.block_size helps"
        yield (
            f"the work is uneven, {imbalance:.2f} times the mean on one rank"
            + (few if fewest_blocks < FEW_BLOCKS else "")
        )
    peak, free = (memory.device_peak, memory.device_available) if memory.device_peak is not None else (None, None)
    if peak is not None and free is not None and 0.9 * free < peak.largest <= free:
        yield "the memory of a GPU is nearly full: 90 % of it and more"
    if way != "none" and shortest == 1:
        yield "ranks have to exchange after every step, and wait for it: some delays between them are one step"
    if time.parts.get("exchange", 0.0) > max(0.5 * sum(time.parts.values()), REAL_TIME):
        yield "most of the time goes into the exchange of spikes: fewer ranks may be as fast"
    if results.inodes > MANY_INODES:
        yield f"the results are {results.inodes:,} files and folders: record spikes of fewer populations, or none"


def of_place(machine: Machine, memory: Memory) -> Iterator[str]:
    """Sentences on cores and memory of a node."""
    wanted = machine.threads * machine.ranks_per_node
    if wanted > machine.cores_per_node:
        yield (
            f"{machine.ranks_per_node} rank(s) of {machine.threads} thread(s) share {machine.cores_per_node} cores of "
            "a node: they will wait for each other"
        )
    if 0.9 * memory.node_available < memory.node_bytes <= memory.node_available:
        yield "the memory of a node is nearly full: 90 % of it and more"
