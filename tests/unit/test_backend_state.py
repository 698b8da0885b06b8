"""The state of a backend: taken in the middle of a run, loaded for another division, and run on to the same end."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.changing_synapses import DYNAMIC_SYNAPSES, REWARD_SYNAPSES, dynamic_text, reward_text
from tests.helpers.continued import Division, assert_goes_on, assert_same_state, stretch
from tests.helpers.drive_zoo import OTHERWISE, drive_zoo
from tests.helpers.model_zoo import NAMES, model_zoo
from tests.helpers.networks import built_rank, network_of
from tests.helpers.random_networks import random_network
from tests.helpers.several_spikes import SYNAPSES, several_spikes
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.state import merge_states, state_bytes
from dtbsim.errors import InputError, NumericsError
from dtbsim.models.synapses import SYNAPSE_MODELS
from dtbsim.spec import Network
from dtbsim.spec.packed import pack

SECOND = [Division(2, 1, slots=100), Division(3, 2, board=True), Division(1, 3), Division()]
FIRST = [Division(), Division(3, 2, nodes=2), Division(3, 1, board=True)]
SAMPLED = "record.states=[{population: E, variables: [V_m_mV], neurons: 9, interval_ms: 0.4}]"
WEIGHTS = "record.weights=[{projection: EE, neurons: 12}]"


def check(network: Network, *shares: float) -> None:
    """Interrupt at these shares of the run, with another division every time."""
    for share, first, second in zip(shares, FIRST, SECOND, strict=False):
        assert_goes_on(network, max(1, int(share * network.n_steps)), first, second)


def test_all_rules_and_models(tmp_path: Path) -> None:
    check(zoo(tmp_path, SAMPLED), 0.02, 0.5, 0.93)


def test_all_drives(tmp_path: Path) -> None:
    check(drive_zoo(tmp_path, SAMPLED), 0.013, 0.31, 0.77)


@pytest.mark.parametrize("names", [NAMES[:9], NAMES[9:]], ids=["first", "second"])
def test_every_neuron_model(names: list[str]) -> None:
    check(model_zoo(*names), 0.5)


@pytest.mark.parametrize("name", by_day(DYNAMIC_SYNAPSES, [*DYNAMIC_SYNAPSES][::2]))
def test_synapses_that_change(name: str) -> None:
    plastic = name not in ("depression and facilitation", "saturation")
    check(network_of(dynamic_text(name), SAMPLED, *([WEIGHTS] if plastic else [])), 0.004, 0.35, 0.8)


def test_every_synapse_model_is_among_them() -> None:
    text = " ".join([*DYNAMIC_SYNAPSES.values(), *(synapse for synapse, _ in REWARD_SYNAPSES.values())])
    assert [name for name in SYNAPSE_MODELS.names() if f"kind: {name}," not in text] == []


@pytest.mark.parametrize("name", REWARD_SYNAPSES)
def test_dopamine(name: str) -> None:
    check(network_of(reward_text(name), SAMPLED, WEIGHTS), 0.004, 0.35, 0.8)


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_several_spikes_in_a_step(synapse: str) -> None:
    check(several_spikes(synapse), 0.2, 0.6)


@pytest.mark.parametrize("seed", range(3))
def test_random_networks(seed: int, tmp_path: Path) -> None:
    check_random(seed, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(3, 150))
def test_more_random_networks(seed: int, tmp_path: Path) -> None:
    check_random(seed, tmp_path)


def check_random(seed: int, folder: Path) -> None:
    _, network = random_network(seed, folder)
    draw = random.Random(seed)
    blocks = int((-(-network.sizes // network.block_size)).sum())

    def division() -> Division:
        ranks = draw.randint(1, min(3, blocks))
        return Division(ranks, draw.randint(1, 3), draw.random() < 0.5, draw.choice([200, 65_536]), 64)

    step = draw.randint(1, network.n_steps - 1)
    try:
        assert_goes_on(network, step, division(), division())
    except NumericsError as error:
        pytest.skip(f"the network becomes invalid: {error.message}")


PROCEDURAL = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16}
seed: 8
populations:
  A: {model: iaf_psc_exp, size: 60, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
projections:
  far:
    source: A
    target: A
    rule: {kind: fixed_outdegree, outdegree: 20}
    weight_pA: {distribution: normal, mean: 40, sd: 25}
    delay_ms: {distribution: uniform, low: 0.3, high: 9}
    procedural: true
  near: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: -9, delay_ms: 2, procedural: true}
drives:
  bg: {kind: poisson, target: A, receptor: ex, rate_hz: 8000, weight_pA: 60}
"""


