"""Synapses that change, as plain numbers: which kernel, which time constants, which bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import synapses as cfg
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.decay import LONGEST_STEPS, decay_table
from dtbsim.spec.distributions import Table
from dtbsim.spec.places import Places

Plastic = cfg.STDP | cfg.STDPPowerLaw | cfg.STDPTriplet | cfg.STDPDopamine
MAXIMUM_BITS = 23
"""A plastic weight has at most so many bits."""
POWER_LAW_ROOM = 100.0
"""Largest weight over the largest initial one, where the power law is given no bound."""
TYPICAL_FACTOR = 1.0 / 16.0
"""Share of a weight that a spike of a depressed synapse still transmits, for the choice of the quantum."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """How the synapses of a projection change.

    `kind` is one of the kinds of `dynamic_layout`, `taus_ms` the time constants of its (up to four) decays, `sign`
    that of the weights, `weight_max` the largest size of a weight in the weight's unit (0 where weights do not
    change), `frozen` int64[n, 2] the steps [from, until) in which they do not.
    """

    kind: int
    item: Any
    taus_ms: tuple[float, ...]
    sign: int
    weight_max: float
    frozen: NDArray[np.int64]

    @property
    def plastic(self) -> bool:
        """Whether the weights themselves change."""
        return self.kind >= D.STDP_PAIR

    @property
    def words(self) -> int:
        """Words of an entry of the agenda."""
        return 3 if self.plastic else 2

    @property
    def history_words(self) -> int:
        """Words of a remembered spike of a target."""
        return 2 if self.kind == D.STDP_TRIPLET else 1

    def decays(self, dt_ms: float) -> list[NDArray[np.float32]]:
        """Tables of the decays."""
        return [decay_table(tau, dt_ms) for tau in self.taus_ms]

    def shift(self, quantum: float) -> int:
        """Bits of a weight below the quantum of the input: as many as MAXIMUM_BITS allow."""
        if not self.plastic:
            return 0
        needed: int = math.ceil(math.log2(self.weight_max / quantum))
        return max(0, MAXIMUM_BITS - max(0, needed))

    def largest(self, quantum: float) -> int:
        """Largest weight in fine quanta."""
        return int(self.weight_max / quantum * 2.0 ** self.shift(quantum))

    def bounds(self, quantum: float) -> tuple[int, int]:
        """Smallest and largest weight in fine quanta."""
        return 0, self.largest(quantum)

    def parameters(self, quantum: float) -> NDArray[np.float32]:
        """float32[N_PARAMETERS] of the kernel, for weights in fine quanta of an input with `quantum`."""
        item = self.item
        fine = quantum / 2 ** self.shift(quantum)
        largest = self.largest(quantum)
        if self.kind == D.FACTOR_TSODYKS_MARKRAM:
            values = [item.U]
        elif self.kind == D.FACTOR_SATURATING:
            values = list(saturating_jump(item.alpha_per_ms, item.tau_rise_ms, item.tau_decay_ms))
        elif self.kind == D.STDP_PAIR:
            rate = item.learning_rate
            values = [largest, 1.0 / largest, rate, rate * item.alpha, item.mu_plus, item.mu_minus]
        elif self.kind == D.STDP_POWER_LAW:
            rate = item.learning_rate
            values = [largest, 1.0 / largest, rate * fine ** (item.mu - 1.0), rate * item.alpha, item.mu, 1.0]
        else:
            steps = (item.A2_plus, item.A3_plus, item.A2_minus, item.A3_minus)
            values = [largest, 1.0 / largest, *(step / fine for step in steps)]
        return np.array(values + [0.0] * (D.N_PARAMETERS - len(values)), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Rewarded(Dynamics):
    """Plasticity that dopamine turns into weights; `interval` is the grid of updates in steps."""

    dt_ms: float
    interval: int

    def bounds(self, quantum: float) -> tuple[int, int]:
        """Smallest and largest weight in fine quanta."""
        fine = quantum / 2 ** self.shift(quantum)
        return math.ceil(abs(self.item.weight_min) / fine), self.largest(quantum)

    def parameters(self, quantum: float) -> NDArray[np.float32]:
        """float32[N_PARAMETERS]: bounds and A in fine quanta, and one step of dopamine n and of its integral.

        From n at the beginning of a step, with 1 / tau = 1 / tau_c + 1 / tau_n: the integral of exp(-t / tau_c) (n(t)
        - baseline) over the step is n tau (1 - exp(-dt / tau)) - baseline tau_c (1 - exp(-dt / tau_c)).
        """
        item, dt = self.item, self.dt_ms
        fine = quantum / 2 ** self.shift(quantum)
        both = item.tau_c_ms * item.tau_n_ms / (item.tau_c_ms + item.tau_n_ms)
        gain = -both * math.expm1(-dt / both)
        loss = -item.baseline_per_ms * item.tau_c_ms * math.expm1(-dt / item.tau_c_ms)
        smallest, largest = self.bounds(quantum)
        steps = item.A_plus / fine, item.A_minus / fine
        return np.array([largest, smallest, *steps, gain, loss, 1.0 / item.tau_n_ms, 0.0], dtype=np.float32)

    def cell(self) -> NDArray[np.float32]:
        """float32[2, interval + 1]: exp(+t / tau_c) and exp(-t / tau_c) for t = 0, dt, ... `interval` dt."""
        rate = np.arange(self.interval + 1) * (self.dt_ms / self.item.tau_c_ms)
        return np.asarray(np.exp(np.stack([rate, -rate])), dtype=np.float32)


def saturating_jump(alpha_per_ms: float, tau_rise_ms: float, tau_decay_ms: float) -> tuple[float, float]:
    """(k0, k1): a spike at gating s raises it by k0 + k1 s, once the rise is over (exact for tau_rise << tau_decay).

    ds/dt = -s / tau_decay + alpha exp(-t / tau_rise) (1 - s), extrapolated back to t = 0 with exp(t / tau_decay).
    """
    from scipy.special import gamma, gammainc

    a = alpha_per_ms * tau_rise_ms
    ratio = tau_rise_ms / tau_decay_ms
    return float(a**ratio * gamma(1.0 - ratio) * gammainc(1.0 - ratio, a)), math.expm1(-a)


def compile_synapse(
    item: cfg.Synapse, weight: Table, factors: tuple[float, float], dt_ms: float, path: str, places: Places
) -> Dynamics:
    """The dynamics of a projection with initial weights `weight` times `factors` (smallest, largest)."""
    _check_taus(item, dt_ms, path, places)
    none = np.zeros((0, 2), np.int64)
    if isinstance(item, cfg.TsodyksMarkram):
        return Dynamics(D.FACTOR_TSODYKS_MARKRAM, item, (item.tau_rec_ms, item.tau_fac_ms, 0.0, 0.0), 1, 0.0, none)
    if isinstance(item, cfg.SaturatingNMDA):
        return Dynamics(D.FACTOR_SATURATING, item, (item.tau_decay_ms, 0.0, 0.0, 0.0), 1, 0.0, none)
    sign, largest = _sign(item, weight, path, places), max(abs(weight.low), abs(weight.high)) * factors[1]
    bound = abs(item.weight_max) if item.weight_max is not None else POWER_LAW_ROOM * largest
    if largest > bound * (1 + 1e-9):
        raise places.error(
            f"{path}.weight_max",
            f"weights up to {largest:g} are beyond the largest weight {bound:g}",
            "raise weight_max",
        )
    if bound <= 0:
        raise places.error(f"{path}.weight_max", "the largest weight is 0", "give a weight_max above 0")
    edges = [[places.steps(time_ms, dt_ms, f"{path}.frozen_ms") for time_ms in pair] for pair in item.frozen_ms]
    frozen = np.array(edges, dtype=np.int64).reshape(-1, 2)
    if isinstance(item, cfg.STDPDopamine):
        smallest = 0.0 if weight.low < 0 < weight.high else min(abs(weight.low), abs(weight.high)) * factors[0]
        _check_reward(item, smallest, sign, path, places)
        taus = item.tau_plus_ms, item.tau_minus_ms, 0.0, item.tau_n_ms
        interval = places.steps(item.update_interval_ms, dt_ms, f"{path}.update_interval_ms")
        return Rewarded(D.STDP_DOPAMINE, item, taus, sign, bound, frozen, dt_ms, interval)
    slow = (item.tau_plus_slow_ms, item.tau_minus_slow_ms) if isinstance(item, cfg.STDPTriplet) else (0.0, 0.0)
    kinds = {cfg.STDP: D.STDP_PAIR, cfg.STDPPowerLaw: D.STDP_POWER_LAW, cfg.STDPTriplet: D.STDP_TRIPLET}
    return Dynamics(kinds[type(item)], item, (item.tau_plus_ms, item.tau_minus_ms, *slow), sign, bound, frozen)


def _check_taus(item: cfg.Synapse, dt_ms: float, path: str, places: Places) -> None:
    """InputError for a time constant whose decay would need too long a table."""
    for name in (name for name in type(item).model_fields if name.startswith("tau_")):
        if getattr(item, name) > LONGEST_STEPS * dt_ms:
            message = f"{getattr(item, name):g} ms is more than {LONGEST_STEPS:,} steps of {dt_ms:g} ms"
            raise places.error(f"{path}.{name}", message, f"allowed: up to {LONGEST_STEPS * dt_ms:g} ms")


def _check_reward(item: cfg.STDPDopamine, smallest: float, sign: int, path: str, places: Places) -> None:
    """InputError where the lower bound does not fit."""
    least, most = item.weight_min * sign, abs(item.weight_max)
    if not 0 <= least < most:
        raise places.error(
            f"{path}.weight_min", f"{item.weight_min:g} is not between 0 and weight_max {item.weight_max:g}"
        )
    if smallest < least * (1 - 1e-9):
        raise places.error(
            f"{path}.weight_min",
            f"weights down to {smallest:g} in size are below the smallest {least:g}",
            "lower weight_min",
        )


def _sign(item: Plastic, weight: Table, path: str, places: Places) -> int:
    if weight.low < 0 < weight.high:
        raise places.error(
            path, f"weights from {weight.low:g} to {weight.high:g} have both signs", "bound the distribution at 0"
        )
    sign = -1 if weight.low < 0 or (weight.high == 0 and (item.weight_max or 0) < 0) else 1
    if item.weight_max is not None and item.weight_max * sign <= 0:
        raise places.error(
            f"{path}.weight_max", f"weight_max {item.weight_max:g} does not have the sign of the weights",
            "give both the same sign",
        )  # fmt: skip
    return sign
