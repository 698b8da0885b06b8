"""exp, log and power of float32 for compiled loops: the same definitions that neuron models use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels.numba_support import bits_float, float_bits
from dtbsim.models.language.emit_numba import elementary_text


def _compiled(name: str) -> Callable[[Any], Any]:
    scope: dict[str, Any] = {
        "_f32": nb.float32,
        "_i32": nb.int32,
        "_sqrt": math.sqrt,
        "_float_bits": float_bits,
        "_bits_float": bits_float,
    }
    exec(compile(elementary_text(name), f"<{name}>", "exec"), scope)
    compiled: Callable[[Any], Any] = nb.njit(nogil=True, error_model="numpy", forceinline=True)(scope[f"_{name}"])
    return compiled


exp = _compiled("exp")
log = _compiled("log")


@nb.njit(nogil=True, error_model="numpy", forceinline=True)
def power(x: Any, y: Any) -> Any:
    """x ** y for 0 <= x, 0 <= y (float32): exact for y = 0 and 1, else exp(y log x). Without branches, to vectorise."""
    positive = x > np.float32(0.0)
    raised = exp(y * log(x if positive else np.float32(1.0)))
    raised = raised if positive else np.float32(0.0)
    raised = x if y == np.float32(1.0) else raised
    return np.float32(1.0) if y == np.float32(0.0) else raised
