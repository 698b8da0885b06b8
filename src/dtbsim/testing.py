"""Proofs for models, rules, signals and other extensions: results do not depend on how the work is divided.

    from dtbsim.testing import assert_independent

    def test_my_model():
        assert_independent({"populations": {"A": {"model": "my_model", "size": 70}}, "drives": {...}, ...})

Ranks are threads of this process that exchange what processes would; neither MPI nor a cluster is needed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.config import RunConfig, load_config_data
from dtbsim.config.plain import plain
from dtbsim.config.signals import kinds_of
from dtbsim.errors import InputError
from dtbsim.mpi.fake import run_ranks
from dtbsim.partition import independent_partitioners
from dtbsim.simulate import chunks
from dtbsim.simulate import run as simulate
from dtbsim.store import Run, open_run
from dtbsim.store.spikes import Spikes

__all__ = ["Division", "assert_independent", "stored_results"]


@dataclass(frozen=True)
class Division:
    """One way to divide the work; `most_steps` is the length of the longest chunk (None: as usual)."""

    ranks: int = 1
    threads: int = 1
    partitioner: str = "contiguous"
    exchange: str = "auto"
    most_steps: int | None = None

    def __str__(self) -> str:
        chunk = "" if self.most_steps is None else f", chunks of {self.most_steps} steps"
        return f"{self.ranks} rank(s) x {self.threads} thread(s), {self.partitioner}, exchange {self.exchange}{chunk}"


def divisions(
    ranks: Sequence[int] = (1, 2, 3),
    threads: Sequence[int] = (1, 2),
    partitioners: Sequence[str] | None = None,
    most_steps: Sequence[int] = (7,),
) -> Iterator[Division]:
    """Divisions other than one rank with one thread; each of the given numbers and names is in one or more of them."""
    names = independent_partitioners() if partitioners is None else list(partitioners)
    exchanges = itertools.cycle(("shared_memory", "packets"))
    for n_ranks, n_threads in itertools.product(ranks, threads):
        for name in names if n_ranks > 1 else names[:1]:
            if (n_ranks, n_threads) != (1, 1):
                yield Division(n_ranks, n_threads, name, next(exchanges) if n_ranks > 1 else "auto")
    for steps in most_steps:
        yield Division(most_steps=steps)
        if max(ranks) > 1:
            yield Division(ranks=max(ranks), exchange="packets", most_steps=steps)


def assert_independent(
    config: RunConfig | Mapping[str, Any],
    *,
    base_dir: str | os.PathLike[str] | None = None,
    ranks: Sequence[int] = (1, 2, 3),
    threads: Sequence[int] = (1, 2),
    partitioners: Sequence[str] | None = None,
    most_steps: Sequence[int] = (7,),
) -> dict[str, Any]:
    """Run a network undivided and in several divisions; all results must be equal bit for bit.

    Args:
        config: the network, of as many blocks as ranks at least (`simulation.block_size: 16` makes small ones), with
            what is to be compared in `record`, `bold` and `signals`.
        base_dir: where the files are that it names; default: the current folder.
        ranks, threads: numbers of them, in all combinations.
        partitioners: names; default: all but those that need a library of their own.
        most_steps: lengths of the longest chunk.

    Returns:
        What the undivided run gave, by name, as `stored_results` does.

    Raises:
        AssertionError: something differs; it names the division, and what differs.
        InputError: the configuration is wrong.
    """
    given = config if isinstance(config, RunConfig) else load_config_data(dict(config))
    base = Path.cwd() if base_dir is None else Path(base_dir)
    with tempfile.TemporaryDirectory(prefix="dtbsim-testing-") as name:
        folders = (Path(name) / str(k) for k in itertools.count())
        expected = _results(given, Division(), base, next(folders))
        if not expected["spikes"]:
            raise InputError("the network is silent, so nothing is proved", remedy="drive it until it fires")
        for division in divisions(ranks, threads, partitioners, most_steps):
            found = _results(given, division, base, next(folders))
            different = [what for what in expected if not _equal(found.get(what), expected[what])]
            if different or found.keys() != expected.keys():
                raise AssertionError(f"{', '.join(different) or 'what is stored'} differ with {division}")
    return expected


def stored_results(run: Run) -> dict[str, Any]:
    """Everything that a run has stored and counted, by the keys that asked for it: arrays and xarray objects."""
    found: dict[str, Any] = {name: run.summary[name] for name in ("spikes", "events", "spike_hash")}
    for kind in kinds_of(run.config):
        keys = kind.stores(run.config).values()
        for key, name in zip(keys, kind.entries(run.config), strict=True):
            stored = kind.read(run, name)
            is_spikes = isinstance(stored, Spikes)
            found[key] = np.stack([stored.step, stored.gid.astype(np.int64)]) if is_spikes else stored
    return found


def _results(config: RunConfig, division: Division, base: Path, out: Path) -> dict[str, Any]:
    data = plain(config)
    data["simulation"] |= {
        "threads": division.threads,
        "partitioner": division.partitioner,
        "exchange": division.exchange,
        "backend": "cpu",
    }
    divided = load_config_data(data)
    with _chunks_of(division.most_steps):
        run_ranks(division.ranks, lambda comm: simulate(divided, out=out, base_dir=base, comm=comm, report=False))
    return stored_results(open_run(out))


@contextlib.contextmanager
def _chunks_of(most_steps: int | None) -> Iterator[None]:
    usual = chunks.FIRST_STEPS, chunks.MOST_STEPS
    if most_steps is not None:
        chunks.FIRST_STEPS = chunks.MOST_STEPS = most_steps
    try:
        yield
    finally:
        chunks.FIRST_STEPS, chunks.MOST_STEPS = usual


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, np.ndarray):
        return bool(np.array_equal(found, expected))
    if hasattr(expected, "identical"):
        return bool(found is not None and expected.identical(found))
    return bool(found == expected)
