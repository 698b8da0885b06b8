"""What users ask of a live run: indices as they give them, and errors that name what was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from dtbsim.arguments import refuse
from dtbsim.config.drives import NeuronRange
from dtbsim.errors import InputError


def indices(neurons: Any) -> Any:
    """Indices as a configuration has them."""
    if isinstance(neurons, range) and len(neurons) > 0 and neurons.step > 0 and neurons.start >= 0:
        return NeuronRange(start=neurons.start, stop=neurons.stop, step=neurons.step)
    if neurons is None or isinstance(neurons, NeuronRange):
        return neurons
    given = np.asarray(neurons)
    if given.dtype == bool:
        given = np.flatnonzero(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or not given.size:
        raise refuse(neurons, "neurons", "indices of neurons, a list, range or array of whole numbers")
    return given.tolist()


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Say of an InputError what was asked for, in place of the key path of a configuration."""
    try:
        yield
    except InputError as error:
        keys = (error.where or "").split(".")
        keys = keys[2:] if keys[0] == "changes" else keys[1:] if keys[0] == "Change" else keys
        inside = ".".join(keys[1:] if keys[:1] == ["set"] else keys)
        where = f"{name}: {inside}" if inside and inside != name else name
        raise InputError(error.message, where=where, remedy=error.remedy) from None
