"""`dtbsim warm`: what it has compiled, no run compiles again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_samples import Cli, is_one_error_line

from dtbsim.errors import EXIT_INPUT, EXIT_OK
from dtbsim.kernels.jit import static_dir
from dtbsim.kernels.kernel_cache import cache_dir

CONFIG = """\
name: warmed
simulation: {dt_ms: 0.1, duration_ms: 10, threads: 1}
populations:
  E:
    model: iaf_psc_exp
    size: 20
    parameters:
      tau_m_ms: {distribution: uniform, low: 9, high: 11}
      I_e_pA: {distribution: uniform, low: 0, high: 500}
  S: {model: poisson_source, size: 20, parameters: {rate_hz: 5}}
projections:
  drawn:
    source: S
    target: E
    rule: {kind: fixed_outdegree, outdegree: 2}
    weight_pA: 1
    delay_ms: 1
    procedural: true
  plastic:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 2}
    weight_pA: 1
    delay_ms: 1
    synapse: {kind: stdp, weight_max: 2, mu_plus: 0.3, mu_minus: 0.2}
drives:
  all: {kind: poisson, target: E, rate_hz: 100, weight_pA: 1}
  noise: {kind: noise_current, target: E, mean: 0, std: 1}
"""


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def kept(folder: Path) -> set[Path]:
    return set(folder.rglob("*.nbi"))


def dtbsim(*arguments: object, **environ: str) -> str:
    command = [sys.executable, "-m", "dtbsim", *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | {"DTBSIM_MPI": "off"} | environ, capture_output=True, text=True)
    assert done.returncode == EXIT_OK, done.stderr
    return done.stdout


def test_a_run_finds_its_models_compiled(config: Path, tmp_path: Path) -> None:
    """In the kernel cache of all tests, where the larger parts are compiled already."""
    said = dtbsim("warm", config)
    assert said.startswith(f"{cache_dir()}: ")
    assert dtbsim("warm", config) == f"{cache_dir()}: nothing was lacking\n"
    before = {path for path in kept(cache_dir()) | kept(static_dir()) if path.name.startswith(("update_", "deliver_"))}
    dtbsim("run", config, "--out", tmp_path / "run", "--no-report")
    after = {path for path in kept(cache_dir()) | kept(static_dir()) if path.name.startswith(("update_", "deliver_"))}
    assert after == before


@pytest.mark.nightly
@pytest.mark.parametrize("named", [True, False])
def test_a_run_on_another_node_compiles_nothing_large(config: Path, tmp_path: Path, named: bool) -> None:
    cache = tmp_path / "cache"
    dtbsim("warm", *([config] if named else []), DTBSIM_CACHE_DIR=str(cache))
    before = kept(cache)
    assert len(before) > 10
    dtbsim("run", config, "--out", tmp_path / "run", "--no-report", DTBSIM_CACHE_DIR=str(cache))
    new = {path.name.partition("-")[0] for path in kept(cache) - before}
    own = {name for name in new if name.startswith(("update_", "deliver_", "catch_up_", "advance_"))}
    assert new == own
    assert not own if named else own, "without a configuration only what all networks share"


def test_mistakes(cli: Cli, config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG.replace("tau_m_ms", "tau_m"), encoding="utf-8")
    for path in (config, tmp_path / "missing.yaml"):
        code, out, err = cli("warm", path)
        assert (code, out) == (EXIT_INPUT, "")
        assert is_one_error_line(err)
    assert cli("warm", "--help")[0] == EXIT_OK