def test_procedural_projections() -> None:
    network = network_of(PROCEDURAL)
    assert len(stretch(network, Division(), (0, network.n_steps)).spikes) > 200
    check(network, 0.3, 0.31, 0.8)


STATIC = """\
simulation: {dt_ms: 0.1, duration_ms: 40, block_size: 16}
seed: 8
populations:
  A: {model: iaf_psc_exp, size: 60, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
projections:
  AA:
    source: A
    target: A
    rule: {kind: fixed_indegree, indegree: 12}
    weight_pA: {distribution: normal, mean: 40, sd: 15}
    delay_ms: {distribution: uniform, low: 0.3, high: 4}
    receptor: ex
drives:
  bg: {kind: poisson, target: A, receptor: ex, rate_hz: 8000, weight_pA: 60}
"""


CONTROLLED = """\
atlas: small.npz
simulation: {dt_ms: 0.5, duration_ms: 60, block_size: 16}
populations:
  M: {model: iaf_psc_exp, size: 20, regions: all, parameters: {I_e_pA: {map: gradient, low: 300, high: 500}}}
  N: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: 400}}
controllers:
  one:
    kind: homeostatic_tonic
    population: M
    parameter: I_e_pA
    target_rate_hz: 4
    interval_ms: 50
    gain: 20
    clip: 2
    start: 7
    stages: [{start_ms: 0, eta: 0.3}]
"""


