"""SONATA both ways: the same spikes after a round trip, what is refused, and files of others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import dtbsim
from dtbsim.errors import InputError

DRAWN = {"distribution": "uniform", "low": -70.0, "high": -56.0}


def config() -> dict[str, Any]:
    """Two populations and a source between them, so that numbers of nodes are not gids; every input there is."""
    return {
        "name": "small",
        "seed": 11,
        "simulation": {"duration_ms": 60, "dt_ms": 0.1},
        "populations": {
            "E": {
                "model": "iaf_psc_exp",
                "size": 40,
                "parameters": {"tau_m_ms": {"distribution": "uniform", "low": 9.0, "high": 11.0}},
                "initial": {"V_m_mV": DRAWN},
            },
            "S": {
                "model": "spike_source",
                "size": 3,
                "spikes": {"neuron": [0, 1, 1, 2], "time_ms": [5.0, 9.0, 9.0, 20.0]},
            },
            "I": {"model": "iaf_psc_exp", "size": 10, "initial": {"V_m_mV": DRAWN}},
        },
        "projections": {
            "EE": {
                "source": "E",
                "target": ["E", "I"],
                "rule": {"kind": "fixed_indegree", "indegree": 8},
                "weight_pA": {"distribution": "normal", "mean": 90, "sd": 9, "low": 0},
                "delay_ms": {"distribution": "uniform", "low": 0.5, "high": 3.0},
            },
            "IE": {
                "source": "I",
                "target": "E",
                "rule": {"kind": "pairwise_bernoulli", "probability": 0.3},
                "weight_pA": -250,
                "delay_ms": 1.0,
            },
            "SE": {
                "source": "S",
                "target": "E",
                "rule": {"kind": "all_to_all"},
                "weight_pA": 700,
                "delay_ms": 0.7,
            },
        },
        "drives": {
            "background": {
                "kind": "poisson",
                "target": ["E", "I"],
                "receptor": "ex",
                "rate_hz": 3000,
                "weight_pA": 95,
                "start_ms": 0.1,
            },
            "step": {
                "kind": "step_current",
                "target": "E",
                "neurons": [1, 5, 7],
                "times_ms": [10.0, 30.0],
                "amplitudes": [200.0, -50.0],
            },
        },
    }


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sonata") / "circuit"
    made = dtbsim.export(config(), to="sonata", out=folder, index=True)
    assert made.losses == ()
    assert made.sizes["neurons"] == 50
    return folder


@pytest.fixture
def copy(circuit: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(circuit, tmp_path / "circuit"))


def test_the_same_spikes_after_a_round_trip(circuit: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.yaml"
    made = dtbsim.import_network(circuit, form="sonata", out=model)
    assert made.losses == ()
    before, after = (dtbsim.run(source, temporary=True).open() for source in (config(), model))
    assert before.summary["spikes"] > 200
    assert after.summary["spike_hash"] == before.summary["spike_hash"]
    target = tmp_path / "spikes.h5"
    assert dtbsim.export(after, to="sonata-spikes", out=target).sizes["spikes"] == before.summary["spikes"]
    step, gid = before.spike_steps()
    with h5py.File(target) as file:
        times, nodes = (file[f"spikes/neurons/{name}"][()] for name in ("timestamps", "node_ids"))
        assert file["spikes/S/node_ids"][()].tolist() == [0, 1, 1, 2]
    source = (gid >= 40) & (gid < 43)
    assert np.array_equal(np.rint(times / 0.1).astype(int) - 1, step[~source])
    assert np.array_equal(nodes, np.where(gid >= 43, gid.astype(int) - 3, gid)[~source])


def test_edges_are_indexed_and_ascend_by_target(circuit: Path) -> None:
    """Both names of the index are one dataset, and its ranges give the edges of every node."""
    with h5py.File(circuit / "network" / "edges_EE.E.h5") as file:
        edges = file["edges/EE.E"]
        assert (np.diff(edges["target_node_id"][()].astype(int)) >= 0).all()
        for end, kind in (("source", "source_to_target"), ("target", "target_to_source")):
            index, ids = edges[f"indices/{kind}"], edges[f"{end}_node_id"][()]
            assert index["node_id_to_range"] == index["node_id_to_ranges"]
            ranges = index["range_to_edge_id"][()].astype(int)
            for node, (first, stop) in enumerate(index["node_id_to_ranges"][()].astype(int)):
                found = [edge for low, high in ranges[first:stop] for edge in range(low, high)]
                assert found == np.flatnonzero(ids == node).tolist()


def changed(**more: Any) -> dict[str, Any]:
    """The configuration with other values at some key paths."""
    made = config()
    for path, value in more.items():
        where: Any = made
        *parents, last = path.split("__")
        for key in parents:
            where = where[key]
        where[last] = value
    return made


REFUSED = {
    "model": (changed(populations__I={"model": "theta", "size": 10}, projections={}, drives={}), "no model 'theta'"),
    "sign": (
        changed(projections__EE__receptor="in", populations__E__parameters={"tau_syn_in_ms": 5.0}), "above 0 go to"
    ),
    "step 0": (changed(drives__background__start_ms=0.0), "arrive in step 0"),
    "early current": (changed(drives__step__times_ms=[0.1, 30.0]), "first three steps"),
    "noise": (
        changed(drives__noise={"kind": "noise_current", "target": "E", "mean": 0.0, "std": 10.0}), "drawn while"
    ),
    "plasticity": (changed(projections__EE__synapse={"kind": "stdp", "weight_max": 500}), "change with activity"),
    "changes": (
        changed(changes={"c": {"t_ms": 10, "population": "E", "set": {"I_e_pA": 1.0}}}), "spikes would differ"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_changes_spikes_is_refused_and_says_where(name: str, tmp_path: Path) -> None:
    given, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        dtbsim.export(given, to="sonata", out=tmp_path / "circuit")
    assert caught.value.where
    assert "--lossy" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_lossy_writes_it_and_says_what_was_lost(tmp_path: Path) -> None:
    given = changed(drives__background__start_ms=0.0, simulation__duration_ms=2)
    made = dtbsim.export(given, to="sonata", out=tmp_path / "circuit", lossy=True)
    assert [loss.spikes for loss in made.losses] == [True]
    assert json.loads((tmp_path / "circuit" / "dtbsim.json").read_text())["lost"][0]["where"].startswith("drives.")


def set_types(folder: Path, old: str, new: str, file: str = "node_types.csv") -> None:
    path = folder / "network" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def write_h5(folder: Path, file: str, key: str, change: Callable[[Any], Any]) -> None:
    with h5py.File(folder / file, "r+") as h5:
        values, attributes = change(h5[key][()]), dict(h5[key].attrs)
        del h5[key]
        h5[key] = values
        h5[key].attrs.update(attributes)


def remove(path: Path) -> None:
    path.unlink()


def ids_of(values: Any) -> Any:
    values[3] = 1
    return values


EDGES = "edges_EE.E.h5"
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "template": (lambda f: set_types(f, "nest:iaf_psc_exp", "nest:iaf_psc_expp"), "did you mean 'nest:iaf_psc_exp'"),
    "biophysical": (lambda f: set_types(f, "point_neuron", "biophysical"), "'biophysical' cannot be simulated"),
    "edges missing": (lambda f: remove(f / "network" / EDGES), "the file of edges is missing"),
    "types missing": (lambda f: remove(f / "network" / "node_types.csv"), "there is no such table"),
    "parameters missing": (
        lambda f: remove(f / "components" / "point_neuron_models" / "E.json"), "there is no such file"
    ),
    "ids": (lambda f: write_h5(f, "network/nodes.h5", "nodes/neurons/node_id", ids_of), "node_id 1 follows 2"),
    "no such node": (
        lambda f: write_h5(f, f"network/{EDGES}", "edges/EE.E/source_node_id", lambda x: x + 49), "does not exist"
    ),
    "length": (
        lambda f: write_h5(f, f"network/{EDGES}", "edges/EE.E/0/syn_weight", lambda x: x[:-5]), "edge_group_index goes"
    ),
    "foreign": (lambda f: shutil.copy(f / "network" / EDGES, f / "network" / "nodes.h5"), "no group /nodes"),
    "truncated": (
        lambda f: (f / "network" / EDGES).write_bytes((f / "network" / EDGES).read_bytes()[:2000]), "cannot be read"
    ),
    "text": (lambda f: (f / "network" / EDGES).write_text("no HDF5"), "cannot be read"),
    "json": (lambda f: (f / "circuit_config.json").write_text("{"), "is no JSON"),
    "weight function": (
        lambda f: set_types(f, "static.json", "static.json wmaxx", "edges_EE.E_types.csv")
        or set_types(f, "dtbsim_receptor", "weight_function dtbsim_receptor", "edges_EE.E_types.csv"),
        "did you mean 'wmax'",
    ),
    "plastic": (
        lambda f: set_types(f, "static_synapse", "stdp_synapse", "edges_EE.E_types.csv"), "'stdp_synapse' are not read"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_networks_are_one_line_and_leave_nothing(name: str, copy: Path, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    change(copy)
    with pytest.raises(InputError) as caught:
        dtbsim.import_network(copy, form="sonata", out=tmp_path / "model.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.where
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circuit"]


def test_a_huge_dataset_in_a_small_file(copy: Path, tmp_path: Path) -> None:
    with h5py.File(copy / "network" / "nodes.h5", "r+") as file:
        del file["nodes/neurons/node_type_id"]
        file["nodes/neurons"].create_dataset("node_type_id", shape=(2**40,), chunks=(1024,), dtype=np.uint32)
    with pytest.raises(InputError, match=r"more than a file of .* holds"):
        dtbsim.import_network(copy, form="sonata", out=tmp_path / "model.yaml")


def test_an_unknown_format_and_option() -> None:
    with pytest.raises(InputError, match="did you mean 'sonata'"):
        dtbsim.export(config(), to="sonat", out="nowhere")
    with pytest.raises(InputError, match="no option 'drive'"):
        dtbsim.export(config(), to="sonata", out="nowhere", drive="none")


def spike_hash(circuit: Path, out: Path) -> str:
    dtbsim.import_network(circuit, form="sonata", out=out)
    return str(dtbsim.run(out, temporary=True).spike_hash)


def test_a_file_that_names_circuit_and_simulation(copy: Path, tmp_path: Path) -> None:
    """BMTK's config.json: input, duration and step are those of the simulation that it names."""
    simulation = copy / "simulation_config_pointnet.json"
    values = json.loads(simulation.read_text())
    del values["network"]
    simulation.rename(copy / "sim.json").write_text(json.dumps(values))
    names = {"network": "circuit_config.json", "simulation": "sim.json"}
    (copy / "config.json").write_text(json.dumps(names))
    made = dtbsim.import_network(copy, form="sonata", out=tmp_path / "model.yaml")
    assert made.sizes["input spikes"] > 0
    assert made.notes == ()
    assert dtbsim.load_config(tmp_path / "model.yaml").simulation.duration_ms == 60
    (copy / "sim.json").write_text(json.dumps({**values, "inputs": {}}))
    silent = dtbsim.import_network(copy, form="sonata", out=tmp_path / "silent.yaml")
    assert any("'S' have no spikes" in note for note in silent.notes)


