"""Noise from another seed: from a time on all that is drawn while the network runs, and nothing of the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.errors import InputError

SPREAD = {"distribution": "uniform", "low": -70, "high": -55}
NETWORK: dict[str, Any] = {
    "seed": 5,
    "simulation": {"dt_ms": 0.5, "duration_ms": 60, "threads": 1, "block_size": 16},
    "populations": {
        "E": {"model": "iaf_psc_exp", "size": 40, "initial": {"V_m_mV": SPREAD}},
        "noise": {"model": "poisson_source", "size": 20, "parameters": {"rate_hz": 150}},
    },
    "projections": {
        "EE": {
            "source": "E", "target": "E", "rule": {"kind": "fixed_outdegree", "outdegree": 9}, "weight_pA": 90,
            "delay_ms": 1, "procedural": True,
        },
        "NE": {"source": "noise", "target": "E", "rule": {"kind": "all_to_all"}, "weight_pA": 60, "delay_ms": 1},
    },
}  # fmt: skip


def spikes(**values: Any) -> list[tuple[int, int]]:
    steps, gids = dtbsim.run(NETWORK, temporary=True, set=values).open().spike_steps()
    return sorted(zip(steps.tolist(), gids.tolist(), strict=True))


def test_random_sources_and_a_network_that_is_drawn_while_it_runs() -> None:
    """Procedural synapses are drawn at every spike, from the seed of the network: the same spikes reach the same."""
    as_it_is = spikes()
    assert spikes(**{"changes.n": {"noise_seed": 5}}) == as_it_is
    other = spikes(**{"changes.n": {"t_ms": 33.5, "noise_seed": 6}})
    assert [spike for spike in other if spike[0] < 67] == [spike for spike in as_it_is if spike[0] < 67]
    sources = [spike for spike in other if spike[1] >= 40]
    assert sources != [spike for spike in as_it_is if spike[1] >= 40]
    assert spikes(**{"changes.n": {"t_ms": 33.5, "noise_seed": 6}, "simulation.threads": 3}) == other
    stored = {"changes.n": {"t_ms": 33.5, "noise_seed": 6}, "projections.EE.procedural": False}
    assert spikes(**stored) == other, "synapses that are drawn again are those that are drawn once"
    back = {"changes.n": {"t_ms": 20, "noise_seed": 6}, "changes.m": {"t_ms": 40, "noise_seed": 5}}
    again = spikes(**back)
    late = [[spike for spike in found if spike[0] >= 80 and spike[1] >= 40] for found in (again, as_it_is)]
    assert late[0] == late[1]


def test_the_network_is_drawn_from_its_own_seed() -> None:
    one = dtbsim.validate(NETWORK, set={"changes.n": {"noise_seed": 6}})
    assert (one.seed, one.noise_seed_at(0)) == (5, 6)
    steps = [one.noise_seed_at(step) for step in (0, 50)]
    assert steps == [6, 6]
    assert dtbsim.validate(NETWORK).noise_seed_at(10) == 5
    values = dtbsim.build(NETWORK, set={"changes.n": {"noise_seed": 6}}).populations["E"].initial_states
    np.testing.assert_array_equal(values, dtbsim.build(NETWORK).populations["E"].initial_states)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"noise_seed": 3, "set": {"I_e_pA": 1}}, "noise_seed changes nothing else"),
        ({"noise_seed": 3, "population": "E"}, "give one of population, projection, drive, coupling, noise_seed"),
        ({"noise_seed": -3}, "changes.n.noise_seed"),
        ({"noise_seed": 3, "t_ms": 0.3}, "changes.n.t_ms"),
    ],
)
def test_bad_input(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem.replace(".", r"\.")):
        dtbsim.validate(NETWORK, set={"changes.n": change})
