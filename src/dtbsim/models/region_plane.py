"""A region alone, in float64: points at rest and their stability, and what it does as a parameter changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.models.language.checked_region import checked_derivatives, own_region_functions
from dtbsim.models.language.evaluate import evaluate
from dtbsim.models.region_model import RegionModel

Array = NDArray[np.float64]
STARTS = 200
"""Points from which Newton's method looks for fixed points."""
SETTLE_MS, WATCH_MS = 3000.0, 1000.0
"""Of a simulated course: what is left out, and where its extrema are taken."""
_STEPS = 60
_ARRIVED = 1e-14
"""Share of the range below which another Newton step changes nothing."""
_SAME = 1e-5
"""Fixed points nearer than this share of the range that was searched are one."""


@dataclass(frozen=True)
class FixedPoint:
    """A point at rest: its states, in their order, and the eigenvalues (1/ms) of the drift there."""

    states: Array
    eigenvalues: NDArray[np.complex128]

    @property
    def growth(self) -> float:
        """Largest real part, 1/ms: stable below 0."""
        return float(self.eigenvalues.real.max())

    @property
    def kind(self) -> str:
        """Stable or unstable, node, spiral or saddle."""
        real = self.eigenvalues.real
        if real.min() < 0.0 < real.max() and abs(self.eigenvalues[real.argmax()].imag) < 1e-9:
            return "saddle"
        turning = "spiral" if abs(self.eigenvalues[real.argmax()].imag) > 1e-9 else "node"
        return f"{'stable' if self.growth < 0.0 else 'unstable'} {turning}"


