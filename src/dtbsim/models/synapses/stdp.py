"""Pair-based STDP."""

from __future__ import annotations

from typing import Any

from dtbsim.models.synapses.base import WEIGHT_MAX, PlasticSynapse, Values
from dtbsim.models.synapses.parts import MINUS, PLUS, TAU_MINUS, TAU_PLUS, power
from dtbsim.models.synapses.tables import SynapseParameter


class STDP(PlasticSynapse):
    """Pair-based spike-timing dependent plasticity (Guetig et al. 2003; NEST's `stdp_synapse`).

    With weight w = weight / weight_max, a target's spike at trace k of the source: w += learning_rate (1 - w)^mu_plus
    k; a source's spike at trace k of the target: w -= alpha learning_rate w^mu_minus k; w stays within 0 and 1.
    mu_plus = mu_minus = 0: additive (Song et al. 2000); both 1: multiplicative (Rubin et al. 2001); 0 and 1: van
    Rossum et al. 2000.

    A pair counts by t_post + delay_ms - t_pre, as `delay_ms`, at least one step, is dendritic: above 0 it potentiates,
    below it depresses, at 0 it changes nothing. A source's spike transmits what is left after depression.
    """

    name = "stdp"
    citation = "Guetig, Aharonov, Rotter, Sompolinsky 2003"
    parameters = (
        WEIGHT_MAX,
        SynapseParameter("learning_rate", "1", 0.01, "step size (NEST: lambda)", low=0, high=1),
        SynapseParameter("alpha", "1", 1.0, "depression over potentiation", low=0),
        SynapseParameter("mu_plus", "1", 1.0, "exponent of the weight in potentiation", low=0),
        SynapseParameter("mu_minus", "1", 1.0, "exponent of the weight in depression", low=0),
        TAU_PLUS,
        TAU_MINUS,
    )
    derived = ("inverse_max", "down")
    traces = (PLUS, MINUS)
    functions = (power,)
    pairs_only = True

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the constants that are not given as they are."""
        return {"inverse_max": 1.0 / p["weight_max"], "down": p["learning_rate"] * p["alpha"]}

    @staticmethod
    def on_target_spike(w: Any, pre: Any, weight_max: Any, inverse_max: Any, learning_rate: Any, mu_plus: Any) -> Any:
        """Return the new weight: the target has fired."""
        x = w * inverse_max
        return (x + learning_rate * power(1.0 - x, mu_plus) * pre) * weight_max

    @staticmethod
    def on_source_spike(w: Any, post: Any, weight_max: Any, inverse_max: Any, down: Any, mu_minus: Any) -> Any:
        """Return the new weight: the source has fired."""
        x = w * inverse_max
        return (x - down * power(x, mu_minus) * post) * weight_max
