"""`dtbsim.tune`: bring a configuration to a working point."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.arguments import flag, number, refuse, whole
from dtbsim.arguments import path as path_argument
from dtbsim.backends.threads import usable_cores
from dtbsim.config import RunConfig
from dtbsim.config.overrides import Overrides, as_mapping
from dtbsim.config.plain import plain
from dtbsim.errors import InputError
from dtbsim.given import Source, resolve
from dtbsim.mpi.launch import several_ranks
from dtbsim.sweeps.pool import Executor, ProcessPool
from dtbsim.tuning.bench import Bench
from dtbsim.tuning.edge import Edge, Point, what_is_wrong
from dtbsim.tuning.keys import Goal, coupling_numbers, goals_of, rate_variable
from dtbsim.tuning.observe import Watched
from dtbsim.tuning.result import Change, Tuned, table_of, write
from dtbsim.tuning.scan import Scan, scan_for_edge
from dtbsim.tuning.warned import warnings_of
from dtbsim.tuning.written import tuned_text

if TYPE_CHECKING:
    from dtbsim.spec import Network

SPAN = (0.25, 4.0)
SPIKING_MS, REGIONS_MS, SHORTEST_MS = 30_000.0, 305_000.0, 200.0
"""How long a setting is looked at by default, at most; and at least."""
SETTLING_MS = 1000.0
BIN_MS, SAMPLE_MS = 20.0, 100.0
SPIKES_MS = 10_000.0
FC_MS = 305_000.0
"""From here on BOLD is long enough for FC, and is simulated in the scan, too."""
SHORTEST_FC_MS = 50_000.0
"""BOLD of less says nothing of mean |FC|: it is smooth, so that all of it goes up or down together."""


def tune(
    source: Source,
    rates: Mapping[str, float] | None = None,
    *,
    couplings: Sequence[str] | None = None,
    knobs: Mapping[str, str] | None = None,
    span: tuple[float, float] | None = None,
    points: int = 9,
    below: float = 0.1,
    tolerance: float = 0.1,
    resolution: float = 0.03,
    measure_ms: float | None = None,
    out: str | os.PathLike[str] | None = None,
    set: Overrides = (),
    executor: Executor | ProcessPool | None = None,
    workers: int | None = None,
    report: bool = True,
    progress: bool = True,
) -> Tuned:
    """Bring a network to a working point: rates at targets, long-range coupling below the edge of synchrony.

        tuned = dtbsim.tune("net.yaml", {"cortex.E": 4, "cortex.I": 6.5}, out="runs/tuned")
        tuned.changes, tuned.edge, tuned.distance, tuned.warnings
        dtbsim.run("runs/tuned/tuned.yaml")

    All long-range couplings are multiplied by one factor, which is scanned; at each factor the rates are brought to
    their targets. The edge is the first factor at which regions move as one, the network bursts, rates cannot be held,
    or fluctuations that regions have in common are largest and fall beyond. The factor that is chosen lies `below` it.

    The result is the same for any number of workers, and where a call in the same folder goes on with what an earlier
    one has simulated.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        rates: {population: Hz}. Where a controller holds a population, it is given the target; else a number is turned.
        couplings: key paths of the numbers that are scanned together; ["none"]: none, rates alone are tuned. Default:
            weights of all projections with `scope: connectome`, strengths of all couplings by the connectome.
        knobs: {population: key path} of the number that sets its rate. Default: the rate of its own Poisson drive, or
            of the background of its circuit.
        span: lowest and highest factor that is scanned. Default: 0.25 to 4, and further until there is an edge.
        points: couplings of the first scan.
        below: how far below the edge the coupling is chosen, as a share of it.
        tolerance: of rates, relative.
        resolution: how closely the edge is found, as a share of it.
        measure_ms: how long each setting is looked at, after `simulation.settling_ms`. Default: as long as the
            configuration says, at most 30 s with neurons and 300 s without.
        out: the folder of the result, new, empty, or of an earlier call. Default: nothing is written.
        set: overrides for all runs and for the result, as of `run`.
        executor: as of `dtbsim.sweep`.
        workers: as of `dtbsim.sweep`.
        report: write report.html into `out`.
        progress: say on standard error what is going on.

    Raises:
        InputError: wrong arguments; no coupling to scan; targets that are not reached, with what was; a configuration
            that is an ensemble already.
    """
    report, progress = flag(report, "report"), flag(progress, "progress")
    _check(span, points, below, tolerance, resolution)
    folder = None if out is None else path_argument(out, "out").absolute()
    if executor is None and several_ranks(os.environ):
        raise InputError(
            "tuning starts its runs itself, and this is one of several ranks",
            where="mpiexec",
            remedy="leave mpiexec out and give --workers N; in Python executor=MPIPoolExecutor() uses ranks",
        )
    job = _prepare(source, set, rates or {}, couplings, knobs or {}, measure_ms)

    def say(text: str) -> None:
        if progress:
            print(f"dtbsim: tune: {text}", file=sys.stderr, flush=True)

    with contextlib.ExitStack() as stack:
        if executor is None:
            count = usable_cores() if workers is None else whole(workers, "workers", at_least=1)
            executor = stack.enter_context(ProcessPool(max(1, count // (job.config.simulation.threads or 1))))
        bench = Bench(
            job.source, job.base(), job.watched, job.side_by_side,
            None if folder is None else folder / "runs", workers, executor,
        )  # fmt: skip
        scan = Scan(bench, job.numbers, job.goals, tolerance, say)
        edge, point = _working_point(scan, job, span, points, below, resolution)
        say(f"a longer run at {point.factor:g} times the given coupling")
        check = job.check(bench, point)
    tuned = _result(job, scan, edge, point, check, tolerance, folder)
    if folder is not None:
        page = None
        if report:
            from dtbsim.report.tuning import tuning_page

            page = tuning_page(job.page(tuned, scan))
        write(tuned, folder, page)
    return tuned


def _check(span: Any, points: Any, below: Any, tolerance: Any, resolution: Any) -> None:
    if span is not None:
        known = isinstance(span, Sequence) and len(span) == 2 and all(isinstance(x, int | float) for x in span)
        if not known or not 0 < span[0] < span[1]:
            raise refuse(span, "span", "two factors above 0, the lower one first")
    whole(points, "points", at_least=2)
    for value, name, most in ((below, "below", 1.0), (tolerance, "tolerance", 1.0), (resolution, "resolution", 0.5)):
        if number(value, name, above=0) >= most:
            raise refuse(value, name, f"a share above 0 and below {most:g}")


@dataclass(frozen=True)
class _Job:
    """A configuration, what is turned in it, and how it is looked at."""

    source: Source
    given: dict[str, Any]
    config: RunConfig
    base_dir: Path
    network: Network
    numbers: list[Any]
    goals: list[Goal]
    watched: Watched
    side_by_side: bool
    settling_ms: float
    measure_ms: float

    def base(self) -> dict[str, Any]:
        """What is set for all runs of the scan: they are short, and record nothing but what is looked at."""
        return {
            **self.given,
            "simulation.duration_ms": self.settling_ms + self.measure_ms,
            "simulation.settling_ms": self.settling_ms,
            "record": self.record(None),
            "signals": {},
            "checkpoint": None,
            **({"changes": {}} if self.config.changes else {}),
            **({} if self.measure_ms >= FC_MS else {"bold": None}),
        }

    def record(self, spikes: dict[str, float] | None) -> dict[str, Any]:
        """What runs record."""
        states = [
            {"population": name, "variables": [variable], "interval_ms": self.watched.sample_ms}
            for name, variable, _ in self.watched.regions
        ]
        record: dict[str, Any] = {"states": states, "spikes": spikes}
        if self.watched.spiking:
            record["rate_bin_ms"] = _on_grid(BIN_MS, self.config.simulation.dt_ms)
        return record

    def check(self, bench: Bench, point: Point) -> dict[str, Any]:
        """What is seen at a point for longer, with another seed, and how irregularly neurons fire."""
        longer, dt_ms = 2 * self.measure_ms, self.config.simulation.dt_ms
        spikes = None
        if self.watched.spiking:
            spikes = {"start_ms": self.settling_ms + longer - min(_on_grid(SPIKES_MS, dt_ms), longer)}
        setting = {
            **point.values,
            "seed": self.config.seed + 1,
            "simulation.duration_ms": self.settling_ms + longer,
            "record": self.record(spikes),
            "bold": plain(self.config).get("bold") if longer >= SHORTEST_FC_MS else None,
        }
        return bench.look(setting, replace(self.watched, cv_of=spikes is not None))

    def page(self, tuned: Tuned, scan: Scan) -> Any:
        """What the report shows."""
        from dtbsim.report.tuning import TuningPage

        return TuningPage(
            name=self.config.name,
            description=self.config.description or "",
            couplings=[(one.key, one.value) for one in self.numbers],
            knobs=[goal.knob.key for goal in self.goals if goal.knob is not None],
            targets_hz={goal.population: goal.target_hz for goal in self.goals},
            table=tuned.table,
            changes=[(one.key, one.old, one.new) for one in tuned.changes],
            edge=None if tuned.edge is None else (tuned.edge.low, tuned.edge.factor, tuned.edge.high),
            why="" if tuned.edge is None else tuned.edge.why,
            point=tuned.point.factor,
            check=dict(tuned.check),
            baselines=dict(tuned.baselines),
            warnings=list(tuned.warnings),
        )


def _prepare(source: Source, set: Overrides, rates: Any, couplings: Any, knobs: Any, measure_ms: float | None) -> _Job:
    from dtbsim.simulate.streams import plan_streams
    from dtbsim.spec import compile_network

    given = as_mapping(set)
    source = path_argument(source, "source").absolute() if isinstance(source, str | os.PathLike) else source
    config, base_dir, locator = resolve(source, given)
    if config.ensemble is not None:
        raise InputError(
            "the configuration is an ensemble, and tuning is of one network",
            where=locator.where("ensemble"),
            remedy="leave it out: --set ensemble=null",
        )
    network = compile_network(config, base_dir, locator)
    plan_streams(network, locator)
    if isinstance(couplings, str) or not isinstance(couplings, Sequence | None):
        raise refuse(couplings, "couplings", "a list of key paths")
    numbers = coupling_numbers(config, couplings)
    goals = goals_of(config, network, rates, knobs)
    if not numbers and not goals:
        raise InputError("there is nothing to tune", where="--coupling none", remedy="give --rates POPULATION=HZ")
    side_by_side = network.n_neurons == 0
    dt_ms = config.simulation.dt_ms
    settling_ms = config.simulation.settling_ms or _on_grid(min(SETTLING_MS, config.simulation.duration_ms / 2), dt_ms)
    longest = REGIONS_MS if side_by_side else SPIKING_MS
    measured_ms = min(longest, max(config.simulation.duration_ms - settling_ms, SHORTEST_MS))
    if measure_ms is not None:
        measured_ms = number(measure_ms, "measure_ms", at_least=SHORTEST_MS)
    regions = () if network.regions is None else network.regions.populations
    watched = Watched(
        tuple(family.name for family in network.families),
        tuple(_watched_variable(population) for population in regions),
        _on_grid(SAMPLE_MS, dt_ms),
    )
    return _Job(
        source, given, config, base_dir, network, numbers, goals, watched, side_by_side, settling_ms,
        _on_grid(measured_ms, dt_ms),
    )  # fmt: skip


def _watched_variable(population: Any) -> tuple[str, str, bool]:
    """Population, the variable that stands for its activity, and whether that is a rate."""
    rate = rate_variable(population)
    if rate is not None:
        return population.name, rate, True
    bold = next((row.variable for row in population.model.reads if row.signal == "bold"), None)
    return population.name, bold or population.model.variables[0], False


def _on_grid(time_ms: float, dt_ms: float) -> float:
    return float(max(1, round(time_ms / dt_ms)) * dt_ms)


def _working_point(
    scan: Scan, job: _Job, span: tuple[float, float] | None, points: int, below: float, resolution: float
) -> tuple[Edge | None, Point]:
    """The edge, and the point below it."""
    if not job.numbers:
        return None, scan.rates_alone()
    low, high = SPAN if span is None else span
    edge = scan_for_edge(scan, low, high, points, resolution, fixed=span is not None)
    if edge is None:
        return None, scan.working_point(1.0 if max(scan.points) > 1.0 else max(scan.points))
    factor = edge.factor * (1 - below)
    point = scan.working_point(factor)
    while point.beyond is not None and factor > 1e-3 * edge.factor:
        factor = factor * (1 - below)
        point = scan.working_point(factor)
    return edge, point


def _result(
    job: _Job, scan: Scan, edge: Edge | None, point: Point, check: dict[str, Any], tolerance: float, folder: Path | None
) -> Tuned:
    data = plain(job.config)
    changes = tuple(Change(key, old, new) for key, new in point.values.items() if (old := _value_at(data, key)) != new)
    all_changes = {**job.given, **{one.key: one.new for one in changes}}
    config, base_dir, _ = resolve(job.source, all_changes)
    text = "" if folder is None else tuned_text(job.source, config, all_changes, base_dir, folder)
    baselines, measured = _baselines(job)
    warnings = warnings_of(edge, point, check, what_is_wrong(check), job.goals, tolerance, measured)
    return Tuned(config, changes, edge, point, check, table_of(scan.ordered), baselines, tuple(warnings), folder, text)


def _value_at(data: Any, key: str) -> Any:
    for part in key.split("."):
        data = data[int(part)] if isinstance(data, list) else data.get(part)
        if data is None:
            return None
    return data


def _baselines(job: _Job) -> tuple[dict[str, float], float | None]:
    """What SC alone and the best linear network reach on the measured FC of the atlas, and its mean |FC|."""
    from dtbsim.analysis.baselines import best_linear_network, structural_correlation

    atlas = job.network.atlas
    if atlas is None or atlas.fc is None or atlas.is_sparse:
        return {}, None
    fc = np.asarray(atlas.fc, np.float64)
    measured = float(np.abs(fc[np.triu_indices(len(fc), 1)]).mean())
    try:
        found = {
            "structural": structural_correlation(atlas.weights, fc),
            "linear_network": best_linear_network(atlas.weights, fc).correlation,
        }
    except InputError:
        return {}, measured
    return found, measured
