"""Mean-field regions and hybrid networks on three ranks: the hashes of one process, with drives and changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.jobs import needs_mpiexec, run_job
from tests.helpers.region_runs import small_atlas

import dtbsim

pytestmark = needs_mpiexec

N = 18
JOB = """\
import json
import dtbsim
from dtbsim.mpi.world import world_comm
for name in ("regions", "hybrid"):
    summary = dtbsim.run(f"{name}.json", out=name, report=False, progress=False).summary
    if world_comm().rank == 0:
        print(json.dumps([summary["state_hash"], summary.get("spike_hash")]))
"""


def _regions(folder: Path) -> dict[str, Any]:
    """Two populations that share the nodes of all ranks, delays, noise, drives, changes."""
    rng = np.random.default_rng(3)
    weights = np.round(rng.random((N, N)), 2)
    np.fill_diagonal(weights, 0.0)
    return {
        "atlas": str(small_atlas(folder, weights, rng.uniform(8.0, 40.0, (N, N)))),
        "seed": 4,
        "simulation": {"dt_ms": 0.5, "duration_ms": 60.0},
        "populations": {
            "nodes": {
                "model": "linear", "regions": [f"r{k}" for k in range(N - 1)], "parameters": {"gamma_per_ms": 0.2},
                "initial": {"x": 20.0}, "noise": {"x": {"sigma": 0.1}},
            }
        },
        "drives": {
            "wander": {"kind": "ou_current", "target": "nodes", "sigma": 0.5, "tau_ms": 7.0},
            "pulse": {"kind": "dc", "target": "nodes", "input": "network", "regions": ["r2", "r16"], "amplitude": 3.0,
                      "windows_ms": [[10, 20], [30, 31.5]]},
        },
        "couplings": {
            "all": {"source": "nodes", "target": "nodes", "strength": 0.01,
                    "delay_ms": {"tract_velocity_m_per_s": 4.0}},
        },
        "changes": {
            "decay": {"population": "nodes", "neurons": [0, 9, 16], "t_ms": 21.5,
                      "set": {"gamma_per_ms": 0.3, "x": 5.0}},
            "coupling": {"coupling": "all", "times_ms": [12.0, 40.0], "values": {"strength": [0.02, 0.005]}},
        },
    }  # fmt: skip


def _hybrid(folder: Path) -> dict[str, Any]:
    """The same with neurons in the last region, which hear the others and are heard."""
    config = _regions(folder)
    config["populations"]["cells"] = {"model": "iaf_psc_exp", "size": 90, "regions": [f"r{N - 1}"]}
    config["simulation"]["block_size"] = 16
    delay_ms = {"tract_velocity_m_per_s": 4.0}
    config["couplings"] |= {
        "in": {"source": "cells", "target": "nodes", "strength": 0.05, "filter_tau_ms": 8.0, "delay_ms": delay_ms},
        "out": {"source": "nodes", "target": "cells", "variable": "x", "strength": 20.0, "effect": "poisson",
                "weight_pA": 60.0, "delay_ms": delay_ms},
    }  # fmt: skip
    config["drives"]["noise"] = {"kind": "poisson", "target": "cells", "rate_hz": 6000, "weight_pA": 60}
    config["changes"]["louder"] = {"coupling": "out", "t_ms": 30.0, "set": {"strength": 40.0}}
    return config


def test_three_ranks_have_the_hashes_of_one_process(tmp_path: Path) -> None:
    expected = []
    for name, config in (("regions", _regions(tmp_path)), ("hybrid", _hybrid(tmp_path))):
        (tmp_path / f"{name}.json").write_text(json.dumps(config), encoding="utf-8")
        summary = dtbsim.run(config, out=tmp_path / f"{name}_1", report=False).summary
        expected.append([summary["state_hash"], summary.get("spike_hash")])
    assert expected[1][1]
    assert expected[0][0] != expected[1][0]
    driver = tmp_path / "job.py"
    driver.write_text(JOB, encoding="utf-8")
    done = run_job([driver], ranks=3, cwd=tmp_path)
    assert done.code == 0, done.err
    assert [json.loads(line) for line in done.out.splitlines() if line.startswith("[")] == expected
