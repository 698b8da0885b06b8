"""`python -m tests.fuzz.worker KIND FIRST COUNT FOLDER`: reads so many inputs of a kind, and says of each how it went.

One line of JSON for each case: its number, the answer, and CPU seconds. A case that takes more than its CPU time is
interrupted; the memory of the process is bounded, so that what would fill it fails instead.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

CPU_S = 10
MEMORY_MB = 2000
_ADDRESSES = 12 << 30
"""Of virtual memory, of which libraries take much and use little."""


class TooLongError(BaseException):
    """A case has used up its CPU time."""


def main(kind: str, first: int, count: int, folder: Path) -> None:
    """Read the cases and print how they went."""
    import warnings

    from tests.fuzz.fuzzed import check_answer
    from tests.fuzz.kinds import KINDS

    from dtbsim.errors import DtbsimError
    from dtbsim.simulate.stages import peak_rss_bytes

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module, _, name = kind.partition(":")
    fuzzed = (getattr(import_module(module), name) if name else KINDS[kind])(folder)
    signal.signal(signal.SIGVTALRM, _too_long)
    for number in range(first, first + count):
        begin_s = time.process_time()
        said: dict[str, Any] = {"case": number, "answer": "taken"}
        print(json.dumps({"case": number, "answer": "begun"}), file=out)
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)
        try:
            fuzzed.case(Random(f"{kind}-{number}"))
        except DtbsimError as error:
            said["answer"] = "refused"
            try:
                check_answer(error)
            except AssertionError as wrong:
                said |= {"answer": "fault", "traceback": f"the answer is not for people: {wrong}"}
        except TooLongError:
            said |= {"answer": "fault", "traceback": f"more than {CPU_S} s\n{traceback.format_exc()}"}
        except BaseException:  # noqa: BLE001 - every other exception is what is looked for
            said |= {"answer": "fault", "traceback": traceback.format_exc()}
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        said["cpu_s"] = round(time.process_time() - begin_s, 3)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        said["memory_mb"] = max(peak_rss_bytes(), children) >> 20
        if said["memory_mb"] > MEMORY_MB and said["answer"] != "fault":
            said |= {"answer": "fault", "traceback": f"{said['memory_mb']} MB"}
        print(json.dumps(said), file=out)


def _too_long(*_: object) -> None:
    raise TooLongError


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
