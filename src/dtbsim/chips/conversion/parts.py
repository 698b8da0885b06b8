"""What converters of all chips share: sources of spikes, delays, mantissas of everything that reaches a population."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dtbsim.chips.conversion.given import Cells, Events, Given, Refusals, Synapses
from dtbsim.chips.conversion.result import ChipDrive, ChipPopulation, ChipProjection
from dtbsim.chips.conversion.weights import Format, Group, exponents_of, rounded
from dtbsim.interchange.base import Loss

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Item = Synapses | Events


@dataclass
class Parts:
    """The parts of a conversion as they are made."""

    populations: dict[str, ChipPopulation] = field(default_factory=dict)
    projections: dict[str, ChipProjection] = field(default_factory=dict)
    drives: dict[str, ChipDrive] = field(default_factory=dict)
    exponents: dict[tuple[int, str], int] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Reached:
    """What reaches neurons, in the unit of the chip: `wanted` float64[m] of each synapse or spike.

    `port` is that of the chip's model; `receptors` names those whose weights share exponents, with the entries that
    are theirs (bool[m]). `delay_steps` counts as the chip does, or is the step of a spike from outside.
    """

    item: Item
    port: str
    wanted: F64
    delay_steps: I64
    receptors: tuple[tuple[str, NDArray[np.bool_]], ...]

    @property
    def target_gid(self) -> I64:
        """int64[m]."""
        return self.item.gid if isinstance(self.item, Events) else self.item.target_gid


def source_population(cells: Cells) -> ChipPopulation:
    """Return a population that emits listed spikes."""
    return ChipPopulation(cells.name, cells.model.name, cells.gids, {}, spikes=cells.spikes)


def place_weights(
    given: Given, reached: list[Reached], form: Format, parts: Parts, fixed: dict[tuple[int, str], int] | None = None
) -> None:
    """Choose exponents (but for those that are `fixed`), round all weights, and add projections and drives."""
    groups = [
        [Group(name, item.wanted[mine], given.core[item.target_gid[mine]]) for name, mine in item.receptors]
        for item in reached
    ]
    parts.exponents |= exponents_of([group for found in groups for group in found], form) | (fixed or {})
    for item, found in zip(reached, groups, strict=True):
        mantissa, exponent = np.zeros(item.wanted.size, np.int32), np.zeros(item.wanted.size, np.int8)
        for (_, mine), group in zip(item.receptors, found, strict=True):
            mantissa[mine], exponent[mine] = rounded(group, parts.exponents, form)
        _add(item, mantissa, exponent, parts)
        _note_rounding(item, mantissa, exponent, form, parts)


def _add(item: Reached, mantissa: NDArray[np.int32], exponent: NDArray[np.int8], parts: Parts) -> None:
    made, names = item.item, list(parts.populations)
    if isinstance(made, Events):
        name = _free(made.name, parts.drives)
        weight = np.ldexp(mantissa.astype(np.float64), exponent.astype(np.int64))
        parts.drives[name] = ChipDrive(
            name, names[made.target], item.port, item.delay_steps, made.gid, weight, item.wanted, mantissa, exponent
        )
        return
    parts.projections[made.name] = ChipProjection(
        made.name, names[made.source], names[made.target], item.port, made.source_gid, made.target_gid, mantissa,
        exponent, item.delay_steps.astype(np.int32), item.wanted,
    )  # fmt: skip


def _free(name: str, taken: dict[str, ChipDrive]) -> str:
    """A drive of the configuration may reach several populations."""
    found, k = name, 2
    while found in taken:
        found, k = f"{name}_{k}", k + 1
    return found


def _note_rounding(
    item: Reached, mantissa: NDArray[np.int32], exponent: NDArray[np.int8], form: Format, parts: Parts
) -> None:
    got = np.ldexp(mantissa.astype(np.float64), exponent.astype(np.int64))
    if np.array_equal(got, item.wanted):
        return
    size = float(np.sqrt(np.mean(item.wanted**2)))
    error = float(np.sqrt(np.mean((got - item.wanted) ** 2))) / size
    lost, n = int(((got == 0) & (item.wanted != 0)).sum()), got.size
    clipped = int((np.abs(mantissa) == form.most).sum()) if (np.abs(item.wanted) > np.abs(got)).any() else 0
    what = f"mantissas of at most {form.most:,}"
    instead = f"weights that are off by {100 * error:.3g} % (rms)" + (f", {lost:,} of {n:,} are 0" if lost else "")
    parts.losses.append(Loss(what, item.item.key_path, instead, True, "more weight bits"))
    if 4 * lost > n:
        parts.notes.append(
            f"{item.item.key_path}: {lost:,} of {n:,} weights are too small for the chip and become 0; give more "
            "weight bits, or make weights of a core more alike"
        )
    if clipped and float(np.abs(item.wanted).max()) > 1.02 * float(np.abs(got).max()):
        parts.notes.append(f"{item.item.key_path}: {clipped:,} of {n:,} weights are too large and are clipped")


def check_delays(given: Given, item: Synapses, delay_steps: I64, low: int, high: int, wrong: Refusals) -> None:
    """Note delays that the chip does not have; `delay_steps` count as it does."""
    chip = given.chip
    least, most = chip.get("connections.delay_min", low), chip.get("connections.delay_max", high)
    source = chip.cited("connections.delay_max")
    assert least is not None
    assert most is not None
    what = "a delay in steps of the chip"
    wrong.limit(item.key_path, what, delay_steps, least, most, source)


def relative_error(got: F64, wanted: F64) -> float:
    """Return the largest |got / wanted - 1|, 0 without numbers."""
    both = wanted != 0
    return float(np.abs(got[both] / wanted[both] - 1.0).max(initial=0.0))
