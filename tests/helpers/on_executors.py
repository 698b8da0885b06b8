"""Sweeps and a fit on an executor, as JSON on standard output: `python on_executors.py none|dask|submitit FOLDER`."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dtbsim

CONFIG: dict[str, Any] = {
    "name": "oscillators", "atlas": "dk68", "simulation": {"dt_ms": 1, "duration_ms": 9000, "settling_ms": 1000},
    "populations": {"c": {"model": "hopf", "regions": "all", "noise": {"x": {"sigma": 0.02}, "y": {"sigma": 0.02}}}},
    "couplings": {"l": {"source": "c", "target": "c", "normalise": "total", "strength": 0.01}},
    "bold": {"population": "c", "tr_ms": 720},
}  # fmt: skip
KEY = "couplings.l.strength"


@contextlib.contextmanager
def executor(kind: str, folder: Path) -> Iterator[Any]:
    """None, the executor of a Dask cluster of two processes, or submitit's for this machine."""
    if kind == "dask":
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=folder) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor()
    elif kind == "submitit":
        import submitit

        found = submitit.AutoExecutor(folder=folder, cluster="local")
        found.update_parameters(timeout_min=10)
        yield found
    else:
        yield None


def main(kind: str, folder: Path) -> None:
    """Run them and print what came of it."""
    with executor(kind, folder) as given:
        swept = dtbsim.sweep(CONFIG, vary={KEY: (0.005, 0.02, 5)}, executor=given, workers=2, progress=False)
        runs = dtbsim.sweep(CONFIG, {"seed": [1, 2]}, executor=given, progress=False)
        found = dtbsim.fit(
            CONFIG, "atlas", {KEY: (0.005, 0.02)}, method="grid", evaluations=3, repeats=2, executor=given, workers=2,
            progress=False,
        )  # fmt: skip
    tables = [table.drop(columns="seconds").to_json() for table in (swept, runs, found.table)]
    print(json.dumps({"tables": tables, "best": found.best}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
