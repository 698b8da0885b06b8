"""Neurons that spike several times in a step, through every kind of synapse: equal to a plain simulator, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.dynamic_reference import DynamicReference
from tests.helpers.networks import (
    built_rank,
    dynamic_synapses_of,
    simulate,
    simulate_ranks,
    sorted_rows,
    spikes_of,
    synapses_of,
)
from tests.helpers.reference_engine import ReferenceEngine
from tests.helpers.reward_reference import RewardReference
from tests.helpers.several_spikes import DELAYS, SYNAPSES, several_spikes
from tests.helpers.stateful_reference import reference_of as plain_reference_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.spec import Network


def reference_of(network: Network, part: Any, table: Any) -> DynamicReference:
    if not part.projection.modulators:
        return plain_reference_of(part, table, network.dt_ms)
    (released,) = [network.populations[p] for p in part.projection.modulators]
    return RewardReference(part, table, network.dt_ms, range(released.gid0, released.gid0 + released.size))


BY_DAY = {
    ("pair", "drawn"),
    *((name, "one") for name in ("static", "depressing", "pair", "triplet")),
}


@pytest.mark.parametrize(
    ("synapse", "delays"),
    [
        pytest.param(synapse, delays, marks=[] if (synapse, delays) in BY_DAY else [pytest.mark.nightly])
        for synapse in SYNAPSES
        for delays in DELAYS
    ],
)
def test_spikes_and_weights_are_those_of_the_reference(synapse: str, delays: str) -> None:
    network = several_spikes(synapse, delays)
    built = built_rank(network, threads=2)
    static = synapses_of(built)
    parts = [reference_of(network, part, table.copy()) for part, table in dynamic_synapses_of(built)]
    backend = CpuBackend(built, None, 2)
    for start, stop in ((0, 333), (333, 800), (800, network.n_steps)):
        backend.advance(start, stop)
        for tables in backend.tables.dynamic:
            for index in range(len(tables.parts)):
                tables.catch_up(index, stop)
    found = spikes_of(backend)
    weights = [table for _, table in dynamic_synapses_of(built)]
    backend.close()
    expected = ReferenceEngine(network, static, dynamic=parts).run()
    assert np.array_equal(found, expected)
    several = np.unique(found, axis=0, return_counts=True)[1]
    assert (several > 1).sum() > 500, "spikes come in twos and more"
    assert several.max() > 3
    for part, table in zip(parts, weights, strict=True):
        if isinstance(part, RewardReference):
            part.finish(network.n_steps, int(part.table[:, 4].max()))
            expected_weights = np.array(part.whole)
        elif part.dynamics.plastic:
            until = network.n_steps - 2 * network.max_delay_steps
            delay = part.table[:, 4].tolist()
            expected_weights = np.array([int(part.pending(k, until, network.n_steps - d)) for k, d in enumerate(delay)])
            assert (expected_weights != part.table[:, 3]).mean() > 0.5
        else:
            continue
        rows = np.column_stack([part.table[:, :3], expected_weights, part.table[:, 4]])
        assert np.array_equal(table, sorted_rows(rows))


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_the_division_of_work_does_not_show(synapse: str) -> None:
    network = several_spikes(synapse)
    expected = simulate(network)
    assert np.array_equal(simulate(network, threads=3, chunks=(7, 50, 51, 700)), expected)
    for n_ranks, options in ((2, {}), (3, {"words": 3}), (2, {"board": True, "capacity": 3}), (3, {"board": True})):
        assert np.array_equal(simulate_ranks(network, n_ranks, **options), expected), (n_ranks, options)
