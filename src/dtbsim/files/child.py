"""The process that reads a file with a library that may run or grow without end: bounds, and what it answers.

It gets the descriptors of the file and of the place where the arrays go, as an .npz. Says on standard output, as JSON,
why it does not do it (exit code 1).
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from typing import Any

from dtbsim.files.limits import MIB, size_of

_BASE_MEMORY = 1200 * MIB


class Refused(Exception):  # noqa: N818 - what is told to the other process
    """Something that is not read: what, and what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Room:
    """How many bytes the arrays of one file may still take."""

    def __init__(self, most: int, remedy: str) -> None:
        self.most, self._left, self._remedy = most, most, remedy

    def take(self, n_bytes: int, key: str) -> None:
        """Count the bytes of an array before it is read; raises Refused where it is too large."""
        self._left -= n_bytes
        if self._left < 0:
            at_most = size_of(self.most)
            raise Refused(
                f"{key} has {size_of(n_bytes)}; at most {at_most} are read of a file of this size", self._remedy
            )


def serve(
    read: Callable[[str, int], dict[str, Any]], format_name: str, source: int, target: int, most: int, cpu_s: int
) -> int:
    """Read within bounds, write, and return the exit code.

    `read` gets the path of the file and how many bytes its arrays may have, and returns the arrays by key.
    """
    _bound(most, cpu_s)
    try:
        import numpy as np

        table = read(f"/proc/self/fd/{source}", most)
        np.savez(open(target, "wb", closefd=False), **table)  # noqa: SIM115 - a descriptor
    except ImportError as error:
        return _tell({"missing": f"{error.name} cannot be imported: {error}", "package": error.name or ""})
    except Refused as error:
        return _tell({"message": str(error), "remedy": error.remedy})
    except MemoryError:
        return _tell({"message": "takes more memory than its arrays may have"})
    except Exception as error:  # noqa: BLE001 - libraries raise whatever comes to mind; it is the file's fault
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return _tell({"message": f"cannot be read as {format_name}: {reason}"})
    return 0


def _tell(what: dict[str, str]) -> int:
    sys.stdout.write(json.dumps(what) + "\n")
    return 1


def _bound(most: int, cpu_s: int) -> None:
    memory = _BASE_MEMORY + 2 * most
    for which, limit in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 2 * most + MIB),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (limit, hard if which == resource.RLIMIT_CPU else limit))
