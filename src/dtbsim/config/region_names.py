"""Which model names of a configuration are region models, as far as a name alone tells."""

from __future__ import annotations

from typing import Any

from dtbsim.registry import Later

REGION_MODELS = Later("dtbsim.models.region_registry:REGION_MODELS")


def names_neurons(model: Any) -> bool:
    """Whether a model is a neuron model for sure: a name that is no region model's, or an object with ports."""
    if not isinstance(model, str):
        return hasattr(model, "receptors")
    if ":" in model or "/" in model or model.endswith(".py"):
        return False
    return model not in REGION_MODELS.load().names()


def names_regions(model: Any) -> bool:
    """Whether a model is a region model for sure."""
    if not isinstance(model, str):
        return hasattr(model, "derivatives")
    return model in REGION_MODELS.load().names()
