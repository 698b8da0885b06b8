"""Evaluations in the process of a worker: one run for several members, and what objectives make of each.

A member is the run of the configuration with its values and its seed, to the last bit, so that it does not matter how
evaluations are put together. One whose state becomes NaN or infinite ends its run: it is taken out, and the others are
simulated again without it.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.analysis.collective import fc_warnings
from dtbsim.analysis.fc import fc_correlation, upper_triangle
from dtbsim.config import RunConfig
from dtbsim.config.load import load_config_data
from dtbsim.errors import EXIT_INTERRUPTED, DtbsimError, InputError, NumericsError
from dtbsim.fitting.features import features_of
from dtbsim.fitting.journal import Record
from dtbsim.fitting.objectives import Goal
from dtbsim.fitting.simulated import Simulated
from dtbsim.fitting.target import Target
from dtbsim.mpi import SerialComm
from dtbsim.store.run import open_run

INVALID = "the simulation became invalid: a state is NaN or infinite, or BOLD far beyond physiology"
LANES = 16
"""Members that are simulated side by side."""


@dataclass(frozen=True)
class Item:
    """An evaluation: its number, what is set, and the seed of its noise."""

    n: int
    values: Mapping[str, Any]
    seed: int


@dataclass(frozen=True)
class Task:
    """What all evaluations of a study have in common.

    `together`: whether they can be members of one run. `held`: whether data that are held out are looked at.
    `features`: whether the numbers are wanted that inference works with. `fc`: whether the FC itself is. `stage`: what
    the evaluations are for.
    """

    config: RunConfig
    base_dir: Path
    together: bool
    goal: Goal | None = None
    target: Target | None = None
    held: bool = False
    features: bool = False
    measure: Any = None
    fc: bool = False
    stage: str = "search"


@dataclass(frozen=True)
class Batch:
    """Evaluations for one call of a worker."""

    task: Task
    items: tuple[Item, ...]

    def of(self, items: tuple[Item, ...]) -> Batch:
        """Others of the same task."""
        return replace(self, items=items)


def evaluate(batch: Batch) -> list[Record]:
    """Simulate a batch and return a record of each evaluation, in order; errors are told, not raised."""
    begun_s = time.perf_counter()
    with _quiet():
        found = _evaluated(batch)
    seconds = (time.perf_counter() - begun_s) / max(1, len(batch.items))
    return [{**record, "stage": batch.task.stage, "seconds": round(seconds, 6)} for record in found]


def evaluate_in_child(batch: Batch) -> list[Record]:
    """The same in a forked process, which ends where it was interrupted: its parent waits for that."""
    try:
        return evaluate(batch)
    except KeyboardInterrupt:
        os._exit(EXIT_INTERRUPTED)


def failed(item: Item, error: str) -> Record:
    """The record of an evaluation that came to nothing."""
    return {"n": item.n, "values": dict(item.values), "seed": item.seed, "scores": {}, "error": error}


def _evaluated(batch: Batch) -> list[Record]:
    if not batch.items:
        return []
    try:
        return _simulated(batch)
    except (NumericsError, InputError) as error:
        if len(batch.items) == 1:
            return [failed(batch.items[0], _told(error))]
        lost = set(getattr(error, "members", ())) & set(range(len(batch.items)))
        if not lost:  # by halves
            middle = len(batch.items) // 2
            return [*_evaluated(batch.of(batch.items[:middle])), *_evaluated(batch.of(batch.items[middle:]))]
        text = _told(error)
        rest = iter(_evaluated(batch.of(tuple(one for k, one in enumerate(batch.items) if k not in lost))))
        return [failed(one, text) if k in lost else next(rest) for k, one in enumerate(batch.items)]
    except DtbsimError as error:
        return [failed(item, _told(error)) for item in batch.items]


def _told(error: DtbsimError) -> str:
    """The error of an evaluation; which region and step are seen first depends on how steps were put together."""
    if isinstance(error, NumericsError) or (error.where or "").startswith("bold, region"):
        return INVALID
    return " ".join(str(error).split())


def _simulated(batch: Batch) -> list[Record]:
    """One run of all items. Raises DtbsimError."""
    from dtbsim.simulate import run
    from dtbsim.simulate.temporary import temporary_folder

    task, items = batch.task, batch.items
    alone = SerialComm()
    if task.together:
        members = [{**item.values, "seed": item.seed} for item in items]
        config = load_config_data(task.config, {"ensemble": {"members": members}})
    else:
        assert len(items) == 1
        config = load_config_data(task.config, {**items[0].values, "seed": items[0].seed})
    folder = temporary_folder(alone, config.name)
    try:
        from dtbsim.runtime.progress import SilentProgress

        progress = SilentProgress()
        result = run(
            config, out=folder.path, base_dir=task.base_dir, comm=alone, progress=progress, argv=(), report=False
        )
        if result.interrupted:
            raise KeyboardInterrupt
        opened = open_run(folder.path)
        several = [Simulated(opened, k if task.together else None, item.values) for k, item in enumerate(items)]
        return [_record(task, item, one) for item, one in zip(items, several, strict=True)]
    finally:
        folder.remove()


def _record(task: Task, item: Item, simulated: Simulated) -> Record:
    """What is known of one evaluation; an objective that cannot be computed, or is no number, is an error of it."""
    record: Record = {"n": item.n, "values": dict(item.values), "seed": item.seed, "scores": {}, "error": None}
    problems = []
    if task.goal is not None and task.target is not None:
        for term in task.goal.terms:
            score, problem = _score(term.objective.score, term.key, simulated, task.target, dict(term.options))
            if problem:
                problems.append(problem)
            else:
                record["scores"][term.key] = score
            if task.held and task.target.held_out is not None and not problem:
                held, problem = _score(
                    term.objective.score, term.key, simulated, task.target.held_out, dict(term.options)
                )
                if not problem:
                    record.setdefault("held_out", {})[term.key] = held
    with contextlib.suppress(DtbsimError, KeyError):
        record["rates_hz"] = {name: _number(rate) for name, rate in simulated.rates_hz.items()}
        if task.held:
            spread = {name: float(np.std(rates)) for name, rates in simulated.region_rates_hz.items()}
            record["rates_sd_hz"] = spread
    _look_at_fc(task, record, simulated)
    if task.measure is not None:
        try:
            record["measured"] = {str(name): _number(value) for name, value in task.measure(simulated).items()}
        except Exception as error:  # noqa: BLE001 - a function of the user
            problems.append(f"measure: {type(error).__name__}: {error}")
    if problems:
        record["error"] = "; ".join(problems)
    return record


def _look_at_fc(task: Task, record: Record, simulated: Simulated) -> None:
    if task.config.bold is None:
        return
    with contextlib.suppress(DtbsimError):
        fc = simulated.fc
        record["mean_abs_fc"] = float(np.abs(upper_triangle(fc)).mean())
        if task.target is not None and task.target.fc is not None and "fc" not in record["scores"]:
            record["fc"] = fc_correlation(fc, task.target.fc)
        if task.features:
            record["features"] = [float(np.float32(x)) for x in features_of(fc)]
        if task.fc:
            record["fc_warnings"] = fc_warnings(len(simulated.bold), simulated.tr_s, record["mean_abs_fc"])
            record["matrix"] = [[round(float(x), 5) for x in row] for row in fc]


def _score(function: Any, key: str, simulated: Simulated, target: Target, options: dict[str, str]) -> tuple[float, str]:
    try:
        score = float(function(simulated, target, options))
    except DtbsimError as error:
        return math.nan, f"{key}: {' '.join(str(error).split())}"
    except Exception as error:  # noqa: BLE001 - a function of the user
        return math.nan, f"{key}: {type(error).__name__}: {error}"
    return score, "" if math.isfinite(score) else f"{key} is {score}"


def _number(value: Any) -> Any:
    """A plain value; None for what is no number."""
    if isinstance(value, str | bool) or value is None:
        return value
    found = float(value)
    return found if math.isfinite(found) else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of thousands of runs; what is wrong with one is in its record."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
