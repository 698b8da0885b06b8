"""Region models against trajectories of TVB 2.10.0 and neurolib 0.6.2, by a float64 network of their own equations."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.region_oracle import simulate
from tests.helpers.region_references import FILES, given, load, select

FIRST = {"tvb_kuramoto": 4e-8, "tvb_epileptor": 1e-8, "neurolib_aln": 3e-6}
"""Largest difference in the first 60 steps, 6e-9 where nothing is said: TVB has weights and delayed states in float32.
Rates of ALN are in Hz, of tables in float32."""
WHOLE = {
    "tvb_jr": 5e-7, "tvb_kuramoto": 4e-7, "tvb_hopf": 3e-6, "tvb_epileptor": 2.5e-4, "tvb_epileptor2d": 1e-6,
    "tvb_larterbreakspear": 2e-4, "neurolib_aln": 1e-5,
}  # fmt: skip
"""Over the whole file, 1e-8 where nothing is said."""
BEGINNING = 300


def differences(name: str, n_steps: int) -> tuple[float, float]:
    run = load(name)
    states = select(name, simulate(run.oracle, run.initial, run.links, run.scheme, n_steps, given(name)))
    sampled = states[run.every - 1 :: run.every][: len(run.sampled)]
    first = np.abs(states[: len(run.first)] - run.first).max()
    return float(first), float(np.abs(sampled - run.sampled[: len(sampled)]).max())


def model_of(name: str) -> str:
    return "_".join(name.split("_")[:2])


def test_all_files_are_there() -> None:
    assert len([name for name in FILES if name.startswith("tvb_")]) == 36
    assert len([name for name in FILES if name.startswith("neurolib_")]) == 5


@pytest.mark.parametrize("name", FILES)
def test_the_beginning_is_that_of_the_peer(name: str) -> None:
    first, sampled = differences(name, BEGINNING)
    assert first < FIRST.get(model_of(name), 6e-9)
    assert sampled < WHOLE.get(model_of(name), 1e-8)


@pytest.mark.nightly
@pytest.mark.parametrize("name", FILES)
def test_the_whole_trajectory_is_that_of_the_peer(name: str) -> None:
    run = load(name)
    _, sampled = differences(name, len(run.sampled) * run.every)
    assert sampled < WHOLE.get(model_of(name), 1e-8)
