"""Exact integration of linear membranes with synaptic currents (Rotter, Diesmann 1999), in float64 on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

TICS_PER_MS = 1000.0


def propagator_exp(tau_syn_ms: Any, tau_m_ms: Any, C_m_pF: Any, dt_ms: float) -> Any:
    """Return the membrane potential (mV) after one step per pA of exponentially decaying current at its start.

    P21 = tau_s tau_m / (C (tau_m - tau_s)) (exp(-h/tau_m) - exp(-h/tau_s)), written with expm1 so that it stays
    accurate for nearby time constants; for equal ones it is the limit h / C exp(-h/tau_m). Broadcasts over arrays.
    """
    tau_s, tau_m, C = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (tau_syn_ms, tau_m_ms, C_m_pF)))
    rate_difference = 1.0 / tau_s - 1.0 / tau_m
    x = dt_ms * rate_difference
    equal = np.abs(x) < 1e-12
    safe = np.where(equal, 1.0, x)
    relative = np.where(equal, 1.0, np.expm1(safe) / safe)
    result = dt_ms / C * np.exp(-dt_ms / tau_s) * relative
    return float(result) if result.ndim == 0 else result


def propagator_alpha(tau_syn_ms: Any, tau_m_ms: Any, C_m_pF: Any, dt_ms: float) -> Any:
    """Return the membrane potential (mV) after one step per pA/ms of the slope s of an alpha current at its start.

    The current is s t exp(-t/tau_s); with a = 1/tau_s - 1/tau_m and x = a h the potential at h is
    h^2 / C exp(-h/tau_m) f(x), f(x) = (1 - (1 + x) exp(-x)) / x^2. Near equal time constants f is summed as
    sum_k (-x)^k / (k! (k + 2)), so that the limit h^2 / (2 C) exp(-h/tau_m) is reached. Broadcasts over arrays.
    """
    tau_s, tau_m, C = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (tau_syn_ms, tau_m_ms, C_m_pF)))
    x = dt_ms * (1.0 / tau_s - 1.0 / tau_m)
    small = np.abs(x) < 1.0
    series, term = np.zeros_like(x), np.ones_like(x)
    for k in range(22):
        series += term / (k + 2)
        term = term * np.where(small, -x, 0.0) / (k + 1)
    apart = np.where(small, 1.0, x)
    closed = (np.exp(-dt_ms / tau_m) - np.exp(-dt_ms / tau_s) * (1.0 + apart)) / apart**2
    result = dt_ms**2 / C * np.where(small, np.exp(-dt_ms / tau_m) * series, closed)
    return float(result) if result.ndim == 0 else result


def propagator_matrix(rates: Any, dt_ms: float) -> Any:
    """Return exp(rates dt) of one or many matrices, float64[..., n, n] (1/ms), by scaling and squaring a Taylor sum.

    Equal and nearly equal time constants need no limits here: what cancels in closed forms is summed.
    """
    exponent = np.asarray(rates, dtype=np.float64) * dt_ms
    largest = float(np.abs(exponent).sum(axis=-1).max())
    squarings = max(0, int(np.ceil(np.log2(max(largest, 0.5)))) + 1)
    exponent = exponent / 2.0**squarings
    result = term = np.broadcast_to(np.eye(exponent.shape[-1]), exponent.shape)
    for k in range(1, 20):
        term = term @ exponent / k
        result = result + term
    for _ in range(squarings):
        result = result @ result
    return result


def refractory_steps(t_ref_ms: Any, dt_ms: float) -> Any:
    """Return the refractory period in steps: t_ref rounded to microseconds, then up to whole steps, as NEST does."""
    tics = np.floor(np.asarray(t_ref_ms, dtype=np.float64) * TICS_PER_MS + 0.5)
    steps = np.ceil(tics / (dt_ms * TICS_PER_MS) - 1e-9)
    return float(steps) if steps.ndim == 0 else steps
