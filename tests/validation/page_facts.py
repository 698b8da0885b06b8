"""Synapses that change on the page of the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.validation.facts import (
    RATES_HZ,
    RHO_HZ,
    SHIFTS_MS,
    SHORT_TERM,
    VISUAL_CORTEX,
    expected_pairing,
    expected_share,
    expected_spread,
    expected_window,
    misfit,
)
from tests.validation.page_parts import Row, dated
from tests.validation.svg import OURS, THEIRS, THIRD, Panel, Series, picture

TEST = "validation/test_facts.py"


def rows(content: Any) -> list[Row]:
    """Pairings, window, steady states, distributions."""
    runs = content["runs"]
    pairing = {item["shift_ms"]: item["change"] for item in runs["pairing"]}
    rule = max(
        abs(a - expected_pairing(shift, rho))
        for shift, values in pairing.items()
        for a, rho in zip(values, RHO_HZ, strict=True)
    )
    window = max(abs(a - expected_window(shift)) for a, shift in zip(runs["window"][0], SHIFTS_MS, strict=True))
    steady = max(
        abs(a - expected_share(item["kind"], rate))
        for item in runs["steady"]
        for a, rate in zip(item["shares"], RATES_HZ, strict=True)
    )
    weights = {item["rule"]: item for item in runs["weights"]}
    ends, middle = (np.array(weights[name]["counts"]) for name in ("additive", "van Rossum"))
    at_ends = (ends[:4].sum() + ends[-4:].sum()) / ends.sum()
    inside = middle[14:26].sum() / middle.sum()
    one, (mean, sd) = weights["independent"], expected_spread()
    return [
        Row("Triplet rule, 60 pairs at 0.1 to 50 Hz", "sums over all pairs and triplets of spikes", "1e-4",
            f"{rule:.1e}", rule < 1e-4, TEST),
        Row("The same: change of weights in visual cortex", "experiment of Sjostrom et al. 2001, as in Pfister and "
            "Gerstner 2006", "mean squared deviation below 0.5 squared standard errors", f"{misfit(pairing):.2f}",
            misfit(pairing) < 0.5, TEST),
        Row("STDP window, -80 to 80 ms", "closed form", "2e-6 of the largest weight", f"{window:.1e}",
            window < 2e-6, TEST),
        Row("Tsodyks-Markram, steady state at 2 to 100 Hz", "closed form", "1e-4 of the weight", f"{steady:.1e}",
            steady < 1e-4, TEST),
        Row("Additive STDP, Poisson input", "bimodal (Song et al. 2000)", "over 90 % within a tenth of the bounds",
            f"{at_ends:.0%}", at_ends > 0.9, TEST),
        Row("van Rossum's STDP, the same input", "unimodal (van Rossum et al. 2000)", "all within 0.35 to 0.65",
            f"{inside:.0%}", inside == 1.0, TEST),
        Row("The same, targets that fire independently", "diffusion, first order: mean 1 / alpha, variance "
            "learning_rate / (2 alpha)", "0.005; 8 % of the standard deviation",
            f"{one['mean']:.4f} ({mean:.4f}); {one['sd']:.4f} ({sd:.4f})",
            abs(one["mean"] - mean) < 0.005 and abs(one["sd"] / sd - 1) < 0.08, TEST),
    ]  # fmt: skip


def text(content: Any) -> str:
    """What the picture shows."""
    return "\n".join(
        [
            "## Synapses that change",
            "",
            f"{dated(content['origin'])}. Lines: closed forms; points: dtbsim. The experiment (Sjostrom et al. 2001) "
            "has its standard errors.",
            "",
            "![Plasticity](images/validation/facts.svg)",
        ]
    )


def pictures(content: Any) -> dict[str, str]:
    """Pairings, window, steady states, distributions of weights."""
    runs = content["runs"]
    return {"facts": picture([_pairing(runs), _window(runs), *_steady(runs), *_weights(runs)], 3)}


def _pairing(runs: Any) -> Panel:
    series = []
    for item, colour in zip(runs["pairing"], (OURS, THEIRS), strict=True):
        shift = item["shift_ms"]
        means, errors = VISUAL_CORTEX[shift]
        series.append(Series(RHO_HZ, means, "#a0a0a0", "experiment", points=True, error=errors))
        rho = np.linspace(0.1, 50.0, 120)
        line = [expected_pairing(shift, value) for value in rho]
        series += [Series(rho, line, colour), Series(RHO_HZ, item["change"], colour, f"{shift:+g} ms", points=True)]
    return Panel("triplets: 60 pairs", "pairs per second", "relative change", series, y_range=(-0.6, 1.6), marks=(0,))


def _window(runs: Any) -> Panel:
    halves = [np.linspace(-80.0, -0.1, 80), np.linspace(0.1, 80.0, 80)]
    series = [Series(half, [expected_window(float(shift)) for shift in half]) for half in halves]
    series.append(Series(SHIFTS_MS, runs["window"][0], OURS, points=True))
    return Panel("STDP window", "t_post - t_pre (ms)", "change of the weight", series, marks=(0,))


def _steady(runs: Any) -> list[Panel]:
    panels = []
    for item in runs["steady"]:
        kind = item["kind"]
        rate = np.linspace(RATES_HZ[0], RATES_HZ[-1], 120)
        line = Series(rate, [expected_share(kind, float(value)) for value in rate])
        point = Series(RATES_HZ, item["shares"], OURS, points=True)
        parts = ", ".join(f"{value:g}" for value in SHORT_TERM[kind].values())
        panels.append(Panel(f"{kind} (U, tau_rec, tau_fac: {parts})", "rate (Hz)", "share transmitted", [line, point]))
    return panels


def _weights(runs: Any) -> list[Panel]:
    found = {item["rule"]: np.array(item["counts"]) for item in runs["weights"]}
    names = {"additive": THEIRS, "van Rossum": OURS, "independent": THIRD}
    bins = len(found["additive"])
    middle = (np.arange(bins) + 0.5) / bins
    both = [Series(middle, found[name] / found[name].sum(), names[name], name) for name in ("additive", "van Rossum")]
    mean, sd = expected_spread()
    fine = np.linspace(0.3, 0.7, 120)
    theory = np.exp(-0.5 * ((fine - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi) * bins)
    independent = Series(middle, found["independent"] / found["independent"].sum(), THIRD, points=True)
    return [
        Panel("weights in the end", "share of the largest", "share of synapses", both, y_range=(0.0, 1.0)),
        Panel("van Rossum, independent targets", "share of the largest", "share of synapses",
              [Series(fine, theory, THIRD, "diffusion"), independent], x_range=(0.3, 0.7)),
    ]  # fmt: skip
