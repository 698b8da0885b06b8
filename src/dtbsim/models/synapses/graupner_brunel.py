"""Calcium-based plasticity."""

from __future__ import annotations

from math import sqrt
from typing import Any

from dtbsim.models.language.elementary import exp, log
from dtbsim.models.synapses.base import WEIGHT_MAX, StatefulSynapse, Values
from dtbsim.models.synapses.parts import time_constant
from dtbsim.models.synapses.tables import WEIGHT, SynapseParameter, SynapseState


def lost(x: Any) -> Any:
    """1 - exp(-x) for x >= 0, without cancellation."""
    return x * (1.0 - x * (0.5 - x * 0.16666667)) if x < 0.01 else 1.0 - exp(-x)


def time_above(calcium: Any, theta: Any, tau: Any, interval: Any) -> Any:
    """How long calcium that decays stays above a threshold, at most `interval`."""
    ratio = calcium / theta
    return min(tau * log(ratio if ratio > 1.0 else 1.0), interval)


class GraupnerBrunel(StatefulSynapse):
    """Calcium-based plasticity (Graupner and Brunel 2012), without its noise.

    Calcium c jumps by C_pre when a spike of the source arrives and by C_post at one of the target, and decays with
    tau_Ca. The efficacy rho, 0 at `weight_min` and 1 at `weight_max`, follows

        tau_rho drho/dt = -bistability rho (1 - rho) (1/2 - rho)
                          + gamma_p (1 - rho) [c > theta_p] - gamma_d rho [c > theta_d]

    From spike to spike the terms of calcium are solved exactly, then the cubic one over the same interval, exactly as
    well; doing one after the other costs the square of (time above a threshold / tau_rho). `bistability` is 1 as
    published; with 0 the potential is flat, and the solution exact.

    The delay D of the calcium that the source causes is that of the projection beyond one step: for D = 13.7 ms,
    `delay_ms` is D + dt_ms. The defaults are the parameters DP.
    """

    name = "graupner_brunel"
    citation = "Graupner, Brunel 2012 (doi:10.1073/pnas.1109359109)"
    parameters = (
        WEIGHT_MAX,
        SynapseParameter("weight_min", WEIGHT, 0.0, "weight at rho = 0, with the same sign"),
        SynapseParameter("C_pre", "1", 1.0, "calcium by a spike of the source", low=0),
        SynapseParameter("C_post", "1", 2.0, "calcium by a spike of the target", low=0),
        time_constant("tau_Ca_ms", 20.0, "time constant of calcium"),
        SynapseParameter("theta_d", "1", 1.0, "calcium above which the synapse is depressed", low=0, open_low=True),
        SynapseParameter("theta_p", "1", 1.3, "calcium above which it is potentiated", low=0, open_low=True),
        SynapseParameter("gamma_d", "1", 200.0, "rate of depression", low=0),
        SynapseParameter("gamma_p", "1", 321.808, "rate of potentiation", low=0),
        time_constant("tau_rho_ms", 150_000.0, "time constant of the efficacy"),
        SynapseParameter("bistability", "1", 1.0, "strength of the cubic term; 0: flat potential", low=0),
    )
    derived = ("span", "inverse_span", "fading", "rate_both", "mean_both", "rate_p", "rate_d", "rate_cubic")
    states = (
        SynapseState("calcium", "calcium just after the last spike"),
        SynapseState("rest", "what the weight lacks to a whole number"),
    )
    functions = (lost, time_above)

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the rates of the pieces of an interval, per ms."""
        span, tau = p["weight_max"] - p["weight_min"], p["tau_rho_ms"]
        both = p["gamma_p"] + p["gamma_d"]
        return {
            "span": span,
            "inverse_span": 1.0 / span,
            "fading": 1.0 / p["tau_Ca_ms"],
            "rate_both": both / tau,
            "mean_both": p["gamma_p"] / both if both > 0 else 0.0,
            "rate_p": p["gamma_p"] / tau,
            "rate_d": p["gamma_d"] / tau,
            "rate_cubic": 0.5 * p["bistability"] / tau,
        }

    @staticmethod
    def between(
        interval_ms: Any,
        w: Any,
        calcium: Any,
        rest: Any,
        weight_min: Any,
        tau_Ca_ms: Any,
        theta_d: Any,
        theta_p: Any,
        span: Any,
        inverse_span: Any,
        fading: Any,
        rate_both: Any,
        mean_both: Any,
        rate_p: Any,
        rate_d: Any,
        rate_cubic: Any,
    ) -> tuple[Any, Any, Any]:
        """Return weight and states: above both thresholds first, then above the lower one, then the cubic term."""
        above_p = time_above(calcium, theta_p, tau_Ca_ms, interval_ms)
        above_d = time_above(calcium, theta_d, tau_Ca_ms, interval_ms)
        above_both = min(above_p, above_d)
        rho = (w - weight_min + rest) * inverse_span
        by_both = (mean_both - rho) * lost(above_both * rate_both)
        rho = rho + by_both
        by_p = (1.0 - rho) * lost((above_p - above_both) * rate_p)
        rho = rho + by_p
        by_d = -rho * lost((above_d - above_both) * rate_d)
        rho = rho + by_d
        # x = rho - 1/2 with dx/dt = 2 rate x (1/4 - x^2): 4 x^2 follows the logistic equation
        x = rho - 0.5
        u = max(1.0 - 4.0 * x * x, 0.0) * lost(interval_ms * rate_cubic)
        root = sqrt(1.0 - u)
        by_potential = x * u / (root * (1.0 + root))
        # the weight changes by a whole number, and what is left is kept: slow drifts add up
        change = (by_both + by_p + by_d + by_potential) * span + rest
        whole = (change + 12582912.0) - 12582912.0
        calcium = calcium * exp(-interval_ms * fading)
        return w + whole, 0.0 if calcium < 1e-15 else calcium, change - whole

    @staticmethod
    def on_target_spike(w: Any, calcium: Any, rest: Any, C_post: Any) -> tuple[Any, Any, Any]:
        """Return weight and states: the target has fired."""
        return w, calcium + C_post, rest

    @staticmethod
    def on_source_spike(w: Any, calcium: Any, rest: Any, C_pre: Any) -> tuple[Any, Any, Any]:
        """Return weight and states: a spike of the source arrives."""
        return w, calcium + C_pre, rest
