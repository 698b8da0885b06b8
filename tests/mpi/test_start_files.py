"""A start on a thousand ranks is a load for the file system: what a rank other than the first opens is bounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.jobs import needs_mpiexec, run_job

pytestmark = needs_mpiexec

DRIVER = Path(__file__).parent / "count_driver.py"
CONFIG = """\
simulation: {dt_ms: 0.1, duration_ms: 5, block_size: 16, threads: 1}
atlas: dk68
populations:
  E: {model: iaf_psc_exp, size: 160, parameters: {I_e_pA: {file: currents.npy}}}
  R: {model: iaf_psc_exp, size: 4, regions: all}
projections:
  EE: {source: E, target: E, rule: {kind: explicit, file: edges.npz}, weight_pA: 40, delay_ms: 1}
  RR: {source: R, target: R, scope: connectome, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 40, delay_ms: 2}
"""
MOST_MODULES, MOST_OTHER_FILES = 1535, 90
SCANS = 3
"""Libraries that read the metadata of all packages when they are imported: numba, zarr, numcodecs."""
NEEDLESS = {
    "ruamel",
    "ruamel.yaml",
    "scipy.sparse",
    "scipy.special",
    "pandas",
    "xarray",
    "plotly",
    "h5py",
    "dtbsim.config.yaml_text",
}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two ranks opened and imported, in a run with machine code that is there."""
    folder = tmp_path_factory.mktemp("start")
    np.save(folder / "currents.npy", np.linspace(300, 500, 160))
    np.savez(folder / "edges.npz", source=np.arange(160), target=np.roll(np.arange(160), 1))
    (folder / "net.yaml").write_text(CONFIG, encoding="utf-8")
    arguments = ["run", "net.yaml", "--out", "run", "--quiet", "--no-report"]
    for name in ("warm", "run"):
        arguments[3] = name
        done = run_job([DRIVER, folder, *arguments], ranks=2, cwd=folder)
        assert done.code == 0, done.err
    return [json.loads((folder / f"rank_{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]


def test_only_the_first_rank_reads_configuration_atlas_and_files_of_numbers(ranks: list[dict[str, Any]]) -> None:
    for name in ("net.yaml", "currents.npy", "edges.npz", "dk68.npz"):
        by_rank = [[path for path in rank["opened"] if path.endswith(name)] for rank in ranks]
        assert by_rank[0], name
        assert name == "edges.npz" or not by_rank[1], name


def test_modules_are_few(ranks: list[dict[str, Any]]) -> None:
    modules = set(ranks[1]["modules"])
    assert not modules & NEEDLESS
    assert not any(name.startswith("dtbsim.report.") for name in modules)
    assert len(modules) <= MOST_MODULES


def test_metadata_of_packages_are_read_by_the_first_rank(ranks: list[dict[str, Any]]) -> None:
    read = {path: n for path, n in ranks[1]["opened"].items() if path.endswith(".dist-info/entry_points.txt")}
    assert max(read.values(), default=0) <= SCANS
    assert max(n for path, n in ranks[0]["opened"].items() if path in read) > SCANS, "the first rank does read them"


def test_other_files_are_few(ranks: list[dict[str, Any]]) -> None:
    """Files that are no modules: kernels, the stores of the rank, what the system tells of itself."""
    code = (".py", ".pyc", ".so")
    others = [path for path in ranks[1]["opened"] if not path.endswith(code) and "/site-packages/" not in path]
    others = [path for path in others if not path.startswith(("/proc", "/sys", "/dev", "/etc"))]
    assert len(others) <= MOST_OTHER_FILES, others
