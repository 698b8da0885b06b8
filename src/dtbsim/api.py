"""`dtbsim.run`, `start` and `validate`: a run from Python, from a file, a mapping or configuration objects."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.arguments import flag, number, refuse, text
from dtbsim.arguments import path as path_argument
from dtbsim.errors import InputError
from dtbsim.given import Source, resolve, resolved_on_nodes
from dtbsim.runtime.progress import AnnouncedProgress, make_progress

if TYPE_CHECKING:
    from dtbsim.build.as_built import BuiltNetwork
    from dtbsim.config import Overrides
    from dtbsim.estimation.result import Estimate
    from dtbsim.mpi import Comm
    from dtbsim.simulate import RunResult
    from dtbsim.simulate.live import LiveRun
    from dtbsim.simulate.temporary import TemporaryFolder
    from dtbsim.spec import Network

ASSUMED_RATE_HZ, MOST_HZ = 4.0, 1e4
"""What neurons are taken to fire at where nobody says more (partitions are made for the same), and at most."""


def run(
    source: Source,
    *,
    out: str | os.PathLike[str] | None = None,
    set: Overrides = (),
    overwrite: bool = False,
    temporary: bool = False,
    comm: Comm | None = None,
    progress: bool = False,
    report: bool = False,
) -> RunResult:
    """Simulate and return the result; under an MPI launcher every rank calls this, with the same arguments.

        result = dtbsim.run("net.yaml", set={"simulation.duration_ms": 2000})
        time_ms, neuron = result.open().spikes("E")

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        out: the run folder, new or empty (default: runs/NAME-TIME below the current folder).
        set: overrides: a mapping {"key.path": value}, or texts `key.path=value` as on the command line.
        overwrite: let `out` be the folder of an earlier run, which is replaced; a folder that holds anything else, or
            a run that still goes on, is never touched.
        temporary: keep the results in a temporary folder (see `tempfile`), which is removed when the result, and what
            was opened of it, are no longer used.
        comm: the ranks (default: those that a launcher started, else this process alone).
        progress: show on standard error how far the run is.
        report: write report.html at the end.

    Raises:
        DtbsimError: everything that can go wrong; `exit_code` says what it would mean on the command line.
    """
    from dtbsim.mpi import world_comm
    from dtbsim.simulate import run as conduct

    began_s = time.perf_counter()
    overwrite, temporary = flag(overwrite, "overwrite"), flag(temporary, "temporary")
    progress, report = flag(progress, "progress"), flag(report, "report")
    folder = None if out is None else path_argument(out, "out")
    _check_folder(folder, overwrite, temporary)
    ranks = world_comm() if comm is None else _ranks(comm)
    config, base_dir, locator = resolved_on_nodes(ranks, source, set)
    shown = make_progress(sys.stderr, rank=ranks.rank, quiet=not progress)
    if not progress and ranks.is_root and sys.stderr is not None:
        shown = AnnouncedProgress(sys.stderr)
    owner = _temporary_folder(ranks, config.name) if temporary else None
    try:
        result = conduct(
            config,
            out=owner.path if owner is not None else folder,
            base_dir=base_dir,
            locator=locator,
            comm=ranks,
            progress=shown,
            report=report,
            began_s=began_s,
            overwrite=overwrite,
        )
    except BaseException:
        if owner is not None:
            owner.remove()
        raise
    finally:
        shown.close()
    if result.report_error is not None:
        raise result.report_error
    return replace(result, owner=owner)


def resume(
    run: str | os.PathLike[str],
    *,
    set: Overrides = (),
    checkpoint: str | None = None,
    out: str | os.PathLike[str] | None = None,
    at_ms: float | None = None,
    overwrite: bool = False,
    take_over: bool = False,
    comm: Comm | None = None,
    progress: bool = False,
    report: bool = False,
) -> RunResult:
    """Go on with an interrupted run from its last checkpoint, in its own folder, as if it had never stopped.

        dtbsim.run("net.yaml", out="first", set={"checkpoint": {"every_min": 30}})     # killed
        result = dtbsim.resume("first")
        longer = dtbsim.resume("first", set={"simulation.duration_ms": 20_000})

    Ranks and threads may be others than before. With `out` the run stays as it is, and another one begins with its
    checkpoint, a branch: settle once, run many from there.

        dtbsim.run("net.yaml", out="settled", set={"simulation.duration_ms": 1000, "checkpoint": {}})
        for trial in range(20):
            noise = {"changes.trial": {"t_ms": 1000, "noise_seed": trial}}
            dtbsim.resume("settled", out=f"trial_{trial}", set={"simulation.duration_ms": 1500, **noise})

    Args:
        run: the folder of the run.
        set: overrides, as of `run`: of `simulation` the duration and what no spike depends on, and `checkpoint`; of a
            branch also what is recorded, and changes and drives that begin with it or later.
        checkpoint: the name of a folder in `checkpoints` of the run (default: the last).
        out: begin a branch in this folder, new or empty.
        at_ms: the biological time of the checkpoint that the branch begins with, instead of its name.
        overwrite: let `out` be the folder of an earlier run, which is replaced.
        take_over: go on although the run counts as going on, on another machine, which was lost.
        comm: the ranks (default: those that a launcher started, else this process alone).
        progress: show on standard error how far the run is.
        report: write report.html at the end.

    Raises:
        InputError: nothing to resume, a checkpoint that is damaged or of another version or configuration, a run that
            goes on: nothing was changed. Further errors as of `run`.
    """
    from dtbsim.mpi import world_comm
    from dtbsim.simulate.resume import resume as conduct

    began_s = time.perf_counter()
    take_over, progress, report = flag(take_over, "take_over"), flag(progress, "progress"), flag(report, "report")
    folder = None if out is None else path_argument(out, "out")
    _check_folder(folder, flag(overwrite, "overwrite"), temporary=False)
    ranks = world_comm() if comm is None else _ranks(comm)
    shown = make_progress(sys.stderr, rank=ranks.rank, quiet=not progress)
    try:
        result = conduct(
            path_argument(run, "run"),
            overrides=set,
            checkpoint=None if checkpoint is None else text(checkpoint, "checkpoint"),
            out=folder,
            at_ms=None if at_ms is None else number(at_ms, "at_ms"),
            overwrite=overwrite,
            take_over=take_over,
            comm=ranks,
            progress=shown,
            report=report,
            began_s=began_s,
        )
    finally:
        shown.close()
    if result.report_error is not None:
        raise result.report_error
    return result


def start(
    source: Source,
    *,
    out: str | os.PathLike[str] | None = None,
    set: Overrides = (),
    overwrite: bool = False,
    comm: Comm | None = None,
    progress: bool = False,
) -> LiveRun:
    """Build a network and return a run that waits: it goes on piece by piece, and can be changed in between.

        with dtbsim.start("net.yaml") as sim:
            sim.run(500)
            sim.set("E", "V_th_mV", -52.0, neurons=range(10))
            sim.run(500)
            time_ms, neuron = sim.spikes("E")
            potentials = sim.get("E", "V_m_mV")
        rates = sim.result.open().rates()

    A run that has been saved (`sim.save()`, or `checkpoint` in its configuration) goes on where `source` is its folder:
    there, or with `out` as a branch (see `resume`).

    `simulation.duration_ms` does not end it; drives that have no `stop_ms` stay on. Pieces without changes give the
    spikes of the whole run, bit for bit, and changes those of a configuration that has them in `changes`.

    Args:
        source: a `RunConfig`, the same as a mapping, the path of a configuration file, or the folder of a run.
        out: the run folder, new or empty; default: a temporary one, which is removed when neither the run nor its
            result nor what was opened of it is used any more; of a run that goes on, its own.
        set: overrides, as of `run`.
        overwrite: let `out` be the folder of an earlier run, which is replaced.
        comm: the ranks (default: those that a launcher started, else this process alone).
        progress: show on standard error how far each piece is.

    Raises:
        DtbsimError: everything that can go wrong, as of `run`.
    """
    from dtbsim.mpi import world_comm
    from dtbsim.simulate.conductor import conduct
    from dtbsim.simulate.live import LiveRun

    began_s = time.perf_counter()
    overwrite, progress = flag(overwrite, "overwrite"), flag(progress, "progress")
    folder = None if out is None else path_argument(out, "out")
    _check_folder(folder, overwrite, temporary=False)
    ranks = world_comm() if comm is None else _ranks(comm)
    shown = make_progress(sys.stderr, rank=ranks.rank, quiet=not progress)
    if isinstance(source, str | os.PathLike) and (path_argument(source, "source") / "config.yaml").is_file():
        from dtbsim.simulate.resume import go_on_live

        run = path_argument(source, "source").absolute()
        job = go_on_live(run, folder, set, ranks, shown, began_s, overwrite=overwrite)
        return LiveRun(job, ranks, run)
    config, base_dir, locator = resolved_on_nodes(ranks, source, set)
    owner = _temporary_folder(ranks, config.name) if folder is None else None
    target = folder if owner is None else owner.path
    try:
        job = conduct(config, target, base_dir, locator, ranks, shown, list(sys.argv), overwrite, began_s, live=True)
        return LiveRun(job, ranks, base_dir, owner)
    except BaseException:
        if owner is not None:
            owner.remove()
        raise


def validate(source: Source, *, set: Overrides = ()) -> Network:
    """Return the network that `source` means; nothing is built or simulated.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        set: overrides: a mapping {"key.path": value}, or texts `key.path=value` as on the command line.

    Raises:
        InputError: something is wrong; `mistakes` and the lines of the text are all that were found.
    """
    from dtbsim.simulate.streams import plan_streams
    from dtbsim.spec import compile_network

    config, base_dir, locator = resolve(source, set)
    network = compile_network(config, base_dir, locator)
    plan_streams(network, locator)
    return network


def estimate(
    source: Source,
    ranks: int = 1,
    *,
    ranks_per_node: int | None = None,
    gpus_per_node: int | None = None,
    threads: int | None = None,
    machine: str | os.PathLike[str] | None = None,
    rate_hz: float = ASSUMED_RATE_HZ,
    measure_ms: float | None = None,
    set: Overrides = (),
) -> Estimate:
    """Return how a run would go on so many ranks: memory, exchange, time, results, and why it would be refused.

        found = dtbsim.estimate("net.yaml", ranks=1024, machine="cluster")
        found.memory.peak.largest, found.time.real_time_factor.expected, found.refusals

    Without `measure_ms` nothing is built, and nothing of the size of the network allocated.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        ranks: processes of the run.
        ranks_per_node: default: as many as a node has GPUs, or cores for their threads.
        gpus_per_node: default: as in the profile.
        threads: of a rank (default: as configured, else its share of the cores).
        machine: the name of a profile, or its file (default: this machine, with times measured on another).
        rate_hz: what neurons are taken to fire at.
        measure_ms: build the fullest rank here too, and step it so long, alone on CPUs; others' spikes are drawn.
        set: overrides: a mapping {"key.path": value}, or texts `key.path=value` as on the command line.

    Raises:
        InputError: something is wrong with the configuration or the machine, or there are more ranks than blocks. What
            a run would be refused for is in `refusals`; `check()` raises it. MemoryPlanError: no memory to measure.
    """
    from dtbsim.estimation.dry_run import measured_steps, with_measured
    from dtbsim.estimation.estimate import estimate_network
    from dtbsim.estimation.place import Asked
    from dtbsim.simulate.streams import plan_streams
    from dtbsim.spec import compile_network

    begun_s = time.perf_counter()
    asked = Asked(*(_whole(value, name) for name, value in _counts(ranks, ranks_per_node, gpus_per_node, threads)))
    if isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float) or not 0 <= rate_hz <= MOST_HZ:
        raise refuse(rate_hz, "rate_hz", f"a number from 0 to {MOST_HZ:g}")
    name = None if machine is None else os.fspath(machine)
    config, base_dir, locator = resolve(source, set)
    network = compile_network(config, base_dir, locator)
    plan_streams(network, locator)
    n_steps = None if measure_ms is None else measured_steps(network, number(measure_ms, "measure_ms"))
    found = estimate_network(
        network,
        asked,
        name,
        rate_hz=float(rate_hz),
        keep=None if config.checkpoint is None else config.checkpoint.keep,
        available_disk=float(shutil.disk_usage(".").free) if name is None else None,
        network_s=time.perf_counter() - begun_s,
    )
    return found if n_steps is None else with_measured(found, network, n_steps, float(rate_hz))


def _counts(
    ranks: object, ranks_per_node: object, gpus_per_node: object, threads: object
) -> tuple[tuple[str, object], ...]:
    return ("ranks", ranks), ("ranks_per_node", ranks_per_node), ("gpus_per_node", gpus_per_node), ("threads", threads)


def _whole(value: Any, name: str) -> Any:
    if (value is None and name != "ranks") or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise refuse(value, name, "a whole number above 0")


def build(source: Source, *, set: Overrides = ()) -> BuiltNetwork:
    """Return the network as it is built, to look at: neurons, synapses and drives; nothing is simulated or stored.

    ::

        net = dtbsim.build("net.yaml")
        net.populations["E"].parameters                    # pandas: a row per neuron, a column per parameter
        net.populations["E"].initial_states
        projection = net.projections["EE"]
        for part in projection.synapses():                 # pandas: about a million synapses at a time
            part.groupby("target").weight.sum()            # in projection.unit
        net.drives["bg"].rates_hz([0, 500])

    Everything is what the engine uses, synapses of procedural projections included, and the same wherever it is asked
    for: each rank of a parallel program may look at a part of its own. Weights of plastic synapses, parameters and
    states are those at the beginning of a run.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        set: overrides: a mapping {"key.path": value}, or texts `key.path=value` as on the command line.

    Raises:
        InputError: something is wrong; `mistakes` and the lines of the text are all that were found.
    """
    from dtbsim.build.as_built import BuiltNetwork
    from dtbsim.spec.simulated import check_simulated

    network = validate(source, set=set)
    check_simulated(network)
    return BuiltNetwork(network)


def _check_folder(out: Path | None, overwrite: bool, temporary: bool) -> None:
    if temporary and out is not None:
        raise InputError("out and temporary are both given", where="out", remedy="leave one of them out")
    if overwrite and out is None:
        raise InputError("there is no folder to overwrite", where="overwrite", remedy="name it: out=FOLDER")


def _ranks(comm: Any) -> Comm:
    if not all(hasattr(comm, name) for name in ("rank", "size", "node_count", "bcast", "allgather")):
        raise refuse(comm, "comm", "the ranks of dtbsim.mpi, such as dtbsim.mpi.world_comm()")
    ranks: Comm = comm
    return ranks


def _temporary_folder(ranks: Comm, name: str) -> TemporaryFolder:
    from dtbsim.simulate.temporary import temporary_folder

    return temporary_folder(ranks, name)
