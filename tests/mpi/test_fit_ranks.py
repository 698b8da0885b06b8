"""`dtbsim sweep --ranks`: the table of ranks is that of processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from tests.helpers.jobs import needs_mpiexec

from dtbsim.fitting.table import read_table

pytestmark = needs_mpiexec

CONFIG = """\
name: few
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 20, threads: 1}
populations: {E: {model: iaf_psc_exp, size: 60}}
drives: {background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
"""


def test_ranks_make_the_table_of_processes(tmp_path: Path) -> None:
    """Of a network with neurons, of which every evaluation is a run."""
    config = tmp_path / "net.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "dtbsim", "sweep", str(config), "--vary", "drives.background.rate_hz=7000:9000:3"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PMI_", "MPI", "HYDI"))}
    tables = []
    for name, where in (("processes", ["--workers", "1"]), ("ranks", ["--ranks", "2"])):
        out = tmp_path / name
        done = subprocess.run(
            [*command, *where, "--out", str(out), "--json"], env=environ, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["evaluations"] == 3
        tables.append(read_table(Path(told["table"])).drop(columns="seconds"))
    pd.testing.assert_frame_equal(*tables)
    assert (tables[0]["rate_hz.E"].diff().dropna() > 0).all()
