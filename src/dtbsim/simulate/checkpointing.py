"""Checkpoints of a run: when one is due, and how it is written between two chunks."""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dtbsim.clock import steps_of, time_of
from dtbsim.config import RunConfig, dump_config
from dtbsim.config.run import Checkpoints
from dtbsim.errors import DtbsimError
from dtbsim.mpi import Comm, on_root
from dtbsim.mpi.world import on_every_rank
from dtbsim.run_folder import RunFolder
from dtbsim.run_folder.checkpoint_file import write_file
from dtbsim.run_folder.checkpoints import FORMAT, begin_checkpoint, finish_checkpoint, rank_file
from dtbsim.runtime.interrupt import Wish, wish_agreed
from dtbsim.runtime.watchdog import tick
from dtbsim.simulate.saved import DRIVES_SET, Parts, Ranges
from dtbsim.simulate.stages import Stages
from dtbsim.version import VERSION

_LOG = logging.getLogger(__name__)
MAY_DIFFER = ("duration_ms", "threads", "partitioner", "backend", "gpu_plan", "exchange", "stuck_timeout_s")
"""Keys of `simulation` that may be others where a run goes on, besides `checkpoint`: no spike depends on them."""


def config_digest(config: RunConfig) -> str:
    """The SHA-256 of everything in a configuration on which the results up to any step depend."""
    plain = type(config.simulation)(duration_ms=1.0)
    same = {key: getattr(plain, key) for key in MAY_DIFFER}
    simulation = config.simulation.model_copy(update=same)
    text = dump_config(config.model_copy(update={"simulation": simulation, "checkpoint": None}))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Schedule:
    """When checkpoints are written: as configured (None: only when asked for), and after how long the run is to end."""

    configured: Checkpoints | None
    max_s: float | None = None

    @property
    def on_leaving(self) -> bool:
        """Whether there is one at the end, also at an early one."""
        return self.configured is not None or self.max_s is not None

    def every_steps(self, dt_ms: float) -> list[int]:
        """The steps after whose multiples there is one: [] or one number."""
        every_ms = None if self.configured is None else self.configured.every_ms
        return [] if every_ms is None else [steps_of(every_ms, dt_ms)]


class Saver:
    """Writes the checkpoints of a run into its folder; `digest` is that of its configuration, on rank 0.

    `described` is what `saved.described` says of its network, `neurons` are those of this rank. `as_it_is` gives the
    configuration with which a live run can go on: it goes into its checkpoints.
    """

    def __init__(
        self,
        schedule: Schedule,
        dt_ms: float,
        digest: str,
        described: Mapping[str, Any],
        comm: Comm,
        folder: RunFolder,
        parts: Parts,
        neurons: Ranges,
        stages: Stages,
        n_stores: int,
        as_it_is: Callable[[int], RunConfig] | None = None,
    ) -> None:
        self._as_it_is = as_it_is
        self._schedule, self._comm, self._folder, self._parts, self._stages = schedule, comm, folder, parts, stages
        self._dt_ms, self._neurons = dt_ms, neurons
        self._every = schedule.every_steps(self._dt_ms)
        self._manifest: dict[str, Any] = {
            "checkpoint_format": FORMAT,
            "dtbsim": VERSION,
            "config": digest,
            **described,
            "rank_stores": n_stores,
        }
        self._last_s = time.monotonic()
        self._saved = -1

    def wish(self, step: int) -> Wish:
        """What the run is asked for after `step` steps, the same on every rank; collective."""
        own = Wish.SAVE if any(step % every == 0 for every in self._every) else Wish.NONE
        if self._comm.is_root:
            schedule = self._schedule
            every_min = None if schedule.configured is None else schedule.configured.every_min
            if every_min is not None and time.monotonic() - self._last_s >= 60 * every_min:
                own = Wish.SAVE
            if schedule.max_s is not None and self._stages.elapsed_s() >= schedule.max_s:
                own = Wish.LEAVE
        wish = wish_agreed(self._comm, own)
        return Wish.STOP if wish is Wish.LEAVE and not self._schedule.on_leaving else wish

    def due(self, wish: Wish, *, at_the_end: bool) -> bool:
        """Whether a checkpoint is to be written now."""
        return wish is Wish.SAVE or (self._schedule.on_leaving and (at_the_end or wish > Wish.SAVE))

    def save(self, step: int) -> None:
        """Write a checkpoint; collective. Raises StorageError, on all ranks; those before it stay."""
        if step == self._saved and self._as_it_is is None:
            return
        comm, parts, path = self._comm, self._parts, self._folder.path
        kept = on_every_rank(comm, parts.streams.keep)
        state = parts.state()
        if self._as_it_is is not None:  # drives that were set in its course are in the configuration
            state[DRIVES_SET] = state[DRIVES_SET][:0]
        tick()
        draft = on_root(comm, lambda: self._begin(step))
        file = draft / rank_file(comm.rank)
        about = {"step": step, "rank": comm.rank, "neurons": self._neurons}
        try:
            written = on_every_rank(comm, lambda: write_file(file, about, state))
        except DtbsimError:
            if comm.is_root:  # on a full disk it would be in the way of the rest
                shutil.rmtree(draft, ignore_errors=True)
            raise
        tick()
        shares = comm.gather((written, kept, parts.backend.events()))
        on_root(comm, lambda: self._finish(draft, step, shares or []))
        tick()
        self._saved, self._last_s = step, time.monotonic()
        _LOG.info("checkpoint at %.12g ms in %s", time_of(step, self._dt_ms), path / "checkpoints")

    def _begin(self, step: int) -> Any:
        self._folder.check()
        return begin_checkpoint(self._folder.path, step)

    def _finish(self, draft: Any, step: int, shares: Sequence[Any]) -> None:
        files = [written for written, _, _ in shares]
        stores = {name: list(kept) for _, share, _ in shares for name, kept in share.items()}
        keep = 2 if self._schedule.configured is None else self._schedule.configured.keep
        events = sum(counted for _, _, counted in shares)
        about: dict[str, Any] = {
            "step": step,
            "time_ms": time_of(step, self._dt_ms),
            "files": files,
            "stores": stores,
            "events": events,
        }
        if self._as_it_is is not None:
            config = self._as_it_is(step)
            about |= {"config": config_digest(config), "config_text": dump_config(config)}
        finish_checkpoint(draft, self._manifest | about, keep)
