"""What does one rank of many need: memory for its synapses, time for a spike of another rank, time for an exchange?

    python benchmarks/scale.py --json benchmarks/results/scale.json

Parts, each measured in processes of its own (`--only` chooses some):

memory    Rank 0 of R is built alone, always with 100,000 neurons of 100 synapses each, in networks of R times as many:
          bytes for each synapse, planned and allocated, time of building, peak memory.
receive   The time to take in a spike of another rank, for networks of up to 40 million heard neurons: finding its
          synapses and entering them into the queue of what is due.
exchange  The time of the host for one exchange with R simulated neighbours in one process: spikes are packed, copied
          and unpacked as for real ones; what a network adds is left out. Straight, and over leaders of nodes of eight
          ranks, of which this one is a member or the leader.
pair      The time of an exchange of two processes under mpiexec, waiting for the other included.
rank      Rank 0 of R is built and stepped alone, as by `dtbsim estimate --measure`: 100,000 neurons with 100 synapses
          each, in networks of R times as many, which fire at 4 Hz; spikes of the others are drawn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np

NEURONS, INDEGREE = 100_000, 100
RATIO_LIMIT = 1.3
PARTS = ("memory", "receive", "exchange", "pair", "rank")
PER_NODE = 8
PAIR_LIMIT_US = 15.0

NETWORK = """\
simulation: {{dt_ms: 0.5, duration_ms: 1, block_size: {block_size}}}
populations: {{A: {{model: iaf_psc_exp, size: {size}}}}}
projections:
  P: {{source: A, target: A, rule: {{kind: fixed_indegree, indegree: {indegree}}}, weight_pA: 3, delay_ms: {delay}}}
