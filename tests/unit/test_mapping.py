"""Mappings: who shares a core, what is counted, limits, and the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.small_atlas import REGIONS, save_small_atlas
from tests.helpers.toy_chip import toy_chip

import dtbsim
from dtbsim.cli import main
from dtbsim.errors import InputError
from dtbsim.mapping.links import links_of
from dtbsim.mapping.loads import loads_of, reach_of
from dtbsim.mapping.partition import partition
from dtbsim.mapping.placement import mesh_of, place, way
from dtbsim.mapping.traffic import matrix_of


def pair(**populations: int) -> dict[str, Any]:
    """Populations E and I without regions, driven by a constant current so that they fire."""
    sizes = {"E": 80, "I": 20} | populations
    neurons = {
        name: {"model": "iaf_psc_exp", "size": size, "parameters": {"I_e_pA": 600.0}} for name, size in sizes.items()
    }
    rule = {"kind": "fixed_indegree", "indegree": 5}
    return {
        "name": "pair",
        "simulation": {"duration_ms": 40, "dt_ms": 1.0},
        "populations": neurons,
        "projections": {
            "E": {"source": "E", "target": [*sizes], "rule": rule, "weight_pA": 20, "delay_ms": 2},
            "I": {"source": "I", "target": [*sizes], "rule": rule, "weight_pA": -60, "delay_ms": 1},
        },
    }


def regional(folder: Path) -> Path:
    """E and I in five regions of the small atlas."""
    atlas = save_small_atlas(folder)
    rule = {"kind": "fixed_indegree", "indegree": 4}
    config = pair() | {"atlas": atlas}
    config["populations"] = {
        name: {"model": "iaf_psc_exp", "size": size, "regions": "all", "parameters": {"I_e_pA": 600.0}}
        for name, size in (("E", 40), ("I", 10))
    }
    config["projections"] = {
        "local": {
            "source": "E",
            "target": ["E", "I"],
            "rule": rule,
            "weight_pA": 20,
            "delay_ms": 2,
            "scope": "same_region",
        },
    }
    path = folder / "regional.yaml"
    path.write_text(dtbsim.dump_config(dtbsim.RunConfig.model_validate(config)))
    return path


def shuffled(n: int = 400, groups: int = 8, seed: int = 3) -> dict[str, Any]:
    """One population with groups that are connected inside, of which the neurons stand in no order."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(n) % groups
    source = np.repeat(np.arange(n), 12)
    target = np.concatenate([rng.choice(np.flatnonzero(group == group[k]), 12) for k in range(n)])
    config = pair()
    config["populations"] = {"N": {"model": "iaf_psc_exp", "size": n, "parameters": {"I_e_pA": 600.0}}}
    edges = {"source": source, "target": target}
    rule = {"kind": "explicit", "edges": edges}
    config["projections"] = {"NN": {"source": "N", "target": "N", "rule": rule, "weight_pA": 5, "delay_ms": 1}}
    return config


def test_counts_are_those_of_loops() -> None:
    built = dtbsim.build(pair())
    links = links_of(built)
    core_of, used, _ = partition(links, toy_chip(size__neurons_per_core=16), "sequential", 16, np.ones(links.n))
    reach = reach_of(links, core_of, used)
    loads = loads_of(links, toy_chip(), core_of, reach)
    heard: dict[int, set[int]] = {core: set() for core in range(used)}
    synapses = [0] * used
    for source, target in zip(links.source.tolist(), links.target.tolist(), strict=True):
        heard[int(core_of[target])].add(source)
        synapses[int(core_of[target])] += 1
    assert loads.synapses.tolist() == synapses
    assert loads.axons_in.tolist() == [len(heard[core]) for core in range(used)]
    out = [sum(core_of[source] == core for own in heard.values() for source in own) for core in range(used)]
    assert loads.axons_out.tolist() == out
    assert loads.neurons.tolist() == [16] * 6 + [4]
    rates = np.arange(links.n, dtype=float)
    between = matrix_of(reach, core_of, rates).toarray()
    assert between.sum() == sum(rates[source] for own in heard.values() for source in own)
    assert between[core_of[3], 5] == sum(rates[s] for s in heard[5] if core_of[s] == core_of[3])


