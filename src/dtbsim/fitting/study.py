"""A study: many evaluations in one folder, which goes on where it was when it was killed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from dtbsim.arguments import whole
from dtbsim.backends.threads import usable_cores
from dtbsim.errors import InputError
from dtbsim.fitting.evaluate import LANES, Batch, Item, Task
from dtbsim.fitting.journal import NAME as JOURNAL
from dtbsim.fitting.journal import Journal, Record, open_journal
from dtbsim.fitting.workers import Foreign, Forked, Pool
from dtbsim.mpi.launch import several_ranks
from dtbsim.store.files import read_checked, storage_errors, write_checked
from dtbsim.sweeps.pool import check_executor

NAME = "study.json"
FORMAT = 1
_LINE_EVERY_S = 10.0
_CHUNKS = 8
"""Batches of a worker that are handed over at once: what bounds the memory of a long sweep."""


@dataclass(frozen=True)
class Point:
    """What is to be set for a number of evaluations that differ in their seed alone."""

    values: Mapping[str, Any]
    seeds: tuple[int, ...]


class Study:
    """Evaluates points, keeps them in the journal, and shows how far it is."""

    def __init__(self, task: Task, journal: Journal, pool: Pool, shown: Progress) -> None:
        self.task, self.journal, self._pool, self.shown = task, journal, pool, shown
        self.n = 0

    def evaluate(self, points: Sequence[Point], task: Task | None = None) -> list[list[Record]]:
        """Evaluate points, unless the journal has them; returns the records of each, in order of its seeds."""
        items = [Item(0, point.values, seed) for point in points for seed in point.seeds]
        records = list(self.stream(items, task))
        found, at = [], 0
        for point in points:
            found.append(records[at : at + len(point.seeds)])
            at += len(point.seeds)
        return found

    def stream(self, items: Iterable[Item], task: Task | None = None) -> Iterator[Record]:
        """Evaluate items, numbered on from what was evaluated before, and yield their records in order."""
        step, iterator = LANES * self._pool.n * _CHUNKS, iter(items)
        while chosen := list(islice(iterator, step)):
            part = [Item(self.n + k, one.values, one.seed) for k, one in enumerate(chosen)]
            self._evaluate(part, task or self.task)
            self.n += len(part)
            for item in part:
                yield self.journal.get(item.n)

    def _evaluate(self, items: list[Item], task: Task) -> None:
        missing = []
        for item in items:
            if item.n in self.journal:
                self._check(item)
                self.shown.step(self.journal.get(item.n), before=True)
            else:
                missing.append(item)
        size = min(LANES, -(-len(missing) // self._pool.n)) if task.together else 1
        batches = [Batch(task, tuple(missing[k : k + size])) for k in range(0, len(missing), max(1, size))]
        for _, records in self._pool.run(batches):
            self.journal.add_all(list(records))
            for record in records:
                self.shown.step(record)

    def _check(self, item: Item) -> None:
        known = self.journal.get(item.n)
        if known["seed"] != item.seed or known["values"] != json.loads(json.dumps(dict(item.values))):
            what = f"evaluation {item.n} of the journal is of other values than this study asks for"
            remedy = "was it made by another version of a package? choose another --out"
            raise InputError(what, where=JOURNAL, remedy=remedy)


class Progress:
    """One line on a terminal; elsewhere a line now and then."""

    def __init__(
        self, what: str, total: int | None, stream: TextIO | None, best: str = "", largest: bool = True
    ) -> None:
        self._what, self._total, self._stream, self._best, self._largest = what, total, stream, best, largest
        self.done = self.before = self.failed = 0
        self.best: float | None = None
        self._began_s = self._told_s = time.monotonic()
        self._width = 0
        self.first_problem = ""

    def step(self, record: Record, *, before: bool = False) -> None:
        """One more evaluation is there."""
        self.done += 1
        self.before += before
        if record["error"] is not None:
            self.failed += 1
            self.first_problem = self.first_problem or str(record["error"])
        score = record["scores"].get(self._best)
        if score is not None and record["error"] is None:
            better = self.best is None or (score > self.best if self._largest else score < self.best)
            self.best = score if better else self.best
        now_s = time.monotonic()
        if self._stream is not None and self._stream.isatty():
            text = self._text()
            self._stream.write(f"\r{text.ljust(self._width)}")
            self._stream.flush()
            self._width = len(text)
        elif now_s - self._told_s > _LINE_EVERY_S:
            self._told_s = now_s
            self.say(self._text())

    def close(self) -> None:
        """The last line, and the first problem."""
        if self._stream is not None and self._stream.isatty():
            self._stream.write(f"\r{' ' * self._width}\r")
        if self.done:
            self.say(self._text(ended=True))
        if self.first_problem:
            self.say(f"dtbsim: {self._what}: {self.failed} evaluations failed; the first: {self.first_problem}")

    def say(self, text: str) -> None:
        """A line."""
        if self._stream is not None:
            self._stream.write(text + "\n")
            self._stream.flush()

    def _text(self, *, ended: bool = False) -> str:
        total = "" if self._total is None or ended else f" of at most {max(self._total, self.done)}"
        parts = [f"dtbsim: {self._what}: {self.done}{total} evaluations"]
        if self.before:
            parts.append(f"{self.before} from before")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.best is not None:
            parts.append(f"best {self._best} {self.best:.4g}")
        new, elapsed_s = self.done - self.before, time.monotonic() - self._began_s
        if not ended and new and self._total is not None and self.done < self._total:
            parts.append(f"about {elapsed_s / new * (self._total - self.done):.0f} s left")
        else:
            parts.append(f"{elapsed_s:.0f} s")
        return ", ".join(parts)


@contextmanager
def conducted(pool: Pool, shown: Progress, folder: Path | None) -> Iterator[None]:
    """Work with a pool, which is closed at the end; after an error or Ctrl-C what it does is stopped."""
    try:
        yield
    except BaseException as error:
        pool.stop()
        shown.close()
        if isinstance(error, KeyboardInterrupt) and folder is not None:
            shown.say(f"dtbsim: what was evaluated is kept; the same with --resume --out {folder} goes on")
        raise
    pool.close()
    shown.close()


def digest_of_parts(parts: Mapping[str, Any]) -> str:
    """The SHA-256 of what a study is made of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=_described).encode()).hexdigest()


