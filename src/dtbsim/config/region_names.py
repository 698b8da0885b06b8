"""Which model names of a configuration are region models, as far as a name alone tells."""

from __future__ import annotations

from typing import Any

from dtbsim.registry import Later

NEURON_MODELS = Later("dtbsim.models.registry:MODELS")
REGION_MODELS = Later("dtbsim.models.region_registry:REGION_MODELS")


def names_neurons(model: Any) -> bool:
    """Whether a model is a neuron model for sure: the name of one, or an object with ports."""
    if not isinstance(model, str):
        return hasattr(model, "receptors")
    return model in NEURON_MODELS.load().names()


def names_regions(model: Any) -> bool:
    """Whether a model is a region model for sure."""
    if not isinstance(model, str):
        return hasattr(model, "derivatives")
    return model in REGION_MODELS.load().names()
