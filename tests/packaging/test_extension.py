"""The example package, installed: what it adds is known, runs on any division, and what is broken is one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXTENSION = Path(__file__).parents[2] / "examples" / "extension"
WORKS = """\
import json, sys
from pathlib import Path
import dtbsim
from dtbsim.testing import assert_independent
config = dtbsim.load_config(sys.argv[1])
found = assert_independent(config, ranks=(1, 2), threads=(1, 2))
active = found["signals.active"]
config.controllers.clear()
assert dtbsim.run(config).spike_hash != found["spike_hash"], "the intervention changes the run"
print(json.dumps([found["spikes"], list(active.dims), active.channel.values.tolist(), float(active.max())]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed into."""
    source = tmp_path_factory.mktemp("source") / "extension"
    shutil.copytree(EXTENSION, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, str(target), str(source)], check=True, capture_output=True, text=True)
    return target


def python(installed: Path, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environ = os.environ | {"PYTHONPATH": path, "DTBSIM_MPI": "off"} | environ
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=300)


def test_everything_of_it_runs_on_one_rank_and_two(installed: Path) -> None:
    done = python(installed, "-c", WORKS, EXTENSION / "network.yaml")
    assert done.returncode == 0, done.stderr
    spikes, dims, channels, most = json.loads(done.stdout.splitlines()[-1])
    assert spikes > 100
    assert (dims, channels) == (["time_ms", "channel"], ["E", "I"])
    assert most > 0


def test_commands_and_report_know_it(installed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = python(installed, "-m", "dtbsim", "run", EXTENSION / "network.yaml", "--out", out, "--quiet")
    assert done.returncode == 0, done.stderr
    assert "active" in (out / "report.html").read_text()
    listed = python(installed, "-m", "dtbsim", "models", "list").stdout
    assert "escape_lif" in listed
    schema: dict[str, Any] = json.loads(python(installed, "-m", "dtbsim", "schema").stdout)
    assert "ActivityOptions" in json.dumps(schema)


def test_without_the_package_its_names_are_unknown(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dtbsim", "validate", str(EXTENSION / "network.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"DTBSIM_MPI": "off"})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "partitioner" in done.stderr


def test_what_does_not_import_is_one_line_where_it_is_used(installed: Path, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    shutil.copytree(installed, broken)
    (broken / "dtbsim_example" / "escape_lif.py").write_text("import nothing_of_this_name\n")
    done = python(broken, "-m", "dtbsim", "validate", EXTENSION / "network.yaml")
    assert done.returncode == 2
    said = "model 'escape_lif' of dtbsim-example 1.0 cannot be used: ModuleNotFoundError"
    for line, population in zip(done.stderr.splitlines(), "EI", strict=True):
        assert f"populations.{population}.model: {said}" in line
    done = python(broken, "-m", "dtbsim", "models", "list")
    assert done.returncode == 0, done.stderr
    assert "iaf_psc_exp" in done.stdout


def test_the_files_that_each_thing_takes() -> None:
    """What docs/extending.md says that adding costs: one file each."""
    files = sorted(path.name for path in (EXTENSION / "dtbsim_example").glob("*.py"))
    text = (EXTENSION / "pyproject.toml").read_text()
    named = re.findall(r'= "dtbsim_example\.(\w+):', text)
    assert sorted([*(f"{name}.py" for name in named), "__init__.py"]) == files
    documented = (EXTENSION.parents[1] / "docs" / "extending.md").read_text()
    table = sorted(int(lines) for lines in re.findall(r"^\| an? .*\| 1 \| (\d+) \|$", documented, re.MULTILINE))
    lines = [len((EXTENSION / "dtbsim_example" / f"{name}.py").read_text().splitlines()) for name in named]
    assert table == sorted(lines), "the table of docs/extending.md"
