"""Procedural projections under mpiexec: the numbers of stored synapses in one process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.jobs import needs_mpiexec, run_job
from tests.unit.test_procedural import RECURRENT

import dtbsim

pytestmark = needs_mpiexec


def configured(folder: Path, procedural: bool) -> Path:
    word = str(procedural).lower()
    path = folder / f"net-{word}.yaml"
    path.write_text(RECURRENT.replace("FIRST", word).replace("SECOND", word), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("stored")
    return dtbsim.run(configured(folder, False), out=folder / "run", set=["simulation.threads=1"]).summary


@pytest.mark.parametrize(
    ("ranks", "threads", "exchange"),
    [
        (3, 2, "packets"),
        pytest.param(3, 1, "shared_memory", marks=pytest.mark.nightly),
        pytest.param(1, 2, "auto", marks=pytest.mark.nightly),
    ],
)
def test_ranks_do_not_show(stored: dict[str, Any], tmp_path: Path, ranks: int, threads: int, exchange: str) -> None:
    config = configured(tmp_path, True)
    settings = [f"simulation.threads={threads}", f"simulation.exchange={exchange}"]
    options = [part for setting in settings for part in ("--set", setting)]
    command = ["-m", "dtbsim", "run", config, "--out", tmp_path / "run", "--json", "--quiet", "--no-report", *options]
    outcome = run_job(command, ranks=ranks, limit_s=280)
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["ranks"] == ranks
    for key in ("neurons", "synapses", "spikes", "events", "spike_hash"):
        assert summary[key] == stored[key], key
    assert summary["spikes"] > 400
