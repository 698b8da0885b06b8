"""Ctrl-C, SIGTERM and SIGHUP in every stage of a run: heard at once, one line, exit code 130, nothing goes on.

The stages never end by themselves here, so whatever ends them is what is tested; limits are those of liveness.
"""

from __future__ import annotations

import signal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.jobs import Job, Outcome, needs_mpiexec, status_of

import dtbsim
from dtbsim.errors import EXIT_INTERRUPTED
from dtbsim.runtime import interrupt
from dtbsim.runtime.faults import SETTLE_S
from dtbsim.runtime.watchdog import OUTPUT_DRAIN_S

pytestmark = needs_mpiexec

DRIVER = Path(__file__).with_name("stage_driver.py")
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
LIMIT_S = 60.0
"""Of liveness: without a signal the stages would last for ever."""
BEFORE = "dtbsim: interrupted"
NOTHING = f"dtbsim: {interrupt.NOTHING_RECORDED}"
CONFIG = """\
name: short
simulation: {dt_ms: 0.1, duration_ms: 20, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 160}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose kernels are compiled."""
    path = tmp_path_factory.mktemp("config") / "short.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    dtbsim.run(path, out=path.with_suffix(".run"))
    return path


class Blocked:
    """A run that is in its stage on all ranks, or on rank 0, for which the others wait."""

    def __init__(self, config: Path, out: Path, stage: str, how: str, ranks: int, *options: str) -> None:
        self.out = out
        self.job = Job([DRIVER, stage, how, "run", config, "--out", out, *options], ranks=ranks)
        there = 1 if stage in ("load", "network", "compile", "report") else ranks
        self.begun = [out.with_name(f"{out.name}.begun-{rank}") for rank in range(there)]

    def hit(self, number: signal.Signals, whom: str) -> Outcome:
        """Send the signal once the stage was reached, and wait for the end: nothing may be left."""
        self.job.wait_until(lambda: all(path.exists() for path in self.begun), "the stage")
        if whom.startswith("rank"):
            self.job.hit(number, rank=int(whom[-1]))
        else:
            self.job.hit(number, group=whom == "group")
        outcome = self.job.finish(LIMIT_S)
        assert self.job.left_after() == []
        return outcome


def said(outcome: Outcome) -> list[str]:
    """Lines of stderr without those of the progress."""
    return [line for line in outcome.err.splitlines() if not line.startswith("[ ")]


SOME = [
    ("start", "late", 3, INT, "group"),
    ("load", "c", 1, INT, "alone"),
    ("network", "c", 1, TERM, "alone"),
    ("network", "swallow", 1, INT, "group"),
    ("compile", "c", 1, INT, "group"),
    ("compile", "swallow", 1, TERM, "alone"),
    ("build", "c", 1, HUP, "alone"),
    ("network", "c", 3, TERM, "mpiexec"),
    ("compile", "swallow", 3, INT, "group"),
    ("build", "c", 3, TERM, "rank 1"),
]
ALL = [
    case
    for stage, how, number in [
        *product(("load", "network", "compile", "build"), ("c", "swallow"), (INT, TERM)),
        ("start", "late", TERM),
    ]
    for case in (
        *((stage, how, 1, number, whom) for whom in ("alone", "group")),
        *((stage, how, 3, number, whom) for whom in ("mpiexec", "group", "rank 0", "rank 2")),
    )
    if case[2] == 3 or stage != "start"
    if not (stage == "load" and case[4] == "rank 2")  # it waits for rank 0, and hears, too; the line is the same
]


@pytest.mark.parametrize(
    ("stage", "how", "ranks", "number", "whom"),
    [*SOME, *(pytest.param(*case, marks=pytest.mark.nightly) for case in ALL if case not in SOME)],
)
def test_a_signal_ends_every_stage_before_the_simulation(
    config: Path, tmp_path: Path, stage: str, how: str, ranks: int, number: signal.Signals, whom: str
) -> None:
    run = Blocked(config, tmp_path / "run", stage, how, ranks)
    with run.job:
        outcome = run.hit(number, whom)
    assert outcome.code == EXIT_INTERRUPTED, outcome.err
    if stage in ("start", "load", "network"):
        assert said(outcome) == [BEFORE]
        assert not run.out.exists()
    else:
        assert said(outcome) == [NOTHING]
        status = status_of(run.out)
        assert (status["state"], status["message"]) == ("interrupted", interrupt.NOTHING_RECORDED)
        assert status["stage"] == stage
        assert not (run.out / "stores").exists()


@pytest.mark.parametrize(
    ("ranks", "number", "whom"),
    [
        (1, INT, "group"),
        (1, TERM, "alone"),
        (3, INT, "group"),
        pytest.param(3, TERM, "mpiexec", marks=pytest.mark.nightly),
    ],
)
def test_a_signal_while_the_report_is_written_leaves_the_run_complete(
    config: Path, tmp_path: Path, ranks: int, number: signal.Signals, whom: str
) -> None:
    run = Blocked(config, tmp_path / "run", "report", "c", ranks)
    with run.job:
        outcome = run.hit(number, whom)
    assert outcome.code == EXIT_INTERRUPTED
    message = (
        f"{run.out}: the run is complete; its report was not written: interrupted (write it: dtbsim report {run.out})"
    )
    assert said(outcome) == [f"dtbsim: {message}"]
    status = status_of(run.out)
    assert (status["state"], status["message"]) == ("done", message)
    assert dtbsim.hash_run(run.out, recompute=True).agrees


