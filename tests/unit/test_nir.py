"""NIR both ways: spikes as Norse and snnTorch gave them, the same spikes after a round trip, what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tests.helpers.nir_cases import CASES, case
from tests.helpers.nir_graphs import digest
from tests.helpers.spike_sets import first_difference, spikes_of

import dtbsim
from dtbsim.errors import InputError
from dtbsim.interchange.nir.files import Graph, Node, write_graph

DATA = Path(__file__).parents[1] / "data" / "nir"


@pytest.mark.parametrize("name", ["norse_recurrent", "norse_currents", "snntorch_jumps"])
def test_every_spike_is_that_of_the_reader(name: str, tmp_path: Path) -> None:
    """Stored spikes of Norse 1.1.0 and snnTorch 1.0.0, which ran this very graph (tests/parity/make_nir_spikes.py)."""
    reader, given = CASES[name]
    dtbsim.export(given, to="nir", out=tmp_path / "layer.nir", reader=reader)
    with np.load(DATA / f"{name}.npz") as stored:
        assert digest(tmp_path / "layer.nir") == str(stored["digest"])
        theirs = set(zip(stored["step"].tolist(), stored["neuron"].tolist(), strict=True))
    own = spikes_of(given, 100)
    assert len(own) > 800
    assert own == theirs, first_difference(own, theirs)


@pytest.mark.parametrize("name", ["norse_recurrent", "norse_currents"])
def test_the_same_spikes_after_a_round_trip(name: str, tmp_path: Path) -> None:
    reader, given = CASES[name]
    given = copy.deepcopy(given)
    given["simulation"]["duration_ms"] = 100
    dtbsim.export(given, to="nir", out=tmp_path / "layer.nir", reader=reader)
    made = dtbsim.import_network(tmp_path / "layer.nir", form="nir", out=tmp_path / "model.yaml")
    assert made.sizes["neurons"] == 100
    assert made.losses == ()
    before, after = spikes_of(given, 100), spikes_of(tmp_path / "model.yaml", 100)
    assert len(before) > 50
    assert after == before, first_difference(after, before)


def changed(model: str = "iaf_psc_delta", *, recurrent: bool = False, **more: Any) -> dict[str, Any]:
    """A case with other values at some key paths."""
    made = case(model, recurrent=recurrent, steps=100)
    for path, value in more.items():
        where: Any = made
        *parents, last = path.split("__")
        for key in parents:
            where = where[key]
        where[last] = value
    return made


SLOW = {"t_ref_ms": 0.0, "V_reset_mV": -70.0, "tau_syn_in_ms": 9.0}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "refractory": ("norse", changed(populations__E__parameters={"V_reset_mV": -70.0}), "the refractory period"),
    "reset": ("norse", changed(populations__E__parameters__V_reset_mV=-71.0), "resets to 0"),
    "initial": ("norse", changed(populations__E__initial={"V_m_mV": -60.0}), "initial potentials"),
    "delay": ("norse", changed(recurrent=True, projections__rec__delay_ms=0.2), "other than one step"),
    "recurrent currents": ("norse", changed("iaf_psc_exp", recurrent=True), "one step earlier"),
    "recurrent snnTorch": ("snntorch", changed(recurrent=True), "does not read recurrent layers rightly"),
    "two time constants": (
        "norse",
        changed("iaf_psc_exp", populations__E__parameters=SLOW, drives__background__receptor="in"),
        "one synaptic time constant",
    ),
    "current": ("norse", changed("iaf_psc_exp", populations__E__parameters__I_e_pA=10.0), "through the synapse"),
    "plasticity": (
        "norse",
        changed(projections__in__synapse={"kind": "stdp", "weight_max": 50}, projections__in__weight_mV=3.0),
        "with activity",
    ),
    "equations": ("spec", changed(), "no time step"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_changes_spikes_is_refused_and_says_where(name: str, tmp_path: Path) -> None:
    reader, given, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        dtbsim.export(given, to="nir", out=tmp_path / "layer.nir", reader=reader)
    assert caught.value.where
    assert "--lossy" in str(caught.value)
    assert not list(tmp_path.iterdir())
    made = dtbsim.export(given, to="nir", out=tmp_path / "layer.nir", reader=reader, lossy=True)
    assert any(loss.spikes for loss in made.losses)


def test_what_no_layer_can_be(tmp_path: Path) -> None:
    def refused(given: dict[str, Any], message: str, **options: Any) -> None:
        with pytest.raises(InputError, match=message) as caught:
            dtbsim.export(given, to="nir", out=tmp_path / "layer.nir", **options)
        assert "\n" not in str(caught.value)

    refused(changed(), "programs read NIR differently")
    refused(changed(), "no reader 'nors'", reader="nors")
    refused(changed(populations__E__model="theta", populations__E__parameters={}, projections={}, drives={}),
            "no neurons as those of 'theta'", reader="norse")  # fmt: skip
    drawn = {"distribution": "uniform", "low": -57.0, "high": -54.0}
    refused(changed(populations__E__parameters__V_th_mV=drawn), "one threshold", reader="snntorch")
    refused(changed(populations__E__size=20_000, drives={}), "matrices of 20,000 neurons", reader="norse")
    assert not list(tmp_path.iterdir())


def foreign(path: Path, **more: Node) -> Path:
    """A graph as others write one: two layers, no metadata, a constant input to the second."""
    n = np.ones(3)
    leaky = {"tau": 0.01 * n, "r": n, "v_leak": 0 * n, "v_threshold": 0.5 * n, "v_reset": 0 * n}
    nodes = {
        "input": Node("Input", {"shape": np.array([2])}),
        "0": Node("Linear", {"weight": np.array([[90.0, 0], [0, 90.0], [60.0, 60.0]])}),
        "1": Node("LIF", leaky),
        "2": Node("Affine", {"weight": 40.0 * np.ones((3, 3)), "bias": np.array([0.0, 0.2, 0.9])}),
        "3": Node("LIF", leaky),
        "output": Node("Output", {"shape": np.array([3])}),
    }
    nodes.update({key.removeprefix("n"): node for key, node in more.items()})
    write_graph(path, Graph(nodes, [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output")]))
    return path


def test_layers_of_others_are_read_as_snntorch_does(tmp_path: Path) -> None:
    """Against forward Euler in numpy, with the layers in the same step."""
    made = dtbsim.import_network(foreign(tmp_path / "two.nir"), form="nir", out=tmp_path / "model.yaml")
    assert any("spikes of layer_3 come 2 steps later" in note for note in made.notes)
    assert any("of 0.1 ms" in note for note in made.notes)
    given = {(3 * k + j, j) for k in range(1, 40) for j in range(2) if (k + j) % 3}
    steps, channel = (np.array(column) for column in zip(*sorted(given), strict=True))
    np.savez(tmp_path / "model" / "input_spikes.npz", neuron=channel, time_ms=(steps + 1) * 0.1)
    expected: set[tuple[int, int]] = set()
    v, weights = np.zeros((2, 3)), (np.array([[90.0, 0], [0, 90.0], [60.0, 60.0]]), 40.0 * np.ones((3, 3)))
    for step in range(200):
        x = np.array([float((step, j) in given) for j in range(2)])
        for layer, bias in enumerate((np.zeros(3), np.array([0.0, 0.2, 0.9]))):
            v[layer] += 0.01 * (weights[layer] @ x + bias - v[layer])
            x = (v[layer] > 0.5).astype(float)
            v[layer][x > 0] = 0.0
            # a layer lags one step behind the input, the second one two
            expected |= {(step + 1 + layer, 3 * layer + int(k)) for k in np.flatnonzero(x)}
    own = spikes_of(tmp_path / "model.yaml", 6, set={"simulation.duration_ms": 20.0})
    assert len(own) > 40
    assert own == {pair for pair in expected if pair[0] < 200}, first_difference(own, expected)


def test_a_graph_of_snntorch_gives_its_spikes(tmp_path: Path) -> None:
    """Two layers with constant input, as snnTorch wrote and ran them (tests/parity/make_nir_foreign.py)."""
    dtbsim.import_network(DATA / "of_snntorch" / "net.nir", form="nir", out=tmp_path / "model.yaml")
    with np.load(DATA / "of_snntorch" / "spikes.npz") as stored:
        theirs = {
            (step + 1 + k, 30 * k + neuron)  # a layer lags one step behind the input, the second one two
            for k in range(2)
            for step, neuron in zip(stored[f"step_{k}"].tolist(), stored[f"neuron_{k}"].tolist(), strict=True)
        }
    own = spikes_of(tmp_path / "model.yaml", 40)
    theirs = {pair for pair in theirs if pair[0] < 500}
    assert len(own) > 2000
    assert own == theirs, first_difference(own, theirs)


BROKEN = {
    "type": ({"n1": Node("Conv1d", {})}, "nodes of type 'Conv1d' cannot be simulated"),
    "shape": ({"n0": Node("Linear", {"weight": np.ones((3, 4))})}, "3 x 2 are needed"),
    "missing": ({"n1": Node("LIF", {"tau": np.ones(3)})}, "has no r"),
    "too fast": (
        {"n3": Node("LIF", dict.fromkeys(("tau", "r", "v_leak", "v_threshold"), np.full(3, 1e-5)))}, "must be above"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_graphs_that_cannot_be_simulated_are_one_line(name: str, tmp_path: Path) -> None:
    nodes, message = BROKEN[name]
    path = foreign(tmp_path / "two.nir", **nodes)
    with pytest.raises(InputError) as caught:
        dtbsim.import_network(path, form="nir", out=tmp_path / "model.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.where
    assert [item.name for item in tmp_path.iterdir()] == ["two.nir"]


def test_a_huge_dataset_in_a_small_file(tmp_path: Path) -> None:
    path = foreign(tmp_path / "two.nir")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/1/tau"]
        file["node/nodes/1"].create_dataset("tau", shape=(2**40,), chunks=(1024,), dtype=np.float64)
    with pytest.raises(InputError, match=r"more than a file of .* holds"):
        dtbsim.import_network(path, form="nir", out=tmp_path / "model.yaml")


def test_files_that_are_no_graphs(tmp_path: Path) -> None:
    (tmp_path / "text.nir").write_text("no HDF5")
    h5py.File(tmp_path / "other.nir", "w").close()
    for name, message in (("text", "cannot be read as HDF5"), ("other", "no graph of NIR"), ("none", "no such file")):
        with pytest.raises(InputError, match=message):
            dtbsim.import_network(tmp_path / f"{name}.nir", form="nir", out=tmp_path / "model.yaml")
