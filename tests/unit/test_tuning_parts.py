"""Parts of tuning: what is turned, how rates are solved for, what counts as an edge, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.spec import compile_network
from dtbsim.tuning.edge import BURST_ABOVE, TOGETHER_ABOVE, Point, find_edge, what_is_wrong
from dtbsim.tuning.keys import Number, coupling_numbers, goals_of
from dtbsim.tuning.observe import burst, together
from dtbsim.tuning.solve import solve
from dtbsim.tuning.warned import warnings_of
from dtbsim.tuning.written import changed_text

F64 = NDArray[np.float64]
SPIKING = """
atlas: small.npz
simulation: {dt_ms: 1, duration_ms: 100}
circuits: {cortex: {kind: balanced_ei, regions: all, size_E: 20, size_I: 10}}
populations: {extra: {model: iaf_psc_exp, size: 5}, more: {model: iaf_psc_exp, size: 5}}
drives: {own: {kind: poisson, target: extra, rate_hz: 800, weight_pA: 50}}
projections:
  far: {source: cortex.E, target: cortex.E, scope: connectome, rule: {kind: fixed_indegree, indegree: 5},
        receptor: ampa, weight_pA: 20, delay_ms: 2}
  drawn: {source: cortex.E, target: cortex.I, scope: connectome, rule: {kind: fixed_indegree, indegree: 5},
          receptor: ampa, weight_pA: {distribution: normal, mean: 20, sd: 1}, delay_ms: 2}
controllers:
  tonic: {kind: homeostatic_tonic, population: cortex.E, target_rate_hz: 5, interval_ms: 50, start_per_indegree: -2,
          stages: [{start_ms: 0, eta: 0.1}], projection: far}
