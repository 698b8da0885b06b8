"""What is known of procedural projections beforehand: counts, memory, lanes, and the proof that no sum overflows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import TARGET, WEIGHT, built_rank, network_of, simulate, synapses_of
from tests.helpers.reference_engine import ReferenceEngine
from tests.unit.test_build_outdegree import shrink_parts
from tests.unit.test_procedural import recurrent

from dtbsim.backends.cpu import CpuBackend
from dtbsim.build.draws import draws_of, largest_weight
from dtbsim.build.procedural import add_largest, largest_indegree, ring_rows, ring_size
from dtbsim.build.rank import plan_rank
from dtbsim.config import load_config_text, load_located
from dtbsim.errors import InputError
from dtbsim.exchange.plan import plan_exchange
from dtbsim.kernels import layout as L
from dtbsim.kernels.row_writer import draw_weight
from dtbsim.models.connections.fixed_outdegree import drawn_indegree
from dtbsim.numerics.fixed_point import FACTOR_BITS
from dtbsim.spec import compile_network

# -- counts, memory, lanes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
def test_procedural_synapses_count_but_take_no_memory(n_ranks: int) -> None:
    stored, procedural = recurrent(False, False), recurrent(True, True)
    total = 160 * 12 + 160 * 4 + 40 * 160 + 40 + 40 * 6
    built = [built_rank(procedural, rank, n_ranks, 2) for rank in range(n_ranks)]
    assert sum(part.n_synapses for part in built) == total
    assert sum(built_rank(stored, rank, n_ranks, 2).n_synapses for rank in range(n_ranks)) == total
    assert sum(state.rows.n_synapses for part in built for state in part.lanes) == 40 * 6
    assert sum(part.plan.n_synapses for part in built) == pytest.approx(total)
    assert sum(part.plan.synapses for part in built) == pytest.approx(40 * 6 * 4, abs=4 * n_ranks)


@pytest.mark.parametrize("kind", [L.KIND_PACKED, L.KIND_WIDE64])
def test_the_plan_has_the_ring(kind: int) -> None:
    network = recurrent(True, True)
    assert ring_size(network) == 32
    assert ring_size(recurrent(False, True)) == 16, "of the procedural projections alone"
    assert ring_size(recurrent(False, False)) == ring_rows(recurrent(False, False)) == 0
    built = built_rank(network, threads=2, kind=kind)
    backend = CpuBackend(built, None, 2)
    rings = [tables._ring for tables in backend.tables.procedural]
    assert [ring.shape for ring in rings] == [(32, state.lane.n_slots) for state in built.lanes]
    assert {ring.dtype for ring in rings} == {np.dtype(np.int64 if kind == L.KIND_WIDE64 else np.int32)}
    assert backend.tables.dynamic_bytes() > sum(ring.nbytes for ring in rings)
    backend.close()
    plan = plan_rank(network, 0, 1, 2).memory
    without = plan_rank(recurrent(False, False), 0, 1, 2).memory
    extra = plan.tables - without.tables
    tables = 3 * 65_537 * 8  # weights of EE and IE, delays of EE; those of IE are one more
    least = sum(32 * 4 * state.lane.n_slots for state in built.lanes) + tables
    assert least < extra < 1.5 * least


LARGE = """\
simulation: {duration_ms: 1, block_size: 16384}
populations: {A: {model: izhikevich, size: 140000}}
projections:
  P: {source: A, target: A, rule: {kind: one_to_one}, weight_mV: 3, delay_ms: 1, procedural: true}
"""


def test_lanes_are_not_packed_where_nothing_is_stored() -> None:
    assert len(plan_rank(network_of(LARGE), 0, 1, 1).lanes) == 1
    mixed = (
        LARGE + "  Q: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 30}, weight_mV: 3, delay_ms: 1}\n"
    )
    assert len(plan_rank(network_of(mixed), 0, 1, 1).lanes) == 3


def test_ranks_hear_the_sources_of_procedural_projections() -> None:
    procedural, stored = (plan_rank(recurrent(p, p), 0, 3, 1) for p in (True, False))
    assert (procedural.candidates.gids() == stored.candidates.gids()).all()
    plans = [plan_exchange(plan.network, plan.blocks, 3) for plan in (procedural, stored)]
    assert plans[0].window == plans[1].window
    assert (plans[0].needs == plans[1].needs).all()


# -- overflow ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 50, 10_000, 10**7])
@pytest.mark.parametrize("targets", [1, 7, 1000, 10**6])
def test_an_indegree_that_is_not_known_is_bounded(n: int, targets: int) -> None:
    bound = drawn_indegree(n, 1.0 / targets, targets)
    assert 0 < bound <= n
    if bound < n:
        rare = -64 * math.log(2) - math.log(targets)
        assert stats.binom.logsf(bound, n, 1.0 / targets) < rare
        mean = n / targets
        assert bound < mean + 12 * math.sqrt(2 * mean) + 90, "and not by much"
    assert drawn_indegree(0, 0.1, 5) == 0


def piece_of(built: Any, name: str) -> Any:
    return next(piece for piece in built.lanes[0].procedural if piece.projection.name == name)


@pytest.mark.parametrize("part", [1 << 20, 24])
def test_bounds_hold_for_what_is_drawn(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    shrink_parts(monkeypatch, part)
    built = built_rank(recurrent(True, True))
    names = ("EE", "EI", "IE", "II")
    degree = {name: largest_indegree(piece_of(built, name)) for name in names}
    assert (degree["IE"], degree["II"]) == (40, 1)
    totals = np.zeros(built.lanes[0].lane.n_slots, np.int64)
    for piece in built.lanes[0].procedural:
        add_largest(piece, totals)
    stored = built_rank(recurrent(False, False))
    sums = np.zeros_like(totals)
    stored.lanes[0].rows.add_magnitudes(sums)
    more = built.lanes[0].rows
    more.add_magnitudes(totals)
    assert (totals >= sums).all()
    synapses = synapses_of(stored)
    indegree = np.bincount(synapses[:, TARGET], minlength=200)
    assert indegree[:160].max() <= degree["EE"] + degree["IE"]
    assert degree["EE"] < 160 * 12, "a bound that says something"


@pytest.mark.parametrize(
    "weight",
    ["40", "-7.3", "{distribution: normal, mean: -5, sd: 30}", "{distribution: exponential, mean: 5, low: 2}"],
)
def test_the_largest_weight_is_the_largest(weight: str) -> None:
    text = """\
