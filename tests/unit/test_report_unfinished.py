"""Reports of runs that were killed, failed, stopped or go on: what was stored, and on top what the run is."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from cli_samples import Cli
from report_folder import microcircuit_run, whole_brain_run
from report_found import collect
from tests.helpers.jobs import Job, status_of

import dtbsim
from dtbsim.checksum import checked, with_checksum
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.report import write_report
from dtbsim.runtime.process import process_start

LONG = """\
name: long
simulation: {dt_ms: 0.1, duration_ms: 10000000, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 100}
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
record: {states: [{population: E, variables: [V_m_mV], neurons: 2, interval_ms: 1}]}
"""


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A run of 3 s, of which no summary was written; stores are those of the whole run."""
    folder = microcircuit_run(tmp_path / "column")
    (folder / "summary.json").unlink()
    return folder


def set_status(folder: Path, **values: Any) -> None:
    base = {"state": "running", "stage": "simulate", "step": 1000, "n_steps": 3000, "message": None}
    mine = {"pid": os.getpid(), "pid_started": process_start(os.getpid()), "host": socket.gethostname()}
    (folder / "status.json").write_text(with_checksum(base | mine | values))


def limit_stores(folder: Path, until_step: int) -> None:
    """What a killed run leaves: stores that were not closed."""
    for file in (folder / "stores").rglob("*.published.json"):
        record = checked(file.read_bytes()) | {"closed": False}
        if "complete_before" in record:
            record["complete_before"] = until_step
        elif file.name == "rates.published.json":
            record["rows"] = until_step // 10
        file.write_text(with_checksum(record))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "This run goes on; the report is a look at it."),
        ({"pid_started": "another boot/1"}, "This run was killed (stage: simulate)."),
        ({"state": "failed", "message": "E: a state is not finite <b>"}, "This run failed: E: a state is not finite"),
        ({"state": "interrupted"}, "This run was stopped by the user before its end."),
        (None, "It is not known how this run ended."),
    ],
)
def test_what_the_run_is_stands_on_top(unfinished: Path, status: dict[str, Any] | None, said: str) -> None:
    limit_stores(unfinished, 1000)
    if status is not None:
        set_status(unfinished, **status)
    data = collect(unfinished)
    (notice,) = data.run.notice
    assert notice.startswith(said)
    assert notice.endswith("Everything below is of the first 1 s of 3 s.")
    assert data.missing == []
    page = write_report(unfinished).read_text(encoding="utf-8")
    above, _, below = page.partition("<dl class='tiles'>")
    assert "role='note'>This run" in above or "role='note'>It is not known" in above
    assert "<b>" not in above.partition("role='note'>")[2]
    assert "simulated time" in below
    assert dtbsim.open_run(unfinished).state == (
        "unknown" if status is None else "killed" if "pid_started" in status else status.get("state", "running")
    )


def test_only_what_was_stored_is_shown(unfinished: Path) -> None:
    whole = collect(unfinished)
    assert whole.neurons is not None
    assert whole.neurons.stop_s == 3.0
    limit_stores(unfinished, 1000)
    set_status(unfinished, pid_started="another boot/1")
    data = collect(unfinished)
    assert data.neurons is not None
    assert data.raster is not None
    assert data.rate_course is not None
    assert (data.neurons.stop_s, data.raster.stop_s) == (1.0, 1.0)
    assert data.rate_course.time_s.max() < 1.0
    assert data.population_rates is not None
    assert data.population_rates.stop_s == 1.0
    assert data.run.summary["biological_s"] == 1.0
    assert data.run.summary["neurons"] == 767
    assert "spike_hash" not in data.run.summary
    assert data.performance is not None, "what the ranks held is known"


def test_a_whole_brain_keeps_its_atlas(tmp_path: Path) -> None:
    folder = whole_brain_run(tmp_path / "brain")
    (folder / "summary.json").unlink()
    limit_stores(folder, 2000)
    set_status(folder, pid_started="another boot/1")
    data = collect(folder)
    assert data.brain is not None
    assert data.fc is not None
    write_report(folder)


