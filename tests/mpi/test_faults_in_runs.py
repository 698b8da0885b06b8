"""`dtbsim run` on three ranks and on one: whatever ends it, it ends in time and what was recorded can be read."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.jobs import Job, Outcome, needs_mpiexec, status_of

import dtbsim
from dtbsim.errors import (
    EXIT_FAULT,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_NUMERICS,
    EXIT_OK,
    EXIT_STORAGE,
)
from dtbsim.store.run import Run

pytestmark = needs_mpiexec

DRIVER = Path(__file__).with_name("run_driver.py")
STUCK_S = 5.0
LIVENESS_S = 90.0
"""Far more than an end takes; a watchdog that nobody has set would take longer."""
FAULT_STEP = 20_000
EXPECTED_STEPS = 25_000
LONG = """\
name: long
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 10000000, stuck_timeout_s: 5, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 160}
  I: {model: iaf_psc_exp, size: 40}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: -100, delay_ms: 1}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "long.yaml"
    path.write_text(LONG, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def expected(config: Path) -> Any:
    """Steps and gids of the first spikes of the run; this also compiles what the ranks then load."""
    result = dtbsim.run(config, out=config.with_suffix(".run"), set=[f"simulation.duration_ms={EXPECTED_STEPS / 10}"])
    return result.open().spike_steps()


class Case:
    """A run with a fault planned, or to be hit."""

    def __init__(
        self, config: Path, out: Path, *, ranks: int = 3, fault: str = "none", rank: int = 1, **options: str
    ) -> None:
        self.out = out
        settings = [part for key, value in options.items() for part in ("--set", f"simulation.{key}={value}")]
        command = ["run", config, "--out", out, "--json", "--quiet", "--no-report", *settings]
        with pytest.MonkeyPatch.context() as patch:
            if options.get("exchange") == "two_level":  # ranks 0 and 1 are a node, rank 2 is another
                patch.setenv("DTBSIM_RANKS_PER_NODE", "2")
            self.job = Job([DRIVER, fault, str(rank), str(FAULT_STEP), *command], ranks=ranks)

    def until_simulating(self) -> None:
        """Wait until some spikes are published and rank 0 has said that it goes on."""
        self.job.wait_until(lambda: status_of(self.out).get("step", 0) > 500 and self._published() > 500, "spikes")

    def _published(self) -> int:
        """The step before which all ranks have published their spikes."""
        files = list((self.out / "stores/spikes").glob("*.published.json"))
        return min((json.loads(file.read_text())["complete_before"] for file in files), default=0)

    def end(self, limit_s: float) -> Outcome:
        outcome = self.job.finish(limit_s)
        assert self.job.left_after() == []
        return outcome


def assert_readable(run: Run, expected: Any, at_least: int) -> None:
    """What is readable is exactly the beginning of the undisturbed run, at least `at_least` steps of it."""
    steps, gids = run.spike_steps()
    end = run.spike_store.complete_before
    assert end > at_least
    common = min(end, EXPECTED_STEPS)
    kept, whole = steps < common, expected[0] < common
    assert whole.sum() > 100
    np.testing.assert_array_equal(steps[kept], expected[0][whole])
    np.testing.assert_array_equal(gids[kept], expected[1][whole])


def line_of(outcome: Outcome, exchange: str, pattern: str) -> str:
    """The line that says what happened, the only one of a node; where ranks are on two, the other may have its own."""
    lines = outcome.err.splitlines()
    assert len(lines) <= (2 if exchange == "two_level" else 1), outcome.err
    found = [line for line in lines if re.fullmatch(pattern, line)]
    assert len(found) == 1, outcome.err
    return found[0]


# -- a rank dies or hangs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rank", "exchange"),
    [
        (1, "shared_memory"),
        (0, "two_level"),
        *(pytest.param(*case, marks=pytest.mark.nightly) for case in ((0, "packets"), (1, "two_level"))),
    ],
)
def test_a_killed_rank_ends_the_run(config: Path, tmp_path: Path, expected: Any, rank: int, exchange: str) -> None:
    case = Case(config, tmp_path / "run", exchange=exchange)
    with case.job:
        case.until_simulating()
        pid = case.job.rank_pids()[rank]
        case.job.hit(signal.SIGKILL, rank=rank)
        outcome = case.end(LIVENESS_S)
    assert outcome.code != EXIT_OK
    line = line_of(outcome, exchange, rf"\[rank {rank}\] process {pid} on \S+ .*, at step \d+; ending the run")
    status = status_of(case.out)
    assert (status["state"], status["message"]) == ("failed", line)
    assert not (case.out / "summary.json").exists()
    assert_readable(dtbsim.open_run(case.out), expected, 500)


