"""How long do ranks take from the configuration to their plans, and how much memory does each hold then?

    python benchmarks/start_on_ranks.py --ranks 1 2 4 --json benchmarks/results/start_on_ranks.json

Two networks that are large to describe, though small to simulate: `projections`, P populations connected with all, P
squared projections in a file of configuration; and `voxels`, an atlas of A regions with 100 links each and two
populations in every region. Ranks are started by mpiexec on this machine; each runs this file with --as-rank: it takes
its part in loading and in the stage `network` of a run, and says how long that took it, what it holds by itself and
what it shares with others (Pss: shared pages divided among those that map them), and what it held at most. Nothing is
built. `DTBSIM_SRC=FOLDER` measures another source tree.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import many_projections

VOXELS = """\
simulation: {dt_ms: 0.5, duration_ms: 0.5}
atlas: atlas.npz
populations:
  E: {model: iaf_psc_exp, size: 8, regions: all}
  I: {model: iaf_psc_exp, size: 2, regions: all}
projections:
  EE: {source: E, target: E, scope: same_region, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 4, delay_ms: 1.5}
  EI: {source: E, target: I, scope: same_region, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 4, delay_ms: 1.5}
  IE: {source: I, target: E, scope: same_region, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: -9, delay_ms: 1}
  tracts: {source: E, target: E, scope: connectome, rule: {kind: fixed_indegree, indegree: 4}, weight_pA: 4,
    delay_ms: {tract_velocity_m_per_s: 3}}
"""


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--ranks", type=common.count, nargs="+", default=[1, 2, 4], metavar="R")
    parser.add_argument("--populations", type=common.count, default=254, metavar="P", help="254: 64,516 projections")
    parser.add_argument("--regions", type=common.count, default=20_000, metavar="A", help="of the atlas of voxels")
    parser.add_argument("--cases", nargs="+", default=["projections", "voxels"], choices=["projections", "voxels"])
    parser.add_argument("--as-rank", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_voxels(folder: Path, n: int, links: int = 100) -> Path:
    """Write an atlas of `n` regions on a grid, and a network of them; return its configuration."""
    import numpy as np

    rng = np.random.default_rng(1)
    side = int(np.ceil(n ** (1 / 3)))
    xyz = np.stack(np.unravel_index(np.arange(n), (side, side, side)), axis=1) * 3.0
    target = np.repeat(np.arange(n), links)
    source = (target + 1 + rng.integers(0, n - 1, target.size)) % n
    key = np.unique(target * n + source)
    target, source = key // n, key % n
    arrays = {
        "region_names": np.array([f"v{k}" for k in range(n)]),
        "xyz_mm": xyz,
        "weights/indptr": np.searchsorted(target, np.arange(n + 1)),
        "weights/indices": source,
        "weights/data": rng.random(key.size) + 0.1,
        "lengths_mm/data": np.linalg.norm(xyz[target] - xyz[source], axis=1),
        "lengths_source": np.array("measured"),
    }
    np.savez(folder / "atlas.npz", **arrays)
    path = folder / "net.yaml"
    path.write_text(VOXELS, encoding="utf-8")
    return path


def as_rank(path: Path) -> None:
    """One rank: load, compile, plan; print what it took as a line of JSON."""
    from dtbsim.config import load_located
    from dtbsim.mpi import on_root, world_comm
    from dtbsim.simulate.prepare import prepare
    from dtbsim.simulate.streams import plan_streams

    comm = world_comm()
    comm.barrier()
    before, begin_s = held(), time.perf_counter()

    def load() -> Any:
        return load_located(path)

    try:
        from dtbsim.simulate.given import given_on_nodes

        located = given_on_nodes(comm, load)
    except ImportError:  # a version before it
        located = on_root(comm, load)
    loaded_s = time.perf_counter()
    prepared = prepare(located.config, comm, located.base_dir, located.locator)
    planned = plan_streams(prepared.network, None)
    prepared_s = time.perf_counter()
    comm.barrier()
    after = held()
    result = {
        "rank": comm.rank,
        "load_s": round(loaded_s - begin_s, 2),
        "network_s": round(prepared_s - loaded_s, 2),
        "cpu_s": round(sum(os.times()[:2]), 2),
        "own_bytes": after["own"] - before["own"],
        "pss_bytes": after["pss"] - before["pss"],
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    results = comm.gather(result)
    comm.barrier()
    del planned
    if results is not None:
        print(json.dumps(results), flush=True)


def held() -> dict[str, int]:
    """Return bytes that this process holds alone, and its share of all that it maps, after a collection."""
    import gc

    gc.collect()
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    found = {name: 1024 * int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}
    return {"own": found["Private_Dirty"] + found["Private_Clean"], "pss": found["Pss"]}


def measure(path: Path, ranks: int) -> dict[str, Any]:
    """Start so many ranks on a configuration."""
    common.say(f"{path.parent.name}: {ranks} rank(s)")
    command = [sys.executable, str(Path(__file__).resolve()), "--as-rank", str(path)]
    if ranks > 1:
        command = [str(common.mpiexec()), "-n", str(ranks), sys.executable, "-m", "mpi4py", *command[1:]]
    environment = dict(os.environ)
    if "DTBSIM_SRC" in environment:
        environment["PYTHONPATH"] = environment["DTBSIM_SRC"]
    begin_s = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise common.fail(f"a rank ended with exit status {done.returncode}; what it said stands above")
    return {
        "case": path.parent.name,
        "ranks": ranks,
        "wall_s": round(time.perf_counter() - begin_s, 2),
        "by_rank": json.loads(done.stdout.splitlines()[-1]),
    }


def show(results: list[dict[str, Any]]) -> None:
    """Print the table."""
    headers = ["case", "ranks", "wall s", "load s", "network s", "cpu s", "MB of rank 0", "of another", "Pss", "peak"]
    rows = []
    for result in results:
        ranks = result["by_rank"]
        mega = [[round(rank[key] / 1e6, 1) for rank in ranks] for key in ("own_bytes", "pss_bytes", "peak_rss_bytes")]
        most = [max(rank[key] for rank in ranks) for key in ("load_s", "network_s")]
        cpu = round(sum(rank["cpu_s"] for rank in ranks), 1)
        other = max(mega[0][1:], default="")
        held = mega[0][0], other, max(mega[1]), max(mega[2])
        rows.append([result["case"], result["ranks"], result["wall_s"], *most, cpu, *held])
    print(common.table(headers, rows))


def main() -> None:
    """Measure, print, store."""
    options = arguments()
    if options.as_rank is not None:
        as_rank(options.as_rank)
        return
    report = common.origin("start_on_ranks", "mpi4py")
    report["settings"] = {key: value for key, value in vars(options).items() if key not in ("json", "as_rank")}
    with tempfile.TemporaryDirectory() as name:
        results = []
        for case in options.cases:
            folder = Path(name) / case
            folder.mkdir()
            if case == "voxels":
                path = write_voxels(folder, options.regions)
            else:
                path = folder / "net.yaml"
                path.write_text(many_projections.network(options.populations, 20, 2), encoding="utf-8")
            results += [measure(path, ranks) for ranks in options.ranks]
    report["results"] = results
    print(common.headline(report) + "\n")
    show(results)
    if options.json is not None:
        common.write_json(options.json, report)


if __name__ == "__main__":
    main()
