"""Tables of generated region kernels, read when the kernel is imported; numba makes them constants of its code."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def table(folder: str, file: str, digest: str) -> NDArray[np.float32]:
    """Return a table as one row of numbers; RuntimeError where it is no longer what the kernel was made for."""
    name, _, key = file.partition(":")
    with np.load(Path(folder) / name) as found:
        values: NDArray[np.float32] = np.ascontiguousarray(found[key], np.float32).ravel()
    if hashlib.sha256(values.tobytes()).hexdigest()[:20] != digest:
        raise RuntimeError(f"{file} in {folder} has changed")
    return values
