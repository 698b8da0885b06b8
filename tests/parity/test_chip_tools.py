"""Neurons of chips against the tools that compute as the chips do: every spike at the same step.

The numbers are stored: those of Brian2Loihi 0.5.2 (tests/parity/make_brian2_loihi.py), of SANA-FE 2.2.9
(make_sanafe_chips.py) and of the machine code of sPyNNaker 7.4.1 (make_spynnaker.py). The tools run again where the
environments are that these scripts name:

    DTBSIM_BRIAN2LOIHI_PYTHON=... DTBSIM_SANAFE_PYTHON=... DTBSIM_UNICORN_PYTHON=... DTBSIM_SPYNNAKER_WHEEL=...
    python -m pytest -m nightly tests/parity/test_chip_tools.py
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.chip_networks import (
    CORES,
    LOIHI_BIAS,
    LOIHI_CASES,
    N_NEURONS,
    SANAFE_LOIHI,
    SANAFE_TRUENORTH,
    ChipNetwork,
    configuration,
    loihi_network,
    sanafe_truenorth,
    spinnaker_configuration,
)

import dtbsim

DATA = Path(__file__).parent / "data"


def spikes_of(given: dict[str, Any]) -> Any:
    """int64[n, 2]: steps and neurons, sorted."""
    run = dtbsim.run(given, temporary=True).open()
    steps, gids = (np.asarray(column, np.int64) for column in run.spike_steps())
    mine = gids < N_NEURONS
    order = np.lexsort((gids[mine], steps[mine]))
    return np.column_stack([steps[mine], gids[mine]])[order]


def same(own: Any, other: Any) -> None:
    """Fail with the first differing step."""
    one, two = ({tuple(row) for row in rows.tolist()} for rows in (own, other))
    first = min((step for step, _ in one ^ two), default=None)
    assert first is None, f"{len(one)} and {len(two)} spikes; first differing step {first}"


def packets(net: ChipNetwork, gids: Any) -> int:
    """One for each spike and core that has targets of it, that of the neuron included."""
    cores = np.zeros((N_NEURONS, CORES), bool)
    cores[net.source, net.target % CORES] = True
    return int(cores.sum(axis=1)[gids].sum())


@pytest.mark.parametrize(
    "name", ["cuba", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("slow", "delta"))]
)
def test_loihi_has_the_spikes_of_brian2loihi(name: str) -> None:
    stored = np.load(DATA / "brian2_loihi.npz")[name]
    assert len(stored) > 10_000
    same(spikes_of(configuration(loihi_network(), LOIHI_CASES[name], unit=128)), stored)


@pytest.mark.nightly
def test_one_weight_more_shows() -> None:
    net = loihi_network()
    net.weight[1000] += 1
    stored = np.load(DATA / "brian2_loihi.npz")["delta"]
    own = {tuple(row) for row in spikes_of(configuration(net, LOIHI_CASES["delta"], unit=128)).tolist()}
    assert own != {tuple(row) for row in stored.tolist()}


def test_loihi_has_the_spikes_and_packets_of_sanafe() -> None:
    stored, net = np.load(DATA / "sanafe_chips.npz"), loihi_network(max_delay=5, n_inputs=0)
    own = spikes_of(configuration(net, SANAFE_LOIHI | {"bias_mantissa": LOIHI_BIAS}, unit=64))
    same(own, stored["loihi_spikes"])
    assert len(own) > 20_000
    assert packets(net, own[:, 1]) == stored["loihi_packets_sent"]


def test_truenorth_has_the_spikes_and_packets_of_sanafe() -> None:
    stored, (net, leaks) = np.load(DATA / "sanafe_chips.npz"), sanafe_truenorth()
    own = spikes_of(configuration(net, SANAFE_TRUENORTH | {"leak": leaks}, model="truenorth"))
    same(own, stored["truenorth_spikes"])
    assert len(own) > 10_000
    assert packets(net, own[:, 1]) == stored["truenorth_packets_sent"]


def test_spinnaker_has_the_spikes_and_potentials_of_spynnakers_machine_code() -> None:
    stored, given = np.load(DATA / "spynnaker.npz"), spinnaker_configuration()
    given["record"] = {"states": [{"population": "N", "variables": ["v"], "neurons": list(range(8)), "interval_ms": 1}]}
    run = dtbsim.run(given, temporary=True).open()
    steps, gids = run.spike_steps()
    order = np.lexsort((gids, steps))
    same(np.column_stack([steps, gids])[order], stored["spikes"])
    assert len(steps) > 5000
    assert np.array_equal(run.states()["v"].to_numpy().astype(int), stored["potentials"])


def again(variable: str, script: str, tmp_path: Path, *arguments: str) -> Any:
    """What a script writes with the interpreter that an environment variable names."""
    python = os.environ.get(variable)
    if python is None:
        pytest.skip(f"needs {variable}, a Python of the environment that tests/parity/{script} names")
    out, root = tmp_path / "again.npz", Path(__file__).parents[2]
    command = [python, str(Path(__file__).with_name(script)), *arguments, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(root)})
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(out)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("variable", "script", "data"),
    [
        ("DTBSIM_BRIAN2LOIHI_PYTHON", "make_brian2_loihi.py", "brian2_loihi.npz"),
        ("DTBSIM_SANAFE_PYTHON", "make_sanafe_chips.py", "sanafe_chips.npz"),
        ("DTBSIM_UNICORN_PYTHON", "make_spynnaker.py", "spynnaker.npz"),
    ],
)
def test_the_tools_give_again_what_is_stored(variable: str, script: str, data: str, tmp_path: Path) -> None:
    wheel = [os.environ.get("DTBSIM_SPYNNAKER_WHEEL", "no wheel")] if "UNICORN" in variable else []
    found, stored = again(variable, script, tmp_path, *wheel), np.load(DATA / data)
    assert set(found) == set(stored)
    for name in stored:
        assert np.array_equal(found[name], stored[name]), name
