"""Plastic weights that count in more than 2^23 fine quanta: they do not creep, and no way to compute changes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import pytest
from tests.helpers.random_runs import Way, recorded
from tests.helpers.shim_device import GXX, ShimDevice

from dtbsim.build.dynamic import initial_sizes
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.stdp_batch import rounded

WHOLE = [0, 1, 7, 2**22 + 1, 2**23 - 1, 2**23, 2**23 + 1, 2**24 - 1, 2**24, 2**24 + 2, 100 * 2**24]
NETWORK: dict[str, Any] = {
    "seed": 11,
    "simulation": {"dt_ms": 0.1, "duration_ms": 60, "block_size": 16},
    "populations": {
        "E": {
            "model": "iaf_psc_exp",
            "size": 40,
            "parameters": {"I_e_pA": {"distribution": "uniform", "low": 300, "high": 700}},
        },
    },
    "projections": {
        "EE": {
            "source": "E",
            "target": "E",
            "rule": {"kind": "fixed_indegree", "indegree": 5},
            "receptor": "ex",
            "weight_pA": {"distribution": "uniform", "low": 60, "high": 300},
            "delay_ms": {"distribution": "uniform", "low": 0.3, "high": 2.1},
            "synapse": {
                "kind": "stdp_triplet",
                "weight_max": 750.0,
                "A2_plus": 1.18,
                "A2_minus": 5.05,
                "A3_plus": 0.84,
                "A3_minus": 0.47,
            },
        }
    },
    # so weak that the port counts in 2^-18 pA
    "drives": {"weak": {"kind": "poisson", "target": "E", "receptor": "ex", "rate_hz": 900, "weight_pA": 0.0016}},
    "record": {
        "rate_bin_ms": 5,
        "weights": [{"projection": "EE", "neurons": 40, "interval_ms": 1}],
    },
}


SCALED: dict[str, Any] = {
    **NETWORK,
    "simulation": {"dt_ms": 0.1, "duration_ms": 14, "block_size": 16},
    "populations": {
        "E": {"model": "izhikevich_2007", "size": 3, "parameters": {"I_e_pA": 300}},
        "S": {"model": "poisson_source", "size": 1, "parameters": {"rate_hz": 1200}},
    },
    "projections": {
        "EE": {
            **NETWORK["projections"]["EE"],
            "source": "S",
            "receptor": "in",
            "rule": {"kind": "fixed_indegree", "indegree": 7},
            "delay_ms": {"distribution": "lognormal", "mean": 1.7, "sd": 0.2},
            "synapse": {"kind": "stdp", "weight_max": 750.0, "learning_rate": 0.161, "alpha": 0.7904},
        }
    },
    "drives": {"weak": {**NETWORK["drives"]["weak"], "receptor": "in", "weight_pA": -0.0027}},
    "controllers": {
        "scaling": {
            "kind": "synaptic_scaling", "projection": "EE", "target_rate_hz": 10, "eta": 0.1, "interval_ms": 1.3,
            "tau_rate_ms": 50,
        }
    },
    "record": {"rate_bin_ms": 5, "weights": [{"projection": "EE", "neurons": 1, "interval_ms": 1.3}]},
}  # fmt: skip
"""Its factors give any whole number, also those between two of float32."""


def test_whole_numbers_are_kept() -> None:
    @nb.njit
    def kept(p: Any, w: Any) -> Any:
        return rounded(p, w)

    p = np.zeros(D.P_MAX + 1 if D.P_MAX > D.P_MIN else D.P_MIN + 1, np.float32)
    p[D.P_MAX] = 2.0**31 - 128
    for whole in WHOLE:
        assert kept(p, np.float32(whole)) == np.float32(whole)
    assert kept(p, np.float32(0.5)) == 1
    assert kept(p, np.float32(2.0**22 + 0.5)) == 2.0**22 + 1


def test_initial_weights_are_float32() -> None:
    drawn = np.array([-(2**24) - 1, 31_472_903, 5, -7, 2**27], np.int32)
    sizes = initial_sizes(drawn, 2**26)
    assert (sizes.astype(np.float32).astype(np.int64) == sizes).all()
    assert sizes.tolist() == [2**24, 31_472_904, 5, 7, 2**26]


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.parametrize("network", [NETWORK, SCALED], ids=["plastic", "scaled"])
def test_every_way_gives_the_same_weights(
    network: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda _: ShimDevice())
    expected = recorded(network, Way(), tmp_path)
    assert isinstance(expected, dict)
    assert expected["spikes"] > 20
    ways = [Way(threads=2), Way(ranks=2), *(Way("cuda", settings=(f"simulation.gpu_plan={p}",)) for p in ("general",))]
    for way in ways:
        found = recorded(network, way, tmp_path)
        assert isinstance(found, dict)
        for name, value in expected.items():
            assert np.array_equal(found[name], value), f"{name} with {way}"


@pytest.mark.parametrize("network", [NETWORK, SCALED], ids=["plastic", "scaled"])
def test_recording_weights_more_often_changes_none(network: dict[str, Any], tmp_path: Path) -> None:
    """Pending changes are applied whenever weights are recorded; rounding must not show how often."""
    often = recorded(network, Way(), tmp_path)
    (record,) = network["record"]["weights"]
    at_the_ends = {key: value for key, value in record.items() if key != "interval_ms"}
    seldom = recorded({**network, "record": {**network["record"], "weights": [at_the_ends]}}, Way(), tmp_path)
    assert isinstance(often, dict)
    assert isinstance(seldom, dict)
    assert np.array_equal(often["weights 0"][-1], seldom["weights 0"][-1])
    assert often["spike_hash"] == seldom["spike_hash"]
