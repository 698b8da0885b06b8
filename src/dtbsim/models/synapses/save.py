"""The text of a user's synapse model as it is kept in the folder of a run; see `dtbsim.models.own_save`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.models.own import class_in, is_reference, load_file, split_reference
from dtbsim.models.own_save import Saved, saved_class
from dtbsim.models.synapses.base import SynapseModel
from dtbsim.models.synapses.checked import checked_rule, needed_functions
from dtbsim.models.synapses.own import SYNAPSE, SynapseObject, find_synapse, name_of_synapse
from dtbsim.models.synapses.trial import trial_constants


def save_synapse(given: str | SynapseObject, base_dir: Path | None) -> Saved | str:
    """Return what to keep of the model that a projection was given, or the name of a model of dtbsim."""
    if isinstance(given, str):
        if not is_reference(given):
            return given
        file, name = split_reference(given, base_dir)
        return Saved(file.path.stem, file.text, name)
    built_in = name_of_synapse(given)
    if built_in is not None:
        return built_in
    return saved_class(type(find_synapse(given)), fingerprint(find_synapse(given)), _fingerprint_in)


def _fingerprint_in(path: Path, name: str) -> str:
    return fingerprint(find_synapse(class_in(load_file(path), name, SYNAPSE)))


def fingerprint(model: SynapseModel) -> str:
    """Return everything of a model that decides about weights, as far as trial values show it, as one text."""
    tables: list[Any] = [getattr(model, name, ()) for name in ("parameters", "states", "decays", "traces", "derived")]
    flags = [getattr(model, name, None) for name in ("entry_points", "pairs_only", "modulator")]
    functions = repr(checked_rule(model)), repr(needed_functions(model))
    return "\n".join([model.name, repr(tables), repr(flags), repr(trial_constants(model)), *functions])
