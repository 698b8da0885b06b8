"""Whether a GPU has got to an event: a fault of a kernel shows there first."""

from __future__ import annotations

from typing import Any

SUCCESS, NOT_READY = 0, 600
"""Values of cudaError_t."""


def is_done(cuda: Any, event: Any) -> bool:
    """Whether all work before `event` is over; `cuda` is `cupy.cuda`.

    CuPy's `Event.done` takes every answer but success for "not yet", so that a wait for it would outlast a GPU that has
    failed. Here any other answer raises CUDARuntimeError with the name of the fault.
    """
    code = int(cuda.runtime.eventQuery(event.ptr))
    if code not in (SUCCESS, NOT_READY):
        raise cuda.runtime.CUDARuntimeError(code)
    return code == SUCCESS
