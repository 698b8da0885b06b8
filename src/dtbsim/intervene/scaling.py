"""Homeostatic synaptic scaling: every interval, all plastic weights onto a neuron are multiplied by one factor.

For neuron i with average rate r_i (config: `SynapticScaling`; Turrigiano 2008; van Rossum, Bi, Turrigiano 2000):

    r_i <- r_i exp(-interval / tau) + (spikes of the interval / interval) (1 - exp(-interval / tau))
    w <- w (1 + eta clip((target - r_i) / target, -clip, clip))

Every rank knows the spikes of its own neurons and holds the synapses onto them, so nothing has to be exchanged.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.config.scaling import SynapticScaling
from dtbsim.errors import InputError
from dtbsim.intervene.intervention import Kind, State
from dtbsim.kernels.scaling import FACTOR_BITS
from dtbsim.record.chunk import Chunk
from dtbsim.spec.network import Network

MAX_CHANGE = 1.0
"""eta * clip may not reach this: weights would lose their size in one step."""


class Scaling:
    """One `synaptic_scaling` of the configuration, for the neurons of this rank."""

    def __init__(self, network: Network, name: str, item: SynapticScaling, backend: Backend) -> None:
        self._item = item
        self.interval_steps = steps_of(item.interval_ms, network.dt_ms)
        projection = network.projection(item.projection)
        assert projection.dynamics is not None
        self._frozen = projection.dynamics.frozen
        self._weights = backend.plastic_weights(projection.index)
        self._gids = self._weights.gids
        self._counts = np.zeros(self._gids.size, np.int64)
        self._interval_s = self.interval_steps * network.dt_ms * 1e-3
        self._keep = math.exp(-self.interval_steps * network.dt_ms / item.tau_rate_ms)
        first, *_ = starts = network.gid_starts[network.families[projection.target_family].populations]
        of_region = network.by_region[name, "target_rate_hz"]
        self._target_hz = of_region[np.searchsorted(starts, np.maximum(self._gids, first), side="right") - 1]
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
        if stop % self.interval_steps == 0:
            self.rates_hz = self.rates_hz * self._keep + self._counts / self._interval_s * (1.0 - self._keep)
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
        if any(start < now <= stop for start, stop in self._frozen.tolist()):
            return
        item = self._item
        error = np.clip((self._target_hz - self.rates_hz) / self._target_hz, -item.clip, item.clip)
        factors = np.rint((1.0 + item.eta * error) * 2.0**FACTOR_BITS).astype(np.int64)
        self._weights.scale(now, factors)


class ScalingKind(Kind):
    """`kind: synaptic_scaling`."""

    options = SynapticScaling
    counts = False

    def interval_steps(self, network: Network, item: SynapticScaling) -> int:
        """Return the steps of its interval."""
        return steps_of(item.interval_ms, network.dt_ms)

    def check(self, network: Network, name: str, item: SynapticScaling) -> None:
        """Raise InputError where a change could be too large, or the projection inhibits."""
        check_scaling(network, name, item)

    def open(self, network: Network, name: str, item: SynapticScaling, backend: Backend, unit: int) -> Scaling:
        """Return the scaling of the weights onto this rank's neurons."""
        return Scaling(network, name, item, backend)


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
