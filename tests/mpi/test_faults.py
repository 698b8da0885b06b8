"""A rank that fails, dies or hangs: named once, within the stated time, with the right exit code, and nothing stays."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from tests.helpers.by_day import by_day
from tests.helpers.jobs import Job, Outcome, needs_mpiexec, status_of

from dtbsim.checksum import checked
from dtbsim.errors import EXIT_FAULT, EXIT_INPUT, EXIT_INTERNAL, EXIT_OK, EXIT_STORAGE
from dtbsim.runtime import board, status, supervisor

pytestmark = needs_mpiexec

DRIVER = Path(__file__).with_name("fault_driver.py")
TIMEOUT_S = 2.0
LIVENESS_S = 90.0
"""Less than the time limit of a watchdog that nobody has set, and far more than an end takes, also on busy cores."""

KILLED = (9, 137)
"""What launchers report for a job of which a rank was killed."""


def run_fault(fault: str, folder: Path, *, ranks: int = 3, rank: int = 1, limit_s: float = LIVENESS_S) -> Outcome:
    """Run the driver; `seconds` is then the time from the fault to the end, where there was one. Nothing is left."""
    arguments = [DRIVER, fault, "--rank", str(rank), "--timeout", str(TIMEOUT_S), "--run-dir", folder]
    with Job(arguments, ranks=ranks) as job:
        outcome = job.finish(limit_s)
        ended = time.time()
        assert job.left_after() == []
    fault_at = folder / "fault_at"
    if fault_at.exists():
        outcome = outcome._replace(seconds=ended - float(fault_at.read_text()))
        assert outcome.seconds > 0
    return outcome


def spoken(outcome: Outcome) -> list[str]:
    """Lines of stderr that name a rank."""
    return [line for line in outcome.err.splitlines() if line.startswith("[rank ")]


def test_without_a_fault_nothing_is_said(tmp_path: Path) -> None:
    outcome = run_fault("none", tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (EXIT_OK, "done with 3 ranks\n", "")
    assert status_of(tmp_path)["state"] == "running", "the driver does not say that it is done"


def test_a_slow_rank_with_signs_of_life_is_left_alone(tmp_path: Path) -> None:
    outcome = run_fault("lonely", tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (EXIT_OK, "done with 3 ranks\n", "")
    assert outcome.seconds > 3 * TIMEOUT_S, "three time limits passed"


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.nightly), 3])
@pytest.mark.parametrize("work", by_day(["computes", "computes-gil", "writes"], ["computes-gil", "writes"]))
def test_work_outside_of_the_time_loop_is_progress(tmp_path: Path, work: str, ranks: int) -> None:
    """Compiling, building and writing take as long as they take, also where no thread of the rank can run meanwhile."""
    outcome = run_fault(work, tmp_path, ranks=ranks, rank=ranks - 1)
    assert (outcome.code, outcome.out, outcome.err) == (EXIT_OK, f"done with {ranks} ranks\n", "")
    assert outcome.seconds > 3 * TIMEOUT_S, "three time limits passed"


@pytest.mark.parametrize(("fault", "doing"), [("stands", "busy"), ("stopped", "stopped by a signal")])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_does_nothing_outside_of_the_time_loop_is_found(
    tmp_path: Path, fault: str, doing: str, rank: int
) -> None:
    outcome = run_fault(fault, tmp_path, rank=rank)
    assert outcome.code == EXIT_FAULT
    assert outcome.seconds > TIMEOUT_S * 0.9, "not before its time"
    suspect = rf"rank {rank} \(process \d+ on \S+, {doing}, last at step 0\)"
    assert len(spoken(outcome)) == 1, outcome.err
    assert re.fullmatch(rf"\[rank {rank}\] no progress for 2 s: {suspect}; ending the run", spoken(outcome)[0])


@pytest.mark.parametrize("rank", [0, 2])
def test_an_exception_on_one_rank(tmp_path: Path, rank: int) -> None:
    outcome = run_fault("exception", tmp_path, rank=rank)
    assert outcome.code == EXIT_INTERNAL
    assert spoken(outcome) == [f"[rank {rank}] Traceback (most recent call last):"]
    assert outcome.err.endswith("ZeroDivisionError: planned\n")
    assert "raise_bug" in outcome.err
    assert message_of(tmp_path) == f"[rank {rank}] ZeroDivisionError: planned"


def test_an_error_for_the_user_on_one_rank(tmp_path: Path) -> None:
    outcome = run_fault("storage", tmp_path)
    assert outcome.code == EXIT_STORAGE
    assert outcome.err == "[rank 1] dtbsim: error: spikes: the disk is full (free some space)\n"
    assert message_of(tmp_path) == "[rank 1] spikes: the disk is full (free some space)"


@pytest.mark.parametrize("fault", ["bad-config", "bad-everywhere"])
def test_an_error_of_all_ranks_is_one_line(tmp_path: Path, fault: str) -> None:
    outcome = run_fault(fault, tmp_path)
    said = "run.yaml:3: no such key 'neurnos' (did you mean 'neurons'?)"
    assert (outcome.code, outcome.out, outcome.err) == (EXIT_INPUT, "", f"dtbsim: error: {said}\n")
    assert message_of(tmp_path) == said


@pytest.mark.parametrize(
    ("fault", "rank", "cause"),
    [
        ("sigkill", 1, r"was killed by SIGKILL \(out of memory\?\)"),
        ("sigkill", 0, r"was killed by SIGKILL \(out of memory\?\)"),
        ("sigsegv", 2, r"was killed by SIGSEGV"),
        ("exit", 1, r"ended with exit code 3 without a word"),
    ],
)
def test_a_rank_that_dies_is_named(tmp_path: Path, fault: str, rank: int, cause: str) -> None:
    outcome = run_fault(fault, tmp_path, rank=rank)
    assert outcome.code != EXIT_OK
    # the stack that a dying rank prints and the line of another one may meet in the same line of the terminal
    lines = re.findall(r"\[rank \d+\] process .*?; ending the run", outcome.err)
    assert len(lines) == 1, outcome.err
    unseen = r"ended without a word \(killed\?\)"  # the launcher has reaped it before the supervisor looked
    assert re.fullmatch(rf"\[rank {rank}\] process \d+ on \S+ ({cause}|{unseen}), at step 20; ending the run", lines[0])
    if fault == "sigsegv":
        assert "Fatal Python error: Segmentation fault" in outcome.err
        assert "in body" in outcome.err, "with its stack"
    assert message_of(tmp_path) == lines[0]


@pytest.mark.parametrize(
    ("fault", "rank", "doing"),
    [
        ("sigstop", 1, "stopped by a signal"),
        ("sigstop", 0, "stopped by a signal"),
        ("loop-nogil", 1, "busy"),
        ("loop-gil", 2, "busy"),
        ("loop-python", 0, "busy"),
    ],
)
def test_a_rank_that_hangs_is_named_within_the_time(tmp_path: Path, fault: str, rank: int, doing: str) -> None:
    outcome = run_fault(fault, tmp_path, rank=rank)
    assert outcome.code == EXIT_FAULT
    assert outcome.seconds > TIMEOUT_S * 0.9, "not before its time"
    lines = spoken(outcome)
    assert len(lines) == 1, outcome.err
    suspect = rf"rank {rank} \(process \d+ on \S+, {doing}, last at step 20\)"
    assert re.fullmatch(rf"\[rank {rank}\] no progress for 2 s: {suspect}; ending the run", lines[0])
    if doing == "busy":  # and shows where
        where = {"loop-nogil": "loop_without_lock", "loop-gil": "loop_with_lock", "loop-python": "loop_in_python"}
        assert f"in {where[fault]}" in outcome.err
    assert message_of(tmp_path) == lines[0]


def message_of(folder: Path) -> str:
    """The message of the failed run's status.json, which the supervisor may write a moment after the end."""
    for _ in range(100):
        if status_of(folder).get("state") == "failed":
            break
        time.sleep(0.02)
    found = status_of(folder)
    assert found["state"] == "failed"
    assert found["eta_s"] is None
    return str(found["message"])