def test_regions_have_cores_of_their_own(tmp_path: Path) -> None:
    links = links_of(dtbsim.build(regional(tmp_path)))
    core_of, used, how = partition(links, toy_chip(), "regions", 16, np.ones(links.n))
    region = links.region[links.population]
    assert used == len(REGIONS)
    assert all(np.unique(core_of[region == k]).size == 1 for k in range(5))
    assert "5 regions" in how
    core_of, used, _ = partition(links, toy_chip(size__neurons_per_core=30), "regions", 16, np.ones(links.n))
    assert used == 10
    for core in range(used):  # E and I in equal shares
        own = links.family[links.population[core_of == core]]
        assert np.bincount(own).tolist() == [20, 5]
    core_of, used, _ = partition(links, toy_chip(size__neurons_per_core=120), "regions", 3, np.ones(links.n))
    assert used == 3
    assert [np.unique(region[core_of == core]).tolist() for core in range(3)] == [[0, 1], [2, 3], [4]]


def test_a_core_of_one_population(tmp_path: Path) -> None:
    links = links_of(dtbsim.build(regional(tmp_path)))
    chip = toy_chip(size__neurons_per_core=60, size__populations_per_core=1)
    core_of, used, _ = partition(links, chip, "regions", 16, np.ones(links.n))
    assert used == -(-200 // 60) + 1
    assert np.bincount(core_of).tolist() == [60, 60, 60, 20, 50]
    with pytest.raises(InputError, match="neurons of one population"):
        partition(links, chip, "km1", 16, np.ones(links.n))


@pytest.mark.parametrize("limit", [{"memory__synapses_per_core": 120}, {"connections__axons_in": 40}])
def test_other_limits_split_as_well(limit: dict[str, float]) -> None:
    links = links_of(dtbsim.build(pair()))
    chip = toy_chip(**limit)
    for method in ("regions", "sequential"):
        core_of, used, _ = partition(links, chip, method, 1000, np.ones(links.n))
        loads = loads_of(links, chip, core_of, reach_of(links, core_of, used))
        most = loads.synapses if "memory__synapses_per_core" in limit else loads.axons_in
        assert most.max() <= next(iter(limit.values()))


def test_km1_finds_groups_that_the_order_hides() -> None:
    pytest.importorskip("mtkahypar")
    links = links_of(dtbsim.build(shuffled()))
    rates = np.ones(links.n)
    found = {}
    for method in ("sequential", "km1"):
        core_of, used, _ = partition(links, toy_chip(), method, 16, rates)
        assert np.bincount(core_of).max() <= 64
        between = matrix_of(reach_of(links, core_of, used), core_of, rates)
        found[method] = between.sum() - between.diagonal().sum()
    assert found["km1"] < 0.2 * found["sequential"]


def test_placement_shortens_the_way_and_is_the_same_again() -> None:
    from scipy.sparse import csr_array

    order = np.random.default_rng(2).permutation(16)
    ring = np.zeros((16, 16))
    ring[order, np.roll(order, 1)] = 100.0
    chip = toy_chip()
    mesh = mesh_of(chip, 1)
    traffic = csr_array(ring)
    slots = place(traffic, mesh)
    assert sorted(slots.tolist()) == list(range(16))
    before, after = (sum(way(traffic, mesh, given)) for given in (np.arange(16), slots))
    assert after == 1600.0 < 0.6 * before  # a ring fits a mesh: every message goes over one link
    assert (place(traffic, mesh) == slots).all()


def test_the_folder_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(dtbsim.dump_config(dtbsim.RunConfig.model_validate(pair())))
    made = dtbsim.map_network(path, to=toy_chip(energy__message=10.0), out=tmp_path / "map")
    assert made.traffic.spikes > 0
    again = dtbsim.open_mapping(tmp_path / "map")
    for name in ("core", "slot", "order"):
        assert (getattr(again.placed, name) == getattr(made.placed, name)).all()
    assert again.chip.numbers == made.chip.numbers
    assert (again.traffic, again.before, again.energy) == (made.traffic, made.before, made.energy)
    assert (again.between != made.between).nnz == 0
    assert {name: gids.tolist() for name, gids in again.populations.items()} == {
        name: gids.tolist() for name, gids in made.populations.items()
    }
    assert made.energy.joules == pytest.approx(1e-11 * made.traffic.messages)
    assert "energy.synapse" in made.energy.missing
    core, slot = made.placed.core, made.placed.slot
    assert len(set(zip(core.tolist(), slot.tolist(), strict=True))) == 100
    assert (np.bincount(core)[core] > slot).all()
    html = (tmp_path / "map" / "report.html").read_text()
    assert "What cores hold" in html
    assert "table of neurons_per_core" in html
    npz = dtbsim.export_mapping(tmp_path / "map", to="npz")
    with np.load(npz.path) as arrays:
        assert (arrays["core"] == core).all()
    assert main(["map", str(tmp_path / "map"), "--run"]) == 2
    arrays_file = tmp_path / "map" / "map.npz"
    arrays_file.write_bytes(arrays_file.read_bytes()[:-1])
    with pytest.raises(InputError, match="missing, or not as it was written"):
        dtbsim.open_mapping(tmp_path / "map")


def test_traffic_of_a_run(tmp_path: Path) -> None:
    config = pair()
    run = dtbsim.run(config, out=tmp_path / "run").open()
    made = dtbsim.map_network(config, to=toy_chip(), out=tmp_path / "map", rates=tmp_path / "run")
    _, gids = run.spike_steps()
    assert made.traffic.spikes == pytest.approx(gids.size / 0.04)
    with pytest.raises(InputError, match="the run has 100 neurons, the network 110"):
        dtbsim.map_network(pair(E=90), to=toy_chip(), out=tmp_path / "other", rates=tmp_path / "run")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            {"connections__fan_in": 4},
            r"populations.E: synapses onto a neuron: 10; toy takes 4 \(connections.fan_in: table of fan_in, read 2026",
        ),
        ({"connections__delay_max": 1}, r"projections.E: longest delay in steps: 2; toy takes 1 "),
        ({"connections__delay_min": 2}, r"projections.I: shortest delay in steps: 1; toy takes 2 "),
        ({"size__neurons_per_core": 4}, r"network: chips for 100 neurons.*: 2; toy takes 1 .*--chips 2 of toy"),
        ({"connections__targets": 1, "size__neurons_per_core": 40}, r"cores that a neuron sends to \(\d+ neurons"),
    ],
)
def test_limits_that_are_broken(limits: dict[str, float], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        dtbsim.map_network(pair(), to=toy_chip(**limits), out=tmp_path / "map")
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_neurons(tmp_path: Path) -> None:
    source = {"model": "spike_source", "size": 3, "spikes": {"neuron": [0], "time_ms": [1.0]}}
    given = {"simulation": {"duration_ms": 5}, "populations": {"S": source}}
    with pytest.raises(InputError, match="no neurons that a chip computes"):
        dtbsim.map_network(given, to=toy_chip(), out=tmp_path / "map")


def test_every_broken_limit_has_a_line(tmp_path: Path) -> None:
    chip = toy_chip(connections__fan_in=4, connections__delay_max=1, size__neurons_per_core=4)
    with pytest.raises(InputError) as raised:
        dtbsim.map_network(pair(), to=chip, out=tmp_path / "map")
    lines = raised.value.lines
    assert len(lines) == 3  # two populations and a delay; chips are not counted where a neuron fits none
    assert "it would fit" in lines[-1]
    assert "brainscales2 (1 chip, without its arithmetic)" in lines[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "lohi", "--out", "m"], "did you mean 'loihi'"),
        (["--to", "loihi"], "--out DIR is missing"),
        (["--out", "m"], "--to CHIP is missing"),
        (["--to", "loihi", "--out", "m", "--partition", "region"], "did you mean 'regions'"),
        (["--to", "loihi", "--out", "m", "--weight-bits", "9"], "loihi has 8 at most"),
        (["--to", "loihi", "--out", "m", "--chips", "0"], "a whole number above 0"),
        (["--to", "loihi", "--out", "m", "--seeds", "3"], "--seeds"),
        (["--run"], "this is no mapping"),
        (["--export", "sanfe"], "did you mean 'sanafe'"),
        (["--run", "--to", "loihi"], "--to: this belongs to the making"),
    ],
)
def test_options(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pair.yaml").write_text(dtbsim.dump_config(dtbsim.RunConfig.model_validate(pair())))
    assert main(["map", "pair.yaml", *options]) == 2
    assert said in capfd.readouterr().err
    assert not Path("m").exists()


def test_input_that_nobody_can_list_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    from dtbsim.build.drawn_spikes import MOST_LISTED

    size, rate_hz = 2000, 20_000
    text = f"""\
simulation: {{dt_ms: 1, duration_ms: {1000 * MOST_LISTED // (size * rate_hz) * 50}}}
populations: {{E: {{model: iaf_psc_delta, size: {size}, parameters: {{V_reset_mV: -70, E_L_mV: -70}}}}}}
drives: {{noise: {{kind: poisson, target: E, rate_hz: {rate_hz}, weight_mV: 0.1, start_ms: 1}}}}
"""
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="too many to list") as caught:
        dtbsim.map_network(tmp_path / "net.yaml", to="loihi", out=tmp_path / "out")
    assert (caught.value.where or "").endswith("drives.noise")
    assert "simulation.duration_ms" in (caught.value.remedy or "")
    assert not (tmp_path / "out").exists()
