"""The triplet rule."""

from __future__ import annotations

from typing import Any

from dtbsim.models.synapses.base import WEIGHT_MAX, PlasticSynapse
from dtbsim.models.synapses.parts import MINUS, PLUS, TAU_MINUS, TAU_PLUS, time_constant
from dtbsim.models.synapses.tables import WEIGHT, SynapseParameter, Trace


class STDPTriplet(PlasticSynapse):
    """Triplet rule (Pfister and Gerstner 2006; NEST's `stdp_triplet_synapse`), A in the unit of the weight.

    A target's spike: w += r1 (A2_plus + A3_plus o2); a source's: w -= o1 (A2_minus + A3_minus r2), with the fast and
    slow traces r1, r2 of the source and o1, o2 of the target just before that spike.
    """

    name = "stdp_triplet"
    citation = "Pfister, Gerstner 2006"
    parameters = (
        WEIGHT_MAX,
        SynapseParameter("A2_plus", WEIGHT, 5e-10, "potentiation by pairs", low=0),
        SynapseParameter("A3_plus", WEIGHT, 6.2e-3, "potentiation by triplets", low=0),
        SynapseParameter("A2_minus", WEIGHT, 7e-3, "depression by pairs", low=0),
        SynapseParameter("A3_minus", WEIGHT, 2.3e-4, "depression by triplets", low=0),
        time_constant("tau_plus_ms", 16.8, TAU_PLUS.description),
        time_constant("tau_plus_slow_ms", 101.0, "slow trace of the source's spikes"),
        time_constant("tau_minus_ms", 33.7, TAU_MINUS.description),
        time_constant("tau_minus_slow_ms", 125.0, "slow trace of the target's spikes"),
    )
    traces = (
        PLUS,
        Trace("pre_slow", "source", "tau_plus_slow_ms", read_by="source"),
        MINUS,
        Trace("post_slow", "target", "tau_minus_slow_ms", read_by="target"),
    )
    pairs_only = True

    @staticmethod
    def on_target_spike(w: Any, pre: Any, post_slow: Any, A2_plus: Any, A3_plus: Any) -> Any:
        """Return the new weight: the target has fired."""
        return w + pre * (A2_plus + A3_plus * post_slow)

    @staticmethod
    def on_source_spike(w: Any, post: Any, pre_slow: Any, A2_minus: Any, A3_minus: Any) -> Any:
        """Return the new weight: the source has fired."""
        return w - post * (A2_minus + A3_minus * pre_slow)
