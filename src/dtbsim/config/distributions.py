"""Distributions that a value can be drawn from.

They are drawn by inverse CDF with counter-based uniforms, so the same configuration and seed give the same values on
any number of ranks. Units are those of the quantity (its name ends in the unit).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.strict import Strict


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


def distribution_kind(value: Any) -> str | None:
    """Return the name of a distribution, as it is given or as an object; None: it names none."""
    named = value.get("distribution") if isinstance(value, dict) else getattr(value, "distribution", None)
    return named if isinstance(named, str) and isinstance(value, dict | BaseModel) else None


Distribution = Uniform | Normal | TruncatedNormal | Lognormal | Exponential

Distributions = (
    Annotated[Constant, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Normal, Tag("normal")]
    | Annotated[TruncatedNormal, Tag("truncated_normal")]
    | Annotated[Lognormal, Tag("lognormal")]
    | Annotated[Exponential, Tag("exponential")]
)
"""The alternatives among which `distribution_kind` tells."""

Spread = Annotated[Distributions, Discriminator(lambda value: distribution_kind(value) or "unknown")]
