"""Fits of regional parameters in closed form, for `left_out_people.py`.

Near their fixed points the linear network, the dynamic mean field with feedback inhibition and Hopf oscillators below
their bifurcation are linear with noise, and their FC has a closed form with a closed-form gradient. So a number for
each region can be fitted in a second; a ridge holds it near the same number for all. How strong the ridge is, is chosen
within the people that are fitted: each of them is left out in turn. Whoever is left out of all has no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from dtbsim.analysis.fc import fc_correlation
from dtbsim.models.regions.deco_2014 import Deco2014
from dtbsim.spec.feedback_inhibition import balancing_inhibition

F64 = NDArray[np.float64]

RIDGES = (0.0001, 0.001, 0.01, 0.1)
"""Candidates; the loss is 1 - r + ridge times the mean square of the deviations in units of the model."""
_BARRIER = 1e-4
_SLOWEST_S = 20.0
"""Time constant of the slowest mode of oscillators: slower ones are not seen in fifteen minutes."""
_TARGET_HZ = 3.0
_UNSTABLE = 10.0


class Model(Protocol):
    """FC of parameters: theta[0] is the coupling, 1 the edge of the network with equal regions; the others deviate."""

    n_parameters: int
    bounds: list[tuple[float | None, float | None]] | None

    def fc(self, theta: F64) -> tuple[F64, Callable[[F64], F64]] | None:
        """FC and what turns its gradient into that of theta; None where the network is unstable."""

    def penalty(self, theta: F64) -> tuple[float, F64]:
        """What is added to the loss, and its gradient."""


@dataclass(frozen=True)
class Fitted:
    """The parameters of the best fit, its FC, its correlation with what was fitted, and the ridge."""

    theta: F64
    fc: F64
    r: float
    ridge: float


def fitted(model: Model, fc: F64, ridge: float, start: F64 | None = None, iterations: int = 100) -> Fitted:
    """Fit a model to an FC with a ridge on what is regional."""
    first = np.zeros(1 + model.n_parameters)
    first[0] = 0.9
    pairs = np.triu_indices(len(fc), 1)
    y = fc[pairs] - fc[pairs].mean()
    y /= np.linalg.norm(y)

    def loss(theta: F64) -> tuple[float, F64]:
        found = model.fc(theta)
        if found is None:
            return _UNSTABLE, np.zeros_like(theta)
        x = found[0][pairs] - found[0][pairs].mean()
        size = np.linalg.norm(x)
        if not np.isfinite(size) or size == 0:
            return _UNSTABLE, np.zeros_like(theta)
        r = float(x @ y / size)
        upper = np.zeros_like(fc)
        upper[pairs] = -(y - r * x / size) / size
        gradient = found[1]((upper + upper.T) / 2)
        rest = theta[1:]
        gradient[1:] += 2 * ridge * rest / max(rest.size, 1)
        penalty, of_penalty = model.penalty(theta)
        return 1 - r + penalty + ridge * float(rest @ rest) / max(rest.size, 1), gradient + of_penalty

    best = min(
        (
            minimize(loss, at, jac=True, method="L-BFGS-B", bounds=model.bounds, options={"maxiter": iterations})
            for at in ([first, first * 0.7] if start is None else [start])
        ),
        key=lambda found: float(found.fun),
    )
    found = model.fc(best.x)
    assert found is not None
    return Fitted(best.x, found[0], fc_correlation(found[0], fc), ridge)


def fitted_with_chosen_ridge(model: Model, fcs: Sequence[F64], ridges: Sequence[float] = RIDGES) -> Fitted:
    """Fit the mean of people; the ridge is that with which fits of all but one predict that one best."""
    everybody = np.mean(fcs, axis=0)
    whole = {ridge: fitted(model, everybody, ridge) for ridge in ridges}
    scores = dict.fromkeys(ridges, 0.0)
    for k, left_out in enumerate(fcs):
        mean = np.mean([fc for j, fc in enumerate(fcs) if j != k], axis=0)
        for ridge in ridges:
            scores[ridge] += fc_correlation(fitted(model, mean, ridge, whole[ridge].theta).fc, left_out)
    return whole[max(ridges, key=lambda ridge: scores[ridge])]


def _correlations(covariance: F64) -> tuple[F64, Callable[[F64], F64]]:
    """Correlations of a covariance, and from the symmetric gradient of these that of the covariance."""
    scale = 1 / np.sqrt(covariance.diagonal())
    fc = covariance * np.outer(scale, scale)

    def back(gradient: F64) -> F64:
        own = (gradient * fc).sum(axis=1) * scale**2
        return gradient * np.outer(scale, scale) - np.diag(own)

    return fc, back


def symmetric(weights: F64) -> F64:
    """Both directions alike, the largest eigenvalue 1."""
    half = (weights + weights.T) / 2
    return np.asarray(half / np.linalg.eigvalsh(half)[-1])


class SymmetricNetwork:
    """FC of dx/dt = -(diag(d) - g W) x + noise at low frequencies, W symmetric, equal noise.

    With the eigenvalues and vectors of the matrix M the covariance is V f(values) V', where f is the power of a mode:
    1 / value^2 of frequencies far below all values. The gradient is that of a function of a symmetric matrix (Daleckii
    and Krein): divided differences of f.
    """

    coupling, low, high = 1.0, -4.0, 4.0

    def __init__(self, weights: F64, maps: F64 | None = None) -> None:
        self.weights = symmetric(weights)
        self.maps = np.eye(len(weights)) if maps is None else maps
        self.n_parameters = self.maps.shape[1]
        self.bounds = [(0.0, None)] + [(self.low, self.high)] * len(weights) if maps is None else None

    def own(self, theta: F64) -> tuple[F64, F64, F64]:
        """d, its derivative by the coupling, and by the deviation of each region."""
        own = np.exp(self.maps @ theta[1:])
        return own, np.zeros(len(own)), own

    def penalty(self, theta: F64) -> tuple[float, F64]:
        """None."""
        return 0.0, np.zeros_like(theta)

    def power(self, values: F64) -> tuple[F64, F64]:
        """f of each mode, and its derivative."""
        return values**-2, -2 * values**-3

    def fc(self, theta: F64) -> tuple[F64, Callable[[F64], F64]] | None:
        """See `Model`."""
        own, by_coupling, by_deviation = self.own(theta)
        g = self.coupling * theta[0]
        values, vectors = np.linalg.eigh(np.diag(own) - g * self.weights)
        deviation = self.maps @ theta[1:]
        if values[0] < _BARRIER or deviation.min() < self.low - 1e-9 or deviation.max() > self.high + 1e-9:
            return None
        power, slope = self.power(values)
        fc, to_covariance = _correlations((vectors * power) @ vectors.T)

        def back(gradient: F64) -> F64:
            inner = vectors.T @ to_covariance(gradient) @ vectors
            apart = values[:, None] - values[None]
            near = np.abs(apart) < 1e-7 * values[-1]
            ratio = (power[:, None] - power[None]) / np.where(near, 1.0, apart)
            ratio = np.where(near, (slope[:, None] + slope[None]) / 2, ratio)
            of_matrix = vectors @ (inner * ratio) @ vectors.T
            diagonal = of_matrix.diagonal()
            of_g = -self.coupling * float((of_matrix * self.weights).sum()) + float(diagonal @ by_coupling)
            return np.concatenate([[of_g], self.maps.T @ (diagonal * by_deviation)])

        return fc, back


class MeanField(SymmetricNetwork):
    """The dynamic mean field (Deco 2014) with feedback inhibition at 3 Hz, whose local excitation differs.

    The equations of `dtbsim.spec.feedback_inhibition`, divided by beta J_N. BOLD is driven by the rate, which is
    alpha S_E less the noise, and its power is that of the modes over the frequencies that haemodynamics let through.
    Deviations are in units of 0.2 of w_plus, which stays between 0.6 and 2.
    """

    unit, middle, low, high = 0.2, 1.4, -4.0, 3.0

    def __init__(self, weights: F64, maps: F64 | None = None) -> None:
        super().__init__(weights, maps)
        n = len(weights)
        p = {parameter.name: parameter.default for parameter in Deco2014.parameters}
        through = p["gamma_E"] * p["tau_E_ms"] * _TARGET_HZ
        s_e = through / (1 + through)
        zero = np.zeros(n)
        strength = self.weights.sum(axis=1)
        base = balancing_inhibition({**p, "w_plus": 0.0}, zero, _TARGET_HZ)
        j_w = balancing_inhibition({**p, "w_plus": 1.0}, zero, _TARGET_HZ) - base
        j_g = balancing_inhibition({**p, "w_plus": 0.0}, strength, _TARGET_HZ) - base

        def gain(x: float, a: float, b: float, d: float) -> float:
            return (a * x - b) / (1 - np.exp(-d * (a * x - b)))

        def slope(x: float, a: float, b: float, d: float) -> float:
            return (gain(x + 1e-7, a, b, d) - gain(x - 1e-7, a, b, d)) / 2e-7

        excitatory, inhibitory = (p["a_E"], p["b_E_Hz"], p["d_E_s"]), (p["a_I"], p["b_I_Hz"], p["d_I_s"])
        currents = np.linspace(0.3, 0.5, 200001)
        i_e = float(currents[np.argmin(np.abs(gain(currents, *excitatory) - _TARGET_HZ))])  # type: ignore[arg-type]
        s_i = 0.04
        for _ in range(200):
            i_i = p["W_I"] * p["I_0_nA"] + p["J_N_nA"] * s_e - s_i
            s_i += 0.1 * (p["tau_I_ms"] * p["gamma_I"] * gain(i_i, *inhibitory) - s_i)
        answer = p["gamma_I"] * slope(i_i, *inhibitory)
        kappa = answer / (1 / p["tau_I_ms"] + answer)
        beta = (1 - s_e) * p["gamma_E"] * slope(i_e, *excitatory)
        alpha = (1 / p["tau_E_ms"] + p["gamma_E"] * _TARGET_HZ) / (beta * p["J_N_nA"])
        self._at = alpha + kappa * base
        self._by_w, self._by_g = kappa * j_w - 1, kappa * j_g
        self._alpha, self._rate_per_s = alpha, 1000 * beta * p["J_N_nA"]
        self._frequencies, self._passed = passed_by_haemodynamics()
        low, high = 0.01, 5.0
        for _ in range(60):
            middle = (low + high) / 2
            matrix = np.diag(self._at + self._by_w * self.middle + self._by_g * middle) - middle * self.weights
            low, high = (middle, high) if np.linalg.eigvalsh(matrix)[0] > 0 else (low, middle)
        self.coupling = low

    def own(self, theta: F64) -> tuple[F64, F64, F64]:
        """See `SymmetricNetwork`."""
        w_plus = self.w_plus(theta)
        by_g = self.coupling * self._by_g
        return self._at + self._by_w * w_plus + by_g * theta[0], by_g, self._by_w * self.unit

    def power(self, values: F64) -> tuple[F64, F64]:
        """See `SymmetricNetwork`."""
        omega = 2 * np.pi * self._frequencies / self._rate_per_s
        alpha, square = self._alpha, values[:, None] ** 2 + omega**2
        shifted = (alpha - values[:, None]) ** 2 + omega**2
        slope = (2 * (values[:, None] - alpha) * square - 2 * values[:, None] * shifted) / square**2
        return (shifted / square) @ self._passed, slope @ self._passed

    def w_plus(self, theta: F64) -> F64:
        """Local excitation of every region."""
        return np.asarray(self.middle + self.unit * (self.maps @ theta[1:]))


class Oscillators:
    """Hopf oscillators below the bifurcation: dz/dt = (-a exp(d) + i omega) z + a g W z + noise; FC of Re z.

    theta is the coupling, log of a over 0.2 / s, and deviations of regions; omega in 1/s is given.
    """

    unit_per_s = 0.2

    def __init__(self, weights: F64, omega: F64, maps: F64 | None = None) -> None:
        self.weights, self.omega = symmetric(weights), omega
        self.maps = np.eye(len(weights)) if maps is None else maps
        self.n_parameters = 1 + self.maps.shape[1]
        regional: tuple[float | None, float | None] = (-2.0, 2.0) if maps is None else (None, None)
        self.bounds = [(0.0, None), (-3.0, 2.5), *[regional] * self.maps.shape[1]]

    def _modes(self, theta: F64) -> tuple[F64, float, NDArray[np.complex128], NDArray[np.complex128]]:
        own, unit = self.a(theta), self.unit_per_s * float(np.exp(theta[1]))
        values, vectors = np.linalg.eig(np.diag(-own + 1j * self.omega) + unit * theta[0] * self.weights)
        return own, unit, values, vectors

    def penalty(self, theta: F64) -> tuple[float, F64]:
        """Of a slowest mode that is slower than `_SLOWEST_S`: the square of how far."""
        own, unit, values, vectors = self._modes(theta)
        k = int(values.real.argmax())
        beyond = max(0.0, 1 + _SLOWEST_S * float(values[k].real))
        left = np.linalg.inv(vectors)[k]
        diagonal = -own * (left * vectors[:, k]).real
        of_g = unit * float((left @ self.weights @ vectors[:, k]).real)
        of_value = np.concatenate([[of_g, float(diagonal.sum()) + of_g * theta[0]], self.maps.T @ diagonal])
        return beyond**2, 2 * beyond * _SLOWEST_S * of_value

    def a(self, theta: F64) -> F64:
        """Distance from the bifurcation of every region, 1/s; positive is below."""
        return np.asarray(self.unit_per_s * np.exp(theta[1] + self.maps @ theta[2:]))

    def fc(self, theta: F64) -> tuple[F64, Callable[[F64], F64]] | None:
        """See `Model`."""
        own, unit, values, vectors = self._modes(theta)
        if values.real.max() > -_BARRIER:
            return None
        inverse = np.linalg.inv(vectors)
        sums = values[:, None] + values.conj()[None]

        def solved(right: NDArray[np.complex128], left: NDArray[np.complex128], q: F64) -> NDArray[np.complex128]:
            """X with M X + X M* = -q."""
            return np.asarray(right @ ((left @ q @ left.conj().T) / -sums) @ right.conj().T)

        covariance = solved(vectors, inverse, np.eye(len(own)))
        fc, to_covariance = _correlations(covariance.real)

        def back(gradient: F64) -> F64:
            of_covariance = to_covariance(gradient)
            turned = inverse.conj().T @ ((vectors.conj().T @ of_covariance @ vectors) / -sums.conj()) @ inverse
            of_matrix = 2 * (covariance @ turned).real.T
            diagonal = -own * of_matrix.diagonal()
            of_g = unit * float((of_matrix * self.weights).sum())
            return np.concatenate([[of_g, float(diagonal.sum()) + of_g * theta[0]], self.maps.T @ diagonal])

        return fc, back


def passed_by_haemodynamics(highest_hz: float = 0.5, n: int = 200) -> tuple[F64, F64]:
    """Frequencies (Hz) and the share of white power that the haemodynamic response lets through at each.

    The response is the canonical difference of two gamma functions (Friston 1998, doi:10.1006/nimg.1997.0306).
    """
    t = np.arange(0, 40, 0.1)
    response = t**5 * np.exp(-t) / 120 - t**15 * np.exp(-t) / math.factorial(15) / 6
    frequencies = (np.arange(n) + 0.5) * highest_hz / n
    passed = np.abs(np.exp(-2j * np.pi * np.outer(frequencies, t)) @ response) ** 2
    return frequencies, np.asarray(passed / passed.sum())


def peak_frequencies(series: Sequence[F64], tr_s: float, low_hz: float = 0.01, high_hz: float = 0.1) -> F64:
    """float64[region]: angular frequency (1/s) at the centre of the spectrum, in a band, of series [time, region]."""
    power, weighted = 0.0, 0.0
    for one in series:
        frequencies = np.fft.rfftfreq(len(one), tr_s)
        inside = (frequencies >= low_hz) & (frequencies <= high_hz)
        found = np.abs(np.fft.rfft((one - one.mean(axis=0)) / one.std(axis=0), axis=0)[inside]) ** 2 / len(one)
        power, weighted = power + found.sum(axis=0), weighted + frequencies[inside] @ found
    return np.asarray(2 * np.pi * weighted / power)
