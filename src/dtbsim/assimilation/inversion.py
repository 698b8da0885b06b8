"""Ensemble Kalman inversion: static parameters from observations, without gradients, by ask and tell.

An ensemble of parameters u_j with simulated observations g_j moves by (Iglesias, Law & Stuart 2013, Inverse Problems
29:045001, eq. 11; step h of Iglesias & Yang 2021, Inverse Problems 37:025008)

    u_j <- u_j + C_ug (C_gg + R / h)^-1 (y + sqrt(1 / h) e_j - g_j),      e_j ~ N(0, R)

with C_ug, C_gg the covariances of the ensemble. Steps add up to a time t; at t = 1 the ensemble is, for a linear
simulation and a Gaussian prior, a sample of the posterior. The variant `square_root` moves mean and deviations by the
same Kalman gain without drawing e_j (Huang et al. 2022, Inverse Problems 38:125006, sec. 4.2).

Everything is computed in the space of members, in float64 and one order: the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.arguments import refuse
from dtbsim.assimilation.draws import OBSERVATION, REPLACED, normals, spread_normals
from dtbsim.assimilation.noise import ObservationNoise
from dtbsim.assimilation.parameters import FreeLike, free_parameters, to_bounded
from dtbsim.assimilation.transform import MemberSpace, row_mean
from dtbsim.errors import InputError, NumericsError
from dtbsim.kernels.dense import column_sums, product

F64 = NDArray[np.float64]
FEWEST_MEMBERS = 4
Variant = Literal["stochastic", "square_root"]
Stop = Literal["posterior", "discrepancy"]


@dataclass(frozen=True)
class Iteration:
    """What one `tell` found.

    misfit: |R^-1/2 (y - mean of g)|^2 / n of the ensemble that was told: near 1 where observations are met up to noise.
    member_misfits: float64[members], the same of every member; NaN where it failed.
    step, time: h of the move that followed, and the sum of steps so far.
    failed: members whose observations were not finite; draws from the others' distribution took their places.
    spread: float64[parameters], standard deviation of the unbounded parameters after the move, 1 in the prior.
    """

    misfit: float
    member_misfits: F64
    step: float
    time: float
    failed: int
    spread: F64


class EnsembleKalmanInversion:
    """Find parameters whose simulation gives the observations, up to their noise.

        inversion = EnsembleKalmanInversion(["G=0:3", "sigma=0.001:0.1:log"], fc, noise=0.05**2, members=32)
        while not inversion.done:
            inversion.tell([simulate(*row) for row in inversion.ask()])
        inversion.best, inversion.reason

    Args:
        free: the parameters: `Free`, "KEY=LOW:HIGH[:log]", or {KEY: (low, high)}. The prior is uniform in these bounds.
        observations: float[n], what the simulation shall give.
        noise: of the observations, what of them no simulation need explain: a variance, n variances or a covariance
            matrix. It includes how far simulations of the same parameters differ.
        members: simulations of an iteration; more than parameters, or directions of the prior are lost.
        seed: of what is drawn.
        stop: `posterior` ends at time 1; `discrepancy` ends where the misfit reaches `discrepancy`, and goes beyond
            time 1 for that.
        discrepancy: the misfit that counts as met (Morozov's principle); used by `stop="discrepancy"`.
        step: None, chosen so that the misfit ends in few even steps, or a fixed h above 0.
        variant: `stochastic` draws noise of the observations for every member, `square_root` does not.
        inflation: deviations of the unbounded parameters are multiplied by this after each move; 1 leaves them.
        max_iterations: the most calls of `tell`.

    Raises InputError for parameters or observations that cannot be.
    """

    def __init__(
        self,
        free: FreeLike,
        observations: ArrayLike,
        noise: ArrayLike,
        *,
        members: int = 32,
        seed: int = 1,
        stop: Stop = "posterior",
        discrepancy: float = 1.0,
        step: float | None = None,
        variant: Variant = "stochastic",
        inflation: float = 1.0,
        max_iterations: int = 50,
    ) -> None:
        self.parameters = free_parameters(free)
        self.observations = _series(observations)
        self._noise = ObservationNoise(noise, self.observations.size)
        for count, name, least in ((members, "members", FEWEST_MEMBERS), (max_iterations, "max_iterations", 1)):
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
                raise refuse(count, name, f"a whole number, {least} or more")
        sizes = {"discrepancy": discrepancy, "inflation": inflation, "step": 1.0 if step is None else step}
        for name, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, int | float | np.number) or not 0 < size < np.inf:
                raise refuse(size, name, "a number above 0")
        if stop not in ("posterior", "discrepancy"):
            raise refuse(stop, "stop", "posterior, discrepancy")
        if variant not in ("stochastic", "square_root"):
            raise refuse(variant, "variant", "stochastic, square_root")
        self.members, self.seed, self.stop, self.variant = int(members), int(seed), stop, variant
        self.discrepancy, self.inflation = float(discrepancy), float(inflation)
        self._step, self.max_iterations = step, int(max_iterations)
        self.history: list[Iteration] = []
        self.done, self.reason = False, ""
        self._u = spread_normals(self.seed, self.members, len(self.parameters))
        self._best: tuple[float, F64] = (np.inf, self._u[0])

    # -- ask and tell -------------------------------------------------------------------------------------------

    def ask(self) -> F64:
        """Parameters to simulate, float64[members, parameters], within their bounds; the same until `tell`."""
        return to_bounded(self.parameters, self._u)

    def tell(self, simulated: ArrayLike) -> None:
        """Move the ensemble by what its simulations gave, float[members, n] in the order of `ask`.

        Rows that are not finite are failed simulations.

        Raises:
            InputError: another shape, or the inversion is done.
            NumericsError: fewer than four simulations were finite.
        """
        if self.done:
            raise InputError(f"the inversion is done: {self.reason}", where="tell", remedy="begin another")
        g = np.array(simulated, np.float64)
        if g.shape != (self.members, self.observations.size):
            raise InputError(
                f"got the shape {g.shape}",
                where="tell",
                remedy=f"give {self.members} members with {self.observations.size} observations each",
            )
        good: NDArray[np.bool_] = np.asarray(np.isfinite(g).all(axis=1), np.bool_)
        if good.sum() < FEWEST_MEMBERS:
            raise NumericsError(
                f"{int((~good).sum())} of {self.members} simulations gave no finite observations",
                where=f"iteration {len(self.history) + 1}",
                remedy="narrow the bounds of the parameters",
            )
        residuals = self._noise.whiten(self.observations - g[good])
        misfits = np.full(self.members, np.nan)
        misfits[good] = _mean_squares(residuals)
        misfit = float(_mean_squares(row_mean(residuals)[None])[0])
        best = int(np.nanargmin(misfits))
        if misfits[best] < self._best[0]:
            self._best = float(misfits[best]), self._u[best].copy()
        if self.stop == "discrepancy" and misfit <= self.discrepancy:
            self._note(misfit, misfits, 0.0, good)
            self._end(f"the misfit {misfit:.3g} is at most {self.discrepancy:g}")
            return
        h = self._next_step(_mean_squares(residuals) * self.observations.size / 2)
        moved = self._moved(self._u[good], residuals, h)
        u = self._u.copy()
        u[good] = moved
        u[~good] = self._drawn(moved, np.flatnonzero(~good))
        if self.inflation != 1.0:
            centre = row_mean(u)
            u = centre + self.inflation * (u - centre)
        self._u = u
        self._note(misfit, misfits, h, good)
        if self.stop == "posterior" and self.time >= 1.0 - 1e-12:
            self._end("the ensemble has reached the posterior, time 1")
        elif len(self.history) >= self.max_iterations:
            self._end(f"{self.max_iterations} iterations, the most that were asked for")

    def _moved(self, u: F64, residuals: F64, h: float) -> F64:
        """Members after a move, float64[m, parameters]; `residuals` R^-1/2 (y - g), float64[m, n]."""
        m = len(u)
        centre, mean_residual = row_mean(u), row_mean(residuals)
        deviations = u - centre
        space = MemberSpace((mean_residual - residuals) * np.sqrt(h / (m - 1)))  # of R^-1/2 (g - mean of g)
        if self.variant == "stochastic":
            drawn = normals(self.seed, OBSERVATION, len(self.history), m, residuals.shape[1])
            innovations = residuals + (drawn - row_mean(drawn)) * np.sqrt(m / (m - 1) / h)
            found: F64 = u + space.moves(innovations * np.sqrt(h), deviations)
            return found
        kept: F64 = centre + space.moves(mean_residual[None] * np.sqrt(h), deviations)
        return kept + space.root(deviations)

    def _drawn(self, u: F64, members: NDArray[np.int64]) -> F64:
        """Members in place of failed ones, of the normal distribution of the others, float64[failed, parameters]."""
        deviations = (u - row_mean(u)) / np.sqrt(len(u) - 1)
        drawn = normals(self.seed, REPLACED, len(self.history), members, len(u))
        return row_mean(u) + product(drawn, deviations)  # type: ignore[no-any-return]

    def _next_step(self, halves: F64) -> float:
        """h by the misfits Phi of members, which are halves of squares (Iglesias & Yang 2021, eq. 25)."""
        n = self.observations.size
        left = 1.0 - self.time if self.stop == "posterior" else np.inf
        if self._step is not None:
            return float(min(self._step, left))
        centre = float(row_mean(halves[:, None])[0])
        variance = float(row_mean((halves[:, None] - centre) ** 2)[0])
        asked = n / (2 * centre) if centre > 0 else np.inf
        if variance > 0:
            asked = max(asked, float(np.sqrt(n / (2 * variance))))
        return float(min(asked, left, 1.0))

    def _note(self, misfit: float, misfits: F64, h: float, good: NDArray[np.bool_]) -> None:
        deviations = self._u - row_mean(self._u)
        spread = np.sqrt(column_sums(deviations**2) / (self.members - 1))
        self.history.append(Iteration(misfit, misfits, h, self.time + h, int((~good).sum()), spread))

    def _end(self, reason: str) -> None:
        self.done, self.reason = True, reason

    # -- what was found -----------------------------------------------------------------------------------------

    @property
    def time(self) -> float:
        """The sum of steps so far; 1 is the posterior."""
        return self.history[-1].time if self.history else 0.0

    @property
    def ensemble(self) -> F64:
        """The parameters of all members at present, float64[members, parameters]."""
        return self.ask()

    @property
    def mean(self) -> dict[str, float]:
        """The centre of the ensemble: the mean of the unbounded parameters, within the bounds."""
        return self._named(row_mean(self._u))

    @property
    def best(self) -> dict[str, float]:
        """The member with the smallest misfit of all that were told; the centre of the prior before the first."""
        return self._named(self._best[1]) if self.history else self.mean

    @property
    def best_misfit(self) -> float:
        """Its |R^-1/2 (y - g)|^2 / n; infinite before the first `tell`."""
        return self._best[0]

    def interval(self, share: float = 0.9) -> dict[str, tuple[float, float]]:
        """Where this share of the ensemble lies, by parameter: (low, high) of its quantiles."""
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise refuse(share, "share", "a number between 0 and 1")
        low, high = np.quantile(self.ensemble, [(1 - share) / 2, (1 + share) / 2], axis=0)
        return {one.key: (float(a), float(b)) for one, a, b in zip(self.parameters, low, high, strict=True)}

    def _named(self, u: F64) -> dict[str, float]:
        values = to_bounded(self.parameters, u[None])[0]
        return {one.key: float(value) for one, value in zip(self.parameters, values, strict=True)}

    # -- going on later -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that another inversion of the same arguments needs to go on from here, as arrays."""
        scalars = np.array([[i.misfit, i.step, i.time, i.failed] for i in self.history]).reshape(-1, 4)
        return {
            "u": self._u.copy(),
            "best": np.concatenate([[self._best[0]], self._best[1]]),
            "history": scalars,
            "member_misfits": np.array([i.member_misfits for i in self.history]).reshape(-1, self.members),
            "spread": np.array([i.spread for i in self.history]).reshape(-1, len(self.parameters)),
            "reason": np.array(self.reason),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there. InputError for the state of another inversion."""
        shape = (self.members, len(self.parameters))
        if "u" not in state or np.shape(state["u"]) != shape:
            raise InputError(
                f"the state is not that of {shape[0]} members and {shape[1]} parameters",
                where="restore",
                remedy="use the arguments that the inversion began with",
            )
        self._u = np.array(state["u"], np.float64)
        best = np.array(state["best"], np.float64)
        self._best = float(best[0]), best[1:]
        rows = zip(state["history"], state["member_misfits"], state["spread"], strict=True)
        self.history = [Iteration(float(a), m, float(h), float(t), int(f), s) for (a, h, t, f), m, s in rows]
        self.reason = str(state["reason"])
        self.done = bool(self.reason)


def _series(observations: ArrayLike) -> F64:
    found = np.array(observations, np.float64)
    if found.ndim != 1 or not found.size:
        raise InputError(f"got the shape {found.shape}", where="observations", remedy="give one row of numbers")
    if not np.isfinite(found).all():
        number = int(np.flatnonzero(~np.isfinite(found))[0])
        raise InputError(
            f"observation {number} is {found[number]}", where="observations", remedy="leave it out, here and in tell"
        )
    return found


def _mean_squares(rows: F64) -> F64:
    """float64[n], mean squares of the rows of float64[n, m], in one order."""
    found: F64 = column_sums(np.ascontiguousarray(rows.T**2)) / rows.shape[1]
    return found
