"""benchmarks/gpu.py at a tiny size, on a device of the host, with no package but those it says it needs."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.shim_device import GXX

from dtbsim.kernels.kernel_cache import cache_dir

FOLDER = Path(__file__).parents[2] / "benchmarks"
SHIM = ("--smoke", "--device", "tests.helpers.shim_device:open_shim")
BLOCKER = """\
import sys

ALLOWED = {allowed!r}


class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {{top!r}}: it is not in gpu_requirements.txt", name=top)


sys.meta_path.insert(0, Blocker)
"""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> set[str]:
    lines = (FOLDER / "gpu_requirements.txt").read_text().splitlines()
    return {normal(line) for line in lines if line and not line.startswith("#")}


@pytest.fixture
def only_required(tmp_path: Path) -> dict[str, str]:
    """An environment in which other packages cannot be imported, in processes of processes too."""
    wanted = required()
    modules = {
        module for module, owners in metadata.packages_distributions().items() if wanted & {normal(o) for o in owners}
    }
    own = {"dtbsim", "tests", *(path.stem for path in FOLDER.glob("*.py"))}
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCKER.format(allowed=sorted(modules | own)))
    return {**os.environ, "PYTHONPATH": str(folder), "DTBSIM_CACHE_DIR": str(cache_dir())}


def start(environ: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "gpu.py"), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, cwd=cwd, timeout=280)


@pytest.mark.slow
@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.nightly
def test_every_part_runs_with_the_packages_that_it_names(only_required: dict[str, str], tmp_path: Path) -> None:
    done = start(only_required, tmp_path, *SHIM, "--out", "gpu.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "gpu.json").read_text())
    results = report["results"]
    assert set(results) == {"device", "same", "pd14", "izhikevich", "stdp", "areas", "billion", "regions", "sanitizer"}
    for name, part in results.items():
        assert part["ended"] == "done" or (name == "sanitizer" and part["ended"].startswith("skipped: ")), part
    assert results["device"]["facts"]["name"] == "shim"
    for name in ("microcircuit", "izhikevich"):
        assert (results["same"][name]["persistent"], results["same"][name]["general"]) == ("same", "same")
    for plan in ("persistent", "general"):
        found = results["pd14"][plan]
        assert (found["gpu_plan"], found["synapses"]) == (plan, 119_646)
        assert 0 < found["rtf"]["min"] <= found["rtf"]["median"]
        assert min(found["profile"]["us_per_step"].values()) > 0
    assert set(results["pd14"]["general"]["profile"]["us_per_step"]) == {"dtb_input", "dtb_neurons", "dtb_schedule"}
    moved = results["pd14"]["general"]["bytes_per_step"]
    assert min(moved.values()) > 0
    assert moved["synapses"] == pytest.approx(4 * results["pd14"]["general"]["events_per_step"], rel=1e-3)
    assert results["billion"]["scale 5e-06"]["bytes_per_step"]["synapses"] == 0, "procedural ones are not read"
    assert re.search(
        r"persistent: MB a step by model: drives [\d.e-]+, states [\d.e-]+, input .*; [\d.e-]+ GB/s", done.stdout
    )
    assert results["pd14"]["general"]["profile"]["resources"]["dtb_neurons"]["threads"] == 64
    assert "dtb_procedural" in results["billion"]["scale 5e-06"]["profile"]["us_per_step"]
    assert "dtb_dynamic_spikes" in results["stdp"]["plastic"]["profile"]["us_per_step"]
    assert set(results["areas"]) == {"scale 0.001", "scale 0.0005", "ended", "took_s"}
    assert results["areas"]["scale 0.0005"]["neurons"] == 32 * 64
    assert {results["regions"][f"no delays, {n} members"]["block"] for n in (1, 4)} == {1}
    assert all(results["regions"][f"tract delays, {n} members"]["ns_per_region_step"] > 0 for n in (1, 4))
    assert "no delays, 4 members: " in done.stdout
    assert "pd14, persistent" in done.stdout
    assert re.search(r"microcircuit: \d+ spikes; persistent same, general same", done.stdout)
    assert min(results["same"][name]["spikes"] for name in ("microcircuit", "izhikevich")) > 50


def test_a_part_that_cannot_be_does_not_stop_the_others(only_required: dict[str, str], tmp_path: Path) -> None:
    """Without CuPy; the budget is spent before the last part."""
    done = start(only_required, tmp_path, "--smoke", "--only", "device", "pd14", "--out", "gpu.json")
    results = json.loads((tmp_path / "gpu.json").read_text())["results"]
    assert done.returncode == 1
    assert "CuPy is not installed" in results["device"]["ended"]
    assert results["pd14"]["ended"] == "done"
    assert "CuPy is not installed" in results["pd14"]["general"]["skipped"]
    assert "device: failed with exit status 1" in done.stderr
    done = start(only_required, tmp_path, "--smoke", "--only", "device", "--budget-s", "3", "--out", "gpu.json")
    assert done.returncode == 0
    assert "skipped: 3 s of --budget-s are left" in done.stdout


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("gpu")


def test_the_limits_of_all_parts_are_the_budget(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    options, names = gpu.arguments(), list(gpu.PARTS)
    assert sum(part.limit_s for part in gpu.PARTS.values()) <= options.budget_s == 480
    for budget_s in (480.0, 240.0):
        left_s = budget_s
        for done, name in enumerate(names):
            limit_s = gpu.limit_of(names[done:], budget_s, left_s)
            assert limit_s == pytest.approx(gpu.PARTS[name].limit_s * budget_s / 480), "each takes all of its time"
            assert limit_s >= gpu.LEAST_S
            left_s -= limit_s
    assert gpu.limit_of(["billion", "sanitizer"], 480.0, 400.0) == 340.0, "what others left is for this one"
    assert gpu.limit_of(["billion"], 480.0, 5.0) == 5.0


def test_a_limit_ends_the_whole_process_group(gpu: Any, tmp_path: Path) -> None:
    """Also what the part has started."""
    child = tmp_path / "child"
    code = f"import os, time; open({str(child)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    with (tmp_path / "out").open("w") as stream:
        assert gpu.run_limited([sys.executable, "-c", parent], stream, 1.5) is None
        assert gpu.run_limited([sys.executable, "-c", "raise SystemExit(3)"], stream, 30) == 3
    state = Path(f"/proc/{child.read_text()}/stat")
    for _ in range(100):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the child of the part still runs")


def test_what_is_missing_is_said_in_one_line(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu.missing_packages() == []
    monkeypatch.setattr(gpu.common, "versions", lambda name: {} if name in ("scipy", "psutil") else {name: "1"})
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit, match=r"^error: missing packages: scipy, psutil; gpu_requirements\.txt says how"):
        gpu.main()


def test_what_is_wrong_is_found(gpu: Any) -> None:
    good = {
        "same": {"ended": "done", "a": {"persistent": "same", "general": "skipped: x"}},
        "sanitizer": {"ended": "done", "memcheck, general": {"clean": True, "summary": "0 errors"}},
        "areas": {"ended": "ended after 9 s"},
    }
    assert gpu.failures(good) == []
    good["same"]["a"]["general"] = "DIFFERENT: {}"
    good["sanitizer"]["memcheck, general"] = {"clean": False, "summary": "3 errors"}
    good["areas"]["ended"] = "failed with exit status 1: x"
    assert gpu.failures(good) == [
        "areas: failed with exit status 1: x",
        "a, general: DIFFERENT: {}",
        "memcheck, general: 3 errors",
    ]
