"""What holds for all tests: kernels are compiled before they begin, once and not by each worker that needs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

WARM_UP = """\
name: warm_up
simulation: {dt_ms: 0.1, duration_ms: 1, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 20}
  S: {model: poisson_source, size: 20, parameters: {rate_hz: 5}}
projections:
  split: {source: E, target: E, rule: {kind: fixed_total_number, total: 40}, weight_pA: 1, delay_ms: 1}
  by_source: {source: E, target: E, rule: {kind: fixed_outdegree, outdegree: 2}, weight_pA: 1, delay_ms: 1}
  drawn:
    source: S
    target: E
    rule: {kind: fixed_outdegree, outdegree: 2}
    weight_pA: 1
    delay_ms: 1
    procedural: true
  plastic:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 2}
    weight_pA: 1
    delay_ms: 1
    synapse: {kind: stdp, weight_max: 2}
drives:
  all: {kind: poisson, target: E, rate_hz: 100, weight_pA: 1}
  some: {kind: poisson, target: E, rate_hz: 100, weight_pA: 1, neurons: [3, 7]}
  noise: {kind: noise_current, target: E, mean: 0, std: 1}
"""


@pytest.fixture(autouse=True)
def registries_stay() -> Iterator[None]:
    """What a test adds to a registry is gone after it, as if it had run in a process of its own."""
    registry = sys.modules.get("dtbsim.registry")
    known = [] if registry is None else list(registry.Registry.known.values())
    before = [(one, list(one._built_in)) for one in known]
    yield
    for one, names in before:
        for name in one._built_in.keys() - set(names):
            del one._built_in[name]


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
