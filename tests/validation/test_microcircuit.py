"""Potjans-Diesmann (2014) at a tenth of neurons and inputs: statistics of all populations against those of NEST 3.10.

L5I has 107 neurons, L23E fires every other second: some populations differ much from seed to seed. docs/validation.md
has the whole microcircuit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.validation.distributions import QUANTITIES, compare
from tests.validation.make_nest_microcircuit import DURATION_MS, PATH, SCALE, SEEDS
from tests.validation.microcircuit import POPULATIONS, run_dtbsim, run_nest
from tests.validation.page_microcircuit import QUANTILES, SMALL_MARGIN, quantile_gap
from tests.validation.storage import stored

OURS = (11, 12, 13)


@pytest.fixture(scope="module")
def nest_runs() -> Any:
    content = stored(PATH)
    assert (content["origin"]["scale"], content["origin"]["duration_ms"]) == (SCALE, DURATION_MS)
    assert len(content["runs"]["all"]) == len(SEEDS)
    return content["runs"]["all"]


@pytest.fixture(scope="module")
def our_runs() -> Any:
    return [run_dtbsim(SCALE, DURATION_MS, seed) for seed in OURS]


def excess(ours: Any, theirs: Any, quantity: str) -> dict[str, float]:
    """By population: how much farther than NEST's seeds are from each other."""
    found = {}
    for name in POPULATIONS:
        one = compare([run[name] for run in ours], [run[name] for run in theirs], quantity)
        found[name] = one["between"] - one["widest"]
    return found


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_no_farther_from_nest_than_its_seeds_are_from_each_other(quantity: str, our_runs: Any, nest_runs: Any) -> None:
    found = excess(our_runs, nest_runs, quantity)
    assert max(found.values()) <= SMALL_MARGIN, found


def test_the_same_mean_input_without_noise_shows_everywhere(nest_runs: Any) -> None:
    wrong = [run_dtbsim(SCALE, DURATION_MS, OURS[0], "circuits.column.drive=dc")]
    for quantity in QUANTITIES:
        found = excess(wrong, nest_runs, quantity)
        assert max(found.values()) > 0.1, (quantity, found)


def test_a_small_current_into_one_population_shows(nest_runs: Any) -> None:
    """10 pA: 0.4 mV."""
    more = "drives.mistake={kind: dc, target: column.L23I, amplitude: 10}"
    wrong = [run_dtbsim(SCALE, DURATION_MS, seed, more) for seed in OURS[:2]]
    assert excess(wrong, nest_runs, "rate")["L23E"] > 2 * SMALL_MARGIN


def test_gaps_of_quantiles() -> None:
    """Of 100 neurons with 0 to 99 spikes in 2 s."""
    counts = [1] * 100
    exact = [float(np.quantile(np.arange(100), p, method="lower")) / 2 for p in QUANTILES]
    assert quantile_gap(counts, 2.0, exact) < 0.011
    assert quantile_gap(counts, 2.0, [*exact[:2], exact[2] + 5.0, *exact[3:]]) == pytest.approx(0.1, abs=0.011)


@pytest.mark.nest
def test_a_stored_run_is_what_nest_gives(nest_runs: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    assert run_nest(SCALE, DURATION_MS, SEEDS[0]) == nest_runs[0]
