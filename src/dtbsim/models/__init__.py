"""Models of neurons and of regions: tables, their functions, and the registries."""

from dtbsim.models.base import NeuronModel
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_registry import get_region_model, list_region_models, register_region_model
from dtbsim.models.region_tables import Lookup, Noise, Output, OwnDelay, Read, RegionInput, RegionState
from dtbsim.models.registry import example_model, get_model, list_models, register_model
from dtbsim.models.tables import Derived, Parameter, Receptor, State

__all__ = [
    "Derived",
    "Lookup",
    "NeuronModel",
    "Noise",
    "Output",
    "OwnDelay",
    "Parameter",
    "Read",
    "Receptor",
    "RegionInput",
    "RegionModel",
    "RegionState",
    "State",
    "example_model",
    "get_model",
    "get_region_model",
    "list_models",
    "list_region_models",
    "register_model",
    "register_region_model",
]
