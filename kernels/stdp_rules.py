"""What one spike of either end does to a plastic weight: float32 in fine quanta, rounded to a whole number."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.elementary import power

_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)


@nb.njit(nogil=True, inline="always")
def potentiated(kind: int, p: Any, w: Any, trace: Any, slow: Any) -> Any:
    """Weight after a spike of the target: float32 in fine quanta, not yet rounded."""
    if kind == D.STDP_PAIR:
        x = w * p[D.P_INVERSE_MAX]
        return (x + p[D.P_UP] * power(_ONE - x, p[D.P_UP_POWER]) * trace) * p[D.P_MAX]
    if kind == D.STDP_POWER_LAW:
        return w + p[D.P_UP] * power(w, p[D.P_UP_POWER]) * trace
    return w + trace * (p[D.P_UP2] + p[D.P_UP3] * slow)


@nb.njit(nogil=True, inline="always")
def depressed(kind: int, p: Any, w: Any, trace: Any, slow: Any) -> Any:
    """Weight after a spike of the source."""
    if kind == D.STDP_PAIR:
        x = w * p[D.P_INVERSE_MAX]
        return (x - p[D.P_DOWN] * power(x, p[D.P_DOWN_POWER]) * trace) * p[D.P_MAX]
    if kind == D.STDP_POWER_LAW:
        return w - p[D.P_DOWN] * w * trace
    return w - trace * (p[D.P_DOWN2] + p[D.P_DOWN3] * slow)


@nb.njit(nogil=True, inline="always")
def rounded(p: Any, w: Any) -> Any:
    """Into [0, maximum], to a whole number; float32 again."""
    largest = p[D.P_MAX]
    w = w if w > _ZERO else _ZERO
    w = w if w < largest else largest
    return np.float32(np.int32(w + _HALF))
