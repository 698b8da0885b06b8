"""`dtbsim run` with a conductor that only notes what it is asked for: loading, display, exit codes."""

from __future__ import annotations

import builtins
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_samples import CONFIG, SUMMARY, Cli, FakeSimulation, is_one_error_line, write_config

from dtbsim import errors
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_INPUT, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OK, DtbsimError
from dtbsim.run_folder import claim_run_folder
from dtbsim.runtime.interrupt import active_interrupt
from dtbsim.runtime.watchdog import active_watchdog


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> FakeSimulation:
    return install(monkeypatch, FakeSimulation())


def install(monkeypatch: pytest.MonkeyPatch, fake: FakeSimulation) -> FakeSimulation:
    monkeypatch.setattr("dtbsim.simulate.run", fake, raising=False)
    return fake


def raising(error: BaseException) -> FakeSimulation:
    def act(**_: Any) -> None:
        raise error

    return FakeSimulation(act)


def test_the_summary_for_people(cli: Cli, config: Path, simulation: FakeSimulation) -> None:
    code, out, err = cli("run", config, "--out", "here")
    assert code == EXIT_OK
    title, *lines = out.splitlines()
    assert title == "two_populations: done"
    shown = {line[2:17].strip(): line[17:].strip() for line in lines}
    assert shown == {
        "neurons": "100",
        "synapses": "200 (7.3 bytes each)",
        "spikes": "40, mean rate 20 Hz",
        "build": "0.4 s",
        "simulate": "0.012 s for 0.02 s of the network, real-time factor 0.6",
        "parallel": "2 ranks x 1 thread",
        "peak memory": "400 MB (210 MB in the largest rank)",
        "FC correlation": "0.457 with the measured FC",
        "spike hash": "ab" * 32,
        "run folder": "here",
        "report": "here/report.html",
    }
    assert "simulate ..." in err, "progress goes to stderr"


def test_a_summary_with_gaps_is_shown_as_far_as_it_goes(cli: Cli, config: Path, simulation: FakeSimulation) -> None:
    simulation.summary = {"neurons": 3, "mean_rate_hz": None, "peak_rss_bytes": None, "rtf": float("nan")}
    code, out, _ = cli("run", config, "--no-report")
    assert code == EXIT_OK
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["neurons", "run"]


def test_json_is_one_object_and_nothing_else(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch, FakeSimulation(lambda **_: print("chatter of a library")))
    code, out, err = cli("run", config, "--json")
    assert code == EXIT_OK
    assert json.loads(out) == SUMMARY
    assert "chatter of a library\n" in err
    fake.summary["rtf"] = float("nan")
    assert json.loads(cli("run", config, "--json", "--quiet").out)["rtf"] is None


def test_quiet_prints_the_run_folder_alone(cli: Cli, config: Path, simulation: FakeSimulation) -> None:
    assert cli("run", config, "--out", "here", "--quiet") == (EXIT_OK, "here\n", "")


def test_what_the_conductor_is_given(cli: Cli, config: Path, simulation: FakeSimulation) -> None:
    cli("run", config, "--set", "seed=9", "--threads", "3", "--backend", "cpu", "--no-report", "--set", "seed=11")
    assert simulation.config.seed == 11
    assert simulation.config.simulation.threads == 3
    assert simulation.config.simulation.backend == "cpu"
    options = simulation.options
    assert options["out"] is None
    assert options["report"] is False
    assert options["base_dir"] == config.parent
    assert options["locator"].where("populations.E.model").startswith(f"{config}:7")
    assert options["comm"].size == 1
    given = ("--set", "seed=9", "--threads", "3", "--backend", "cpu", "--no-report", "--set", "seed=11")
    assert options["argv"] == ("dtbsim", "run", str(config), *given)
    cli("run", config, "--out", "x/y")
    assert simulation.options["out"] == Path("x/y")
    assert simulation.options["report"] is True
    assert simulation.config.simulation.threads is None


