"""Elementary functions: error against float64, special values, the same bits from numba, C++ and numpy."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import special
from tests.helpers.c_kernel import FLAGS, GXX

from dtbsim.kernels import kernel_cache
from dtbsim.models.language import elementary, emit_c, emit_numba

BOUND = elementary.MAX_ULP
EXACT: dict[str, Callable[..., Any]] = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "erfc": special.erfc}
ALL = [*elementary.ELEMENTARY]
STRIDE = 613
"""A sample of all 2**32 bit patterns (7 million); a prime, so that it meets every exponent with many mantissas."""

_MODULE = """
from numba import float32 as _f32, int32 as _i32, njit
from dtbsim.kernels.numba_support import bits_float as _bits_float, float_bits as _float_bits

{definitions}

@njit(error_model="numpy")
def apply(x, y):
    for k in range(len(x)):
        y[k] = _{name}(x[k])
"""


def load_numba(name: str) -> ModuleType:
    inline = '@njit(error_model="numpy", forceinline=True)\n'
    definitions = [inline + emit_numba.elementary_text(needed) for needed in elementary.needed({name})]
    text = _MODULE.format(name=name, definitions="\n".join(definitions))
    return kernel_cache.build(text, f"test_{name}", lambda module: module)


def numba_values(name: str, x: Any) -> Any:
    y = np.empty_like(x)
    load_numba(name).apply(x, y)
    return y


def sample() -> Any:
    edges = np.arange(-40, 41, dtype=np.int64)
    special = np.array([0.0, 1.0, 0.5, 2.0, np.inf, 88.72284, 103.97208, 1.17549435e-38, 0.70710678], np.float32)
    around = (special.view(np.int32).astype(np.int64)[:, None] + edges).ravel()
    bits = np.concatenate([np.arange(0, 2**32, STRIDE), around, around + 2**31]) % 2**32
    return bits.astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("name", EXACT)
def test_error_against_float64_over_all_magnitudes(name: str) -> None:
    x = sample()
    y = numba_values(name, x)
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
        rounded = exact.astype(np.float32)
    finite = np.isfinite(rounded)
    assert np.array_equal(np.isnan(y[~finite]), np.isnan(rounded[~finite]))
    infinite = np.isinf(rounded)
    assert np.array_equal(y[infinite], rounded[infinite])
    ulp = np.abs(y[finite] - exact[finite]) / np.spacing(np.abs(rounded[finite])).astype(np.float64)
    assert ulp.max() <= BOUND[name]


@pytest.mark.parametrize(("name", "exact"), [("sin", np.sin), ("cos", np.cos)])
def test_absolute_error_of_angles(name: str, exact: Callable[..., Any]) -> None:
    x = sample()
    x = x[np.abs(x) <= elementary.LARGEST_PHASE]
    x = np.concatenate(
        [x, np.linspace(-elementary.LARGEST_PHASE, elementary.LARGEST_PHASE, 2_000_001).astype(np.float32)]
    )
    error = np.abs(numba_values(name, x) - exact(x.astype(np.float64)))
    assert error.max() <= elementary.SIN_MAX_ERROR
    assert error[np.abs(x) < 10.0].max() <= 1e-7


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", -np.inf, 0.0),
        ("exp", np.inf, np.inf),
        ("exp", 89.0, np.inf),
        ("exp", -103.0, 1.4e-45),
        ("exp", np.nan, np.nan),
        ("log", 1.0, 0.0),
        ("log", 0.0, -np.inf),
        ("log", -0.0, -np.inf),
        ("log", np.inf, np.inf),
        ("log", -1.0, np.nan),
        ("log", -np.inf, np.nan),
        ("log", np.nan, np.nan),
        ("sin", 0.0, 0.0),
        ("cos", 0.0, 1.0),
        ("sin", np.inf, np.nan),
        ("cos", 20000.0, np.nan),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        ("tanh", np.nan, np.nan),
        ("erfc", 0.0, 1.0),
        ("erfc", np.inf, 0.0),
        ("erfc", -np.inf, 2.0),
        ("erfc", np.nan, np.nan),
    ],
)
def test_special_values(name: str, x: float, y: float) -> None:
    np.testing.assert_array_equal(numba_values(name, np.array([x], np.float32)), np.array([y], np.float32))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.skipif(GXX is None, reason="needs g++")
def test_c_text_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    head = 'extern "C" void apply(long n, const float *x, float *y)'
    loop = f"{head} {{ for (long k = 0; k < n; ++k) y[k] = dtb_{name}(x[k]); }}"
    text = "\n".join(map(emit_c.elementary_text, elementary.needed({name})))
    source, library = tmp_path / "f.cpp", tmp_path / "f.so"
    source.write_text(f"{emit_c.PRELUDE}\n{text}\n{loop}\n", encoding="utf-8")
    subprocess.run([str(GXX), *FLAGS, str(source), "-o", str(library)], check=True)
    x = sample()
    y = np.empty_like(x)
    apply = ctypes.CDLL(str(library)).apply
    apply.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    apply(len(x), x.ctypes.data, y.ctypes.data)
    expected = numba_values(name, x)
    number = ~np.isnan(expected)
    assert np.array_equal(np.isnan(y), ~number)
    assert np.array_equal(y[number].view(np.int32), expected[number].view(np.int32))


@pytest.mark.parametrize("name", ALL)
def test_the_definition_is_plain_python_too(name: str) -> None:
    x = np.array([1e-3, 0.3, 1.0, 2.7182817, 17.5, 60.0], np.float32)
    plain = [float(getattr(elementary, name)(value)) for value in x]
    np.testing.assert_allclose(plain, numba_values(name, x), rtol=3e-7, atol=1e-7)
