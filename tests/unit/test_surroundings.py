"""Closed streams, locales without the characters of a name, homes that nobody knows: a run works, or says one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_samples import CONFIG, Cli

import dtbsim
from dtbsim.errors import EXIT_INPUT, InputError
from dtbsim.paths import user_path
from dtbsim.store.files import to_json

FILES = {"config.yaml", "log.txt", "network.json", "provenance.json", "status.json", "stores", "summary.json"}
BYTES = b"caf\xe9"
"""A name in Latin-1: no text in UTF-8."""
UTF8 = "café".encode()
ASCII = {"PYTHONIOENCODING": "ascii"}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Python knows ASCII alone then, and keeps other bytes of names as lone surrogates."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the same run in plain surroundings."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "net.yaml").write_text(CONFIG, encoding="utf-8")
    return str(dtbsim.run(folder / "net.yaml", out=folder / "run").spike_hash)


def call(
    *arguments: Any, streams: str = "", cwd: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """The command line in a shell that redirects its streams."""
    names = [os.fsencode(argument) if isinstance(argument, str | Path) else argument for argument in arguments]
    script = f'exec "$@" {streams}'
    command = ["bash", "-c", script, "bash", sys.executable, "-m", "dtbsim", *names]
    return subprocess.run(command, capture_output=True, timeout=240, cwd=cwd, env=os.environ | environ)


def one_line(done: subprocess.CompletedProcess[bytes], said: str) -> None:
    assert done.returncode == EXIT_INPUT, done.stderr
    assert done.stderr.decode(errors="replace").startswith(f"dtbsim: error: {said}"), done.stderr
    assert done.stderr.count(b"\n") == 1


# -- closed streams -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("streams", "report"),
    [
        (">&-", False),
        ("2>&-", False),
        pytest.param(">&- 2>&-", False, marks=pytest.mark.nightly),
        (">&- 2>&- <&-", True),
    ],
)
def test_a_run_with_closed_streams_is_whole(
    config: Path, tmp_path: Path, expected: str, streams: str, report: bool
) -> None:
    """The numbers of closed streams must not become those of files of the run: what is said would go into them."""
    out = tmp_path / "run"
    done = call("run", config, "--out", out, *([] if report else ["--no-report"]), streams=streams)
    assert done.returncode == 0, done.stderr
    assert {entry.name for entry in out.iterdir()} == FILES | ({"report.html"} if report else set())
    assert b"Traceback" not in done.stderr
    assert dtbsim.hash_run(out, recompute=True).digest == expected
    assert dtbsim.open_run(out).status["state"] == "done"


def test_errors_keep_their_exit_code_without_a_stderr(tmp_path: Path) -> None:
    done = call("run", tmp_path / "none.yaml", streams="2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_INPUT, b"", b"")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("models", "list"), ("schema",)])
def test_commands_without_a_stdout_end_well(arguments: tuple[str, ...]) -> None:
    done = call(*arguments, streams=">&-")
    assert (done.returncode, done.stderr) == (0, b"")


def test_python_without_a_stderr_can_show_progress(config: Path, tmp_path: Path, expected: str) -> None:
    script = (
        f"import dtbsim; print(dtbsim.run({str(config)!r}, out={str(tmp_path / 'run')!r}, progress=True).spike_hash)"
    )
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" 2>&-', "bash", sys.executable, "-c", script], capture_output=True, timeout=240
    )
    assert (done.returncode, done.stdout.decode().strip()) == (0, expected)


# -- names that the locale cannot print ---------------------------------------------------------------------------


def any_name(name: bytes, environ: dict[str, str], printed: bytes, *, report: bool, nightly: bool, id: str) -> Any:
    marks = [pytest.mark.nightly] if nightly else []
    return pytest.param(name, environ, printed, report, marks=marks, id=id)


@pytest.mark.parametrize(
    ("name", "environ", "printed", "report"),
    [
        any_name(UTF8, {"LC_ALL": "C"}, UTF8, report=False, nightly=True, id="utf8-C"),
        any_name(UTF8, ASCII, rb"caf\xe9", report=False, nightly=False, id="utf8-ascii"),
        any_name(UTF8, C_LOCALE, UTF8, report=True, nightly=True, id="utf8-ascii-names"),
        any_name(BYTES, {}, BYTES, report=True, nightly=False, id="bytes"),
        any_name(BYTES, C_LOCALE, BYTES, report=False, nightly=False, id="bytes-ascii-names"),
        any_name(BYTES, ASCII, BYTES, report=False, nightly=True, id="bytes-ascii"),
    ],
)
def test_the_folder_of_a_run_may_have_any_name(
    config: Path, tmp_path: Path, expected: str, name: bytes, environ: dict[str, str], printed: bytes, report: bool
) -> None:
    """All commands work on it, and a shell gets a name back that it can use (unless the user wants ASCII)."""
    out, shown = (os.fsencode(tmp_path) + b"/" + end for end in (name, printed))
    done = call("run", config, "--out", out, "--quiet", "--no-report", **environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown + b"\n", b"")
    assert {entry.name for entry in Path(os.fsdecode(out)).iterdir()} == FILES
    for command, says in (
        (("info",), shown),
        (("info", "--json"), b'"state": "done"'),
        (("hash",), expected.encode()),
        *([(("report",), shown + b"/report.html\n")] if report else []),
    ):
        done = call(*command, out, **environ)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout
        assert done.stderr == b""
    log = Path(os.fsdecode(out), "log.txt").read_text(encoding="utf-8")
    assert "Traceback" not in log


def test_configuration_and_current_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + BYTES))
    folder.mkdir()
    (folder / os.fsdecode(BYTES + b".yaml")).write_text(CONFIG, encoding="utf-8")
    done = call("run", BYTES + b".yaml", "--no-report", cwd=folder)
    assert done.returncode == 0, done.stderr
    run = dtbsim.open_run(next((folder / "runs").iterdir()))
    assert os.fsencode(run.provenance["directory"]) == os.fsencode(folder)
    one_line(call("run", BYTES + b"s.yaml", cwd=folder), os.fsdecode(BYTES).encode(errors="replace").decode()[:3])


def test_json_keeps_bytes_of_names_that_are_no_text() -> None:
    import json

    name = os.fsdecode(BYTES)
    text = to_json({"run_dir": Path(name), "also": "é"})
    assert text.encode("utf-8"), "it can be written"
    assert json.loads(text) == {"run_dir": name, "also": "é"}


# -- homes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "~nouser/net.yaml"),
        ("validate", "~nouser/net.yaml"),
        ("run", "net.yaml", "--out", "~nouser/run"),
        ("run", "net.yaml", "--set", "atlas=~nouser/atlas"),
        ("run", "net.yaml", "--set", "populations.E.model=~nouser/models.py:Mine"),
        (
            "validate",
            "net.yaml",
            "--set",
            "drives.t={kind: spike_trains, target: E, weight_pA: 1, file: ~nouser/t.npz}",
        ),
        ("validate", "net.yaml", "--set", "populations.S={model: spike_source, size: 1, spikes_file: ~nouser/t.npz}"),
        ("info", "~nouser/run"),
        ("hash", "~nouser/run"),
        ("report", "~nouser/run"),
        ("atlas", "show", "~nouser/atlas"),
        ("models", "show", "~nouser/models.py:Mine"),
        ("models", "check", "~nouser/models.py:Mine"),
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_the_home_of_nobody_is_one_line_wherever_a_path_is_taken(
    config: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(config.parent)
    code, _, err = cli(*arguments)
    assert code == EXIT_INPUT, err
    *progress, said = err.splitlines()
    assert all(line.startswith("[") for line in progress)
    assert "there is no user 'nouser' on this machine (write ./~nouser where a folder of that name is meant)" in said
    assert sorted(entry.name for entry in config.parent.iterdir()) == ["net.yaml"]


def test_python_takes_paths_below_the_home_folder(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    result = dtbsim.run("~/net.yaml", out="~/run", report=True)
    assert result.run_dir == tmp_path / "run"
    assert dtbsim.open_run("~/run").status["state"] == "done"
    assert result.spike_hash == expected
    for call_it in (lambda: dtbsim.run("~nouser/net.yaml"), lambda: dtbsim.open_run("~nouser/run")):
        with pytest.raises(InputError, match="there is no user 'nouser'"):
            call_it()


def test_a_home_that_nothing_tells_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    assert user_path("a/~b") == Path("a/~b"), "only a leading ~ means a home"
    with pytest.raises(InputError, match=r"HOME is not set and user \d+ has no entry.*\(set HOME, or write the path"):
        user_path("~/runs")


def test_the_kernel_cache_of_a_homeless_user_is_a_temporary_folder_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dtbsim.cli.doctor_machine import kernel_cache as finding
    from dtbsim.cli.findings import OPTIONAL
    from dtbsim.kernels import kernel_cache

    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DTBSIM_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", unknown)
    kernel_cache._warn_once.cache_clear()
    with caplog.at_level("WARNING"):
        folders = {kernel_cache.cache_dir(), kernel_cache.cache_dir()}
    assert len(folders) == 1
    assert next(iter(folders)).is_dir()
    assert len(caplog.records) == 1
    assert "HOME is not set" in caplog.text
    (found,) = finding()
    assert found.state == OPTIONAL
    assert "every run compiles anew" in found.text


def test_a_kernel_cache_in_the_home_of_nobody_is_one_line(config: Path) -> None:
    one_line(
        call("run", config, "--quiet", DTBSIM_CACHE_DIR="~nouser/cache"),
        "DTBSIM_CACHE_DIR=~nouser/cache: there is no user",
    )
