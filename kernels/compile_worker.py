"""A process that compiles parts into the kernel cache for the process that has started it (`ahead`)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from dtbsim.kernels import parts
from dtbsim.kernels.garbage import rare_collections
from dtbsim.kernels.jit import keep_in, source_hash

LOOK_S = 0.5


def main(parent: int, sources: str, folder: str, claims: int) -> None:
    """Compile one part after the other into `folder`: each byte from the descriptor `claims` is the place of one.

    Ends with the last one, or soon after the process `parent` does. Nothing is done where the sources of the kernels
    are not those with the hash `sources`.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an exception would be swallowed by callbacks of the compiler
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    if source_hash() != sources:
        sys.exit(1)
    keep_in(Path(folder))
    names = list(parts.PARTS)
    with rare_collections():
        while claim := os.read(claims, 1):
            parts.PARTS[names[claim[0]]].compile()


def _follow(parent: int) -> None:
    """End when the parent has ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)
