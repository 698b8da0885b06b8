"""Feedback inhibition of the dynamic mean field (Deco et al. 2014): the J_i at which every region fires at a target.

At the target rate r the gating is S_E = gamma tau r / (1 + gamma tau r) in all regions, so the input from others is
known; the inhibitory population settles at S_I, and J_i is what balances the excitatory current:

    J_i = (W_E I_0 + w_plus J_N S_E + G J_N c_i + I_ext - H_E^-1(r)) / S_I,   c_i = strength_i sum_j w_ij S_E
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

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
