"""One network, one result: the same bits for any number of ranks and threads, each partitioner and each exchange."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.jobs import needs_mpiexec, run_job
from tests.helpers.short_examples import EXAMPLES, SHORT

import dtbsim
from dtbsim.mpi import run_ranks
from dtbsim.store.run import Run

pytestmark = needs_mpiexec


@dataclass(frozen=True)
class Division:
    """How the work is divided."""

    ranks: int
    threads: int
    partitioner: str = "ordered"
    exchange: str = "auto"

    def __str__(self) -> str:
        return f"{self.ranks}x{self.threads}-{self.partitioner}-{self.exchange}"


ALONE = Division(1, 1)
DIVISIONS = [
    Division(1, 2),
    Division(2, 1, "greedy", "shared_memory"),
    Division(2, 2, "contiguous", "packets"),
    Division(3, 1, "ordered", "two_level"),
    Division(4, 1, "contiguous", "shared_memory"),
]
NODES = {"DTBSIM_RANKS_PER_NODE": "2"}


class Results:
    """Runs of one example, each done once."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._done: dict[str, tuple[dict[str, Any], Run]] = {}

    def of(self, division: Division, *overrides: str) -> tuple[dict[str, Any], Run]:
        """Summary and reader of the run that is divided like this."""
        key = f"{division} {overrides}"
        if key not in self._done:
            self._done[key] = self._run(division, *overrides)
        return self._done[key]

    def _run(self, division: Division, *overrides: str) -> tuple[dict[str, Any], Run]:
        out = self._folder / f"{self._name}-{len(self._done)}"
        settings = [
            *SHORT[self._name],
            f"simulation.threads={division.threads}",
            f"simulation.partitioner={division.partitioner}",
            f"simulation.exchange={division.exchange}",
            *overrides,
        ]
        options = [part for setting in settings for part in ("--set", setting)]
        config = EXAMPLES / f"{self._name}.yaml"
        environ = NODES if division.exchange == "two_level" else {}
        command = ["-m", "dtbsim", "run", config, "--out", out, "--json", "--quiet", "--no-report", *options]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            outcome = run_job(command, ranks=division.ranks, limit_s=280)
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out), dtbsim.open_run(out)


@pytest.fixture(scope="module", params=SHORT)
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return Results(request.param, tmp_path_factory.mktemp(request.param))


def test_the_short_examples_are_worth_comparing(results: Results) -> None:
    """Every neuron spikes about once, from the first to the last quarter, and what else is compared is not constant."""
    summary, run = results.of(ALONE)
    assert summary["spikes"] > 300
    steps, gids = run.spike_steps()
    assert len(steps) == summary["spikes"]
    quarters = np.bincount(4 * steps // run.network["n_steps"], minlength=4)
    assert quarters.min() > 20
    populations = run.network_table.population_of(gids)
    assert len(np.unique(populations)) > len(run.network["populations"]) // 2
    assert run.rates().values.std() > 0
    assert all(values.values.std() > 0 for values in run.states().data_vars.values())
    if "bold" in run.config and run.config["bold"] is not None:
        assert run.bold().shape == (3, 80)
        assert run.bold().values.std() > 0


@pytest.mark.parametrize("division", by_day(DIVISIONS, DIVISIONS[1:4]), ids=str)
def test_the_division_of_work_does_not_show(results: Results, division: Division) -> None:
    expected, alone = results.of(ALONE)
    summary, run = results.of(division)
    assert (summary["ranks"], summary["threads"]) == (division.ranks, division.threads), "what was asked for happened"
    if division.ranks > 1:
        assert summary["exchange"] == division.exchange
        assert run.config["simulation"]["partitioner"] == division.partitioner
        assert min(part["neurons"] for part in run.network["partition"]) > 0

    for key in ("neurons", "synapses", "spikes", "events", "spike_hash"):
        assert summary[key] == expected[key], key
    found = dtbsim.hash_run(run.path, recompute=True)
    assert found.digest == expected["spike_hash"]
    assert found.agrees

    steps, gids = run.spike_steps()
    assert np.array_equal(steps, alone.spike_steps()[0])
    assert np.array_equal(gids, alone.spike_steps()[1])
    assert run.rates().identical(alone.rates())
    assert run.states().identical(alone.states())
    if alone.config.get("bold") is not None:
        assert run.bold().identical(alone.bold())


PAIR = """\
name: pair
seed: 4
simulation: {dt_ms: 0.1, duration_ms: 50, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 100}
  I: {model: iaf_psc_exp, size: 40}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 30}, weight_pA: 60, delay_ms: 1.0}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: -200, delay_ms: 1.5}
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small configuration and the hash of its run."""
    config = tmp_path_factory.mktemp("pair") / "pair.yaml"
    config.write_text(PAIR, encoding="utf-8")
    return config, dtbsim.run(config, out=config.with_suffix(".run")).spike_hash


@pytest.mark.parametrize(
    ("override", "same"),
    [
        ("simulation.partitioner=contiguous", True),
        ("seed=5", False),
        ("projections.EI.delay_ms=1.1", False),
        ("projections.IE.weight_pA=-200.1", False),
    ],
)
def test_the_comparison_can_fail(pair: tuple[Path, str], tmp_path: Path, override: str, same: bool) -> None:
    """One number of the network that changes, here by a step or by a two-thousandth, shows in the hash."""
    config, expected = pair
    results = run_ranks(2, lambda comm: dtbsim.run(config, out=tmp_path / "run", set=[override], comm=comm))
    assert results[0].spike_hash == results[1].spike_hash
    assert dtbsim.hash_run(tmp_path / "run", recompute=True).digest == results[0].spike_hash
    assert (results[0].spike_hash == expected) == same
