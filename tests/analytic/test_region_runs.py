"""Mean-field regions in runs: oscillations, stability limits and thresholds of papers, as `dtbsim.run` stores them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.region_runs import small_atlas
from tests.validation.regions import atlas, dmf_members

import dtbsim

Array = np.ndarray[Any, np.dtype[np.float64]]


def states(folder: Path, k: int = 0, after_ms: float = 0.0, **config: Any) -> Any:
    """Recorded states of a run, from `after_ms` on."""
    result = dtbsim.run(dtbsim.RunConfig.model_validate(config), out=folder / "run", report=False)
    return result.open().states(k).sel(time_ms=slice(after_ms, None)).load()


def frequency_hz(x: Array, interval_ms: float) -> float:
    """Of upward crossings of the mean, interpolated."""
    above = x - x.mean()
    at = np.flatnonzero((above[:-1] < 0) & (above[1:] >= 0))
    times = at + above[at] / (above[at] - above[at + 1])
    return float(1e3 * (len(times) - 1) / (times[-1] - times[0]) / interval_ms)


def test_rhythms_of_several_models_in_one_network(tmp_path: Path) -> None:
    """Jansen-Rit at p = 220 per second, Wilson-Cowan 1972 (figure 11, P = 1.25), Hopf with a = 0.25."""
    config = dtbsim.RunConfig.model_validate(
        {
            "simulation": {"dt_ms": 0.1, "duration_ms": 6000.0},
            "populations": {
                "column": {"model": "jansen_rit", "parameters": {"mu_per_ms": 0.22}},
                "sheet": {"model": "wilson_cowan_1972", "parameters": {"P": 1.25}},
                "circle": {"model": "hopf", "parameters": {"a": 0.25, "omega": 0.2}, "integrator": "heun"},
            },
            "record": {
                "states": [
                    {"population": "column", "variables": ["v_mV"]},
                    {"population": "sheet", "variables": ["E"]},
                    {"population": "circle", "variables": ["x", "y"]},
                ]
            },
        }
    )
    run = dtbsim.run(config, out=tmp_path / "run", report=False).open()
    v, E = (run.states(k)[name].values[40_000:, 0] for k, name in ((0, "v_mV"), (1, "E")))
    assert frequency_hz(v, 0.1) == pytest.approx(10.94, abs=0.02)
    assert np.ptp(v) == pytest.approx(2.955, abs=0.01)
    assert frequency_hz(E, 0.1) == pytest.approx(25.0, abs=0.2)
    assert np.ptp(E) == pytest.approx(0.167, abs=0.002)
    circle = run.states(2).isel(time_ms=slice(40_000, None))
    np.testing.assert_allclose(np.hypot(circle["x"], circle["y"]), 0.5, rtol=1e-3)
    assert frequency_hz(circle["x"].values[:, 0], 0.1) == pytest.approx(200.0 / (2 * np.pi), rel=1e-3)


@pytest.mark.nightly
def test_jansen_rit_oscillates_between_its_hopf_points(tmp_path: Path) -> None:
    """Grimbert and Faugeras 2006: from 89.83 to 315.70 per second, around the point of high activity."""
    found = states(
        tmp_path,
        after_ms=38_000.0,
        simulation={"dt_ms": 0.1, "duration_ms": 40_000.0},
        populations={"column": {"model": "jansen_rit"}},
        record={"states": [{"population": "column", "variables": ["v_mV"], "interval_ms": 1.0}]},
        ensemble={"grid": {"populations.column.parameters.mu_per_ms": [0.08, 0.096, 0.308, 0.324]}},
    )["v_mV"].values[:, :, 0]
    assert (np.ptp(found, axis=0) > 0.1).tolist() == [False, True, True, False]
    near = [frequency_hz(found[:, k], 1.0) for k in (1, 2)]
    assert near == pytest.approx([10.37, 11.16], abs=0.05), "frequencies at the points themselves"


@pytest.mark.nightly
@pytest.mark.parametrize("model", ["epileptor", "epileptor_2d"])
def test_where_epileptors_begin_to_seize(model: str, tmp_path: Path) -> None:
    """Proix et al. 2014, Jirsa et al. 2014: x0 of about -2.06."""
    found = states(
        tmp_path,
        after_ms=20_000.0,
        simulation={"dt_ms": 0.05, "duration_ms": 60_000.0},
        populations={"region": {"model": model}},
        record={"states": [{"population": "region", "variables": ["x1"], "interval_ms": 5.0}]},
        ensemble={"grid": {"populations.region.parameters.x0": [-2.12, -2.08, -2.04, -2.0]}},
    )["x1"].values[:, :, 0]
    assert (found.max(axis=0) > 0.0).tolist() == [False, False, True, True]


@pytest.mark.nightly
def test_the_order_parameter_of_kuramoto(tmp_path: Path) -> None:
    """Lorentzian frequencies of half width 0.01 per ms, all coupled to all: R = sqrt(1 - 2 / K), K in half widths."""
    n, width = 800, 0.01
    share = (np.arange(n) + 0.5) / n
    omega = width * np.tan(np.pi * (share - 0.5))
    rng = np.random.default_rng(1)
    names = [f"r{k}" for k in range(n)]
    found = states(
        tmp_path,
        after_ms=4000.0,
        atlas=str(small_atlas(tmp_path, np.zeros((n, n)), np.zeros((n, n)))),
        simulation={"dt_ms": 1.0, "duration_ms": 7000.0},
        populations={
            "nodes": {
                "model": "kuramoto", "regions": "all", "integrator": "heun",
                "parameters": {"omega_per_ms": {"regions": dict(zip(names, omega.tolist(), strict=True))}},
                "initial": {"theta": {"regions": dict(zip(names, rng.uniform(-3, 3, n).tolist(), strict=True))}},
            }
        },
        couplings={"all": {"source": "nodes", "target": "nodes", "weights": "all", "normalise": "sources"}},
        record={"states": [{"population": "nodes", "variables": ["theta"], "interval_ms": 10.0}]},
        ensemble={"grid": {"couplings.all.strength": [1.5 * width, 2.5 * width, 3 * width, 4 * width]}},
    )["theta"].values  # fmt: skip
    R = np.abs(np.exp(1j * found).mean(axis=2)).mean(axis=0)
    assert R[0] < 0.15
    assert R[1:] == pytest.approx(np.sqrt(1.0 - 2.0 / np.array([2.5, 3.0, 4.0])), abs=0.02)


def quiet(folder: Path, members: list[Any], duration_ms: float) -> Array:
    """Largest rate (Hz) of a region in the last second of each member; without noise, from near 3 Hz."""
    found = states(
        folder,
        after_ms=duration_ms - 1000.0,
        atlas="aal2",
        simulation={"dt_ms": 1.0, "duration_ms": duration_ms},
        populations={
            "cortex": {"model": "deco_2014", "regions": "all", "parameters": {"J_i": 1.0},
                       "initial": {"S_E": 0.163, "S_I": 0.0389}}
        },
        couplings={"network": {"source": "cortex", "target": "cortex"}},
        record={"states": [{"population": "cortex", "variables": ["r_E_Hz"], "interval_ms": 100.0}]},
        ensemble={"members": members},
    )["r_E_Hz"]  # fmt: skip
    largest: Array = found.max(("time_ms", "region")).values
    return largest


@pytest.mark.nightly
def test_how_far_feedback_inhibition_holds_3_hz(tmp_path: Path) -> None:
    """Up to a coupling of 1.3522 over the largest eigenvalue of the connectome.

    Without it rates grow without a jump; the first region passes 20 Hz at 0.370.
    """
    held = quiet(tmp_path, dmf_members((1.2, 1.32, 1.385, 1.5), seeds=(1,)), 90_000.0)
    assert held[:2] == pytest.approx([3.0, 3.0], abs=0.05)
    assert (held[2:] > 4.0).all()
    free = quiet(tmp_path / "free", dmf_members((0.367, 0.373), seeds=(1,), inhibited=False), 60_000.0)
    assert free[0] < 20.0 < free[1]


@pytest.mark.nightly
def test_noise_around_the_point_of_hopf_spreads_as_the_connectome_says(tmp_path: Path) -> None:
    """Covariance of the linear system, beta^2 / 2 (-(a + W / 2 lambda))^-1 in each component."""
    _, weights, largest = atlas()
    a, beta, coupling = -0.05, 0.002, 0.04
    found = states(
        tmp_path,
        after_ms=1000.0,
        atlas="aal2",
        simulation={"dt_ms": 0.5, "duration_ms": 400_000.0},
        populations={
            "cortex": {
                "model": "hopf", "regions": "all", "parameters": {"a": a, "omega": 0.05}, "integrator": "heun",
                "noise": {"x": {"sigma": beta}, "y": {"sigma": beta}},
            }
        },
        couplings={
            "network": {"source": "cortex", "target": "cortex", "function": "linear", "strength": coupling / largest}
        },
        record={"states": [{"population": "cortex", "variables": ["x", "y"], "interval_ms": 20.0}]},
    )  # fmt: skip
    operator = a * np.eye(80) + coupling / largest * (weights + weights.T) / 2
    expected = -0.5 * beta**2 * np.linalg.inv(operator)
    both = np.concatenate([found["x"].values, found["y"].values]).astype(np.float64)
    measured = both.T @ both / len(both)
    assert np.diag(measured) == pytest.approx(np.diag(expected), rel=0.06)
    assert np.corrcoef(measured[np.triu_indices(80, 1)], expected[np.triu_indices(80, 1)])[0, 1] > 0.97
