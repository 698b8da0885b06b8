"""What feedback inhibition leaves: J_i and rates in the run, and a warning where the target is unstable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from dtbsim.atlas import load_atlas
from dtbsim.config import load_config_data
from dtbsim.models.regions.deco_2014 import Deco2014
from dtbsim.simulate import run
from dtbsim.spec import compile_network
from dtbsim.spec.feedback_inhibition import (
    balancing_inhibition,
    largest_eigenvalue,
    spread_of_deviations,
    stability_limit,
)
from dtbsim.store import Run


def balanced(strength: float, duration_ms: float = 3000.0, **controller: Any) -> dict[str, Any]:
    return {
        "atlas": "aal2",
        "simulation": {"dt_ms": 1.0, "duration_ms": duration_ms, "threads": 1},
        "populations": {"x": {"model": "deco_2014", "regions": "all"}},
        "couplings": {"c": {"source": "x", "target": "x", "strength": strength}},
        "controllers": {"balance": {"kind": "feedback_inhibition", "population": "x", **controller}},
    }


def test_the_limit_of_the_balanced_state_of_aal2() -> None:
    """Eigenvalues of the linearised equations give 1.3522 for G times the largest eigenvalue, 2.41057."""
    weights = np.array(load_atlas("aal2").weights, np.float64)
    np.fill_diagonal(weights, 0.0)
    matrix, p = csr_array(weights), Deco2014().complete({})
    largest = largest_eigenvalue(matrix)
    assert largest == pytest.approx(2.41057, abs=1e-5)
    assert stability_limit(p, matrix, 3.0) * largest == pytest.approx(1.3522, abs=1e-4)
    for scale in (0.3, 0.55, 0.57, 0.8):
        j_i = balancing_inhibition(p, scale * weights.sum(axis=1), 3.0)
        grows = spread_of_deviations(p, matrix, 3.0, j_i, scale) >= 1.0
        assert grows == (largest * scale > 1.3522)


def test_a_coupling_beyond_the_limit_is_warned_of_with_numbers() -> None:
    stable, unstable = (compile_network(load_config_data(balanced(strength))).warnings for strength in (0.5, 0.58))
    assert not [text for text in stable if "unstable" in text]
    (text,) = [text for text in unstable if "unstable" in text]
    assert "controllers.balance" in text
    assert "1.398" in text
    assert "1.352" in text


@pytest.mark.parametrize("interval_ms", [None, 500.0])
def test_inhibition_and_rates_are_in_the_run(interval_ms: float | None, tmp_path: Path) -> None:
    data = balanced(0.4, **({} if interval_ms is None else {"interval_ms": interval_ms}))
    network = compile_network(load_config_data(data))
    result = run(load_config_data(data), out=tmp_path / "run", report=False)
    found = Run(tmp_path / "run").feedback_inhibition()
    assert found["J_i"].dims == ("region",)
    assert found["J_i"].attrs["units"] == "nA"
    np.testing.assert_allclose(found["rate_hz"], 3.0, atol=0.1)
    assert network.regions is not None
    start = network.regions.populations[0].parameters["J_i"][0]
    if interval_ms is None:
        np.testing.assert_array_equal(found["J_i"], start.astype(np.float32))
    else:
        assert found.attrs["intervals"] == 6
        assert (found["J_i"] != start.astype(np.float32)).any()
    said = result.summary["feedback_inhibition.balance"]
    assert said["rate_hz"]["mean"] == pytest.approx(float(found["rate_hz"].mean()))


def test_members_have_their_own(tmp_path: Path) -> None:
    data = balanced(0.4, 1000.0) | {"ensemble": {"grid": {"couplings.c.strength": [0.1, 0.4]}}}
    run(load_config_data(data), out=tmp_path / "run", report=False)
    found = Run(tmp_path / "run").feedback_inhibition()
    assert found["J_i"].dims == ("member", "region")
    assert (found["J_i"][1] > found["J_i"][0]).all()
