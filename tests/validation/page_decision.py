"""The decision circuit of Wang (2002) on the page of the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from examples.decision import SIZES, START_MS
from tests.validation.decision import BIN_MS, LOST_HZ, WON_HZ, decided, spontaneous
from tests.validation.make_nest_decision import PATH
from tests.validation.page_parts import Row, dated
from tests.validation.storage import stored
from tests.validation.svg import GREY, OURS, THEIRS, Panel, Series, picture

SPONTANEOUS_BOUND_HZ = {"A": 0.6, "B": 0.6, "N": 0.3, "I": 0.6}
DECIDED_BOUND = {"A": 0.08, "N": 0.08, "I": 0.05}
"""Relative; of the loser (B) only that it has lost."""
TEST = "validation/test_decision.py"


def by_coherence(content: Any) -> dict[float, list[Any]]:
    """Trials, by coherence."""
    found: dict[float, list[Any]] = {}
    for one in content["runs"]["trials"]:
        found.setdefault(one["coherence_percent"], []).append(one)
    return found


def won(one: Any) -> bool:
    """Whether A was chosen."""
    return bool(one["late_hz"]["A"] > one["late_hz"]["B"])


def clear(one: Any) -> bool:
    """Whether one population has won and the other has lost."""
    return bool(max(one["late_hz"][k] for k in "AB") > WON_HZ and min(one["late_hz"][k] for k in "AB") < LOST_HZ)


def means(runs: list[Any], part: Any) -> dict[str, float]:
    """Mean rates over trials."""
    each = [part(run) for run in runs]
    return {name: float(np.mean([one[name] for one in each])) for name in SIZES}


def deviations(ours: list[Any], theirs: list[Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Before the stimulus (Hz) and at its end (relative), in units of what is allowed."""
    early, late = ((means(ours, part), means(theirs, part)) for part in (spontaneous, decided))
    before = {name: abs(early[0][name] - early[1][name]) / bound for name, bound in SPONTANEOUS_BOUND_HZ.items()}
    after = {name: abs(late[0][name] / late[1][name] - 1) / bound for name, bound in DECIDED_BOUND.items()}
    return before, after


def rows(content: Any) -> list[Row]:
    """Winner-take-all, psychometric curve, NEST."""
    trials = by_coherence(content)
    everyone = [one for some in trials.values() for one in some]
    decisions = np.mean([clear(one) for one in everyone])
    shares = {coherence: float(np.mean([won(one) for one in some])) for coherence, some in trials.items()}
    n = len(trials[0.0])
    chance = abs(shares[0.0] - 0.5) <= 2.0 * 0.5 / np.sqrt(n)
    ours, theirs = content["runs"]["dtbsim"], stored(PATH)["runs"]["all"]
    before, after = deviations(ours, theirs)
    a, b = (means(runs, spontaneous) for runs in (ours, theirs))
    c, d = (means(runs, decided) for runs in (ours, theirs))
    return [
        Row("Wang 2002: winner takes all", "the paper", f"over 80 % of all trials end with one above {WON_HZ:g} Hz and "
            f"one below {LOST_HZ:g} Hz", f"{decisions:.0%} of {len(everyone)}", bool(decisions > 0.8), TEST),
        Row("Wang 2002: psychometric curve", "chance at 0, certainty at 51.2 %", "two standard errors; all of them",
            f"{shares[0.0]:.0%}; {shares[51.2]:.0%}, {n} trials each", bool(chance and shares[51.2] == 1.0), TEST),
        Row("Wang 2002: rates before the stimulus", "NEST, iaf_bw_2001", "0.6 Hz; 0.3 Hz for cells without preference",
            "; ".join(f"{name} {a[name]:.2f} ({b[name]:.2f}) Hz" for name in SIZES), max(before.values()) <= 1, TEST),
        Row("Wang 2002: rates after a decision at 51.2 %", "NEST, iaf_bw_2001", "8 %; 5 % for interneurons; the "
            f"loser below {LOST_HZ:g} Hz in both",
            "; ".join(f"{name} {c[name]:.2f} ({d[name]:.2f}) Hz" for name in SIZES),
            max(after.values()) <= 1 and max(c["B"], d["B"]) < LOST_HZ, TEST),
    ]  # fmt: skip


def text(content: Any) -> str:
    """What was done, and what the picture shows."""
    n = len(by_coherence(content)[0.0])
    return "\n".join(
        [
            "## Decisions (Wang 2002)",
            "",
            f"2,000 neurons, all to all, AMPA, GABA and saturating NMDA ([example](../examples/decision.py)); "
            f"{dated(content['origin'])}. Left and middle: populations A (solid) and B (dashed) at 51.2 % coherence, "
            "the same stimuli in both simulators, other noise. Right: how often A is chosen, "
            f"{n} trials per coherence, with standard errors.",
            "",
            "![Trials and psychometric curve](images/validation/decision.svg)",
        ]
    )


def pictures(content: Any) -> dict[str, str]:
    """Trials in both simulators, and the psychometric curve."""
    panels = []
    both = (("dtbsim", OURS, content["runs"]["dtbsim"]), ("NEST", THEIRS, stored(PATH)["runs"]["all"]))
    for name, colour, runs in both:
        series = []
        for run in runs:
            time = (np.arange(len(run["A"])) + 0.5) * BIN_MS
            series += [Series(time, run["A"], colour), Series(time, run["B"], colour, dashed=True)]
        series.append(Series([START_MS, START_MS], [0.0, 60.0], GREY, "stimulus", dashed=True))
        panels.append(Panel(f"{name}: 51.2 %", "ms", "rate (Hz)", series, y_range=(0.0, 60.0)))
    trials = by_coherence(content)
    shares = np.array([np.mean([won(one) for one in some]) for some in trials.values()])
    errors = np.sqrt(shares * (1 - shares) / len(trials[0.0]))
    places = np.arange(shares.size)
    curve = [Series(places, shares, OURS), Series(places, shares, OURS, points=True, error=errors)]
    names = [f"{coherence:g}" for coherence in trials]
    panels.append(
        Panel("A chosen", f"coherence (%): {', '.join(names)}", "share of trials", curve, y_range=(0.0, 1.0),
              marks=(0.5,), x_ends=(names[0], names[-1]))
    )  # fmt: skip
    return {"decision": picture(panels, 3)}
