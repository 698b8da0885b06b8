"""Which models exist, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.base import NeuronModel
from dtbsim.models.neurons.iaf_psc_exp import IafPscExp
from dtbsim.models.neurons.iaf_psc_exp_multisynapse import IafPscExpMultisynapse
from dtbsim.models.neurons.izhikevich import Izhikevich
from dtbsim.models.neurons.parrot_neuron import ParrotNeuron
from dtbsim.models.neurons.spike_source import PoissonSource, SpikeSource


@dataclass(frozen=True)
class Entry:
    """How to make a model; `example_receptors` stand in where a model with free ports is only shown."""

    make: Callable[..., NeuronModel]
    example_receptors: Mapping[str, float] | None = None


_ENTRIES: dict[str, Entry] = {}


def register_model(model: type[NeuronModel], *, example_receptors: Mapping[str, float] | None = None) -> None:
    """Make a model class known under its `name`; with `example_receptors` its constructor takes the ports.

    A name can be registered once.
    """
    if model.name in _ENTRIES:
        raise InputError(f"a model named '{model.name}' exists already", remedy="give the class another name")
    _ENTRIES[model.name] = Entry(model, example_receptors)


def list_models() -> list[str]:
    """Return the names of all models, sorted."""
    return sorted(_ENTRIES)


def get_model(name: str, receptors: Mapping[str, float] | None = None) -> NeuronModel:
    """Return the model `name`; the same object for the same arguments.

    `receptors` maps port names to tau_syn_ms, in order, for models with any number of ports.
    """
    entry = _ENTRIES.get(name)
    if entry is None:
        raise InputError(f"unknown model '{name}'", remedy=did_you_mean(name, _ENTRIES))
    if entry.example_receptors is None and receptors is not None:
        ports = ", ".join(row.name for row in _fixed(name).receptors) or "none"
        raise InputError(f"model '{name}' has fixed receptor ports ({ports})", remedy="remove `receptors`")
    if entry.example_receptors is None:
        return _fixed(name)
    if not receptors:
        example = ", ".join(f"{port}: {tau:g}" for port, tau in entry.example_receptors.items())
        raise InputError(
            f"model '{name}' needs receptor ports", remedy=f"give receptors: {{{example}}} (tau_syn in ms)"
        )
    return _with_ports(name, tuple((port, float(tau)) for port, tau in receptors.items()))


def example_model(name: str) -> NeuronModel:
    """Return the model, with example ports where it needs some (for listings and documentation)."""
    entry = _ENTRIES.get(name)
    return get_model(name, entry.example_receptors if entry else None)


@cache
def _fixed(name: str) -> NeuronModel:
    return _ENTRIES[name].make()


@cache
def _with_ports(name: str, receptors: tuple[tuple[str, float], ...]) -> NeuronModel:
    return _ENTRIES[name].make(dict(receptors))


register_model(IafPscExp)
register_model(IafPscExpMultisynapse, example_receptors={"ampa": 2.0, "nmda": 100.0, "gaba": 5.0})
register_model(Izhikevich)
register_model(SpikeSource)
register_model(PoissonSource)
register_model(ParrotNeuron)