def _described(value: Any) -> str:
    if hasattr(value, "tobytes"):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return repr(value)


@contextmanager
def opened(out: Path | None, resume: bool, about: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of a study in a new or empty folder, or with `resume` that of one which goes on.

    `about` is what is stored of the study; its `digest` says whether it is the same. Raises InputError, StorageError.
    """
    if out is None:
        if resume:
            raise InputError("there is no folder to go on in", where="--resume", remedy="name it: --out DIR")
        yield open_journal(None)
        return
    if resume:
        _check_same(out, about)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        known = (out / NAME).is_file()
        remedy = "give --resume to go on with it, or another folder" if known else "choose another folder"
        what = "this folder holds a study already" if known else "the folder is not empty and holds no study"
        raise InputError(what, where=str(out), remedy=remedy)
    with storage_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    journal = open_journal(out)
    try:
        write_checked(out / NAME, {"study_format": FORMAT, **about})
        yield journal
    finally:
        journal.close()


def _check_same(out: Path, about: Mapping[str, Any]) -> None:
    where, other = str(out), "choose the folder of a study, or leave out --resume to begin one"
    if not out.is_dir():
        raise InputError("there is no such folder to go on in", where=where, remedy=other)
    if not (out / NAME).is_file():
        what = "the folder is empty" if not any(out.iterdir()) else "this is not the folder of a study"
        raise InputError(f"{what}: it has no {NAME}", where=where, remedy=other)
    known = read_checked(out / NAME, missing="", old=False)
    if known.get("study_format") != FORMAT:
        raise InputError("this is not a study that this version of dtbsim can read", where=where)
    if known.get("digest") != about["digest"]:
        different = [key for key in about if key != "digest" and known.get(key) != about[key]]
        what = f"this is another study: it differs in {', '.join(different) or 'the configuration or the data'}"
        raise InputError(what, where=where, remedy="give what it was begun with, or choose another --out")


def pool_of(executor: Any, workers: int | None, threads: int) -> Pool:
    """Where evaluations are computed. InputError for what is no executor."""
    if executor is not None:
        n = getattr(executor, "_max_workers", None) or getattr(executor, "num_workers", None)
        return Foreign(check_executor(executor), workers or (n if isinstance(n, int) and n > 0 else 64))
    if several_ranks(os.environ):
        raise InputError(
            "a study is conducted by one process, and this is one of several ranks",
            where="executor",
            remedy="give --ranks R, or start `mpiexec -n N python -m mpi4py.futures SCRIPT.py` with MPIPoolExecutor()",
        )
    if workers is None:
        workers = max(1, usable_cores() // threads)
    return Forked(whole(workers, "workers", at_least=1))


def progress_of(what: str, total: int | None, best: str, *, shown: bool, largest: bool = True) -> Progress:
    """The progress of a study on standard error, where it is shown."""
    return Progress(what, total, sys.stderr if shown else None, best, largest)
