"""The Balloon-Windkessel model of many regions through many bins of rates; `dtbsim.signals.bold` has the equations.

All is float64, each region by itself, in one order of operations: the bits depend neither on how many regions or bins a
call has, nor on the processor.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels.elementary64 import expm1, power
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.numba_support import NoAliasCompiler

SIGNAL, EXCESS_INFLOW, VOLUME, DEOXY, INFLOW, DELIVERY = range(6)
"""Rows of the state: s, f - 1, v, q; then f, floored, and f E(f) / rho at the current time."""
GAIN, STEP, INVERSE_ALPHA, LOG_RETENTION, FLOOR, V0, K1, K2, K3 = range(9)
"""Numbers. STEP is the length of a step in units of tau."""
FLOW = 9
"""From here on float64[4, 3]: what s, f - 1 and the drive contribute to s and f - 1 after half a step and a whole."""
N_NUMBERS = FLOW + 12
WIDTH = 256
"""Regions that are stepped together, in arrays that the first-level cache holds."""
ROOM = 14
"""Rows: slopes of v and q at four points, inflow and delivery at the middle and at the end, two of zeros."""
_loop = nb.njit(nogil=True, error_model="numpy", pipeline_class=NoAliasCompiler)


@_loop
def _flow(s: Any, x: Any, rates: Any, numbers: Any, middle: Any, end: Any) -> int:
    """The exact step of s and f - 1; writes the inflow in its middle and at its end, returns how many are floored."""
    gain, floor = numbers[GAIN], numbers[FLOOR]
    # row 0, s after half a step, is not needed
    xs, xx, xd = numbers[FLOW + 3], numbers[FLOW + 4], numbers[FLOW + 5]
    ss, sx, sd = numbers[FLOW + 6], numbers[FLOW + 7], numbers[FLOW + 8]
    es, ex, ed = numbers[FLOW + 9], numbers[FLOW + 10], numbers[FLOW + 11]
    floored = 0
    for i in range(s.size):
        drive, s0, x0 = gain * rates[i], s[i], x[i]
        half = 1.0 + (xs * s0 + xx * x0 + xd * drive)
        x1 = es * s0 + ex * x0 + ed * drive
        s[i], x[i] = ss * s0 + sx * x0 + sd * drive, x1
        whole = 1.0 + x1
        floored += 1 if whole < floor else 0
        middle[i] = floor if half < floor else half
        end[i] = floor if whole < floor else whole
    return floored


@_loop
def _deliver(inflow: Any, numbers: Any, out: Any) -> None:
    """f E(f) / rho; rho has the rounding of E, so that a region at rest stays there exactly."""
    log_retention = numbers[LOG_RETENTION]
    resting = expm1(log_retention)
    for i in range(inflow.size):
        out[i] = expm1(log_retention / inflow[i]) / resting * inflow[i]


@_loop
def _slope(
    v: Any, q: Any, to_v: Any, to_q: Any, h: float, a: float, inflow: Any, delivery: Any, dv: Any, dq: Any
) -> None:
    """tau d(v, q)/dt at v + h to_v, q + h to_q."""
    for i in range(v.size):
        v1, q1 = v[i] + h * to_v[i], q[i] + h * to_q[i]
        out = power(v1, a)
        dv[i] = inflow[i] - out
        dq[i] = delivery[i] - q1 / v1 * out


@_loop
def _move(venous: Any, a: Any, b: Any, c: Any, d: Any, sixth: float) -> None:
    for i in range(venous.size):
        venous[i] += (a[i] + (b[i] + c[i]) * 2.0 + d[i]) * sixth


@_loop
def _keep(end: Any, end_q: Any, inflow: Any, delivery: Any) -> None:
    for i in range(end.size):
        inflow[i], delivery[i] = end[i], end_q[i]


@nb.njit(nogil=True, error_model="numpy")
def _step(state: Any, first: int, last: int, rates: Any, numbers: Any, room: Any) -> int:
    """One step of regions `first` to before `last`, at most WIDTH; returns how many inflows were floored."""
    h, inverse_alpha, n = numbers[STEP], numbers[INVERSE_ALPHA], last - first
    s, x = state[SIGNAL, first:last], state[EXCESS_INFLOW, first:last]
    v, q = state[VOLUME, first:last], state[DEOXY, first:last]
    inflow, delivery = state[INFLOW, first:last], state[DELIVERY, first:last]
    av, bv, cv, dv = room[0, :n], room[1, :n], room[2, :n], room[3, :n]
    aq, bq, cq, dq = room[4, :n], room[5, :n], room[6, :n], room[7, :n]
    middle, middle_q, end, end_q = room[8, :n], room[9, :n], room[10, :n], room[11, :n]
    floored: int = _flow(s, x, rates, numbers, middle, end)
    _deliver(middle, numbers, middle_q)
    _deliver(end, numbers, end_q)
    _slope(v, q, room[12, :n], room[13, :n], 0.0, inverse_alpha, inflow, delivery, av, aq)
    _slope(v, q, av, aq, h / 2, inverse_alpha, middle, middle_q, bv, bq)
    _slope(v, q, bv, bq, h / 2, inverse_alpha, middle, middle_q, cv, cq)
    _slope(v, q, cv, cq, h, inverse_alpha, end, end_q, dv, dq)
    _move(v, av, bv, cv, dv, h / 6)
    _move(q, aq, bq, cq, dq, h / 6)
    _keep(end, end_q, inflow, delivery)
    return floored


@_loop
def _sample(v: Any, q: Any, numbers: Any, out: Any) -> None:
    scale, k1, k2, k3 = numbers[V0], numbers[K1], numbers[K2], numbers[K3]
    for i in range(v.size):
        out[i] = scale * (k1 * (1.0 - q[i]) + k2 * (1.0 - q[i] / v[i]) + k3 * (1.0 - v[i]))


@nb.njit(nogil=True)
def _wrong(v: Any) -> int:
    wrong = 0
    for i in range(v.size):
        wrong += 0 if v[i] > 0.0 else 1
    return wrong


@cached_njit
def restore_sources(state: Any, numbers: Any) -> None:
    """Make the rows INFLOW and DELIVERY of a state float64[6, n] of its others."""
    for i in range(state.shape[1]):
        inflow = max(1.0 + state[EXCESS_INFLOW, i], numbers[FLOOR])
        state[INFLOW, i] = inflow
        extraction = expm1(numbers[LOG_RETENTION] / inflow)
        state[DELIVERY, i] = extraction / expm1(numbers[LOG_RETENTION]) * inflow


@cached_njit
def advance_bins(
    state: Any, rates: Any, numbers: Any, steps: int, bins: int, discard: int, every: int, out: Any
) -> Any:
    """Take a state float64[6, n] through bins of rates float64[k, n] (Hz), each in a number of equal steps.

    `bins` have been before. A sample, a row of `out`, is due after bin `discard` + m * `every`, m = 1, 2, ...
    Returns how many bins were advanced, fewer than k where a volume is no positive number after the last of them, and
    how many inflows were floored.
    """
    floored, due, n = 0, 0, state.shape[1]
    room = np.zeros((ROOM, min(n, WIDTH)))
    for k in range(rates.shape[0]):
        for first in range(0, n, WIDTH):
            last = min(first + WIDTH, n)
            for _ in range(steps):
                floored += _step(state, first, last, rates[k, first:last], numbers, room)
        if _wrong(state[VOLUME]):
            return k + 1, floored
        past = bins + k + 1 - discard
        if past > 0 and past % every == 0:
            _sample(state[VOLUME], state[DEOXY], numbers, out[due])
            due += 1
    return rates.shape[0], floored
