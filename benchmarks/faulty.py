"""dtbsim that meets a fault, for `faults.py`:

    python faulty.py WHERE WHAT NTH RANK dtbsim's arguments

At the NTH time at which rank RANK is about to bring something to the disk, to rename or to remove a file below a folder
called WHERE ("checkpoints" or "stores" of a run), WHAT happens: `kill` (SIGKILL), or `raise` (an exception).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Fault:
    """Counts what happens below a folder, and strikes when it is time."""

    def __init__(self, where: str, what: str, nth: int) -> None:
        self._where, self._what, self._left = f"/{where}/", what, nth

    def meet(self, path: Any) -> None:
        """Something is about to be done to a file, which may be an open one."""
        name = Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else os.fspath(path)
        if self._where not in f"{name}/":
            return
        self._left -= 1
        if self._left == 0:
            if self._what == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError(f"a fault at {name}")

    def before(self, do: Callable[..., Any]) -> Callable[..., Any]:
        """`do` with the fault before it; the last path that is given counts."""

        def done(*arguments: Any, **named: Any) -> Any:
            self.meet(arguments[1] if do.__name__ in ("rename", "replace") else arguments[0])
            return do(*arguments, **named)

        return done


def main(arguments: list[str]) -> int:
    """Run dtbsim; the fault is on one rank alone."""
    where, what, nth, rank, *rest = arguments
    if os.environ.get("PMI_RANK", "0") == rank:
        fault = Fault(where, what, int(nth))
        for name in ("fsync", "rename", "replace", "unlink"):
            setattr(os, name, fault.before(getattr(os, name)))
    sys.argv = [str(Path(sys.argv[0])), *rest]
    from dtbsim.cli import main as dtbsim

    return int(dtbsim() or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
