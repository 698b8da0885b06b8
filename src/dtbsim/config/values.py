"""Values that a configuration can give for a quantity, and other types that its objects share.

A value is a number, a distribution (`config.distributions`), or a source of numbers that differ between regions, pairs
of regions or neurons (`config.sources`). Each quantity takes those by which it can vary:

    Value        of neurons: drawn anew for each, per region, or listed for each
    DrawnValue   of synapses and others without regions: a number or a distribution
    RegionValue  per region
    PairValue    per region, or per pair of regions; DrawnPairValue: drawn for each synapse, too
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Field, StringConstraints, Tag, ValidatorFunctionWrapHandler, WrapValidator

from dtbsim.config.bounds import Number
from dtbsim.config.describe import source_kind
from dtbsim.config.distributions import Constant as Constant
from dtbsim.config.distributions import Distribution as Distribution
from dtbsim.config.distributions import Distributions, distribution_kind
from dtbsim.config.distributions import Exponential as Exponential
from dtbsim.config.distributions import Lognormal as Lognormal
from dtbsim.config.distributions import Normal as Normal
from dtbsim.config.distributions import Outside as Outside
from dtbsim.config.distributions import TruncatedNormal as TruncatedNormal
from dtbsim.config.distributions import Uniform as Uniform
from dtbsim.config.sources import FromFile as FromFile
from dtbsim.config.sources import Matrix as Matrix
from dtbsim.config.sources import RegionMap as RegionMap
from dtbsim.config.sources import RegionValues as RegionValues
from dtbsim.config.strict import Strict as Strict

# Strict: texts and booleans are not numbers, and numbers are not booleans (`dt_ms: "0.1"`, `autapses: 1`).
Flag = Annotated[bool, Field(strict=True)]

# Names become parts of key paths, of references such as CIRCUIT.POP and POP@REGION, and of store names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


def _model_object(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Keep a model that is given as a class or an instance (its type is checked where models are known)."""
    neurons = hasattr(value, "update") and hasattr(value, "receptors")
    return value if neurons or hasattr(value, "derivatives") else handler(value)


if TYPE_CHECKING:
    ModelName = Any
else:
    ModelName = Annotated[str, WrapValidator(_model_object)]


def value_kind(value: Any) -> str:
    """Return the tag of a value among the alternatives below."""
    given = isinstance(value, dict | Strict)
    return source_kind(value) or distribution_kind(value) or ("unknown" if given else "number")


AnyNumber = Annotated[Number, Tag("number")]
PerRegion = Annotated[RegionMap, Tag("map")] | Annotated[RegionValues, Tag("regions")]
PerPair = PerRegion | Annotated[Matrix, Tag("matrix")]
_List = Annotated[list[Number], Field(min_length=1, fail_fast=True), Tag("list")]
PerNeuron = PerRegion | Annotated[FromFile, Tag("file")]
"""What gives neurons numbers without drawing or listing them."""

kind_of_value = Discriminator(value_kind)
"""`Annotated[Annotated[NUMBER, Tag("number")] | PerRegion, kind_of_value]`: one with bounds of its own, or these."""
DrawnValue = Annotated[AnyNumber | Distributions, kind_of_value]
Value = Annotated[AnyNumber | Distributions | PerNeuron | _List, kind_of_value]
RegionValue = Annotated[AnyNumber | PerRegion, kind_of_value]
PairValue = Annotated[AnyNumber | PerPair, kind_of_value]
DrawnPairValue = Annotated[AnyNumber | Distributions | PerPair, kind_of_value]
