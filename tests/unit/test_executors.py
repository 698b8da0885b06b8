"""Sweeps and fits are the same on executors of others: Dask and submitit, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "helpers" / "on_executors.py"
VARIABLE = "DTBSIM_EXECUTORS_PYTHON"


def results(python: str, kind: str, folder: Path) -> dict[str, object]:
    """What the script says, run by an interpreter."""
    done = subprocess.run(
        [python, str(SCRIPT), kind, str(folder)], capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["dask", "submitit"])
def test_tables_are_those_of_processes_of_this_one(kind: str, tmp_path: Path) -> None:
    python = os.environ.get(VARIABLE)
    if python is None:
        pytest.skip(f"{VARIABLE} names no interpreter that has dtbsim, {'distributed' if kind == 'dask' else kind}")
    assert results(python, kind, tmp_path / kind) == results(sys.executable, "none", tmp_path)
