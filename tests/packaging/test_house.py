"""The scripts and lists that hold the project together: they run, and they notice what they are there to notice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from building import ROOT

FIND_PYTHON = ROOT / ".ci" / "find-python"
CHECK_LENGTHS = ROOT / ".ci" / "check_file_lengths.py"


def find_python(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with only `path` (and the shell's own folder for `sh`) to search."""
    environ = {"PATH": str(path), **variables}
    return subprocess.run(["/bin/sh", str(FIND_PYTHON)], env=environ, capture_output=True, text=True)


def command(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_find_python_passes_over_stubs_and_old_versions(tmp_path: Path) -> None:
    command(tmp_path, "python3.13", "echo 'not switched on' >&2; exit 127")
    command(tmp_path, "python3.12", 'case "$2" in *version_info*) exit 1;; esac; exit 0')
    command(tmp_path, "python3", f'exec {sys.executable} "$@"')
    found = find_python(tmp_path)
    assert found.returncode == 0
    assert Path(found.stdout.strip()) == Path(sys.executable)


def test_find_python_says_what_to_do_where_there_is_none(tmp_path: Path) -> None:
    found = find_python(tmp_path)
    assert found.returncode == 2
    assert "no Python from 3.11 to 3.13 found" in found.stderr
    assert "make PYTHON=" in found.stderr


def test_find_python_names_the_missing_module_venv(tmp_path: Path) -> None:
    command(tmp_path, "python3.11", 'case "$2" in *ensurepip*) exit 1;; esac; exit 0')
    found = find_python(tmp_path)
    assert found.returncode == 2
    assert "python3.11 has no module venv" in found.stderr


def test_find_python_takes_only_the_one_that_is_asked_for(tmp_path: Path) -> None:
    command(tmp_path, "python3", f'exec {sys.executable} "$@"')
    assert find_python(tmp_path, PYTHON="python3.9").returncode == 2
    assert find_python(tmp_path, PYTHON="python3").returncode == 0


def test_the_file_length_check_passes_here_and_can_fail(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, CHECK_LENGTHS], cwd=tmp_path).returncode == 0
    copy = tmp_path / ".ci" / "check_file_lengths.py"
    copy.parent.mkdir()
    shutil.copy(CHECK_LENGTHS, copy)
    (tmp_path / "kernels").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "kernels").symlink_to("../kernels")
    (tmp_path / "kernels" / "long.cu").write_text("//\n" * 401)
    (tmp_path / "kernels" / "short.cu").write_text("//\n" * 400)
    done = subprocess.run([sys.executable, copy], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == "kernels/long.cu: 401 lines; at most 400: split it by purpose\n"


def test_every_import_direction_holds() -> None:
    linter = pytest.importorskip("importlinter.cli", reason="import-linter comes with the extra dev")
    assert linter is not None
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_direct_dependency_is_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = {re.split(r"[<>=!~; \[]", text)[0] for group in (project["dependencies"], *extras) for text in group}
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+( ;.*)?", line) for line in pins)
    pinned = {normal(line.split("==")[0]) for line in pins}
    assert {normal(name) for name in wanted} - {"dtbsim"} <= pinned


@pytest.mark.parametrize("name", [".ci/run", ".ci/find-python", ".ci/renew-constraints", ".ci/slurm-one-machine"])
def test_scripts_can_be_run_and_read(name: str) -> None:
    script = ROOT / name
    assert os.access(script, os.X_OK)
    shell = script.read_text().splitlines()[0].split("/")[-1].split()[-1]
    assert subprocess.run([shell, "-n", script]).returncode == 0


def test_links_and_paths_in_the_documents_exist() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "slurm" / "README.md"]
    assert len(documents) > 8
    missing = []
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            if "://" not in target and not (document.parent / target).exists():
                missing.append(f"{document.relative_to(ROOT)}: {target}")
    assert not missing


def test_the_guide_lists_every_exit_code() -> None:
    from dtbsim.errors import EXIT_CODES

    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \|", guide.split("## Exit codes")[1], flags=re.MULTILINE)
    assert [int(code) for code in listed] == sorted(EXIT_CODES)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make install` looks at, with a Python that is there already."""
    for name in ("Makefile", "pyproject.toml", "setup.py", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    command(tmp_path / ".venv" / "bin", "python", f"echo \"$*\" >>'{tmp_path}/calls'")
    return tmp_path


def installed(checkout: Path, *arguments: str) -> list[str]:
    """What pip is asked to install by a call of make."""
    calls = checkout / "calls"
    calls.unlink(missing_ok=True)
    done = subprocess.run(["make", *arguments], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = calls.read_text().splitlines() if calls.exists() else []
    return [line.split("--editable ")[1] for line in lines if "--editable" in line]


def test_make_install_brings_mpi_unless_it_is_left_out(checkout: Path) -> None:
    assert installed(checkout, "install") == [".[mpi]"]
    assert installed(checkout, "install") == [], "once"
    assert installed(checkout, "install", "EXTRAS=mpi,cuda12") == [".[mpi,cuda12]"]
    assert installed(checkout, "install") == [], "what was asked for before"
    assert installed(checkout, "install", "EXTRAS=") == ["."]
    os.utime(checkout / "pyproject.toml")
    (checkout / ".venv" / ".installed").touch()
    os.utime(checkout / ".venv" / ".installed", (1, 1))
    assert installed(checkout, "install") == ["."], "an MPI of one's own stays"


def test_an_environment_of_an_older_makefile_gets_mpi(checkout: Path) -> None:
    (checkout / ".venv" / ".installed").touch()
    assert installed(checkout, "install") == [".[mpi]"]


def test_demo_needs_nothing_but_what_install_brings() -> None:
    rules = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo: \$\(VENV\)/\.installed$", rules, re.MULTILINE)


TIMED = re.compile(
    r"assert .*(?:monotonic|perf_counter|process_time|thread_time|time\.time)(?:_ns)?\(\).*<(?!=)"
    r"|assert .*\b(?:seconds|elapsed|took\w*|duration)\b *(?:\)|) *<(?!=)"
    r"|assert \w*(?:seconds|elapsed|took)\w* *<(?!=)"
)


def timed_asserts(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if TIMED.search(line)]


def test_no_test_wants_to_be_faster_than_a_busy_machine() -> None:
    """Times go into benchmarks; tests count calls, imports or files, or give a liveness limit."""
    assert timed_asserts("    assert time.perf_counter() - begin < 0.4")
    assert timed_asserts("    assert min(took) < LIMIT_S, took")
    assert timed_asserts("    assert outcome.seconds < 5")
    assert not timed_asserts("    assert outcome.seconds > 3 * TIMEOUT_S")
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.name != "test_house.py" and (lines := timed_asserts(path.read_text(encoding="utf-8")))
    }
    assert found == {}
