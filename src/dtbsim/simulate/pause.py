"""Where a live run pauses: what it hands to its caller, what it takes back, and what it writes at its end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

from dtbsim.backends.backend import Backend
from dtbsim.build.rank import RankNetwork
from dtbsim.clock import MAX_STEPS, time_of
from dtbsim.config import RunConfig
from dtbsim.config.changes import Change
from dtbsim.simulate.chunks import ChunkReader
from dtbsim.simulate.prepare import Prepared
from dtbsim.simulate.result import RunResult

Ending = Mapping[str, Change]
"""Ends a live run: what was set in its course, by names that are free in `changes`."""


class Save:
    """Has a live run write a checkpoint, and pause again."""


@dataclass(frozen=True, eq=False)
class Pause:
    """A live run before step `step`; `interrupted` where the user stopped it early."""

    prepared: Prepared
    built: RankNetwork
    backend: Backend
    reader: ChunkReader
    step: int
    interrupted: bool
    made: dict[str, Change]
    """What was set in the course of the run: the caller notes it here, before it goes on."""
    can_save: bool
    """Whether checkpoints can be written."""
    note_weights: Callable[[int], None]
    """Called with the index of a projection whose weights were set."""


Conducted = Generator[Pause, "int | Ending | Save", RunResult]


def open_ended(config: RunConfig) -> RunConfig:
    """Return the configuration of a run that may go on for as long as steps can be counted."""
    simulation = config.simulation.model_copy()
    simulation.duration_ms = MAX_STEPS * simulation.dt_ms
    return config.model_copy(update={"simulation": simulation})


def as_it_was(config: RunConfig, steps: int, changes: Ending) -> RunConfig:
    """Return the configuration of which a live run of so many steps is a repetition.

    What was set where it ended had no effect, and is left out.
    """
    simulation = config.simulation.model_copy()
    simulation.duration_ms = time_of(max(steps, 1), simulation.dt_ms)
    listed = config.changes | dict(changes)
    made = {name: change for name, change in listed.items() if change.t_ms < simulation.duration_ms}
    return config.model_copy(update={"simulation": simulation, "changes": made})


def as_it_is(config: RunConfig, duration_ms: float, steps: int, changes: Ending) -> RunConfig:
    """Return the configuration with which a live run of so many steps can go on, as another kind of run, too.

    `duration_ms` is what was configured; a step more than was run where something was set for it.
    """
    simulation = config.simulation.model_copy()
    now_ms = time_of(steps, simulation.dt_ms)
    last = steps + 1 if any(change.t_ms >= now_ms for change in changes.values()) else steps
    simulation.duration_ms = max(duration_ms, time_of(max(last, 1), simulation.dt_ms))
    return config.model_copy(update={"simulation": simulation, "changes": config.changes | dict(changes)})
