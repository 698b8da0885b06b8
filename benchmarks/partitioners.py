"""Which partition makes a spike travel to few ranks, how even is its work, and what does it take to find it?

    python benchmarks/partitioners.py --json benchmarks/results/partitioners.json

Two networks: 100 million neurons in the 400 regions of schaefer400, in blocks of the default size, and a generated
brain of 100,000 voxels with some 10 million links. For each partitioner and number of ranks, printed and stored:
imbalance (largest work / mean), share of the events that stay on their rank, other ranks that a spike reaches on
average (`reached`: where its neuron has a synapse, expected; `announced`: where its region projects to), ranks that
one hears on average, and CPU seconds. Traffic is prepared once and not counted. The limits are those that the project
sets itself: `ordered` reaches 5 % more ranks than `metis` at most, where both are asked for; its imbalance is 1.05 at
most; it takes 10 s at most. One beyond its limit makes the exit status 1.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import common
import numpy as np
from partitioners_networks import Case, cortex, voxels
from scipy.sparse import csr_array

from dtbsim.errors import DtbsimError
from dtbsim.partition import get_partitioner, summarise

NAMES = ["ordered", "morton", "contiguous", "greedy", "metis", "km1"]
MOST_RANKS, MOST_LINKS = {"km1": 64}, {"km1": 1_000_000}
"""Of comparisons that take minutes beyond."""
COLUMNS = ["imbalance", "local", "reached", "announced", "senders", "split_regions", "cpu_s"]
WORSE, IMBALANCE, CPU_S = 1.05, 1.05, 10.0


def measures(case: Case, assignment: np.ndarray) -> dict[str, Any]:
    """Return what a partition costs, from the share of each region that each rank holds."""
    blocks, n_ranks = case.blocks, int(assignment.max()) + 1
    n = case.synapses.shape[0]
    held = csr_array((blocks.n_neurons.astype(float), (blocks.region, assignment)), shape=(n, n_ranks))
    share = csr_array(held.multiply(1 / held.sum(axis=1)[:, None]))
    onto = csr_array(case.synapses @ share).tocoo()  # synapses of a neuron of each region onto each rank
    of_own = np.asarray(share[onto.row, onto.col]).ravel()
    size = held.sum(axis=1) / held.sum()
    summary = summarise(blocks, assignment, case.traffic)
    reaches = csr_array((np.ones(onto.nnz), (onto.row, onto.col)), shape=held.shape)
    talks = csr_array(csr_array((np.ones(held.nnz), held.nonzero()), shape=held.shape).T @ reaches)
    talks.setdiag(0)
    talks.eliminate_zeros()
    return {
        "imbalance": round(summary.imbalance, 4),
        "local": round(summary.local_share or 0.0, 4),
        "reached": round(float((size[onto.row] * (1 - of_own) * -np.expm1(-onto.data)).sum()), 3),
        "announced": round(float((size[onto.row] * (1 - of_own))[onto.data > 0].sum()), 3),
        "senders": round(talks.nnz / n_ranks, 2),
        "split_regions": summary.split_regions,
    }


def one(case: Case, name: str, n_ranks: int) -> dict[str, Any]:
    """Return the measures of one partitioner; an error of its library is a result, too."""
    begun = time.process_time()
    try:
        assignment = get_partitioner(name).assign(case.blocks, n_ranks, case.traffic)
    except DtbsimError as error:
        return {"partitioner": name, "ranks": n_ranks, "error": error.message}
    cpu_s = time.process_time() - begun
    return {"partitioner": name, "ranks": n_ranks, "cpu_s": round(cpu_s, 2), **measures(case, assignment)}


def broken(rows: list[dict[str, Any]]) -> list[str]:
    """Return what is beyond the limits."""
    found = []
    by = {(row["network"], row["ranks"], row["partitioner"]): row for row in rows if "error" not in row}
    for (network, ranks, name), row in by.items():
        if name != "ordered":
            continue
        where = f"ordered, {network}, {ranks} ranks"
        rival = by.get((network, ranks, "metis"))
        found += [f"{where}: imbalance {row['imbalance']}"] if row["imbalance"] > IMBALANCE else []
        found += [f"{where}: {row['cpu_s']} s"] if row["cpu_s"] > CPU_S else []
        for key in ("reached", "announced"):
            if rival is not None and row[key] > WORSE * rival[key]:
                found.append(f"{where}: {key} {row[key]}, metis {rival[key]}")
    return found


def main() -> int:
    """Measure all and say what is beyond a limit."""
    parser = common.parser(__doc__)
    parser.add_argument("--ranks", type=common.count, nargs="+", default=[64, 256, 1024, 4096], metavar="R")
    parser.add_argument("--partitioners", nargs="+", default=NAMES, choices=NAMES, metavar="NAME")
    parser.add_argument("--neurons", type=common.count, default=100_000_000, metavar="N", help="of the cortex")
    parser.add_argument("--voxels", type=common.count, default=100_000, metavar="N")
    options = parser.parse_args()
    head = common.origin("partitioners", "scipy", "pymetis", "mtkahypar")
    rows = []
    for case in (cortex("schaefer400", options.neurons), voxels(options.voxels)):
        get_partitioner("ordered").assign(case.blocks, 2, case.traffic)  # its kernels are compiled or loaded
        for n_ranks, name in ((r, p) for r in options.ranks for p in options.partitioners):
            small = case.traffic.matrix.nnz <= MOST_LINKS.get(name, case.traffic.matrix.nnz)
            if small and n_ranks <= min(len(case.blocks), MOST_RANKS.get(name, n_ranks)):
                row = {"network": case.name, "blocks": len(case.blocks), **one(case, name, n_ranks)}
                common.say(", ".join(f"{key} {value}" for key, value in row.items() if key != "blocks"))
                rows.append(row)
    failures = broken(rows)
    settings = {key: value for key, value in vars(options).items() if key != "json"}
    report = {**head, "settings": settings, "results": rows, "beyond_limits": failures, "passed": not failures}
    print(common.headline(report))
    columns = ["network", "ranks", "partitioner", *COLUMNS, "error"]
    print(common.table(columns, [[row.get(key) for key in columns] for row in rows]))
    if options.json is not None:
        common.write_json(options.json, report)
    for failure in failures:
        print(f"beyond the limit: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
