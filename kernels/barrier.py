"""Barrier on LLVM atomics: 0.2 us between two free cores; who waits for longer sleeps until the last one wakes it.

Sleeping (Linux futex) instead of spinning on is what keeps two such teams on the same cores at half their speed each: a
spinning thread would use up its time slice while the thread it waits for has no core. The barrier may lie in memory
that several processes share.
"""

from __future__ import annotations

import platform
from typing import Any

import numba as nb
import numpy as np
from numba import types

from dtbsim.kernels.intrinsics import atomic_add, atomic_load, atomic_store

ARRIVED = 0
SLEEPERS = 4
TIMEOUT = 6
GENERATION = 8
ABORT = 12
WORDS = 16
"""int64 words of a barrier: arrivals, sleepers and a timespec, generation (on a cache line of its own), abort flag."""

SPINS, YIELDS = 2_000, 1_000
"""Looks before giving the core away (about 1 us), and how often that before going to sleep (some 300 us when nobody
else wants the core: waking up costs 50 to 100 us on a virtual machine, so a sleep must be rare)."""
ABORT_CHECK_NS = 20_000_000
_FUTEX_WAIT, _FUTEX_WAKE, _EVERYONE = 0, 1, 2**31 - 1
_SYS_FUTEX = {"x86_64": 202, "aarch64": 98, "ppc64le": 221, "riscv64": 98}.get(platform.machine(), -1)
_syscall = types.ExternalFunction("syscall", types.int64(*([types.int64] * 7)))
_sched_yield = types.ExternalFunction("sched_yield", types.int32())


@nb.njit(nogil=True)
def _sleep(barrier: Any, generation: int) -> None:
    """Sleep while the generation is this one, for at most ABORT_CHECK_NS; on an unknown machine give the core away."""
    if _SYS_FUTEX < 0:
        _sched_yield()
        return
    barrier[TIMEOUT] = 0
    barrier[TIMEOUT + 1] = ABORT_CHECK_NS
    address = np.int64(barrier.ctypes.data)
    atomic_add(barrier, SLEEPERS, np.int64(1))
    _syscall(_SYS_FUTEX, address + 8 * GENERATION, _FUTEX_WAIT, generation & 0xFFFFFFFF, address + 8 * TIMEOUT, 0, 0)
    atomic_add(barrier, SLEEPERS, np.int64(-1))


@nb.njit(nogil=True)
def arrive(barrier: Any, n: int) -> Any:
    """Arrive as one of `n` threads, and go on: what `depart` waits for."""
    generation = atomic_load(barrier, GENERATION)
    if atomic_add(barrier, ARRIVED, np.int64(1)) == n - 1:
        atomic_store(barrier, ARRIVED, np.int64(0))
        atomic_add(barrier, GENERATION, np.int64(1))
        if atomic_add(barrier, SLEEPERS, np.int64(0)) != 0:
            _syscall(_SYS_FUTEX, np.int64(barrier.ctypes.data) + 8 * GENERATION, _FUTEX_WAKE, _EVERYONE, 0, 0, 0)
    return generation


@nb.njit(nogil=True)
def depart(barrier: Any, generation: int) -> bool:
    """Wait until all have arrived since `arrive` gave this generation; False when another set the abort flag."""
    spins = 0
    while atomic_load(barrier, GENERATION) == generation:
        spins += 1
        if spins > SPINS:
            if spins < SPINS + YIELDS:
                _sched_yield()
            elif atomic_load(barrier, ABORT) != 0:
                return False
            else:
                _sleep(barrier, generation)
    return True


@nb.njit(nogil=True)
def wait(barrier: Any, n: int) -> bool:
    """Wait until `n` threads have arrived; False when another set the abort flag."""
    return n <= 1 or bool(depart(barrier, arrive(barrier, n)))
