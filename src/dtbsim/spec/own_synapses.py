"""Projections whose synapses are of a user's own model: its file is imported, and its parameters are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dtbsim.config.explain import explain
from dtbsim.config.locate import Problem
from dtbsim.config.network import Projection
from dtbsim.config.own_synapse import OwnSynapse
from dtbsim.config.run import RunConfig
from dtbsim.config.strict import checked
from dtbsim.config.synapses import SynapseConfig
from dtbsim.errors import InputError
from dtbsim.models.own import code_of_class
from dtbsim.models.synapses.config import config_class
from dtbsim.models.synapses.own import find_synapse
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.places import Places


def with_known_synapse(config: RunConfig, name: str, item: Projection, numbers: Numbers) -> Projection:
    """Return projection `name` with the configuration class of its synapse model in place of `model`, `parameters`.

    InputError where the model or a parameter does not fit.
    """
    if not isinstance(item.synapse, OwnSynapse):
        return item
    known = _configured(item.synapse, numbers.base, f"projections.{name}.synapse", numbers.places)
    if not known.plastic:
        _check_unchanged(config, name, numbers.places)
    return item.model_copy(update={"synapse": known})


def _check_unchanged(config: RunConfig, name: str, places: Places) -> None:
    """InputError where something needs weights that change and names this projection, whose weights do not."""
    records = {f"record.weights.{index}": item.projection for index, item in enumerate(config.record.weights)}
    scaled = {
        f"controllers.{key}": controller.projection_named()
        for key, controller in config.controllers.items()
        if controller.needs_plastic
    }
    for path, named in {**records, **scaled}.items():
        if named == name:
            raise places.error(f"{path}.projection", f"the weights of projection '{name}' do not change")


def _configured(given: OwnSynapse, base: Path, path: str, places: Places) -> SynapseConfig:
    try:
        model = find_synapse(given.model, base)
    except InputError as error:
        raise places.at(f"{path}.model", error) from None
    made = config_class(model)
    data: dict[str, Any] = {**given.parameters, **({"frozen_ms": given.frozen_ms} if given.frozen_ms else {})}
    try:
        with code_of_class(type(model), "the parameters cannot be checked"):
            return _checked(made, data, given, path, places)
    except InputError as error:
        raise error if error.where and error.where.startswith(places.where(path)) else places.at(path, error) from None


def _checked(
    made: type[SynapseConfig], data: dict[str, Any], given: OwnSynapse, path: str, places: Places
) -> SynapseConfig:
    try:
        return checked(made, data)
    except ValidationError as error:
        first: Problem = explain(error, made, data)[0]
    own = [] if first.path[:1] == ("frozen_ms",) or not first.path else ["parameters"]
    raise places.error(".".join([path, *own, *first.path]), first.message, first.remedy)
