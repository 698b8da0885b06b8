"""The time loop of a run: chunk after chunk, with what is stored, changed and saved between two of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

from dtbsim.backends.backend import Backend
from dtbsim.build.rank import RankNetwork
from dtbsim.config.changes import Change
from dtbsim.errors import DtbsimError
from dtbsim.intervene import Intervention, WeightSchedule, change_steps
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.record.chunk import Chunk
from dtbsim.runtime.interrupt import Interrupt, Wish, wish_agreed
from dtbsim.runtime.progress import ProgressSink
from dtbsim.runtime.status import StatusFile
from dtbsim.runtime.watchdog import stepping
from dtbsim.simulate.checkpointing import Saver
from dtbsim.simulate.chunks import LIMIT_S, ChunkReader, Chunks
from dtbsim.simulate.pause import Ending, Pause, Save
from dtbsim.simulate.prepare import Prepared
from dtbsim.simulate.saved import Parts
from dtbsim.simulate.stages import Stages
from dtbsim.simulate.streams import Streams


@dataclass(frozen=True)
class Reached:
    """Steps that were done, and why no more: `NONE` at the end that was planned."""

    steps: int
    wish: Wish


class Stepping:
    """Steps a network that is built, from `start` on. `saver`: None where no checkpoint can be written."""

    def __init__(
        self,
        prepared: Prepared,
        built: RankNetwork,
        parts: Parts,
        saver: Saver | None,
        comm: Comm,
        stages: Stages,
        progress: ProgressSink,
        status: StatusFile | None,
        interrupt: Interrupt,
        intervals: list[int],
        start: int = 0,
    ) -> None:
        self._prepared, self._built, self._parts, self._saver = prepared, built, parts, saver
        self._backend: Backend = parts.backend
        self._reader: ChunkReader = parts.reader
        self._streams: Streams = parts.streams
        self._acting: list[Intervention] = list(parts.acting)
        self._comm, self._stages, self._progress, self._status = comm, stages, progress, status
        self._interrupt = interrupt
        network = self._network = prepared.network
        self._chunks = Chunks(network.n_steps, intervals, change_steps(network))
        self._start = start

    def run(self) -> Reached:
        """Step to the end, or to where the user or the time that was given stops it."""
        self._begin()
        step, wish = self._until(self._start, self._network.n_steps)
        return Reached(step, wish if step < self._network.n_steps else Wish.NONE)

    def run_in_pieces(
        self, made: dict[str, Change], ended: Callable[[int, Ending], None]
    ) -> Generator[Pause, int | Ending | Save, Reached]:
        """Pause before the first step and wherever the run was sent to; `ended(step, changes)` is called at its end.

        What is set in its course is noted in `made`.
        """
        self._begin()
        step, wish = self._start, Wish.NONE
        while True:
            interrupted = wish >= Wish.LEAVE
            with self._interrupt.paused():
                wanted = yield Pause(
                    self._prepared, self._built, self._backend, self._reader, step, interrupted, made,
                    self._saver is not None, self._note_weights,
                )  # fmt: skip
            if isinstance(wanted, Save):
                self._save(step)
                continue
            if not isinstance(wanted, int):
                if self._saver is not None and self._saver.due(Wish.NONE, at_the_end=True):
                    self._save(step)
                on_every_rank(self._comm, partial(self._streams.end, step))
                ended(step, wanted)
                return Reached(step, Wish.NONE)
            step, wish = self._until(step, wanted)

    def _begin(self) -> None:
        self._backend.limit_s = LIMIT_S
        if self._start:  # done where it went on
            return
        with self._stages.stage("simulate", shown=False):
            for intervention in self._acting:
                intervention.begin(self._backend)

    def _until(self, step: int, until: int) -> tuple[int, Wish]:
        """Step until a step; returns the steps done and what stopped it earlier."""
        wish = Wish.NONE
        with self._stages.stage("simulate"):
            while step < until and wish < Wish.LEAVE:
                step = self._chunk(step, until)
                wish = self._saved(step)
        return step, wish if wish >= Wish.LEAVE else Wish.NONE

    def _saved(self, step: int) -> Wish:
        """Write a checkpoint where one is due after a chunk; returns what the run is asked for."""
        if self._saver is None:
            wish = wish_agreed(self._comm)
            return Wish.STOP if wish is Wish.LEAVE else wish
        wish = self._saver.wish(step)
        if self._saver.due(wish, at_the_end=step == self._network.n_steps):
            self._save(step)
        return wish

    def _note_weights(self, projection: int) -> None:
        for one in self._acting:
            if isinstance(one, WeightSchedule):
                one.note(projection)

    def _save(self, step: int) -> None:
        assert self._saver is not None
        with self._stages.stage("checkpoint", shown=False):
            self._saver.save(step)

    def _chunk(self, step: int, until: int) -> int:
        """One chunk; returns the steps done."""
        begin_s = time.perf_counter()
        with stepping():
            self._backend.advance(step, min(self._chunks.stop_after(step), until))
        chunk = self._reader.take(step)
        self._streams.share(chunk)
        on_every_rank(self._comm, partial(self._keep, chunk))
        self._chunks.note(chunk.stop - step, self._comm.allreduce_max(time.perf_counter() - begin_s))
        self._progress.advance(chunk.stop, until, self._network.dt_ms)
        return chunk.stop

    def _keep(self, chunk: Chunk) -> None:
        """Store a chunk first, then look whether it is still valid: what led there is worth reading."""
        try:
            self._streams.take(chunk)
        except DtbsimError:
            self._backend.check_finite(chunk.start, chunk.stop)  # says more than what cannot be made of it
            raise
        for intervention in self._acting:
            intervention.take(chunk, self._backend)
        self._backend.check_finite(chunk.start, chunk.stop)
        if self._status is not None:
            self._status.check()
