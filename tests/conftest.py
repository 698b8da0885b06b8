"""What holds for all tests: kernels are compiled before they begin, so that no time limit of a test pays for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WARM_UP = """\
name: warm_up
simulation: {dt_ms: 0.1, duration_ms: 1, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 20}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 1, delay_ms: 1}
"""


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Of a session with several workers (`make test`), before these start: each would compile the same for itself."""
    if not getattr(session.config.option, "numprocesses", None) or session.config.option.collectonly:
        return
    folder = Path(session.config._tmp_path_factory.mktemp("warm_up"))  # type: ignore[attr-defined]
    (folder / "warm_up.yaml").write_text(WARM_UP, encoding="utf-8")
    command = [sys.executable, "-m", "dtbsim", "run", "warm_up.yaml", "--out", "run", "--no-report", "--quiet"]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"DTBSIM_MPI": "off"}, capture_output=True, text=True)
    if done.returncode != 0:
        raise pytest.UsageError(f"dtbsim does not run here:\n{done.stderr}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave nightly tests out of all other runs."""
    if "nightly" in config.getoption("markexpr", ""):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    if nightly:
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]
