"""What readers of measured data return: matrices between regions and series of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dtbsim.data.kinds import is_symmetric
from dtbsim.data.labels import match_labels
from dtbsim.errors import InputError


@dataclass(frozen=True)
class Matrix:
    """A matrix between regions as a file had it.

    `values` is float64[region, region], finite; `labels` the names of the regions or None; `kind` weights, lengths or
    fc and `why` it was taken for that; `where` names file and variable; `notices` say what was changed.
    """

    values: NDArray[np.float64]
    labels: tuple[str, ...] | None
    kind: str
    why: str
    where: str
    notices: tuple[str, ...] = ()

    @property
    def symmetric(self) -> bool:
        """Whether it is its own transpose but for rounding."""
        return is_symmetric(self.values)

    def ordered(self, to: Sequence[str]) -> Matrix:
        """Return the matrix of the regions `to` in their order; without labels it must have as many regions.

        Raises:
            InputError: regions that it does not have, or another number of regions where it has no labels.
        """
        if self.labels is None:
            check_number(len(self.values), len(to), self.where)
            return replace(self, labels=tuple(to))
        order = match_labels(self.labels, to, where=self.where)
        return replace(self, values=self.values[np.ix_(order, order)], labels=tuple(to))


@dataclass(frozen=True)
class Series:
    """A series of regions as a file had it.

    `values` is float64[time, region], finite; `labels` the names of the regions or None; `period_s` the time between
    two samples in s, or None where nothing says it; `where` names file and variable; `notices` say what was found and
    changed.
    """

    values: NDArray[np.float64]
    labels: tuple[str, ...] | None
    period_s: float | None
    where: str
    notices: tuple[str, ...] = ()

    def ordered(self, to: Sequence[str]) -> Series:
        """Return the series of the regions `to` in their order; without labels it must have as many regions.

        Raises:
            InputError: regions that it does not have, or another number of regions where it has no labels.
        """
        if self.labels is None:
            check_number(self.values.shape[1], len(to), self.where)
            return replace(self, labels=tuple(to))
        order = match_labels(self.labels, to, where=self.where)
        return replace(self, values=self.values[:, order], labels=tuple(to))


def check_number(found: int, needed: int, where: str) -> None:
    """Raise InputError where data without labels have another number of regions than needed."""
    if found != needed:
        raise InputError(
            f"{found} regions, without labels; {needed} are needed",
            where=where,
            remedy="give labels of regions, so that they can be matched by name, or data of the same atlas",
        )
