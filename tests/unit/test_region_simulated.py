"""What region kernels do over time, against closed forms and published numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.region_oracle import Array, Oracle

from dtbsim.atlas import load_atlas
from dtbsim.backends.drive_tables import normal_table
from dtbsim.kernels.region_kernel import RegionBlock, region_constants, region_kernel, varying
from dtbsim.kernels.region_variant import NoiseTerm, Term, region_variant
from dtbsim.models.region_registry import get_region_model


class Course:
    """N regions in L members, started from their defaults; what is sent is kept for each step of a call."""

    def __init__(
        self, name: str, shape: tuple[int, int], dt_ms: float, parameters: Any, *, scheme: str = "heun",
        sent: str, terms: tuple[Term, ...] = (), noise: dict[str, float] | None = None, rows: int = 1000,
    ) -> None:  # fmt: skip
        model = get_region_model(name)
        given: dict[str, Any] = {"terms": terms, "sent": (sent,)}
        given["noise"] = [NoiseTerm(target, "additive") for target in noise or {}]
        sizes = {target: (sigma, 1.0) for target, sigma in (noise or {}).items()}
        plain = region_variant(model, scheme, **given)  # type: ignore[arg-type]
        arrays = varying(region_constants(plain, parameters, dt_ms, sizes))
        variant = region_variant(model, scheme, **given, arrays=arrays)  # type: ignore[arg-type]
        constants = region_constants(variant, parameters, dt_ms, sizes)
        self.block = RegionBlock(region_kernel(variant), *shape, constants, normal=normal_table(), seed=4)
        for row in model.states:
            self.block.state(row.name)[:] = row.default
        self.shape, self.rows, self.step = shape, rows, 0
        self.sums = [np.zeros((rows, shape[0] * shape[1]), np.float32) for _ in range(variant.n_slots)]
        self.sent = np.zeros((rows, shape[0] * shape[1]), np.float32)
        self.block.use(self.sums, [self.sent])

    def on(self, n_steps: int) -> Array:
        """Go on; return what was sent, [step, region, member]."""
        found = []
        for begin in range(0, n_steps, self.rows):
            n = min(self.rows, n_steps - begin)
            self.block.advance(self.step, n)
            self.step += n
            found.append(self.sent[:n].astype(np.float64).reshape(n, *self.shape))
        return np.concatenate(found)


def frequency_Hz(values: Array, dt_ms: float) -> float:
    """Of upward crossings of the mean."""
    above = values >= values.mean()
    up = np.flatnonzero(~above[:-1] & above[1:])
    return float((len(up) - 1) / ((up[-1] - up[0]) * dt_ms) * 1000.0)


def test_an_oscillation_of_hopf_has_the_radius_of_the_root_of_a() -> None:
    a = np.array([[0.05, 0.2, 0.5, 1.0]])
    course = Course("hopf", (1, 4), 0.05, {"a": a, "omega": 0.3}, scheme="rk4", sent="x")
    x = course.on(12_000)[8000:, 0]
    assert x.max(axis=0) == pytest.approx(np.sqrt(a[0]), rel=1e-3)
    assert frequency_Hz(x[:, 2], 0.05) == pytest.approx(1000.0 * 0.3 / (2.0 * np.pi), rel=1e-3)


@pytest.mark.nightly
def test_noise_around_the_point_of_hopf_has_the_variance_of_the_linear_system() -> None:
    """Variance beta^2 / (2 |a|) of each component."""
    course = Course(
        "hopf", (64, 16), 0.1, {"a": -0.5, "omega": 0.3}, scheme="euler", sent="x", noise={"x": 0.02, "y": 0.02}
    )
    x = course.on(3000)[500::10]
    assert x.var() == pytest.approx(0.02**2 / (2.0 * 0.5), rel=0.04)


@pytest.mark.nightly
def test_jansen_rit_at_a_mean_input_of_220_is_an_alpha_rhythm() -> None:
    course = Course("jansen_rit", (1, 1), 0.1, {"mu_per_ms": 0.22}, sent="v_mV")
    v = course.on(60_000)[30_000:, 0, 0]
    assert frequency_Hz(v, 0.1) == pytest.approx(10.938, abs=0.02)
    assert np.ptp(v) == pytest.approx(2.955, abs=0.005)


@pytest.mark.nightly
def test_the_limit_cycle_of_wilson_and_cowan_1972() -> None:
    """Figure 11: oscillations between a fold (P of 1.0 to 1.1) and a Hopf point (1.88); at 1.25 of 25 Hz.

    Explicit Euler steps of 0.1 ms oscillate up to 2.2.
    """
    P = np.append(np.arange(0.4, 3.01, 0.1), 1.25)[None]
    course = Course("wilson_cowan_1972", (1, P.size), 0.05, {"P": P}, sent="E")
    E = course.on(60_000)[50_000:, 0]
    cycling = P[0, :-1][np.ptp(E[:, :-1], axis=0) > 0.02]
    assert (cycling.min(), cycling.max()) == pytest.approx((1.1, 1.8), abs=0.01)
    assert frequency_Hz(E[:, -1], 0.05) == pytest.approx(25.02, abs=0.1)
    assert np.ptp(E[:, -1]) == pytest.approx(0.167, abs=0.001)


@pytest.mark.nightly
@pytest.mark.parametrize("K", [1.5, 2.5, 3.0, 4.0])
def test_the_order_parameter_of_kuramoto(K: float) -> None:
    """Lorentzian frequencies of half width 1: R = sqrt(1 - 2 / K) above K = 2 (Kuramoto 1984)."""
    n, dt = 4000, 0.05
    omega = np.tan(np.pi * (np.arange(1, n + 1) - 0.5 - n / 2) / n)[:, None]
    kept = np.abs(omega) < 60.0  # a step turns a phase by less than half a circle
    omega = omega[kept.all(axis=1)]
    course = Course(
        "kuramoto", (len(omega), 1), dt, {"omega_per_ms": omega}, sent="theta",
        terms=(Term("network", "kuramoto", "theta"),), rows=1,
    )  # fmt: skip
    theta = np.random.default_rng(1).uniform(-np.pi, np.pi, len(omega))
    course.block.state("theta")[:, 0] = theta
    found = []
    for step in range(1600):
        course.sums[0][:], course.sums[1][:] = K * np.sin(theta).mean(), K * np.cos(theta).mean()
        theta = course.on(1)[0, :, 0]
        if step >= 800:
            found.append(abs(np.exp(1j * theta).mean()))
    expected = np.sqrt(1.0 - 2.0 / K) if K > 2.0 else 0.0
    assert np.mean(found) == pytest.approx(expected, abs=0.06 if K < 2.0 else 0.015)


@pytest.mark.nightly
def test_without_feedback_inhibition_the_low_state_of_aal2_ends() -> None:
    """At G lambda_max = 0.370 for J_i = 1."""
    weights = np.asarray(load_atlas("aal2").weights, np.float64)
    weights = (weights + weights.T) / 2.0
    np.fill_diagonal(weights, 0.0)
    lam = float(np.linalg.eigvalsh(weights).max())

    def highest(G: float) -> float:
        made = Oracle(get_region_model("deco_2014"), {"G": G}, 1.0)
        x = np.full((2, len(weights)), 0.05)
        for _ in range(12_000):
            x = x + made.drift(x, in_network=weights @ x[0])
        return float(made.outputs(x, in_network=weights @ x[0])["r_E_Hz"].max())

    low, high = 0.13, 0.18
    for _ in range(6):
        middle = (low + high) / 2.0
        low, high = (middle, high) if highest(middle) < 20.0 else (low, middle)
    assert (low + high) / 2.0 * lam == pytest.approx(0.370, abs=0.004)
