"""`dtbsim kinds`: what is registered, built in and from other packages, and what each kind takes."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import show, table
from dtbsim.errors import EXIT_OK, InputError, did_you_mean

if TYPE_CHECKING:
    from dtbsim.registry import Registry

_REGISTRIES = {
    "neurons": ("dtbsim.models.registry:MODELS", "populations.NAME.model"),
    "regions": ("dtbsim.models.region_registry:REGION_MODELS", "populations.NAME.model"),
    "synapses": ("dtbsim.models.synapses:SYNAPSE_MODELS", "projections.NAME.synapse"),
    "rules": ("dtbsim.models.connections:CONNECTION_RULES", "projections.NAME.rule"),
    "drives": ("dtbsim.models.drives:DRIVES", "drives.NAME"),
    "circuits": ("dtbsim.models.circuits:CIRCUITS", "circuits.NAME"),
    "signals": ("dtbsim.config.signals:SIGNALS", "signals.NAME"),
    "controllers": ("dtbsim.config.controllers:INTERVENTIONS", "controllers.NAME"),
    "partitioners": ("dtbsim.partition:PARTITIONERS", "simulation.partitioner"),
    "objectives": ("dtbsim.fitting.objectives:OBJECTIVES", "dtbsim fit --objective"),
    "exporters": ("dtbsim.interchange.registry:EXPORTERS", "dtbsim export --to"),
    "importers": ("dtbsim.interchange.registry:IMPORTERS", "dtbsim import --from"),
    "chips": ("dtbsim.chips.registry:CHIPS", "dtbsim map --to"),
    "map_exporters": ("dtbsim.mapping.export:MAP_EXPORTERS", "dtbsim map --export"),
}
"""The registries by what the command calls them, each with the key of a configuration that names one."""
SORTS = tuple(_REGISTRIES)


def import_registries() -> None:
    """Import every module that has a registry, so that all groups of entry points are known."""
    for place, _ in _REGISTRIES.values():
        import_module(place.partition(":")[0])


def list_kinds(sort: str | None) -> int:
    """Print a line per registered object of one sort, or of all, with the package that it comes from."""
    for number, name in enumerate(SORTS if sort is None else [_known(sort)]):
        registry, key = _registry(name)
        rows = []
        for kind in registry.names():
            origin = registry.origin(kind) or "dtbsim"
            try:
                rows.append((kind, origin, _summary(name, kind, registry.find(kind))))
            except InputError as error:  # of another package, and broken: the others can be used
                rows.append((kind, origin, str(error)))
        show(*([""] if number else []), f"{name}: {key}", table((registry.what, "of", "what it is"), rows))
    return EXIT_OK


def show_kind(sort: str, name: str) -> int:
    """Print what one kind is and takes."""
    registry, key = _registry(_known(sort))
    found = registry.find(name)
    if sort in ("neurons", "regions", "synapses"):
        from dtbsim.cli.catalogue import show_model

        return show_model(name, picture=False)
    origin = registry.origin(name) or "dtbsim"
    show(f"{key}: {name}, of {origin}", _summary(sort, name, found))
    config = getattr(found, "config", None)
    if config is None:
        return EXIT_OK
    with installed():
        from dtbsim.config.reference import rows_of

    rows = [(_plain(key), _plain(takes), _plain(default), meaning) for key, takes, default, meaning in rows_of(config)]
    show("", table(("key", "takes", "default", "meaning"), rows))
    return EXIT_OK


def _known(sort: str) -> str:
    if sort not in _REGISTRIES:
        raise InputError(f"no sort of kinds '{sort}'", remedy=did_you_mean(sort, SORTS))
    return sort


def _registry(sort: str) -> tuple[Registry[Any], str]:
    place, key = _REGISTRIES[sort]
    module, _, name = place.partition(":")
    with installed():
        return getattr(import_module(module), name), key


def _summary(sort: str, name: str, value: Any) -> str:
    """The first sentence about a registered object."""
    if sort == "neurons":
        from dtbsim.models import example_model

        return example_model(name).summary
    if sort == "regions":
        return str(value.summary)
    if sort == "chips":
        return str(value.description)
    if sort == "objectives":
        return str(value.label)
    described = [getattr(value, "model", None), getattr(value, "config", None)]
    described.append(value if isinstance(value, type) else type(value))
    said = next(filter(None, (inspect.getdoc(item) for item in described if item is not None)), "")
    return _plain(said.partition("\n")[0])


def _plain(text: str) -> str:
    """Markdown without its links and code marks."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("`", "")