def test_several_groups_of_attributes(circuit: Path, copy: Path, tmp_path: Path) -> None:
    """Nodes and edges in two groups each are the same network as in one."""
    with h5py.File(copy / "network" / "nodes.h5", "r+") as file:
        split(file["nodes/neurons"], "node", ("dynamics_params/tau_m", "dynamics_params/V_m"))
    with h5py.File(copy / "network" / "edges_EE.E.h5", "r+") as file:
        split(file["edges/EE.E"], "edge", ("syn_weight", "delay"))
    assert spike_hash(copy, tmp_path / "two.yaml") == spike_hash(circuit, tmp_path / "one.yaml")


def split(population: Any, kind: str, columns: tuple[str, ...]) -> None:
    """Every third row goes to a group of its own."""
    n = population[f"{kind}_type_id"].shape[0]
    group = (np.arange(n) % 3 == 0).astype(np.uint32)
    row = np.where(group == 1, np.cumsum(group) - 1, np.cumsum(1 - group) - 1)
    for name, values in ((f"{kind}_group_id", group), (f"{kind}_group_index", row)):
        del population[name]
        population[name] = values
    for name in columns:
        values = population[f"0/{name}"][()]
        del population[f"0/{name}"]
        population[f"0/{name}"], population[f"1/{name}"] = values[group == 0], values[group == 1]


