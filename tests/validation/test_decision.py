"""The decision circuit of Wang (2002): one population wins, the stimulus says which, and the rates are those of NEST.

The same stimuli in both simulators; docs/validation.md has the psychometric curve.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.validation.decision import LOST_HZ, WON_HZ, decided, run_dtbsim, run_nest
from tests.validation.make_nest_decision import COHERENCE_PERCENT, PATH, SEEDS
from tests.validation.page_decision import deviations
from tests.validation.storage import stored


@pytest.fixture(scope="module")
def nest_runs() -> Any:
    content = stored(PATH)
    assert (content["origin"]["coherence_percent"], content["origin"]["seeds"]) == (COHERENCE_PERCENT, list(SEEDS))
    return content["runs"]["all"]


@pytest.fixture(scope="module")
def our_runs() -> Any:
    return [run_dtbsim(COHERENCE_PERCENT, seed) for seed in SEEDS]


def test_rates_before_and_after_a_decision_are_those_of_nest(our_runs: Any, nest_runs: Any) -> None:
    before, after = deviations(our_runs, nest_runs)
    assert max(before.values()) <= 1, before
    assert max(after.values()) <= 1, after


def test_the_favoured_population_wins_in_both(our_runs: Any, nest_runs: Any) -> None:
    for run in [*our_runs, *nest_runs]:
        assert decided(run)["A"] > WON_HZ
        assert decided(run)["B"] < LOST_HZ


def test_the_other_one_wins_when_the_stimulus_favours_it() -> None:
    rates = decided(run_dtbsim(-COHERENCE_PERCENT, 5))
    assert rates["B"] > WON_HZ
    assert rates["A"] < LOST_HZ


def test_without_a_difference_either_may_win() -> None:
    winners = set()
    for seed in (1, 3):
        rates = decided(run_dtbsim(0.0, seed))
        assert max(rates["A"], rates["B"]) > WON_HZ
        assert min(rates["A"], rates["B"]) < LOST_HZ
        winners.add(rates["A"] > rates["B"])
    assert winners == {True, False}


@pytest.mark.nest
def test_a_stored_trial_is_what_nest_gives(nest_runs: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    assert run_nest(COHERENCE_PERCENT, SEEDS[0]) == nest_runs[0]