def test_parameters_set_during_the_run(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    network = network_of(CONTROLLED, base_dir=tmp_path)
    n = network.families[0].populations.size

    def raise_current(backend: Any, step: int) -> None:
        if step == 40:
            backend.set_parameter(0, "I_e_pA", np.linspace(500, 700, n))

    plain = stretch(network, Division(), (0, 40, network.n_steps))
    whole = stretch(network, Division(), (0, 40, network.n_steps), before=raise_current)
    assert len(whole.spikes) > len(plain.spikes)
    assert_goes_on(network, 70, Division(2), Division(3, 2), (40,), raise_current)


@pytest.mark.parametrize("step", [190, 330])
def test_drives_set_during_the_run(tmp_path: Path, step: int) -> None:
    """Taken right after they were set, and later, when the first of them are over."""
    network, others = drive_zoo(tmp_path, SAMPLED), drive_zoo(tmp_path, *OTHERWISE).drives

    def change(backend: Any, now: int) -> None:
        if now == 170:
            backend.set_drives(others)

    plain = stretch(network, Division(), (0, 170, network.n_steps))
    whole = stretch(network, Division(), (0, 170, network.n_steps), before=change)
    assert not np.array_equal(whole.spikes, plain.spikes)
    assert whole.state["drives/packed"].size > 0
    assert plain.state["drives/packed"].size == 0
    assert_goes_on(network, step, Division(2), Division(3, 2), (170,), change)
    assert_goes_on(network, step, Division(3, 1, board=True), Division(), (170,), change)


def test_weights_set_during_the_run() -> None:
    network = network_of(STATIC)
    weaker = network.projections[0].weight.map(0.4)

    def change(backend: Any, now: int) -> None:
        if now == 150:
            backend.set_weights({0: weaker})

    plain = stretch(network, Division(), (0, 150, network.n_steps))
    whole = stretch(network, Division(), (0, 150, network.n_steps), before=change)
    assert len(plain.spikes) > 100
    assert not np.array_equal(whole.spikes, plain.spikes)
    assert_goes_on(network, 151, Division(2), Division(3, 2), (150,), change)
    assert_goes_on(network, 290, Division(1, 2), Division(2), (150,), change)


def test_weights_that_this_division_has_no_room_for() -> None:
    """Synapses of 16 bits, as they are here, hold no hundredfold weight."""
    network = network_of(STATIC)
    state = dict(stretch(network, Division(), (0, 5)).state)
    state["weights/packed"] = pack({0: network.projections[0].weight.map(100.0)})
    backend = CpuBackend(built_rank(network), None, 1)
    with pytest.raises(InputError, match=r"so large a weight does not fit the synapses that were built; up to \d+"):
        backend.load(state)
    backend.close()


def test_drives_of_another_network(tmp_path: Path) -> None:
    network = drive_zoo(tmp_path)
    state = stretch(network, Division(), (0, 5), before=lambda backend, _: backend.set_drives(network.drives)).state
    one = network_of("simulation: {duration_ms: 10}\npopulations: {A: {model: iaf_psc_exp, size: 3}}\n")
    backend = CpuBackend(built_rank(one), None, 1)
    with pytest.raises(InputError, match="the state has drives or weights of another network"):
        backend.load(state)
    backend.close()


def test_a_state_can_be_taken_without_changing_the_run() -> None:
    network = network_of(dynamic_text("triplets"), WEIGHTS)
    plain = stretch(network, Division(2), (0, network.n_steps))
    watched = stretch(network, Division(2), (0, 1000, network.n_steps), before=lambda backend, step: backend.state())
    assert np.array_equal(watched.spikes, plain.spikes)
    assert_same_state(watched.state, plain.state)


def test_the_state_of_a_new_run_is_its_beginning(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    assert_goes_on(network, 0, Division(2), Division(3))


def test_bytes_per_neuron_and_synapse() -> None:
    """As docs/adr/0030-backend-state.md says: 4 bytes for the gid and each state, 4 for each plastic weight and 12 for
    each target; static synapses take none."""
    network = network_of(dynamic_text("multiplicative"))
    state = stretch(network, Division(), (0, 1)).state
    per_neuron = {family.name: 4 + 4 * len(family.model.states) for family in network.families}
    sizes = {family.name: int(network.sizes[family.populations].sum()) for family in network.families}
    assert state_bytes(state)["neurons"] == sum(per_neuron[name] * size for name, size in sizes.items())
    assert state["synapses/EE/weight"].nbytes == 4 * 34 * 9
    assert sum(state[f"synapses/EE/target/{name}"].nbytes for name in ("gid", "indegree", "spikes")) == 12 * 34
    assert not any(name.startswith("synapses/EI/") for name in state)


def test_states_that_do_not_fit(tmp_path: Path) -> None:
    network = network_of(dynamic_text("additive"))
    state = dict(stretch(network, Division(), (0, 50)).state)
    larger = network_of(dynamic_text("additive").replace("size: 34", "size: 50"))
    others = network_of(dynamic_text("additive").replace("indegree: 9", "indegree: 8"))
    without = {name: array for name, array in state.items() if name != "neurons/E/V_m_mV"}
    later = stretch(network, Division(), (0, 60)).state
    for other, given, message in (
        (larger, state, "lacks 16 neurons"),
        (others, state, "neuron 0 has 9 synapses in the state and 8 here"),
        (network, without, "the state has no neurons/E/V_m_mV"),
        (network, merge_states([state, later]), r"parts of steps \[50, 60\]"),
    ):
        backend = CpuBackend(built_rank(other), None, 1)
        with pytest.raises(InputError, match=message):
            backend.load(given)
        backend.close()
    backend = CpuBackend(built_rank(network), None, 1)
    backend.advance(0, 5)
    with pytest.raises(RuntimeError, match="has stepped to 5"):
        backend.load(state)
    backend.close()
