"""A user's own synapse model: `FILE.py:CLASS` of a configuration, or a class or instance given from Python."""

from __future__ import annotations

import inspect
from functools import lru_cache
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError
from dtbsim.models.own import NEURON, Kind, class_in, code_of_class, is_built_in, is_reference, split_reference
from dtbsim.models.own_check import place_of
from dtbsim.models.synapses.base import SynapseModel
from dtbsim.models.synapses.check import check_synapse
from dtbsim.models.synapses.registry import SYNAPSE_MODELS

SynapseObject = type[SynapseModel] | SynapseModel
SYNAPSE = Kind(
    "synapse model",
    (SynapseModel,),
    ("dtbsim.models.synapses.PlasticSynapse", "SourceSynapse", "StatefulSynapse", "ModulatedSynapse"),
)
EITHER = Kind("neuron or synapse model", (*NEURON.bases, *SYNAPSE.bases), (*NEURON.names, SYNAPSE.names[0]))


def find_synapse(given: str | SynapseObject, base_dir: Path | None = None) -> SynapseModel:
    """Return the model that a configuration means; the same object for the same file or class.

    `given` is a name of dtbsim's, `FILE.py:CLASS` (relative to `base_dir`, default the current folder), or a class or
    instance. Raises InputError, with file:line where it concerns a user's own model.
    """
    if isinstance(given, str) and not is_reference(given):
        return SYNAPSE_MODELS.find(given).model
    found: Any = class_in(*split_reference(given, base_dir), SYNAPSE) if isinstance(given, str) else given
    if found not in SYNAPSE:
        raise InputError(f"{found!r} is no synapse model", remedy="give FILE.py:CLASS, or a class of a synapse model")
    name = name_of_synapse(found)
    return _checked(found) if name is None else SYNAPSE_MODELS.find(name).model


def name_of_synapse(given: SynapseObject) -> str | None:
    """Return the name under which a class, or the model made of it, is registered, if it is."""
    for name, entry in SYNAPSE_MODELS.usable().items():
        if given is entry.model or given is type(entry.model):
            return name
    return None


@lru_cache(maxsize=256)
def _checked(given: Any) -> SynapseModel:
    kind = given if isinstance(given, type) else type(given)
    with code_of_class(kind, "the model cannot be made"):
        model = _instance_of(given)
        if not is_built_in(kind):
            check_synapse(model)
    return model


def _instance_of(given: SynapseObject) -> SynapseModel:
    if isinstance(given, SynapseModel):
        return given
    needed = [
        argument.name
        for argument in inspect.signature(given).parameters.values()
        if argument.default is inspect.Parameter.empty
        and argument.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    if needed:
        raise InputError(
            f"model '{given.__name__}' cannot be made without {', '.join(needed)}",
            where=place_of(given),
            remedy="a synapse model takes no arguments",
        )
    return given()