"""


# -- what is turned -------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    save_small_atlas(tmp_path)
    monkeypatch.chdir(tmp_path)
    return load_config_text(SPIKING)


def test_couplings_by_the_connectome_are_scanned_with_what_cancels_them(config: Any) -> None:
    found = coupling_numbers(config, ["projections.far.weight_pA"])
    assert found == [Number("projections.far.weight_pA", 20.0), Number("controllers.tonic.start_per_indegree", -2.0)]
    with pytest.raises(InputError, match=r"projections.drawn.weight_pA is .*distribution.*, and one number is turned"):
        coupling_numbers(config, None)
    assert coupling_numbers(config, ["none"]) == []
    with pytest.raises(InputError, match=r"--coupling: projections.fra.weight_pA: projections has no 'fra' .*far"):
        coupling_numbers(config, ["projections.fra.weight_pA"])
    with pytest.raises(InputError, match=r"simulation.settling_ms is 0 "):
        coupling_numbers(config, ["simulation.settling_ms"])
    alone = load_config_text(
        "name: alone\nsimulation: {dt_ms: 1, duration_ms: 9}\npopulations: {E: {model: iaf_psc_exp, size: 1}}"
    )
    with pytest.raises(InputError, match=r"alone: there is no coupling between regions to scan.*--coupling none"):
        coupling_numbers(alone, None)


def test_a_rate_is_held_by_a_controller_or_turned_by_a_drive(config: Any) -> None:
    network = compile_network(config)
    goals = goals_of(config, network, {"cortex.E": 4, "cortex.I": 6.0, "extra": 9}, {})
    assert [goal.held for goal in goals] == ["controllers.tonic.target_rate_hz", None, None]
    assert [goal.knob for goal in goals] == [
        None, Number("circuits.cortex.drive_rate_I_hz", 2800.0), Number("drives.own.rate_hz", 800.0)
    ]  # fmt: skip
    (goal,) = goals_of(config, network, {"more": 3}, {"more": "drives.own.weight_pA"})
    assert goal.knob == Number("drives.own.weight_pA", 50.0)


@pytest.mark.parametrize(
    ("rates", "knobs", "said"),
    [
        ({"cortex.F": 4}, {}, "there is no population 'cortex.F' (did you mean 'cortex."),
        ({"cortex.E": 0}, {}, "--rates cortex.E: got 0 (allowed: a rate above 0 and up to 1000 Hz)"),
        ({"cortex.E": True}, {}, "got true"),
        ({"more": 4}, {}, "nothing is known to set the rate of 'more' by"),
        ({"more": 4}, {"more": "populations.more.parameters.I_e_pA"}, "parameters has no 'I_e_pA'"),
        ({"more": 4, "extra": 4}, {"more": "drives.own.rate_hz"}, "would be turned for more and extra"),
        ({}, {"more": "drives.own.rate_hz"}, "'more' has no target (give --rates more=HZ as well)"),
        ([("more", 4)], {}, "allowed: a mapping from names of populations"),
    ],
)
def test_goals_that_make_no_sense(config: Any, rates: Any, knobs: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        goals_of(config, compile_network(config), rates, knobs)
    assert said in str(caught.value).replace("\n", " ")


# -- rates ----------------------------------------------------------------------------------------------------------


class Circuit:
    """Rates of E and I that saturate, inhibit each other, and answer to the logarithms of two drives."""

    def __init__(self, coupled: float) -> None:
        self.coupled, self.asked = coupled, 0

    def rates(self, x: F64) -> F64:
        drive = x - np.log([1500.0, 2800.0])
        slopes = np.array([[4.0, -2.5 - self.coupled], [2.0 + self.coupled, 1.0]])
        return 40 / (1 + np.exp(2.5 - slopes @ drive))

    def __call__(self, xs: Sequence[F64]) -> list[F64 | None]:
        self.asked += len(xs)
        return [np.log(np.maximum(self.rates(x) / np.array([4.0, 7.0]), 0.02)) for x in xs]


@pytest.mark.parametrize("start", [(1500.0, 2800.0), (900.0, 2800.0), (2500.0, 2000.0)])
def test_two_rates_are_brought_to_their_targets(start: tuple[float, float]) -> None:
    circuit = Circuit(coupled=0.5)
    found = solve(circuit, np.log(start), None, math.log1p(0.05))
    assert found is not None
    assert found.reached
    np.testing.assert_allclose(circuit.rates(found.x), [4, 7], rtol=0.05)
    assert circuit.asked <= 14
    near = Circuit(coupled=0.7)
    again = solve(near, found.x, found.slopes, math.log1p(0.05))
    assert again is not None
    assert again.reached
    assert near.asked <= 4


def test_rates_that_cannot_be_reached_are_the_best_that_was_found() -> None:
    def never(xs: Sequence[F64]) -> list[F64 | None]:
        return [np.array([math.log(0.25 + 0.05 * math.tanh(float(x[0])))]) for x in xs]

    found = solve(never, np.array([0.0]), None, 0.1)
    assert found is not None
    assert not found.reached
    assert found.y[0] == max(y[0] for _, y in found.tried if y is not None)
    assert solve(lambda xs: [None for _ in xs], np.array([0.0]), None, 0.1) is None


# -- edges ----------------------------------------------------------------------------------------------------------


def points(values: dict[float, float]) -> list[Point]:
    found = []
    for factor, value in sorted(values.items()):
        seen = {"together": value}
        found.append(Point(factor, {}, seen, what_is_wrong(seen)))
    return found


def test_the_edge_is_between_the_last_that_is_fine_and_the_first_that_is_not() -> None:
    edge = find_edge(points({0: 0.0, 1: 0.1, 2: 0.3, 3: 0.8, 4: 0.2}))
    assert edge is not None
    assert (edge.low, edge.factor, edge.high, edge.kind, edge.known) == (2, 2.5, 3, "synchrony", True)
    assert "regions move as one: mean correlation of their activity 0.80" in edge.why
    assert find_edge(points({0: 0.0, 1: 0.1, 2: 0.3, 3: 0.5})) is None
    first = find_edge(points({1: 0.9, 2: 0.95}))
    assert first is not None
    assert not first.known


def test_runs_that_fail_are_no_synchrony() -> None:
    fails = {"error": "state x became NaN"}
    edge = find_edge([*points({0: 0.0, 1: 0.3}), Point(2, {}, fails, what_is_wrong(fails))])
    assert edge is not None
    assert (edge.low, edge.high, edge.kind) == (1, 2, "failure")
    (said,) = warnings_of(edge, Point(1, {}, {}), {}, None, [], 0.1, None)
    assert said == "regions do not move as one where runs still succeed; beyond, the run fails: state x became NaN"


def test_the_edge_is_where_fluctuations_are_largest_if_they_fall_beyond() -> None:
    edge = find_edge(points({0: 0.0, 0.5: 0.04, 1: 0.15, 1.5: 0.1, 2: 0.05, 3: 0.9}))
    assert edge is not None
    assert (edge.low, edge.factor, edge.high, edge.kind) == (0.5, 1, 1.5, "transition")
    assert find_edge(points({0: 0.0, 0.5: 0.04, 1: 0.15, 1.5: 0.13, 2: 0.14})) is None, "it has not fallen"
    assert find_edge(points({0: 0.0, 0.5: 0.002, 1: 0.004, 1.5: 0.001, 2: 0.0})) is None, "nothing in common"


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"together": TOGETHER_ABOVE - 0.01, "burst": BURST_ABOVE, "synchrony": 0.5, "mean_abs_fc": 0.9}, None),
        ({"together": TOGETHER_ABOVE + 0.01}, "regions move as one"),
        ({"burst": BURST_ABOVE + 0.1}, "the network bursts: up to 4.1 times its mean rate"),
        ({"synchrony": 0.51}, "the network fires as one: synchrony 0.51"),
        ({"mean_abs_fc": 0.95}, "regions move as one: mean |FC| 0.95"),
        ({"error": "not finite"}, "the run fails: not finite"),
    ],
)
def test_what_is_beyond_the_edge(seen: dict[str, Any], said: str | None) -> None:
    found = what_is_wrong(seen)
    assert (found is None) == (said is None)
    assert said is None or said in str(found)


def test_together_is_the_mean_correlation_at_the_scale_where_it_is_largest() -> None:
    rng = np.random.default_rng(2)
    own, common = rng.normal(size=(20_000, 12)), rng.normal(size=(20_000, 1))
    assert together(own, 20.0) == pytest.approx(0.0, abs=0.02)
    assert together(own + common, 20.0) == pytest.approx(0.5, abs=0.05)
    assert together(np.repeat(common, 12, axis=1), 20.0) == pytest.approx(1.0)
    slow = np.repeat(rng.normal(size=(400, 1)), 50, axis=0)  # one value a second: fast noise hides it in short bins
    assert together(3 * own + slow, 20.0) == pytest.approx(1 / (1 + 9 / 50), abs=0.06)
    assert together(own[:, :2], 20.0) is None
    assert together(own[:10], 20.0) is None


def test_burst_is_of_the_whole_population_and_not_of_chance() -> None:
    rng = np.random.default_rng(3)
    rates = rng.poisson(100 * 4 * 0.02, 1500) / 100 / 0.02
    assert burst(rates, 100, 20.0) < 2.5  # type: ignore[operator]
    rates[700:704] *= 20
    assert burst(rates, 100, 20.0) > BURST_ABOVE  # type: ignore[operator]
    assert burst(np.zeros(100), 100, 20.0) is None


def test_what_is_warned_of(config: Any) -> None:
    goals = goals_of(config, compile_network(config), {"cortex.E": 4}, {})
    point = Point(1.0, {}, {})
    check = {
        "rate.cortex.E": 5.0,
        "slowest.cortex.E": 0.5,
        "fastest.cortex.E": 20.0,
        "cv.cortex.E": 0.3,
        "mean_abs_fc": 0.8,
    }
    said = warnings_of(None, point, check, "the network bursts", goals, 0.1, 0.3)
    assert len(said) == 5
    for part in (
        "no edge was found",
        "bursts",
        "fires at 5 Hz, target 4 Hz",
        "0.5 to 20 Hz",
        "CV of inter-spike intervals 0.30",
    ):
        assert any(part in text for text in said), part
    edge = find_edge(points({0: 0.0, 1: 0.1, 2: 0.8}))
    assert warnings_of(edge, point, {"mean_abs_fc": 0.4}, None, goals, 0.1, 0.3) == []
    (more,) = warnings_of(edge, point, {"mean_abs_fc": 0.5}, None, goals, 0.1, 0.3)
    assert "mean |FC| 0.50, measured 0.30" in more


# -- writing --------------------------------------------------------------------------------------------------------


def test_numbers_are_replaced_in_the_text_and_nothing_else() -> None:
    text = "# a network\na: {b: 1.50, c: [1, 2]}   # first\nd:\n  - e: 'x'\n    f: 3\n"
    changed = changed_text(text, {"a.b": 2.25, "a.c.1": 7.0, "d.0.f": -4, "d.0.e": "y: z"})
    assert changed == "# a network\na: {b: 2.25, c: [1, 7]}   # first\nd:\n  - e: 'y: z'\n    f: -4\n"
    added = changed_text(text, {"a.b": 2, "g.h": 0.5, "a.c": [3]})
    assert "# first" in added
    assert dtbsim.config.yaml_text.parse_yaml(added, "t")[0] == {
        "a": {"b": 2, "c": [3]}, "d": [{"e": "x", "f": 3}], "g": {"h": 0.5}
    }  # fmt: skip
