"""A fork of a process that has run networks, or is running one, runs and reads them itself: threads stay behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.by_day import by_day

import dtbsim

CONFIG = """\
name: forked
seed: 5
simulation: {dt_ms: 0.1, duration_ms: 100, threads: 2, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 400}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 30, delay_ms: 1}
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
record: {states: [{population: E, variables: [V_m_mV], neurons: 3}], rate_bin_ms: 10}
"""
SCRIPT = """\
import multiprocessing, os, sys, threading
from pathlib import Path
import dtbsim
from dtbsim.runtime.progress import SilentProgress

folder, how = Path(sys.argv[1]), sys.argv[2]

def run(name):
    result = dtbsim.run(folder / "net.yaml", out=folder / name, report=(name == "child0"))
    return result.spike_hash, *look(folder / name)

def look(path):
    run = dtbsim.open_run(path)
    return len(run.spike_steps()[0]), run.rates().shape, float(run.states(0)["V_m_mV"].sum())

def pool(names):
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map(run, names)

if __name__ == "__main__":
    found = []
    if how != "before":
        found.append(run("parent"))
    if how == "while":
        begun = threading.Event()
        class Progress(SilentProgress):
            def advance(self, step, n_steps, dt_ms=0.0):
                if dt_ms:
                    begun.set()
                    done.wait()
        done = threading.Event()
        from dtbsim.simulate import run as conduct
        other = threading.Thread(target=lambda: conduct(
            dtbsim.load_config(folder / "net.yaml"), out=folder / "other", progress=Progress(), report=False))
        other.start()
        begun.wait()
    found += pool(["child0", "child1", "child2"])
    if how == "after":
        with multiprocessing.get_context("fork").Pool(1) as workers:
            found.append((found[0][0], *workers.map(look, [folder / "parent"])[0]))
    if how == "while":
        done.set()
        other.join()
        found.append((found[0][0], *look(folder / "other")))
    assert len(set(found)) == 1, found
    print(found[0][0])
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "net.yaml").write_text(CONFIG, encoding="utf-8")
    return str(dtbsim.run(folder / "net.yaml", out=folder / "run").spike_hash)


@pytest.mark.parametrize("how", by_day(["before", "after", "while"], ["while"]))
def test_forked_processes_run_and_read(tmp_path: Path, expected: str, how: str) -> None:
    """Before anything was run, after a run of the parent, and while another thread of it runs one."""
    (tmp_path / "net.yaml").write_text(CONFIG, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), how], capture_output=True, text=True, timeout=200
    )
    assert (done.returncode, done.stdout) == (0, f"{expected}\n"), done.stderr
    assert (tmp_path / "child0" / "report.html").is_file()
    assert "Traceback" not in done.stderr
