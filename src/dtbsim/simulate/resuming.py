"""How a run goes on: what is looked at before anything is touched, and what becomes of its folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.clock import steps_of, time_of
from dtbsim.config import LocatedConfig, Overrides, load_located
from dtbsim.errors import InputError
from dtbsim.run_folder.checkpoints import FORMAT, Checkpoint, find_checkpoint
from dtbsim.run_folder.repeat import check_repeat
from dtbsim.simulate.checkpointing import MAY_DIFFER, config_digest
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

    @property
    def step(self) -> int:
        """Steps that were done."""
        return self.checkpoint.step

    @property
    def rank_stores(self) -> int:
        """How many stores a kind has that has one for each rank."""
        return int(self.checkpoint.manifest["rank_stores"])

    @property
    def kept(self) -> Mapping[str, Kept]:
        """What counts of every store."""
        return {name: Kept(*entry) for name, entry in self.checkpoint.manifest["stores"].items()}

    def check(self, described: Mapping[str, Any]) -> None:
        """Raise InputError unless the network, of which `saved.described` says this, is that of the checkpoint."""
        for key, what in (("parts", "other recorders or controllers"), ("quanta", "weights in other quanta")):
            if self.checkpoint.manifest.get(key) != described[key]:
                raise InputError(
                    f"the checkpoint is of a network with {what}",
                    where=str(self.checkpoint.path),
                    remedy="go on with the duration that the run began with, and with the same packages",
                )

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
    run: Path, overrides: Overrides = (), checkpoint: str | None = None, *, take_over: bool = False
) -> Resumption:
    """Look whether the run in a folder can go on; nothing is changed.

    Raises InputError where it cannot: no run, one that goes on, no checkpoint or one that is damaged, of another
    version or another configuration, nothing left to be done.
    """
    config = run / "config.yaml"
    if not config.is_file() or not (run / "provenance.json").is_file():
        raise InputError(
            "this is not the folder of a run", where=str(run), remedy="name the folder that a run has left"
        )
    opened = Run(run)
    if not take_over and opened.state == "running":
        raise held_elsewhere(opened)
    check_repeat(config)
    found = find_checkpoint(run, checkpoint)
    _check_version(found)
    located = load_located(config, overrides)
    if config_digest(located.config) != found.manifest["config"]:
        allowed = ", ".join([*(f"simulation.{key}" for key in MAY_DIFFER), "checkpoint"])
        raise InputError(
            "the checkpoint is of another configuration",
            where=str(found.path),
            remedy=f"what may differ: {allowed}; anything else is another run",
        )
    simulation = located.config.simulation
    if steps_of(simulation.duration_ms, simulation.dt_ms) <= found.step:
        raise InputError(
            f"there is nothing left to be done: the run is at {time_of(found.step, simulation.dt_ms):.12g} ms of "
            f"{simulation.duration_ms:.12g}",
            where=str(found.path),
            remedy="give it a longer duration: --set simulation.duration_ms=...",
        )
    found.read()  # is it whole?
    return Resumption(run, located, found, opened.provenance, take_over)


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
    if wrote != VERSION or number != FORMAT:
        raise InputError(
            f"the checkpoint was written by dtbsim {wrote}, this is {VERSION}",
            where=str(found.path),
            remedy=f"resume with that version: pip install dtbsim=={wrote}",
        )
