"""Published networks against NEST 3.10: rates, irregularity, oscillations, latencies, each over several seeds.

Networks of a few thousand neurons differ from seed to seed, COBA by a tenth of its rate. What is allowed is the
uncertainty of the difference of two means over seeds: `WIDTH` standard errors, from the spread of NEST's seeds, and not
less than what a histogram resolves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.validation.make_nest_published import PATH, SEEDS
from tests.validation.published_models import NETWORKS, Measured, run_dtbsim, run_nest
from tests.validation.storage import stored

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]

OURS = (11, 12, 13, 14)
WIDTH = 4.0
RESOLVED = {"rate_hz": 0.01, "cv": 0.005, "peak_hz": 0.5}
RESOLVED_MS = 0.3
SINGLE = {
    "cuba": {"rate_hz": 5.8, "cv": 0.58},
    "coba": {"rate_hz": 20.7},
    "brunel_hakim": {"rate_hz": 3.53, "peak_hz": 144.5},
}
"""Single runs of 2 s with dtbsim, which the seeds of NEST have to scatter around."""


@pytest.fixture(scope="module")
def nest_runs() -> dict[str, list[Measured]]:
    content = stored(PATH)
    assert {name: len(runs) for name, runs in content["runs"].items()} == dict.fromkeys(NETWORKS, len(SEEDS))
    runs: dict[str, list[Measured]] = content["runs"]
    return runs


def excess(ours: list[Measured], theirs: list[Measured]) -> dict[str, float]:
    """By quantity: the distance of the means over what is allowed (1)."""
    found = {}
    for key in theirs[0]:
        here, there = (np.array([run[key] for run in runs]) for runs in (ours, theirs))
        error = there.std(ddof=1) * math.sqrt(1 / here.size + 1 / there.size)
        allowed = max(WIDTH * error, RESOLVED.get(key, RESOLVED_MS))
        found[key] = abs(float(here.mean() - there.mean())) / allowed
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_means_over_seeds_are_those_of_nest(name: str, nest_runs: Any) -> None:
    ours = [run_dtbsim(name, seed) for seed in OURS]
    found = excess(ours, nest_runs[name])
    assert max(found.values()) <= 1, (found, ours)


@pytest.mark.parametrize(
    ("name", "mistake", "quantity"),
    [
        ("cuba", "populations.E.parameters.tau_syn_ex_ms=5.5", "rate_hz"),
        ("coba", "populations.E.parameters.t_ref_ms=6", "cv"),
        ("brunel_hakim", "projections.II.delay_ms=1.9", "peak_hz"),
        ("thalamic_pulses", "projections.L4E.delay_ms=4", "L4E"),
    ],
)
def test_mistakes_show(name: str, mistake: str, quantity: str, nest_runs: Any) -> None:
    wrong = [run_dtbsim(name, seed, mistake) for seed in OURS]
    found = excess(wrong, nest_runs[name])
    assert found[quantity] > 1, (found, wrong)


@pytest.mark.parametrize("name", SINGLE)
def test_single_runs_are_among_the_seeds_of_nest(name: str, nest_runs: Any) -> None:
    for key, value in SINGLE[name].items():
        seeds = [run[key] for run in nest_runs[name]]
        assert value == pytest.approx(np.mean(seeds), abs=3 * np.std(seeds, ddof=1)), key


def test_the_input_layers_answer_first(nest_runs: Any) -> None:
    """Figure 10 of Potjans and Diesmann: L4 and L6, then L2/3 and L5, all of them within 15 ms."""
    found = {key: float(np.mean([run[key] for run in nest_runs["thalamic_pulses"]])) for key in
             nest_runs["thalamic_pulses"][0]}  # fmt: skip
    assert min(found, key=lambda key: found[key]) == "L4E"
    assert 4 < found["L4E"] < found["L23E"] < max(found.values()) < 15


@pytest.mark.nest
@pytest.mark.parametrize("name", NETWORKS)
def test_stored_numbers_are_what_nest_gives(name: str, nest_runs: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    assert run_nest(name, SEEDS[0]) == pytest.approx(nest_runs[name][0], abs=1e-4)
