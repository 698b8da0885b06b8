"""`dtbsim` in which a stage never ends by itself: what ends it must come from outside.

python stage_driver.py STAGE HOW run CONFIG --out DIR ...     (DIR.begun-RANK appears when the stage was reached)
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def stay_in_c() -> None:
    """Wait in compiled code that no signal wakes: a mutex that this thread holds already."""
    mutex = ctypes.create_string_buffer(64)
    libc = ctypes.CDLL(None)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def swallow() -> None:
    """Go on whatever is raised, as callbacks of compilers do."""
    while True:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            pass


HOW: dict[str, Callable[[], None]] = {"c": stay_in_c, "swallow": swallow}
STAGES = {
    "load": "dtbsim.cli.run.load",
    "network": "dtbsim.simulate.prepare.compile_network",
    "compile": "dtbsim.simulate.compiling.warm_up_build",
    "build": "dtbsim.backends.cpu_plan.build_rank",
}


def block(name: str, how: Callable[[], None], begun: Path) -> None:
    """Replace a function by one that does not return."""
    module, _, function = name.rpartition(".")
    __import__(module)

    def never(*_: Any, **__: Any) -> None:
        begun.touch()
        how()

    setattr(sys.modules[module], function, never)


def come_late(begun: Path) -> None:
    """The ranks have joined the MPI library and make their communicator: rank 0 waits there, the others come late."""
    from dtbsim.cli import run

    find = run.world_comm

    def find_late() -> Any:
        __import__("mpi4py.MPI")
        begun.touch()
        if os.environ.get("PMI_RANK") != "0":
            time.sleep(1.0 + 0.5 * int(os.environ["PMI_RANK"]))
        return find()

    run.world_comm = find_late  # type: ignore[assignment]


def block_report(begun: Path) -> None:
    """The process that writes the report sleeps."""
    from dtbsim.simulate import report_process

    script = begun.with_name(f"{begun.name}.sh")
    script.write_text(f"#!/bin/sh\ntouch '{begun}'\nexec sleep 1000\n")
    script.chmod(0o755)

    class Sys:
        executable = str(script)

    report_process.sys = Sys  # type: ignore[assignment]


def main() -> int:
    stage, how = sys.argv[1:3]
    out = Path(sys.argv[sys.argv.index("--out") + 1])
    del sys.argv[1:3]
    begun = out.with_name(f"{out.name}.begun-{os.environ.get('PMI_RANK', '0')}")
    if stage == "report":
        block_report(begun)
    elif stage == "start":
        come_late(begun)
    else:
        block(STAGES[stage], HOW[how], begun)
    from dtbsim.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
