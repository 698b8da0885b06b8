"""PyNN's own system scenarios with dtbsim behind PyNN, and with NEST: which pass.

    pip download --no-deps --no-binary PyNN PyNN==0.13.0
    python benchmarks/pynn_scenarios.py pynn-0.13.0.tar.gz --backends dtbsim nest --out scenarios.json

Takes PyNN's source archive, its unpacked folder, or a checkout; the scenarios are in test/system/scenarios, and those
count that PyNN has for NEST. They run in a copy, whose fixtures.py is replaced by one that gives them these backends.
Needs dtbsim with the extra `pynn`, pytest, scipy, and for NEST nest-simulator.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

FIXTURES = '''
import importlib

import pytest

BACKENDS = {backends!r}


class Simulator:
    """A backend of PyNN that is imported when it is used."""

    def __init__(self, name):
        self._name = "dtbsim.pynn" if name == "dtbsim" else f"pyNN.{{name}}"

    @property
    def __name__(self):
        return self._name

    def __str__(self):
        return self._name

    def __getattr__(self, name):
        return getattr(importlib.import_module(self._name), name)


def run_with_simulators(*names):
    chosen = [pytest.param(Simulator(name), id=name) for name in BACKENDS if "nest" in names]
    return pytest.mark.parametrize("sim", chosen)
'''


def scenarios_in(source: Path, into: Path) -> Path:
    """Copy the folder of scenarios out of an archive or folder, and return it."""
    if source.is_file():
        with tarfile.open(source) as archive:
            archive.extractall(into / "archive", filter="data")
        source = into / "archive"
    found = [path for path in source.rglob("scenarios") if (path / "fixtures.py").exists()]
    if not found:
        raise SystemExit(f"{source}: has no folder test/system/scenarios")
    return Path(shutil.copytree(found[0], into / "scenarios"))


def results(
    source: Path, backends: list[str], python: str = sys.executable, timeout_s: float = 1500.0
) -> dict[str, dict[str, str]]:
    """Return what became of every scenario, by backend: passed, skipped, or why it failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = scenarios_in(source, Path(name))
        (folder / "fixtures.py").write_text(FIXTURES.format(backends=backends), encoding="utf-8")
        report = Path(name) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore",
            f"--junit-xml={report}",
        ]
        subprocess.run(
            [*command, "--rootdir", name, "-c", "/dev/null", str(folder)],
            cwd=name,
            timeout=timeout_s,
            capture_output=True,
        )
        found: dict[str, dict[str, str]] = {backend: {} for backend in backends}
        for case in ET.parse(report).iter("testcase"):
            scenario, _, backend = case.get("name", "").rstrip("]").rpartition("[")
            if backend not in found:
                continue
            bad = case.find("failure") if case.find("failure") is not None else case.find("error")
            outcome = "passed" if bad is None else str(bad.get("message")).splitlines()[0]
            outcome = "skipped" if case.find("skipped") is not None else outcome
            found[backend][f"{str(case.get('classname')).rpartition('.')[2]}::{scenario}"] = outcome
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Which of PyNN's system scenarios pass.")
    parser.add_argument("source", type=Path, help="archive, folder or checkout of PyNN")
    parser.add_argument("--backends", nargs="+", default=["dtbsim", "nest"])
    parser.add_argument("--out", type=Path, help="JSON file with all results")
    given = parser.parse_args()
    found = results(given.source, given.backends)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for backend, outcomes in found.items():
        n = sum(outcome == "passed" for outcome in outcomes.values())
        print(f"{backend}: {n} of {len(outcomes)} pass")
        for scenario, outcome in outcomes.items():
            if outcome != "passed":
                print(f"  {scenario}: {outcome}")


if __name__ == "__main__":
    main()
