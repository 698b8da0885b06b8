"""Inhibitory plasticity that balances excitation."""

from __future__ import annotations

from typing import Any

from dtbsim.models.synapses.base import WEIGHT_MAX, PlasticSynapse, Values
from dtbsim.models.synapses.parts import time_constant
from dtbsim.models.synapses.tables import WEIGHT, SynapseParameter, Trace


class VogelsSprekeler(PlasticSynapse):
    """Inhibitory plasticity towards a target rate (Vogels et al. 2011; NEST's `vogels_sprekeler_synapse`).

    A target's spike at trace x of the source: w += learning_rate x; a source's spike at trace y of the target:
    w += learning_rate (y - alpha) with alpha = 2 target_rate tau (NEST: alpha), so that w falls where the target is
    silent. Both traces decay with `tau_ms`, and pairs count whichever spike comes first. In a balanced state the target
    fires at `target_rate_hz`.
    """

    name = "vogels_sprekeler"
    citation = "Vogels, Sprekeler, Zenke, Clopath, Gerstner 2011"
    parameters = (
        WEIGHT_MAX,
        SynapseParameter("learning_rate", WEIGHT, None, "change by a pair at the same time (NEST: eta)", low=0),
        SynapseParameter("target_rate_hz", "Hz", 5.0, "rate of the target at which weights stay", low=0),
        time_constant("tau_ms", 20.0, "time constant of the traces of both ends"),
    )
    derived = ("alpha",)
    traces = (
        Trace("pre", "source", "tau_ms", read_by="target"),
        Trace("post", "target", "tau_ms", read_by="source"),
    )

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the depression by a spike of the source, over the learning rate."""
        return {"alpha": 2e-3 * p["target_rate_hz"] * p["tau_ms"]}

    @staticmethod
    def on_target_spike(w: Any, pre: Any, learning_rate: Any) -> Any:
        """Return the new weight: the target has fired."""
        return w + learning_rate * pre

    @staticmethod
    def on_source_spike(w: Any, post: Any, learning_rate: Any, alpha: Any, weight_max: Any) -> Any:
        """Return the new weight: the source has fired."""
        return min(w + learning_rate * post, weight_max) - learning_rate * alpha
