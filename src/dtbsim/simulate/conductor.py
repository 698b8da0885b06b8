"""A run from start to end, stage by stage. This file shows the order; what a stage does stands in its own module."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dtbsim.backends.backend import Backend
from dtbsim.build.rank import RankNetwork
from dtbsim.config import Locator, RunConfig
from dtbsim.config.changes import Change
from dtbsim.errors import DtbsimError, StorageError
from dtbsim.intervene import open_interventions
from dtbsim.mpi import Comm, on_root, world_comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.run_folder import RunFolder, check_run_folder, claim_run_folder
from dtbsim.run_folder.resume import give_back_run_folder, take_over_run_folder
from dtbsim.runtime.interrupt import NOTHING_RECORDED, STOPPING, Interrupt, Wish, interrupt_agreed, some_interrupt
from dtbsim.runtime.logs import run_log
from dtbsim.runtime.progress import ProgressGroup, ProgressSink, SilentProgress, TickProgress
from dtbsim.runtime.status import State, StatusFile, mark_ended
from dtbsim.runtime.watchdog import active_watchdog
from dtbsim.signals.stream import Site
from dtbsim.simulate.checkpointing import Saver, Schedule, config_digest
from dtbsim.simulate.chunks import ChunkReader
from dtbsim.simulate.compiling import Compiler
from dtbsim.simulate.origin import Origin
from dtbsim.simulate.pause import Conducted, Ending, as_it_is, open_ended
from dtbsim.simulate.prepare import Prepared, prepare
from dtbsim.simulate.report_process import ReportError, report_in_own_process
from dtbsim.simulate.result import RunResult
from dtbsim.simulate.resuming import Resumption
from dtbsim.simulate.saved import Parts, described, neurons_of
from dtbsim.simulate.sayings import say_choices, say_partition
from dtbsim.simulate.stages import Stages
from dtbsim.simulate.stepping import Stepping
from dtbsim.simulate.streams import Planned, Streams, plan_streams
from dtbsim.simulate.summary import summarise_run, with_report
from dtbsim.store.files import storage_errors

_LOG = logging.getLogger(__name__)


def run(
    config: RunConfig,
    *,
    out: Path | None = None,
    base_dir: Path | None = None,
    locator: Locator | None = None,
    comm: Comm | None = None,
    progress: ProgressSink | None = None,
    argv: Sequence[str] | None = None,
    report: bool = True,
    overwrite: bool = False,
    began_s: float | None = None,
    max_hours: float | None = None,
) -> RunResult:
    """Simulate `config` and leave the results in a new run folder; collective over all ranks of `comm`.

    Args:
        config: what to simulate; the same object on every rank.
        out: the run folder (default: runs/NAME-TIME below the current folder); must be new or empty.
        base_dir: what relative paths in the configuration refer to (default: the current folder).
        locator: where the values of the configuration stand in its file, for error messages.
        comm: the ranks (default: all ranks that an MPI launcher started, else this process).
        progress: where to show how far the run is.
        argv: the command line for the provenance (default: that of this process).
        report: whether to write report.html at the end.
        overwrite: whether `out` may be the folder of a run that has ended, which is then replaced.
        began_s: since when the time of the run counts, on the scale of `time.perf_counter` (default: now).
        max_hours: wall time after which a checkpoint is written and the run leaves, to be resumed.

    Raises:
        InputError, MemoryPlanError, MissingDependencyError before anything is written; StorageError, NumericsError,
        FaultError during the run. What was recorded until then stays readable.
    """
    given = argv if argv is not None else sys.argv
    job = conduct(
        config, out, base_dir, locator, comm, progress, given, overwrite, began_s, report=report, max_hours=max_hours
    )
    return result_of(job)


def result_of(job: Conducted) -> RunResult:
    """Conduct a run that does not pause, and return its result."""
    try:
        next(job)
    except StopIteration as ended:
        result: RunResult = ended.value
        return result
    raise AssertionError("a run that is not live does not pause")


def conduct(
    config: RunConfig,
    out: Path | None,
    base_dir: Path | None,
    locator: Locator | None,
    comm: Comm | None,
    progress: ProgressSink | None,
    argv: Sequence[str],
    overwrite: bool,
    began_s: float | None,
    *,
    report: bool = False,
    live: bool = False,
    resumed: Resumption | None = None,
    max_hours: float | None = None,
) -> Conducted:
    """A run as a generator, with the arguments of `run`, which ends with the result.

    One that is `resumed` goes on in its own folder, whatever `out` is, unless it is a branch, which begins in `out`. A
    `live` one pauses before its first step and wherever it was sent to: it yields a `Pause` and is sent the step to go
    on to, or an `Ending`. Interrupted by the user, it pauses early.
    """
    ranks = comm if comm is not None else world_comm()
    shown = progress if progress is not None else TickProgress()
    stages = Stages(shown, began_s)
    if resumed is None or resumed.begins_here:
        on_root(ranks, lambda: check_run_folder(out, overwrite=overwrite))
    with stages.stage("network"):
        given = open_ended(config) if live else config
        prepared = prepare(given, ranks, base_dir, locator, live=live)
        network = prepared.network
        planned = on_every_rank(ranks, lambda: plan_streams(network))
    with contextlib.ExitStack() as stack:
        interrupt = stack.enter_context(some_interrupt())
        with interrupt.held():
            claimed = on_root(ranks, lambda: _claimed(out, network.name, overwrite, resumed))
            folder = claimed.path
            if resumed is not None and not resumed.begins_here:
                stack.callback(give_back_run_folder, folder)
            stack.enter_context(interrupt.begun(ranks, partial(mark_ended, folder, "interrupted")))
        if (watchdog := active_watchdog()) is not None:
            watchdog.configure(timeout_s=network.execution.stuck_timeout_s, run_dir=folder)
        on_every_rank(ranks, lambda: _open_log(stack, folder, ranks.rank))
        status = StatusFile(folder) if ranks.is_root else None
        sinks = ProgressGroup(shown, status if status is not None else SilentProgress())
        stages.progress = sinks
        if ranks.is_root and locator is not None:
            for notice in locator.notices:
                _LOG.warning("%s", notice)
        job = _Job(prepared, planned, ranks, claimed, status, sinks, stages, interrupt, list(argv), resumed)
        job.duration_ms = config.simulation.duration_ms
        job.schedule = Schedule(config.checkpoint, None if max_hours is None else 3600.0 * max_hours)
        return (yield from job.run(report=report, live=live))


def _claimed(out: Path | None, name: str, overwrite: bool, resumed: Resumption | None) -> RunFolder:
    if resumed is not None and not resumed.begins_here:
        return take_over_run_folder(resumed.folder, resumed.origin.get("files") or {}, force=resumed.take_over)
    return claim_run_folder(out, name, base=Path.cwd(), overwrite=overwrite)


def _open_log(stack: contextlib.ExitStack, folder: Path, rank: int) -> None:
    with storage_errors(folder / "log.txt"):
        stack.enter_context(run_log(folder, rank))


class _Job:
    """One run in its folder."""

    def __init__(
        self,
        prepared: Prepared,
        planned: Planned,
        comm: Comm,
        claimed: RunFolder,
        status: StatusFile | None,
        progress: ProgressSink,
        stages: Stages,
        interrupt: Interrupt,
        argv: list[str],
        resumed: Resumption | None,
    ) -> None:
        self._resumed = resumed
        self._goes_on = resumed is not None and not resumed.begins_here
        """In a folder that was there."""
        self.schedule = Schedule(None)
        self.duration_ms = 0.0
        """As configured, also of a live run, which may be longer."""
        self._prepared, self._planned, self._comm = prepared, planned, comm
        self._claimed, self._folder, self._status = claimed, claimed.path, status
        self._progress, self._stages = progress, stages
        self._interrupt = interrupt
        self._network = prepared.network
        self._origin = Origin(prepared, comm, claimed, argv)
        self._started = False
        self._made: dict[str, Change] = {}
        """What was set in the course of a live run."""

    def run(self, *, report: bool, live: bool) -> Conducted:
        """All stages; status.json says how it ended."""
        self._live = live
        try:
            result = yield from self._stages_in_order()
        except BaseException as error:
            self._end_badly(error)
            raise
        on_root(self._comm, lambda: self._end("interrupted" if result.interrupted else "done", None))
        if report and not result.interrupted:
            result = self._report(result)
            lacking = None if result.report_error is None else str(result.report_error)
            on_root(self._comm, lambda: self._end("done", lacking))
        return result

    def _end(self, state: State, message: str | None) -> None:
        """Say how the run ended, where its folder is still as it was left: else it did not end well."""
        if self._status is not None:
            self._claimed.check()
            if not self._status.finish(state, message):
                raise StorageError(
                    "the run is complete, but this cannot be written",
                    where=str(self._folder / "status.json"),
                    remedy="free some space; summary.json and the stores are whole",
                )

    def _end_badly(self, error: BaseException) -> None:
        """Say in status.json why the run ended; a folder in which nothing was recorded goes away again."""
        if self._status is None:
            return
        if not self._started and isinstance(error, DtbsimError) and not self._goes_on:
            self._claimed.discard()
        else:
            state: State = "interrupted" if isinstance(error, KeyboardInterrupt | GeneratorExit) else "failed"
            text = "ended at once" if self._started or self._goes_on else NOTHING_RECORDED
            self._status.finish(state, text if state == "interrupted" else str(error) or type(error).__name__)

    def _report(self, result: RunResult) -> RunResult:
        """The results are complete whatever becomes of the report, so its failure is reported, not raised."""
        self._interrupt.keep(None)  # the error that comes of it says more
        path: Path | None = None
        failure: tuple[str, str | None, str | None, int] | None = None
        with self._stages.stage("report"):
            if self._comm.is_root:
                try:
                    path = report_in_own_process(self._folder)
                except ReportError as error:
                    failure = error.message, error.where, error.remedy, error.exit_code
            path, failure = self._comm.bcast((path, failure))
        summary = self._comm.bcast(with_report(result.summary, self._stages, self._comm.size))
        if self._comm.is_root:
            self._claimed.write_json("summary.json", summary)
        told = None if failure is None else ReportError(failure[0], where=failure[1], remedy=failure[2])
        if told is not None and failure is not None:
            told.exit_code = failure[3]
        return replace(result, summary=summary, report=path, report_error=told)

    def _stages_in_order(self) -> Conducted:
        comm, stages = self._comm, self._stages
        with stages.stage("write", shown=False):
            on_root(comm, lambda: self._origin.write(self._resumed))
        if comm.is_root:
            say_choices(self._prepared, comm)
        plan = self._prepared.plan
        with contextlib.ExitStack() as stack:
            compiler = stack.enter_context(contextlib.closing(Compiler(self._prepared, comm, self._progress.announce)))
            with stages.stage("compile"):
                compiler.compile_build()
            _LOG.info(
                "building: memory planned %.2f GiB, %d lane(s), synapse format %d",
                plan.memory.peak / 2**30, len(plan.lanes), plan.synapse_kind,
            )  # fmt: skip
            with stages.stage("build"):
                built = on_every_rank(comm, lambda: self._prepared.backend_plan.build(self._progress.advance))
            with stages.stage("write", shown=False):
                self._describe(built)
            with stages.stage("open", shown=False):
                planned = self._prepared
                backend = on_every_rank(comm, lambda: planned.backend_plan.open(built, planned.exchange_plan, comm))
            stack.callback(backend.close)
            with stages.stage("compile"):
                compiler.compile_steps(backend)
            stopped = interrupt_agreed(comm)
            self._interrupt.keep(None if stopped else STOPPING)
            if stopped:
                return self._finish(built, backend, None, steps=self._start, wish=Wish.STOP)
            return (yield from self._record_and_finish(built, backend))

    def _record_and_finish(self, built: RankNetwork, backend: Backend) -> Conducted:
        comm, stages = self._comm, self._stages
        network, planned, unit = self._network, self._planned, self._planned.unit
        with stages.stage("open", shown=False):
            reader = ChunkReader(network, comm, backend, unit)
            acting = on_every_rank(comm, lambda: open_interventions(network, planned.controllers, backend, unit))
            resumed, told = self._resumed, described(network, planned, acting)
            states = [] if resumed is None else resumed.states(told, backend, neurons_of(built), comm)
            if resumed is not None and self._goes_on:
                on_root(comm, resumed.clear)
            begun, begins = (0, 0) if resumed is None else (resumed.rank_stores, resumed.begins)
            site = Site(network, comm, backend, self._folder / "stores", unit, begun, begins)
            kept, branch = (None, None) if resumed is None else (resumed.kept, resumed.branch)
            streams = on_every_rank(comm, lambda: Streams(planned, site, kept, branch))
            parts = Parts(backend, reader, streams, acting)
        self._started = True
        try:
            with stages.stage("open", shown=False):
                if resumed is not None:
                    on_every_rank(comm, lambda: resumed.restore(parts, states, comm))
                    del states
                if not self._goes_on:
                    on_every_rank(comm, streams.begin)
            saver = self._saver(built, parts, told, max(begun, comm.size))
            loop = Stepping(
                self._prepared, built, parts, saver, comm, stages, self._progress, self._status, self._interrupt,
                planned.intervals + self.schedule.every_steps(network.dt_ms), self._start,
            )  # fmt: skip
            reached = (yield from loop.run_in_pieces(self._made, self._end_of_pieces)) if self._live else loop.run()
        except BaseException:
            with contextlib.suppress(DtbsimError):  # the first error is the one to tell
                streams.close()
            raise
        with stages.stage("close", shown=False):
            on_every_rank(comm, streams.close)
        return self._finish(built, backend, streams, steps=reached.steps, wish=reached.wish)

    def _saver(self, built: RankNetwork, parts: Parts, told: dict[str, Any], n_stores: int) -> Saver | None:
        """What writes checkpoints; None where the run has parts that cannot be saved and nobody asks for it."""
        comm = self._comm
        try:
            on_every_rank(comm, parts.check)
        except DtbsimError as error:  # of one rank, on the others
            if self.schedule.on_leaving:
                raise
            _LOG.info("no checkpoints can be written: %s", error)
            return None
        digest = config_digest(self._origin.config) if comm.is_root else ""
        dt_ms = self._network.dt_ms
        return Saver(
            self.schedule, dt_ms, digest, told, comm, self._claimed, parts, neurons_of(built), self._stages, n_stores,
            (lambda step: as_it_is(self._origin.config, self.duration_ms, step, self._made)) if self._live else None,
        )  # fmt: skip

    @property
    def _start(self) -> int:
        return 0 if self._resumed is None else self._resumed.step

    def _end_of_pieces(self, step: int, changes: Ending) -> None:
        on_root(self._comm, lambda: self._origin.write_as_it_was(step, changes))

    # -- stages -----------------------------------------------------------------------------------------------

    def _describe(self, built: RankNetwork) -> None:
        synapses = self._comm.allgather(built.n_synapses)
        note = self._progress.note
        on_root(
            self._comm, lambda: say_partition(self._prepared, self._comm, self._origin.write_network(synapses), note)
        )

    def _finish(
        self, built: RankNetwork, backend: Backend, streams: Streams | None, *, steps: int, wish: Wish
    ) -> RunResult:
        interrupted = wish is not Wish.NONE
        summary = summarise_run(
            self._comm,
            self._prepared,
            built,
            backend,
            streams,
            self._stages,
            steps=steps,
            start=self._start,
            begins=0 if self._resumed is None else self._resumed.begins,
            events_before=0 if self._resumed is None else self._resumed.events_before,
            run_dir=self._folder,
            interrupted=interrupted,
        )
        on_root(self._comm, lambda: self._write_summary(summary))
        return RunResult(summary, self._folder, interrupted, resumable=wish is Wish.LEAVE)

    def _write_summary(self, summary: dict[str, Any]) -> None:
        self._claimed.check()
        self._origin.finish()
        self._claimed.write_json("summary.json", summary)
        for warning in summary["warnings"][len(self._network.warnings) :]:  # those were said at the start
            _LOG.warning("%s", warning)
