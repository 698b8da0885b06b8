"""What one GPU does: the same spikes as the CPU, real-time factors, time per kernel, memory checks.

    python benchmarks/gpu.py --out benchmarks/results/gpu.json
    python benchmarks/gpu.py --only same pd14 --budget-s 120 --out pd14.json

Runs from a checkout without installing dtbsim (`src` and the root are put onto the path); needs CuPy and the packages
of gpu_requirements.txt. Every part is a process group of its own with a limit of time, and all limits together are the
budget; one that fails, takes too long or cannot be here is noted with the reason and the others go on. The exit status
is 1 if spikes differ or a part failed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import common
from gpu_parts import INNER, PARTS, SkippedError, Task
from gpu_published import PUBLISHED, published_lines

DEVICE = "dtbsim.backends.cuda.choose:open_device"
REQUIREMENTS = common.HERE / "gpu_requirements.txt"
LEAST_S = 10.0
"""A part is not begun with less."""


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--out", type=Path, dest="json", metavar="FILE", help="the same as --json")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--budget-s", type=common.positive, default=480.0, metavar="S", help="for all parts together")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, to try the benchmark itself")
    parser.add_argument("--device", default=DEVICE, metavar="MODULE:FUNCTION", help="what opens the device")
    parser.add_argument("--part", choices=[*PARTS, *INNER], help=argparse.SUPPRESS)
    parser.add_argument("--part-out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def use_checkout(device: str) -> None:
    """Import dtbsim from this checkout, and open the device that was asked for."""
    sys.path[:0] = [str(common.ROOT / "src"), str(common.ROOT)]
    if device != DEVICE:
        module, function = device.split(":")
        choose = importlib.import_module("dtbsim.backends.cuda.choose")
        choose.open_device = getattr(importlib.import_module(module), function)


def one_part(options: argparse.Namespace) -> None:
    """The process of a part."""
    use_checkout(options.device)
    part = (PARTS | INNER)[options.part]
    with tempfile.TemporaryDirectory() as folder:
        wall_s = 0.2 if options.smoke else part.wall_s
        task = Task(options.part_out, Path(folder), options.smoke, wall_s, ["--device", options.device])
        try:
            part.work(task)
            task.note(ended="done")
        except SkippedError as reason:
            task.note(ended=f"skipped: {reason}")


def missing_packages() -> list[str]:
    """Packages of gpu_requirements.txt that are not installed."""
    lines = (line.strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#") and not common.versions(line)]


def limit_of(names: list[str], budget_s: float, left_s: float) -> float:
    """Seconds for the first of the parts that are still to be run.

    Each has its own limit, all of them smaller where the budget is; what earlier parts did not take is for this one.
    """
    limits = [PARTS[name].limit_s for name in names]
    share = min(1.0, budget_s / sum(PARTS[name].limit_s for name in PARTS))
    return min(left_s, max(limits[0] * share, left_s - share * sum(limits[1:])))


def run_limited(command: list[str], output: TextIO, limit_s: float) -> int | None:
    """Run a process in a group of its own; returns its exit status, None where the whole group was ended at the limit.

    However this is left, nothing of the group goes on.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_part(name: str, options: argparse.Namespace, limit_s: float, left_s: float) -> dict[str, Any]:
    """Start the process of a part, end it at its limit, and return what it has found until then."""
    if limit_s < LEAST_S:
        return {"ended": f"skipped: {left_s:.0f} s of --budget-s are left"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part.json"
        command = [sys.executable, str(common.HERE / "gpu.py"), "--part", name, "--part-out", str(out)]
        command += ["--device", options.device, *(["--smoke"] if options.smoke else [])]
        begin_s, errors = time.perf_counter(), Path(folder) / "errors"
        with errors.open("w") as stream:
            code = run_limited(command, stream, limit_s)
        ended = None
        if code is None:
            ended = f"ended after {limit_s:.0f} s"
        elif code != 0:
            ended = f"failed with exit status {code}: {last_line(errors)}"
        found: dict[str, Any] = common.read_json(out) if out.exists() else {}
        sys.stderr.write(errors.read_text() if ended is not None else "")
    return found | ({} if ended is None else {"ended": ended}) | {"took_s": time.perf_counter() - begin_s}


def last_line(path: Path) -> str:
    """What a process said last."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def failures(results: dict[str, Any]) -> list[str]:
    """What is wrong, in lines."""
    found = [f"{name}: {part['ended']}" for name, part in results.items() if part["ended"].startswith("failed")]
    for name, plans in results.get("same", {}).items():
        if isinstance(plans, dict):
            found += [f"{name}, {plan}: {said}" for plan, said in plans.items() if "DIFFERENT" in str(said)]
    for name, check in results.get("sanitizer", {}).items():
        if isinstance(check, dict) and not check["clean"]:
            found.append(f"{name}: {check['summary']}")
    return found


def main() -> None:
    """Run the parts, write, print."""
    options = arguments()
    if options.part:
        one_part(options)
        return
    if missing := missing_packages():
        raise common.fail(f"missing packages: {', '.join(missing)}; {REQUIREMENTS.name} says how to bring them")
    os.environ.setdefault("DTBSIM_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"dtbsim-gpu-{os.getuid()}"))
    begin_s = time.perf_counter()
    report = common.origin("gpu", "cupy-cuda12x", "cupy-cuda13x", "llvmlite")
    report["settings"] = {"only": options.only, "budget_s": options.budget_s, "smoke": options.smoke}
    report["published_rtf"] = {name: PUBLISHED[name] for name in options.only if name in PUBLISHED}
    report["results"] = {}
    for done, name in enumerate(options.only):
        common.say(name)
        left_s = options.budget_s - (time.perf_counter() - begin_s)
        limit_s = limit_of(options.only[done:], options.budget_s, left_s)
        report["results"][name] = run_part(name, options, limit_s, left_s)
        if options.json:
            common.write_json(options.json, report)
    show(report)
    if wrong := failures(report["results"]):
        raise SystemExit("\n".join(["", *wrong]))


# --- for people -----------------------------------------------------------------------------------------------------


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report))
    facts = report["results"].get("device", {}).get("facts", {})
    if facts:
        print(", ".join(f"{key} {value}" for key, value in facts.items()))
    rows: list[tuple[object, ...]] = []
    for name, part in report["results"].items():
        measured = {key: value for key, value in part.items() if isinstance(value, dict) and "neurons" in value}
        for key, value in measured.items():
            rtf = value.get("rtf", {})
            row = (value.get("build_s"), value.get("compile_s"), rtf.get("median"), rtf.get("min"))
            rate = value.get("mean_rate_hz")
            rows.append((f"{name}, {key}", value["neurons"], value["synapses"], *row, value.get("us_per_step"), rate))
    if rows:
        headers = ("network", "neurons", "synapses", "build s", "compile s", "RTF", "best", "us/step", "rate Hz")
        print("\n" + common.table(headers, rows))
    print("\n" + "\n".join(published_lines(list(report["results"]))))
    print("\n" + "\n".join(f"{name}: {text}" for name, part in report["results"].items() for text in told(part)))


def told(part: dict[str, Any]) -> list[str]:
    """What is no row of the table."""
    lines = [part["ended"]]
    for key, value in part.items():
        if isinstance(value, dict) and "skipped" in value:
            lines.append(f"{key}: {value['skipped']}")
        elif isinstance(value, dict) and "profile" in value:
            parts = ", ".join(f"{name} {n_bytes * 1e-6:.3g}" for name, n_bytes in value["bytes_per_step"].items())
            lines.append(f"{key}: MB a step by model: {parts}; {value['gb_per_s_by_model']:.3g} GB/s")
            kernels = value["profile"]["us_per_step"].items()
            lines.append(f"{key}: " + ", ".join(f"{kernel} {us:.3g} us" for kernel, us in kernels) + " per step")
            lines += [f"{key}, {kernel}: {needs_of(needs)}" for kernel, needs in value["profile"]["resources"].items()]
        elif isinstance(value, dict) and "hash" in value:
            plans = ", ".join(f"{plan} {value.get(plan, 'not reached')}" for plan in ("persistent", "general"))
            lines.append(f"{key}: {value['spikes']:,} spikes; {plans}")
        elif isinstance(value, dict) and "ns_per_region_step" in value:
            each, us = value["ns_per_region_step"], value["us_per_step"]
            lines.append(
                f"{key}: {each:.3g} ns per region, step and member; {us:.3g} us a step, blocks of {value['block']}"
            )
        elif isinstance(value, dict) and "summary" in value:
            lines.append(f"{key}: {value['summary']}")
    return lines


def needs_of(needs: dict[str, int]) -> str:
    """What a kernel takes, in words."""
    return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in needs.items())


if __name__ == "__main__":
    main()
