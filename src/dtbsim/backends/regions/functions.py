"""What functions of couplings and noise mean to the compiled loops: kinds and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels import region_blocks as T
from dtbsim.spec.region_network import Noise, RegionCoupling

F32 = NDArray[np.float32]

PRE = {"kuramoto": (T.SINE, T.COSINE), "jansen_rit": (T.SIGMOID,), "hyperbolic_tangent": (T.TANH,)}
TERMS = {"difference": "difference", "kuramoto": "kuramoto"}


def first_of(values: Any) -> float:
    """A number that all elements have; of a rank without any 0."""
    flat = np.ravel(values)
    assert not flat.size or (flat == flat[0]).all(), "a constant that varies is an array of the kernel"
    return float(flat[0]) if flat.size else 0.0


def own_of(coupling: RegionCoupling) -> str:
    """The variable of the target that a coupling takes, too; "" where it takes none."""
    return coupling.variable if coupling.function in TERMS else ""


def noise_numbers(noise: tuple[Noise, ...], part: Any) -> Mapping[str, tuple[Any, Any]]:
    """Sizes and time constants by target; `part` takes the nodes and members that are wanted (None: all)."""
    found = {}
    for one in noise:
        sigma = one.sigma.T if part is None else part(one.sigma)
        found[one.state] = sigma, 1.0 if one.tau_ms is None else one.tau_ms
    return found


def function_numbers(coupling: RegionCoupling, members: tuple[int, ...]) -> tuple[int, F32]:
    """What becomes of the sums: kind, and float32[4, lanes]."""
    given = {name: values[list(members)] for name, values in coupling.numbers.items()}
    numbers = np.zeros((4, len(members)), np.float32)
    if coupling.function == "linear":
        numbers[0] = given["offset"]
        return T.LINEAR if (coupling.numbers["offset"] != 0).any() else T.SCALED, numbers
    if coupling.function == "sigmoidal":
        numbers[:] = given["low"], given["high"], given["midpoint"], given["slope"] / given["sigma"]
        return T.SIGMOIDAL, numbers
    return T.SCALED, numbers


def before_numbers(coupling: RegionCoupling, function: int, members: tuple[int, ...]) -> F32:
    """Numbers of what a history keeps of a variable: float32[4, lanes]."""
    given = {name: values[list(members)] for name, values in coupling.numbers.items()}
    numbers = np.zeros((4, len(members)), np.float32)
    if function == T.SIGMOID:
        numbers[:] = given["low"], given["high"], given["midpoint"], given["slope"]
    elif function == T.TANH:
        numbers[:3] = given["scale"], given["midpoint"], given["sigma"]
    return numbers
