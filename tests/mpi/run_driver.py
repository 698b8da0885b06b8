"""`dtbsim` whose stores publish every 0.1 s, and in which something goes wrong on one rank in the middle of a run.

python run_driver.py FAULT RANK STEP run CONFIG ...     (not before STEP, and not before some spikes are published)
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from dtbsim.backends.cpu import CpuBackend
from dtbsim.store.spike_writer import SpikeWriter

LATE_S = 0.6
"""After so many seconds of simulating some spikes are published."""


def raise_bug(backend: CpuBackend) -> None:
    raise ZeroDivisionError("planned")


def make_invalid(backend: CpuBackend) -> None:
    """The potential of the rank's third neuron is no number any more."""
    neurons: Any = backend._built.lanes[0].neurons
    group = neurons.groups[0]
    neurons.f32[group.state_offset["V_m_mV"] + 2] = float("nan")


def fill_disk(backend: CpuBackend) -> None:
    """From now on no file takes a byte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


FAULTS: dict[str, Callable[[CpuBackend], None]] = {
    "none": lambda backend: None,
    "exception": raise_bug,
    "nan": make_invalid,
    "full-disk": fill_disk,
}


def main() -> int:
    fault, rank, step = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    del sys.argv[1:4]
    SpikeWriter.__init__.__kwdefaults__["flush_interval_s"] = 0.1
    advance = CpuBackend.advance
    waiting = [fault] if int(os.environ.get("PMI_RANK", "0")) == rank else []

    begun_s: list[float] = []

    def advance_to_the_fault(backend: CpuBackend, start: int, stop: int) -> None:
        if start == 0:
            begun_s.append(time.monotonic())
        advance(backend, start, stop)
        if waiting and stop > step and time.monotonic() > begun_s[0] + LATE_S:
            FAULTS[waiting.pop()](backend)

    CpuBackend.advance = advance_to_the_fault  # type: ignore[method-assign]
    from dtbsim.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
