"""Packages whose entry points do not import, are none of their kind or clash: what doctor and runs say of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GROUPS = ("neuron_models", "synapse_models", "connection_rules", "partitioners", "interventions", "signals")
TEXT = "a_text"
"""An entry point that is none of any kind."""
MODULE = f"""\
{TEXT} = "neither a class nor an object of any kind"
"""
BUILT_IN = {
    "neuron_models": "iaf_psc_exp",
    "synapse_models": "stdp",
    "connection_rules": "one_to_one",
    "partitioners": "contiguous",
    "interventions": "synaptic_scaling",
    "signals": "eeg",
}


def add_package(site: Path, package: str, points: dict[str, dict[str, str]], version: str = "1.0") -> None:
    """Make a distribution with entry points {group: {name: value}}."""
    (site / f"{package}.py").write_text(MODULE)
    (site / f"{package}_broken.py").write_text("raise RuntimeError('it broke\\n  on import')\n")
    (site / f"{package}_exits.py").write_text("raise SystemExit(0)\n")
    info = site / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = []
    for group, named in points.items():
        lines += [f"[dtbsim.{group}]", *(f"{name} = {value}" for name, value in named.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    own = {
        group: {
            "absent": "acme_gone:X",
            "nameless": "acme:x",
            "broken": "acme_broken:X",
            "exits": "acme_exits:X",
            "unfit": f"acme:{TEXT}",
            "shared": "acme:x",
            BUILT_IN[group]: "acme:x",
        }
        for group in GROUPS
    }
    add_package(folder, "acme", own | {"neuron_model": {"misspelt": "acme:x"}})
    add_package(folder, "umbrella", {group: {"shared": "umbrella:x"} for group in GROUPS})
    return folder


REASONS = {
    "absent": "of acme 1.0 cannot be used: ModuleNotFoundError: No module named 'acme_gone'",
    "nameless": "of acme 1.0 cannot be used: AttributeError: module 'acme' has no attribute 'x'",
    "broken": "of acme 1.0 cannot be used: RuntimeError: it broke on import",
    "exits": "of acme 1.0 cannot be used: SystemExit: 0",
    "unfit": "of acme 1.0 cannot be used: TypeError: ",
    "shared": "is of acme 1.0 and umbrella 1.0",
}
VALIDATE = """\
import json, sys
import dtbsim
from dtbsim.errors import InputError
found = []
for config in json.load(sys.stdin):
    try:
        dtbsim.validate(config)
        found.append([0, "accepted"])
    except InputError as error:
        found.append([error.exit_code, str(error)])
print(json.dumps(found))
"""


def run_python(site: Path, *arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environ = os.environ | {"PYTHONPATH": path, "DTBSIM_MPI": "off"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=300, input=given)


def naming(group: str, name: str) -> tuple[dict[str, Any], str]:
    """A configuration that names an object of a group, and the key that does."""
    config: dict[str, Any] = {
        "simulation": {"dt_ms": 0.1, "duration_ms": 10},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 4}, "I": {"model": "iaf_psc_delta", "size": 4}},
        "projections": {
            "p": {"source": "E", "target": "E", "rule": {"kind": "all_to_all"}, "weight_pA": 1, "delay_ms": 1}
        },
    }
    if group == "neuron_models":
        config["populations"]["E"]["model"] = name
        return config, "populations.E.model"
    if group == "synapse_models":
        config["projections"]["p"]["synapse"] = {"kind": name}
        return config, "projections.p.synapse"
    if group == "connection_rules":
        config["projections"]["p"]["rule"] = {"kind": name}
        return config, "projections.p.rule"
    if group == "partitioners":
        config["simulation"]["partitioner"] = name
        return config, "simulation.partitioner"
    if group == "interventions":
        config["controllers"] = {"c": {"kind": name}}
        return config, "controllers.c"
    config["signals"] = {"s": {"kind": name}}
    return config, "signals.s"


def test_whatever_names_one_is_refused_in_one_line(site: Path) -> None:
    cases = [(group, name) for group in GROUPS for name in (*REASONS, BUILT_IN[group])]
    configs = [naming(group, name)[0] for group, name in cases]
    done = run_python(site, "-c", VALIDATE, given=json.dumps(configs))
    assert done.returncode == 0, done.stderr
    for (group, name), (code, said) in zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True):
        where = naming(group, name)[1]
        assert code == 2, (group, name, said)
        assert said.startswith(f"{where}: ") or said.startswith(f"{where}.kind: "), (group, name, said)
        reason = REASONS.get(name, "is of acme 1.0 and dtbsim")
        lines = [line for line in said.splitlines() if reason in line or "is of dtbsim and acme 1.0" in line]
        assert lines, (group, name, said)
        assert "uninstall" in lines[0], (group, name, said)


def test_a_run_ends_with_exit_code_2_and_one_line(site: Path, tmp_path: Path) -> None:
    config, where = naming("signals", "broken")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    done = run_python(site, "-m", "dtbsim", "run", path, "--out", tmp_path / "run")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert where in line
    assert "RuntimeError: it broke on import" in line
    assert not (tmp_path / "run").exists()


def test_doctor_has_a_line_for_each(site: Path) -> None:
    done = run_python(site, "-m", "dtbsim", "doctor", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["cpu_run_possible"], "a run that names none of them is possible"
    found = [finding for finding in content["findings"] if finding["name"] == "extension"]
    assert all("\n" not in finding["text"] for finding in found)
    problems = [finding for finding in found if finding["state"] != "ok"]
    assert len(problems) == len(found), "nothing of these packages works"
    assert all(finding["remedy"] for finding in problems)
    texts = [finding["text"] for finding in problems]
    for reason in REASONS.values():
        assert sum(reason in text for text in texts) == len(GROUPS), (reason, texts)
    clashes = [text for text in texts if "is of dtbsim and acme 1.0" in text]
    assert sorted(text.split("'")[1] for text in clashes) == sorted(BUILT_IN.values())
    assert texts.count("acme 1.0 has entry points in the group 'dtbsim.neuron_model', which nothing reads") == 1
    (misspelt,) = [finding for finding in problems if "which nothing reads" in finding["text"]]
    assert "did you mean 'dtbsim.neuron_models'" in misspelt["remedy"]
    assert len(problems) == len(GROUPS) * (len(REASONS) + 1) + 1


def test_doctor_lists_what_works(tmp_path: Path) -> None:
    add_package(tmp_path, "fine", {"partitioners": {"mine": "fine:Mine"}})
    (tmp_path / "fine.py").write_text("class Mine:\n    def assign(self, blocks, n_parts, traffic=None): ...\n")
    lines = run_python(tmp_path, "-m", "dtbsim", "doctor").stdout.splitlines()
    (line,) = [line for line in lines if "fine 1.0" in line]
    assert line.split() == ["ok", "extension", "fine", "1.0", "adds", "mine"]
