"""Wheel and source distribution install into a bare environment, without make, and run an example there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from building import ROOT, Built

SHORT = ("--set", "simulation.duration_ms=300", "--set", "analysis.statistics_start_ms=0")


def bare_environment(folder: Path, *, pip: bool) -> Path:
    """A new virtual environment; without pip it sees the packages of this interpreter, dtbsim excepted."""
    venv.create(folder, with_pip=pip)
    if not pip:
        site = next((folder / "lib").glob("python*/site-packages"))
        # A folder named in a .pth file is searched, but the .pth files in it (an editable install) are not obeyed.
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def call(
    environment: Path, *arguments: str | Path, cwd: Path, seconds: float = 250
) -> subprocess.CompletedProcess[str]:
    """A command of the environment, with nothing else on the search path: no make, no git, no mpiexec of others."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environ["PATH"] = str(environment / "bin")
    command = [environment / "bin" / arguments[0], *arguments[1:]]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=seconds)


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def environment(request: pytest.FixtureRequest, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = bare_environment(tmp_path_factory.mktemp(request.param) / "venv", pip=False)
    file = built.wheel if request.param == "wheel" else built.sdist
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-index", "--no-build-isolation", str(file)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
    )
    assert done.returncode == 0, done.stderr
    return folder


def assert_example_runs(environment: Path, built: Built, folder: Path) -> None:
    """The example of the source distribution, its report included, by the command and from Python."""
    example = built.sdist_tree / "examples" / "izhikevich.yaml"
    done = call(environment, "dtbsim", "run", example, "--out", folder / "run", "--json", "--quiet", *SHORT, cwd=folder)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["neurons"] == 1000
    assert summary["spikes"] > 100
    assert (folder / "run" / "report.html").stat().st_size > 100_000
    provenance = json.loads((folder / "run" / "provenance.json").read_text())
    assert (provenance["commit"], provenance["python_executable"]) == (None, str(environment / "bin" / "python"))
    script = (
        f"import dtbsim; print(dtbsim.__file__); print(dtbsim.open_run({str(folder / 'run')!r}).spikes().time_ms.size)"
    )
    done = call(environment, "python", "-c", script, cwd=folder)
    assert done.returncode == 0, done.stderr
    where, spikes = done.stdout.splitlines()
    assert where.startswith(str(environment))
    assert int(spikes) == summary["spikes"]


@pytest.mark.nightly
def test_an_installed_distribution_runs_an_example(environment: Path, built: Built, tmp_path: Path) -> None:
    assert_example_runs(environment, built, tmp_path)


@pytest.mark.nightly
def test_the_wheel_installs_with_its_dependencies_and_mpi(built: Built, tmp_path: Path) -> None:
    """From the package index, at the pinned versions: what a user without a checkout does, and the containers."""
    environment = bare_environment(tmp_path / "venv", pip=True)
    constraints = built.sdist_tree / "constraints.txt"
    pip = (
        "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        constraints,
        f"dtbsim[mpi] @ {built.wheel.as_uri()}",
    )
    done = call(environment, *pip, cwd=tmp_path, seconds=1200)
    assert done.returncode == 0, done.stderr
    assert_example_runs(environment, built, tmp_path)
    example = built.sdist_tree / "examples" / "izhikevich.yaml"
    ranks = ("mpiexec", "-n", "2", environment / "bin" / "python", "-m", "mpi4py", "-m", "dtbsim")
    done = call(environment, *ranks, "run", example, "--out", tmp_path / "ranks", "--no-report", *SHORT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    hashes = [call(environment, "dtbsim", "hash", tmp_path / name, cwd=tmp_path).stdout for name in ("run", "ranks")]
    assert hashes[0] == hashes[1] != ""


# -- recipes and citation -----------------------------------------------------------------------------------------


def test_the_citation_names_this_version_and_licence() -> None:
    import tomllib

    from ruamel.yaml import YAML

    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "abstract"} <= citation.keys()
    assert citation["authors"] == [dict(author) for author in project["authors"]]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])


def copied_by(recipe: str) -> set[str]:
    """Paths of the repository that a recipe for containers copies."""
    text = (ROOT / "slurm" / "containers" / recipe).read_text(encoding="utf-8")
    if recipe == "Containerfile":
        lines = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ")]
        return {path for line in lines for path in line}
    files = text.split("%files\n")[1].split("\n\n")[0]
    return {line.split()[0] for line in files.splitlines()}


def test_the_recipes_for_containers_copy_what_an_installation_needs(tmp_path: Path) -> None:
    """Untested as containers; but what they copy is there, is the same, and is enough to build a wheel from."""
    paths = copied_by("Containerfile")
    assert paths == copied_by("dtbsim.def")
    for name in paths:
        source, target = ROOT / name, tmp_path / name
        command = ["cp", "-a", str(source), str(target)]
        subprocess.run(command, check=True)
    build = "import sys; from setuptools import build_meta as b; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path / "dist")], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "dist").glob("dtbsim-*.whl"))
    recipes = [(ROOT / "slurm" / "containers" / name).read_text() for name in ("Containerfile", "dtbsim.def")]
    assert all("untested" in text.lower() or "Not built or run by the tests" in text for text in recipes)
    assert "**Untested as containers**" in (ROOT / "slurm" / "containers" / "README.md").read_text()
