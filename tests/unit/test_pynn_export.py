"""`--to pynn`: the files hold the network that is built, and what PyNN cannot say is refused."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.errors import InputError

DRAWN = {"distribution": "uniform", "low": -70.0, "high": -56.0}


def config() -> dict[str, Any]:
    """Two populations in different models, a source, and every input that can be said."""
    few = {"kind": "fixed_indegree", "indegree": 8}
    tau = {"distribution": "uniform", "low": 9.0, "high": 11.0}
    return {
        "name": "small",
        "seed": 11,
        "simulation": {"duration_ms": 40, "dt_ms": 0.1},
        "populations": {
            "E": {"model": "iaf_psc_exp", "size": 40, "parameters": {"tau_m_ms": tau}, "initial": {"V_m_mV": DRAWN}},
            "S": {"model": "spike_source", "size": 3, "spikes": {"neuron": [0, 1, 2], "time_ms": [5.0, 9.0, 20.0]}},
            "I": {"model": "iaf_cond_exp", "size": 10, "initial": {"V_m_mV": DRAWN}},
        },
        "projections": {
            "EI": {
                "source": "E",
                "target": "I",
                "receptor": "ex",
                "rule": few,
                "weight_nS": 4,
                "delay_ms": {"distribution": "uniform", "low": 0.5, "high": 3.0},
            },
            "IE": {"source": "I", "target": "E", "rule": few, "weight_pA": -250, "delay_ms": 1.0},
            "EE": {
                "source": "E",
                "target": "E",
                "rule": few,
                "weight_pA": {"distribution": "normal", "mean": 10, "sd": 20},
                "receptor": "ex",
                "delay_ms": 1.5,
            },
            "SE": {"source": "S", "target": "E", "rule": "all_to_all", "weight_pA": 700, "delay_ms": 0.3},
        },
        "drives": {
            "background": {
                "kind": "poisson",
                "target": "E",
                "receptor": "ex",
                "rate_hz": 12000,
                "weight_pA": 30,
                "start_ms": 0.2,
            },
            "step": {"kind": "dc", "target": "E", "neurons": [3, 5], "amplitude": 100, "start_ms": 10, "stop_ms": 20},
        },
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pynn") / "net"
    made = dtbsim.export(config(), to="pynn", out=folder)
    assert not made.losses
    return folder


def test_synapses_are_those_of_the_network(written: Path) -> None:
    net = dtbsim.build(config())
    rows = []
    for receptor in ("excitatory", "inhibitory"):
        file = np.load(written / "connections" / f"EE.{receptor}.npz")
        rows.append(np.stack([file["source"], file["target"], file["weight"] * 1000, file["delay_steps"]], axis=1))
        assert (rows[-1][:, 2] >= 0).all() == (receptor == "excitatory")
    table = next(net.projections["EE"].synapses())
    columns = ["source", "target", "weight", "delay_steps"]
    one, other = np.concatenate(rows), table[columns].to_numpy(np.float64)
    order = [np.lexsort(rows.T) for rows in (one, other)]
    assert np.allclose(one[order[0]], other[order[1]], rtol=1e-12)
    conductances = np.load(written / "connections" / "EI.npz")
    assert np.allclose(conductances["weight"], 4e-3, rtol=1e-6)  # uS


def test_input_is_that_of_the_network(written: Path) -> None:
    net = dtbsim.build(config())
    layers = sorted((written / "inputs").glob("drive_background*.npz"))
    counts = np.zeros((400, 40), int)
    for file in map(np.load, layers):
        np.add.at(counts, (file["step"], np.repeat(np.arange(40), file["n"])), 1)
    assert len(layers) > 1  # several spikes in a step come from several sources
    assert counts.sum() == pytest.approx(12000 * 0.0398 * 40, rel=0.05)
    assert not counts[:2].any()
    step = np.load(written / "inputs" / "drive_step.npz")
    assert step["step"].tolist() == [100, 200]
    assert step["amplitude"].tolist() == [0.1, 0.0]
    assert step["neuron"].tolist() == [3, 5]
    assert np.load(written / "inputs" / "S.npz")["step"].tolist() == [50, 90, 200]
    tau = np.load(written / "neurons" / "E.npz")["p_tau_m"]
    assert np.array_equal(tau, net.populations["E"].parameters["tau_m_ms"])


def test_the_script_is_one(written: Path) -> None:
    text = (written / "run.py").read_text()
    ast.parse(text)
    assert "sim.IF_curr_exp" in text
    assert "sim.IF_cond_exp" in text
    assert "import dtbsim" not in text


REFUSED = {
    "first steps": ({"drives.background.start_ms": 0.1}, "first two steps"),
    "current at once": ({"drives.step.start_ms": 0}, "a current in the first two steps"),
    "plastic": (
        {"projections.EE.synapse": {"kind": "tsodyks_markram", "U": 0.5, "tau_rec_ms": 100}},
        "change with activity",
    ),
    "no cell": ({"populations.I.model": "iaf_psc_exp_multisynapse"}, "receptors"),
    "other sign": ({"populations.E.parameters.tau_syn_in_ms": 5, "projections.EE.receptor": "ex"}, "both signs"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_changes_spikes_is_refused(name: str, tmp_path: Path) -> None:
    changed, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        dtbsim.export(config(), to="pynn", out=tmp_path / "net", set=changed)
    assert not (tmp_path / "net").exists()


def test_other_simulators_need_lossy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="spiNNaker integrates otherwise"):
        dtbsim.export(config(), to="pynn", out=tmp_path / "net", simulator="spiNNaker")
    made = dtbsim.export(config(), to="pynn", out=tmp_path / "net", simulator="spiNNaker", lossy=True)
    assert any(loss.spikes for loss in made.losses)
    assert "default='spiNNaker'" in (tmp_path / "net" / "run.py").read_text()


def test_drawn_drives(tmp_path: Path) -> None:
    made = dtbsim.export(config(), to="pynn", out=tmp_path / "net", drives="poisson")
    assert [loss.spikes for loss in made.losses] == [False]
    assert np.allclose(np.load(tmp_path / "net" / "neurons" / "drive_background.npz")["p_rate"], 12000)
    with pytest.raises(InputError, match="allowed: spikes, poisson, none"):
        dtbsim.export(config(), to="pynn", out=tmp_path / "other", drives="nest")
