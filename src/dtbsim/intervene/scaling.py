"""Homeostatic synaptic scaling: every interval, all plastic weights onto a neuron are multiplied by one factor.

For neuron i with average rate r_i (config: `SynapticScaling`; Turrigiano 2008; van Rossum, Bi, Turrigiano 2000):

    r_i <- r_i exp(-interval / tau) + (spikes of the interval / interval) (1 - exp(-interval / tau))
    w <- w (1 + eta clip((target - r_i) / target, -clip, clip))

Every rank knows the spikes of its own neurons and holds the synapses onto them, so nothing has to be exchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.config.scaling import SynapticScaling
from dtbsim.errors import InputError
from dtbsim.intervene.intervention import Kind, Plan, State
from dtbsim.kernels.scaling import FACTOR_BITS
from dtbsim.record.chunk import Chunk
from dtbsim.spec.network import Network

MAX_CHANGE = 1.0
"""eta * clip may not reach this: weights would lose their size in one step."""


@dataclass(frozen=True, eq=False)
class ScalingPlan(Plan):
    """One `synaptic_scaling` of the configuration."""

    item: SynapticScaling
    interval: int
    interval_s: float
    keep: float
    """How much of an average rate is left after an interval."""
    projection: int
    frozen: NDArray[np.int64]
    """int64[windows, 2]: steps within which weights do not change."""
    starts: NDArray[np.int64]
    """First gid of each of the target's populations, ascending."""
    target_hz: NDArray[np.float64]
    """Of each of them."""

    def open(self, backend: Backend, unit: int) -> Scaling:
        """Return the scaling of the weights onto this rank's neurons."""
        return Scaling(self, backend)


class Scaling:
    """Follows the spikes of this rank's neurons, and scales the weights onto them."""

    def __init__(self, plan: ScalingPlan, backend: Backend) -> None:
        self._plan = plan
        self._weights = backend.plastic_weights(plan.projection)
        self._gids = self._weights.gids
        self._counts = np.zeros(self._gids.size, np.int64)
        of_region = np.searchsorted(plan.starts, np.maximum(self._gids, plan.starts[0]), side="right") - 1
        self._target_hz = plan.target_hz[of_region]
        self.rates_hz = self._target_hz.copy()

    def begin(self, backend: Backend) -> None:
        """Nothing: weights start as they were drawn."""

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Count the spikes of a chunk; scale when an interval ends with it."""
        self.follow(chunk.stop, chunk.gids)

    def follow(self, stop: int, gids: NDArray[np.uint32]) -> None:
        """Count this rank's spikes of a chunk that ends before step `stop`; scale when an interval ends there."""
        mine = np.isin(gids, self._gids)
        self._counts += np.bincount(np.searchsorted(self._gids, gids[mine]), minlength=self._gids.size)
        if stop % self._plan.interval == 0:
            self.rates_hz = self.rates_hz * self._plan.keep + self._counts / self._plan.interval_s * (
                1.0 - self._plan.keep
            )
            self._counts[:] = 0
            self._scale(stop)

    def state(self) -> State:
        """Return the gids of the neurons, their rates and their spikes since the last interval."""
        return {"gids": self._gids, "rates_hz": self.rates_hz, "counts": self._counts}

    def restore(self, state: State) -> None:
        """Go on from there; `state` may hold more neurons than this rank has."""
        places = np.searchsorted(state["gids"], self._gids)
        self.rates_hz = np.asarray(state["rates_hz"], np.float64)[places]
        self._counts = np.asarray(state["counts"], np.int64)[places]

    def _scale(self, now: int) -> None:
        if any(start < now <= stop for start, stop in self._plan.frozen.tolist()):
            return
        item = self._plan.item
        error = np.clip((self._target_hz - self.rates_hz) / self._target_hz, -item.clip, item.clip)
        factors = np.rint((1.0 + item.eta * error) * 2.0**FACTOR_BITS).astype(np.int64)
        self._weights.scale(now, factors)


class ScalingKind(Kind):
    """`kind: synaptic_scaling`."""

    config = SynapticScaling

    def plan(self, network: Network, name: str, item: SynapticScaling) -> ScalingPlan:
        """Compile it. InputError where a change could be too large, or the projection inhibits."""
        check_scaling(network, name, item)
        projection = network.projection(item.projection)
        assert projection.dynamics is not None
        interval = steps_of(item.interval_ms, network.dt_ms)
        return ScalingPlan(
            item=item,
            interval=interval,
            interval_s=interval * network.dt_ms * 1e-3,
            keep=math.exp(-interval * network.dt_ms / item.tau_rate_ms),
            projection=projection.index,
            frozen=projection.dynamics.frozen,
            starts=network.gid_starts[network.families[projection.target_family].populations],
            target_hz=network.by_region[name, "target_rate_hz"],
        )


def check_scaling(network: Network, name: str, item: SynapticScaling) -> None:
    """InputError where the size of a change does not fit, or the projection inhibits."""
    change = item.eta * item.clip
    if change >= MAX_CHANGE:
        raise InputError(
            f"eta * clip is {change:g}: a weight could change by its whole size at once",
            where=f"controllers.{name}.eta",
            remedy=f"keep eta * clip below {MAX_CHANGE:g}",
        )
    projection = network.projection(item.projection)
    if projection.dynamics is not None and projection.dynamics.sign < 0:
        raise InputError(
            f"projection {item.projection} inhibits: larger weights would lower the rate further",
            where=f"controllers.{name}.projection",
            remedy="name an excitatory projection",
        )


SCALING = ScalingKind()
