"""Neuron models: tables, one update function each, and the registry."""

from dtbsim.models.base import NeuronModel
from dtbsim.models.registry import example_model, get_model, list_models, register_model
from dtbsim.models.tables import Derived, Parameter, Receptor, State

__all__ = [
    "Derived",
    "NeuronModel",
    "Parameter",
    "Receptor",
    "State",
    "example_model",
    "get_model",
    "list_models",
    "register_model",
]
