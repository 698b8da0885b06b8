"""Networks drawn at random give the same on CPUs and on emulated GPUs, on any number of threads and ranks, bit for bit.

Spikes, sampled states, weights, rates, synapses and events of whole runs are compared. A seed that fails shows its
network: what is found gets a test of its own, since another generator draws other networks.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.helpers.random_networks import random_network
from tests.helpers.random_runs import assert_all_ways_agree
from tests.helpers.shim_device import GXX, ShimDevice

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
EVERY_TIME = range(3)
NIGHTLY = range(3, 240)


@pytest.fixture(autouse=True)
def _shim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda _: ShimDevice())


@pytest.mark.parametrize("seed", EVERY_TIME)
def test_every_way_to_compute_a_network_gives_the_same(seed: int, tmp_path: Path) -> None:
    assert_all_ways_agree(seed, *random_network(seed, tmp_path), tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", NIGHTLY)
def test_many_networks(seed: int, tmp_path: Path) -> None:
    assert_all_ways_agree(seed, *random_network(seed, tmp_path), tmp_path)


def test_the_networks_are_varied_and_alive(tmp_path: Path) -> None:
    """All rules, scopes, drives, synapses and models occur within the nightly seeds, and those of every time spike."""
    seen: Counter[str] = Counter()
    for seed in NIGHTLY:
        data, network = random_network(seed, tmp_path)
        seen.update({f"model {item['model']}" for item in data["populations"].values()})
        for item in data["projections"].values():
            seen.update([f"rule {item['rule']['kind']}", f"scope {item.get('scope')}"])
            seen.update([f"synapse {item.get('synapse', {}).get('kind')}", f"procedural {item.get('procedural')}"])
            delay = item.get("delay_ms")
            drawn = [value for value in item.values() if isinstance(value, dict) and "distribution" in value]
            seen.update(f"{value['distribution']} {value['outside']}" for value in drawn if "outside" in value)
            seen[f"delay {'tract' if isinstance(delay, dict) and 'tract_velocity_m_per_s' in delay else 'own'}"] += 1
        seen.update(f"drive {item['kind']}" for item in data["drives"].values())
        seen.update(f"controller {item['kind']}" for item in data["controllers"].values())
        seen["one neuron"] += int((network.sizes == 1).any())
        seen["weights recorded"] += bool(data["record"]["weights"])
    rules = (
        "fixed_indegree",
        "fixed_total_number",
        "pairwise_bernoulli",
        "all_to_all",
        "one_to_one",
        "fixed_outdegree",
        "explicit",
        "distance_dependent",
    )
    synapses = ("tsodyks_markram", "saturating_nmda", "stdp", "stdp_power_law", "stdp_triplet", "stdp_dopamine")
    drives = ("poisson", "inhomogeneous_poisson", "sinusoidal_poisson", "spike_trains", "dc", "step_current", "ramp")
    drives += ("sinusoidal", "ac", "noise_current", "ou_current")
    wanted = [f"rule {kind}" for kind in rules] + [f"synapse {kind}" for kind in (None, *synapses)]
    wanted += [f"drive {kind}" for kind in drives] + [
        "delay tract",
        "procedural True",
        "one neuron",
        "weights recorded",
    ]
    wanted += [f"{kind} {way}" for kind in ("normal", "lognormal", "exponential") for way in ("redraw", "clip")]
    wanted += [f"scope {kind}" for kind in (None, "all", "same_region", "connectome")]
    wanted += [f"controller {kind}" for kind in ("homeostatic_tonic", "synaptic_scaling")]
    assert {name: seen[name] for name in wanted if seen[name] < 5} == {}
    assert sum(name.startswith("model ") for name in seen) >= 20
