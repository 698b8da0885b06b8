"""Synapses of the persistent plan in one word each: slot, delay and weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.two_backends import assert_same, on_cpu, stepped

from dtbsim.backends.cuda.one_word import MOST_SLOTS, put_in_words
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.backends.cuda.rows import NO_SYNAPSE
from dtbsim.build.rank import build_rank
from dtbsim.kernels import device_layout as X

BALANCED = """\
simulation: {dt_ms: 0.5, duration_ms: 45, block_size: 100}
populations:
  E: {model: iaf_psc_exp, size: 2000, parameters: {tau_syn_in_ms: 3.0}}
  I: {model: iaf_psc_exp, size: 500, parameters: {tau_syn_in_ms: 3.0}}
projections:
  E: {source: E, target: [E, I], rule: {kind: fixed_indegree, indegree: 30},
      weight_pA: {distribution: normal, mean: 60, sd: 6, low: 0, outside: redraw}, delay_ms: DELAY}
  I: {source: I, target: [E, I], rule: {kind: fixed_indegree, indegree: 8}, weight_pA: -240, delay_ms: DELAY}
drives: {bg: {kind: poisson, target: [E, I], rate_hz: 9000, weight_pA: 100}}
"""


def _synapses(rng: Any, n: int, slots: Any, weights: Any) -> Any:
    words = (np.asarray(weights, np.int32) << 16).view(np.uint32) | np.asarray(slots, np.uint32)
    words[rng.random(n) < 0.1] = NO_SYNAPSE
    return words


def _told(words: Any, negative: int) -> tuple[Any, Any, Any]:
    """Slots, delays, weights."""
    weights = words.view(np.int32) >> 16
    return (words & 1023) + negative * (weights < 0), (words >> 10) & 63, weights


@pytest.mark.parametrize(("n_slots", "negative"), [(MOST_SLOTS, 0), (2 * MOST_SLOTS, MOST_SLOTS)])
def test_words_tell_slot_delay_and_weight(n_slots: int, negative: int) -> None:
    rng, n = np.random.default_rng(1), 5000
    slots, weights, delays = rng.integers(n_slots, size=n), rng.integers(-(2**15), 2**15, n), rng.integers(64, size=n)
    if negative:
        weights = np.where(slots < negative, np.abs(weights) & 0x7FFF, -np.abs(weights))
    given = _synapses(rng, n, slots, weights)
    words, there = given.copy(), given != NO_SYNAPSE
    assert put_in_words(words, delays.astype(np.uint8), n_slots, 64) == negative
    np.testing.assert_array_equal(words == NO_SYNAPSE, ~there)
    found = _told(words[there], negative)
    nothing = (weights == 0)[there]
    for one, other in zip(found, (slots, delays, weights), strict=True):
        np.testing.assert_array_equal(one[~nothing], other[there][~nothing])
    assert (found[2][nothing] == 0).all()


@pytest.mark.parametrize(
    ("n_slots", "ring", "slot", "weight"),
    [
        (10, 128, 3, 5),  # delays of seven bits
        (2 * MOST_SLOTS + 2, 64, 3, 5),
        (MOST_SLOTS + 2, 64, 3, -5),  # an inhibitory weight at an excitatory input
        (MOST_SLOTS + 1, 64, MOST_SLOTS, 5),
    ],
)
def test_what_does_not_fit_stays_as_it_is(n_slots: int, ring: int, slot: int, weight: int) -> None:
    words = _synapses(np.random.default_rng(2), 1, [slot], [weight])
    before = words.copy()
    assert put_in_words(words, np.ones(1, np.uint8), n_slots, ring) is None
    np.testing.assert_array_equal(words, before)


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.parametrize(("delay", "in_words"), [("{distribution: uniform, low: 1, high: 10}", True), ("40", False)])
def test_excitation_and_inhibition_of_more_neurons_than_ten_bits_tell(delay: str, in_words: bool) -> None:
    network = network_of(BALANCED.replace("DELAY", delay))
    layout = choose_plan(network, 0, 1, ShimDevice().limits, "persistent").layout
    backend = PersistentBackend(build_rank(layout, 1), None, ShimDevice())
    table = backend.tables.table
    assert (table[:, X.X_NEGATIVE] > MOST_SLOTS // 2).all() == in_words
    found = stepped(backend, network.n_steps)
    assert_same(found, on_cpu(network))
    assert found[2] > 1000, "events"
    assert (backend.tables.table[:, X.X_DELAY_AT] == 0).all() == in_words
