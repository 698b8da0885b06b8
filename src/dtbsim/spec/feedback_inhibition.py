"""Feedback inhibition of the dynamic mean field (Deco et al. 2014): the J_i at which every region fires at a target.

At the target rate r the gating is S_E = gamma tau r / (1 + gamma tau r) in all regions, so the input from others is
known; the inhibitory population settles at S_I, and J_i is what balances the excitatory current:

    J_i = (W_E I_0 + w_plus J_N S_E + G J_N c_i + I_ext - H_E^-1(r)) / S_I,   c_i = strength_i sum_j w_ij S_E
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

F64 = NDArray[np.float64]


def balancing_inhibition(p: Mapping[str, F64 | float], coupling: F64, rate_hz: float) -> F64:
    """float64[n]: J_i of regions with complete parameters `p` and total coupling strengths sum_j w_ij, float64[n]."""
    value = {name: np.asarray(given, np.float64) for name, given in p.items()}
    shape = coupling.shape
    through = value["gamma_E"] * value["tau_E_ms"] * rate_hz
    s_e = np.broadcast_to(through / (1.0 + through), shape)
    far = value["G"] * value["J_N_nA"] * coupling * s_e
    current = np.broadcast_to((_inverse(rate_hz, value["d_E_s"]) + value["b_E_Hz"]) / value["a_E"], shape)
    base = value["W_I"] * value["I_0_nA"] + value["J_N_nA"] * s_e + value["lambda_FFI"] * far
    s_i = _settled(np.broadcast_to(base, shape), value)
    excess = (
        value["W_E"] * value["I_0_nA"] + value["w_plus"] * value["J_N_nA"] * s_e + far + value["I_ext_nA"] - current
    )
    return np.asarray(excess / s_i)


def spread_of_deviations(
    p: Mapping[str, F64 | float], coupling: csr_array, rate_hz: float, j_i: F64, scale: float = 1.0
) -> float:
    """How much of a deviation from the target in all regions comes back through the network; from 1 on it grows.

    The fixed point at the target is linearised (Deco et al. 2014): with S_I in balance, a small deviation of S_E obeys

        d_i dS_i = beta G J_N (1 - J_i kappa_i lambda) sum_j C_ij dS_j,   d_i = alpha - beta J_N (w_plus - J_i kappa_i)

    where alpha, beta and kappa are the slopes of the equations there. The value is the spectral radius of the matrix on
    the right divided by d_i; infinite where a region is unstable by itself. `coupling` is C, of non-negative numbers,
    times `scale`.
    """
    value = {name: np.asarray(given, np.float64) for name, given in p.items()}
    n = coupling.shape[0]
    strengths = scale * np.asarray(coupling.sum(axis=1)).ravel()
    through = value["gamma_E"] * value["tau_E_ms"] * rate_hz
    s_e = np.broadcast_to(through / (1.0 + through), (n,))
    far = value["G"] * value["J_N_nA"] * strengths * s_e
    base = np.broadcast_to(value["W_I"] * value["I_0_nA"] + value["J_N_nA"] * s_e + value["lambda_FFI"] * far, (n,))
    inhibited = value["a_I"] * (base - _settled(base, value)) - value["b_I_Hz"]
    beta = (1.0 - s_e) * value["gamma_E"] * value["a_E"] * _slope(_inverse(rate_hz, value["d_E_s"]), value["d_E_s"])
    answer = value["gamma_I"] * value["a_I"] * _slope(inhibited, value["d_I_s"])
    kappa = answer / (1.0 / value["tau_I_ms"] + answer)
    alpha = 1.0 / value["tau_E_ms"] + value["gamma_E"] * rate_hz
    own = alpha - beta * value["J_N_nA"] * (value["w_plus"] - j_i * kappa)
    arriving = scale * beta * value["G"] * value["J_N_nA"] * (1.0 - j_i * kappa * value["lambda_FFI"])
    if own.min() <= 0.0:
        return math.inf
    return largest_eigenvalue(coupling, np.broadcast_to(arriving / own, (n,)))


def stability_limit(p: Mapping[str, F64 | float], coupling: csr_array, rate_hz: float) -> float:
    """The largest factor of the coupling at which the balanced state at the target is stable, by bisection."""
    strengths = np.asarray(coupling.sum(axis=1)).ravel()

    def grows(scale: float) -> bool:
        j_i = balancing_inhibition(p, scale * strengths, rate_hz)
        return spread_of_deviations(p, coupling, rate_hz, j_i, scale) >= 1.0

    low, high = 0.0, 1.0
    while not grows(high) and high < 1e6:
        high *= 2.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if grows(middle) else (middle, high)
    return low


def unstable_coupling(p: Mapping[str, F64 | float], coupling: csr_array, rate_hz: float) -> float | None:
    """Global coupling times the largest eigenvalue of C where the state at the target is unstable; else None.

    J_i are those that balance all regions at the target. A coupling with a negative weight is not looked at.
    """
    if not coupling.nnz or coupling.data.min() < 0.0:
        return None
    strengths = np.asarray(coupling.sum(axis=1)).ravel()
    if spread_of_deviations(p, coupling, rate_hz, balancing_inhibition(p, strengths, rate_hz)) < 1.0:
        return None
    return float(np.max(p["G"])) * largest_eigenvalue(coupling)


def largest_eigenvalue(coupling: csr_array, factors: F64 | float = 1.0) -> float:
    """The largest eigenvalue of diag(factors) C of non-negative numbers, by powers of C."""
    x, found = np.ones(coupling.shape[0]), 0.0
    for _ in range(1000):
        x = factors * (coupling @ x) + 1e-3 * x * found  # the shift keeps alternating networks from going on for ever
        size = float(np.abs(x).max())
        if size == 0.0:
            return 0.0
        x, before, found = x / size, found, size / 1.001 if found else size
        if abs(found - before) <= 1e-10 * found:
            break
    return found


def _slope(x: F64, d: F64) -> F64:
    """Derivative of x / (1 - exp(-d x))."""
    y = d * x
    small = np.abs(y) < 1e-4
    safe = np.where(small, 1.0, y)
    rest = -np.expm1(-safe)
    return np.asarray(np.where(small, 0.5 + y / 6.0, (rest - safe * np.exp(-safe)) / (rest * rest)))


def _gain(x: F64, d: F64) -> F64:
    small = np.abs(d * x) < 1e-8
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 / d + 0.5 * x, safe / -np.expm1(-d * safe))


def _inverse(rate_hz: float, d: F64) -> F64:
    """x with x / (1 - exp(-d x)) = rate, by bisection."""
    low, high = np.full(np.shape(d), -100.0 / float(np.min(d))), np.full(np.shape(d), rate_hz)
    for _ in range(200):
        middle = 0.5 * (low + high)
        above = _gain(middle, d) > rate_hz
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high))


def _settled(base: F64, value: Mapping[str, F64]) -> F64:
    """S_I with S_I = gamma_I tau_I H_I(base - S_I), by bisection: the right side falls with S_I, so there is one."""
    low, high = np.zeros_like(base), np.ones_like(base)
    for _ in range(math.ceil(math.log2(1e18))):
        middle = 0.5 * (low + high)
        rate = _gain(value["a_I"] * (base - middle) - value["b_I_Hz"], value["d_I_s"])
        above = value["gamma_I"] * value["tau_I_ms"] * rate > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(0.5 * (low + high))
