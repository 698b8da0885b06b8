"""Which times of a configuration must be whole numbers of steps, and whether they are.

All of them but those whose key says otherwise: drawn delays and tract delays (the nearest step counts; a bound to which
delays are clipped is one that many synapses have, and on the grid as any other constant), time constants,
refractory periods (rounded up, as the models say), the times of inhomogeneous_poisson, intervals and spreads of drawn
spike trains and the duration of a ramp (used as they are), windows of dynamic connectivity (the nearest number of
volumes), the bound max_delay_ms.
"""

from __future__ import annotations

from collections.abc import Iterator

from dtbsim.clock import grid_problem
from dtbsim.config.locate import KeyPath, Problem
from dtbsim.config.network import TractDelay
from dtbsim.config.own_synapse import OwnSynapse
from dtbsim.config.run import RunConfig
from dtbsim.config.settling import SETTLING, followers, is_given
from dtbsim.config.synapses import Plastic
from dtbsim.config.values import Constant, Exponential

Times = Iterator[tuple[KeyPath, float | None]]


def off_the_grid(config: RunConfig) -> Iterator[Problem]:
    """Yield a problem for every time that must be a whole number of steps and is none, or has more than can be."""
    dt_ms = config.simulation.dt_ms
    follow = {path for path, item, key in followers(config) if not is_given(item, key)}
    for path, time_ms in grid_times(config):
        problem = None if time_ms is None or path in follow else grid_problem(time_ms, dt_ms)
        if problem is not None:
            yield Problem(path, *problem)


def grid_times(config: RunConfig) -> Times:
    """Yield key path and value (None: left out) of every time that must be a whole number of steps."""
    yield ("simulation", "duration_ms"), config.simulation.duration_ms
    yield SETTLING, config.simulation.settling_ms
    yield from _circuits(config)
    yield from _projections(config)
    yield from _couplings(config)
    yield from _drives(config)
    yield from _controllers(config)
    yield from _changes(config)
    yield from _records(config)
    if config.bold is not None:
        yield ("bold", "tr_ms"), config.bold.tr_ms
        yield ("bold", "discard_ms"), config.bold.discard_ms
    if config.checkpoint is not None:
        yield ("checkpoint", "every_ms"), config.checkpoint.every_ms
    for name, item in config.signals.items():
        yield from ((("signals", name, key), getattr(item, key)) for key in item.on_grid)
    yield ("analysis", "statistics_start_ms"), config.analysis.statistics_start_ms


def _circuits(config: RunConfig) -> Times:
    for key, circuit in config.circuits.items():
        yield from ((("circuits", key, name), getattr(circuit, name)) for name in circuit.delay_keys)


def _projections(config: RunConfig) -> Times:
    for key, projection in config.projections.items():
        path, delay, synapse = ("projections", key), projection.delay_ms, projection.synapse
        if isinstance(delay, TractDelay):
            yield (*path, "delay_ms", "minimum_ms"), delay.minimum_ms
        elif isinstance(delay, Constant):
            yield (*path, "delay_ms", "value"), delay.value
        elif getattr(delay, "outside", None) == "clip":
            bounds = ("high",) if isinstance(delay, Exponential) else ("low", "high")
            yield from (((*path, "delay_ms", bound), getattr(delay, bound)) for bound in bounds)
        elif isinstance(delay, int | float):
            yield (*path, "delay_ms"), delay
        if isinstance(synapse, Plastic | OwnSynapse):
            yield from _pairs((*path, "synapse", "frozen_ms"), synapse.frozen_ms)
        for parameter, time_ms in synapse.times() if synapse else ():
            yield (*path, "synapse", parameter), time_ms


def _couplings(config: RunConfig) -> Times:
    """Yield delays; one below a step is refused where the network is compiled."""
    for key, coupling in config.couplings.items():
        delay = coupling.delay_ms
        if isinstance(delay, TractDelay):
            yield ("couplings", key, "delay_ms", "minimum_ms"), delay.minimum_ms
        elif isinstance(delay, int | float) and (delay == 0 or delay >= config.simulation.dt_ms):
            yield ("couplings", key, "delay_ms"), delay


def _drives(config: RunConfig) -> Times:
    for key, drive in config.drives.items():
        path = "drives", key
        yield (*path, "start_ms"), drive.start_ms
        yield (*path, "stop_ms"), drive.stop_ms
        yield (*path, "delay_ms"), getattr(drive, "delay_ms", None)
        yield from _pairs((*path, "windows_ms"), drive.windows_ms or [])
        yield from (((*path, *inner), time_ms) for inner, time_ms in drive.grid_times())


def _controllers(config: RunConfig) -> Times:
    for key, controller in config.controllers.items():
        yield from ((("controllers", key, *path), time_ms) for path, time_ms in controller.times())


def _changes(config: RunConfig) -> Times:
    for key, change in config.changes.items():
        path = "changes", key
        yield (*path, "t_ms"), change.t_ms
        for k, time_ms in enumerate(change.times_ms or []):
            yield (*path, "times_ms", str(k)), time_ms
        for name, sine in change.sine.items():
            yield (*path, "sine", name, "interval_ms"), sine.interval_ms
            yield (*path, "sine", name, "stop_ms"), sine.stop_ms


def _records(config: RunConfig) -> Times:
    record = config.record
    if record.spikes is not None:
        yield ("record", "spikes", "start_ms"), record.spikes.start_ms
        yield ("record", "spikes", "stop_ms"), record.spikes.stop_ms
    for k, states in enumerate(record.states):
        yield ("record", "states", str(k), "interval_ms"), states.interval_ms
    for k, weights in enumerate(record.weights):
        yield ("record", "weights", str(k), "interval_ms"), weights.interval_ms
    for k, pair in enumerate(record.correlations):
        path = "record", "correlations", str(k)
        yield (*path, "bin_ms"), pair.bin_ms
        yield (*path, "tau_max_ms"), pair.tau_max_ms
        yield (*path, "start_ms"), pair.start_ms
        yield (*path, "stop_ms"), pair.stop_ms
    yield ("record", "rate_bin_ms"), record.rate_bin_ms


def _pairs(path: KeyPath, pairs: list[list[float]]) -> Times:
    for k, pair in enumerate(pairs):
        for end, time_ms in enumerate(pair):
            yield (*path, str(k), str(end)), time_ms
