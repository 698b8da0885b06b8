"""Numbers that differ between regions, pairs of regions or neurons: maps of the atlas, tables, matrices, files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.distributions import Spread
from dtbsim.config.strict import Strict

_RELATIVE = "distribution of a factor (around 1) for every neuron or synapse; default: none"
_ABSOLUTE = "distribution of an addend (around 0) for every neuron or synapse, in the same unit; default: none"
_FILE = "relative to the configuration file"
_COLUMN = "array of an .npz, or column of a .csv; default: the only one"

Row = Annotated[list[Number], Field(min_length=1, fail_fast=True)]


class Spreading(Strict):
    """Common to what gives a mean for every region or pair of regions: how values spread around it."""

    relative_spread: Spread | None = Field(default=None, description=_RELATIVE)
    spread: Spread | None = Field(default=None, description=_ABSOLUTE)

    @model_validator(mode="after")
    def _one_spread(self) -> Spreading:
        if self.relative_spread is not None and self.spread is not None:
            raise ValueError("give relative_spread, a factor, or spread, an addend, not both")
        return self


class RegionMap(Spreading):
    """A map of the atlas, one number for every region: its own values, in its own unit.

    With `low` and `high` it is rescaled linearly so that its smallest region gets `low` and its largest `high`.
    """

    map: str = Field(description="name of a per-region map of the atlas (`dtbsim atlas show NAME`)")
    low: Number | None = Field(
        default=None, description="value of the region where the map is smallest; default: the map as it is"
    )
    high: Number | None = Field(
        default=None, description="value of the region where the map is largest; may be below `low`"
    )

    @model_validator(mode="after")
    def _both(self) -> RegionMap:
        if (self.low is None) != (self.high is None):
            raise ValueError("give low and high, which rescale the map, or neither, for its own values")
        return self


class RegionValues(Spreading):
    """A number for every region by its name, written out or from a table.

    A table (.csv) has a column `region` and others; an .npz archive an array `region` of texts.
    """

    regions: dict[str, Number] | str = Field(description=f"region: value, or the path of a table, {_FILE}")
    column: str | None = Field(default=None, description="column of the table; default: the only one beside `region`")
    default: Number | None = Field(default=None, description="value of all other regions; default: none may be missing")

    @model_validator(mode="after")
    def _table(self) -> RegionValues:
        if self.column is not None and not isinstance(self.regions, str):
            raise ValueError("column belongs to a table: regions: FILE.csv")
        return self


class Matrix(Spreading):
    """A number for every pair of regions: row = region of the target, column = region of the source.

    Rows and columns are the regions of the atlas in its order, or those of the target and of the source population.
    """

    matrix: Annotated[list[Row], Field(min_length=1, fail_fast=True)] | str = Field(
        description="list of rows, in Python also a numpy array, or the path of an .npy, .npz or .csv file, "
        f"{_FILE}; a .csv has the names of the regions in its first row and first column"
    )
    array: str | None = Field(default=None, description="array of an .npz archive; default: the only one")

    @model_validator(mode="after")
    def _archive(self) -> Matrix:
        if self.array is not None and not isinstance(self.matrix, str):
            raise ValueError("array belongs to an archive: matrix: FILE.npz")
        return self


class FromFile(Strict):
    """A number for every neuron from a file: .npy with one array, .npz, or .csv with named columns."""

    file: str = Field(description=f"path, {_FILE}")
    column: str | None = Field(default=None, description=_COLUMN)


PER_REGION = (RegionMap, RegionValues)
"""One number for every region."""


def spreads(value: Any) -> bool:
    """Tell whether a value has a spread around its means."""
    return any(getattr(value, key, None) is not None for key in ("relative_spread", "spread"))
