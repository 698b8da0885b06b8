"""Does a network fit a chip? A line for each limit that it breaks, and what it would fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dtbsim.chips.chip import Chip
from dtbsim.chips.registry import CHIPS
from dtbsim.errors import InputError, MultipleInputError
from dtbsim.mapping.links import I64, Links
from dtbsim.mapping.loads import Loads, Reach, capacities, work_of

_WHAT = {
    "neurons": "neurons",
    "synapses": "synapses",
    "bytes": "bytes of synapses",
    "axons_in": "source neurons",
    "axons_out": "pairs of a neuron and a core that hears it",
}


@dataclass(frozen=True)
class Violation:
    """A limit that the network breaks: where, how much there is, how much is allowed, and who says so."""

    where: str
    what: str
    number: float
    limit: float
    path: str
    source: str

    def error(self, chip: Chip, remedy: str | None = None) -> InputError:
        """The line for the user."""
        return InputError(
            f"{self.what}: {self.number:,.10g}; {chip.name} takes {self.limit:,.10g} "
            f"({self.path}: {self.source})",
            where=self.where, remedy=remedy,
        )  # fmt: skip


def _broken(chip: Chip, path: str, where: str, what: str, number: float) -> Iterator[Violation]:
    limit = chip.get(path)
    if limit is not None and number > limit:
        yield Violation(where, what, float(number), limit, path, chip.cited(path))


def of_network(links: Links, chip: Chip) -> Iterator[Violation]:
    """Yield limits that single neurons and synapses break, however they are placed."""
    family = links.family[links.population]
    fan_in = np.zeros(len(links.families), np.int64)
    np.maximum.at(fan_in, family[links.placed], links.indegree[links.placed])
    for name, most in zip(links.families, fan_in.tolist(), strict=True):
        yield from _broken(chip, "connections.fan_in", f"populations.{name}", "synapses onto a neuron", most)
        yield from _broken(chip, "memory.synapses_per_core", f"populations.{name}", "synapses onto a neuron", most)
    if chip.model is not None:
        return  # the conversion knows what its steps of delay mean
    for where, part, (low, high) in links.projection:
        if part.stop > part.start:
            yield from _broken(chip, "connections.delay_max", where, "longest delay in steps", high)
            least = chip.get("connections.delay_min")
            if least is not None and low < least:
                source = chip.cited("connections.delay_min")
                what = "shortest delay in steps"
                yield Violation(where, what, low, least, "connections.delay_min", source)


def of_cores(links: Links, chip: Chip, core_of: I64, loads: Loads, reach: Reach) -> Iterator[Violation]:
    """Yield limits of cores that are broken, each with the fullest core and the population with most neurons there."""
    for name, path in capacities(chip):
        used = getattr(loads, name)
        if used is None or not used.size:
            continue
        core = int(np.argmax(used))
        where = f"populations.{_most_of(links, core_of, core)}"
        over = int((used > chip[path]).sum())
        yield from _broken(chip, path, where, f"{_WHAT[name]} in core {core} ({over} cores have too many)", used[core])
    own = core_of[reach.source] >= 0
    cores_of = np.bincount(reach.source[own], minlength=links.n)
    if cores_of.size:
        gid = int(np.argmax(cores_of))
        limit = chip.get("connections.targets")
        over = 0 if limit is None else int((cores_of > limit).sum())
        where = f"populations.{links.families[links.family[links.population[gid]]]}"
        what = f"cores that a neuron sends to ({over:,} neurons send to too many)"
        yield from _broken(chip, "connections.targets", where, what, int(cores_of[gid]))


def _most_of(links: Links, core_of: I64, core: int) -> str:
    inside = links.family[links.population[core_of == core]]
    return links.families[int(np.bincount(inside, minlength=len(links.families)).argmax())]


def of_chips(chip: Chip, loads: Loads, n_chips: int) -> Iterator[Violation]:
    """Yield limits of whole chips; cores fill chips in their order."""
    cores = round(chip["size.cores"])
    number = np.arange(loads.neurons.size) // cores
    for values, path, what in (
        (loads.neurons, "size.neurons_per_chip", "neurons of a chip"),
        (loads.synapses, "memory.synapses_per_chip", "synapses of a chip"),
        (loads.bytes, "memory.bytes_per_chip", "bytes of synapses of a chip"),
    ):
        if values is not None and values.size:
            sums = np.bincount(number, values, n_chips)
            yield from _broken(chip, path, f"chip {int(sums.argmax())}", what, float(sums.max()))


def chips_needed(links: Links, chip: Chip) -> int | None:
    """Chips of a kind that would hold the neurons and synapses, at least; None where a single neuron does not fit."""
    if any(True for _ in of_network(links, chip)):
        return None
    cores = float(work_of(links, chip).sum()) / chip["size.cores"]
    totals = (
        (float(links.placed.sum()), "size.neurons_per_chip", 1.0),
        (float(links.n_synapses), "memory.synapses_per_chip", 1.0),
        (links.n_synapses * (chip.get("memory.bits_per_synapse") or 0) / 8, "memory.bytes_per_chip", 1.0),
    )
    found = [cores, *(total / chip[path] for total, path, _ in totals if chip.get(path) is not None)]
    return max(1, math.ceil(max(found) - 1e-9))


def what_would_fit(links: Links, chip: Chip, chips: int, cores_needed: int) -> str:
    """Return advice: more than `chips` of the same kind, or which others hold the network on a board."""
    found = []
    own = chips_needed(links, chip)
    if own is not None and (more := max(own, math.ceil(cores_needed / chip["size.cores"]))) > chips:
        found.append(f"--chips {more} of {chip.name}")
    for other in CHIPS.usable().values():
        if other.name == chip.name or other.get("size.cores") is None:
            continue
        needed = chips_needed(links, other)
        if needed is not None and needed <= (other.get("size.chips_per_board") or 1):
            found.append(f"{other.name} ({needed} chip{'s' if needed > 1 else ''}{_if_known(other)})")
    return f"by neurons and synapses it would fit: {', '.join(found)}" if found else "no chip known here would hold it"


def _if_known(chip: Chip) -> str:
    return ", without its arithmetic" if chip.model is None else ""


def refuse(chip: Chip, violations: list[Violation], advice: str, further: list[InputError]) -> None:
    """Raise InputError, a line for each violation and for what the conversion refuses; nothing where there are none."""
    own = [violation.error(chip) for violation in dict.fromkeys(violations)]
    if own:
        own[-1].remedy = advice
    mistakes = [*own, *further]
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else MultipleInputError(mistakes)
