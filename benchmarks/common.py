"""What all benchmarks share: who measured (machine, commit, versions, date), JSON files, tables, ranks as subprocesses.

Only the standard library is imported, so that another Python (that of a peer simulator) can use this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LAUNCHER_VARIABLES = ("PMI_", "PMIX_", "OMPI_", "MPI_", "HYDI_", "MPICH_")
SOURCES = ("src", "kernels", "partition", "examples", "benchmarks", ":!benchmarks/results", ":!benchmarks/README.md")
"""What a measurement depends on."""


def fail(message: str) -> SystemExit:
    """Return what to raise to leave with one line on standard error and exit status 1."""
    return SystemExit(f"error: {message}")


def say(text: str) -> None:
    """Show what is being done; results alone go to standard output."""
    print(f"[{datetime.now():%H:%M:%S}] {text}", file=sys.stderr, flush=True)


# --- who measured ---------------------------------------------------------------------------------------------------


def origin(benchmark: str, *packages: str) -> dict[str, Any]:
    """Return the head of a result; call it before measuring, as it notes the load of the machine."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **source(),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions("dtbsim", "numpy", "numba", *packages)},
    }


def source() -> dict[str, Any]:
    """Return commit of the working tree, and whether what is measured differs from it; None outside git."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", *SOURCES)
    return {"commit": commit, "modified": None if changes is None else bool(changes)}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def machine() -> dict[str, Any]:
    """Return processor, cores that this process may use, memory, and load average over 1, 5 and 15 minutes."""
    return {
        "cpu": cpu_name(),
        "cores": cores(),
        "memory_GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def cpu_name() -> str:
    """Return the processor's name as the operating system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def peak_rss_bytes() -> int:
    """Return the largest resident memory of this process; unlike `ru_maxrss`, without what its parent had."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- subprocesses ---------------------------------------------------------------------------------------------------


def run_python(script: Path, *arguments: object, ranks: int = 1, python: str = sys.executable) -> None:
    """Run a script in a process of its own, on several ranks under mpiexec; what it prints goes to standard error."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(LAUNCHER_VARIABLES)}
    command = [python, str(script), *map(str, arguments)]
    if ranks > 1:
        command = [str(mpiexec()), "-n", str(ranks), python, "-m", "mpi4py", *command[1:]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environ, check=False)
    if done.returncode != 0:
        raise fail(f"{script.name} ended with exit status {done.returncode}; what it said stands above")


def mpiexec() -> Path:
    """Return the mpiexec beside this Python."""
    path = Path(sys.executable).with_name("mpiexec")
    if not path.exists():
        raise fail("several ranks need mpiexec in this environment: pip install 'dtbsim[mpi]'")
    return path


# --- input and output -----------------------------------------------------------------------------------------------


def parser(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option that all benchmarks have."""
    result = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    return result


def positive(text: str) -> float:
    """Argument type: a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def count(text: str) -> int:
    """Argument type: a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return value


def read_json(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; numbers keep five digits, which is more than any timing deserves."""
    path.write_text(json.dumps(rounded(content), indent=1) + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Return the same with floats of five significant digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as aligned text: the first column to the left, numbers to the right; None is a dash."""
    lines = [list(headers)] + [[_cell(item) for item in row] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    shown = []
    for line in lines:
        cells = [
            line[0].ljust(widths[0]),
            *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)),
        ]
        shown.append("  ".join(cells).rstrip())
    shown.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(shown)


def _cell(item: object) -> str:
    if item is None:
        return "-"
    if isinstance(item, bool):
        return "yes" if item else "NO"
    if isinstance(item, float):
        return f"{item:.4g}" if abs(item) < 1e5 else f"{item:.3e}"
    return f"{item:,}" if isinstance(item, int) else str(item)


def headline(result: dict[str, Any]) -> str:
    """Return one line about where and on what a result was measured."""
    where = result["machine"]
    commit = (result["commit"] or "no commit")[:10] + (" (modified)" if result["modified"] else "")
    load = where["load_average"][0]
    return f"{result['benchmark']}: {where['cpu']}, {where['cores']} cores, load {load} at the start, {commit}"
