"""A small job that runs as `dtbsim run` does and goes wrong on one rank on purpose (tests/mpi/test_faults.py).

mpiexec -n 3 python fault_driver.py FAULT [--rank R] [--timeout T] [--run-dir DIR]
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dtbsim.errors import InputError, StorageError
from dtbsim.mpi import Comm, on_root, world_comm
from dtbsim.runtime.faults import run_watched
from dtbsim.runtime.status import StatusFile
from dtbsim.runtime.watchdog import Watchdog

FAULT_STEP = 20
N_STEPS = 60


def loop_without_lock() -> None:
    """Spend forever in compiled code that has released the interpreter lock."""
    ctypes.CDLL(None).sleep(10_000)


def loop_with_lock() -> None:
    """Spend forever in compiled code that holds the interpreter lock: not even the watchdog's thread can run."""
    ctypes.PyDLL(None).sleep(10_000)


def loop_in_python() -> None:
    while True:
        pass


def raise_bug() -> None:
    raise ZeroDivisionError("planned")


def raise_storage() -> None:
    raise StorageError("the disk is full", where="spikes", remedy="free some space")


def exit_silently() -> None:
    os._exit(3)


FAULTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "exception": raise_bug,
    "storage": raise_storage,
    "sigkill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sigsegv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "sigstop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "loop-nogil": loop_without_lock,
    "loop-gil": loop_with_lock,
    "loop-python": loop_in_python,
    "exit": exit_silently,
}


def body(comm: Comm, watchdog: Watchdog, options: argparse.Namespace) -> int:
    watchdog.configure(timeout_s=options.timeout, run_dir=options.run_dir)
    status = StatusFile(options.run_dir) if comm.is_root and options.run_dir is not None else None
    if options.fault == "bad-config":
        on_root(comm, _refuse)
    if options.fault == "bad-everywhere":
        _refuse()
    if options.fault == "lonely":
        return _slow_but_alive(comm, watchdog, options)
    if options.fault in WORK:
        return _work_before_the_loop(comm, options)
    with watchdog.stepping():
        _step(comm, watchdog, status, options)
    if comm.is_root:
        print(f"done with {comm.size} ranks", flush=True)
    return 0


def _step(comm: Comm, watchdog: Watchdog, status: StatusFile | None, options: argparse.Namespace) -> None:
    counts = np.zeros(comm.size, dtype=np.uint64)
    for step in range(N_STEPS):
        watchdog.tick(step)
        if status is not None:
            status.advance(step, N_STEPS, 1.0)
        if step == FAULT_STEP and comm.rank == options.rank:
            if options.run_dir is not None:
                (options.run_dir / "fault_at").write_text(f"{time.time()}")
            FAULTS[options.fault]()
        comm.exchange_counts(counts)
        time.sleep(0.01)


def _refuse() -> None:
    raise InputError("no such key 'neurnos'", where="run.yaml:3", remedy="did you mean 'neurons'?")


def compute() -> None:
    """As a compiler does: Python, with the interpreter lock changing hands."""
    sum(range(1000))


def compute_with_lock(libc: ctypes.PyDLL = ctypes.PyDLL(None), size: int = 1 << 28) -> None:  # noqa: B008
    """A second or so in one call that lets no other thread of this process run."""
    memory = ctypes.create_string_buffer(size)
    for value in range(8):
        libc.memset(memory, value, size)


def write_slowly() -> None:
    """A disk that takes 2 MB/s: hardly any computing."""
    Path("written").write_bytes(bytes(1 << 17))
    time.sleep(1 / 16)


WORK: dict[str, Callable[[], None]] = {
    "computes": compute,
    "computes-gil": compute_with_lock,
    "writes": write_slowly,
    "stands": lambda: time.sleep(0.1),
    "stopped": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}
"""What a rank does outside of the time loop, without a word, while the others wait for it."""


def _work_before_the_loop(comm: Comm, options: argparse.Namespace) -> int:
    if comm.rank == options.rank:
        (options.run_dir / "fault_at").write_text(f"{time.time()}")
        end = time.monotonic() + 4 * options.timeout
        os.chdir(options.run_dir)
        while time.monotonic() < end:
            WORK[options.fault]()
    comm.barrier()
    if comm.is_root:
        print(f"done with {comm.size} ranks", flush=True)
    return 0


def _slow_but_alive(comm: Comm, watchdog: Watchdog, options: argparse.Namespace) -> int:
    """One rank works for three time limits, with signs of life, while the others wait: nothing is wrong."""
    if comm.rank == options.rank:
        end = time.monotonic() + 3 * options.timeout
        while time.monotonic() < end:
            watchdog.tick()
            time.sleep(0.05)
    comm.barrier()
    if comm.is_root:
        print(f"done with {comm.size} ranks", flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("fault", choices=[*FAULTS, *WORK, "bad-config", "bad-everywhere", "lonely"])
    parser.add_argument("--rank", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=2.0)
    parser.add_argument("--run-dir", type=Path)
    options = parser.parse_args()
    comm = world_comm()
    threading.current_thread().name = f"rank {comm.rank}"
    code = run_watched(comm, lambda watchdog: body(comm, watchdog, options))
    if comm.size > 1:
        from dtbsim.mpi.library import finalize

        finalize()
    return code


if __name__ == "__main__":
    sys.exit(main())
