"""What an estimate says, as data: for programs (`--json`), tests and the text that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dtbsim.errors import EXIT_INPUT, EXIT_MEMORY, EXIT_STORAGE, DtbsimError, InputError, MemoryPlanError, StorageError

FORMAT = 1


@dataclass(frozen=True)
class Spread:
    """A number that differs between ranks; `rank` is the (first) one that has the largest."""

    smallest: float
    mean: float
    largest: float
    rank: int

    @classmethod
    def of(cls, values: Sequence[float] | Any, ranks: Sequence[int] | Any) -> Spread:
        """Return that of values of some ranks."""
        given = np.asarray(values, dtype=np.float64)
        at = int(np.argmax(given))
        return cls(float(given.min()), float(given.mean()), float(given[at]), int(ranks[at]))


@dataclass(frozen=True)
class Band:
    """A prediction, and the bounds between which it is expected to come true."""

    low: float
    expected: float
    high: float

    def scaled(self, factor: float) -> Band:
        """Return the same of so many times as much."""
        return Band(self.low * factor, self.expected * factor, self.high * factor)

    def __add__(self, other: Band) -> Band:
        return Band(self.low + other.low, self.expected + other.expected, self.high + other.high)


@dataclass(frozen=True)
class Network:
    """The network as declared; `rate_hz` is what neurons are assumed to fire at."""

    name: str
    neurons: int
    synapses: float
    populations: int
    projections: int
    dt_ms: float
    duration_ms: float
    rate_hz: float
    block_size: int
    blocks: int
    regions: int = 0
    """Mean-field regions, in each of `members` members of an ensemble."""
    members: int = 1


@dataclass(frozen=True)
class Machine:
    """Where it would run. `untested`: some of its numbers are those of data sheets."""

    name: str
    kind: str
    description: str
    untested: bool
    nodes: int
    ranks: int
    ranks_per_node: int
    gpus_per_node: int | None
    threads: int
    cores_per_node: int


@dataclass(frozen=True)
class Window:
    """Ranks exchange with `links` others (mean over the ranks looked at) every `ms` of biological time."""

    ms: float
    links: float


@dataclass(frozen=True)
class Exchange:
    """What travels. `window_ms` is the shortest time between two exchanges; messages and bytes that a rank sends are
    given for one of these. `neighbours`: ranks that one sends to."""

    way: str
    window_ms: float | None
    windows: tuple[Window, ...]
    neighbours: Spread
    messages_per_window: Spread
    bytes_per_window: Spread
    spikes_received_per_s: Spread


@dataclass(frozen=True)
class Memory:
    """Bytes of a rank by part and in all (`peak`), and of the fullest node beside what it has.

    `device` is the same of its GPU, `device_available` what that has for the rank.
    """

    parts: dict[str, Spread]
    peak: Spread
    node_bytes: float
    node_available: float
    device: dict[str, Spread] | None
    device_peak: Spread | None
    device_available: float | None


@dataclass(frozen=True)
class Time:
    """Seconds until the first step and per biological second (`real_time_factor`), and of the whole run.

    `parts` are seconds per biological second of the slowest rank; `limit` names the largest of them.
    """

    build_s: Band
    real_time_factor: Band
    run_s: Band
    parts: dict[str, float]
    limit: str


@dataclass(frozen=True)
class Results:
    """What the run would leave on the disk; `available` bytes where that is known."""

    bytes: float
    inodes: int
    parts: dict[str, float]
    available: float | None


@dataclass(frozen=True)
class Measured:
    """What one rank took that was built and stepped here for `duration_ms`, with drawn spikes of the others.

    `allocated_bytes` are its synapses and tables, `peak_rss_bytes` all that this process ever held. `rate_hz` is what
    its own neurons fired at. Messages and bytes are those that it would have sent at each exchange, `exchange_us` what
    the exchange took of the host, without what a network adds.
    """

    rank: int
    duration_ms: float
    neurons: int
    synapses: int
    planned_bytes: int
    allocated_bytes: int
    peak_rss_bytes: int
    build_s: float
    real_time_factor: float
    rate_hz: float
    events_per_s: float
    neighbours: int
    messages_per_window: float
    bytes_per_window: float
    spikes_received_per_s: float
    exchange_us: float


@dataclass(frozen=True)
class Finding:
    """Why a run would not start, with the exit code that it would end with."""

    exit_code: int
    message: str
    where: str | None
    remedy: str | None

    @classmethod
    def of(cls, error: DtbsimError) -> Finding:
        """Return that of the error that a run would raise."""
        return cls(error.exit_code, error.message, error.where, error.remedy)

    @property
    def error(self) -> DtbsimError:
        """The error."""
        kinds = {EXIT_MEMORY: MemoryPlanError, EXIT_STORAGE: StorageError, EXIT_INPUT: InputError}
        return kinds[self.exit_code](self.message, where=self.where, remedy=self.remedy)


@dataclass(frozen=True)
class Estimate:
    """How a run would go; see `dtbsim.estimate`. Spreads of `neurons`, `synapses` and `imbalance` are of all ranks, all
    others of `ranks_looked_at` of them, those with most neurons, synapses and work included. `measured`: of one rank,
    where that was asked for."""

    network: Network
    machine: Machine
    ranks_looked_at: int
    neurons: Spread
    synapses: Spread
    imbalance: float
    regions_split: int | None
    memory: Memory
    exchange: Exchange
    time: Time
    results: Results
    refusals: tuple[Finding, ...]
    warnings: tuple[str, ...]
    measured: Measured | None = None
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it (docs/schema/dtbsim-estimate-1.schema.json)."""
        return asdict(self)

    def check(self) -> None:
        """Raise the error that a run would end with, if there is one: the first of `refusals`."""
        if self.refusals:
            raise self.refusals[0].error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `Estimate.to_dict`."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Estimate).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
