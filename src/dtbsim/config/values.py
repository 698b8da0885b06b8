"""Values a configuration can give for a quantity: a number, a distribution, or an atlas map.

Distributions are drawn by inverse CDF with counter-based uniforms, so the same configuration and seed give the same
values on any number of ranks. Units are those of the quantity (its name ends in the unit).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class Strict(BaseModel):
    """Base of all configuration objects: unknown keys and NaN or infinite numbers are errors."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, strict=False, validate_assignment=True, validate_default=False
    )


class Constant(Strict):
    """One value for all."""

    distribution: Literal["constant"] = "constant"
    value: float


class Uniform(Strict):
    """Uniform on [low, high)."""

    distribution: Literal["uniform"]
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self


class Normal(Strict):
    """Normal with `mean` and `sd`; the 65,536-entry table ends at about 4.9 sd."""

    distribution: Literal["normal"]
    mean: float
    sd: float = Field(ge=0)


class TruncatedNormal(Strict):
    """Normal restricted to [low, high] (values outside are redrawn)."""

    distribution: Literal["truncated_normal"]
    mean: float
    sd: float = Field(gt=0)
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> TruncatedNormal:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both; without bounds use distribution: normal")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self


class Lognormal(Strict):
    """Lognormal given by the mean and standard deviation of the variable itself."""

    distribution: Literal["lognormal"]
    mean: float = Field(gt=0)
    sd: float = Field(gt=0)


class Exponential(Strict):
    """Exponential with `mean`, shifted by `low`."""

    distribution: Literal["exponential"]
    mean: float = Field(gt=0)
    low: float = 0.0


class RegionMap(Strict):
    """A map of the atlas, rescaled linearly so that its smallest region gets `low` and its largest `high`."""

    map: str
    low: float
    high: float


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "map" if "map" in value else str(value.get("distribution", "unknown"))
    if isinstance(value, RegionMap):
        return "map"
    if isinstance(value, BaseModel):
        return str(getattr(value, "distribution", "unknown"))
    return "number"


Distribution = Uniform | Normal | TruncatedNormal | Lognormal | Exponential

DrawnValue = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Normal, Tag("normal")]
    | Annotated[TruncatedNormal, Tag("truncated_normal")]
    | Annotated[Lognormal, Tag("lognormal")]
    | Annotated[Exponential, Tag("exponential")],
    Discriminator(_kind),
]
"""A number or a distribution: weights, delays, initial states."""

Value = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Normal, Tag("normal")]
    | Annotated[TruncatedNormal, Tag("truncated_normal")]
    | Annotated[Lognormal, Tag("lognormal")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[RegionMap, Tag("map")],
    Discriminator(_kind),
]
"""A number, a distribution or a region map: neuron parameters."""
