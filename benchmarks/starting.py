"""Time until the command line answers: seconds of a whole process, from its start to its end.

    python benchmarks/starting.py [--repeats N] [--json FILE]

Files are read from the page cache after the first call; nothing is compiled.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import common

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
CALLS = {
    "python, nothing": ("-c", ""),
    "import dtbsim": ("-c", "import dtbsim"),
    "dtbsim --help": ("-m", "dtbsim", "--help"),
    "dtbsim run --help": ("-m", "dtbsim", "run", "--help"),
    "dtbsim models list": ("-m", "dtbsim", "models", "list"),
    "dtbsim validate izhikevich.yaml": ("-m", "dtbsim", "validate", str(EXAMPLES / "izhikevich.yaml")),
}


def measure(arguments: tuple[str, ...], repeats: int) -> dict[str, float]:
    """Return min and median seconds of a process that ends well."""
    times = []
    for k in range(repeats + 1):
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise common.fail(f"python {' '.join(arguments)} ended with exit status {done.returncode}")
        if k > 0:
            times.append(time.perf_counter() - begin)
    return {"min_s": round(min(times), 4), "median_s": round(statistics.median(times), 4)}


def main() -> None:
    """Print the medians, and write everything."""
    parser = common.parser(__doc__)
    parser.add_argument(
        "--repeats", type=common.count, default=11, metavar="N", help="processes per figure (default: 11)"
    )
    options = parser.parse_args()
    head = common.origin("starting")
    results = {label: measure(arguments, options.repeats) for label, arguments in CALLS.items()}
    report = {**head, "settings": {"repeats": options.repeats}, "results": results}
    if options.json:
        common.write_json(options.json, report)
    print(common.headline(report) + "\n")
    rows = [(label, found["median_s"], found["min_s"]) for label, found in results.items()]
    print(common.table(("seconds of a process", "median", "min"), rows))


if __name__ == "__main__":
    main()
