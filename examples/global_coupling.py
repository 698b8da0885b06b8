"""Sweep the global coupling of the resting-state example: correlation of simulated and measured FC along G.

    python examples/global_coupling.py                                    # about three minutes on two cores
    python examples/global_coupling.py --values 50 57 64 --duration-s 700 # as long as the example itself
    python examples/global_coupling.py --out sweep.csv                    # the table instead of the plot

G = J K lambda / s (mV), with the charge J that a rested long-range synapse transmits (mV), the number K of them onto a
neuron of the most connected region, the largest eigenvalue lambda of the connectome and its largest sum of a row s.
The first 100 s of a simulation, or the first half of a shorter one, are left out. What the numbers show:
docs/resting_state.md
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

import dtbsim
from dtbsim.analysis.baselines import best_linear_network, log_structural_correlation, structural_correlation
from dtbsim.analysis.fc import fc_correlation

EXAMPLE = Path(__file__).with_name("resting_state.yaml")
VALUES_MV = [30.0, 40.0, 50.0, 54.0, 57.0, 61.0, 70.0]
SETTLING_S = 100.0
SHORTEST_S = 6.0  # enough volumes of BOLD for a correlation
PA_PER_MV = 200.0 / 2.0  # amplitude of a synapse per charge: capacitance (pF) over decay time of AMPA (ms)


def main() -> None:
    options = parse()
    atlas = dtbsim.load_atlas(dtbsim.load_config(EXAMPLE).atlas)
    weights, measured = np.asarray(atlas.weights, dtype=float), np.asarray(atlas.fc, dtype=float)
    baselines = compare(weights, measured)
    for name, value in baselines.items():
        print(f"{name}: {value:.3f}")
    print(f"{'G (mV)':>8} {'weight (pA)':>12} {'r':>7} {'E rate (Hz)':>12}")
    rows = []
    for coupling_mV in options.values:
        rows.append(simulate(coupling_mV, weights, options))
        print("{G_mV:8.1f} {weight_pA:12.2f} {r:7.3f} {E_rate_hz:12.2f}".format(**rows[-1]), flush=True)
    if options.out.suffix == ".csv":
        with options.out.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
    else:
        alone = {"showSendToCloud": False, "plotlyServerURL": ""}  # no button that uploads the figure
        figure = plot(rows, baselines, np.asarray(atlas.fc_leave_one_out))
        figure.write_html(options.out, include_plotlyjs=True, config=alone)
    print(f"written: {options.out}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=float, nargs="+", default=VALUES_MV, metavar="G", help="couplings (mV)")
    parser.add_argument("--duration-s", type=float, default=400.0, help="simulated time of each (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all of them (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--out", type=Path, default=Path("global_coupling.html"), help="FILE.html or FILE.csv")
    options = parser.parse_args()
    if options.out.suffix not in (".html", ".csv"):
        parser.error(f"--out is {options.out}; allowed: FILE.html or FILE.csv")
    if not options.out.absolute().parent.is_dir():
        parser.error(f"--out is {options.out}, in a folder that does not exist")
    if options.duration_s < SHORTEST_S or min(options.values) < 0:
        parser.error(f"couplings are not negative, and a simulation lasts at least {SHORTEST_S:g} s")
    return options


def compare(weights: np.ndarray, measured: np.ndarray) -> dict[str, float]:
    """Correlations with the measured FC that need no spiking network."""
    strength = (weights + weights.T).sum(axis=1)
    return {
        "best linear network": best_linear_network(weights, measured).correlation,
        "log product of node strengths": fc_correlation(np.log(np.outer(strength, strength)), measured),
        "log SC": log_structural_correlation(weights, measured),
        "SC": structural_correlation(weights, measured),
    }


def simulate(coupling_mV: float, weights: np.ndarray, options: argparse.Namespace) -> dict[str, float]:
    """Run the example with this coupling; return r and the rate of the excitatory neurons."""
    config = dtbsim.load_config(EXAMPLE)
    projection, tonic = config.projections["long_range"], config.controllers["tonic"]
    lambda_per_s = np.abs(np.linalg.eigvals(weights)).max() / weights.sum(axis=1).max()
    transmitted = projection.synapse.U  # of the weight, by a spike that follows a long silence
    weight_pA = coupling_mV / (projection.rule.indegree * lambda_per_s) * PA_PER_MV / transmitted
    drive_per_weight = tonic.start_per_indegree / projection.weight_pA  # cancels the mean input of a synapse
    settling_ms = 1e3 * round(min(SETTLING_S, options.duration_s / 2))
    overrides = {
        "seed": options.seed,
        "simulation.duration_ms": options.duration_s * 1e3,
        "simulation.threads": options.threads,
        "projections.long_range.weight_pA": weight_pA,
        "controllers.tonic.start_per_indegree": drive_per_weight * weight_pA,
        "simulation.settling_ms": settling_ms,
        "record.spikes": None,
    }
    result = dtbsim.run(EXAMPLE, temporary=True, set=overrides)
    rates = result.open().rates().sel(time_ms=slice(settling_ms, None))
    excitatory = [str(name).startswith("cortex.E") for name in rates.population.values]
    return {
        "G_mV": coupling_mV,
        "weight_pA": weight_pA,
        "r": result.summary["fc_correlation"],
        "E_rate_hz": float(rates[:, excitatory].mean()),
    }


def plot(rows: list[dict[str, float]], baselines: dict[str, float], people: np.ndarray) -> go.Figure:
    """r along G, the baselines as lines, and the range of single people against the average of the others."""
    ordered = sorted(rows, key=lambda row: row["G_mV"])
    figure = go.Figure()
    figure.add_scatter(x=[row["G_mV"] for row in ordered], y=[row["r"] for row in ordered], mode="lines+markers")
    for name, value in baselines.items():
        figure.add_hline(y=value, line={"dash": "dot", "width": 1}, annotation={"text": f"{name} {value:.2f}"})
    if people.size:
        text = f"one person, the others {people.min():.2f} to {people.max():.2f}"
        figure.add_hrect(
            y0=people.min(), y1=people.max(), fillcolor="grey", opacity=0.15, line_width=0, annotation={"text": text}
        )
    figure.update_layout(
        template="plotly_white",
        title="Global coupling and functional connectivity, 80 regions (AAL2)",
        xaxis={"title": "global coupling G (mV)"},
        yaxis={"title": "correlation of simulated and measured FC", "range": [-0.1, 1]},
    )
    return figure


if __name__ == "__main__":
    main()
