"""Synapses that change, as plain numbers: which model, which time constants, which bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.synapses import SynapseConfig
from dtbsim.errors import InputError
from dtbsim.models.own import code_of_class
from dtbsim.models.synapses import (
    WEIGHT,
    ModulatedSynapse,
    Modulator,
    PlasticSynapse,
    SourceSynapse,
    StatefulSynapse,
    SynapseModel,
)
from dtbsim.numerics.limits import LONGEST_STEPS
from dtbsim.spec.distributions import Table
from dtbsim.spec.places import Places

MAXIMUM_BITS = 23
"""A plastic weight has at most so many bits."""
POWER_LAW_ROOM = 100.0
"""Largest weight over the largest initial one, where the model has no bound of its own."""
TYPICAL_FACTOR = 1.0 / 16.0
"""Share of a weight that a spike of a depressed synapse still transmits, for the choice of the quantum."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """How the synapses of a projection change.

    `model` with the values `p` of its parameters that are numbers, in the user's units; `taus_ms` are the time
    constants of its (up to four) decays, `sign` that of the weights, `weight_max` the largest size of a weight in the
    weight's unit (0 where weights do not change), `frozen` int64[n, 2] the steps [from, until) in which they do not.
    """

    model: SynapseModel
    p: dict[str, float]
    taus_ms: tuple[float, ...]
    sign: int
    weight_max: float
    frozen: NDArray[np.int64]

    @property
    def plastic(self) -> bool:
        """Whether the weights themselves change."""
        return isinstance(self.model, PlasticSynapse)

    @property
    def modulated(self) -> bool:
        """Whether spikes of a third population change them, too."""
        return isinstance(self.model, ModulatedSynapse)

    @property
    def stateful(self) -> bool:
        """Whether synapses have states of their own beside their weight."""
        return isinstance(self.model, StatefulSynapse)

    @property
    def pairs_only(self) -> bool:
        """Whether a spike changes nothing where the other end has had none before."""
        return isinstance(self.model, PlasticSynapse) and self.model.pairs_only

    @property
    def words(self) -> int:
        """Words of an entry of the payload queue."""
        return 3 if self.plastic else 2

    @property
    def history_words(self) -> int:
        """Words of a remembered spike of a target."""
        model = self.model
        return 2 if isinstance(model, PlasticSynapse) and model.trace("target", read_by="target") is not None else 1

    def shift(self, quantum: float) -> int:
        """Bits of a weight below the quantum of the input: as many as MAXIMUM_BITS allow."""
        if not self.plastic:
            return 0
        needed: int = math.ceil(math.log2(self.weight_max / quantum))
        return max(0, MAXIMUM_BITS - max(0, needed))

    def fine(self, quantum: float) -> float:
        """A fine quantum, in the unit of the weight."""
        return quantum / float(2 ** self.shift(quantum))

    def largest(self, quantum: float) -> int:
        """Largest weight in fine quanta."""
        return int(self.weight_max / quantum * 2.0 ** self.shift(quantum))

    def bounds(self, quantum: float) -> tuple[int, int]:
        """Smallest and largest weight in fine quanta."""
        return math.ceil(abs(self.p.get("weight_min", 0.0)) / self.fine(quantum)), self.largest(quantum)

    def check_weights(self, weight: Table, factors: tuple[float, float], path: str, places: Places) -> None:
        """InputError, at `path`, where other weights, times `factors` (smallest, largest), are beyond the bounds."""
        if not self.plastic:
            return
        largest = max(abs(weight.low), abs(weight.high)) * factors[1]
        if largest > self.weight_max * (1 + 1e-9):
            message = f"weights up to {largest:g} are beyond the largest weight {self.weight_max:g} of the synapse"
            raise places.error(path, message, "give smaller ones, or raise weight_max of the synapse")
        if "weight_min" in self.p:
            _check_smallest(self.p, weight, factors, self.sign, path, places)

    def constants(self, quantum: float) -> dict[str, np.float32]:
        """Parameters and derived constants that the functions of the model take: weights in fine quanta."""
        values = map(np.float32, self.model.constants(self._given(quantum), self.fine(quantum)))
        return dict(zip(self.model.constant_names, values, strict=True))

    def _given(self, quantum: float) -> dict[str, float]:
        """Parameters as functions of the model get them."""
        fine = self.fine(quantum)
        units = {row.name: row.unit for row in self.model.parameters}
        p = {name: value / fine if units[name] == WEIGHT else value for name, value in self.p.items()}
        if self.plastic:
            smallest, largest = self.bounds(quantum)
            p |= {"weight_min": float(smallest), "weight_max": float(largest)}
        return p

    def synapse_states(self, quantum: float) -> NDArray[np.float32]:
        """float32[n]: states that every synapse has at the beginning, n being 0 for most models."""
        model = self.model
        values = model.initial_states(self._given(quantum)) if isinstance(model, StatefulSynapse) else []
        return np.array(values, dtype=np.float32)

    def initial_states(self) -> NDArray[np.float32]:
        """float32[2]: states of a source before its first spike; traces are 0."""
        states = self.model.initial_states(self.p) if isinstance(self.model, SourceSynapse) else []
        return np.array([*states, 0.0, 0.0][:2], dtype=np.float32)

    def parameters(self, quantum: float) -> NDArray[np.float32]:
        """float32 table of the kernel, for weights in fine quanta of an input with `quantum`."""
        smallest, largest = self.bounds(quantum) if self.plastic else (0, 0)
        values = [largest, smallest, *self._modulation(), *self.constants(quantum).values()]
        return np.array(values, dtype=np.float32)

    def _modulation(self) -> tuple[float, float, float]:
        return 0.0, 0.0, 0.0


@dataclass(frozen=True, eq=False)
class Stateful(Dynamics):
    """Plasticity of synapses with states of their own."""

    dt_ms: float

    def _modulation(self) -> tuple[float, float, float]:
        return self.dt_ms, 0.0, 0.0


@dataclass(frozen=True, eq=False)
class Rewarded(Dynamics):
    """Plasticity that dopamine turns into weights; `interval` is the grid of updates in steps."""

    dt_ms: float
    interval: int

    def _modulation(self) -> tuple[float, float, float]:
        """One step of dopamine n and of its integral, and what a spike adds to n.

        From n at the beginning of a step, with 1 / tau = 1 / tau_c + 1 / tau_n: the integral of exp(-t / tau_c) (n(t)
        - baseline) over the step is n tau (1 - exp(-dt / tau)) - baseline tau_c (1 - exp(-dt / tau_c)).
        """
        dt, tau_c, tau_n = self.dt_ms, self._tau_c_ms, self.p[self._modulator.tau]
        both = tau_c * tau_n / (tau_c + tau_n)
        gain = -both * math.expm1(-dt / both)
        loss = -self.p[self._modulator.baseline] * tau_c * math.expm1(-dt / tau_c)
        return gain, loss, 1.0 / tau_n

    @property
    def _modulator(self) -> Modulator:
        assert isinstance(self.model, ModulatedSynapse)
        return self.model.modulator

    @property
    def _tau_c_ms(self) -> float:
        return self.p[self._modulator.eligibility_tau]

    def cell(self) -> NDArray[np.float32]:
        """float32[2, interval + 1]: exp(+t / tau_c) and exp(-t / tau_c) for t = 0, dt, ... `interval` dt."""
        rate = np.arange(self.interval + 1) * (self.dt_ms / self._tau_c_ms)
        return np.asarray(np.exp(np.stack([rate, -rate])), dtype=np.float32)


def compile_synapse(
    item: SynapseConfig, weight: Table, factors: tuple[float, float], dt_ms: float, path: str, places: Places
) -> Dynamics:
    """The dynamics of a projection with initial weights `weight` times `factors` (smallest, largest)."""
    dynamics = _compiled(item, weight, factors, dt_ms, path, places)
    _check_constants(dynamics, path, places)
    return dynamics


def _check_constants(dynamics: Dynamics, path: str, places: Places) -> None:
    """InputError where constants of the model cannot be computed from its parameters, or are no numbers."""
    model = dynamics.model
    try:
        with code_of_class(type(model), "the constants cannot be computed"):
            found = dynamics.constants(max(dynamics.weight_max, 1.0) / 2**MAXIMUM_BITS)
    except InputError as error:
        raise places.at(path, error) from None
    bad = [name for name, value in found.items() if not np.isfinite(value)]
    if bad:
        raise places.error(path, f"the constant {bad[0]} of '{model.name}' is {found[bad[0]]:g} with these parameters")


def _compiled(
    item: SynapseConfig, weight: Table, factors: tuple[float, float], dt_ms: float, path: str, places: Places
) -> Dynamics:
    if not isinstance(item.model, StatefulSynapse):  # those have no tables of decays
        _check_taus(item, dt_ms, path, places)
    model, p = item.model, item.numbers()
    if isinstance(model, SourceSynapse):
        taus = [*(p[decay.tau] for decay in model.decays), 0.0, 0.0, 0.0, 0.0]
        return Dynamics(model, p, tuple(taus[:4]), 1, 0.0, np.zeros((0, 2), np.int64))
    assert isinstance(model, PlasticSynapse)
    sign, bound = _sign(item, weight, path, places), _bound(item, weight, factors, path, places)
    edges = [[places.steps(time_ms, dt_ms, f"{path}.frozen_ms") for time_ms in pair] for pair in item.frozen]
    frozen = np.array(edges, dtype=np.int64).reshape(-1, 2)
    if "weight_min" in p:
        _check_smallest(p, weight, factors, sign, f"{path}.weight_min", places)
    traces = [
        model.trace("source", read_by="target"),
        model.trace("target", read_by="source"),
        model.trace("source", read_by="source"),
        model.trace("target", read_by="target"),
    ]
    taus = [0.0 if trace is None else p[trace.tau] for trace in traces]
    if isinstance(model, ModulatedSynapse):
        taus[3] = p[model.modulator.tau]
        key = model.modulator.interval
        interval = places.steps(p[key], dt_ms, f"{path}.{key}")
        return Rewarded(model, p, tuple(taus), sign, bound, frozen, dt_ms, interval)
    if isinstance(model, StatefulSynapse):
        return Stateful(model, p, tuple(taus), sign, bound, frozen, dt_ms)
    return Dynamics(model, p, tuple(taus), sign, bound, frozen)


def _bound(item: SynapseConfig, weight: Table, factors: tuple[float, float], path: str, places: Places) -> float:
    """The largest size of a weight."""
    largest = max(abs(weight.low), abs(weight.high)) * factors[1]
    given: float | None = item.numbers().get("weight_max")
    bound = abs(given) if given is not None else POWER_LAW_ROOM * largest
    if largest > bound * (1 + 1e-9):
        raise places.error(
            f"{path}.weight_max",
            f"weights up to {largest:g} are beyond the largest weight {bound:g}",
            "raise weight_max",
        )
    if bound <= 0:
        raise places.error(f"{path}.weight_max", "the largest weight is 0", "give a weight_max above 0")
    return bound


def _check_taus(item: SynapseConfig, dt_ms: float, path: str, places: Places) -> None:
    """InputError for a time constant whose decay would need too long a table."""
    for name, value_ms in item.numbers().items():
        if name.startswith("tau_") and value_ms > LONGEST_STEPS * dt_ms:
            message = f"{value_ms:g} ms is more than {LONGEST_STEPS:,} steps of {dt_ms:g} ms"
            raise places.error(f"{path}.{name}", message, f"allowed: up to {LONGEST_STEPS * dt_ms:g} ms")


def _check_smallest(
    p: dict[str, float], weight: Table, factors: tuple[float, float], sign: int, path: str, places: Places
) -> None:
    """InputError where the lower bound does not fit."""
    smallest = 0.0 if weight.low < 0 < weight.high else min(abs(weight.low), abs(weight.high)) * factors[0]
    least, most = p["weight_min"] * sign, abs(p["weight_max"])
    if not 0 <= least < most:
        raise places.error(path, f"{p['weight_min']:g} is not between 0 and weight_max {p['weight_max']:g}")
    if smallest < least * (1 - 1e-9):
        raise places.error(
            path,
            f"weights down to {smallest:g} in size are below the smallest {least:g}",
            "lower weight_min",
        )


def _sign(item: SynapseConfig, weight: Table, path: str, places: Places) -> int:
    if weight.low < 0 < weight.high:
        raise places.error(
            path, f"weights from {weight.low:g} to {weight.high:g} have both signs", "bound the distribution at 0"
        )
    weight_max = item.numbers().get("weight_max")
    sign = -1 if weight.low < 0 or (weight.high == 0 and (weight_max or 0) < 0) else 1
    if weight_max is not None and weight_max * sign <= 0:
        raise places.error(
            f"{path}.weight_max", f"weight_max {weight_max:g} does not have the sign of the weights",
            "give both the same sign",
        )  # fmt: skip
    return sign
