"""A run says where its network fires as one, or its BOLD is too short for FC: summary, log, report and terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dtbsim
from dtbsim.report import write_report

LOCKSTEP = {
    "name": "lockstep",
    "simulation": {"dt_ms": 0.1, "duration_ms": 3000, "threads": 1},
    "populations": {
        "E": {"model": "iaf_psc_exp", "size": 50},
        "noise": {"model": "poisson_source", "size": 500, "parameters": {"rate_hz": 20}},
    },
    "drives": {"current": {"kind": "dc", "target": "E", "amplitude": 420}},
}
BRAIN = {
    "name": "brain",
    "atlas": "dk68",
    "simulation": {"dt_ms": 1.0, "duration_ms": 5000, "threads": 1},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 20, "regions": "all"}},
    "drives": {"noise": {"kind": "poisson", "target": "E", "rate_hz": 9000, "weight_pA": 40}},
    "bold": {"population": "E", "tr_ms": 1000},
}


@pytest.fixture(autouse=True)
def _without_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")


def test_neurons_in_lockstep_are_reported(tmp_path: Path) -> None:
    """Fifty equal neurons from one state under one current: in every bin all fire or none, sources aside."""
    result = dtbsim.run(LOCKSTEP, out=tmp_path / "run", set=["record.rate_bin_ms=5"])
    counts = result.open().rates().sel(population="E").values * 50 * 5e-3
    assert set(np.unique(np.round(counts)).tolist()) == {0.0, 50.0}
    share = (counts > 0).mean()
    assert result.summary["synchrony"] == pytest.approx((50 * (1 - share) - 1) / 49, rel=1e-6)
    (warning,) = result.summary["warnings"]
    assert "the network fires as one" in warning
    assert json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))["warnings"] == [warning]
    assert f"WARNING dtbsim.simulate.conductor: {warning}" in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    page = write_report(result.run_dir).read_text(encoding="utf-8")
    assert "Before you use these results" in page
    assert "the network fires as one" in page


def test_the_start_is_left_out_of_the_index(tmp_path: Path) -> None:
    spread = {"V_m_mV": {"distribution": "uniform", "low": -70, "high": -55}}
    config = json.loads(json.dumps(LOCKSTEP))
    config["populations"]["E"] |= {"size": 200, "initial": spread}
    config["drives"] = {
        "kick": {"kind": "dc", "target": "E", "amplitude": 3000, "start_ms": 100, "stop_ms": 200},
        "noise": {"kind": "poisson", "target": "E", "rate_hz": 1500, "weight_pA": 100},
    }
    whole = dtbsim.run(config, out=tmp_path / "whole").summary["synchrony"]
    later = dtbsim.run(config, out=tmp_path / "later", set=["analysis.statistics_start_ms=500"]).summary["synchrony"]
    assert later < 0.05 < whole


def test_without_counts_there_is_no_index(tmp_path: Path) -> None:
    summary = dtbsim.run(LOCKSTEP, out=tmp_path / "run", set=["record.rate_bin_ms=null"]).summary
    assert summary["synchrony"] is None
    assert summary["warnings"] == []


def test_short_bold_is_reported(tmp_path: Path) -> None:
    summary = dtbsim.run(BRAIN, out=tmp_path / "run").summary
    assert 0 < summary["mean_abs_fc"] < 1
    assert any(text.startswith("BOLD is short for FC: 5 s (5 volumes)") for text in summary["warnings"])
    none = dtbsim.run(BRAIN, out=tmp_path / "none", set=["simulation.duration_ms=2000"]).summary
    assert none["mean_abs_fc"] is None
    assert "fc_correlation" not in none
    assert [text[:30] for text in none["warnings"]] == ["there is no FC: 2 volumes of B"]


def test_fc_as_one_is_reported(tmp_path: Path) -> None:
    """The same course of input everywhere moves the BOLD of all regions alike."""
    config = json.loads(json.dumps(BRAIN))
    config["drives"]["wave"] = {"kind": "sinusoidal", "target": "E", "amplitude": 250, "frequency_hz": 0.1}
    config["simulation"]["duration_ms"] = 40_000
    summary = dtbsim.run(config, out=tmp_path / "run").summary
    assert summary["mean_abs_fc"] > 0.9
    assert any("all regions go up and down together" in text for text in summary["warnings"])


def test_silent_regions_have_no_fc_and_the_run_says_so(tmp_path: Path) -> None:
    summary = dtbsim.run(BRAIN | {"drives": {}}, out=tmp_path / "run").summary
    assert summary["mean_abs_fc"] is None
    assert any(text.startswith("there is no FC") for text in summary["warnings"])


def test_the_terminal_hears_of_it(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(LOCKSTEP), encoding="utf-8")
    command = [sys.executable, "-m", "dtbsim", "run", "net.json", "--out", "run", "--no-report", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True)
    assert "dtbsim: WARNING: the network fires as one" in done.stderr
    assert done.stdout.strip().endswith("run")
    info = [sys.executable, "-m", "dtbsim", "info", "run"]
    assert "the network fires as one" in " ".join(
        subprocess.run(info, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True).stdout.split()
    )
