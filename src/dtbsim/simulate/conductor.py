"""A run from start to end, stage by stage. This file shows the order; what a stage does stands in its own module."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dtbsim.backends.backend import Backend
from dtbsim.build.blocks import traffic
from dtbsim.build.rank import RankNetwork
from dtbsim.config import Locator, RunConfig, dump_config
from dtbsim.errors import DtbsimError, StorageError
from dtbsim.intervene import Intervention, act_intervals, change_steps, open_interventions
from dtbsim.mpi import Comm, on_root, world_comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.partition import summarise
from dtbsim.record.chunk import Chunk
from dtbsim.run_folder import RunFolder, check_run_folder, claim_run_folder, now, provenance
from dtbsim.run_folder.inputs import keep_inputs
from dtbsim.runtime.interrupt import NOTHING_RECORDED, STOPPING, Interrupt, interrupt_agreed, some_interrupt
from dtbsim.runtime.logs import run_log
from dtbsim.runtime.progress import ProgressGroup, ProgressSink, SilentProgress, TickProgress
from dtbsim.runtime.status import State, StatusFile, mark_ended
from dtbsim.runtime.watchdog import active_watchdog, stepping
from dtbsim.signals.stream import Site
from dtbsim.simulate.chunks import LIMIT_S, ChunkReader, Chunks
from dtbsim.simulate.compiling import Compiler
from dtbsim.simulate.describe import describe_network
from dtbsim.simulate.pause import Conducted, Ending, Pause, as_it_was, open_ended
from dtbsim.simulate.prepare import Prepared, prepare
from dtbsim.simulate.report_process import ReportError, report_in_own_process
from dtbsim.simulate.result import RunResult
from dtbsim.simulate.stages import Stages
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

    Raises:
        InputError, MemoryPlanError, MissingDependencyError before anything is written; StorageError, NumericsError,
        FaultError during the run. What was recorded until then stays readable.
    """
    given = argv if argv is not None else sys.argv
    job = conduct(config, out, base_dir, locator, comm, progress, given, overwrite, began_s, report=report)
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
) -> Conducted:
    """A run as a generator, with the arguments of `run`, which ends with the result.

    A `live` one pauses before its first step and wherever it was sent to: it yields a `Pause` and is sent the step to
    go on to, or an `Ending`. Interrupted by the user, it pauses early.
    """
    ranks = comm if comm is not None else world_comm()
    shown = progress if progress is not None else TickProgress()
    stages = Stages(shown, began_s)
    on_root(ranks, lambda: check_run_folder(out, overwrite=overwrite))
    with stages.stage("network"):
        given = open_ended(config) if live else config
        prepared = prepare(given, ranks, base_dir, locator, live=live)
        network = prepared.network
        planned = on_every_rank(ranks, lambda: plan_streams(network, locator))
    with contextlib.ExitStack() as stack:
        interrupt = stack.enter_context(some_interrupt())
        with interrupt.held():
            claimed = on_root(ranks, lambda: claim_run_folder(out, network.name, base=Path.cwd(), overwrite=overwrite))
            folder = claimed.path
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
        job = _Job(prepared, planned, ranks, claimed, status, sinks, stages, interrupt, list(argv))
        return (yield from job.run(report=report, live=live))


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
    ) -> None:
        self._prepared, self._planned, self._comm = prepared, planned, comm
        self._claimed, self._folder, self._status = claimed, claimed.path, status
        self._progress, self._stages, self._argv = progress, stages, argv
        self._interrupt = interrupt
        self._network = prepared.network
        self._record: dict[str, object] = {}
        self._started = False

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
        if not self._started and isinstance(error, DtbsimError):
            self._claimed.discard()
        else:
            state: State = "interrupted" if isinstance(error, KeyboardInterrupt | GeneratorExit) else "failed"
            text = "ended at once" if self._started else NOTHING_RECORDED
            self._status.finish(state, text if state == "interrupted" else str(error) or type(error).__name__)

    def _report(self, result: RunResult) -> RunResult:
        """The results are complete whatever becomes of the report, so its failure is told, not raised."""
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
            on_root(comm, self._write_origin)
        if comm.is_root:
            self._say_choices()
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
                return self._finish(built, backend, None, steps=0, interrupted=True)
            return (yield from self._record_and_finish(built, backend))

    def _record_and_finish(self, built: RankNetwork, backend: Backend) -> Conducted:
        comm, stages = self._comm, self._stages
        network, planned, unit = self._network, self._planned, self._planned.unit
        with stages.stage("open", shown=False):
            reader = ChunkReader(network, comm, backend, unit)
            acting = on_every_rank(comm, lambda: open_interventions(network, backend, unit))
            site = Site(network, comm, backend, self._folder / "stores", unit)
            streams = on_every_rank(comm, lambda: Streams(planned, site))
        self._started = True
        try:
            with stages.stage("open", shown=False):
                on_every_rank(comm, streams.begin)
            steps, interrupted = yield from self._simulate(built, backend, reader, streams, acting)
        except BaseException:
            with contextlib.suppress(DtbsimError):  # the first error is the one to tell
                streams.close()
            raise
        with stages.stage("close", shown=False):
            on_every_rank(comm, streams.close)
        return self._finish(built, backend, streams, steps=steps, interrupted=interrupted)

    # -- stages -----------------------------------------------------------------------------------------------

    def _write_origin(self) -> None:
        self._record = provenance(
            argv=self._argv,
            seed=self._network.seed,
            ranks=self._comm.size,
            threads=self._prepared.threads,
            backend=self._prepared.backend,
        )
        device = self._prepared.choice.device
        self._record["gpu"] = None if device is None else dict(device.facts)
        self._record["models"] = self._prepared.models.record
        self._prepared.models.write(self._claimed)
        config, self._record["inputs"] = keep_inputs(self._prepared.inputs, self._prepared.models.config, self._claimed)
        self._config = config
        self._claimed.write_text("config.yaml", dump_config(config))
        self._record["files"] = self._files = dict(self._claimed.written)
        self._claimed.write_json("provenance.json", self._record)

    def _write_as_it_was(self, steps: int, changes: Ending) -> None:
        """Of a live run: its duration, and what was set in its course."""
        self._claimed.write_text("config.yaml", dump_config(as_it_was(self._config, steps, changes)))
        self._files["config.yaml"] = self._claimed.written["config.yaml"]
        self._claimed.write_json("network.json", self._described | {"n_steps": steps})

    def _say_choices(self) -> None:
        made = self._prepared
        made.choice.say()
        for note in made.backend_plan.notes:
            _LOG.info("%s", note)
        for warning in (*made.models.warnings, *self._network.warnings):
            _LOG.warning("%s", warning)
        for note in self._network.notes:
            _LOG.info("%s", note)
        _LOG.info("%d rank(s) x %d thread(s), exchange %s", self._comm.size, made.threads, made.exchange)

    def _describe(self, built: RankNetwork) -> None:
        synapses = self._comm.allgather(built.n_synapses)
        on_root(self._comm, lambda: self._write_network(synapses))

    def _write_network(self, synapses: list[int]) -> None:
        plan = self._prepared.plan
        described = describe_network(self._network, plan, self._prepared.exchange_plan, synapses)
        self._described = described
        self._claimed.write_json("network.json", described)
        summary = summarise(plan.table, plan.blocks.rank, traffic(self._network))
        _LOG.info("partition (%s): %s", self._network.execution.partitioner, summary.table())
        if self._comm.size > 1:
            _LOG.info("a spike is sent to %.2f other ranks on average", described["ranks_per_spike"])
            self._progress.note(f"partition: {summary.headline()}")

    def _simulate(
        self, built: RankNetwork, backend: Backend, reader: ChunkReader, streams: Streams, acting: list[Intervention]
    ) -> Generator[Pause, int | Ending, tuple[int, bool]]:
        """Step to the end, or to where the user stops it; returns the steps done and whether it was stopped."""
        network = self._network
        steps = self._planned.intervals + act_intervals(network)
        self._chunks = Chunks(network.n_steps, steps, change_steps(network))
        step, interrupted = 0, False
        until = 0 if self._live else network.n_steps
        backend.limit_s = LIMIT_S
        with self._stages.stage("simulate", shown=False):
            for intervention in acting:
                intervention.begin(backend)
        while True:
            with self._stages.stage("simulate"):
                while step < until and not interrupted:
                    step, interrupted = self._chunk(step, until, backend, reader, streams, acting)
            if not self._live:
                return step, interrupted and step < network.n_steps
            with self._interrupt.paused():
                wanted = yield Pause(self._prepared, built, backend, reader, step, interrupted)
            if not isinstance(wanted, int):
                on_every_rank(self._comm, partial(streams.end, step))
                on_root(self._comm, partial(self._write_as_it_was, step, wanted))
                return step, False
            until, interrupted = wanted, False

    def _chunk(
        self, step: int, until: int, backend: Backend, reader: ChunkReader, streams: Streams, acting: list[Intervention]
    ) -> tuple[int, bool]:
        """One chunk; returns the steps done and whether the run is to stop."""
        begin_s = time.perf_counter()
        with stepping():
            backend.advance(step, min(self._chunks.stop_after(step), until))
        chunk = reader.take(step)
        streams.share(chunk)
        on_every_rank(self._comm, partial(self._keep, streams, acting, backend, chunk))
        self._chunks.note(chunk.stop - step, self._comm.allreduce_max(time.perf_counter() - begin_s))
        self._progress.advance(chunk.stop, until, self._network.dt_ms)
        return chunk.stop, interrupt_agreed(self._comm)

    def _keep(self, streams: Streams, acting: list[Intervention], backend: Backend, chunk: Chunk) -> None:
        """Store a chunk first, then look whether it is still valid: what led there is worth reading."""
        streams.take(chunk)
        for intervention in acting:
            intervention.take(chunk, backend)
        backend.check_finite(chunk.start, chunk.stop)
        if self._status is not None:
            self._status.check()

    def _finish(
        self, built: RankNetwork, backend: Backend, streams: Streams | None, *, steps: int, interrupted: bool
    ) -> RunResult:
        summary = summarise_run(
            self._comm,
            self._prepared,
            built,
            backend,
            streams,
            self._stages,
            steps=steps,
            run_dir=self._folder,
            interrupted=interrupted,
        )
        on_root(self._comm, lambda: self._write_summary(summary))
        return RunResult(summary, self._folder, interrupted)

    def _write_summary(self, summary: dict[str, Any]) -> None:
        self._claimed.check()
        self._claimed.write_json("provenance.json", self._record | {"finished": now()})
        self._claimed.write_json("summary.json", summary)
        for warning in summary["warnings"][len(self._network.warnings) :]:  # those were said at the start
            _LOG.warning("%s", warning)
