"""Members of an ensemble: what differs between them, and which are runs of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_sweep import InThisProcess

import dtbsim
from dtbsim.cli.validate import validate
from dtbsim.config import dump_config, load_config_text, load_located
from dtbsim.errors import InputError
from dtbsim.spec import compile_network
from dtbsim.sweeps.members import members_apart

NEURONS = """\
seed: 7
simulation: {duration_ms: 20}
populations: {E: {model: iaf_psc_exp, size: 20}}
drives: {p: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
"""
HYBRID = """\
seed: 7
simulation: {dt_ms: 1, duration_ms: 40}
populations: {E: {model: iaf_psc_exp, size: 20}, x: {model: deco_2013}}
couplings: {out: {source: x, target: E, strength: 2000, effect: poisson, weight_pA: 200, delay_ms: 1, weights: all}}
"""
REGIONS = """\
seed: 7
simulation: {dt_ms: 1, duration_ms: 20}
populations: {x: {model: hopf}}
couplings: {c: {source: x, target: x, weights: all}}
"""


def _located(folder: Path, text: str, ensemble: str) -> list[dict[str, object]] | None:
    (folder / "net.yaml").write_text(f"{text}ensemble: {ensemble}\n")
    located = load_located(folder / "net.yaml")
    return members_apart(located.config, located.base_dir, located.locator)


def test_members_with_neurons_are_runs_of_their_own(tmp_path: Path) -> None:
    found = _located(tmp_path, NEURONS, "{grid: {drives.p.rate_hz: [7000, 9000], drives.p.weight_pA: [60, 80]}}")
    assert found is not None
    assert [tuple(values.values()) for values in found] == [(7000, 60), (7000, 80), (9000, 60), (9000, 80)]
    own = _located(tmp_path, NEURONS, "{members: [{}, {drives.p.rate_hz: 9000}], seeds: own}")
    assert own == [{"seed": 7}, {"drives.p.rate_hz": 9000, "seed": 8}]
    assert _located(tmp_path, REGIONS, "{grid: {seed: [1, 2]}}") is None


def test_an_ensemble_of_neurons_alone_is_not_ignored() -> None:
    with pytest.raises(InputError, match="neurons alone") as caught:
        compile_network(load_config_text(NEURONS + "ensemble: {grid: {seed: [1, 2]}}\n"))
    assert caught.value.where == "ensemble"


def test_a_hybrid_ensemble_is_swept_member_by_member(tmp_path: Path) -> None:
    text = HYBRID + "ensemble: {grid: {couplings.out.strength: [2000, 4000], seed: [1, 2]}}\n"
    (tmp_path / "net.yaml").write_text(text)
    table = dtbsim.sweep(tmp_path / "net.yaml", executor=InThisProcess(), progress=False)
    assert table["error"].tolist() == [None] * 4
    assert list(zip(table["couplings.out.strength"], table["seed"], strict=True)) == [
        (2000, 1),
        (2000, 2),
        (4000, 1),
        (4000, 2),
    ]
    alone = dtbsim.run(
        tmp_path / "net.yaml", temporary=True,
        set={"ensemble": None, "couplings.out.strength": 4000, "seed": 1},
    )  # fmt: skip
    assert alone.summary["spike_hash"] == table["spike_hash"][2] != table["spike_hash"][3]
    assert alone.summary["spikes"] > 0
    with pytest.raises(InputError, match=r"dtbsim\.sweep\(CONFIG\) in Python, runs them one by one"):
        dtbsim.run(tmp_path / "net.yaml", temporary=True)


def test_members_that_are_runs_of_their_own_are_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "net.yaml"
    config.write_text(HYBRID + "ensemble: {grid: {couplings.out.strength: [2000, 4000]}}\n")
    assert validate(config, ()) == 0
    assert "2 members, a run each" in capsys.readouterr().out
    for wrong, said in (
        ("couplings.out.strenth: [1]", "did you mean 'strength'"),
        ("couplings.out.strength: [1, a]", "got 'a'"),
    ):
        config.write_text(HYBRID + "ensemble: {grid: {" + wrong + "}}\n")
        with pytest.raises(InputError, match=said):
            validate(config, ())


def test_members_that_are_the_same_need_seeds_of_their_own() -> None:
    network = compile_network(load_config_text(REGIONS + "ensemble: {members: [{}, {}, {}], seeds: own}\n")).regions
    assert network is not None
    assert network.members.seeds == (7, 8, 9)
    with pytest.raises(InputError, match="runs 0 and 1 are the same"):
        compile_network(load_config_text(REGIONS + "ensemble: {members: [{}, {}]}\n"))


def test_numbers_are_those_that_the_folder_of_a_run_gives_back(tmp_path: Path) -> None:
    """Else a run with 1.0 among them could not go on: its folder says 1."""
    grid = {"couplings.c.strength": [0.0, 1.0, 0.5], "populations.x.parameters.a": [-0.0, -1.0]}
    config = load_config_text(REGIONS + "checkpoint: {every_ms: 1000}\n", overrides={"ensemble": {"grid": grid}})
    assert load_config_text(dump_config(config)) == config
    assert dump_config(load_config_text(dump_config(config))) == dump_config(config)
    found = dtbsim.run(config, out=tmp_path / "run")
    longer = dtbsim.resume(tmp_path / "run", set={"simulation.duration_ms": 25})
    assert longer.summary["state_hash"] != found.summary["state_hash"]


def test_coordinates_are_the_values_and_the_seeds() -> None:
    text = (
        REGIONS + "ensemble: {members: [{couplings.c.strength: 0.1}, {populations.x.parameters.a: 0.3}], seeds: own}\n"
    )
    network = compile_network(load_config_text(text)).regions
    assert network is not None
    assert network.members.seeds == (7, 8)
    assert dict(network.members.coordinates) == {
        "couplings.c.strength": (0.1, None), "seed": (7, 8), "populations.x.parameters.a": (None, 0.3),
    }  # fmt: skip
    assert network.couplings[0].strength[:, 0].tolist() == [0.1, 1.0]
    assert network.populations[0].parameters["a"][:, 0].tolist() == [-0.02, 0.3]


@pytest.mark.parametrize("ensemble", ["{}", "{grid: {seed: [1]}, members: [{}]}", "{grid: {seed: [1, 2]}, seeds: own}"])
def test_an_ensemble_is_given_one_way(ensemble: str) -> None:
    with pytest.raises(InputError):
        load_config_text(f"{REGIONS}ensemble: {ensemble}\n")
