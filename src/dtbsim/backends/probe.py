"""A few neurons of one model, stepped by its kernel without a network: how it answers to currents and events."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import nearest_step
from dtbsim.errors import InputError
from dtbsim.kernels.update_kernel import get_update_kernel
from dtbsim.models import NeuronModel, State

F64 = NDArray[np.float64]
STEPS_MS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Time steps that are tried: the largest that the model takes."""
CURVE_MS = 1000.0
TRACE_MS = 100.0
EVENT_MS = 10.0
HIGH_RATE_HZ = 100.0
_POINTS = 64
_KERNEL = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 7)


@dataclass(frozen=True)
class Curve:
    """A line to draw: x and y float64[n], what they are with units, and in words what was done."""

    x: F64
    y: F64
    x_label: str
    y_label: str
    title: str


class Probe:
    """`n` neurons with the model's default parameters; every port's weights are in units of `quantum`."""

    def __init__(self, model: NeuronModel, n: int, dt_ms: float, quantum: float = 1.0) -> None:
        self.model, self.n = model, n
        self._kernel = get_update_kernel(model, use_stim=model.uses_current)
        self._C = self._kernel.pack_constants(model.constants({}, dt_ms), [quantum] * len(model.inputs))
        rows: list[str] = [row.dtype for row in model.states]
        offsets = [n * rows[:k].count(dtype) for k, dtype in enumerate(rows)]
        self._F, self._I = (np.zeros(max(1, n * rows.count(dtype)), kind) for dtype, kind in _DTYPES)
        self.input = np.zeros((max(1, len(model.inputs)), n), np.int32)
        self.current = np.zeros(n, np.float32)
        self._spiked = np.zeros(n, np.uint8)
        self._G = np.array([n, 0, 0, 0, *offsets, *(n * c for c in range(len(model.inputs)))], np.int64)
        for row, offset in zip(model.states, offsets, strict=True):
            array = self._F if row.dtype == "f32" else self._I
            array[offset : offset + n] = model.initial_states({})[row.name]
        self._offsets = {row.name: offset for row, offset in zip(model.states, offsets, strict=True)}
        arrays = (self._F, self._I, self.input, self.current, self._spiked, self._G, self._C)
        self._addresses = tuple(array.ctypes.data for array in arrays)
        self._call = _KERNEL(self._kernel.address)

    def step(self) -> NDArray[np.uint8]:
        """Advance one step; returns the spike flags, uint8[n], valid until the next step."""
        self._call(*self._addresses)
        return self._spiked

    def state(self, name: str) -> Any:
        """Values of a state as a user sees them, float64[n]."""
        at, arena = self._offsets[name], self._F if self.model.state(name).dtype == "f32" else self._I
        return self.model.recorded(name, arena[at : at + self.n], {})

    def valid(self) -> NDArray[np.bool_]:
        """Whether all float states of a neuron are finite, bool[n]."""
        names = [row.name for row in self.model.states if row.dtype == "f32"]
        finite = [np.isfinite(self._F[self._offsets[name] :][: self.n]) for name in names]
        return np.logical_and.reduce(finite) if finite else np.ones(self.n, dtype=bool)


_DTYPES: tuple[tuple[str, Any], ...] = (("f32", np.float32), ("i32", np.int32))


def picture_of(model: NeuronModel) -> Curve | None:
    """Return the f-I curve of a model that a current makes fire, else its answer to an event; None without a state.

    Raises InputError where the defaults of the model cannot be run.
    """
    if model.is_source or not model.states:
        return None
    dt_ms = fitting_step_ms(model)
    curve = f_i_curve(model, dt_ms) if model.uses_current else None
    return curve if curve is not None else answer_to_an_event(model, dt_ms)


def fitting_step_ms(model: NeuronModel) -> float:
    """Return the largest of `STEPS_MS` that the model takes with its defaults; the last error if there is none."""
    failure: InputError | None = None
    for dt_ms in STEPS_MS:
        try:
            model.check({}, dt_ms)
        except InputError as error:
            failure = error
        else:
            return dt_ms
    assert failure is not None
    raise failure


