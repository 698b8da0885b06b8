"""Members of an ensemble: what differs between them, and which are runs of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtbsim.cli.run import _separate_members
from dtbsim.config import load_config_text, load_located
from dtbsim.errors import InputError
from dtbsim.spec import compile_network

NEURONS = """\
seed: 7
simulation: {duration_ms: 20}
populations: {E: {model: iaf_psc_exp, size: 20}}
drives: {p: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
"""
REGIONS = """\
seed: 7
simulation: {dt_ms: 1, duration_ms: 20}
populations: {x: {model: hopf}}
couplings: {c: {source: x, target: x, weights: all}}
"""


def _located(folder: Path, text: str, ensemble: str) -> list[dict[str, object]] | None:
    (folder / "net.yaml").write_text(f"{text}ensemble: {ensemble}\n")
    return _separate_members(load_located(folder / "net.yaml"))


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
