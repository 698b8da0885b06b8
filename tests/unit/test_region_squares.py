"""Inputs that take squares: a stronger coupling is the same as larger weights, also where it changes during a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.region_runs import small_atlas

import dtbsim


def _states(tmp_path: Path, weights: Any, strength: float, **more: Any) -> Any:
    folder = tmp_path / f"{weights.sum():g}_{strength:g}_{len(more)}"
    folder.mkdir()
    config = {
        "atlas": str(small_atlas(folder, weights, np.ones((3, 3)))),
        "simulation": {"dt_ms": 0.1, "duration_ms": 30},
        "populations": {"cortex": {"model": "aln", "regions": "all"}},
        "couplings": {"far": {"source": "cortex", "target": "cortex", "strength": strength}},
        "record": {"states": [{"population": "cortex", "variables": ["r_E_Hz"], "interval_ms": 0.1}]},
        **more,
    }
    return dtbsim.run(config, temporary=True).open().states()["r_E_Hz"].to_numpy()


def test_twice_the_strength_is_twice_the_weights(tmp_path: Path) -> None:
    weights = np.array([[0.0, 1.0, 0.5], [0.25, 0.0, 1.0], [1.0, 0.5, 0.0]])
    once, stronger = _states(tmp_path, weights, 1.0), _states(tmp_path, weights, 2.0)
    assert not np.array_equal(once, stronger)
    np.testing.assert_array_equal(stronger, _states(tmp_path, 2 * weights, 1.0))
    change = {"changes": {"more": {"coupling": "far", "t_ms": 10, "set": {"strength": 2.0}}}}
    later = _states(tmp_path, weights, 1.0, **change)
    half = {"changes": {"more": {"coupling": "far", "t_ms": 10, "set": {"strength": 1.0}}}}
    np.testing.assert_array_equal(later, _states(tmp_path, 2 * weights, 0.5, **half))