@pytest.mark.parametrize(
    ("rank", "exchange"),
    [
        (1, "shared_memory"),
        *(
            pytest.param(*case, marks=pytest.mark.nightly)
            for case in ((2, "packets"), (0, "shared_memory"), (0, "two_level"), (1, "two_level"))
        ),
    ],
)
def test_a_stopped_rank_ends_the_run_in_time(
    config: Path, tmp_path: Path, expected: Any, rank: int, exchange: str
) -> None:
    case = Case(config, tmp_path / "run", exchange=exchange)
    with case.job:
        case.until_simulating()
        pid = case.job.rank_pids()[rank]
        case.job.hit(signal.SIGSTOP, rank=rank)
        outcome = case.end(LIVENESS_S)
    assert outcome.code == EXIT_FAULT
    assert outcome.seconds > STUCK_S * 0.9, "not before its time"
    suspect = rf"rank {rank} \(process {pid} on \S+, stopped by a signal, last at step \d+\)"
    line = line_of(outcome, exchange, rf"\[rank {rank}\] no progress for 5 s: {suspect}; ending the run")
    status = status_of(case.out)
    assert (status["state"], status["message"]) == ("failed", line)
    assert_readable(dtbsim.open_run(case.out), expected, 500)


# -- an error on one rank -----------------------------------------------------------------------------------------


def test_an_exception_on_one_rank(config: Path, tmp_path: Path, expected: Any) -> None:
    case = Case(config, tmp_path / "run", fault="exception", rank=2)
    with case.job:
        outcome = case.end(60)
    assert outcome.code == EXIT_INTERNAL
    assert outcome.out == ""
    assert outcome.err.startswith("[rank 2] Traceback (most recent call last):\n")
    assert outcome.err.endswith("\nZeroDivisionError: planned\n")
    assert outcome.err.count("Traceback") == 1
    status = status_of(case.out)
    assert (status["state"], status["message"]) == ("failed", "[rank 2] ZeroDivisionError: planned")
    assert_readable(dtbsim.open_run(case.out), expected, 500)


@pytest.mark.parametrize(("ranks", "rank"), [(1, 0), (3, 1)])
def test_an_invalid_state_names_neuron_and_step(
    config: Path, tmp_path: Path, expected: Any, ranks: int, rank: int
) -> None:
    case = Case(config, tmp_path / "run", ranks=ranks, fault="nan", rank=rank)
    with case.job:
        outcome = case.end(60)
    assert (outcome.code, outcome.out) == (EXIT_NUMERICS, "")
    found = re.fullmatch(
        r"dtbsim: error: population (?P<population>[EI]): (?P<rank>\[rank \d\] )?"
        r"state V_m_mV of neuron (?P<neuron>\d+) became NaN or infinite after step \d+, by step (?P<step>\d+) \(.*\)\n",
        outcome.err,
    )
    assert found is not None, outcome.err
    assert found["rank"] == (None if ranks == 1 else "[rank 1] ")
    run = dtbsim.open_run(case.out)
    parts = run.network["partition"]
    assert parts[rank]["neurons"] > 0
    assert run.status["state"] == "failed"
    assert f"dtbsim: error: {run.status['message']}\n" == outcome.err
    assert run.spike_store.closed, "every rank has closed its store"
    assert run.spike_store.complete_before == int(found["step"]) > FAULT_STEP
    if ranks == 1:
        assert found["neuron"] == "2"
        assert_readable(run, expected, FAULT_STEP)
    else:  # the spikes up to the fault, which it reached by the end of a chunk
        steps, gids = run.spike_steps(stop_ms=0.1 * FAULT_STEP)
        before = expected[0] < FAULT_STEP
        np.testing.assert_array_equal(gids, expected[1][before])
        np.testing.assert_array_equal(steps, expected[0][before])


