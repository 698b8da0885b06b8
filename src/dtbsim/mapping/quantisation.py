"""What rounding did to weights and parameters, and, where the chip was run, to the dynamics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.mapping.links import F64
from dtbsim.mapping.mapping import Mapping
from dtbsim.report.parts import Panel, Section
from dtbsim.report.tables import table
from dtbsim.report.text import count, safe, significant

if TYPE_CHECKING:
    from dtbsim.mapping.compare import Comparison


@dataclass(frozen=True)
class Rounded:
    """Numbers of one kind before and after rounding.

    Attributes:
        where: key path of the projection or population.
        what: `weight`, or the parameter.
        n: how many.
        relative_rms: root mean square of the difference over that of the numbers.
        most: largest difference over the largest number.
        vanished: how many were not zero, and are.
    """

    where: str
    what: str
    n: int
    relative_rms: float
    most: float
    vanished: int


def rounded(wanted: F64, got: F64, where: str, what: str) -> Rounded:
    """Compare numbers before and after rounding, float64[n] each, in one unit."""
    scale = float(np.sqrt(np.mean(wanted**2))) if wanted.size else 0.0
    gap = got - wanted
    largest = float(np.abs(wanted).max(initial=0.0))
    return Rounded(
        where=where,
        what=what,
        n=int(wanted.size),
        relative_rms=float(np.sqrt(np.mean(gap**2))) / scale if scale > 0 else 0.0,
        most=float(np.abs(gap).max(initial=0.0)) / largest if largest > 0 else 0.0,
        vanished=int(((wanted != 0) & (got == 0)).sum()),
    )


def weights_of(made: Mapping, projection: str) -> tuple[F64, F64]:
    """Return weights of a projection before and after rounding, float64[m] each, in the unit of the chip."""
    arrays = made.numbers
    start = f"projection/{projection}"
    got = np.ldexp(arrays[f"{start}/mantissa"].astype(np.float64), arrays[f"{start}/exponent"].astype(np.int64))
    return arrays[f"{start}/wanted"], got


def projections_of(made: Mapping) -> list[str]:
    """Names of the projections that were converted."""
    return [
        name.split("/")[1] for name in made.numbers if name.startswith("projection/") and name.endswith("/mantissa")
    ]


def rounding_of(made: Mapping) -> list[Rounded]:
    """Return what rounding did to the weights of each projection and to the parameters of each population."""
    found = [rounded(*weights_of(made, name), f"projections.{name}", "weight") for name in projections_of(made)]
    for key, wanted in made.numbers.items():
        kind, name, *rest = key.split("/")
        if kind == "population" and rest[:1] == ["wanted"]:
            got = made.numbers[f"population/{name}/parameter/{rest[1]}"].astype(np.float64)
            found.append(rounded(wanted, got, f"populations.{name}", rest[1]))
    return found


def quantisation_sections(made: Mapping, comparison: Comparison | None) -> list[Section]:
    """Return the parts of the report about rounding; none where nothing was converted."""
    if not made.numbers or not any(name.endswith("/mantissa") or "/parameter/" in name for name in made.numbers):
        return []
    panels = list(_panels(made))
    lead = "What the registers of the chip hold, beside what was asked for."
    sections = [Section("rounding", "Rounding", lead, panels)]
    if comparison is not None:
        sections.append(Section("dynamics", "Dynamics", _dynamics_lead(comparison), list(_dynamics(comparison))))
    return sections


def _panels(made: Mapping) -> Iterator[Panel]:
    from dtbsim.report.figures_chip import before_and_after

    rows = [
        [
            safe(f"{item.where}: {item.what}"), count(item.n), f"{100 * item.relative_rms:.3g} %",
            f"{100 * item.most:.3g} %", count(item.vanished),
        ]
        for item in rounding_of(made)
    ]  # fmt: skip
    header = ("numbers", "how many", "error (rms)", "largest error", "became zero")
    note = "<p class='note'>Relative to the root mean square, and to the largest, of the numbers.</p>"
    yield Panel("Errors", "", body=table(header, rows, "Errors of weights and parameters") + note)
    pairs = [weights_of(made, name) for name in projections_of(made)]
    wanted, got = (np.concatenate([pair[k] for pair in pairs]) if pairs else np.zeros(0) for k in (0, 1))
    if wanted.size:
        fig = before_and_after(wanted, got, "weight (units of the chip)", "before rounding")
        yield Panel("Weights", "A dot for each synapse, of at most 6,000.", fig, "Weights before and after", wide=False)


def _dynamics_lead(comparison: Comparison) -> str:
    beside = f" and with {len(comparison.seeds)} other seeds" if comparison.seeds else ""
    return safe(
        f"{comparison.seconds:g} s of the network run as the chip would, beside the same network unrounded{beside}. "
        f"{comparison.first_difference_text} After that spikes are not compared, because a balanced network goes "
        "another way after any difference. What counts is whether the chip is farther away than another seed is."
    )


def _dynamics(comparison: Comparison) -> Iterator[Panel]:
    from dtbsim.report.figures_chip import before_and_after, deviations, shares_below

    rows = []
    for name in comparison.names:
        one, chip = comparison.reference[name], comparison.chip[name]
        seeds = [seed[name] for seed in comparison.seeds]
        for key, label in (("rate_hz", "rate (Hz)"), ("cv_isi", "CV of ISI"), ("correlation", "correlation")):
            values = [getattr(item, key) for item in (one, chip)]
            found = [getattr(item, key) for item in seeds if getattr(item, key) is not None]
            shown = ["" if value is None else significant(value, 4) for value in values]
            around = "" if not found else f"{significant(min(found), 4)} to {significant(max(found), 4)}"
            rows.append([safe(f"{name}: {label}"), *shown, around])
        silent = [f"{100 * item.silent_fraction:.1f} %" for item in (one, chip)]
        rows.append([safe(f"{name}: silent neurons"), *silent, ""])
    for what, value, others in comparison.agreements:
        around = "" if not others else f"{min(others):.3f} to {max(others):.3f}"
        rows.append([safe(what), "1", f"{value:.3f}", around])
    yield Panel("Numbers", "", body=table(("", "unrounded", "the chip", "other seeds"), rows, "Dynamics"))
    changes = np.array([comparison.change_percent(name, comparison.chip) for name in comparison.names])
    spread = [
        np.array([comparison.change_percent(name, seed) for name in comparison.names]) for seed in comparison.seeds
    ]
    fig = deviations(comparison.names, changes, spread, "change of the rate (%)")
    yield Panel("Rates", "Beside those of the run without rounding.", fig, "Changes of rates", wide=False)
    fig = before_and_after(comparison.neuron_rates[0], comparison.neuron_rates[1], "rate (Hz)", "unrounded")
    yield Panel("Rates of neurons", "A dot for each neuron, of at most 6,000.", fig, "Rates of neurons", wide=False)
    both = {"unrounded": comparison.neuron_rates[0], "the chip": comparison.neuron_rates[1]}
    yield Panel("Distribution of rates", "", shares_below(both, "rate (Hz)"), "Distribution of rates", wide=False)
