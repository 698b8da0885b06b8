"""What the equations of a neuron model are, for formats that integrate them themselves.

`update` of a model is a step of a scheme; here are the differential equations that it solves, as functions of the same
checked subset, so that one text gives LEMS and, evaluated, the check that they are those of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Function = Callable[..., Any]
Kind = Literal["exp_current", "alpha_current", "exp_conductance", "alpha_conductance", "nmda_conductance"]


@dataclass(frozen=True)
class Synapse:
    """A port whose synapses give a current of their own: its shape, time constant and reversal potential."""

    kind: Kind
    tau: str
    reversal: str | None = None
    magnesium: str | None = None


@dataclass(frozen=True)
class Jump:
    """A port whose spikes add their weight, times `factor`, to a state."""

    state: str
    factor: float = 1.0


@dataclass(frozen=True)
class Form:
    """The equations of a model.

    Attributes:
        states: those that `rates` gives the derivatives of, per ms, in its order; the first is the potential.
        rates: of states, parameters, and `I`, the current of all synapses and injections.
        spike: whether a neuron outside its refractory period spikes; `slope` is the derivative of the first state.
        reset: new values of `changed` at a spike.
        changed: states that a spike changes.
        held: states that stay as they are during the refractory period `t_ref`.
        ports: how spikes act, by port; None: every port of the model as `port`.
        starts: states that begin at 0 where `initial` of the model does not say otherwise are not listed.
        helpers: functions that those above call.
    """

    states: tuple[str, ...]
    rates: Function
    spike: Function
    reset: Function | None = None
    changed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    t_ref: str | None = None
    ports: Mapping[str, Synapse | Jump] = field(default_factory=dict)
    each_port: Kind | None = None
    helpers: tuple[Function, ...] = ()


def both(kind: Kind) -> dict[str, Synapse | Jump]:
    """Ports `ex` and `in` of one shape."""
    conductance = kind.endswith("conductance")
    return {port: Synapse(kind, f"tau_syn_{port}_ms", f"E_{port}_mV" if conductance else None) for port in ("ex", "in")}
