"""Fit the global coupling of the resting mean field to measured FC, and draw what came of it.

    python examples/fitting.py                          # some minutes on two cores; prints scores beside baselines
    python examples/fitting.py --picture fitting.png    # and draws landscape and FC (pip install matplotlib)
    python examples/fitting.py --minutes 1 --evaluations 16

The coupling of examples/resting_dmf.yaml is searched by CMA-ES, sixteen members of an ensemble at a time. What the
score has to be read beside is printed with it: docs/fitting.md.
"""

import argparse
from pathlib import Path

import numpy as np

import dtbsim

EXAMPLE = Path(__file__).with_name("resting_dmf.yaml")
STRENGTH = "couplings.long_range.strength"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="simulated after one that settles (default: 10)")
    parser.add_argument("--evaluations", type=int, default=96, help="points at most (default: 96)")
    parser.add_argument("--out", type=Path, help="folder of the study; default: none is kept")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw it")
    options = parser.parse_args()
    found = dtbsim.fit(
        EXAMPLE,
        "atlas",
        {STRENGTH: (0.2, 0.55)},
        evaluations=options.evaluations,
        set={"simulation.duration_ms": 60000 * (1 + options.minutes)},
        out=options.out,
    )
    print(found)
    if options.picture is not None:
        draw(found, options.picture)


def draw(found: "dtbsim.fitting.Fit", path: Path) -> None:
    """Landscape with baselines; simulated FC below the diagonal, measured above."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(1.25, 1))
    values = np.array([found.space.values(unit)[STRENGTH] for unit in found.units])
    left.plot(values, 1 - found.losses[:, 0], ".", color="#2b76b9", label="points of the search")
    spread = found.scores["fc"]
    bars = [[spread["mean"] - spread["least"]], [spread["most"] - spread["mean"]]]
    label = f"the best, {int(spread['n'])} other seeds"
    left.errorbar([found.best[STRENGTH]], [spread["mean"]], bars, fmt="o", color="#d1591e", label=label)
    lines = {"linear network": found.baselines["linear_network"]["fitted"]}
    lines |= {
        "connectome alone": found.baselines["structure_alone"]["fitted"],
        "ceiling": found.baselines["ceiling"]["r"],
    }
    for name, value in lines.items():
        left.axhline(value, color="grey", ls=":")
        left.text(values.min(), value + 0.008, f"{name} {value:.2f}", fontsize=8, color="grey")
    left.set(xlabel="coupling strength", ylabel="FC correlation r")
    left.legend(fontsize=8, loc="lower right")
    both = np.where(np.tri(len(found.fc), k=-1, dtype=bool), found.fc, found.measured_fc)
    np.fill_diagonal(both, np.nan)
    image = right.imshow(both, vmin=-1, vmax=1, cmap="RdBu_r")
    right.set(xticks=[], yticks=[], title="measured (above), simulated (below)")
    figure.colorbar(image, ax=right, label="r")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