def test_watchdog_and_interrupt_are_on_while_it_runs(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    install(
        monkeypatch,
        FakeSimulation(lambda **_: seen.append(active_watchdog() is not None and active_interrupt() is not None)),
    )
    assert cli("run", config).code == EXIT_OK
    assert seen == [True]
    assert active_watchdog() is None
    assert active_interrupt() is None


def test_warnings_reach_the_terminal_once(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeSimulation(lambda **_: logging.getLogger("dtbsim.build").warning("too coarse")))
    err = cli("run", config, "--quiet").err
    assert err == "dtbsim: WARNING: too coarse\n"


def test_an_interrupted_run_shows_its_summary(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeSimulation(interrupted=True))
    code, out, _ = cli("run", config)
    assert code == EXIT_INTERRUPTED
    assert out.startswith("two_populations: interrupted; what was recorded is kept\n")
    assert "report" not in out
    code, out, _ = cli("run", config, "--json")
    assert (code, json.loads(out)) == (EXIT_INTERRUPTED, SUMMARY)


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "duration_ms",
            "duratoin_ms",
            ":5: simulation.duratoin_ms: unknown key 'duratoin_ms' (did you mean 'duration_ms'",
        ),
        ("size: 80", "size: -80", ":7: populations.E.size: "),
        ("source: E", "source: F", ":11: projections.EI.source: "),
    ],
)
def test_a_mistake_in_the_configuration_is_located(
    cli: Cli, tmp_path: Path, simulation: FakeSimulation, old: str, new: str, said: str
) -> None:
    config = write_config(tmp_path, CONFIG.replace(old, new))
    code, out, err = cli("run", config)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err), err
    assert err.startswith(f"dtbsim: error: {config}{said}")
    assert simulation.config is None


def test_a_missing_file_suggests_one(cli: Cli, config: Path, simulation: FakeSimulation) -> None:
    code, _, err = cli("run", config.with_name("nett.yaml"))
    assert code == EXIT_INPUT
    assert is_one_error_line(err)
    assert f"no such file (did you mean {config}?)" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "simulation.thread=3"), "did you mean 'threads'?"),
        (("--set", "seed"), "seed"),
        (("--threads", "0"), "--threads: got '0' (allowed: a whole number from 1 on)"),
        (("--threads", "many"), "--threads: got 'many'"),
        (("--threads", "2", "--set", "simulation.threads=3"), "--threads and --set simulation.threads are both given"),
        (("--backend", "cpu", "--set", "simulation.backend=cpu"), "--backend and --set simulation.backend are both"),
    ],
)
def test_a_mistake_in_an_override(
    cli: Cli, config: Path, simulation: FakeSimulation, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = cli("run", config, *arguments)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err), err
    assert said in err
    assert simulation.config is None


@pytest.mark.parametrize(
    "kind",
    [
        errors.InputError,
        errors.MissingDependencyError,
        errors.MemoryPlanError,
        errors.StorageError,
        errors.FaultError,
        errors.NumericsError,
    ],
)
def test_errors_of_the_run_keep_their_exit_codes(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch, kind: type[DtbsimError]
) -> None:
    install(monkeypatch, raising(kind("something is wrong", where="there", remedy="mend it")))
    assert cli("run", config, "--quiet") == (
        kind.exit_code,
        "",
        "dtbsim: error: there: something is wrong (mend it)\n",
    )
    assert "took" not in cli("run", config).err, "a stage that failed did not take its time"


def test_an_existing_run_folder_is_refused(
    cli: Cli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "config.yaml").touch()

    def make_folder(out: Path, **_: Any) -> None:
        claim_run_folder(out, "name", base=tmp_path)

    install(monkeypatch, FakeSimulation(make_folder))
    code, out, err = cli("run", config, "--out", used, "--quiet")
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert str(used) in err
    assert "--out" in err


def test_a_bug_shows_its_traceback(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, raising(ZeroDivisionError("planned")))
    code, out, err = cli("run", config)
    assert (code, out) == (EXIT_INTERNAL, "")
    assert "Traceback" in err
    assert err.endswith("ZeroDivisionError: planned\n")


def test_ctrl_c_outside_a_window(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, raising(KeyboardInterrupt()))
    assert cli("run", config, "--quiet") == (EXIT_INTERRUPTED, "", "dtbsim: interrupted\n")
    monkeypatch.setattr("dtbsim.cli.catalogue.list_all_models", lambda: raising(KeyboardInterrupt()).act())
    assert cli("models", "list") == (EXIT_INTERRUPTED, "", "dtbsim: interrupted\n")


def test_a_missing_package_says_how_to_get_it(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_numba(name: str, *rest: Any, **more: Any) -> Any:
        if name == "dtbsim.simulate":
            raise ModuleNotFoundError("No module named 'numba'", name="numba")
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "dtbsim.simulate", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_numba)
    code, out, err = cli("run", config)
    assert (code, out) == (EXIT_ENVIRONMENT, "")
    assert is_one_error_line(err), err
    assert "the package numba is not installed (pip install numba" in err


def test_a_missing_mpi_library_is_told_by_the_first_rank(
    cli: Cli, config: Path, simulation: FakeSimulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "auto")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "dtbsim.mpi.library", None)
    for rank, lines in (("0", 1), ("1", 0)):
        monkeypatch.setenv("PMI_RANK", rank)
        code, out, err = cli("run", config)
        assert (code, out, err.count("\n")) == (EXIT_ENVIRONMENT, "", lines)
