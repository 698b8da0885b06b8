"""Neuron models of dtbsim as PyNN's native cell types, with their own names and units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pyNN.models import BaseCellType

from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, get_model
from dtbsim.pynn.cells import Cell

_UNITS = ("mV", "pA", "nS", "ms", "pF", "Hz")


def native_cell_type(model_name: str, receptors: Mapping[str, float] | None = None) -> type[BaseCellType]:
    """Return the cell type of a neuron model of dtbsim.

        glif = sim.native_cell_type("glif3_psc", receptors={"exc": 3.0, "inh": 5.0})
        sim.Population(10, glif(C_m_pF=58.7))

    Parameters, states and receptor types are those that `dtbsim models show NAME` lists, in its units; weights are in
    the unit of the port.

    Args:
        model_name: name of the model.
        receptors: of models with any number of ports their names, and time constants in ms.

    Raises:
        InputError: there is no such model, or it only sends spikes.
    """
    model = get_model(model_name, dict(receptors) if receptors else None)
    if model.is_source or not model.receptors:
        raise InputError(
            f"'{model_name}' only sends spikes", where="model_name", remedy="use a standard source, SpikeSourceArray"
        )
    parameters = {row.name: float(row.default) for row in model.parameters}
    states = [row for row in model.states if row.name != "refractory"]
    initial = model.initial_states(model.complete({}), {})
    shown = {
        row.name: float(np.ravel(model.recorded(row.name, initial[row.name], model.complete({})))[0]) for row in states
    }
    rows: list[Any] = [*model.parameters, *states]
    units = {row.name: row.unit if row.unit in _UNITS else "dimensionless" for row in rows}
    return type(
        model_name,
        (_Native,),
        {
            "model": model.name,
            "given_receptors": dict(receptors or {}),
            "default_parameters": parameters,
            "default_initial_values": shown,
            "recordable": ["spikes", *shown],
            "receptor_types": [row.name for row in model.receptors],
            "ports": {row.name: row.name for row in model.receptors},
            "variables": {row.name: (row.name, 1.0) for row in states},
            "units": units,
            "conductance_based": all(row.weight_unit == "nS" for row in model.receptors),
            "injectable": bool(model.current_unit),
            "__doc__": model.summary,
        },
    )


class _Native(Cell, BaseCellType):
    """A neuron model of dtbsim."""

    weight_scale = 1.0
    given_receptors: Mapping[str, float] = {}

    @classmethod
    def found(cls) -> NeuronModel:
        """The model with its ports."""
        return get_model(cls.model, dict(cls.given_receptors) or None)

    def configured(self, file: Path, segments: Any, state: Any) -> dict[str, Any]:
        """The ports that were given."""
        return {"receptors": dict(self.given_receptors)} if self.given_receptors else {}
