"""Where the neurons of a population are: what `positions` of a population takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number, Whole
from dtbsim.config.parts import KIND
from dtbsim.config.values import Strict

Length = Annotated[float, Field(strict=True, gt=0)]
Point = Annotated[list[Number], Field(min_length=2, max_length=3, fail_fast=True)]


class GridPositions(Strict):
    """A regular grid around the origin: neuron i is in column i % shape[0], row i // shape[0], and so on."""

    kind: Literal["grid"] = Field(default="grid", description=KIND)
    shape: list[Annotated[Whole, Field(ge=1)]] = Field(
        min_length=2, max_length=3, description="columns, rows, and layers; with room for all neurons"
    )
    spacing_mm: Number = Field(gt=0, description="distance of neighbours")


class DiscPositions(Strict):
    """Drawn uniformly in a disc around the origin."""

    kind: Literal["uniform_disc"] = Field(default="uniform_disc", description=KIND)
    radius_mm: Number = Field(gt=0, description="radius")


class BoxPositions(Strict):
    """Drawn uniformly in a rectangle or box around the origin."""

    kind: Literal["uniform_box"] = Field(default="uniform_box", description=KIND)
    lengths_mm: list[Length] = Field(min_length=2, max_length=3, description="lengths of its sides")


class GivenPositions(Strict):
    """Those of a file, .npy of one row of 2 or 3 coordinates per neuron, or written out; they are taken as they are.

    Neurons of a population in regions are numbered through, region after region in the order of the atlas.
    """

    kind: Literal["given"] = Field(default="given", description=KIND)
    file: str | None = Field(default=None, description=".npy with the coordinates in mm")
    coordinates_mm: Annotated[list[Point], Field(fail_fast=True)] | None = Field(
        default=None, description="the same written out; from Python also an array"
    )

    @model_validator(mode="after")
    def _once(self) -> GivenPositions:
        if (self.file is None) == (self.coordinates_mm is None):
            raise ValueError("give file or coordinates_mm" + (", not both" if self.file is not None else ""))
        return self


Positions = Annotated[GridPositions | DiscPositions | BoxPositions | GivenPositions, Field(discriminator="kind")]
