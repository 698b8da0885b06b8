"""Configuration of synapses of a user's own model, whose parameters are known once its file has been imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.values import Strict

Window = Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=2, max_length=2)]
Windows = Annotated[list[Window], Field(fail_fast=True)]
FROZEN = "times [from, until] whose spikes change no weight, while all traces go on"


def check_windows(windows: list[list[float]]) -> None:
    """ValueError where a window ends before it begins."""
    for start, stop in windows:
        if not start < stop:
            raise ValueError(f"frozen_ms: {start:g} must be before {stop:g}")


def _model_object(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Keep a synapse model that is given as a class or an instance (it is checked where models are known)."""
    return value if hasattr(value, "entry_points") and hasattr(value, "constants") else handler(value)


if TYPE_CHECKING:
    SynapseModelName = Any
else:
    SynapseModelName = Annotated[str, WrapValidator(_model_object)]


class OwnSynapse(Strict):
    """Synapses of a model of your own: `model: FILE.py:CLASS`; `kind` may be left out (docs/own_models.md).

    `parameters` are keyed by the model's own names. They are checked when the file is imported.
    """

    kind: Literal["own"] = Field(default="own", description="names the kind")
    model: SynapseModelName = Field(
        description="FILE.py:CLASS, relative to the configuration file; from Python also a class or instance"
    )
    parameters: dict[str, Number | str] = Field(
        default={}, description="parameters of the model, those of a population by its name; others keep their defaults"
    )
    frozen_ms: Windows = Field(default=[], description=f"{FROZEN} (models whose weights change)")
    plastic: ClassVar[bool] = True
    """Whether the weights may change: what the model says is known once it is imported."""

    @model_validator(mode="after")
    def _ordered(self) -> OwnSynapse:
        check_windows(self.frozen_ms)
        return self

    def populations(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of every population that the synapses refer to."""
        for name, value in self.parameters.items():
            if isinstance(value, str):
                yield f"parameters.{name}", value

    def times(self) -> Iterator[tuple[str, float]]:
        """Times that are a whole number of steps are known once the model is; none here."""
        yield from ()