def test_a_killed_report_leaves_a_run_that_is_done(config: Path, tmp_path: Path) -> None:
    """The run counts as done before its report is begun."""
    run = Blocked(config, tmp_path / "run", "report", "c", 1)
    with run.job:
        run.hit(signal.SIGKILL, "group")
    assert (status_of(run.out)["state"], status_of(run.out)["stage"]) == ("done", "report")


def test_the_deadlines_add_up_to_less_than_two_seconds() -> None:
    """Of one node; ranks of other nodes give the first one SETTLE_S to speak for all."""
    ranks_s = interrupt.GRACE_S + 3 * OUTPUT_DRAIN_S + OUTPUT_DRAIN_S
    assert ranks_s <= 2.0
    assert interrupt.GRACE_S + OUTPUT_DRAIN_S + SETTLE_S <= 2.2


# -- a process that is not ours -----------------------------------------------------------------------------------

GUEST = """\
import signal, sys
import dtbsim
sys.path.insert(0, {folder!r})
import stage_driver
before = {{number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}}
stage_driver.block(stage_driver.STAGES[{stage!r}], {how}, __import__("pathlib").Path({begun!r}))
try:
    dtbsim.run({config!r}, out={out!r})
except KeyboardInterrupt:
    assert before == {{number: signal.getsignal(number) for number in before}}
    print("interrupted", dtbsim.runtime.interrupt.active_interrupt())
"""


def guest(config: Path, out: Path, stage: str, how: str) -> Blocked:
    """A script that runs dtbsim and stays in a stage, where signals are Python's."""
    begun = out.with_name(f"{out.name}.begun-0")
    values: dict[str, Any] = {"config": str(config), "out": str(out), "begun": str(begun)}
    script = GUEST.format(folder=str(DRIVER.parent), stage=stage, how=how, **values)
    run = Blocked.__new__(Blocked)
    run.out, run.begun, run.job = out, [begun], Job(["-c", script])
    return run


@pytest.mark.parametrize("stage", ["network", "compile", "build"])
def test_ctrl_c_raises_keyboard_interrupt_in_a_script(config: Path, tmp_path: Path, stage: str) -> None:
    run = guest(config, tmp_path / "run", stage, "lambda: [None for _ in iter(int, 1)]")
    with run.job:
        outcome = run.hit(INT, "alone")
    assert (outcome.code, outcome.out) == (0, "interrupted None\n"), outcome.err
    if stage == "network":
        assert not run.out.exists()
    else:
        assert status_of(run.out)["message"] == interrupt.NOTHING_RECORDED


def test_sigterm_ends_a_script_as_it_would_without_dtbsim(config: Path, tmp_path: Path) -> None:
    run = guest(config, tmp_path / "run", "build", "lambda: [None for _ in iter(int, 1)]")
    with run.job:
        outcome = run.hit(TERM, "alone")
    assert (outcome.code, outcome.out, outcome.err) == (-TERM, "", "")
    assert status_of(run.out)["state"] == "interrupted"


# -- other commands, and nohup ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["c", "swallow"])
def test_other_commands_end_as_fast(tmp_path: Path, how: str) -> None:
    begun = tmp_path / "begun"
    script = (
        f"import sys; sys.path.insert(0, {str(DRIVER.parent)!r}); from stage_driver import HOW, block, Path\n"
        f"block('dtbsim.cli.catalogue.list_all_models', HOW[{how!r}], Path({str(begun)!r}))\n"
        "from dtbsim.cli import main; sys.exit(main(['models', 'list']))"
    )
    with Job(["-c", script]) as job:
        job.wait_until(begun.exists, "the command")
        job.hit(INT)
        outcome = job.finish(LIMIT_S)
    assert (outcome.code, outcome.out, outcome.err) == (EXIT_INTERRUPTED, "", "dtbsim: interrupted\n")


def test_a_run_under_nohup_does_not_hear_that_its_terminal_is_gone(config: Path, tmp_path: Path) -> None:
    ignoring = (
        "import signal, runpy, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        f"sys.argv = [{str(DRIVER)!r}, 'build', 'c', 'run', {str(config)!r}, '--out', {str(tmp_path / 'run')!r}];"
        f"runpy.run_path({str(DRIVER)!r}, run_name='__main__')"
    )
    with Job(["-c", ignoring]) as job:
        job.wait_until((tmp_path / "run.begun-0").exists, "the stage")
        job.hit(HUP)
        with pytest.raises(pytest.fail.Exception, match="did not end"):
            job.finish(2 * interrupt.GRACE_S + 1)
        job.hit(TERM)
        assert job.finish(LIMIT_S).code == EXIT_INTERRUPTED
