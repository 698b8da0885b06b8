"""Does twice the network on twice the ranks take the same time? A multi-region network that grows with the ranks.

    python benchmarks/weak_scaling.py --ranks 1 2 --json benchmarks/results/weak_scaling.json

Every rank gets the same number of regions. A region is a Potjans-Diesmann microcircuit at reduced scale, whose layer 5
excites layers 2/3 and 4 of eight other regions, whatever the size of the network, with delays of 10 to 40 ms; so all
sizes are as active, and the work per rank is the same. Printed and stored per number of ranks: real-time factor (RTF:
wall over biological time), build time, bytes per synapse, which share of a step is exchange (waiting for slower ranks
included), and the efficiency: RTF of the fewest ranks over RTF. Where all threads together are more than the cores, RTF
cannot stay the same, and the result says so.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import common
from stepping import MIN_CHUNKS, measure_apart

DT_MS = 0.1
OFFSETS = (1, 2, 5, 11)
"""A region is connected with those so many places further on and back around a ring."""
LENGTH_PER_PLACE_MM, LONGEST_MM, VELOCITY_M_PER_S = 100.0, 400.0, 10.0
FAR_SOURCE, FAR_TARGETS = "L5E", ("L23E", "L23I", "L4E", "L4I")
FAR_WEIGHT_PA = 87.8
"""0.15 mV, as of the local excitatory synapses at full scale."""


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--ranks", type=common.count, nargs="+", default=[1, 2], metavar="R")
    parser.add_argument("--threads", type=common.count, default=1, metavar="N", help="per rank")
    parser.add_argument("--regions-per-rank", type=common.count, default=4, metavar="N")
    parser.add_argument("--scale", type=common.positive, default=0.1, metavar="S", help="of a region's circuit")
    parser.add_argument("--far-indegree", type=common.count, default=100, metavar="K", help="inputs from other regions")
    parser.add_argument("--t-sim", type=common.positive, default=1000.0, metavar="MS", help="time measured")
    parser.add_argument("--transient", type=float, default=200.0, metavar="MS", help="time before it")
    parser.add_argument("--chunks", type=common.count, default=10, metavar="N", help="pieces of the time measured")
    parser.add_argument("--seed", type=common.count, default=1)
    options = parser.parse_args()
    if options.transient < 0 or options.chunks < MIN_CHUNKS or options.t_sim < options.chunks * DT_MS:
        parser.error(f"--transient is 0 or more, --chunks at least {MIN_CHUNKS}, --t-sim at least a step per chunk")
    if min(options.ranks) * options.regions_per_rank < 3:
        parser.error("an atlas has at least 3 regions: give more --regions-per-rank")
    options.ranks = sorted(set(options.ranks))
    return options


def save_ring(folder: Path, regions: int) -> str:
    """Write an atlas of `regions` places around a ring, each connected with eight others (or all that there are)."""
    import numpy as np

    from dtbsim.atlas import Atlas, save_atlas

    place = np.arange(regions)
    weights = np.zeros((regions, regions))
    for offset in OFFSETS:
        for other in ((place + offset) % regions, (place - offset) % regions):
            weights[place, other] = 1.0
    np.fill_diagonal(weights, 0.0)
    distance = np.abs(place[:, None] - place)
    distance = np.minimum(distance, regions - distance)
    lengths = np.where(weights > 0, np.minimum(LENGTH_PER_PLACE_MM * distance, LONGEST_MM), 0.0)
    angle = 2 * np.pi * place / regions
    atlas = Atlas(
        name="ring",
        region_names=tuple(f"R{k}" for k in place),
        xyz_mm=100 * np.stack([np.cos(angle), np.sin(angle), np.zeros(regions)], axis=1),
        weights=weights,
        lengths_mm=lengths,
        lengths_source="measured",
    )
    return save_atlas(atlas, folder / "ring.npz").name


def network(options: argparse.Namespace, atlas: str) -> Any:
    """Return the RunConfig of a network with the regions of `atlas`."""
    import dtbsim

    circuit = dtbsim.PotjansDiesmann(
        kind="potjans_diesmann", scale=options.scale, indegree_scale=options.scale, regions="all"
    )
    duration_ms = options.transient + options.t_sim
    return dtbsim.RunConfig(
        name="weak_scaling",
        seed=options.seed,
        atlas=atlas,
        simulation=dtbsim.Simulation(dt_ms=DT_MS, duration_ms=duration_ms, threads=options.threads),
        circuits={"column": circuit},
        projections={f"far_{target}": far(target, options.far_indegree) for target in FAR_TARGETS},
    )


def far(target: str, indegree: int) -> Any:
    """Return the projection onto one population from all connected regions."""
    import dtbsim

    return dtbsim.Projection(
        source=f"column.{FAR_SOURCE}",
        target=f"column.{target}",
        scope="connectome",
        rule=dtbsim.FixedIndegree(kind="fixed_indegree", indegree=indegree),
        weight_pA=FAR_WEIGHT_PA,
        delay_ms=dtbsim.TractDelay(tract_velocity_m_per_s=VELOCITY_M_PER_S),
    )


def measure(options: argparse.Namespace, ranks: int) -> dict[str, Any]:
    """One size of the network on so many ranks."""
    regions = ranks * options.regions_per_rank
    common.say(f"{ranks} rank(s) of {options.threads} thread(s), {regions} regions")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = network(options, save_ring(folder, regions))
        stepped = measure_apart(config, folder, ranks=ranks, transient_ms=options.transient, chunks=options.chunks)
    share = stepped["stages"]["share"]
    oversubscribed = ranks * stepped["threads_per_rank"] > common.cores()
    return {
        "regions": regions,
        "oversubscribed": oversubscribed,
        "exchange_share": share["exchange"],
        "wait_share": share["wait"],
        **stepped,
    }


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report) + "\n")
    headers = (
        "ranks", "regions", "neurons", "synapses", "RTF median", "RTF min", "efficiency", "build (s)",
        "bytes/synapse", "exchange", "wait", "rate (Hz)",
    )  # fmt: skip
    rows = []
    for entry in report["results"]:
        rtf = entry["rtf"]
        rows.append(
            (
                f"{entry['ranks']}{' *' if entry['oversubscribed'] else ''}",
                *(entry[key] for key in ("regions", "neurons", "synapses")),
                rtf["median"],
                rtf["min"],
                entry["efficiency"],
                entry["build_s"],
                entry["bytes_per_synapse"],
                f"{entry['exchange_share']:.1%}",
                f"{entry['wait_share']:.1%}",
                entry["mean_rate_hz"],
            )
        )
    print(common.table(headers, rows))
    if report["oversubscribed"]:
        print("\n" + report["oversubscribed"])


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("weak_scaling", "mpi4py", "mpich")
    results = [measure(options, ranks) for ranks in options.ranks]
    first = results[0]
    for entry in results:
        entry["efficiency"] = first["rtf"]["median"] / entry["rtf"]["median"]
    settings = {key: value for key, value in vars(options).items() if key != "json"}
    crowded = any(entry["oversubscribed"] for entry in results)
    note = f"* oversubscribed: more threads than the {common.cores()} cores; this efficiency says nothing about scaling"
    report = {
        **head,
        "settings": {"dt_ms": DT_MS, **settings},
        "oversubscribed": note if crowded else None,
        "results": results,
    }
    if options.json:
        common.write_json(options.json, report)
    show(report)


if __name__ == "__main__":
    main()