"""
DELAYS = {"one delay": "1.5", "many delays": "{distribution: uniform, low: 1, high: 20}"}


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure")
    parser.add_argument("--ranks", type=common.count, nargs="+", default=[1, 10, 100, 1000], metavar="R")
    parser.add_argument(
        "--heard", type=common.count, nargs="+", default=[10, 100, 400], metavar="R", help="ranks whose spikes come"
    )
    parser.add_argument("--neighbours", type=common.count, nargs="+", default=[1, 16, 128, 1024], metavar="R")
    parser.add_argument("--neurons", type=common.count, default=NEURONS, metavar="N", help="of each rank")
    parser.add_argument("--threads", type=common.count, default=2, metavar="N", help="of the rank that is built")
    parser.add_argument("--repeats", type=common.count, default=5, metavar="N", help="of what takes microseconds")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--pair", help=argparse.SUPPRESS)
    return parser.parse_args()


# -- memory -----------------------------------------------------------------------------------------------------------


def planned(neurons: int, ranks: int, delay: str, threads: int) -> Any:
    """The plan of rank 0 of so many."""
    from dtbsim.build.rank import plan_rank
    from dtbsim.config import load_config_text
    from dtbsim.spec import compile_network

    size, block_size = neurons * ranks, max(1, neurons // 8)
    text = NETWORK.format(size=size, indegree=INDEGREE, delay=delay, block_size=block_size)
    return plan_rank(compile_network(load_config_text(text)), 0, ranks, threads)


def measure_memory(neurons: int, ranks: int, delay: str, threads: int) -> dict[str, Any]:
    """Rank 0 of so many ranks."""
    import resource

    from dtbsim.build.rank import build_rank

    plan = planned(neurons, ranks, DELAYS[delay], threads)
    begin_s = time.process_time()
    built = build_rank(plan, threads)
    seconds = time.process_time() - begin_s
    return {
        "ranks": ranks,
        "delays": delay,
        "neurons_heard": built.candidates.size,
        "neurons": built.n_neurons,
        "synapses": built.n_synapses,
        "lanes": len(built.lanes),
        "sources_in_a_row": 1 << plan.sparse_shift,
        "bytes_per_synapse": built.total_bytes / built.n_synapses,
        "planned_bytes_per_synapse": (plan.memory.synapses + plan.memory.tables) / built.n_synapses,
        "build_cpu_s": seconds,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


# -- receive ----------------------------------------------------------------------------------------------------------


def measure_receive(neurons: int, ranks: int, delay: str, repeats: int) -> dict[str, Any]:
    """Spikes of neurons drawn at random, as another rank sends them, taken in by all lanes of rank 0."""
    from dtbsim.backends.cpu import CpuBackend
    from dtbsim.build.rank import build_rank
    from dtbsim.kernels.delay_queue import take_due

    plan = planned(neurons, ranks, DELAYS[delay], 1)
    built = build_rank(plan, 1)
    backend = CpuBackend(built, None, 1)
    backend.compile()
    rng, n = np.random.default_rng(1), 1_000_000
    gids = np.sort(rng.integers(neurons, built.candidates.size, n))
    times = []
    for _ in range(repeats):
        backend._set_remote(gids.astype(np.int64))
        begin_s = time.perf_counter()
        backend._window(0, 0)
        times.append((time.perf_counter() - begin_s) / n / len(built.lanes) * 1e9)
        for lane in backend.tables.table:  # what was entered is taken out again
            for step in range(backend.ring):
                take_due(lane, step, backend.ring - 1)
    entries = int(built.n_synapses / built.candidates.size * n)
    backend.close()
    return {
        "ranks": ranks,
        "delays": delay,
        "neurons_heard": built.candidates.size,
        "lanes": len(built.lanes),
        "spikes": n,
        "synapses_entered": entries,
        "ns_per_spike_and_lane": float(np.median(times)),
    }


# -- exchange ---------------------------------------------------------------------------------------------------------


def measure_exchange(neighbours: int, spikes: int, wanted_by: int, repeats: int, level: str) -> dict[str, Any]:
    """One exchange, in microseconds, of `spikes` of this rank, each of which goes to `wanted_by` neighbours."""
    from simulated_nodes import SimulatedNodes

    from dtbsim.exchange.leaders import LeaderTransport
    from dtbsim.mpi import SerialComm

    wanted_by = min(wanted_by, neighbours)
    if level == "direct":
        times, received = timed_exchange(SerialComm(), None, np.arange(neighbours), spikes, wanted_by, 200 * repeats)
    else:
        entries = spikes * wanted_by / neighbours
        comm = SimulatedNodes(neighbours, PER_NODE, entries, leads=level == "leader")
        ranks = np.delete(np.arange(neighbours), comm.rank)
        times, received = timed_exchange(comm, LeaderTransport(comm), ranks, spikes, wanted_by, 200 * repeats)
    return {
        "level": level,
        "neighbours": neighbours,
        "spikes": spikes,
        "wanted_by": wanted_by,
        "entries_received": received,
        "us_per_exchange": float(np.median(times)),
    }


def timed_exchange(
    comm: Any, transport: Any, ranks: Any, spikes: int, wanted_by: int, times: int, *, end: bool = False
) -> tuple[list[float], int]:
    """(microseconds of each exchange with `ranks`, entries received in the last); `end`: take in what is under way."""
    from dtbsim.exchange.links import Links
    from dtbsim.exchange.neighbours import NeighbourExchange
    from dtbsim.exchange.plan import ExchangePlan
    from dtbsim.exchange.wanted import Runs
    from dtbsim.kernels import layout as L

    size, populations = 1_000_000, 64
    rng = np.random.default_rng(2)
    per = size // populations
    runs = Runs(np.arange(populations) * per, np.full(populations, per), np.arange(populations))
    chosen = [np.sort(rng.permutation(len(ranks))[: min(wanted_by, len(ranks))]) for _ in range(populations)]
    first, delay = np.cumsum([0, *map(len, chosen)]), np.full(len(ranks), 20)
    links = Links(ranks, delay, ranks, delay, first, np.concatenate(chosen).astype(np.int32))
    plan = ExchangePlan.of(20, np.zeros((1, populations), bool))
    exchange = NeighbourExchange(comm, plan, links, runs, 1, transport=transport)
    exchange.compile()
    rank, lanes = np.zeros(L.RANK_FIELDS, np.int64), np.zeros((1, L.LANE_FIELDS), np.int64)
    log = (np.sort(rng.integers(0, 5, spikes)) << 32) | rng.integers(0, size, spikes)
    rank[L.N_LANES], lanes[0, L.LOG_AT], lanes[0, L.LOG_COUNT] = 1, log.ctypes.data, log.size
    found, received = [], 0
    for _ in range(times):
        exchange.collected()
        begin_s = time.perf_counter()
        received = exchange.tick(rank, lanes, late=False, ask=False, last=False).size
        found.append((time.perf_counter() - begin_s) * 1e6)
    if end:
        exchange.complete()
    exchange.close()
    return found, int(received)


def measure_pair(spikes: int, repeats: int) -> dict[str, Any]:
    """Two processes that do nothing but exchange; this one is started again on two ranks."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "pair.json"
        common.run_python(Path(__file__), "--pair", json.dumps([spikes, repeats, str(out)]), ranks=2)
        found: dict[str, Any] = common.read_json(out)
    return found


def pair(spikes: int, repeats: int, out: str) -> None:
    """One of the two."""
    from dtbsim.mpi import world_comm

    comm = world_comm()
    times, received = timed_exchange(comm, None, np.array([1 - comm.rank]), spikes, 1, 1000 * repeats, end=True)
    median = comm.allgather(float(np.median(times[100:])))
    if comm.is_root:
        row = {"ranks": 2, "spikes": spikes, "entries_received": received, "us_per_exchange": max(median)}
        common.write_json(Path(out), row)
    comm.close()


