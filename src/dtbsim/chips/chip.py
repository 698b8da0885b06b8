"""A neuromorphic chip as numbers: its limits, arithmetic and energy, each with its source and the date it was read.

A number that nobody has looked up is not in the description, and shown as "not checked"; nothing is assumed for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbsim.chips.fields import all_paths, field_of
from dtbsim.errors import InputError, did_you_mean

NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Quantity:
    """A number of a chip, where it was read and when (an ISO date, or None where the source was not read itself)."""

    value: float
    unit: str
    source: str
    read: str | None

    @property
    def cited(self) -> str:
        """The source, with the date."""
        return f"{self.source}, read {self.read}" if self.read else f"{self.source}, not read again"

    def __str__(self) -> str:
        return f"{self.value:,.10g} {self.unit}"


@dataclass(frozen=True)
class Chip:
    """A neuromorphic chip.

    Attributes:
        name: its name in commands.
        title: what it is called.
        description: what it is, in a sentence.
        model: the neuron model of dtbsim that is its arithmetic, or None where there is none.
        numbers: what is known, by key path (`size.cores`); see `dtbsim.chips.fields.SECTIONS`.
        where: the file, or what the description came from.
    """

    name: str
    title: str
    description: str
    model: str | None
    numbers: Mapping[str, Quantity]
    where: str

    def __getitem__(self, path: str) -> float:
        """The value at a key path. Raises InputError where it is not known."""
        found = self.numbers.get(_checked(path))
        if found is None:
            raise InputError(
                f"{path} of the chip {self.name} is {NOT_CHECKED}", where=self.where,
                remedy="describe the chip in a file of its own, with this number and its source",
            )  # fmt: skip
        return found.value

    def get(self, path: str, default: float | None = None) -> float | None:
        """The value at a key path, `default` where it is not known."""
        found = self.numbers.get(_checked(path))
        return default if found is None else found.value

    def whole(self, path: str) -> int | None:
        """The value at a key path as a whole number, None where it is not known."""
        found = self.get(path)
        return None if found is None else round(found)

    def cited(self, path: str) -> str:
        """Where the number at a key path comes from."""
        found = self.numbers.get(_checked(path))
        return NOT_CHECKED if found is None else found.cited

    @property
    def unknown(self) -> list[str]:
        """Key paths of what is not known."""
        return [path for path in all_paths() if path not in self.numbers]


def _checked(path: str) -> str:
    try:
        field_of(path)
    except (KeyError, ValueError):
        raise InputError(f"a chip has no number '{path}'", remedy=did_you_mean(path, all_paths())) from None
    return path
