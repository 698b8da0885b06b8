"""exp, log, sin and cos of float32 for compiled loops: the same definitions that neuron models use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba as nb

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
sin = _compiled("sin")
cos = _compiled("cos")
