"""What a region model is: tables, and the drift of one region as one scalar function.

`derivatives` is written once, in the Python subset of `dtbsim.models.language.subset`; integrators are made from it for
every device. A subclass gives the tables and the function; everything else has a default:

    class Leaky(RegionModel):
        name = "leaky"
        summary = "Leaky rate unit"
        parameters = (Parameter("tau_ms", "ms", 10.0, "time constant", low=0, open_low=True),)
        states = (RegionState("r", "1", "activity"),)
        inputs = (RegionInput("network", "1", "input of other regions"),)
        couples = (("r", "network"),)

        @staticmethod
        def derivatives(r, in_network, tau_ms):
            return (in_network - r) / tau_ms
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.base import TableModel, Values
from dtbsim.models.region_tables import (
    SIGNALS,
    Integrator,
    Lookup,
    Noise,
    Output,
    OwnDelay,
    Read,
    RegionInput,
    RegionState,
)

Rates = dict[str, float | npt.NDArray[np.float64]]


class RegionModel(TableModel):
    """One region model; instances are immutable and shared.

    Class attributes are the tables. Arguments of `derivatives` and `output`, in any order: states by name, `in_<input>`
    (float32, the sum that arrives there, the same in all stages of a step), optionally `I_stim` (float32, the drives
    of this step, in `stimulus_unit`), names of `delays`, and names of parameters, derived constants or `dt_ms`.
    `derivatives` returns the derivatives of all states in their order, in units per ms; `output` the values of
    `outputs` in their order.
    """

    states: tuple[RegionState, ...]
    inputs: tuple[RegionInput, ...] = ()
    outputs: tuple[Output, ...] = ()
    couples: tuple[tuple[str, str], ...] = ()
    """Of a coupling that names none: (variable that regions send, input that it arrives at) pairs, all coupled."""
    coupling: str = "linear"
    """Function of a coupling that names none."""
    delays: tuple[OwnDelay, ...] = ()
    """Own states of some time ago that the functions take."""
    lookups: tuple[Lookup, ...] = ()
    """Functions that are tables."""
    reads: tuple[Read, ...] = ()
    noise: tuple[Noise, ...] = ()
    """What a configuration's `noise` is without being told more: target, kind and size in the model's paper."""
    integrator: Integrator = "heun"
    """Scheme where none is named."""
    stimulus_unit: str = "1"
    equivalents: tuple[tuple[str, str], ...] = ()
    """Simulators and what the model is called there."""
    each = "regions"

    @staticmethod
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        """Return the derivatives of all states."""
        raise NotImplementedError("a region model defines `derivatives`")

    @staticmethod
    def output(*args: Any, **kwargs: Any) -> Any:
        """Return the values of `outputs`."""
        return ()

    # -- what subclasses may extend ------------------------------------------------------------------------------

    def decays(self, p: Values) -> Rates:
        """Return the rate (1/ms) at which states decay by a linear term -rate x, for the exponential integrator.

        With complete parameters `p`; states that are not named have no such term. {}: the scheme does not apply.
        """
        return {}

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64] | None:
        """Return the largest step: that in which explicit schemes are stable for the decays, if there are any."""
        rates = [np.asarray(rate, np.float64) for rate in self.decays(p).values()]
        if not rates:
            return None
        fastest = np.maximum.reduce(np.broadcast_arrays(*rates))
        return np.where(fastest > 0.0, 2.0 / np.where(fastest > 0.0, fastest, 1.0), np.inf)

    # -- what the simulator calls --------------------------------------------------------------------------------

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Names of the arguments of `derivatives` and `output`, each once."""
        functions = (self.derivatives, self.output) if self.outputs else (self.derivatives,)
        return tuple(dict.fromkeys(name for function in functions for name in inspect.signature(function).parameters))

    @property
    def uses_stimulus(self) -> bool:
        """Whether the equations take an input current `I_stim`."""
        return "I_stim" in self.argument_names

    @property
    def integrators(self) -> tuple[Integrator, ...]:
        """The schemes that the model allows."""
        if any(row.instant for row in self.states):
            return ("euler",)
        explicit: tuple[Integrator, ...] = ("euler", "heun", "rk4")
        return (*explicit, "exponential") if self.decays(self.complete({})) else explicit

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of what can be sent and recorded: states, then outputs."""
        return (*(row.name for row in self.states), *(row.name for row in self.outputs))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what noise can act on: states, then inputs as `in_<name>`."""
        return (*(row.name for row in self.states if not row.instant), *(f"in_{row.name}" for row in self.inputs))

    def variable(self, name: str) -> RegionState | Output:
        """Return the row of a state or output; InputError with a suggestion when there is none."""
        rows: tuple[RegionState | Output, ...] = (*self.states, *self.outputs)
        for row in rows:
            if row.name == name:
                return row
        raise InputError(
            f"model '{self.name}' has no state or output '{name}'", remedy=did_you_mean(name, self.variables)
        )

    def input(self, name: str | None) -> RegionInput:
        """Return the input `name`, None: the first; InputError when there is none."""
        if not self.inputs:
            raise InputError(f"model '{self.name}' has no inputs")
        if name is None:
            return self.inputs[0]
        for row in self.inputs:
            if row.name == name:
                return row
        raise InputError(
            f"model '{self.name}' has no input '{name}'",
            remedy=did_you_mean(name, [row.name for row in self.inputs]),
        )

    def read(self, signal: str) -> Read:
        """Return what a signal is made of; InputError when the model declares nothing for it."""
        for row in self.reads:
            if row.signal == signal:
                return row
        known = ", ".join(row.signal for row in self.reads) or "none"
        raise InputError(
            f"model '{self.name}' declares no source of {signal.upper() if signal in SIGNALS[:4] else signal}",
            remedy=f"signals that it declares: {known}; name a variable, one of {', '.join(self.variables)}",
        )
