"""Plasticity that follows dopamine, against NEST 3.10: the weight of every delivered spike for given spikes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.parity.make_nest_dopamine import (
    CASES,
    DATA,
    DELAY_MS,
    DT_MS,
    SOURCES,
    TARGETS,
    initial_weights,
    run_dtbsim,
    run_nest,
    spikes_of,
)

WEIGHT_BOUND_PA = 1e-3
"""float32 against float64; the largest difference seen is 2e-4 pA of 200."""


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("name", CASES)
def test_every_delivered_weight_is_that_of_nest(name: str, stored: Any, tmp_path: Path) -> None:
    run = run_dtbsim(name, tmp_path)
    spikes, weights = spikes_of(run), run.weights(0)
    assert spikes == stored[name]["spikes"], "other spikes: run tests.parity.make_nest_dopamine"
    assert initial_weights(run) == stored[name]["weights"]
    interval = round(CASES[name][0].get("update_interval_ms", 100.0) / DT_MS)
    compared, changes, reached = 0, [], []
    for t in range(TARGETS):
        for s, train in enumerate(spikes["S"]):
            (here,) = np.flatnonzero((weights.target.values == SOURCES + t) & (weights.source.values == s))
            after = np.array(train) + round(DELAY_MS / DT_MS)  # steps that are done once the spike is delivered
            after = after[after < len(weights)]
            found, expected = weights.values[after, here], np.array(stored[name]["delivered"][t][s])[: len(after)]
            updated = np.array(train)[: len(after)] % interval == 0  # recorded just after an update one step later
            assert np.max(np.abs(found - expected)[~updated]) < WEIGHT_BOUND_PA
            compared += int((~updated).sum())
            changes.append(abs(expected[-1] - stored[name]["weights"][t][s]))
            reached += expected.tolist()
    assert compared > 500
    assert np.median(changes) > 5.0, "pA"
    assert (max(reached) == 125.0) == (name == "bounded")


@pytest.mark.nest
@pytest.mark.parametrize("name", CASES)
def test_stored_numbers_are_what_nest_gives(name: str, stored: Any, tmp_path: Path) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    live = run_nest(name, stored[name]["spikes"], stored[name]["weights"])
    for a, b in zip(live, stored[name]["delivered"], strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=0, atol=2e-6)