# -- one process ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("none", EXIT_OK, r""),
        ("exception", EXIT_INTERNAL, r"Traceback .*ZeroDivisionError: planned\n"),
        ("storage", EXIT_STORAGE, r"dtbsim: error: spikes: the disk is full \(free some space\)\n"),
        ("bad-config", EXIT_INPUT, r"dtbsim: error: run\.yaml:3: .*\n"),
        (
            "loop-python",
            EXIT_FAULT,
            r"no progress for 2 s: rank 0 \(process .*, busy, last at step 20\).*in loop_in_python.*",
        ),
    ],
)
def test_a_single_process_ends_the_same_way(tmp_path: Path, fault: str, code: int, said: str) -> None:
    outcome = run_fault(fault, tmp_path, ranks=1, rank=0)
    assert outcome.code == code
    assert re.fullmatch(said, outcome.err, re.DOTALL), outcome.err


def test_code_that_holds_the_interpreter_lock_is_ended_by_the_timer(tmp_path: Path) -> None:
    """No thread can run then: the stacks and exit code 1 are all there is, within 1.25 time limits and a second."""
    outcome = run_fault("loop-gil", tmp_path, ranks=1, rank=0)
    assert outcome.code == EXIT_INTERNAL
    assert outcome.seconds > TIMEOUT_S
    assert "in loop_with_lock" in outcome.err


# -- the supervisor, which repeats what it cannot import -------------------------------------------------------------


def test_the_supervisor_knows_the_layout_of_the_board() -> None:
    names = (
        "ROW_WORDS",
        "PID",
        "RANK",
        "STEP",
        "WAITING",
        "STATE",
        "STEPPING",
        "RUNNING",
        "DEAD",
        "HEADER_CLOSING",
        "HEADER_FOLDER_BYTES",
        "HEADER_WORK",
        "FOLDER_WORDS",
    )
    assert {name: getattr(supervisor, name) for name in names} == {name: getattr(board, name) for name in names}


def test_the_supervisor_marks_a_run_as_the_watchdog_does(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("supervisor", "watchdog")]
    for folder, mark in zip(folders, (supervisor.mark_failed, status.mark_failed), strict=True):
        folder.mkdir()
        mark(folder, "nothing there yet")  # type: ignore[arg-type]
        assert list(folder.iterdir()) == []
        status.StatusFile(folder)
        mark(folder, "[rank 1] is gone")  # type: ignore[arg-type]
        mark(folder, "a second reason")  # type: ignore[arg-type]
    first, second = (checked((folder / "status.json").read_bytes()) for folder in folders)
    for values in (first, second):
        assert values.pop("updated") >= values.pop("started")
    assert first == second
    assert (first["state"], first["message"]) == ("failed", "[rank 1] is gone")
    status.StatusFile(folders[0]).finish("done")
    supervisor.mark_failed(str(folders[0]), "too late")
    assert status_of(folders[0])["state"] == "done"
