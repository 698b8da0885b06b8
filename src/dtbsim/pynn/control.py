"""Setting up and running, and PyNN's functions for single calls."""

from __future__ import annotations

from typing import Any

from pyNN import common
from pyNN.common.control import DEFAULT_MAX_DELAY, DEFAULT_MIN_DELAY, DEFAULT_TIMESTEP
from pyNN.connectors import FixedProbabilityConnector
from pyNN.recording import get_io

from dtbsim.errors import InputError, did_you_mean
from dtbsim.mpi import world_comm
from dtbsim.pynn import simulator
from dtbsim.pynn.populations import Population
from dtbsim.pynn.projections import Projection
from dtbsim.pynn.synapses import StaticSynapse

OPTIONS = ("max_delay", "rng_seed", "threads", "backend", "spike_precision")
OTHERS = ("t_flush", "verbosity", "recording_precision", "rng_type", "allow_update_on_post")
"""Of other simulators, without effect here."""


def setup(timestep: float = DEFAULT_TIMESTEP, min_delay: float | str = DEFAULT_MIN_DELAY, **extra_params: Any) -> int:
    """Begin a new network; whatever was made before is gone.

    Args:
        timestep: the time step in ms.
        min_delay: what synapses have whose delay is not given; "auto": one step.
        extra_params: `max_delay`; `rng_seed` (42) of the noise and of random sources; `threads` (default: all cores);
            `backend` ("auto", "cpu" or "cuda"); `spike_precision`: with "off_grid", spikes of SpikeSourceArray are
            recorded at the times that were given, while they act at the nearest step.

    Returns:
        The number of this process.
    """
    for name in extra_params:
        if name not in (*OPTIONS, *OTHERS, "mindelay", "maxdelay", "dt", "time_step"):
            raise InputError(
                f"setup() has no option '{name}'", where=name, remedy=did_you_mean(name, [*OPTIONS, *OTHERS])
            )
    if world_comm().size > 1:
        raise InputError("scripts of PyNN run in one process, with threads", remedy="start it without mpiexec")
    common.setup(timestep, min_delay, **extra_params)
    state = simulator.state
    precision = extra_params.get("spike_precision", "on_grid")
    if precision not in ("on_grid", "off_grid"):
        raise ValueError("spike_precision must be 'on_grid' or 'off_grid'")
    state.clear()
    state.dt = float(timestep)
    state.smallest_delay, state.largest_delay = min_delay, extra_params.get("max_delay", DEFAULT_MAX_DELAY)
    state.seed = int(extra_params.get("rng_seed", 42))
    state.threads, state.backend = extra_params.get("threads"), extra_params.get("backend", "auto")
    state.exact_times = precision == "off_grid"
    return int(rank())


def end(compatible_output: bool = True) -> None:
    """Write the files that were asked for. What was recorded can still be read."""
    for population, variables, filename in simulator.state.write_on_end:
        population.write_data(get_io(filename), variables)
    simulator.state.write_on_end = []


run, run_until = common.build_run(simulator)
run_for = run
reset = common.build_reset(simulator)
initialize = common.initialize
get_current_time, get_time_step, get_min_delay, get_max_delay, num_processes, rank = common.build_state_queries(
    simulator
)
create = common.build_create(Population)
connect = common.build_connect(Projection, FixedProbabilityConnector, StaticSynapse)
record = common.build_record(simulator)


def record_v(source: Any, filename: str) -> None:
    """Record the membrane potential to a file."""
    record(["v"], source, filename)


def record_gsyn(source: Any, filename: str) -> None:
    """Record the synaptic conductances to a file."""
    record(["gsyn_exc", "gsyn_inh"], source, filename)
