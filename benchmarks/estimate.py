"""How near do `dtbsim estimate`'s memory and time come to what runs take?

    python benchmarks/estimate.py --json benchmarks/results/estimate.json

This machine is calibrated first (or `--machine FILE`). Then each network runs on every number of ranks, in processes of
its own, and is estimated with the mean firing rate that the run had: what neurons do is no part of the prediction. Two
figures are compared: `memory`, the largest resident memory of a rank, and `time`, wall seconds of the steps. One beyond
its limit (10 % of memory, 30 % of time) makes the exit status 1. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import common

MODULE = Path("-m")
LIMITS = {"memory": 0.10, "time": 0.30}
RANDOM = """\
name: NAME
simulation: {dt_ms: 0.1, duration_ms: DURATION, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 16000, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  I: {model: iaf_psc_exp, size: 4000, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
projections:
  E: {source: E, target: [E, I], rule: {kind: fixed_indegree, indegree: 800}, weight_pA: 12, delay_ms: DELAY}
  I: {source: I, target: [E, I], rule: {kind: fixed_indegree, indegree: 200}, weight_pA: -72, delay_ms: DELAY}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 8000, weight_pA: 24}
"""
REGIONS = """\
name: regions
atlas: aal2
simulation: {dt_ms: 0.1, duration_ms: DURATION, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 400, regions: all}
  I: {model: iaf_psc_exp, size: 100, regions: all}
projections:
  EE: {source: E, target: E, scope: same_region, rule: {kind: fixed_indegree, indegree: 80}, weight_pA: 40, delay_ms: 1}
  EI: {source: E, target: I, scope: same_region, rule: {kind: fixed_indegree, indegree: 80}, weight_pA: 40, delay_ms: 1}
  IE:
    source: I
    target: E
    scope: same_region
    rule: {kind: fixed_indegree, indegree: 20}
    weight_pA: -240
    delay_ms: 1
  II:
    source: I
    target: I
    scope: same_region
    rule: {kind: fixed_indegree, indegree: 20}
    weight_pA: -240
    delay_ms: 1
  far:
    source: E
    target: E
    scope: connectome
    rule: {kind: fixed_indegree, indegree: 100}
    weight_pA: 10
    delay_ms: {tract_velocity_m_per_s: 5}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 8000, weight_pA: 24}
"""


def networks(duration_ms: float) -> dict[str, str]:
    """Return the configurations by name."""
    spread = "{distribution: normal, mean: 1.5, sd: 0.75, low: 0.1}"
    random = {"one delay": "1.5", "many delays": spread}
    found = {
        name: RANDOM.replace("NAME", name.replace(" ", "_")).replace("DELAY", delay) for name, delay in random.items()
    }
    return {key: text.replace("DURATION", f"{duration_ms:g}") for key, text in (found | {"regions": REGIONS}).items()}


def measured(config: Path, ranks: int, folder: Path) -> dict[str, Any]:
    """Return the summary of a run in processes of its own; the second of two, as the first may compile."""
    arguments = ("dtbsim", "run", config, "--no-report", "--quiet", "--backend", "cpu")
    found: dict[str, Any] = {}
    for number in range(2):
        out = folder / f"{config.stem}_{ranks}_{number}"
        common.run_python(MODULE, *arguments, "--out", out, ranks=ranks)
        found = common.read_json(out / "summary.json")
    return found


def compared(config: Path, name: str, ranks: int, machine: str, folder: Path) -> dict[str, Any]:
    """Return prediction and measurement of one network on so many ranks."""
    import dtbsim

    run = measured(config, ranks, folder)
    found = dtbsim.estimate(config, ranks, machine=machine, threads=1, rate_hz=run["mean_rate_hz"])
    rtf = found.time.real_time_factor
    biological_s = run["biological_s"]
    row: dict[str, Any] = {
        "network": name,
        "ranks": ranks,
        "neurons": run["neurons"],
        "synapses": run["synapses"],
        "mean_rate_hz": run["mean_rate_hz"],
        "memory": {"predicted": found.memory.peak.largest, "measured": run["peak_rss_bytes"]["max"]},
        "time": {
            "predicted": rtf.expected * biological_s,
            "low": rtf.low * biological_s,
            "high": rtf.high * biological_s,
            "measured": run["simulate_s"],
        },
        "build": {"predicted": found.time.build_s.expected, "measured": run["wall_s"] - run["simulate_s"]},
        "parts_s": {part: seconds * biological_s for part, seconds in found.time.parts.items()},
        "stages_s": {stage: times["max_s"] for stage, times in run["stages"].items() if stage.startswith("simulate: ")},
    }
    for key in ("memory", "time", "build"):
        row[key]["error"] = row[key]["predicted"] / row[key]["measured"] - 1
    row["within_limits"] = all(abs(row[key]["error"]) <= limit for key, limit in LIMITS.items())
    return row


def shown(rows: list[dict[str, Any]]) -> str:
    """Return the table that people read."""
    head = [
        "network",
        "ranks",
        "MB",
        "measured",
        "off, %",
        "s of steps",
        "measured",
        "off, %",
        "start and build off, %",
    ]
    cells = []
    for row in rows:
        memory, time = row["memory"], row["time"]
        off = [round(100 * row[key]["error"], 1) for key in ("memory", "time", "build")]
        sizes = [round(memory[key] / 1e6) for key in ("predicted", "measured")]
        seconds = [round(time[key], 2) for key in ("predicted", "measured")]
        cells.append([row["network"], row["ranks"], *sizes, off[0], *seconds, *off[1:]])
    return common.table(head, cells)


def main() -> int:
    """Calibrate, run, compare; return the exit status."""
    parser = common.parser(__doc__)
    parser.add_argument("--ranks", type=common.count, nargs="+", default=[1, 2], metavar="R")
    parser.add_argument("--duration", type=float, default=5000, metavar="MS", help="biological time of each run")
    parser.add_argument("--machine", help="a profile, by name or file (default: this machine is calibrated)")
    parser.add_argument("--only", nargs="+", choices=list(networks(1)), help="some of the networks")
    options = parser.parse_args()
    settings = {key: value for key, value in vars(options).items() if key != "json"}
    result = common.origin("estimate") | {"settings": settings}
    rows = []
    from dtbsim.estimation.profile import load_profile

    with tempfile.TemporaryDirectory() as inner:
        folder = Path(inner)
        machine = options.machine
        if machine is None:
            machine = str(folder / "machine.yaml")
            common.say("calibrating")
            common.run_python(MODULE, "dtbsim", "calibrate", "--out", machine)
        for name, text in networks(options.duration).items():
            if options.only is not None and name not in options.only:
                continue
            config = folder / f"{name.replace(' ', '_')}.yaml"
            config.write_text(text, encoding="utf-8")
            for ranks in options.ranks:
                common.say(f"{name}, {ranks} rank(s)")
                rows.append(compared(config, name, ranks, machine, folder))
        profile = load_profile(machine).to_yaml()
    print(common.headline(result))
    print(shown(rows))
    if options.json is not None:
        common.write_json(options.json, result | {"limits": LIMITS, "profile": profile, "results": rows})
    return 0 if all(row["within_limits"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
