"""Which models exist, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from dtbsim.arguments import number, refuse, text
from dtbsim.errors import InputError
from dtbsim.models.base import NeuronModel
from dtbsim.models.neurons.aeif_cond_exp import AeifCondExp
from dtbsim.models.neurons.amat2_psc_exp import Amat2PscExp
from dtbsim.models.neurons.glif_psc import Glif1Psc, Glif2Psc, Glif3Psc, Glif4Psc, Glif5Psc
from dtbsim.models.neurons.hh_cond_exp_traub import HhCondExpTraub
from dtbsim.models.neurons.hh_psc_alpha import HhPscAlpha
from dtbsim.models.neurons.iaf_cond_alpha import IafCondAlpha
from dtbsim.models.neurons.iaf_cond_exp import IafCondExp
from dtbsim.models.neurons.iaf_psc_alpha import IafPscAlpha
from dtbsim.models.neurons.iaf_psc_delta import IafPscDelta
from dtbsim.models.neurons.iaf_psc_exp import IafPscExp
from dtbsim.models.neurons.iaf_psc_exp_multisynapse import IafPscExpMultisynapse
from dtbsim.models.neurons.iaf_wang_2002 import IafWang2002
from dtbsim.models.neurons.izhikevich import Izhikevich
from dtbsim.models.neurons.izhikevich_2007 import Izhikevich2007
from dtbsim.models.neurons.lif_dtb import LifDtb
from dtbsim.models.neurons.loihi_lif import LoihiLif
from dtbsim.models.neurons.mat2_psc_exp import Mat2PscExp
from dtbsim.models.neurons.parrot_neuron import ParrotNeuron
from dtbsim.models.neurons.qif import Qif
from dtbsim.models.neurons.spike_source import PoissonSource, SpikeSource
from dtbsim.models.neurons.spinnaker_if_curr_exp import SpinnakerIfCurrExp
from dtbsim.models.neurons.theta import Theta
from dtbsim.models.neurons.truenorth import TrueNorth
from dtbsim.registry import Registry


@dataclass(frozen=True)
class Entry:
    """How to make a model; one with free ports has `example_receptors`, with which it is shown."""

    make: Callable[..., NeuronModel]
    example_receptors: Mapping[str, float] | None = None


def _entry(model: type[NeuronModel]) -> Entry:
    """The entry of a class; a class attribute `example_receptors` says that its constructor takes the ports."""
    return Entry(model, getattr(model, "example_receptors", None))


def _checked(name: str, value: object) -> Entry:
    if not (isinstance(value, type) and issubclass(value, NeuronModel)):
        raise TypeError("a neuron model is a subclass of dtbsim.models.NeuronModel")
    if value.name != name:
        raise TypeError(f"the class calls itself '{value.name}'; the entry point and its `name` must be the same")
    return _entry(value)


_AMPA_GABA = {"ampa": 2.0, "gaba": 5.0}
_AMPA_NMDA_GABA = {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0}
MODELS: Registry[Entry] = Registry(
    "dtbsim.neuron_models",
    "model",
    {
        **{
            model.name: Entry(model)
            for model in (
                AeifCondExp,
                Amat2PscExp,
                HhCondExpTraub,
                HhPscAlpha,
                IafCondAlpha,
                IafCondExp,
                IafPscAlpha,
                IafPscDelta,
                IafPscExp,
                IafWang2002,
                Izhikevich,
                Izhikevich2007,
                LifDtb,
                LoihiLif,
                Mat2PscExp,
                ParrotNeuron,
                PoissonSource,
                Qif,
                SpikeSource,
                SpinnakerIfCurrExp,
                Theta,
                TrueNorth,
            )
        },
        **{model.name: Entry(model, _AMPA_GABA) for model in (Glif1Psc, Glif2Psc, Glif3Psc, Glif4Psc, Glif5Psc)},
        IafPscExpMultisynapse.name: Entry(IafPscExpMultisynapse, _AMPA_NMDA_GABA),
    },
    _checked,
)


def register_model(model: type[NeuronModel], *, example_receptors: Mapping[str, float] | None = None) -> None:
    """Make a model class known under its `name`; with `example_receptors` its constructor takes the ports.

    A name can be registered once.
    """
    MODELS.add(model.name, Entry(model, example_receptors))


def list_models() -> list[str]:
    """Return the names of all models that can be used, sorted."""
    return sorted(MODELS.usable())


def get_model(name: str, receptors: Mapping[str, float] | None = None) -> NeuronModel:
    """Return the model `name`; the same object for the same arguments.

    `receptors` maps port names to tau_syn_ms, in order, for models with any number of ports.
    """
    entry = MODELS.find(text(name, "name"))
    receptors = None if receptors is None else _ports(receptors)
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


def _ports(receptors: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(receptors, Mapping):
        raise refuse(receptors, "receptors", "a mapping of names of ports to tau_syn_ms")
    ports = {text(port, "receptors"): tau for port, tau in receptors.items()}
    return {port: number(tau, f"receptors[{port!r}]") for port, tau in ports.items()}


def name_of(model: type[NeuronModel] | NeuronModel) -> str | None:
    """Return the name under which a class, or the model made of it without ports, is registered, if it is."""
    for name, entry in MODELS.usable().items():
        if model is entry.make or (entry.example_receptors is None and model is _fixed(name)):
            return name
    return None


def example_model(name: str) -> NeuronModel:
    """Return the model, with example ports where it needs some (for listings and documentation)."""
    return get_model(name, MODELS.find(name).example_receptors)


Recipe = tuple[str | type[NeuronModel], dict[str, float] | None]
_MADE: dict[NeuronModel, Recipe] = {}


def recipe_of(model: NeuronModel) -> Recipe | None:
    """Return the arguments with which `own.find_model` gives this very object; None where none are known."""
    return _MADE.get(model)


def remember(model: NeuronModel, recipe: Recipe) -> None:
    """Keep the arguments for `recipe_of`."""
    _MADE[model] = recipe


@cache
def _fixed(name: str) -> NeuronModel:
    model = MODELS.find(name).make()
    remember(model, (name, None))
    return model


@cache
def _with_ports(name: str, receptors: tuple[tuple[str, float], ...]) -> NeuronModel:
    model = MODELS.find(name).make(dict(receptors))
    remember(model, (name, dict(receptors)))
    return model
