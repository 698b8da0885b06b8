"""How a run goes on: what is looked at before anything is touched, and what becomes of its folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of, time_of
from dtbsim.config import LocatedConfig, Overrides, RunConfig, load_located, load_located_text
from dtbsim.errors import InputError
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.run_folder.checkpoints import (
    FOLDER,
    FORMAT,
    Checkpoint,
    checkpoint_name,
    find_checkpoint,
    list_checkpoints,
    step_of,
)
from dtbsim.run_folder.repeat import check_repeat
from dtbsim.simulate.branching import check_bins, check_branch, check_network, observed_from, same_streams
from dtbsim.simulate.checkpointing import MAY_DIFFER, config_digest
from dtbsim.simulate.saved import Arrays, Parts, Ranges, needed, with_states
from dtbsim.store.files import RESTORE
from dtbsim.store.open_tables import Kept
from dtbsim.store.published import published_path
from dtbsim.store.run import Run
from dtbsim.version import VERSION


@dataclass(frozen=True)
class Resumption:
    """A run that goes on: its folder, its configuration, the checkpoint, and what the folder says of its origin."""

    folder: Path
    located: LocatedConfig
    checkpoint: Checkpoint
    origin: dict[str, Any]
    take_over: bool
    branch: Mapping[str, Any] | None = None
    """Of a branch: the run, checkpoint and step that it begins with, and the synaptic events until there."""
    begins_here: bool = False
    """Whether it is a branch that begins now, in another folder: this one stays as it is."""
    completes: bool = False
    """Whether all steps are done, and the run was killed before it was complete."""
    same_streams: frozenset[str] = frozenset()
    """Of a branch that begins now: the kinds of recorders and signals that go on from their states."""

    @property
    def step(self) -> int:
        """Steps that were done."""
        return self.checkpoint.step

    @property
    def begins(self) -> int:
        """The step at which the stores begin."""
        return 0 if self.branch is None else int(self.branch["step"])

    @property
    def rank_stores(self) -> int:
        """How many stores a kind has already that has one for each rank."""
        return 0 if self.begins_here else int(self.checkpoint.manifest["rank_stores"])

    @property
    def kept(self) -> Mapping[str, Kept]:
        """What counts of every store; of a run that has come to its end also what holds there alone."""
        if self.begins_here:
            return {}
        found = {name: Kept(*entry) for name, entry in self.checkpoint.manifest["stores"].items()}
        return {name: kept._replace(rows=kept.rows + self.completes * kept.at_the_end) for name, kept in found.items()}

    def check(self, described: Mapping[str, Any]) -> None:
        """Raise InputError unless the network, of which `saved.described` says this, is that of the checkpoint."""
        if self.begins_here:
            manifest, where = self.checkpoint.manifest, str(self.checkpoint.path)
            check_network(manifest, described, where)
            check_bins(manifest, described, self.same_streams, self.located.config.simulation.dt_ms, where)
            return
        for key, what in (("parts", "other recorders or controllers"), ("quanta", "weights in other quanta")):
            if self.checkpoint.manifest.get(key) != described[key]:
                raise InputError(
                    f"the checkpoint is of a network with {what}",
                    where=str(self.checkpoint.path),
                    remedy="go on with the duration that the run began with, and with the same packages",
                )

    def states(self, described: Mapping[str, Any], backend: Backend, neurons: Ranges, comm: Comm) -> list[Arrays]:
        """Have the backend go on, and return what this rank needs of the states of all ranks of the run; collective.

        `neurons` are those of this rank.

        Raises InputError unless the network, of which `saved.described` says this, is that of the checkpoint.
        """
        on_every_rank(comm, lambda: self.check(described))
        wanted = needed(neurons, comm, self.checkpoint.ranks)
        found = on_every_rank(comm, lambda: self.checkpoint.read(wanted))
        with_states(backend, found)
        return found

    def restore(self, parts: Parts, states: Sequence[Arrays], comm: Comm) -> None:
        """Have everything else go on from these states, in this folder or as a branch."""
        if self.begins_here:
            parts.branch(states, comm, self.checkpoint.manifest, self.same_streams)
        else:
            parts.restore(states, comm)
        parts.go_on(self.step)

    @property
    def events_before(self) -> int:
        """Synaptic events that belong to the run that a branch begins with."""
        return 0 if self.branch is None else int(self.branch["events"])

    def clear(self) -> None:
        """Remove what says how the run ended, and stores that are not those of the checkpoint: they are made again."""
        for name in ("summary.json", "report.html"):
            (self.folder / name).unlink(missing_ok=True)
        stores = self.folder / "stores"
        for path in sorted(stores.rglob("*.zarr")) if stores.is_dir() else ():
            if path.relative_to(stores).as_posix() not in self.kept:
                shutil.rmtree(path)
                with contextlib.suppress(FileNotFoundError):
                    published_path(path).unlink()


def find_resumption(
    run: Path,
    overrides: Overrides = (),
    checkpoint: str | None = None,
    *,
    take_over: bool = False,
    live: bool = False,
) -> Resumption:
    """Look whether the run in a folder can go on, in pieces where it is `live`; nothing is changed.

    Raises InputError where it cannot: no run, one that goes on, no checkpoint or one that is damaged, of another
    version or another configuration, nothing left to be done.
    """
    config = run / "config.yaml"
    _check_folder(run)
    opened = Run(run)
    if not take_over and opened.state == "running":
        raise held_elsewhere(opened)
    check_repeat(config)
    found = find_checkpoint(run, checkpoint)
    _check_version(found)
    located = _located(opened, found, overrides)
    if config_digest(located.config) != found.manifest["config"]:
        allowed = ", ".join([*(f"simulation.{key}" for key in MAY_DIFFER), "checkpoint"])
        raise InputError(
            "the checkpoint is of another configuration",
            where=str(found.path),
            remedy=f"what may differ: {allowed}; another run can begin with it: a branch, --out DIR",
        )
    if not live:
        _check_duration(located.config, found, complete=opened.complete)
    simulation = located.config.simulation
    completes = not live and steps_of(simulation.duration_ms, simulation.dt_ms) == found.step
    origin = opened.provenance
    return Resumption(run, located, found, origin, take_over, origin.get("branch"), completes=completes)


def find_branch(
    run: Path,
    overrides: Overrides = (),
    checkpoint: str | None = None,
    at_ms: float | None = None,
    *,
    live: bool = False,
) -> Resumption:
    """Look whether a branch can begin at a checkpoint of the run in a folder, the last or that of a time.

    Nothing is changed, now or later. Raises InputError where it cannot: as `find_resumption`, and where the
    configuration differs in what had an effect before.
    """
    config = run / "config.yaml"
    _check_folder(run)
    opened = Run(run)
    check_repeat(config)
    found = _at(opened, checkpoint, at_ms)
    _check_version(found)
    parent = _located(opened, found)
    if config_digest(parent.config) != found.manifest["config"]:
        raise InputError("the checkpoint is of another configuration", where=str(found.path), remedy=RESTORE)
    located = _located(opened, found, overrides)
    dt_ms = parent.config.simulation.dt_ms
    begins_ms = time_of(found.step, dt_ms)
    try:
        check_branch(parent.config, located.config, begins_ms)
        observed = observed_from(located.config, begins_ms)
    except InputError as error:
        error.where = located.locator.where(error.where or "")
        raise
    if not live:
        _check_duration(located.config, found)
    about = {
        "run": str(run),
        "checkpoint": found.path.name,
        "step": found.step,
        "time_ms": begins_ms,
        "events": found.manifest["events"],
    }
    return Resumption(
        run, replace(located, config=observed), found, opened.provenance, False, about, True,
        same_streams=same_streams(parent.config, located.config),
    )  # fmt: skip


_DURATION = "simulation.duration_ms"


def _located(run: Run, found: Checkpoint, overrides: Overrides = ()) -> LocatedConfig:
    """The configuration of a run with overrides; what was to happen after an end that was set earlier is left out.

    A live run has it in its checkpoint, with what was set in its course.
    """
    path = run.path / "config.yaml"
    if (text := found.manifest.get("config_text")) is not None:
        return load_located_text(text, path, overrides)
    given = overrides if isinstance(overrides, Mapping) else list(overrides)
    names = given if isinstance(given, Mapping) else [text.partition("=")[0].strip() for text in given]
    own_ms = (run.config.get("simulation") or {}).get("duration_ms")
    if own_ms is not None and not {_DURATION, "simulation"} & set(names):
        given = {_DURATION: own_ms, **given} if isinstance(given, Mapping) else [f"{_DURATION}={own_ms!r}", *given]
    return load_located(path, given)


def _at(run: Run, checkpoint: str | None, at_ms: float | None) -> Checkpoint:
    """The checkpoint of this name or time, else the last."""
    if at_ms is None:
        return find_checkpoint(run.path, checkpoint)
    if checkpoint is not None:
        raise InputError("a checkpoint and a time are both given", where="at_ms", remedy="leave one of them out")
    dt_ms = run.dt_ms
    wanted = checkpoint_name(steps_of(at_ms, dt_ms, "at_ms"))
    known = [path.name for path in list_checkpoints(run.path)]
    if wanted not in known:
        times = ", ".join(f"{time_of(step_of(name), dt_ms):.12g}" for name in known) or "none"
        raise InputError(
            f"there is no checkpoint at {at_ms:.12g} ms",
            where=str(run.path / FOLDER),
            remedy=f"there are (in ms): {times}; the run writes them as `checkpoint` says: every_ms, keep",
        )
    return find_checkpoint(run.path, wanted)


def _check_folder(run: Path) -> None:
    if not (run / "config.yaml").is_file() or not (run / "provenance.json").is_file():
        raise InputError(
            "this is not the folder of a run", where=str(run), remedy="name the folder that a run has left"
        )


def _check_duration(config: RunConfig, found: Checkpoint, *, complete: bool = True) -> None:
    """InputError where nothing is left to be done; a run that is not complete may have been killed at its very end."""
    simulation = config.simulation
    steps = steps_of(simulation.duration_ms, simulation.dt_ms)
    if steps < found.step or (steps == found.step and complete):
        raise InputError(
            f"there is nothing left to be done: the run is at {time_of(found.step, simulation.dt_ms):.12g} ms of "
            f"{simulation.duration_ms:.12g}",
            where=str(found.path),
            remedy="give it a longer duration: --set simulation.duration_ms=...",
        )


def held_elsewhere(run: Run) -> InputError:
    """The error for a run that goes on."""
    status = run.status
    return InputError(
        f"the run in this folder goes on, as process {status.get('pid')} on {status.get('host')}",
        where=str(run.path),
        remedy="stop it first; if that machine was lost, and the process with it, add --take-over",
    )


def _check_version(found: Checkpoint) -> None:
    wrote, number = found.manifest["dtbsim"], found.manifest["checkpoint_format"]
    if wrote != VERSION:
        raise InputError(
            f"the checkpoint was written by dtbsim {wrote}, this is {VERSION}",
            where=str(found.path),
            remedy=f"resume with that version: pip install dtbsim=={wrote}",
        )
    if number != FORMAT:
        raise InputError(
            f"the checkpoint has format {number}, of another state of dtbsim {wrote}; this one reads format {FORMAT}",
            where=str(found.path),
            remedy="resume with the dtbsim that wrote it, or run anew",
        )
