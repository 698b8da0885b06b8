"""Plasticity that follows dopamine: the compiled engine against a plain simulator that looks at all spikes, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.helpers.changing_synapses import REWARD_SYNAPSES as SYNAPSES
from tests.helpers.changing_synapses import reward_text as text_of
from tests.helpers.networks import (
    built_rank,
    dynamic_synapses_of,
    network_of,
    population,
    simulate,
    simulate_ranks,
    sorted_rows,
    spikes_of,
    synapses_of,
)
from tests.helpers.reference_engine import ReferenceEngine
from tests.helpers.reward_reference import RewardReference

from dtbsim.backends.cpu import CpuBackend
from dtbsim.build.rank import plan_rank
from dtbsim.exchange.plan import plan_exchange
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.spec import Network


class Compared:
    """A run of the compiled engine, its plastic weights at the end, and the same of the reference."""

    def __init__(self, network: Network, tidy_at: Sequence[int] = (), change: Any = None) -> None:
        built = built_rank(network, threads=2)
        static, dynamic = synapses_of(built), dynamic_synapses_of(built)
        dopamine = population(network, "DA")
        ((part, table),) = dynamic
        self.part = RewardReference(part, table.copy(), network.dt_ms, range(dopamine.start, dopamine.stop))
        if change is not None:
            change(self.part)
        backend = CpuBackend(built, None, 2)
        at = 0
        for stop in [*tidy_at, network.n_steps]:
            backend.advance(at, stop)
            for tables in backend.tables.dynamic:
                tables.catch_up(0, stop)
            at = stop
        self.spikes = spikes_of(backend)
        ((_, table),) = dynamic_synapses_of(built)
        self.weights = table[:, [0, 1, 4, 3]]
        backend.close()
        self.expected = ReferenceEngine(network, static, dynamic=[self.part]).run()
        self.part.finish(network.n_steps, int(table[:, 4].max()))
        self.final = self.part.table[:, [0, 1, 4, 3]].copy()
        self.final[:, 3] = self.part.whole

    def same_weights(self) -> bool:
        return np.array_equal(sorted_rows(self.weights), sorted_rows(self.final))


@pytest.mark.parametrize("name", SYNAPSES)
def test_spikes_and_weights_are_those_of_the_reference(name: str) -> None:
    network = network_of(text_of(name))
    run = Compared(network)
    assert len(run.spikes) > 700
    assert np.array_equal(run.spikes, run.expected)
    assert run.same_weights()
    assert sum(run.part.released.values()) > 150
    fine = run.part.largest / 100
    final = run.final[:, 3] / fine
    changes = np.abs(run.final[:, 3] - run.part.table[:, 3]) / fine
    assert (changes > 0.01).mean() > 0.9, "pA"
    if name == "bounded":
        assert (final.min(), final.max()) == pytest.approx((15, 100))
    else:
        assert ((final > 0) & (final < 100)).all()


@pytest.mark.parametrize("name", ["slow updates", "fast updates", "frozen"])
def test_it_makes_no_difference_when_synapses_are_advanced(name: str) -> None:
    network = network_of(text_of(name))
    often, once = Compared(network, tidy_at=range(37, network.n_steps, 61)), Compared(network)
    assert np.array_equal(often.spikes, once.spikes)
    assert np.array_equal(sorted_rows(often.weights), sorted_rows(once.weights))
    assert often.same_weights()


@pytest.mark.parametrize("name", SYNAPSES)
def test_the_division_of_work_does_not_show(name: str) -> None:
    network = network_of(text_of(name))
    expected = simulate(network, threads=1)
    assert np.array_equal(simulate(network, threads=2, chunks=[100, 111, 1111]), expected)
    assert np.array_equal(simulate(network, kind=L.KIND_WIDE64), expected)
    assert np.array_equal(simulate_ranks(network, 2), expected)
    assert np.array_equal(simulate_ranks(network, 3, board=True, chunks=[500, 777]), expected)


def test_dopamine_is_heard_on_every_rank_that_needs_it() -> None:
    """The dopamine population projects to nobody; its spikes travel with the smallest delay of the projection."""
    text = text_of("one delay").replace("  EI:", "  # EI:").replace("  IE:", "  # IE:")
    network = network_of(text, "simulation.partitioner=contiguous")
    blocks = plan_rank(network, 0, 3, 1).blocks
    plan = plan_exchange(network, blocks, 3)
    e, _, dopamine = range(3)
    owners = [set(blocks.rank[blocks.population == k].tolist()) for k in range(3)]
    assert plan.window == 7
    assert not owners[e] & owners[dopamine]
    assert all(plan.needs[rank, dopamine] for rank in owners[e])
    assert not any(plan.needs[rank, dopamine] for rank in set(range(3)) - owners[e])


@pytest.mark.parametrize("parameter", ["A_plus", "A_minus", D.P_GAIN, D.P_LOSS, D.P_RELEASE])
def test_a_slightly_other_rule_shows(parameter: str | int) -> None:
    def change(part: RewardReference) -> None:
        values = part.p if isinstance(parameter, str) else part.table_of_p
        values[parameter] *= np.float32(1.001)  # type: ignore[index]

    assert not Compared(network_of(text_of("fast updates"), "simulation.duration_ms=300"), change=change).same_weights()
