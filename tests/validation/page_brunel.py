"""Brunel (2000) on the page of the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.validation.brunel import REGIMES, stationary_rate_hz
from tests.validation.distributions import QUANTITIES, SEGMENT_S, compare, summary
from tests.validation.page_parts import REPEATED, Row, curve, dated
from tests.validation.svg import OURS, THEIRS, Panel, Series, picture

MARGIN = 0.02
"""Three seeds have three distances: what the largest of so few falls short of by chance."""
PAPER = {"SI fast": "60.7 Hz, 180 Hz", "AI": "37.7 Hz", "SI slow": "5.6 Hz, 22 Hz"}
"""Rate and frequency of the oscillation in the simulations of table 1 of the paper."""
MERGE = {"SR": (1, 1), "AI": (2, 4), "SI fast": (2, 4), "SI slow": (1, 4)}
"""Bins of rates and CVs taken together in the picture."""
TEST = "validation/test_brunel.py"


def runs_of(content: Any, regime: str) -> tuple[list[Any], list[Any]]:
    """Runs with dtbsim and with NEST."""
    return content["runs"][f"{regime}, dtbsim"], content["runs"][f"{regime}, NEST"]


def rows(content: Any) -> list[Row]:
    """One row per regime, and theory."""
    found = []
    for regime, (g, eta) in REGIMES.items():
        distances = {name: compare(*runs_of(content, regime), name) for name in QUANTITIES}
        parts = [f"{name} {one['between']:.3f} ({one['widest']:.3f})" for name, one in distances.items()]
        found.append(
            Row(
                f"Brunel 2000, {regime} (g {g:g}, eta {eta:g}), 12,500 neurons: rates, CVs, correlations, spectrum",
                "NEST, seed to seed",
                f"mean KS distance at most the largest of NEST's seeds (in brackets) + {MARGIN}",
                ", ".join(parts),
                all(one["between"] <= one["widest"] + MARGIN for one in distances.values()),
                TEST,
            )
        )
    rate, theory = mean_summary(runs_of(content, "AI")[0])["rate_hz"], stationary_rate_hz("AI")
    found.append(
        Row("Brunel 2000, AI: mean rate", "theory of the paper", "5 %", f"{rate:.2f} Hz, theory {theory:.2f} Hz",
            abs(rate / theory - 1) <= 0.05, TEST)
    )  # fmt: skip
    return found


def mean_summary(runs: list[Any]) -> dict[str, float]:
    """Mean over seeds."""
    each = [summary(run) for run in runs]
    return {key: float(np.mean([one[key] for one in each])) for key in each[0]}


def slow_rates(content: Any) -> str:
    """Why three seeds of SI slow are too few: their rates, first those of three, then of all."""
    parts = []
    for name, runs in zip(("dtbsim", "NEST"), runs_of(content, "SI slow"), strict=True):
        rates = [summary(run)["rate_hz"] for run in runs]
        first, deviation = np.mean(rates[:REPEATED]), np.std(rates, ddof=1)
        parts.append(f"{name} {first:.2f} Hz from the first three, {np.mean(rates):.2f} from all, s.d. {deviation:.2f}")
    return "with three, rates would not agree (" + "; ".join(parts) + ")"


def text(content: Any) -> str:
    """A table of means, and what the picture shows."""
    lines = [
        "## Sparse network of Brunel (2000)",
        "",
        f"10,000 + 2,500 neurons as in the paper ([example](../examples/brunel.yaml)); {dated(content['origin'])}; "
        f"three seeds each, eight of SI slow: {slow_rates(content)}. CV of neurons with at least 4 spikes; correlations"
        " of 200 neurons in bins of 5 ms; the peak of the spectrum of the population rate (resolution 4 Hz). Theory: "
        "stationary state, eq. 21 to 26 there.",
        "",
        "| regime | | rate (Hz) | CV | correlation | peak (Hz) | theory (Hz) | the paper's simulation |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for regime in REGIMES:
        for name, runs in zip(("dtbsim", "NEST"), runs_of(content, regime), strict=True):
            one = mean_summary(runs)
            theory, paper = f"{stationary_rate_hz(regime):.1f}", PAPER.get(regime, "")
            lines.append(
                f"| {regime} | {name} | {one['rate_hz']:.2f} | {one['cv']:.3f} | {one['correlation']:.4f} | "
                f"{one['peak_hz']:.0f} | {theory} | {paper} |"
            )
    return "\n".join([*lines, "", "![Distributions and spectra](images/validation/brunel.svg)"])


def pictures(content: Any) -> dict[str, str]:
    """Four regimes, four quantities, all seeds."""
    panels = []
    for regime in REGIMES:
        rates, cvs = MERGE[regime]
        drawn: dict[str, list[Series]] = {name: [] for name in QUANTITIES}
        for label, colour, runs in zip(("dtbsim", "NEST"), (OURS, THEIRS), runs_of(content, regime), strict=True):
            for run in runs[:REPEATED]:
                drawn["rate"].append(curve(run["rate"], colour, label, 1.0 / run["seconds"], rates))
                drawn["cv"].append(curve(run["cv"], colour, label, merge=cvs))
                drawn["correlation"].append(curve(run["correlation"], colour, label, merge=2))
                frequencies = (np.arange(len(run["spectrum"])) + 1) / SEGMENT_S
                drawn["spectrum"].append(Series(frequencies, run["spectrum"], colour, label))
        panels += [
            Panel(f"{regime}: rates", "Hz", "share of neurons", drawn["rate"]),
            Panel("CV of intervals", "", "share of neurons", drawn["cv"]),
            Panel("correlations", "", "share of pairs", drawn["correlation"]),
            Panel("spectrum of the rate", "Hz", "Hz^2 / Hz (log)", drawn["spectrum"], log_y=True),
        ]
    return {"brunel": picture(panels, 4)}
