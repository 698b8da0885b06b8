"""The microcircuit of Potjans and Diesmann (2014) on the page of the documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.validation.distributions import QUANTITIES, compare, summary
from tests.validation.make_nest_microcircuit import PATH
from tests.validation.microcircuit import POPULATIONS
from tests.validation.page_parts import REPEATED, Row, curve, dated
from tests.validation.storage import stored
from tests.validation.svg import OURS, THEIRS, Panel, Series, picture

REFERENCE = Path(__file__).parents[2] / "benchmarks" / "data" / "pd14_reference.json"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SHARE_BOUND, SILENT_BOUND, CV_BOUND, CORRELATION_BOUND = 0.03, 0.03, 0.03, 1.5e-3
RATE_BOUND = {"L23E": 0.08, "L6E": 0.08}
"""Relative, of the slow populations; 0.04 for the others. Their rates differ by more between seeds of NEST."""
SMALL_MARGIN = 0.01
TEST = "validation/test_microcircuit.py"


def reference() -> Any:
    """Stored statistics of NEST at full scale."""
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


def quantile_gap(counts: list[int], seconds: float, quantiles_hz: list[float]) -> float:
    """Largest distance of shares at NEST's quantiles: a quantile p of whole numbers of spikes lies where the share of
    neurons with fewer is at most p, and that of neurons with as many or fewer at least p."""
    below = np.concatenate([[0.0], np.cumsum(counts) / np.sum(counts)])
    gaps = []
    for p, rate in zip(QUANTILES, quantiles_hz, strict=True):
        spikes = min(round(rate * seconds), len(counts) - 1)
        gaps.append(max(0.0, below[spikes] - p, p - below[spikes + 1]))
    return max(gaps)


def full_scale(content: Any) -> dict[str, dict[str, float]]:
    """Deviations from NEST at full scale, by population."""
    nest = reference()
    ours, seconds = content["runs"]["full"][0], nest["duration_ms"] * 1e-3
    found = {}
    for name in POPULATIONS:
        mine, theirs = ours[name], nest["populations"][name]
        found[name] = {
            "rate": abs(mine["rate_hz"] / theirs["rate_hz"] - 1) / RATE_BOUND.get(name, 0.04),
            "quantiles": quantile_gap(mine["rate"]["counts"], seconds, theirs["rate_quantiles_hz"]),
            "silent": abs(mine["silent_fraction"] - theirs["silent_fraction"]),
            "cv": abs(mine["cv_isi"] - theirs["cv_isi_mean"]),
            "correlation": abs(mine["correlation"] - theirs["corr_2ms_mean"]),
        }
    return found


def rows(content: Any) -> list[Row]:
    """Full scale, and one row per quantity at a tenth."""
    gaps = full_scale(content)
    worst = {key: max(gap[key] for gap in gaps.values()) for key in gaps["L4E"]}
    found = [
        Row("Potjans-Diesmann 2014, full scale: mean rates", "NEST, stored run", "4 %; 8 % for L23E and L6E",
            f"{max(RATE_BOUND.get(n, 0.04) * g['rate'] for n, g in gaps.items()):.1%} at most",
            worst["rate"] <= 1, TEST),
        Row("The same: quantiles of rates, silent neurons", "NEST, stored run",
            f"shares of neurons within {SHARE_BOUND}", f"{worst['quantiles']:.3f}; {worst['silent']:.3f} at most",
            worst["quantiles"] <= SHARE_BOUND and worst["silent"] <= SILENT_BOUND, TEST),
        Row("The same: CV of intervals; correlations", "NEST, stored run", f"{CV_BOUND}; {CORRELATION_BOUND}",
            f"{worst['cv']:.4f}; {worst['correlation']:.5f} at most",
            worst["cv"] <= CV_BOUND and worst["correlation"] <= CORRELATION_BOUND, TEST),
    ]  # fmt: skip
    for quantity in QUANTITIES:
        between, widest = small_scale(content["runs"]["dtbsim"], quantity)
        close = [a <= b + SMALL_MARGIN for a, b in zip(between, widest, strict=True)]
        found.append(
            Row(f"Potjans-Diesmann, a tenth of neurons and inputs: {quantity}", "NEST, seed to seed",
                f"mean KS distance at most the largest of NEST's seeds + {SMALL_MARGIN}, in all 8 populations",
                f"{np.mean(between):.3f} (seeds of NEST {np.mean(widest):.3f}), {sum(close)} of 8", all(close), TEST)
        )  # fmt: skip
    return found


def small_scale(ours: list[Any], quantity: str) -> tuple[list[float], list[float]]:
    """Mean distances to NEST, and largest distances of its seeds, by population."""
    theirs = stored(PATH)["runs"]["all"]
    each = [compare([run[name] for run in ours], [run[name] for run in theirs], quantity) for name in POPULATIONS]
    return [one["between"] for one in each], [one["widest"] for one in each]


def text(content: Any) -> str:
    """A table at full scale, and what the picture shows."""
    nest, ours = reference(), content["runs"]["full"][0]
    lines = [
        "## Microcircuit of Potjans and Diesmann (2014)",
        "",
        f"77,169 neurons, 0.3 billion synapses, Poisson drive; {dated(content['origin'])}. 2 s after 0.5 s, one seed, "
        "against a stored run of NEST 3.10 at full scale ([data](../benchmarks/data/pd14_reference.json)), and the "
        "table of rates of the reference implementation (INM-6).",
        "",
        "| population | rate (Hz) | NEST | INM-6 | silent | NEST | CV | NEST | correlation (1e-3) | NEST |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in POPULATIONS:
        mine, theirs = ours[name], nest["populations"][name]
        lines.append(
            f"| {name} | {mine['rate_hz']:.3f} | {theirs['rate_hz']:.3f} | {nest['rates_INM6_hz'][name]:.3f} | "
            f"{mine['silent_fraction']:.3f} | {theirs['silent_fraction']:.3f} | {mine['cv_isi']:.3f} | "
            f"{theirs['cv_isi_mean']:.3f} | {1e3 * mine['correlation']:.2f} | {1e3 * theirs['corr_2ms_mean']:.2f} |"
        )
    return "\n".join(
        [*lines, "", "Below: a tenth of neurons and inputs, 5 s, three seeds of either simulator.", "",
         "![Rates, CVs and correlations by population](images/validation/microcircuit.svg)"]
    )  # fmt: skip


def pictures(content: Any) -> dict[str, str]:
    """Rates of all populations at a tenth; CVs and correlations of one."""
    both = (("dtbsim", OURS, content["runs"]["dtbsim"]), ("NEST", THEIRS, stored(PATH)["runs"]["all"]))
    panels = []
    for name in POPULATIONS:
        series: list[Series] = []
        for label, colour, runs in both:
            for run in runs[:REPEATED]:
                one = run[name]
                merge = max(1, round(summary(one)["rate_hz"]))
                series.append(curve(one["rate"], colour, label, 1.0 / one["seconds"], merge))
        panels.append(Panel(f"{name}: rates", "Hz", "share of neurons", series))
    for quantity, merge in (("cv", 5), ("correlation", 2)):
        for name in ("L4E", "L4I"):
            series = [
                curve(run[name][quantity], c, label, merge=merge) for label, c, rs in both for run in rs[:REPEATED]
            ]
            panels.append(Panel(f"{name}: {quantity}", "", "share", series))
    return {"microcircuit": picture(panels, 4)}