@pytest.mark.parametrize(
    ("ranks", "rank"),
    [pytest.param(1, 0, marks=pytest.mark.nightly), (3, 2), pytest.param(3, 0, marks=pytest.mark.nightly)],
)
def test_a_full_disk_is_one_line(config: Path, tmp_path: Path, expected: Any, ranks: int, rank: int) -> None:
    case = Case(config, tmp_path / "run", ranks=ranks, fault="full-disk", rank=rank)
    with case.job:
        outcome = case.end(60)
    assert (outcome.code, outcome.out) == (EXIT_STORAGE, "")
    assert outcome.err.count("\n") == 1, outcome.err
    named = "" if ranks == 1 else rf"\[rank {rank}\] "
    store = rf"{re.escape(str(case.out / 'stores'))}/\S+"
    line = rf"dtbsim: error: {store}: {named}cannot write: File too large \(raise the limit .*\)\n"
    assert re.fullmatch(line, outcome.err), outcome.err
    run = dtbsim.open_run(case.out)
    assert_readable(run, expected, 500)
    if rank != 0:  # the disk of rank 0 takes no message either
        assert run.status["state"] == "failed"
        assert f"dtbsim: error: {run.status['message']}\n" == outcome.err


# -- Ctrl-C -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranks", "number", "group"),
    [(3, signal.SIGINT, True), (3, signal.SIGINT, False), (1, signal.SIGINT, False), (1, signal.SIGTERM, False)],
    ids=["terminal", "mpiexec", "alone", "terminate"],
)
def test_ctrl_c_keeps_what_was_recorded(
    config: Path, tmp_path: Path, expected: Any, ranks: int, number: signal.Signals, group: bool
) -> None:
    case = Case(config, tmp_path / "run", ranks=ranks)
    with case.job:
        case.until_simulating()
        case.job.hit(number, group=group)
        outcome = case.end(LIVENESS_S)
    assert outcome.code == EXIT_INTERRUPTED
    said = [line for line in outcome.err.splitlines() if line.startswith("dtbsim: ")]
    assert said == ["dtbsim: stopping at the end of this window; what was recorded is kept (Ctrl-C again: at once)"]
    assert "Traceback" not in outcome.err

    summary = dtbsim.open_run(case.out).summary
    assert json.loads(outcome.out[outcome.out.index("{") :]) == summary  # mpiexec says a line of its own before
    assert summary["interrupted"] is True
    assert 0 < summary["biological_s"] < 1e4
    run = dtbsim.open_run(case.out)
    assert run.spike_store.closed
    steps_done = round(summary["biological_s"] * 1e4)
    assert run.spike_store.complete_before == steps_done
    assert (run.status["state"], run.status["message"], run.status["step"]) == ("interrupted", None, steps_done)
    assert len(run.spike_steps()[0]) == summary["spikes"]
    found = dtbsim.hash_run(case.out, recompute=True)
    assert (found.digest, found.agrees) == (summary["spike_hash"], True)
    assert_readable(run, expected, 500)
    assert len(run.rates()) == steps_done // 100, "whole bins of 10 ms"
    assert run.provenance["finished"] is not None


def test_ctrl_c_twice_ends_at_once(config: Path, tmp_path: Path) -> None:
    """The second one, a second later, does not wait for anything: here for a rank that does not come."""
    case = Case(config, tmp_path / "run", stuck_timeout_s="1000")
    with case.job:
        case.until_simulating()
        case.job.hit(signal.SIGSTOP, rank=1)
        for pause_s in (0.3, 1.3):
            with pytest.raises(pytest.fail.Exception, match="did not end"):
                case.job.finish(pause_s)
            case.job.hit(signal.SIGINT, rank=0)
        outcome = case.end(LIVENESS_S)
    assert outcome.code == EXIT_INTERRUPTED
    assert outcome.err.splitlines()[-1] == "dtbsim: ended at once"
