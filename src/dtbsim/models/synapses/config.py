"""The class of configuration objects of a synapse model, from its table."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, create_model

from dtbsim.config.bounds import Number
from dtbsim.config.synapses import Plastic, SynapseConfig, Weights
from dtbsim.models.synapses.base import PlasticSynapse, StatefulSynapse, SynapseModel
from dtbsim.models.synapses.tables import POPULATION, SynapseParameter


def config_class(model: SynapseModel) -> type[SynapseConfig]:
    """Return the class, of the same name and docstring as that of the model."""
    kind = type(model)
    base: type[SynapseConfig] = SynapseConfig
    if isinstance(model, PlasticSynapse):
        base = Weights if isinstance(model, StatefulSynapse) else Plastic
    fields: dict[str, Any] = {
        "kind": (Literal[kind.name], Field(default=kind.name, description="names the kind")),
        **{row.name: _field(row) for row in model.parameters},
    }
    made = create_model(kind.__name__, __base__=base, __module__=__name__, __doc__=kind.__doc__, **fields)
    made.model = model
    return made


def _field(row: SynapseParameter) -> tuple[Any, Any]:
    if row.unit == POPULATION:
        return str, Field(description=row.description)
    options: dict[str, Any] = {"description": row.description}
    if row.low > -float("inf"):
        options["gt" if row.open_low else "ge"] = row.low
    if row.high < float("inf"):
        options["le"] = row.high
    if row.optional:
        return Number | None, Field(default=None, **options)
    if row.default is not None:
        options["default"] = row.default
    return Number, Field(**options)