def f_i_curve(model: NeuronModel, dt_ms: float) -> Curve | None:
    """Return spikes in a second against a constant current, None if no current makes the model fire twice.

    The range ends where the rate reaches 100 Hz, or at twice the current that fires first.
    """
    wide = np.concatenate([[0.0], np.geomspace(1e-3, 1e5, _POINTS - 1)])
    rates, valid = _rates(model, dt_ms, wide)
    usable = valid.argmin() if not valid.all() else _POINTS
    firing = np.flatnonzero(rates[:usable] >= 2.0)
    if firing.size == 0:
        return None
    fast = np.flatnonzero(rates[:usable] >= HIGH_RATE_HZ)
    first = wide[max(int(firing[0]), 1)]
    top = _round_up(max(float(wide[fast[0]]) if fast.size else 2.0 * first, 1.2 * first))
    currents = np.asarray(np.linspace(0.0, top, _POINTS), dtype=np.float64)
    rates, _ = _rates(model, dt_ms, currents)
    return Curve(
        currents,
        rates,
        f"I_stim ({model.current_unit})",
        "spikes in 1 s",
        f"rate against a constant current, defaults, dt {dt_ms:g} ms",
    )


def _rates(model: NeuronModel, dt_ms: float, currents: F64) -> tuple[F64, NDArray[np.bool_]]:
    """Return spikes per second of a second, and whether all states stayed finite; one neuron per current."""
    probe = Probe(model, currents.size, dt_ms)
    probe.current[:] = currents
    total = np.zeros(currents.size, dtype=np.int64)
    for _ in range(nearest_step(CURVE_MS, dt_ms)):
        total += probe.step()
    return total.astype(np.float64) * (1e3 / CURVE_MS), probe.valid()


def _round_up(value: float) -> float:
    """Return the next 1, 1.5, 2, 3, 5, 7 or 10 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(m * power for m in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0) if m * power >= value * (1 - 1e-9)))


def answer_to_an_event(model: NeuronModel, dt_ms: float) -> Curve:
    """Return the first state over 100 ms in which an event arrives at the first port.

    It is as strong as it can be without a spike: 1, 2 or 5 times a power of ten. Without ports: the state by itself.
    """
    state = _first_state(model)
    weights = [m * 10.0**k for k in range(3, -6, -1) for m in (5.0, 2.0, 1.0)] if model.receptors else [0.0]
    for weight in weights:
        values, spikes, valid = _trace(model, dt_ms, weight)
        if valid and not spikes:
            break
    title = f"{state.name} by itself, defaults, dt {dt_ms:g} ms"
    if model.receptors:
        port = model.receptors[0]
        title = f"an event of {weight:g} {port.weight_unit} at port {port.name}, defaults, dt {dt_ms:g} ms"
    times_ms = dt_ms * np.arange(1, values.size + 1, dtype=np.float64)
    return Curve(times_ms, values, "time (ms)", f"{state.name}", title)


def _first_state(model: NeuronModel) -> State:
    """The first that is a float, as potentials are, but of models of whole numbers."""
    return next((row for row in model.states if row.dtype == "f32"), model.states[0])


def _trace(model: NeuronModel, dt_ms: float, weight: float) -> tuple[F64, int, bool]:
    """Return the first state at the end of every step, the number of spikes, and whether all stayed finite."""
    probe = Probe(model, 1, dt_ms, weight or 1.0)
    state = _first_state(model).name
    values, spikes = np.zeros(nearest_step(TRACE_MS, dt_ms)), 0
    event = nearest_step(EVENT_MS, dt_ms) if weight else -1
    for step in range(values.size):
        if step == event:
            probe.input[model.receptors[0].channel, 0] = 1
        spikes += int(probe.step()[0])
        values[step] = probe.state(state)[0]
    return values, spikes, bool(probe.valid().all())
