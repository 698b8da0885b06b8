"""What a run records, what acts on it, and how it is carried out: compiled into steps and indices.

Records of the vocabulary itself are compiled here. A signal or controller of a registered kind brings options of its
own class, which only that kind understands: a `Request` takes them to the kind's `plan`, which compiles them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dtbsim.config.run import Bold, RecordCorrelation, RunConfig

if TYPE_CHECKING:
    from dtbsim.spec.places import Places

BOLD_BIN_MS = 20.0
"""In a bin the neural drive counts as constant."""
BOLD_PARAMETERS = ("gain_per_hz", "rho", "alpha", "tau_s", "kappa_per_s", "gamma_per_s", "V0", "k1", "k2", "k3")


@dataclass(frozen=True)
class SpikeRecord:
    """Spikes of the steps `start` to `stop` (exclusive), of some families by index (None: of all)."""

    start: int
    stop: int
    families: tuple[int, ...] | None


@dataclass(frozen=True)
class WeightRecord:
    """Weights of a projection, by index, at time 0, every `interval` steps (None: only then) and at the end.

    `neurons`: of the synapses onto so many targets of every region, or onto these indices.
    """

    projection: int
    neurons: int | list[int]
    interval: int | None


@dataclass(frozen=True)
class CorrelationRecord:
    """Spike counts of two families, by index, against each other, at `lags` bins of `bin` steps to either side.

    Bins `first_bin` to `last_bin` (exclusive) count.
    """

    first: int
    second: int
    bin: int
    lags: int
    first_bin: int
    last_bin: int


@dataclass(frozen=True)
class BoldRecord:
    """BOLD of the families' regions every `tr` steps after `discard`; parameters by the names of the model's.

    `gain` is that of what mean-field regions bring (`RegionNetwork.samples` of BOLD); `series`: whether it is stored,
    None: where there is one member.
    """

    families: tuple[int, ...]
    tr: int
    discard: int
    parameters: Mapping[str, Any]
    gain: float = 1.0
    series: bool | None = None

    def bin_steps(self, dt_ms: float) -> int:
        """The longest bin of at most BOLD_BIN_MS that divides repetition time and discarded time, in steps."""
        largest = max(1, int(BOLD_BIN_MS / dt_ms + 1e-9))
        both = math.gcd(self.tr, self.discard) if self.discard else self.tr
        return next(steps for steps in range(min(largest, both), 0, -1) if both % steps == 0)


@dataclass(frozen=True)
class Records:
    """All of them; `states` is the number of those at the beginning of `Network.samples`, others in steps."""

    spikes: SpikeRecord | None
    states: int
    weights: tuple[WeightRecord, ...]
    correlations: tuple[CorrelationRecord, ...]
    rate_bin: int | None
    bold: BoldRecord | None
    statistics_start: int


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of a registered kind under a name; `options` are of the class that the kind declares."""

    name: str
    kind: str
    options: Any


@dataclass(frozen=True)
class Execution:
    """How the work is divided and stepped; no spike depends on it. `threads` per rank, None: as many as it may use."""

    backend: Literal["auto", "cpu", "cuda"]
    gpu_plan: Literal["auto", "persistent", "general"]
    exchange: Literal["auto", "shared_memory", "packets", "two_level"]
    partitioner: str
    threads: int | None
    stuck_timeout_s: float | None


def execution_of(config: RunConfig) -> Execution:
    """Return how a configuration is to be carried out."""
    given = config.simulation
    return Execution(
        given.backend, given.gpu_plan, given.exchange, given.partitioner, given.threads, given.stuck_timeout_s
    )


def compile_records(
    config: RunConfig, families: Mapping[str, int], projections: Mapping[str, int], n_steps: int, places: Places
) -> Records:
    """Return what is recorded; `families` and `projections` are indices by name.

    InputErrors, such as for bins that do not fit, are collected by `places`.
    """
    record, dt = config.record, config.simulation.dt_ms

    def steps(time_ms: float, path: str) -> int:
        return places.steps(time_ms, dt, path)

    def optional(time_ms: float | None, path: str) -> int | None:
        return None if time_ms is None else steps(time_ms, path)

    spikes = None
    if (given := record.spikes) is not None:
        last = optional(given.stop_ms, "record.spikes.stop_ms")
        chosen = None if given.populations == "all" else tuple(families[name] for name in given.populations)
        start = steps(given.start_ms, "record.spikes.start_ms")
        spikes = SpikeRecord(start, n_steps if last is None else last, chosen)
    correlations = []
    for k, pair in enumerate(record.correlations):
        with places.collecting():
            correlations.append(_correlation(pair, f"record.correlations.{k}", families, dt, n_steps, places))
    weights = []
    for k, item in enumerate(record.weights):
        interval = optional(item.interval_ms, f"record.weights.{k}.interval_ms")
        weights.append(WeightRecord(projections[item.projection], item.neurons, interval))
    return Records(
        spikes=spikes,
        states=len(record.states),
        weights=tuple(weights),
        correlations=tuple(correlations),
        rate_bin=optional(record.rate_bin_ms, "record.rate_bin_ms"),
        bold=None if config.bold is None else bold_record(config.bold, families, dt, places),
        statistics_start=steps(config.analysis.statistics_start_ms, "analysis.statistics_start_ms"),
    )


def bold_record(item: Bold, families: Mapping[str, int], dt_ms: float, places: Places) -> BoldRecord:
    """Return BOLD in steps; of the populations those that are among `families`."""
    named = [item.population] if isinstance(item.population, str) else item.population
    return BoldRecord(
        families=tuple(families[name] for name in named if name in families),
        tr=places.steps(item.tr_ms, dt_ms, "bold.tr_ms"),
        discard=places.steps(item.discard_ms, dt_ms, "bold.discard_ms"),
        parameters={name: getattr(item, name) for name in BOLD_PARAMETERS},
        gain=item.gain,
        series=item.series,
    )


def _correlation(
    item: RecordCorrelation, path: str, families: Mapping[str, int], dt_ms: float, n_steps: int, places: Places
) -> CorrelationRecord:
    bin_steps = places.steps(item.bin_ms, dt_ms, f"{path}.bin_ms")
    lags, rest = divmod(places.steps(item.tau_max_ms, dt_ms, f"{path}.tau_max_ms"), bin_steps)
    if rest or lags < 1:
        message = f"{item.tau_max_ms:g} ms is not a whole number of bins of {item.bin_ms:g} ms"
        raise places.error(f"{path}.tau_max_ms", message, f"give a multiple of {item.bin_ms:g}")
    stop = n_steps if item.stop_ms is None else min(places.steps(item.stop_ms, dt_ms, f"{path}.stop_ms"), n_steps)
    first_bin = -(-places.steps(item.start_ms, dt_ms, f"{path}.start_ms") // bin_steps)
    last_bin = stop // bin_steps
    if last_bin - first_bin <= lags:
        message = f"{last_bin - first_bin} bins of {bin_steps * dt_ms:g} ms are too few for lags up to {lags}"
        raise places.error(path, message, "make the run or the window longer, or tau_max_ms smaller")
    return CorrelationRecord(families[item.first], families[item.second], bin_steps, lags, first_bin, last_bin)