def test_a_run_that_stored_nothing_says_so(unfinished: Path) -> None:
    shutil.rmtree(unfinished / "stores")
    set_status(unfinished, state="failed", message="the disk is full")
    data = collect(unfinished)
    assert data.run.notice == [
        "This run failed: the disk is full. Nothing was stored of the 3 s that were to be simulated."
    ]
    write_report(unfinished)


def test_a_store_that_some_ranks_had_not_begun_is_left_out(unfinished: Path) -> None:
    (unfinished / "stores/spikes/rank_00001.published.json").unlink()
    set_status(unfinished, pid_started="another boot/1")
    data = collect(unfinished)
    assert data.raster is None
    assert data.rate_course is not None


def test_a_run_without_a_network_cannot_be_reported(unfinished: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (unfinished / "network.json").unlink()
    set_status(unfinished, stage="build", pid_started="another boot/1")
    code, out, err = Cli(capfd)("report", unfinished)
    assert (code, out) == (EXIT_INPUT, "")
    assert "the run stopped before its network was known" in err
    assert not (unfinished / "report.html").exists()


def test_a_complete_run_has_no_notice(tmp_path: Path) -> None:
    folder = microcircuit_run(tmp_path / "column")
    set_status(folder, stage="report")  # as while the run writes its own report
    assert collect(folder).run.notice == []
    set_status(folder, stage="report", pid_started="another boot/1")
    run = dtbsim.open_run(folder)
    assert (run.state, run.complete) == ("done", True), "what was killed is the writing of the report"


def test_a_missing_store_of_a_complete_run_is_told(tmp_path: Path) -> None:
    folder = microcircuit_run(tmp_path / "column", config={"record": {"spikes": {}, "rate_bin_ms": 10}})
    shutil.rmtree(folder / "stores/spikes")
    with pytest.raises(InputError, match="not complete; missing: stores/spikes"):
        write_report(folder)
    assert "This report is not complete. Missing: stores/spikes." in (folder / "report.html").read_text()
    assert collect(folder).rate_course is not None


def test_a_killed_run_is_reported_and_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """From the first to the last: a real run is killed in the middle, and its folder moved."""
    config, out, cli = tmp_path / "long.yaml", tmp_path / "run", Cli(capfd)
    config.write_text(LONG)
    dtbsim.run(config, set=["simulation.duration_ms=20"], out=tmp_path / "short")  # compiles

    def published() -> int:
        steps = [checked(file.read_bytes()) for file in (out / "stores/spikes").glob("*.published.json")]
        return min((record["complete_before"] for record in steps), default=0)

    command = "import sys; from dtbsim.store.spike_writer import SpikeWriter as W; from dtbsim.cli import main; "
    command += "W.__init__.__kwdefaults__['flush_interval_s'] = 0.1; sys.exit(main())"
    with Job(["-c", command, "run", config, "--out", out, "--quiet", "--no-report"]) as job:
        job.wait_until(lambda: published() > 500 and status_of(out).get("step", 0) > 500, "spikes")
        job.process.kill()
        job.process.wait()
    assert cli("info", out).out.startswith("long: killed\n")
    code, printed, err = cli("report", out)
    assert (code, printed, err) == (EXIT_OK, f"{out}/report.html\n", "")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "role='note'>This run was killed (stage: simulate). Everything below is of the first" in page
    moved = out.rename(tmp_path / "moved")
    assert cli("report", moved).code == EXIT_OK
    run = dtbsim.open_run(moved)
    assert run.spike_store.complete_before > 500
    assert len(run.spike_steps()[0]) > 0
    assert cli("info", moved, "--check").code == EXIT_OK
    summary = json.loads(cli("info", moved, "--json").out)
    assert (summary["state"], summary["damaged"], summary["summary"]) == ("killed", [], None)
