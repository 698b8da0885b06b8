"""Hierarchical data assimilation: hidden states of regions and their parameters follow measured BOLD.

Every region has its hidden states (those of its model, and the haemodynamic ones) and its free parameters, which walk
at random; between two volumes the ensemble is simulated, and each new volume moves all of it by an ensemble Kalman
filter (Lu et al. 2024, National Science Review 11:nwae080). Parameters are moved as unbounded numbers u (`Free`); their
mean over regions is a hyperparameter, toward which they may be pulled:

    u_i <- u_i + pooling (mean of u - u_i) + walk xi_i,      xi_i ~ N(0, 1)

All of it is float64, in one order of sums, on every rank the same: results do not depend on ranks and threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.assimilation import filters
from dtbsim.assimilation.draws import OBSERVATION, WALK, normals, spread_normals
from dtbsim.assimilation.haemodynamics import STATE_NAMES, Haemodynamics
from dtbsim.assimilation.members import Arrays, Members
from dtbsim.assimilation.noise import ObservationNoise
from dtbsim.assimilation.parameters import Free
from dtbsim.assimilation.settings import Settings
from dtbsim.assimilation.transform import row_mean

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volume:
    """What one volume brought, by region: means and standard deviations over members.

    forecast, forecast_sd: BOLD that was expected before the volume was seen, float64[regions].
    states, states_sd: hidden states after it, float64[regions, states], of the model and haemodynamic ones.
    parameters, parameters_sd: free parameters after it, float64[regions, regional parameters], within their bounds.
    shared, shared_sd: those that all regions share, float64[shared parameters].
    """

    forecast: F64
    forecast_sd: F64
    states: F64
    states_sd: F64
    parameters: F64
    parameters_sd: F64
    shared: F64
    shared_sd: F64


class HierarchicalFilter:
    """An ensemble of simulations that follows BOLD, volume by volume.

    Args:
        members: the simulations.
        regional, shared: free parameters with a value for each region, and with one for all.
        settings: how; `seed` of what is drawn.
        distances_mm: between regions, float64[regions, regions], for the scheme `local`.
    """

    def __init__(
        self,
        members: Members,
        regional: Sequence[Free],
        shared: Sequence[Free],
        settings: Settings,
        seed: int,
        distances_mm: F64 | None = None,
    ) -> None:
        self._members, self._settings, self._seed = members, settings, seed
        self.regional, self.shared = tuple(regional), tuple(shared)
        self.n, self.regions = members.n, len(members.names)
        self._blood = Haemodynamics(members.bold, members.dt_ms, self.n, self.regions)
        self.cycle = 0
        self._u = self._first(seed)
        self._v = spread_normals(seed ^ 0x5EED, self.n, len(self.shared)) if self.shared else np.zeros((self.n, 0))
        self._walking = True
        self._taper: F64 | None = None
        if settings.scheme == "local":
            assert distances_mm is not None
            self._taper = filters.gaspari_cohn(distances_mm, settings.radius_mm)
        self._weights = (np.ones((self.regions, self.regions)) - np.eye(self.regions)) / max(1, self.regions - 1)
        self._tell_parameters()

    def _first(self, seed: int) -> F64:
        """Unbounded regional parameters at the start, float64[members, regions, parameters], spread over the prior."""
        columns = self.regions * len(self.regional)
        if not columns:
            return np.zeros((self.n, self.regions, 0))
        return spread_normals(seed, self.n, columns).reshape(self.n, self.regions, len(self.regional))

    # -- time ---------------------------------------------------------------------------------------------------

    def forecast(self) -> F64:
        """Simulate one volume; BOLD of every member, float64[members, regions]."""
        self.cycle += 1
        if self._walking:
            self._walk()
            self._tell_parameters()
        return self._blood.advance(self._members.advance())

    def analyse(self, simulated: F64, observed: F64, noise: F64) -> None:
        """Move states and parameters by a volume, float64[regions] with NaN where nothing is known.

        `simulated` is what `forecast` returned, `noise` the variances of the observations, float64[regions].
        """
        model, blood = self._members.states(), self._blood.states()
        k = model.shape[2], blood.shape[2]
        before = np.concatenate([model, blood, self._u], axis=2)
        drawn = normals(self._seed, OBSERVATION, self.cycle, self.n, self.regions)
        states = filters.inflated(before, self._settings.inflation)
        after = self._moved(states, simulated, observed, noise, drawn)
        if self._settings.relaxation:
            after = filters.relaxed(before, after, self._settings.relaxation)
        self._members.set_states(after[:, :, : k[0]])
        self._blood.set_states(after[:, :, k[0] : k[0] + k[1]])
        if self._walking:
            self._u = after[:, :, sum(k) :]
            if self.shared:
                self._v = self._shared_moved(simulated, observed, noise, drawn)
            self._tell_parameters()

    def _moved(self, states: F64, simulated: F64, observed: F64, noise: F64, drawn: F64) -> F64:
        settings = self._settings
        if settings.scheme == "own":
            return filters.own(states, simulated, observed, noise, drawn if settings.variant == "stochastic" else None)
        if settings.scheme == "diffusion":
            return filters.diffused(states, simulated, observed, noise, drawn, self._weights, settings.own_weight)
        seen = np.flatnonzero(np.isfinite(observed))
        if not seen.size:
            return states
        flat, values = np.ascontiguousarray(states.reshape(self.n, -1)), states.shape[2]
        y, g, r, d = observed[seen], np.ascontiguousarray(simulated[:, seen]), noise[seen], drawn[:, seen]
        if settings.scheme == "global":
            one = ObservationNoise(r, seen.size)
            moved = filters.square_root(flat, g, y, one)
            if settings.variant == "stochastic":
                moved = filters.stochastic(flat, g, y, one, d)
            return moved.reshape(states.shape)
        assert self._taper is not None
        if settings.variant == "stochastic":
            taper = np.repeat(self._taper[:, seen], values, axis=0)
            return filters.tapered(flat, g, y, r, d, taper, self._taper[np.ix_(seen, seen)]).reshape(states.shape)
        blocks = [np.arange(i * values, (i + 1) * values) for i in range(self.regions)]
        return filters.local(flat, g, y, r, blocks, self._taper[:, seen]).reshape(states.shape)

    def _shared_moved(self, simulated: F64, observed: F64, noise: F64, drawn: F64) -> F64:
        """Shared parameters after all observations of a volume, which inform them together."""
        seen = np.flatnonzero(np.isfinite(observed))
        if not seen.size:
            return self._v
        one = ObservationNoise(noise[seen], seen.size)
        g = np.ascontiguousarray(simulated[:, seen])
        before = filters.inflated(self._v, self._settings.inflation)
        if self._settings.variant == "square_root":
            after = filters.square_root(before, g, observed[seen], one)
        else:
            after = filters.stochastic(before, g, observed[seen], one, drawn[:, seen])
        return filters.relaxed(self._v, after, self._settings.relaxation) if self._settings.relaxation else after

    # -- parameters ---------------------------------------------------------------------------------------------

    def _walk(self) -> None:
        settings, shape = self._settings, self._u.shape
        step = normals(self._seed, WALK, self.cycle, self.n, shape[1] * shape[2] + len(self.shared))
        if shape[2]:
            if settings.pooling:
                regions = np.ascontiguousarray(np.moveaxis(self._u, 1, 0)).reshape(shape[1], -1)
                hyper = row_mean(regions).reshape(shape[0], 1, shape[2])
                self._u = self._u + settings.pooling * (hyper - self._u)
            self._u = self._u + settings.walk * step[:, : shape[1] * shape[2]].reshape(shape)
        self._v = self._v + settings.walk * step[:, shape[1] * shape[2] :]

    def _tell_parameters(self) -> None:
        for k, one in enumerate(self.regional):
            self._members.set_parameter(one.key, one.bounded(self._u[:, :, k]))
        for k, one in enumerate(self.shared):
            values = np.repeat(one.bounded(self._v[:, k])[:, None], self.regions, axis=1)
            self._members.set_parameter(one.key, values)

    def settle_parameters(self) -> None:
        """Give all members the mean of what was found, for good: parameters walk no more."""
        shape = self._u.shape
        self._u = np.broadcast_to(row_mean(self._u.reshape(self.n, -1)).reshape(1, *shape[1:]), shape).copy()
        if self.shared:
            self._v = np.broadcast_to(row_mean(self._v), self._v.shape).copy()
        self._walking = False
        self._tell_parameters()

    def hold_parameters(self) -> None:
        """Let parameters stay as they are, each member's own, while states go on."""
        self._walking = False

    def walk_on(self) -> None:
        """Let parameters walk and be moved (again)."""
        self._walking = True

    @property
    def parameters(self) -> F64:
        """Regional parameters within their bounds, float64[members, regions, parameters]."""
        found = [one.bounded(self._u[:, :, k]) for k, one in enumerate(self.regional)]
        return np.stack(found, axis=-1) if found else np.zeros(self._u.shape)

    @property
    def shared_parameters(self) -> F64:
        """Parameters that all regions share, within their bounds, float64[members, parameters]."""
        found = [one.bounded(self._v[:, k]) for k, one in enumerate(self.shared)]
        return np.stack(found, axis=-1) if found else np.zeros(self._v.shape)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of hidden states: those of the model, then the haemodynamic ones."""
        return (*self._members.state_names, *STATE_NAMES)

    def volume(self, simulated: F64) -> Volume:
        """What there is after an analysis; `simulated` as `forecast` returned it."""
        states = np.concatenate([self._members.states(), self._blood.states()], axis=2)
        parts: list[F64] = []
        for values in (simulated, states, self.parameters, self.shared_parameters):
            mean = row_mean(np.ascontiguousarray(values.reshape(self.n, -1))).reshape(values.shape[1:])
            parts += [mean, filters.spread_of(values)]
        return Volume(*parts)

    # -- going on -----------------------------------------------------------------------------------------------

    def save(self) -> Arrays:
        """Everything that going on from here needs; collective."""
        found = {f"members/{name}": array for name, array in self._members.save().items()}
        found |= {f"blood/{name}": array for name, array in self._blood.save().items()}
        return found | {"u": self._u.copy(), "v": self._v.copy(), "cycle": np.array([self.cycle, self._walking])}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there; collective."""
        self._u, self._v = np.array(state["u"]), np.array(state["v"])
        self.cycle, self._walking = int(state["cycle"][0]), bool(state["cycle"][1])
        self._members.load({n.partition("/")[2]: a for n, a in state.items() if n.startswith("members/")})
        self._blood.load({n.partition("/")[2]: np.array(a) for n, a in state.items() if n.startswith("blood/")})
        self._tell_parameters()
