"""What a neuron model is: tables, derived constants and one scalar update function.

The update function is written once, in the Python subset of `dtbsim.models.language.subset`, and compiled for every
device from its source. A subclass gives the tables and the function; everything else has a default:

    class Leaky(NeuronModel):
        name = "leaky"
        summary = "Leaky integrator with a threshold"
        parameters = (Parameter("decay", "1", 0.9, "factor per step", low=0, high=1),)
        states = (State("v_mV", "mV", "membrane potential"),)
        receptors = (Receptor("syn", "mV", "jump of the potential", channel=0),)

        @staticmethod
        def update(v_mV, in_syn, decay):
            v = decay * v_mV + in_syn
            spiked = v >= 15.0
            return 0.0 if spiked else v, spiked
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State
from dtbsim.units import key_advice

Values = Mapping[str, float | npt.NDArray[np.float64]]
Constants = dict[str, float | npt.NDArray[np.float64]]

DT = Derived("dt_ms", "ms", "time step")
LARGEST_EXACT_INTEGER = 2**24
"""Integer constants travel as float32, exact up to here."""
MOST_SPIKES = 254
"""Most spikes of a neuron in one step; a byte counts them, and one more says that they were more."""
LARGEST_FLOAT = float(np.finfo(np.float32).max)

_Row = TypeVar("_Row", Parameter, State, Receptor)


def same_values(one: object, other: object) -> bool:
    """Whether two quantities, as `NeuronModel.simplify` gets them, are the same number for every neuron."""
    return bool(np.all(np.asarray(one, np.float64) == np.asarray(other, np.float64)))


class TableModel:
    """What models of neurons and of regions share: tables of quantities, and the constants made from them.

    Instances are immutable and shared. Class attributes are the tables.
    """

    name: str
    summary: str
    citation: str = ""
    integration: str = ""
    equations: str = ""
    parameters: tuple[Parameter, ...] = ()
    states: tuple[State, ...] = ()
    derived: tuple[Derived, ...] = ()
    functions: tuple[Callable[..., Any], ...] = ()
    """Functions that its equations may call by name, each those before it; they take and give float32."""
    fixed_parameters: frozenset[str] = frozenset()
    """Parameters that cannot change during a run; all others can."""
    each: str = "neurons"
    """What values of a parameter differ between, in messages."""

    # -- what subclasses may extend ------------------------------------------------------------------------------

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Return the constants of the table `derived` from complete parameters `p` (float64, scalar or (n,) arrays)."""
        return {}

    def check_together(self, p: Values, dt_ms: float) -> None:
        """Raise InputError for combinations of parameters that the model does not allow."""

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64] | None:
        """Return the largest time step with which the scheme is stable for parameters `p`, None: any (exact schemes).

        A number or one for each; `check` refuses a larger step.
        """
        return None

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """Return defaults that depend on other states: `initial` holds all states in the unit the user sees."""
        return {}

    def own_initial(self, given: Values) -> Values:
        """Return initial states of this form from those of the model that it simplifies."""
        return given

    # -- what the simulator calls --------------------------------------------------------------------------------

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Names of the arguments of its functions, each once."""
        raise NotImplementedError

    def parameter(self, name: str, value: object = None) -> Parameter:
        """Return the table row; InputError with a suggestion when there is none, `value` in the right unit."""
        return _row(self, "parameter", name, self.parameters, value)

    def state(self, name: str, value: object = None) -> State:
        """Return the table row; InputError with a suggestion when there is none, `value` in the right unit."""
        return _row(self, "state", name, self.states, value)

    def complete(self, p: Values) -> dict[str, float | npt.NDArray[np.float64]]:
        """Return `p` with defaults added, as float64; InputError for names that are not in the table."""
        for name in p:
            self.parameter(name)
        values: dict[str, float | npt.NDArray[np.float64]] = {}
        for row in self.parameters:
            value = np.asarray(p.get(row.name, row.default), dtype=np.float64)
            values[row.name] = float(value) if value.ndim == 0 else value
        return values

    def check(self, p: Values, dt_ms: float, *, where: str | None = None) -> None:
        """Raise InputError naming parameter, value and range if `p` (completed by defaults) is not allowed."""
        if not (math.isfinite(dt_ms) and dt_ms > 0):
            raise InputError(f"dt_ms is {dt_ms:g}; it must be above 0", where=where)
        values = self.complete(p)
        for row in self.parameters:
            _check_bounds(row, values[row.name], where, self.each)
        try:
            _check_step(self, self.largest_dt_ms(values), dt_ms)
            self.check_together(values, dt_ms)
            _check_representable(self.derived, self.derive(values, dt_ms))
            _check_parameters(self, values)
        except InputError as error:
            raise InputError(error.message, where=error.where or where, remedy=error.remedy) from None

    def constants(self, p: Values, dt_ms: float) -> Constants:
        """Return every constant that its functions take (with dt_ms): float64 scalars or (n,) arrays."""
        given = self.complete(p)
        values: Constants = dict(_as_arrays(given))
        values.update(self.derive(values, dt_ms))
        values[DT.name] = float(dt_ms)
        return _as_given({name: values[name] for name in self.constant_names}, given)

    @property
    def constant_names(self) -> tuple[str, ...]:
        """Names of the constants that its functions take, in the order of their arguments."""
        known = {row.name for row in self.parameters} | {row.name for row in (*self.derived, DT)}
        return tuple(name for name in self.argument_names if name in known)

    @property
    def integer_constants(self) -> frozenset[str]:
        """Derived constants that are integers there."""
        return frozenset(row.name for row in self.derived if row.dtype == "i32")

    def initial_states(self, p: Values, given: Values | None = None) -> dict[str, float | npt.NDArray[np.float64]]:
        """Return the initial internal value of every state: float64 scalar or (n,) array, offsets subtracted.

        `given` holds what the user set, in the units of the table; the rest comes from the table's defaults.
        """
        complete = self.complete(p)
        values = _as_arrays(complete)
        seen: dict[str, Any] = {
            row.name: values[row.default] if isinstance(row.default, str) else row.default for row in self.states
        }
        own = self.own_initial(given or {})
        for name, value in own.items():
            seen[self.state(name).name] = value
        seen.update({k: v for k, v in self.derive_initial(values, seen).items() if k not in own})
        started = {row.name: seen[row.name] - (values[row.offset] if row.offset else 0.0) for row in self.states}
        return _as_given(started, complete)

    def recorded(self, state: str, internal: Any, p: Values) -> Any:
        """Return internal values of a state in the unit the user sees (offset added, float64)."""
        row = self.state(state)
        offset = self.complete(p)[row.offset] if row.offset else 0.0
        return np.asarray(internal, dtype=np.float64) + offset


class NeuronModel(TableModel):
    """One neuron model; instances are immutable and shared.

    Class attributes are the tables. Arguments of `update`, in any order: all states by name, `in_<input>` (float32,
    synaptic input of this step in the receptor's weight unit) for every entry of `inputs`, optionally `I_stim`
    (float32, input current of this step in `current_unit`), and names of parameters, derived constants or `dt_ms`.
    It returns the new states in the order of `states`, then whether the neuron spiked (with `counts_spikes`: how often,
    float32).
    """

    receptors: tuple[Receptor, ...] = ()
    synaptic_currents: tuple[Current, ...] = ()
    """The currents through its synapses, for signals that are made of them, as EEG is; () where they are not known."""
    current_unit: str = "pA"
    is_source: bool = False
    """Whether it has no update: its spikes come from elsewhere, see `emits`."""
    emits: Literal["its own", "listed", "poisson"] = "its own"
    """Spikes: from `update`; from a list that the configuration gives; at random with the parameter `rate_hz`."""
    counts_spikes: bool = False
    """Whether a neuron can spike several times in a step: the last value of `update` is then their number."""
    default_receptor: str | None = None
    """Port of synapses that name none, where there are several."""
    bit_operations: bool = False
    """Whether `update` also takes & << >> of integers, and `float_bits` and `bits_float` of `language.elementary`."""

    @staticmethod
    def update(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Advance one neuron by one step."""
        raise NotImplementedError("a neuron model defines `update`")

    # -- what subclasses may extend ------------------------------------------------------------------------------

    def simplify(self, p: Values, initial: Values | None = None) -> NeuronModel:
        """Return an equivalent cheaper form for a population with parameters `p`, or this model itself.

        Both hold what the user set (None: nothing): numbers, or arrays of all values that occur; NaN stands for what is
        drawn or changes during the run, so that it equals nothing. The answer depends on these values alone, not on
        how they were written or on what is recorded. A form takes this model's parameters and initial states.
        """
        return self

    def with_states(self, names: Collection[str]) -> NeuronModel:
        """Return this form with the states `names` of the model that it simplifies, for those who record them.

        What is kept for them alone must change no other state by a bit.
        """
        own = {row.name for row in self.states}
        lacking = sorted(set(names) - own)
        if lacking:
            raise InputError(f"this form of model '{self.name}' has no state '{lacking[0]}'")
        return self

    # -- what the simulator calls --------------------------------------------------------------------------------

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Names of the arguments of `update`."""
        return tuple(inspect.signature(self.update).parameters)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input channels, `in_<name>` in `update`; by default one per receptor, of its name."""
        return tuple(receptor.name for receptor in self.receptors)

    n_watched_inputs: int = 0
    """So many of the last inputs feed states that are only recorded, in a form made by `with_states`."""
    watched: frozenset[str] = frozenset()
    """States of such a form that are only recorded."""

    @property
    def uses_current(self) -> bool:
        """Whether `update` takes an input current `I_stim`."""
        return "I_stim" in self.argument_names

    def receptor(self, name: str | None) -> Receptor:
        """Return the port `name`; None is allowed when there is one port only. InputError otherwise."""
        if name is None:
            if len(self.receptors) == 1:
                return self.receptors[0]
            ports = ", ".join(receptor.name for receptor in self.receptors) or "none"
            raise InputError(
                f"model '{self.name}' has these receptor ports: {ports}", remedy="say which: receptor: NAME"
            )
        return _row(self, "receptor", name, self.receptors)


def _as_arrays(values: Values) -> dict[str, npt.NDArray[np.float64]]:
    """Numbers as arrays of one: numpy's float64 and its arrays do not round alike in all functions (x**2)."""
    return {name: np.atleast_1d(np.asarray(value, dtype=np.float64)) for name, value in values.items()}


def _as_given(results: Mapping[str, Any], given: Values) -> Constants:
    """Results of arrays of one as numbers, unless something was given for one neuron as an array."""
    if any(np.shape(value) == (1,) for value in given.values()):
        return dict(results)
    return {name: float(np.ravel(value)[0]) if np.size(value) == 1 else value for name, value in results.items()}


def _row(model: TableModel, what: str, name: str, rows: Sequence[_Row], value: object = None) -> _Row:
    for row in rows:
        if row.name == name:
            return row
    names = [row.name for row in rows]
    advice = did_you_mean(name, names) if what == "receptor" else key_advice(name, names, value)
    raise InputError(f"model '{model.name}' has no {what} '{name}'", remedy=advice)


def _check_bounds(row: Parameter, value: float | npt.NDArray[np.float64], where: str | None, each: str) -> None:
    values = np.atleast_1d(value)
    below = values <= row.low if row.open_low else values < row.low
    broken = (values != np.rint(values)) if row.whole else False
    bad = values[~np.isfinite(values) | below | (values > row.high) | broken]
    if bad.size:
        allowed = row.range or "any finite number"
        many = f" (and {bad.size - 1} more {each})" if bad.size > 1 else ""
        unit = "" if row.unit == "1" else f" {row.unit}"
        raise InputError(f"{row.name} is {bad[0]:g}{unit}{many}; allowed: {allowed}", where=where)


def _check_step(model: TableModel, largest_ms: float | npt.NDArray[np.float64] | None, dt_ms: float) -> None:
    bound_ms = math.inf if largest_ms is None else float(np.min(largest_ms))
    if not dt_ms <= bound_ms * (1.0 + 1e-12):
        shown = _rounded_down(bound_ms)
        raise InputError(
            f"dt_ms is {dt_ms:g}; model '{model.name}' needs dt_ms <= {shown} with these parameters",
            remedy=f"set simulation.dt_ms to {shown} or less",
        )


def _rounded_down(value: float) -> str:
    """Return a positive number with four digits, none of which says more than it is."""
    if not (math.isfinite(value) and value > 0):
        return f"{value:g}"
    unit = 10.0 ** (math.floor(math.log10(value)) - 3)
    return f"{math.floor(value / unit + 1e-9) * unit:.4g}"


def _check_parameters(model: TableModel, values: Values) -> None:
    """Parameters that `update` takes as they are must be within float32, too; so must the initial states."""
    taken = set(model.constant_names)
    used = {row.name: (values[row.name], row.unit) for row in model.parameters if row.name in taken}
    if model.states:
        started = model.initial_states(values)
        used |= {f"the initial {row.name}": (started[row.name], row.unit) for row in model.states}
    for name, (value, unit) in used.items():
        sizes = np.abs(np.atleast_1d(np.asarray(value, dtype=np.float64)))
        if not (sizes <= LARGEST_FLOAT).all():
            raise InputError(f"{name} is {np.max(sizes):g} {unit} in size (largest allowed: {LARGEST_FLOAT:g})")


def _check_representable(rows: tuple[Derived, ...], constants: Constants) -> None:
    """Derived constants must survive the rounding to float32."""
    for row in rows:
        values = np.atleast_1d(np.asarray(constants[row.name], dtype=np.float64))
        limit = LARGEST_EXACT_INTEGER if row.dtype == "i32" else LARGEST_FLOAT
        bad = values[~(np.abs(values) <= limit)]
        if bad.size:
            raise InputError(f"the parameters give {row.name} = {bad[0]:g} {row.unit} (largest allowed: {limit:g})")
