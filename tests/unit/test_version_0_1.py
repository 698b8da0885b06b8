"""The folder of a run that version 0.1 wrote, without checksums: it is read, hashed and reported as before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_samples import Cli
from report_found import collect

import dtbsim
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.store.inspection import inspect_run

HASH = "809fb0b286dc713773ccf9eba50027644d8b4833fcf1aca0c5427894951c5d9a"
"""As it is computed today; the run itself wrote that of another definition."""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run, and its atlas in the current folder, as it was when the run was made."""
    shutil.unpack_archive(Path(__file__).with_name("version_0_1.zip"), tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "version_0_1"


def test_everything_of_it_is_read(old: Path) -> None:
    run = dtbsim.open_run(old)
    assert (run.state, run.complete, run.files, run.inputs) == ("done", True, {}, [])
    assert (len(run.spike_steps()[0]), run.summary["spikes"]) == (2688, 2688)
    assert run.spike_hash() == (HASH, "stores", None, None)
    assert run.rates().shape == (40, 6)
    assert run.bold().shape == (8, 5)
    assert run.states().sizes == {"time_ms": 400, "gid": 3}
    assert run.weights().sizes["time_ms"] == 5
    assert run.correlation().sizes == {"tau_ms": 21}
    assert run.spikes_pandas().population.nunique() == 6
    assert inspect_run(run, values=True) == []


def test_the_commands_know_it(old: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capfd)
    code, out, err = cli("info", old, "--check")
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith("old: done\n")
    assert cli("hash", old) == (EXIT_OK, f"{HASH}\n", "")
    assert cli("report", old) == (EXIT_OK, f"{old}/report.html\n", "")
    data = collect(old)
    assert data.brain is not None
    assert (data.missing, data.run.notice) == ([], [])


def test_its_atlas_may_be_gone(old: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("three.npz").unlink()
    code, out, err = Cli(capfd)("report", old)
    assert (code, out) == (EXIT_INPUT, "")
    assert "report.html: the report is written, but not complete; missing: the atlas three.npz" in err
    assert "Missing: the atlas three.npz" in (old / "report.html").read_text()


def test_damage_that_cannot_be_parsed_is_seen(old: Path) -> None:
    for name in ("summary.json", "network.json", "stores/rates.published.json"):
        text = (old / name).read_text()
        (old / name).write_text(text[:-3])
        assert str(old / name) in [error.where for error in inspect_run(dtbsim.open_run(old))]
        (old / name).write_text(text)
    (old / "stores/rates.published.json").write_text('{"format": 7, "rows": 1}')
    with pytest.raises(InputError, match="store format 7, this version does not read it"):
        dtbsim.open_run(old).rates()
