"""Values a configuration can give for a quantity: a number, a distribution, or an atlas map.

Distributions are drawn by inverse CDF with counter-based uniforms, so the same configuration and seed give the same
values on any number of ranks. Units are those of the quantity (its name ends in the unit).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from dtbsim.config.bounds import Number
from dtbsim.config.strict import Strict as Strict

# Strict: texts and booleans are not numbers, and numbers are not booleans (`dt_ms: "0.1"`, `autapses: 1`).
Flag = Annotated[bool, Field(strict=True)]

# Names become parts of key paths, of references such as CIRCUIT.POP and POP@REGION, and of store names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


def _model_object(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Keep a neuron model that is given as a class or an instance (its type is checked where models are known)."""
    return value if hasattr(value, "update") and hasattr(value, "receptors") else handler(value)


if TYPE_CHECKING:
    ModelName = Any
else:
    ModelName = Annotated[str, WrapValidator(_model_object)]


class Constant(Strict):
    """One value for all; the same as giving the number itself."""

    distribution: Literal["constant"] = Field(default="constant", description="names the distribution")
    value: Number = Field(description="the value")


class Uniform(Strict):
    """Uniform on [low, high)."""

    distribution: Literal["uniform"] = Field(default="uniform", description="names the distribution")
    low: Number = Field(description="smallest value")
    high: Number = Field(description="upper end, above `low`, itself never drawn")

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self


Outside = Literal["redraw", "clip"]
_LOW = "lower bound; default: none"
_HIGH = "upper bound, above `low`; default: none"
_OUTSIDE = (
    "what becomes of values beyond the bounds: drawn again (redraw, the default), or the bound itself (clip); "
    "only with a bound"
)


def _check_bounds(low: float | None, high: float | None, outside: str | None) -> None:
    if low is not None and high is not None and not low < high:
        raise ValueError(f"low ({low:g}) must be below high ({high:g})")
    if outside is not None and low is None and high is None:
        raise ValueError(f"outside ({outside}) needs a bound; give low, high or both, or leave it out")


class Normal(Strict):
    """Normal with `mean` and `sd`, between bounds if these are given; without, its table ends at about 4.6 sd."""

    distribution: Literal["normal"] = Field(default="normal", description="names the distribution")
    mean: Number = Field(description="mean, without bounds")
    sd: Number = Field(ge=0, description="standard deviation, without bounds")
    low: Number | None = Field(default=None, description=_LOW)
    high: Number | None = Field(default=None, description=_HIGH)
    outside: Outside | None = Field(default=None, description=_OUTSIDE)

    @model_validator(mode="after")
    def _ordered(self) -> Normal:
        _check_bounds(self.low, self.high, self.outside)
        return self


class TruncatedNormal(Strict):
    """Normal restricted to [low, high]; the same as `normal` with bounds and `outside: redraw`."""

    distribution: Literal["truncated_normal"] = Field(default="truncated_normal", description="names the distribution")
    mean: Number = Field(description="mean before truncation")
    sd: Number = Field(gt=0, description="standard deviation before truncation")
    low: Number | None = Field(default=None, description=_LOW)
    high: Number | None = Field(default=None, description=_HIGH)

    @model_validator(mode="after")
    def _ordered(self) -> TruncatedNormal:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both; without bounds use distribution: normal")
        _check_bounds(self.low, self.high, None)
        return self


class Lognormal(Strict):
    """Lognormal given by the mean and standard deviation of the variable itself, between bounds if these are given."""

    distribution: Literal["lognormal"] = Field(default="lognormal", description="names the distribution")
    mean: Number = Field(gt=0, description="mean of the variable (not of its logarithm), without bounds")
    sd: Number = Field(gt=0, description="standard deviation of the variable (not of its logarithm), without bounds")
    low: Number | None = Field(default=None, description=_LOW)
    high: Number | None = Field(default=None, description=_HIGH)
    outside: Outside | None = Field(default=None, description=_OUTSIDE)

    @model_validator(mode="after")
    def _ordered(self) -> Lognormal:
        _check_bounds(self.low, self.high, self.outside)
        return self


class Exponential(Strict):
    """Exponential with `mean`, shifted by `low`, up to `high` if it is given."""

    distribution: Literal["exponential"] = Field(default="exponential", description="names the distribution")
    mean: Number = Field(gt=0, description="mean before the shift, without `high`")
    low: Number = Field(default=0.0, description="shift: the smallest value")
    high: Number | None = Field(default=None, description=_HIGH)
    outside: Outside | None = Field(
        default=None,
        description="what becomes of values above `high`: drawn again (redraw, the default), or `high` itself (clip); "
        "only with `high`",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Exponential:
        _check_bounds(self.low, self.high, None)
        if self.outside is not None and self.high is None:
            raise ValueError(f"outside ({self.outside}) needs a bound; give high, or leave it out")
        return self


class RegionMap(Strict):
    """A map of the atlas, rescaled linearly so that its smallest region gets `low` and its largest `high`."""

    map: str = Field(description="name of a per-region map of the atlas (`dtbsim atlas show NAME`)")
    low: Number = Field(description="value of the region where the map is smallest")
    high: Number = Field(description="value of the region where the map is largest; may be below `low`")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        named = value.get("distribution")
        return "map" if "map" in value else named if isinstance(named, str) else "unknown"
    if isinstance(value, RegionMap):
        return "map"
    if isinstance(value, BaseModel):
        return str(getattr(value, "distribution", "unknown"))
    return "number"


Distribution = Uniform | Normal | TruncatedNormal | Lognormal | Exponential

DrawnValue = Annotated[
    Annotated[Number, Tag("number")]
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
    Annotated[Number, Tag("number")]
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
