"""Which execution plan is chosen for which network and GPU."""

from __future__ import annotations

import dataclasses
import re

import pytest
from tests.helpers.networks import network_of

from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.errors import InputError
from dtbsim.kernels import layout as L

H200 = Limits(multiprocessors=132, shared_bytes=227 << 10, cache_bytes=50 << 20, free_bytes=139 << 30)
NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 10, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 300}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_outdegree, outdegree: 5}, weight_pA: 80, delay_ms: 3.1}
"""


def test_a_small_network_is_persistent_with_a_lane_per_multiprocessor() -> None:
    network = network_of(NETWORK)
    choice = choose_plan(network, 0, 1, H200)
    assert choice.name == "persistent"
    assert len(choice.layout.lanes) == 19
    assert choice.reason == "19 blocks hold all neurons in shared memory"
    assert len(choose_plan(network, 0, 1, dataclasses.replace(H200, multiprocessors=4)).layout.lanes) == 4
    assert network.ring_steps == 32


def test_the_microcircuit_is_persistent_on_an_h200() -> None:
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 10}
circuits:
  column: {kind: potjans_diesmann}
"""
    choice = choose_plan(network_of(text), 0, 1, H200)
    assert choice.name == "persistent"
    assert len(choice.layout.lanes) == 132
    assert max(lane.n_local for lane in choice.layout.lanes) < 700


@pytest.mark.parametrize(
    ("override", "limits", "reason"),
    [
        ("projections.EE.procedural=true", {}, "projection 'EE' is procedural"),
        (
            "projections.EE.synapse={kind: tsodyks_markram, tau_rec_ms: 100, tau_fac_ms: 1, U: 0.5}",
            {},
            "synapses of projection 'EE' change",
        ),
        ("seed=1", {"shared_bytes": 1000}, "a block needs .* bytes of shared memory, it has 1,000"),
        ("seed=1", {"cache_bytes": 1000}, "the input of coming steps .* does not fit the level-2 cache"),
        ("populations.E.size=5000000", {}, "5,000,000 neurons on 1 rank.* are too many"),
        ("populations.E.size=1100000", {}, "more than 1,048,576"),
    ],
)
def test_else_the_general_plan_with_the_reason(override: str, limits: dict[str, int], reason: str) -> None:
    network = network_of(NETWORK, override)
    choice = choose_plan(network, 0, 1, dataclasses.replace(H200, **limits))
    assert choice.name == "general"
    assert re.search(reason, choice.reason)
    with pytest.raises(InputError, match=reason) as error:
        choose_plan(network, 0, 1, dataclasses.replace(H200, **limits), "persistent")
    assert error.value.where == "simulation.gpu_plan"


@pytest.mark.parametrize(("delay_ms", "plan"), [(0.1, "general"), (1.9, "general"), (2.0, "persistent")])
def test_ranks_that_exchange_often_take_the_general_plan(delay_ms: float, plan: str) -> None:
    """Half of the shortest delay between them is a launch; an order is followed whatever it is."""
    network = network_of(NETWORK, f"projections.EE.delay_ms={delay_ms}")
    choice = choose_plan(network, 0, 2, H200)
    assert choice.name == plan
    if plan == "general":
        steps = max(1, round(delay_ms / 0.1) // 2)
        assert choice.reason == (
            f"ranks exchange every {steps} step(s), and the persistent plan needs 10 or more to be faster"
        )
    assert choose_plan(network, 0, 2, H200, "persistent").name == "persistent"
    assert choose_plan(network, 0, 1, H200).name == "persistent"


def test_multiprocessors_without_lanes_where_there_are_other_ranks() -> None:
    """For the kernels of NCCL."""
    network = network_of(NETWORK, "populations.E.size=6000")
    assert len(choose_plan(network, 0, 1, H200).layout.lanes) == 132
    assert len(choose_plan(network, 0, 2, H200).layout.lanes) == 130
    assert len(choose_plan(network, 0, 2, dataclasses.replace(H200, multiprocessors=1)).layout.lanes) == 1


def test_an_order_is_followed() -> None:
    network = network_of(NETWORK)
    choice = choose_plan(network, 0, 1, H200, "general")
    assert (choice.name, choice.reason, len(choice.layout.lanes)) == ("general", "simulation.gpu_plan", 1)
    assert choose_plan(network, 0, 1, H200, "persistent").reason == "simulation.gpu_plan"


@pytest.mark.parametrize(("procedural", "n_lanes", "kind"), [(False, 3, L.KIND_PACKED), (True, 1, L.KIND_WIDE16)])
def test_lanes_share_stored_synapses_but_not_procedural_ones(procedural: bool, n_lanes: int, kind: int) -> None:
    more = "  more: {source: E, target: E, rule: {kind: one_to_one}, weight_pA: 80, delay_ms: 3.1, procedural: PROC}\n"
    text = (NETWORK + more.replace("PROC", str(procedural).lower())).replace("size: 300", "size: 150000")
    layout = choose_plan(network_of(text, "simulation.block_size=4096"), 0, 1, H200, "general").layout
    assert (len(layout.lanes), layout.synapse_kind) == (n_lanes, kind)