def test_weight_functions_take_attributes_of_both_nodes(copy: Path, tmp_path: Path) -> None:
    tuning, sigma = np.arange(50) * 7.2, 50.0
    with h5py.File(copy / "network" / "nodes.h5", "r+") as file:
        file["nodes/neurons/0/tuning_angle"] = tuning
    set_types(copy, "dtbsim_receptor", "weight_function weight_sigma dtbsim_receptor", "edges_EE.E_types.csv")
    set_types(copy, "static.json", f"static.json gaussianLL {sigma}", "edges_EE.E_types.csv")
    dtbsim.import_network(copy, form="sonata", out=tmp_path / "model.yaml")
    with h5py.File(copy / "network" / "edges_EE.E.h5") as file:
        source, target = (file[f"edges/EE.E/{end}_node_id"][()].astype(int) for end in ("source", "target"))
        plain = file["edges/EE.E/0/syn_weight"][()].astype(float)
    turned = np.abs(np.abs(np.abs(180 - np.mod(np.abs(tuning[target] - tuning[source]), 360)) - 90) - 90)
    found = np.load(tmp_path / "model" / "EE_E.npz")
    expected = plain * np.exp(-((turned / sigma) ** 2))
    order, mine = np.lexsort((plain, source, target)), np.lexsort((found["weight"], found["source"], found["target"]))
    np.testing.assert_allclose(np.sort(found["weight"][mine]), np.sort(expected[order]), rtol=1e-12)
