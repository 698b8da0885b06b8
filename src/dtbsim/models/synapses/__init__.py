"""Synapse models: tables, functions for what spikes do, and the registry."""

from dtbsim.models.synapses.base import (
    WEIGHT_MAX,
    ModulatedSynapse,
    PlasticSynapse,
    SourceSynapse,
    StatefulSynapse,
    SynapseModel,
)
from dtbsim.models.synapses.registry import SYNAPSE_MODELS
from dtbsim.models.synapses.tables import (
    WEIGHT,
    Decay,
    Modulator,
    SourceState,
    SynapseParameter,
    SynapseState,
    Trace,
)

__all__ = [
    "SYNAPSE_MODELS",
    "WEIGHT",
    "WEIGHT_MAX",
    "Decay",
    "ModulatedSynapse",
    "Modulator",
    "PlasticSynapse",
    "SourceState",
    "SourceSynapse",
    "StatefulSynapse",
    "SynapseModel",
    "SynapseParameter",
    "SynapseState",
    "Trace",
]
