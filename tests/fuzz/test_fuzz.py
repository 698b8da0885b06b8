"""Whatever the input: an answer for people within ten seconds of CPU time and two gigabytes, never a traceback.

Inputs are made by generators with fixed seeds, so a case that fails can be had again:
`python -m tests.fuzz.worker KIND CASE 1 FOLDER`. A slice runs always, many more under the marker `nightly`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.kinds import KINDS

ROOT = Path(__file__).parents[2]
SLICE = {
    "configurations": 120, "configurations_run": 0, "atlas_archives": 150, "atlas_hdf5": 12, "atlas_folders": 150,
    "spike_files": 150, "run_folders": 60, "arguments": 250,
}  # fmt: skip
NIGHTLY = {
    "configurations": 6000, "configurations_run": 400, "atlas_archives": 6000, "atlas_hdf5": 600, "atlas_folders": 6000,
    "spike_files": 6000, "run_folders": 2500, "arguments": 15000,
}  # fmt: skip


def outcomes(kind: str, first: int, count: int, folder: Path, timeout_s: float) -> list[dict[str, Any]]:
    """How the cases went; a worker that dies or stands still in one of them is a fault of that case."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.fuzz.worker", kind, str(first), str(count), str(folder)]
    environ = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (folder / "errors.txt").open("wb") as errors:
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, timeout=timeout_s
            )
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as error:
            code, output = -1, error.stdout or b""
    told: dict[int, dict[str, Any]] = {}
    for line in output.decode().splitlines():
        said = json.loads(line)
        told[said["case"]] = said
    for said in told.values():
        if said["answer"] == "begun":
            words = (folder / "errors.txt").read_text(errors="replace")[-2000:]
            said |= {"answer": "fault", "traceback": f"the process ended or stood still (exit code {code})\n{words}"}
    if code != 0 and not any(said["answer"] == "fault" for said in told.values()):
        words = (folder / "errors.txt").read_text(errors="replace")[-3000:]
        return [{"case": -1, "answer": "fault", "traceback": words}]
    return list(told.values())


def check(kind: str, first: int, count: int, folder: Path, timeout_s: float) -> None:
    found = outcomes(kind, first, count, folder, timeout_s)
    faults = [said for said in found if said["answer"] == "fault"]
    report = "\n".join(f"--- case {said['case']} of {kind}\n{said['traceback']}" for said in faults[:5])
    assert not faults, f"{len(faults)} of {len(found)} cases\n{report}"
    assert len(found) == count
    refused = sum(said["answer"] == "refused" for said in found)
    assert refused > count / 20, "inputs are wrong often enough"  # of a run folder not all is read each time


@pytest.mark.parametrize("kind", [kind for kind, count in SLICE.items() if count])
def test_a_slice(kind: str, tmp_path: Path) -> None:
    check(kind, 0, SLICE[kind], tmp_path / "cases", timeout_s=280)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", NIGHTLY)
def test_many(kind: str, tmp_path: Path) -> None:
    check(kind, 10_000, NIGHTLY[kind], tmp_path / "cases", timeout_s=7000)


def test_every_kind_has_its_cases() -> None:
    assert set(SLICE) == set(NIGHTLY) == set(KINDS)


def test_faults_are_found(tmp_path: Path) -> None:
    """The worker tells an answer from a traceback, from no words, a long time, much memory, and a sudden end."""
    found = outcomes("tests.fuzz.faulty:Faulty", 0, 7, tmp_path / "cases", timeout_s=250)
    assert [said["answer"] for said in found] == ["refused", *["fault"] * 5]
    for said, words in zip(
        found[1:], ("a bug", "not for people", "more than 10 s", " MB", "ended or stood still"), strict=True
    ):
        assert words in said["traceback"]
