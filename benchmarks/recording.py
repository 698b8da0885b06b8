"""What recording costs: a whole run through `dtbsim.run` with everything that is recorded by default.

    python benchmarks/recording.py CONFIG --out FILE

Used by pd14.py and strong_scaling.py through `recording_apart`. Time is compared within the run, so that a noisy
machine does not matter: what the recorders took, and what the run took beyond the compiled steps, both as a share of
the latter.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import common

MOST = 0.05
"""The share that recording may cost."""
PART = "simulate: "
"""Before the name of a part of the simulation in the stages of a summary."""


def recording_apart(config: Any, folder: Path, *, ranks: int) -> dict[str, Any]:
    """Run `config` in a process of its own and return what recording cost."""
    from dtbsim import dump_config

    with tempfile.TemporaryDirectory(dir=folder) as inner:
        out = Path(inner) / "summary.json"
        path = folder / f"{config.name}-recorded.yaml"
        path.write_text(dump_config(config), encoding="utf-8")
        common.run_python(Path(__file__), path, "--out", out, ranks=ranks)
        return cost(common.read_json(out))


def cost(summary: dict[str, Any]) -> dict[str, Any]:
    """What the summary of a run says about recording."""
    from dtbsim.kernels.layout import STAGES

    stages = summary["stages"]
    stepping_s = sum(stages[PART + name]["sum_s"] for name in STAGES) / summary["ranks"]
    record_s = stages[PART + "record"]["max_s"]
    share = record_s / stepping_s
    return {
        "biological_s": summary["biological_s"],
        "spikes": summary["spikes"],
        "spike_hash": summary["spike_hash"],
        "rtf": summary["rtf"],
        "build_s": summary["build_s"],
        "peak_rss_bytes": summary["peak_rss_bytes"],
        "simulate_s": summary["simulate_s"],
        "stepping_s": stepping_s,
        "stages_s": {name: stages[PART + name]["sum_s"] for name in STAGES},
        "recording_s": record_s,
        "recording_share": share,
        "beyond_stepping_share": summary["simulate_s"] / stepping_s - 1,
        "at_most": MOST,
        "passed": share <= MOST,
    }


def main() -> None:
    """One run, as `recording_apart` starts it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()

    import dtbsim
    from dtbsim.mpi import world_comm

    comm = world_comm()
    with tempfile.TemporaryDirectory(dir=options.out.parent) as folder:  # only that of rank 0 is used
        result = dtbsim.run(options.config, out=Path(folder) / "run", comm=comm)
        if comm.is_root:
            common.write_json(options.out, result.summary)
        comm.barrier()


if __name__ == "__main__":
    main()
