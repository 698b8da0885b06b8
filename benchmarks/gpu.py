"""What one GPU does: the same spikes as the CPU, real-time factors, time per kernel, memory checks.

    python benchmarks/gpu.py --out benchmarks/results/gpu.json
    python benchmarks/gpu.py --only same pd14 --budget-s 120 --out pd14.json

Runs from a checkout without installing dtbsim (`src` and the root are put onto the path); needs CuPy and the packages
of gpu_requirements.txt. Every part is a process of its own with a limit of time; one that fails, takes too long or
cannot be here is noted with the reason and the others go on. The exit status is 1 if spikes differ or a part failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
from gpu_parts import INNER, PARTS, SkippedError, Task
from gpu_published import PUBLISHED, published_lines

DEVICE = "dtbsim.backends.cuda.choose:open_device"
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


def run_part(name: str, options: argparse.Namespace, left_s: float) -> dict[str, Any]:
    """Start the process of a part, end it at its limit, and return what it has found until then."""
    limit_s = min(PARTS[name].limit_s, left_s)
    if limit_s < LEAST_S:
        return {"ended": f"skipped: {left_s:.0f} s of --budget-s are left"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part.json"
        command = [sys.executable, str(common.HERE / "gpu.py"), "--part", name, "--part-out", str(out)]
        command += ["--device", options.device, *(["--smoke"] if options.smoke else [])]
        begin_s, errors = time.perf_counter(), Path(folder) / "errors"
        with errors.open("w") as stream:
            try:
                code = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, timeout=limit_s, check=False
                ).returncode
                ended = None if code == 0 else f"failed with exit status {code}: {last_line(errors)}"
            except subprocess.TimeoutExpired:
                ended = f"ended after {limit_s:.0f} s"
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
    os.environ.setdefault("DTBSIM_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"dtbsim-gpu-{os.getuid()}"))
    begin_s = time.perf_counter()
    report = common.origin("gpu", "cupy-cuda12x", "cupy-cuda13x", "llvmlite")
    report["settings"] = {"only": options.only, "budget_s": options.budget_s, "smoke": options.smoke}
    report["published_rtf"] = {name: PUBLISHED[name] for name in options.only if name in PUBLISHED}
    report["results"] = {}
    for name in options.only:
        common.say(name)
        report["results"][name] = run_part(name, options, options.budget_s - (time.perf_counter() - begin_s))
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
            kernels = value["profile"]["us_per_step"].items()
            lines.append(f"{key}: " + ", ".join(f"{kernel} {us:.3g} us" for kernel, us in kernels) + " per step")
        elif isinstance(value, dict) and "hash" in value:
            plans = ", ".join(f"{plan} {value.get(plan, 'not reached')}" for plan in ("persistent", "general"))
            lines.append(f"{key}: {value['spikes']:,} spikes; {plans}")
        elif isinstance(value, dict) and "summary" in value:
            lines.append(f"{key}: {value['summary']}")
    return lines


if __name__ == "__main__":
    main()
