"""How large a network does one machine hold? Procedural synapses, drawn again at every spike and stored nowhere.

    python benchmarks/huge.py --json benchmarks/results/huge.json

A hundred million neurons with a hundred synapses each, then ten million with a thousand, in steps of 1 ms, driven by
Poisson noise to some 5 Hz. Built and stepped in a process of their own; stored per size: seconds of the build and of a
step, synaptic events per second, and the largest memory of the whole process per neuron, interpreter included.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import common
from stepping import MIN_CHUNKS, measure_apart

DT_MS = 1.0
SIZES = [(100_000_000, 100), (10_000_000, 1_000)]
"""Neurons, and synapses of each."""
RECURRENT_PA, DRIVE_HZ, DRIVE_PA = 5.0, 1500.0, 95.0
"""With a hundred synapses of 5 pA each; those of more are weaker."""


def size(text: str) -> tuple[int, int]:
    """Return neurons and synapses of each, of NEURONSxSYNAPSES."""
    neurons, _, synapses = text.partition("x")
    try:
        found = int(float(neurons)), int(float(synapses))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not NEURONSxSYNAPSES, as in 1e6x100") from None
    if not 0 < found[1] <= found[0]:
        raise argparse.ArgumentTypeError(f"{text}: at least one synapse, and no more than neurons")
    return found


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--sizes", type=size, nargs="+", default=SIZES, metavar="NxK", help="as in 1e8x100")
    parser.add_argument("--threads", type=common.count, default=common.cores(), metavar="N")
    parser.add_argument("--t-sim", type=common.positive, default=10.0, metavar="MS", help="time measured")
    parser.add_argument("--transient", type=common.positive, default=30.0, metavar="MS", help="time before it")
    options = parser.parse_args()
    if options.t_sim < MIN_CHUNKS * DT_MS:
        parser.error(f"--t-sim is at least {MIN_CHUNKS * DT_MS:g}")
    return options


def network(neurons: int, synapses: int, options: argparse.Namespace) -> Any:
    """Return the RunConfig."""
    import dtbsim

    return dtbsim.RunConfig(
        name=f"huge_{neurons}",
        seed=55,
        simulation=dtbsim.Simulation(
            dt_ms=DT_MS,
            duration_ms=options.transient + options.t_sim,
            threads=options.threads,
            block_size=min(65_536, max(16, neurons // 64)),
        ),
        populations={
            "N": dtbsim.Population(
                model="iaf_psc_exp",
                size=neurons,
                initial={"V_m_mV": dtbsim.Uniform(distribution="uniform", low=-70.0, high=-56.0)},
            )
        },
        projections={
            "NN": dtbsim.Projection(
                source="N",
                target="N",
                rule=dtbsim.FixedOutdegree(kind="fixed_outdegree", outdegree=synapses),
                weight_pA=RECURRENT_PA * min(1.0, 100 / synapses),
                delay_ms=2.0,
                procedural=True,
            )
        },
        drives={
            "external": dtbsim.PoissonDrive(
                kind="poisson", target="N", receptor="ex", rate_hz=DRIVE_HZ, weight_pA=DRIVE_PA
            )
        },
    )


def measure(neurons: int, synapses: int, options: argparse.Namespace) -> dict[str, Any]:
    """One size."""
    common.say(f"{neurons:,} neurons with {synapses:,} synapses each")
    with tempfile.TemporaryDirectory() as name:
        config = network(neurons, synapses, options)
        found = measure_apart(config, Path(name), ranks=1, transient_ms=options.transient, chunks=MIN_CHUNKS)
    wall_s = found["rtf"]["median"] * 1e-3 * DT_MS
    return {
        **found,
        "synapses_per_neuron": synapses,
        "s_per_step": wall_s,
        "peak_bytes_per_neuron": found["peak_rss_bytes"]["max"] / neurons,
        "build_ns_per_neuron": found["build_s"] / neurons * 1e9,
    }


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report) + "\n")
    headers = ("neurons", "synapses each", "bytes/neuron", "peak (GB)", "build (s)", "s per step", "rate (Hz)")
    rows = [
        (
            entry["neurons"],
            entry["synapses_per_neuron"],
            entry["peak_bytes_per_neuron"],
            entry["peak_rss_bytes"]["max"] / 1e9,
            entry["build_s"],
            entry["s_per_step"],
            entry["mean_rate_hz"],
        )
        for entry in report["results"]
    ]
    print(common.table(headers, rows))


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("huge")
    results = [measure(neurons, synapses, options) for neurons, synapses in options.sizes]
    settings = {key: value for key, value in vars(options).items() if key != "json"}
    report = {**head, "settings": {"dt_ms": DT_MS, **settings}, "results": results}
    if options.json:
        common.write_json(options.json, report)
    show(report)


if __name__ == "__main__":
    main()
