"""Pickling of compiled networks for other processes of this program: models are found again there, not copied.

Models and connection rules are immutable and shared, and code compares and caches them by identity. So a pickle holds
how to find them: by name, as an object of a module, or as a class of a user's file, which is imported there too.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError
from dtbsim.models.base import NeuronModel
from dtbsim.models.connections import CONNECTION_RULES, ConnectionRule
from dtbsim.models.own import PREFIX, find_model, load_file
from dtbsim.models.registry import recipe_of
from dtbsim.models.synapses import SynapseModel
from dtbsim.models.synapses.own import find_synapse

_SHARED = NeuronModel, SynapseModel, ConnectionRule


class ReferencePickler(pickle.Pickler):
    """As `pickle.Pickler`, with references to models."""

    def reducer_override(self, value: Any) -> Any:
        """How a value is made again; NotImplemented: as usual."""
        if isinstance(value, _SHARED):
            found = _reference(value)
            return NotImplemented if found is None else found
        if isinstance(value, type) and value.__module__.startswith(PREFIX):
            return _of_file, (_file_of(value.__module__), value.__module__, value.__qualname__)
        return NotImplemented


def _reference(value: NeuronModel | SynapseModel | ConnectionRule) -> Any:
    """A function and its arguments that give this very object; None: there are none."""
    recipe = recipe_of(value) if isinstance(value, NeuronModel) else None
    if recipe is not None:
        return find_model, recipe
    module = type(value).__module__
    names = [name for name, other in vars(sys.modules[module]).items() if other is value]
    if names and module.startswith(PREFIX):
        return _of_file, (_file_of(module), module, names[0])
    if names:
        return _of_module, (module, names[0])
    kind = type(value)
    if isinstance(value, SynapseModel) and find_synapse(type(value)) is value:
        return find_synapse, (kind,)
    if isinstance(value, ConnectionRule) and not vars(value):
        return _of_rules, (str(value.kind), kind)
    return None


def _file_of(module: str) -> str:
    return str(Path(sys.modules[module].__file__ or "").absolute())


def _of_module(module: str, name: str) -> Any:
    __import__(module)
    return getattr(sys.modules[module], name)


def _of_rules(kind: str, rule: type[ConnectionRule]) -> ConnectionRule:
    found = CONNECTION_RULES.find(kind)
    return found if type(found) is rule else _made(rule)


_RULES: dict[type, ConnectionRule] = {}


def _made(rule: type[ConnectionRule]) -> ConnectionRule:
    return _RULES.setdefault(rule, rule())


def _of_file(file: str, module: str, name: str) -> Any:
    """A class of a user's file of models. Raises InputError where the file is not what it was for the first rank."""
    found = load_file(Path(file)).module
    if found.__name__ != module:
        raise InputError(
            "this file of models is another one than that of the first rank of the node",
            where=file,
            remedy="leave files as they are while runs start",
        )
    value: Any = found
    for part in name.split("."):
        value = getattr(value, part)
    return value
