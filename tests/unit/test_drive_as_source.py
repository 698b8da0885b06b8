"""Drives that are sources: their spikes are recorded, and reach the target after a delay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate, simulate_ranks
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.spec import Network

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16}
seed: 3
populations: {E: {model: iaf_psc_exp, size: 40}, R: {model: parrot_neuron, size: 25}}
drives:
  x: {DRIVE}
"""


def network(drive: str, *more: str) -> Network:
    return network_of(TEXT.replace("{DRIVE}", "{" + drive + "}") + "".join(more))


def spikes_of(network: Network, name: str, spikes: Any) -> Any:
    """(step, neuron) of one population."""
    population = next(population for population in network.populations if population.name == name)
    inside = (spikes[:, 1] >= population.gid0) & (spikes[:, 1] < population.gid0 + population.size)
    return spikes[inside] - np.array([0, population.gid0])


def test_it_is_a_population_of_parrots_and_a_projection() -> None:
    """Spike for spike what a user would write by hand, after all other neurons."""
    drive = "kind: gamma, rate_hz: 900, shape: 4, windows_ms: [[5, 21], [30, 50]]"
    made = network(f"{drive}, target: E, weight_pA: 600, as_source: true, delay_ms: 2.5")
    by_hand = network_of(
        TEXT.replace("size: 25}", "size: 25}, S: {model: parrot_neuron, size: 40}")
        .replace("{DRIVE}", f"{{{drive}, target: S, weight: 1}}")
        .replace(
            "drives:",
            "projections: {P: {source: S, target: E, rule: one_to_one, weight_pA: 600, delay_ms: 2.5}}\ndrives:",
        )
    )
    assert made.population_names() == ["E", "R", "x.source"]
    spikes = simulate(made)
    assert np.array_equal(spikes, simulate(by_hand))
    assert np.array_equal(spikes, simulate_ranks(made, 2))
    assert len(spikes_of(made, "E", spikes)) > 50
    sent = spikes_of(made, "x.source", spikes)[:, 0]
    assert ((sent >= 50) & (sent < 210) | (sent >= 300) & (sent < 500)).all()


@pytest.mark.parametrize("delay", [1, 7, 150])
def test_spikes_arrive_after_the_delay(delay: int) -> None:
    listed = "kind: spike_trains, spikes: {neuron: [0, 3, 3, 24], time_ms: [1, 2.5, 2.5, 40]}, target: R, weight: 1"
    plain = simulate(network(listed))
    made = network(f"{listed}, as_source: true, delay_ms: {delay / 10}")
    spikes = simulate(made)
    assert np.array_equal(spikes_of(made, "x.source", spikes), plain - np.array([0, 40]))
    assert np.array_equal(spikes_of(made, "R", spikes), plain - np.array([-delay, 40]))


def test_several_targets_regions_and_weights_by_region(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 20, block_size: 16}
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: 20, regions: all}
  N: {model: iaf_psc_exp, size: 30}
drives:
  x: {kind: poisson, target: [E, N], receptor: ex, rate_hz: 2000, weight_pA: 90, as_source: true, fraction: 0.5}
  y:
    kind: poisson
    target: E
    receptor: ex
    rate_hz: {map: gradient, low: 500, high: 3000}
    weight_pA: {map: gradient, low: 20, high: 90}
    as_source: true
    regions: left
"""
    made = network_of(text, base_dir=tmp_path)
    names = [family.name for family in made.families]
    assert names == ["E", "N", "x.source.E", "x.source.N", "y.source"]
    regions = len(made.families[0].populations)
    assert [len(made.families[k].populations) for k in (2, 3, 4)] == [regions, 1, regions]
    weights = made.projection("y.source").weight_factor.tolist()
    assert len(set(weights)) == regions
    assert len(simulate(made)) > 100


def test_recorded_by_name_changed_and_switched(tmp_path: Path) -> None:
    config = {
        "simulation": {"dt_ms": 0.1, "duration_ms": 60},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 40}},
        "drives": {
            "x": {"kind": "poisson", "target": "E", "rate_hz": 100, "weight_pA": 50, "as_source": True, "delay_ms": 1}
        },
        "changes": {"a": {"drive": "x", "t_ms": 30, "set": {"rate_hz": 1000}}},
        "record": {"spikes": {"populations": ["x.source"]}},
    }
    run = dtbsim.run(config, temporary=True).open()
    times = run.spikes_pandas().time_ms
    assert (times < 30).sum() < (times > 30).sum() / 5
    assert run.rates().sel(population="x.source").values.mean() > 100


def test_its_weight_is_that_of_its_projection() -> None:
    drive = "kind: poisson, target: E, rate_hz: 900, weight_pA: 600, as_source: true"
    change = "changes: {a: {NAMED, t_ms: 30, set: {weight_pA: 0}}}\n"
    text = TEXT.replace("{DRIVE}", f"{{{drive}}}") + change.replace("NAMED", "projection: x.source")
    spikes = dtbsim.run(load_config_text(text), temporary=True).open().spikes_pandas()
    times = spikes[spikes.population == "E"].time_ms
    assert (times < 30).sum() > 20
    assert not (times > 33).any()
    with pytest.raises(InputError) as caught:
        network(drive, change.replace("NAMED", "drive: x"))
    assert "changes.a.set.weight_pA" in str(caught.value)
    assert "projection: x.source" in str(caught.value)


@pytest.mark.parametrize(
    ("drive", "message"),
    [
        ("kind: poisson, target: E, rate_hz: 9, weight_pA: 1, delay_ms: 1", "add as_source: true"),
        ("kind: poisson, target: E, rate_hz: 9, weight_pA: 1, as_source: true, delay_ms: 0.05", "drives.x.delay_ms"),
        ("kind: poisson, target: E, rate_hz: 9, weight_pA: 1, as_source: true, delay_ms: 1.23", "drives.x.delay_ms"),
        ("kind: poisson, target: E, rate_hz: 9, weight_pA: 1, as_source: true, delay_ms: 1001", "drives.x.delay_ms"),
        ("kind: poisson, target: F, rate_hz: 9, weight_pA: 1, as_source: true", "no population 'F'"),
        ("kind: poisson, target: E, rate_hz: 9, weight_mV: 1, as_source: true", "drives.x.weight_mV"),
        ("kind: poisson, target: E, rate_hz: 9, weight_pA: 1, as_source: true, receptor: up", "drives.x.receptor"),
        ("kind: dc, target: E, amplitude: 9, as_source: true", "drives.x.as_source"),
    ],
)
def test_bad_sources(drive: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        network(drive)
    assert_for_people(caught.value)
    assert message in str(caught.value)
