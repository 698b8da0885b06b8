"""`dtbsim.fit`: numbers of a configuration that bring it near to measured data, and how near that really is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import flag, whole
from dtbsim.arguments import path as path_argument
from dtbsim.config.overrides import Overrides
from dtbsim.config.plain import plain
from dtbsim.errors import NumericsError
from dtbsim.fitting import honest
from dtbsim.fitting.best import write_best
from dtbsim.fitting.evaluate import Task
from dtbsim.fitting.journal import Journal, Record
from dtbsim.fitting.methods import POPULATION, Search, search_of
from dtbsim.fitting.objectives import Goal, goal_of
from dtbsim.fitting.prepared import Prepared, check_keys, prepare
from dtbsim.fitting.result import NOTHING_HELD_OUT, Fit
from dtbsim.fitting.space import Space, space_of
from dtbsim.fitting.study import Point, Study, digest_of_parts, opened, pool_of, progress_of
from dtbsim.fitting.table import write_table
from dtbsim.fitting.target import Target, target_of
from dtbsim.given import Source
from dtbsim.store.files import write_checked

F64 = NDArray[np.float64]
SUMMARY = "summary.json"
OWN_SEEDS = 10_000
"""Seeds of simulations for inference begin so far after the seed of the configuration, beyond those of repeats."""


def fit(
    source: Source,
    to: object,
    free: object,
    *,
    method: str = "cmaes",
    objective: object = "fc",
    hold_out: object = None,
    evaluations: int | None = None,
    population: int = POPULATION,
    seeds: int = 1,
    repeats: int = 5,
    seed: int = 1,
    tr_s: float | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    set: Overrides = (),
    executor: Any = None,
    workers: int | None = None,
    report: bool = True,
    progress: bool = True,
) -> Fit:
    """Fit numbers of a configuration to measured data, and return the best with what it has to be read beside.

        found = dtbsim.fit("examples/resting_dmf.yaml", "atlas", {"couplings.long_range.strength": (0.1, 0.6)})
        print(found)                  # scores, baselines, spread over seeds, warnings
        found.best                    # {"couplings.long_range.strength": 0.43...}

    Mean-field regions are simulated as members of ensembles, sixteen side by side; networks with neurons as runs of
    their own. An evaluation that fails is counted, and the others go on. Results do not depend on the workers.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        to: "atlas" (the measured FC, and FCD, of its atlas), a file with an FC or a series, a list of those of several
            people (whose mean FC counts), an array [n, n] or, with `tr_s`, [T, n], or a `dtbsim.fitting.Target`.
        free: {"key.path": (low, high)} or (low, high, "log"), or texts "key.path=low:high[:log]".
        method: "grid", "cmaes", "tpe" (extra `optuna`), "enki" (ensemble Kalman inversion), "sbi" (a posterior; extra
            `infer`).
        objective: what is made small or large: "fc", "fc_mse", "fcd", "rates(POPULATION=HZ)", "spectrum", "bands",
            "FILE.py:function" (of (simulated, target), made small), weighted sums "fc + 0.5*fcd"; of several with a
            comma between them the Pareto front is sought (grid, tpe).
        hold_out: what the fit does not see and the best is scored on: "half" (the second half of a series), or data
            like `to`.
        evaluations: at most so many points (default: by method and number of parameters).
        population: points of a generation.
        seeds: evaluations of each point, with seeds `simulation seed`, + 1, ...; the mean of their losses counts.
        repeats: evaluations of the best one with seeds that the search has not seen.
        seed: of the search itself.
        tr_s: time between samples of series (s).
        out: a new or empty folder for table, best.yaml, summary.json and report.html; without it nothing is kept.
        resume: go on with the study in `out`.
        set: overrides for all, as of `run`.
        executor: any `concurrent.futures.Executor` with processes (default: a pool of `workers` processes).
        workers: how many processes (default: one for each core, or for the threads of an evaluation).
        report: write report.html.
        progress: show on standard error how far it is.

    Raises:
        InputError: wrong arguments, data that do not fit the model, a folder of something else; NumericsError: no
            evaluation succeeded; MissingDependencyError.
    """
    report, progress, resume = flag(report, "report"), flag(progress, "progress"), flag(resume, "resume")
    goal, space = goal_of(objective), space_of(free)
    prepared = prepare(source, set, goal)
    check_keys(prepared, {one.key: (one.low, one.high) for one in space.free})
    names = prepared.regions if "bold" in goal.needs or (isinstance(to, str) and to == "atlas") else None
    target = target_of(to, names or None, prepared.atlas, interval_s=tr_s, hold_out=hold_out)
    goal.check(target, prepared.spectrum_of)
    population = whole(population, "population", at_least=2)
    seeds, repeats = whole(seeds, "seeds", at_least=1), whole(repeats, "repeats", at_least=1)
    n = (
        default_evaluations(method, len(space))
        if evaluations is None
        else whole(evaluations, "evaluations", at_least=2)
    )
    job = _Job(prepared, space, goal, target, method, n, population, seeds, repeats, whole(seed, "seed"))
    search = job.search()
    folder = None if out is None else path_argument(out, "out").absolute()
    pool = pool_of(executor, workers, prepared.threads)
    with opened(folder, resume, job.about()) as journal:
        best = goal.terms[0]
        shown = progress_of(
            "fit", n * seeds + repeats, best.key, shown=progress, largest=best.objective.best == "largest"
        )
        if progress and target.held_out is None:
            shown.say(f"dtbsim: fit: {NOTHING_HELD_OUT}")
        study = Study(job.task, journal, pool, shown)
        try:
            found = job.run(study, search, folder)
        except BaseException:
            pool.stop()
            raise
        finally:
            shown.close()
        pool.close()
        if folder is not None:
            _write(folder, journal, job, found, report=report)
    return found


def default_evaluations(method: str, parameters: int) -> int:
    """How many points a method looks at where nobody says so."""
    if method == "grid":
        return {1: 21, 2: 15**2, 3: 8**3}.get(parameters, 1000)
    return {"cmaes": 48 + 48 * parameters, "tpe": 64 + 48 * parameters, "enki": 96 + 32 * parameters}.get(method, 1000)


class _Job:
    """One fit."""

    def __init__(
        self,
        prepared: Prepared,
        space: Space,
        goal: Goal,
        target: Target,
        method: str,
        evaluations: int,
        population: int,
        seeds: int,
        repeats: int,
        seed: int,
    ) -> None:
        self.prepared, self.space, self.goal, self.target, self.method = prepared, space, goal, target, method
        self.evaluations, self.population, self.seed, self.repeats = evaluations, population, seed, repeats
        first = prepared.config.seed
        self.seeds = tuple(first + k for k in range(seeds))
        self.fresh = tuple(first + seeds + k for k in range(repeats))
        infers = method in ("sbi", "enki")
        self.task = Task(
            prepared.config, prepared.base_dir, prepared.together(space.keys), goal, target, features=infers
        )

    def search(self) -> Search:
        """What asks for points."""
        if self.method == "enki":
            from dtbsim.fitting.kalman import inversion_of

            return inversion_of(self.space, self.target, self.evaluations, self.population, self.seed)
        if self.method == "sbi":
            from dtbsim.fitting.posterior import check_installed

            check_installed(self.target)
        return search_of(
            self.method,
            len(self.space),
            evaluations=self.evaluations,
            population=self.population,
            seed=self.seed,
            objectives=len(self.goal.sums),
            tolerance=1e-4,
        )

    def about(self) -> dict[str, Any]:
        """What study.json says."""
        told: dict[str, Any] = {
            "kind": "fit",
            "free": [[one.key, one.low, one.high, one.log] for one in self.space.free],
            "method": self.method,
            "objective": [[[t.name, t.weight, list(map(list, t.options))] for t in one] for one in self.goal.sums],
            "evaluations": self.evaluations,
            "population": self.population,
            "seeds": list(self.seeds),
            "repeats": list(self.fresh),
            "seed": self.seed,
            "data": self.target.name,
            "held_out": self.target.held_out_name or None,
        }
        config = plain(self.prepared.config)
        config["simulation"].pop("threads", None)
        data = [part for one in (self.target, self.target.held_out) if one is not None for part in (one.fc, one.series)]
        return {**told, "digest": digest_of_parts({**told, "config": config, "measured": data})}

    def run(self, study: Study, search: Search, folder: Path | None) -> Fit:
        """Search, then look at the best with other seeds."""
        units, losses, best = self._search(study, search)
        if best is None:
            first = study.shown.first_problem
            remedy = "look at the bounds, or simulate one of the points with `dtbsim run --set`"
            raise NumericsError(f"no evaluation succeeded; the first error: {first}", where="fit", remedy=remedy)
        values = self.space.values(units[best])
        task = Task(
            self.prepared.config, self.prepared.base_dir, self.task.together, self.goal, self.target,
            held=True, fc=True, stage="repeat",
        )  # fmt: skip
        repeated = study.evaluate([Point(values, self.fresh)], task)[0]
        good = [record for record in repeated if record["error"] is None]
        front = _front(losses) if len(self.goal.sums) > 1 else []
        posterior = None
        if self.method == "sbi":
            from dtbsim.fitting.posterior import posterior_of

            posterior = posterior_of(study, self.space, self.target, self.task, self.seed, self.seeds[0])
        return self._result(study, search, folder, units, losses, values, good, front, posterior)

    def _search(self, study: Study, search: Search) -> tuple[F64, F64, int | None]:
        units: list[F64] = []
        losses: list[list[float]] = []
        while (points := search.ask()) is not None:
            seeds = [self._seeds(len(units) + k) for k in range(len(points))]
            asked = [Point(self.space.values(point), own) for point, own in zip(points, seeds, strict=True)]
            found = study.evaluate(asked)
            each = [self._loss(records) for records in found]
            features = [_mean_features(records) for records in found]
            search.tell(points, each, features)
            units += list(points)
            losses += each
        table = np.array(losses, np.float64).reshape(len(losses), len(self.goal.sums))
        first = table.sum(axis=1) if len(self.goal.sums) > 1 else table[:, 0]
        good = np.isfinite(first)
        best = int(np.flatnonzero(good)[np.argmin(first[good])]) if good.any() else None
        return np.array(units), table, best

    def _seeds(self, k: int) -> tuple[int, ...]:
        """Seeds of the k-th point: the same for all, so that points differ in their values alone.

        Inference has to learn what noise does, and gives every simulation its own.
        """
        if self.method != "sbi":
            return self.seeds
        first = self.seeds[0] + OWN_SEEDS + k * len(self.seeds)
        return tuple(range(first, first + len(self.seeds)))

    def _loss(self, records: Sequence[Record]) -> list[float]:
        """Mean over seeds of each sum; NaN where one of them failed."""
        if any(record["error"] is not None for record in records):
            return [float("nan")] * len(self.goal.sums)
        return [float(x) for x in np.mean([self.goal.losses(record["scores"]) for record in records], axis=0)]

    def _result(
        self,
        study: Study,
        search: Search,
        folder: Path | None,
        units: F64,
        losses: F64,
        values: Mapping[str, float],
        repeated: Sequence[Record],
        front: list[int],
        posterior: Any,
    ) -> Fit:
        known = [self.goal.losses(record["scores"])[0] for record in repeated]
        seed_sd = honest.spread(known)["sd"] if len(known) > 1 else float("nan")
        first = losses.sum(axis=1) if losses.shape[1] > 1 else losses[:, 0]
        notes = honest.warnings_of(self.space, units, first, self.space.unit(values), seed_sd)
        if len(repeated) < self.repeats:
            notes.append(f"{self.repeats - len(repeated)} of {self.repeats} repeats of the best failed")
        notes += dict.fromkeys(text for record in repeated for text in record.get("fc_warnings") or [])
        keys = [term.key for term in self.goal.terms]
        scores = {key: honest.spread([r["scores"][key] for r in repeated]) for key in keys if repeated}
        held = [r["held_out"] for r in repeated if r.get("held_out")]
        held_out = {
            key: honest.spread([h[key] for h in held if key in h]) for key in keys if any(key in h for h in held)
        }
        rates = _means([r.get("rates_hz") or {} for r in repeated])
        deviations = _means([r.get("rates_sd_hz") or {} for r in repeated])
        known_without = honest.baselines(self.target, self._weights())
        notes += honest.notes_on_data(known_without)
        return Fit(
            folder=folder,
            label=search.label,
            objective=self.goal,
            best=dict(values),
            scores=scores,
            held_out=held_out,
            held_out_name=self.target.held_out_name,
            data=self.target.name,
            baselines=known_without,
            rates_hz=rates,
            rates_sd_hz=deviations,
            n_evaluations=study.shown.done,
            n_failed=study.shown.failed,
            notes=notes,
            units=units,
            losses=losses,
            front=[self.space.values(units[k]) | {"losses": losses[k].tolist()} for k in front],
            fc=_matrix(repeated),
            measured_fc=self.target.fc,
            regions=self.prepared.regions,
            space=self.space,
            records=list(study.journal) if folder is None else None,
            posterior=posterior,
        )

    def _weights(self) -> Any:
        """The connectome between the model's regions."""
        atlas = self.prepared.atlas
        if atlas is None or not self.prepared.regions:
            return None
        keep = [list(atlas.region_names).index(name) for name in self.prepared.regions]
        dense = atlas.weights.toarray() if atlas.is_sparse else np.asarray(atlas.weights)
        return np.asarray(dense, np.float64)[np.ix_(keep, keep)]


