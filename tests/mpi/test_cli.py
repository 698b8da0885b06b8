"""The command line under mpiexec: started as a user starts it, on two ranks. Plain pytest, not under MPI itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers import blow_up
from tests.helpers.own_model import CONFIG as OWN_CONFIG
from tests.helpers.own_model import LEAKY

import dtbsim
from dtbsim.errors import EXIT_INPUT, EXIT_NUMERICS, EXIT_OK

MPIEXEC = Path(sys.executable).with_name("mpiexec")
LAUNCHED = any(name.startswith(("PMI_", "OMPI_COMM_WORLD")) for name in os.environ)

pytestmark = [
    pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no mpiexec beside {sys.executable}: pip install 'dtbsim[mpi]'"),
    pytest.mark.skipif(LAUNCHED, reason="within an MPI job; run these tests without mpiexec"),
]

STARTS = {"dtbsim": ["-m", "dtbsim"], "mpi4py": ["-m", "mpi4py", "-m", "dtbsim"]}
CONFIG = """\
name: pair
simulation: {duration_ms: 20}
populations:
  E: {model: iaf_psc_exp, size: 200}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 10}
    weight_pA: 40
    delay_ms: 1
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 40}
"""


@pytest.fixture(params=STARTS)
def start(request: pytest.FixtureRequest) -> list[str]:
    return [str(MPIEXEC), "-n", "2", sys.executable, *STARTS[request.param]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pair.yaml"
    path.write_text(CONFIG)
    return path


def run(start: list[str], *arguments: str | Path, cwd: Path, limit_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*start, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=limit_s,
        stdin=subprocess.DEVNULL,
    )


def assert_one_error(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == EXIT_INPUT, done.stderr
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if not line.startswith("[ ")]  # progress lines: [    0.1 s]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("dtbsim: error: ")
    assert said in errors[0]


def test_a_typo_in_the_configuration_ends_all_ranks_with_one_line(start: list[str], config: Path) -> None:
    config.write_text(CONFIG.replace("indegree: 10", "indegre: 10"))
    done = run(start, "run", config, cwd=config.parent)
    assert_one_error(done, f"{config}:9: projections.EE.rule.indegre: unknown key 'indegre'")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in config.parent.iterdir()] == ["pair.yaml"]


def test_a_model_of_ones_own_is_loaded_on_every_rank(start: list[str], tmp_path: Path) -> None:
    """Refused with one line; accepted with the spikes of one process."""
    config, model = tmp_path / "own.yaml", tmp_path / "my_models.py"
    config.write_text(OWN_CONFIG.replace("simulation: {", "simulation: {block_size: 16, "))
    model.write_text(LEAKY.replace("decay * v_mV", "decay ** v_mV"))
    done = run(start, "run", config, "--out", "run", cwd=tmp_path)
    assert_one_error(done, f"{config}:5: populations.E.model: my_models.py:19: the power operator ** is not allowed")
    assert not (tmp_path / "run").exists()
    model.write_text(LEAKY)
    hashes = []
    for launch, out in ((start, "two"), ([sys.executable, "-m", "dtbsim"], "one")):
        done = run(launch, "run", config, "--out", out, "--json", "--no-report", cwd=tmp_path)
        assert done.returncode == EXIT_OK, done.stderr
        hashes.append(json.loads(done.stdout)["spike_hash"])
    assert hashes[0] == hashes[1]
    assert (tmp_path / "two" / "models" / "my_models.py").read_text() == LEAKY


def test_a_model_that_blows_up_on_one_rank_ends_all(start: list[str], tmp_path: Path) -> None:
    config = blow_up.write(tmp_path)
    done = run(start, "run", config, "--out", "run", "--no-report", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (EXIT_NUMERICS, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    said = r"population X: \[rank 1\] state x of neuron \d+ became NaN or infinite after step \d+, by step (\d+) \("
    found = re.match(f"dtbsim: error: {said}", done.stderr)
    assert found is not None, done.stderr
    kept = dtbsim.open_run(tmp_path / "run")
    assert kept.status["state"] == "failed"
    assert kept.spike_store.closed
    assert kept.spike_store.complete_before == int(found[1])
    assert len(kept.spike_steps("E")[0]) > 100


def test_an_unknown_model_ends_all_ranks_with_one_line(start: list[str], config: Path) -> None:
    config.write_text(CONFIG.replace("iaf_psc_exp,", "iaf_psc_ex,"))
    done = run(start, "run", config, cwd=config.parent)
    assert_one_error(done, "unknown model 'iaf_psc_ex' (did you mean 'iaf_psc_exp'?")
    assert [path.name for path in config.parent.iterdir()] == ["pair.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "no_such.yaml"), "no_such.yaml: no such file"),
        (("run", "pair.yaml", "--thread", "2"), "did you mean '--threads'?"),
        (("rnu", "pair.yaml"), "did you mean 'run'?"),
        (("info", "no_such_run"), "no such run folder"),
    ],
)
def test_wrong_usage_is_one_line(start: list[str], config: Path, arguments: tuple[str, ...], said: str) -> None:
    assert_one_error(run(start, *arguments, cwd=config.parent), said)


@pytest.mark.parametrize("command", ["models list", "atlas list", "--version", "run --help"])
def test_what_is_no_run_is_printed_once(start: list[str], tmp_path: Path, command: str) -> None:
    done = run(start, *command.split(), cwd=tmp_path)
    alone = run([sys.executable, "-m", "dtbsim"], *command.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_OK, alone.stdout, "")
    assert done.stdout


def test_json_is_one_object_of_rank_0(start: list[str], config: Path) -> None:
    done = run(start, "run", config, "--json", "--no-report", "--out", "here", cwd=config.parent, limit_s=280)
    assert done.returncode == EXIT_OK, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["ranks"], summary["neurons"], summary["synapses"]) == (2, 200, 2000)
    assert Path(summary["run_dir"]) == config.parent / "here"
    alone = run([sys.executable, "-m", "dtbsim"], "hash", "here", cwd=config.parent)
    assert alone.stdout == f"{summary['spike_hash']}\n"
    again = run(start, "run", config, "--json", "--out", "here", cwd=config.parent)
    assert_one_error(again, "the run folder exists and is not empty")