simulation: {duration_ms: 1}
populations: {A: {model: iaf_psc_exp, size: 300}}
projections:
  P: {source: A, target: A, rule: {kind: all_to_all}, receptor: ex, weight_pA: WEIGHT, delay_ms: 1}
"""
    network = network_of(text.replace("WEIGHT", weight))
    largest = int(np.abs(synapses_of(built_rank(network))[:, WEIGHT]).max())
    draws = draws_of(network.projections[0], network.families[0].channels[0].quantum, network.dt_ms)
    bound = largest_weight(draws, 1 << FACTOR_BITS)
    assert largest <= bound
    ends = [draw_weight(draws, np.uint32(word), 1 << FACTOR_BITS) for word in (0, 2**32 - 1)]
    assert max(abs(end) for end in ends) == pytest.approx(bound, abs=1), "and some word gives it"
    assert bound <= network.families[0].channels[0].max_weight
    assert largest_weight(draws, 1 << FACTOR_BITS - 1) == pytest.approx(bound / 2, abs=1)


RANGE = """\
simulation: {dt_ms: 0.1, duration_ms: 40, block_size: 16}
populations: {A: {model: iaf_psc_exp, size: 32}}
projections:
  big:
    source: A
    target: A
    rule: RULE
    weight_pA: 800
    delay_ms: 1
    procedural: FIRST
  small: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: 0.01, delay_ms: 1.5, procedural: FIRST}
  away: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: -799, delay_ms: 1.1}
drives: {dc: {kind: dc, target: A, amplitude: 390}}
"""


def ranged(rule: str, procedural: bool) -> Any:
    return network_of(RANGE.replace("RULE", rule).replace("FIRST", str(procedural).lower()))


def test_sums_that_might_overflow_are_widened() -> None:
    """Expected in-degrees fit 32 bits; the bound of what a target may get does not."""
    rule = "{kind: fixed_outdegree, outdegree: 60}"
    network = ranged(rule, True)
    plan = plan_rank(network, 0, 1, 1)
    assert (plan.synapse_kind, plan.acc_bits) == (L.KIND_WIDE32, 32)
    built = built_rank(network)
    assert built.lanes[0].rows.kind == L.KIND_WIDE64
    assert built.lanes[0].acc.dtype == np.int64
    spikes = simulate(network, built=built)
    assert len(spikes) > 30
    assert np.array_equal(spikes, simulate(ranged(rule, False)))
    assert built_rank(ranged("{kind: fixed_outdegree, outdegree: 1}", True)).lanes[0].rows.kind == L.KIND_WIDE32


# -- against the reference engine -------------------------------------------------------------------------------------


def test_spikes_are_those_of_the_reference() -> None:
    stored = recurrent(False, False, "simulation.duration_ms=40")
    procedural = recurrent(True, True, "simulation.duration_ms=40")
    expected = ReferenceEngine(stored, synapses_of(built_rank(stored))).run()
    assert len(expected) > 200
    assert np.array_equal(simulate(procedural, 2), expected)


# -- configuration ----------------------------------------------------------------------------------------------------

ERRORS = """\
simulation: {duration_ms: 1}
populations: {A: {model: iaf_psc_exp, size: 30}}
projections:
  P:
    source: A
    target: A
    rule: RULE
    weight_pA: 40
    delay_ms: 1
    procedural: true
"""
STP = "    synapse: {kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100}\n"


@pytest.mark.parametrize(
    ("rule", "more", "message", "remedy"),
    [
        (
            f"{{kind: {kind}, {number}}}",
            "",
            f"{kind} draws by target, so the synapses of one source cannot be drawn alone",
            "use all_to_all, one_to_one or fixed_outdegree, or leave procedural out",
        )
        for kind, number in (
            ("fixed_indegree", "indegree: 3"),
            ("fixed_total_number", "total: 3"),
            ("pairwise_bernoulli", "probability: 0.1"),
        )
    ]
    + [
        (
            "{kind: fixed_outdegree, outdegree: 3}",
            STP,
            "nothing is stored of procedural synapses that tsodyks_markram could change",
            "leave out synapse or procedural",
        )
    ],
)
def test_what_cannot_be_procedural(rule: str, more: str, message: str, remedy: str) -> None:
    config = load_config_text(ERRORS.replace("RULE", rule) + more)
    with pytest.raises(InputError) as caught:
        compile_network(config)
    assert (caught.value.where, caught.value.message) == ("projections.P.procedural", message)
    assert caught.value.remedy == remedy
    assert compile_network(load_config_text((ERRORS.replace("RULE", rule) + more).replace("true", "false")))


def test_the_place_in_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(ERRORS.replace("RULE", "{kind: fixed_indegree, indegree: 3}"), encoding="utf-8")
    located = load_located(path)
    with pytest.raises(InputError) as caught:
        compile_network(located.config, located.base_dir, located.locator)
    assert caught.value.where is not None
    assert caught.value.where.endswith("net.yaml:10: projections.P.procedural")
