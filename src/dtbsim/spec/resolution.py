"""What becomes of weights in whole quanta: how finely each is kept, and what the user should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.models import NeuronModel
from dtbsim.numerics.fixed_point import FACTOR_BITS, FRACTION_BITS_WEIGHT
from dtbsim.spec.distributions import Table
from dtbsim.spec.places import Places

MIN_RESOLUTION = 128
"""Quanta that a weight should have at least: its relative change is then below 2**-8."""
_ONE = 1 << FACTOR_BITS


@dataclass(frozen=True, eq=False)
class Use:
    """The weights of a projection or drive in one group of channels.

    `factors` float64[e] multiply the weight, one for each pair of populations (None: 1). `weight_max` is the largest
    size that plastic weights can reach, else 0. `grid`: the largest power of two of which all weights are whole
    multiples, where these have to be kept exactly, else 0.
    """

    path: str
    weight: Table
    factors: NDArray[np.float64] | None = None
    weight_max: float = 0.0
    grid: float = 0.0

    @property
    def largest(self) -> float:
        """The largest |weight| at any time."""
        factor = 1.0 if self.factors is None else float(self.factors.max(initial=0.0))
        return max(factor * max(abs(self.weight.low), abs(self.weight.high)), self.weight_max)


@dataclass(frozen=True)
class Rounding:
    """The weight of a use that suffers most: its size (of a distribution the mean size), and that in quanta.

    `used` is what a constant weight counts as, `change` the relative difference of both; of a distribution `used` is
    `given`, and `change` the largest that weights of this size can have. `lost` of `of` pairs of populations have
    weights other than 0 that are all 0 in quanta, `coarse` of them weights of less than MIN_RESOLUTION.
    """

    given: float
    used: float
    quanta: float
    change: float
    coarse: int
    lost: int
    of: int


@dataclass(frozen=True)
class Resolution:
    """How finely one sum of input of a population keeps its weights, in the `unit` of the `ports`.

    `change` is the largest relative change of a constant weight, that of `changed` (a key path, as are the others);
    `quanta` the smallest size of weights, `least`; `largest` the size of the largest one, `strongest`.
    """

    population: str
    ports: tuple[str, ...]
    unit: str
    quantum: float
    largest: float
    strongest: str
    change: float
    changed: str
    quanta: float
    least: str

    @property
    def where(self) -> str:
        """Port and population, in words."""
        ports = ", ".join(f"'{port}'" for port in self.ports)
        return f"port{'s' if len(self.ports) > 1 else ''} {ports} of population '{self.population}'"


def rounding(use: Use, quantum: float) -> Rounding | None:
    """What whole quanta make of weights; None where all are 0.

    As in `build.draws` and `kernels.row_writer.draw_weight`, whose integers these are.
    """
    given = use.weight.size or use.weight_max
    if given == 0:
        return None
    if use.factors is not None:
        return _of_pairs(use, quantum, use.factors[use.factors > 0])
    quanta, fixed = given / quantum, _is_fixed(use)
    used = abs(round(use.weight.low / quantum)) * quantum if fixed else given
    change = abs(used / given - 1.0) if fixed else min(0.5 / max(quanta, 0.5), 1.0)
    lost = round(_most(use) / quantum) == 0
    coarse = quanta < MIN_RESOLUTION and (change > 0 or use.weight_max > 0)
    return Rounding(given, used, quanta, change, int(coarse), int(lost), 1)


def _of_pairs(use: Use, quantum: float, factors: NDArray[np.float64]) -> Rounding | None:
    """The same where weights follow the connectome."""
    if not factors.size:
        return None
    units = np.rint(factors * _ONE).astype(np.int64)
    whole = units == _ONE
    given = (use.weight.size or use.weight_max) * factors
    quanta = np.minimum(given / quantum, np.where(whole, np.inf, units))
    if _is_fixed(use):
        start = abs(round(use.weight.low / quantum))
        scaled = ((start << FRACTION_BITS_WEIGHT) * units) >> FACTOR_BITS
        scaled = (scaled + (1 << (FRACTION_BITS_WEIGHT - 1))) >> FRACTION_BITS_WEIGHT
        used = np.where(whole, start, scaled) * quantum
        change, lost = np.abs(used / given - 1.0), used == 0
    else:
        used, change = given, np.minimum(0.5 / np.maximum(quanta, 0.5), 1.0)
        lost = np.minimum(_most(use) * factors / quantum, np.where(whole, np.inf, units)) < 0.5
    coarse = (quanta < MIN_RESOLUTION) & ((change > 0) | (use.weight_max > 0))
    worst = int(np.argmax(change))
    return Rounding(
        float(given[worst]), float(used[worst]), float(quanta.min()), float(change[worst]),
        int(coarse.sum()), int(lost.sum()), given.size,
    )  # fmt: skip


def _is_fixed(use: Use) -> bool:
    """Whether the weight is one number that never changes."""
    return use.weight.constant and use.weight_max == 0


def _most(use: Use) -> float:
    """The largest size of a weight, before factors."""
    return max(abs(use.weight.low), abs(use.weight.high), use.weight_max)


def resolution_of(
    population: str, model: NeuronModel, inputs: Sequence[int], quantum: float, uses: Sequence[Use], places: Places
) -> Resolution:
    """How finely a group of channels keeps the weights of `uses`; notes warnings, and mistakes where weights vanish."""
    rows = [row for row in model.receptors if row.channel in inputs]
    strongest = max(uses, key=lambda use: use.largest)
    found = [(use, result) for use in uses if (result := rounding(use, quantum)) is not None]
    constant = [(result.change, use.path) for use, result in found if _is_fixed(use)]
    sizes = [(result.quanta, use.path) for use, result in found]
    change, changed = max(constant, key=lambda pair: pair[0], default=(0.0, ""))
    quanta, least = min(sizes, key=lambda pair: pair[0], default=(0.0, ""))
    made = Resolution(
        population, tuple(row.name for row in rows), rows[0].weight_unit if rows else "", quantum,
        strongest.largest, strongest.path, change, changed, quanta, least,
    )  # fmt: skip
    _tell(made, found, places)
    return made


def _tell(made: Resolution, found: list[tuple[Use, Rounding]], places: Places) -> None:
    unit = "" if made.unit == "1" else f" {made.unit}"
    why = (
        f"the input of {made.where} is summed in multiples of {made.quantum:.3g}{unit}, as its largest weight is "
        f"{made.largest:g}{unit} ({made.strongest})"
    )
    remedy = "bring them closer together, leave the weak one out, or give it a receptor port with a sum of its own"
    coarse = []
    for use, result in found:
        if 0 < use.grid < made.quantum:
            with places.collecting():
                raise places.error(
                    use.path,
                    f"{'whole numbers as' if use.grid >= 1 else 'these'} weights have to be kept exactly; multiples of "
                    f"{use.grid:g}{unit} are not: {why}",
                    "make the weights more alike, or let the listed ones be rounded: "
                    + ("give them as fractions" if use.grid >= 1 else "leave exact_weights out"),
                )
        if result.lost == result.of:
            with places.collecting():
                raise places.error(use.path, f"a weight of {result.given:g}{unit} is lost: {why}", remedy)
        elif result.coarse:
            coarse.append((use, result))
    if coarse:
        use, result = max(coarse, key=lambda pair: (pair[1].lost, pair[1].change))
        more = "" if len(coarse) == 1 else f"; so are those of {len(coarse) - 1} more projections and drives"
        places.warnings.append(f"{places.where(use.path)}: {_coarse(use, result, unit)}: {why}{more}")


def _coarse(use: Use, result: Rounding, unit: str) -> str:
    if result.of > 1:
        lost = f", {result.lost} of them to 0" if result.lost else ""
        return f"weights are rounded for {result.coarse:,} of {result.of:,} pairs of regions by more than 0.4 %{lost}"
    if _is_fixed(use):
        return f"a weight of {result.given:g}{unit} counts as {result.used:g}{unit}, {result.quanta:.3g} quanta"
    return f"weights of {result.given:g}{unit} are {result.quanta:.3g} quanta and coarsely rounded"