# -- rank -------------------------------------------------------------------------------------------------------------


def measure_rank(neurons: int, ranks: int, threads: int) -> dict[str, Any]:
    """Rank 0 of so many, for 100 ms."""
    from dtbsim.config import load_config_text
    from dtbsim.estimation.dry_run import DryRun
    from dtbsim.estimation.dry_run import measure_rank as measure
    from dtbsim.spec import compile_network

    text = NETWORK.format(size=neurons * ranks, indegree=INDEGREE, delay=DELAYS["one delay"], block_size=neurons // 8)
    network = compile_network(load_config_text(text.replace("duration_ms: 1,", "duration_ms: 100,")))
    found = measure(network, DryRun(0, ranks, threads, network.n_steps, 4.0))
    kept = (
        "neurons", "synapses", "build_s", "peak_rss_bytes", "real_time_factor", "events_per_s", "neighbours",
        "messages_per_window", "bytes_per_window", "spikes_received_per_s", "exchange_us",
    )  # fmt: skip
    return {"ranks": ranks, **{key: getattr(found, key) for key in kept}}


# -- all --------------------------------------------------------------------------------------------------------------


def jobs(options: argparse.Namespace) -> list[dict[str, Any]]:
    """What to measure, each in a process of its own."""
    found: list[dict[str, Any]] = []
    for delay in DELAYS:
        for ranks in options.ranks:
            if "memory" in options.only:
                found.append(
                    {
                        "part": "memory",
                        "neurons": options.neurons,
                        "ranks": ranks,
                        "delay": delay,
                        "threads": options.threads,
                    }
                )
    if "receive" in options.only:
        found += [
            {"part": "receive", "neurons": options.neurons, "ranks": n, "delay": delay, "repeats": options.repeats}
            for delay in DELAYS
            for n in options.heard
        ]
    if "exchange" in options.only:
        found += [
            {
                "part": "exchange",
                "neighbours": n,
                "spikes": spikes,
                "wanted_by": 40,
                "repeats": options.repeats,
                "level": level,
            }
            for n in options.neighbours
            for level in ("direct", "member", "leader")
            if level == "direct" or n >= 8 * PER_NODE
            for spikes in (0, 100, 2441)
        ]
    if "pair" in options.only:
        found += [{"part": "pair", "spikes": spikes, "repeats": options.repeats} for spikes in (0, 100)]
    if "rank" in options.only:
        found += [
            {"part": "rank", "neurons": options.neurons, "ranks": n, "threads": options.threads} for n in options.ranks
        ]
    return found


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Measure one job in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(job)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode != 0:
        raise common.fail(f"{job} ended with exit status {done.returncode}; what it said stands above")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def one(job: dict[str, Any]) -> dict[str, Any]:
    """The measurement of this process."""
    parts: dict[str, Any] = {
        "memory": measure_memory,
        "receive": measure_receive,
        "exchange": measure_exchange,
        "pair": measure_pair,
        "rank": measure_rank,
    }
    found: dict[str, Any] = parts[job.pop("part")](**job)
    return found


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bytes for each synapse relative to a single rank's."""
    alone = {row["delays"]: row["bytes_per_synapse"] for row in rows if row["ranks"] == 1}
    for row in rows:
        if row["delays"] in alone:
            row["ratio_to_one_rank"] = row["bytes_per_synapse"] / alone[row["delays"]]
            row["within_limits"] = row["ratio_to_one_rank"] <= RATIO_LIMIT
    return rows


def show(part: str, rows: list[dict[str, Any]]) -> None:
    """Print the table of a part."""
    print(f"\n{part}")
    keys = list(rows[0])
    print(common.table(keys, [[row[key] for key in keys] for row in rows]))


def main() -> int:
    """Measure, print, store."""
    options = arguments()
    if options.one:
        print(json.dumps(one(json.loads(options.one))))
        return 0
    if options.pair:
        pair(*json.loads(options.pair))
        return 0
    report = common.origin("scale")
    report["settings"] = {key: value for key, value in vars(options).items() if key not in ("json", "one", "pair")}
    results: dict[str, list[dict[str, Any]]] = {}
    for job in jobs(options):
        common.say(" ".join(f"{key} {value}" for key, value in job.items()))
        results.setdefault(job["part"], []).append(run(job))
    if "memory" in results:
        with_ratios(results["memory"])
    for row in results.get("pair", []):
        row["within_limits"] = row["us_per_exchange"] <= PAIR_LIMIT_US
    print(common.headline(report))
    for part, rows in results.items():
        show(part, rows)
    report["results"] = results
    if options.json is not None:
        common.write_json(options.json, report)
    return 0 if all(row.get("within_limits", True) for rows in results.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
