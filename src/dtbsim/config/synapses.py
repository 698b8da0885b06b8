"""Configuration of synapses that change; `dtbsim.models.synapses.config` makes one class per model from its table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, model_validator

from dtbsim.config.kinds import Kinds
from dtbsim.config.own_synapse import FROZEN, OwnSynapse, Windows, check_windows
from dtbsim.config.values import Strict
from dtbsim.errors import InputError

_POPULATION = "population"
"""Unit of a parameter that is the name of a population."""


class SynapseConfig(Strict):
    """Common to all of them: values of the parameters of `model`."""

    model: ClassVar[Any]
    """The `SynapseModel` of `dtbsim.models.synapses`."""
    plastic: ClassVar[bool] = False
    """Whether the weights change."""
    kind: str

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.kind, self.__getstate__())

    @property
    def frozen(self) -> list[list[float]]:
        """Times [from, until] in ms whose spikes change no weight."""
        return []

    def numbers(self) -> dict[str, float]:
        """Parameters that are numbers, in the user's units; without optional ones that are not given."""
        rows = [row.name for row in self.model.parameters if row.unit != _POPULATION]
        return {name: getattr(self, name) for name in rows if getattr(self, name) is not None}

    def populations(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of every population that the synapses refer to."""
        for row in self.model.parameters:
            if row.unit == _POPULATION:
                yield row.name, getattr(self, row.name)

    def times(self) -> Iterator[tuple[str, float]]:
        """Yield key and value of every parameter that is a whole number of time steps."""
        for row in self.model.parameters:
            if row.on_grid:
                yield row.name, getattr(self, row.name)

    @model_validator(mode="after")
    def _together(self) -> SynapseConfig:
        try:
            self.model.check_together({row.name: getattr(self, row.name) for row in self.model.parameters})
        except InputError as error:
            raise ValueError(error.message) from None
        return self


_MODELS = Kinds("dtbsim.models.synapses:SYNAPSE_MODELS", also=(OwnSynapse,), told_by={"model": "own"})


def _restored(kind: str, state: Any) -> SynapseConfig:
    """An object of a class that is made from a table, on another rank: it is found by its kind."""
    made: type[SynapseConfig] = _MODELS.registry.find(kind).config
    item = made.__new__(made)
    item.__setstate__(state)
    return item


class Weights(SynapseConfig):
    """Common to weights that change."""

    plastic: ClassVar[bool] = True


class Plastic(Weights):
    """Common to weights that change with the spikes of both ends alone."""

    frozen_ms: Windows = Field(default=[], description=FROZEN)

    @property
    def frozen(self) -> list[list[float]]:
        """Times [from, until] in ms whose spikes change no weight."""
        return self.frozen_ms

    @model_validator(mode="after")
    def _ordered(self) -> Plastic:
        check_windows(self.frozen_ms)
        return self


if TYPE_CHECKING:
    Synapse = SynapseConfig | OwnSynapse
else:
    Synapse = Annotated[Any, _MODELS]