def _mean_features(records: Sequence[Record]) -> Any:
    known = [record["features"] for record in records if record["error"] is None and record.get("features")]
    return np.mean(known, axis=0) if len(known) == len(records) else None


def _matrix(repeated: Sequence[Record]) -> F64 | None:
    known = [record["matrix"] for record in repeated if record.get("matrix")]
    return np.array(known[0]) if known else None


def _means(several: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in several for name in one)
    return {name: float(np.mean([one[name] for one in several if one.get(name) is not None])) for name in names}


def _front(losses: F64) -> list[int]:
    """Indices of the points that no other one is better than in everything."""
    good = np.flatnonzero(np.isfinite(losses).all(axis=1))
    found = []
    for k in good:
        as_good, better = (losses[good] <= losses[k]).all(axis=1), (losses[good] < losses[k]).any(axis=1)
        if not (as_good & better).any():
            found.append(int(k))
    return sorted(found, key=lambda k: losses[k].tolist())


def _write(folder: Path, journal: Journal, job: _Job, found: Fit, *, report: bool) -> None:
    """Table, best.yaml, summary.json and report.html."""
    found.table_path = write_table(folder, journal)
    write_best(folder / "best.yaml", job.prepared, found.best, found.title)
    if report:
        from dtbsim.fitting.page import write_page

        write_page(folder / "report.html", found)
    write_checked(folder / SUMMARY, found.summary)
    if found.table_path.suffix == ".csv":
        sys.stderr.write("dtbsim: fit: the table is CSV; with `pip install 'dtbsim[parquet]'` it is Parquet\n")