class Node:
    """One region without input from others, with given parameters.

    Rates that follow the states at once (`instant`) follow them within about a step here, and what acts after an own
    delay acts without one: points at rest are those of the model, growth around them is without these delays.
    """

    def __init__(self, model: RegionModel, parameters: Mapping[str, float] | None = None, dt_ms: float = 0.1) -> None:
        """InputError for parameters that the model lacks or does not allow."""
        self.model = model
        self._instant = [row.instant for row in model.states]
        bound = model.largest_dt_ms(model.complete(dict(parameters or {})))
        self.dt_ms = dt_ms if bound is None else min(dt_ms, 0.5 * float(np.min(bound)))
        model.check(dict(parameters or {}), self.dt_ms)
        self.parameters = model.complete(dict(parameters or {}))
        self._function = checked_derivatives(model)
        self._known = {**own_region_functions(model), **{row.name: row for row in model.lookups}}
        self._given = {f"in_{row.name}": 0.0 for row in model.inputs} | {"I_stim": 0.0, "dt_ms": self.dt_ms}
        self.low = np.array([row.low for row in model.states])[:, None]
        self.high = np.array([row.high for row in model.states])[:, None]
        self.start = np.array([float(np.ravel(model.initial_states(self.parameters)[row.name])[0])
                               for row in model.states])  # fmt: skip

    def drift(self, x: Array, **changed: Any) -> Array:
        """d/dt (1/ms) of states [state, n]; `changed` parameters are arrays [n]."""
        parameters: dict[str, Any] = {**self.parameters, **changed}
        parameters |= self.model.derive(parameters, self.dt_ms)
        states = dict(zip([row.name for row in self.model.states], x, strict=True))
        late = {row.name: states[row.state] for row in self.model.delays}
        results = evaluate(self._function, {**self._given, **parameters, **states, **late}, self._known)
        found = np.array([np.broadcast_to(result, x.shape[1:]) for result in results])
        for k, instant in enumerate(self._instant):
            if instant:
                found[k] = (found[k] - x[k]) / self.dt_ms
        return found

    def course(self, x: Array, time_ms: float, keep: int = 1, **changed: Any) -> Array:
        """States [kept step, state, n] by Runge-Kutta of fourth order from x [state, n], each `keep`-th step."""
        h, found = self.dt_ms, []
        for step in range(int(time_ms / h)):
            k1 = self.drift(x, **changed)
            k2 = self.drift(x + 0.5 * h * k1, **changed)
            k3 = self.drift(x + 0.5 * h * k2, **changed)
            k4 = self.drift(x + h * k3, **changed)
            x = np.clip(x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4), self.low, self.high)
            if step % keep == 0:
                found.append(x)
        return np.array(found)

    def jacobian(self, x: Array, **changed: Any) -> Array:
        """d drift_i / d x_j at points x [state, n], [n, i, j]."""
        columns = []
        for j in range(len(x)):
            step = 1e-6 * np.maximum(1.0, np.abs(x[j]))
            up, down = x.copy(), x.copy()
            up[j] += step
            down[j] -= step
            columns.append((self.drift(up, **changed) - self.drift(down, **changed)) / (2.0 * step))
        return np.moveaxis(np.array(columns), (0, 1, 2), (2, 1, 0))

    def range(self) -> tuple[Array, Array]:
        """Where the states are, [state] lowest and highest: over courses from around the start, with room."""
        draw = np.random.default_rng(0)
        spread = 0.5 * np.maximum(np.abs(self.start), 0.2)[:, None]
        x = np.clip(self.start[:, None] + spread * draw.uniform(-1.0, 1.0, (len(self.start), 8)), self.low, self.high)
        found = self.course(x, 300.0, keep=5)
        found = np.concatenate([x[None], found])
        finite = found[:, :, np.isfinite(found).all(axis=(0, 1))]
        if finite.size == 0:
            raise InputError(f"model '{self.model.name}' does not stay finite with these parameters")
        low, high = finite.min(axis=(0, 2)), finite.max(axis=(0, 2))
        room = 0.25 * np.maximum(high - low, 0.1 * np.maximum(np.abs(self.start), 0.1))
        return np.maximum(low - room, self.low[:, 0]), np.minimum(high + room, self.high[:, 0])

    def search(self, low: Array, high: Array) -> tuple[Array, Array]:
        """A box of many times the range, within the bounds of the states, in which points at rest are looked for."""
        room = 8.0 * (high - low)
        return np.maximum(low - room, self.low[:, 0]), np.minimum(high + room, self.high[:, 0])

    def _newton(self, x: Array, scale: Array, changed: Mapping[str, float]) -> tuple[Array, Array]:
        """A damped step from each point, within the bounds, and how far it was to go (in shares of the range)."""
        slope = self.jacobian(x, **changed)
        usable: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(slope), axis=(1, 2))
        slope = np.where(usable[:, None, None], slope, np.eye(len(x)))
        goal = -self.drift(x, **changed)
        try:
            step = np.linalg.solve(slope, goal.T[..., None])[..., 0].T
        except np.linalg.LinAlgError:
            step = np.einsum("nij,jn->in", np.linalg.pinv(slope), goal)
        size = np.max(np.abs(step) / scale, axis=0)
        step = step / np.maximum(1.0, size / 0.3)
        return np.clip(x + np.nan_to_num(step), self.low, self.high), np.nan_to_num(size, nan=0.0)

    def fixed_points(self, low: Array, high: Array, near: Array | None = None, **changed: float) -> list[FixedPoint]:
        """Points at rest that damped Newton steps find from many starts in a box, and from points `near` [state, n]."""
        draw = np.random.default_rng(1)
        shares = draw.random((len(low), STARTS))
        shares[:, ::2] = 0.5 + 0.12 * (shares[:, ::2] - 0.5)  # half of them in the middle, where courses are
        x = low[:, None] + (high - low)[:, None] * shares
        x = np.concatenate([x, self.start[:, None], *([near] if near is not None and near.size else [])], axis=1)
        scale = (high - low)[:, None]
        moving = np.arange(x.shape[1])
        for _ in range(_STEPS):
            x[:, moving], size = self._newton(x[:, moving], scale, changed)
            moving = moving[size > _ARRIVED]
            if not moving.size:
                break
        still = np.asarray(np.abs(self.drift(x, **changed)) < 1e-9 * np.maximum(1.0, np.abs(x)))
        rest: NDArray[np.bool_] = np.logical_and.reduce(still, axis=0)
        found: list[FixedPoint] = []
        for point in x[:, rest].T:
            outside = bool(np.any((point < low) | (point > high)))
            known = any(np.all(np.abs(point - other.states) < _SAME * scale[:, 0]) for other in found)
            if not (known or outside):
                found.append(FixedPoint(point, np.linalg.eigvals(self.jacobian(point[:, None], **changed)[0])))
        return sorted(found, key=lambda point: tuple(point.states))


@dataclass(frozen=True)
class Scan:
    """What a region does over values of a parameter: points at rest at each, and extrema of courses [state, value]."""

    parameter: str
    values: Array
    points: list[list[FixedPoint]]
    lowest: Array
    highest: Array


def scan(node: Node, parameter: str, values: Array) -> Scan:
    """Follow the points at rest over values of a parameter, and simulate from the start at each value."""
    node.model.parameter(parameter)
    for value in (values.min(), values.max()):
        node.model.check({**node.parameters, parameter: float(value)}, node.dt_ms)
    low, high = node.search(*node.range())
    points: list[list[FixedPoint]] = []
    for value in values:
        before = np.array([point.states for point in points[-1]]).T if points and points[-1] else None
        points.append(node.fixed_points(low, high, before, **{parameter: float(value)}))
    x = np.repeat(node.start[:, None], len(values), axis=1)
    settled = node.course(x, SETTLE_MS, keep=int(SETTLE_MS / node.dt_ms) - 1, **{parameter: values})[-1]
    watched = node.course(settled, WATCH_MS, keep=2, **{parameter: values})
    return Scan(parameter, values, points, watched.min(axis=0), watched.max(axis=0))
