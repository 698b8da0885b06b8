"""What a synapse model is: tables, derived constants, and what spikes of its ends do.

The functions are written once, in the Python subset of `dtbsim.models.language.subset`, and translated for every
device. A plastic one, complete:

    class Hebbian(PlasticSynapse):
        \"""Pairs of spikes potentiate, whichever comes first; every spike of the source costs a little.\"""

        name = "hebbian"
        parameters = (
            SynapseParameter("gain", WEIGHT, None, "potentiation by a pair", low=0),
            SynapseParameter("cost", WEIGHT, 0.0, "depression by a spike of the source", low=0),
            SynapseParameter("tau_ms", "ms", 20.0, "time constant of both traces", low=0, open_low=True),
            WEIGHT_MAX,
        )
        traces = (
            Trace("pre", "source", "tau_ms", read_by="target"),
            Trace("post", "target", "tau_ms", read_by="source"),
        ))

        @staticmethod
        def on_target_spike(w, pre, gain):
            return w + gain * pre

        @staticmethod
        def on_source_spike(w, post, gain, cost):
            return w + gain * post - cost
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from dtbsim.models.synapses.tables import (
    WEIGHT,
    Decay,
    End,
    Modulator,
    SourceState,
    SynapseParameter,
    SynapseState,
    Trace,
)

Values = Mapping[str, float]

WEIGHT_MAX = SynapseParameter("weight_max", WEIGHT, None, "largest weight, in the unit of the weight and with its sign")
"""The bound that every plastic synapse has."""


class SynapseModel:
    """Common to all synapse models; instances are immutable and shared. The docstring describes the rule to users.

    The functions take, in any order, what the kind of model offers and names of parameters and derived constants, as
    float32. Parameters whose unit is that of the weight come in the unit of `w`, sizes of `weight_max` included.
    """

    name: str
    citation: str = ""
    parameters: tuple[SynapseParameter, ...] = ()
    derived: tuple[str, ...] = ()
    """Names of the constants that `derive` computes."""
    functions: tuple[Callable[..., Any], ...] = ()
    """Functions that the others may call by name, each those before it; they take and give float32."""
    entry_points: tuple[str, ...] = ()
    """Names of the functions that a kind of model has."""

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the constants of the table `derived`, in float64.

        Entries of `p` are as functions get them; `weight_unit` is the weight, in its own unit, of w = 1.
        """
        return {}

    def check_together(self, p: Mapping[str, Any]) -> None:
        """Raise InputError for parameters, in the user's units, that do not go together."""

    def parameter(self, name: str) -> SynapseParameter:
        """Return a row of the table of parameters."""
        return next(row for row in self.parameters if row.name == name)

    @cached_property
    def constant_names(self) -> tuple[str, ...]:
        """Parameters and derived constants that the functions take, in the order of the tables."""
        taken = {name for entry in self.entry_points for name in inspect.signature(getattr(self, entry)).parameters}
        known = [row.name for row in self.parameters if row.unit != "population"] + list(self.derived)
        return tuple(name for name in known if name in taken)

    def constants(self, p: Values, weight_unit: float) -> list[float]:
        """Return the values of `constant_names` from complete parameters as functions get them."""
        values = {**p, **self.derive(p, weight_unit)}
        return [values[name] for name in self.constant_names]


class SourceSynapse(SynapseModel):
    """What a spike transmits depends on the history of its source alone; weights do not change.

    `on_source_spike` takes the states as the previous spike has left them, the decays, and constants; it returns the
    new states in the order of the table, then the share of the weight (0 to 1) that the spike transmits.
    """

    entry_points = ("on_source_spike",)
    states: tuple[SourceState, ...] = ()
    decays: tuple[Decay, ...] = ()

    @staticmethod
    def on_source_spike(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Advance the states of the source and say what its spike transmits."""
        raise NotImplementedError("a synapse of this kind defines `on_source_spike`")

    def initial_states(self, p: Values) -> list[float]:
        """Return the states before the first spike."""
        return [p[row.default] if isinstance(row.default, str) else row.default for row in self.states]


class PlasticSynapse(SynapseModel):
    """The weight changes with the spikes of both ends; a spike transmits the weight that it has left.

    The functions take the weight `w` (its size, 0 or more, in whatever unit), traces of the table and constants, and
    return the new weight, which is then rounded and bounded by 0, or the parameter `weight_min`, and `weight_max`.
    """

    entry_points: tuple[str, ...] = ("on_target_spike", "on_source_spike")
    traces: tuple[Trace, ...] = ()
    pairs_only: bool = False
    """Promises that a spike changes nothing where the other end has had none before: such synapses are passed over."""
    modulator: Modulator | None = None
    """Makes the functions change an eligibility instead of the weight, see `ModulatedSynapse`."""

    @staticmethod
    def on_target_spike(*args: Any, **kwargs: Any) -> Any:
        """Return the weight after a spike of the target."""
        raise NotImplementedError("a plastic synapse defines `on_target_spike`")

    @staticmethod
    def on_source_spike(*args: Any, **kwargs: Any) -> Any:
        """Return the weight after a spike of the source."""
        raise NotImplementedError("a plastic synapse defines `on_source_spike`")

    def trace(self, end: End, read_by: End) -> Trace | None:
        """Return the trace of one end that spikes of one end read."""
        return next((row for row in self.traces if (row.of, row.read_by) == (end, read_by)), None)


class StatefulSynapse(PlasticSynapse):
    """Every synapse has states of its own beside its weight, which change with the spikes of both ends and in between.

    At every spike of either end `between` is called first, with the time since the last one (since the beginning of
    the run, at the first one), then the function of that end. All of them take the weight `w`, states of the table and
    constants, `between` also `interval_ms`; they return the new weight, then all states in the order of the table. The
    weight is then rounded and bounded, as that of other plastic synapses; a spike of the source transmits it.

    A spike of the source reaches the synapse when it arrives, after the whole delay; one of the target a step after it
    was emitted. So with a delay of one step pairs count by t_post - t_pre.
    """

    entry_points = ("between", "on_target_spike", "on_source_spike")
    states: tuple[SynapseState, ...] = ()

    @staticmethod
    def between(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return weight and states after `interval_ms` without a spike."""
        raise NotImplementedError("a synapse of this kind defines `between`")

    def initial_states(self, p: Values) -> list[float]:
        """Return the states at the beginning of a run; entries of `p` as functions get them."""
        return [p[row.default] if isinstance(row.default, str) else row.default for row in self.states]


class ModulatedSynapse(PlasticSynapse):
    """Pairs of spikes leave an eligibility, which the spikes of a third population turn into weights.

    The functions return what a spike adds to the eligibility, as a multiple of the trace of the other end as its last
    spike has left it: it is proportional to that trace, and faded by the time since.
    """

    pairs_only = True
    modulator: Modulator
