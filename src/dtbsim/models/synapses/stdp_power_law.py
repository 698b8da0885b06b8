"""Pair-based STDP with a power law."""

from __future__ import annotations

from typing import Any

from dtbsim.models.synapses.base import WEIGHT_MAX, PlasticSynapse, Values
from dtbsim.models.synapses.parts import MINUS, PLUS, TAU_MINUS, TAU_PLUS, power
from dtbsim.models.synapses.tables import WEIGHT, SynapseParameter


class STDPPowerLaw(PlasticSynapse):
    """Pair-based plasticity with a power law (Morrison, Aertsen, Diesmann 2007; NEST's `stdp_pl_synapse_hom`).

    A target's spike at trace k of the source: w += learning_rate w^mu k; a source's at trace k of the target:
    w -= learning_rate alpha w k. The weight w is in its own unit, so that `learning_rate` belongs to that unit.
    """

    name = "stdp_power_law"
    citation = "Morrison, Aertsen, Diesmann 2007"
    parameters = (
        SynapseParameter("learning_rate", "1", 0.1, "step size (NEST: lambda)", low=0),
        SynapseParameter("alpha", "1", 1.0, "depression over potentiation", low=0),
        SynapseParameter("mu", "1", 0.4, "exponent of the weight in potentiation", low=0),
        TAU_PLUS,
        TAU_MINUS,
        SynapseParameter(
            "weight_max",
            WEIGHT,
            None,
            f"{WEIGHT_MAX.description}; default: 100 times the largest initial weight",
            optional=True,
        ),
    )
    derived = ("up", "down")
    traces = (PLUS, MINUS)
    functions = (power,)
    pairs_only = True

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the step sizes for weights in `weight_unit`."""
        rate = p["learning_rate"]
        return {"up": rate * weight_unit ** (p["mu"] - 1.0), "down": rate * p["alpha"]}

    @staticmethod
    def on_target_spike(w: Any, pre: Any, up: Any, mu: Any) -> Any:
        """Return the new weight: the target has fired."""
        return w + up * power(w, mu) * pre

    @staticmethod
    def on_source_spike(w: Any, post: Any, down: Any) -> Any:
        """Return the new weight: the source has fired."""
        return w - down * w * post
