"""Pools of `mpi4py.futures`: their workers simulate alone, each a run of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.helpers.jobs import needs_mpiexec, run_job

import dtbsim

pytestmark = needs_mpiexec

DRIVER = Path(__file__).with_name("pool_driver.py")
CONFIG = """\
name: pooled
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 20, threads: 1}
populations: {E: {model: iaf_psc_exp, size: 60}}
projections: {EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 40, delay_ms: 1.5}}
drives: {background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_workers_and_master_of_a_pool_simulate_alone(config: Path, tmp_path: Path) -> None:
    """Without it each would wait for the others in the first collective call."""
    out = tmp_path / "sweep"
    outcome = run_job(["-m", "mpi4py.futures", DRIVER, config, out], ranks=2, module=False)
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    expected = {seed: dtbsim.run(config, temporary=True, set={"seed": seed}).spike_hash for seed in (1, 2, 3)}
    assert found["called"] == found["master"] == [1, expected[3]]
    assert found["sweep"] == [expected[1], expected[2]]
    assert found["errors"][:2] == [None, None]
    assert "seed: got -1" in found["errors"][2]
    assert found["folders"] == ["00000", "00001", "sweep.csv", "sweep.json"]
