"""Hebbian plasticity that is symmetric in time, with a homeostatic tag."""

from __future__ import annotations

from typing import Any

from dtbsim.models.language.elementary import exp
from dtbsim.models.synapses.base import WEIGHT_MAX, StatefulSynapse, Values
from dtbsim.models.synapses.parts import time_constant
from dtbsim.models.synapses.tables import WEIGHT, SynapseParameter, SynapseState


def faded(x: Any, interval: Any, rate: Any) -> Any:
    """A trace after `interval`; tiny ones are 0, as subnormal numbers are slow."""
    left = x * exp(-interval * rate)
    return left if left > 1e-15 else 0.0


class SymmetricHebbian(StatefulSynapse):
    """Pairs of spikes potentiate whichever comes first, and bursts of the target draw the weight back to a tag.

    The pair term has the symmetric window of Mishra et al. (2016); the homeostatic terms are the heterosynaptic and
    the transmitter-induced plasticity of Zenke, Agnes and Gerstner (2015), with their slow reference weight as the tag
    of the synapse (without the double well of its own that it has there). At a spike of

        the target: w += learning_rate x - min(beta z^3, 1) (w - tag)
        the source: w += learning_rate y + delta

    with traces x of the source and y of the target that decay with tau_ms, and z of the target's earlier spikes that
    decays with tau_burst_ms. In between tau_tag dtag/dt = w - tag; the tag begins at the initial weight. As z grows
    with the rate of the target, its third power outgrows Hebbian potentiation and ends run-away activity.
    """

    name = "symmetric_hebbian"
    citation = (
        "Mishra, Kim, Guzman, Jonas 2016 (doi:10.1038/ncomms11552); "
        "Zenke, Agnes, Gerstner 2015 (doi:10.1038/ncomms7922)"
    )
    parameters = (
        WEIGHT_MAX,
        SynapseParameter("learning_rate", WEIGHT, None, "change by a pair at the same time", low=0),
        SynapseParameter("delta", WEIGHT, 0.0, "change by a spike of the source alone", low=0),
        SynapseParameter("beta", "1", 0.05, "strength of the heterosynaptic term", low=0),
        time_constant("tau_ms", 20.0, "time constant of the traces of pairs"),
        time_constant("tau_burst_ms", 20.0, "time constant of the trace of the target's bursts"),
        time_constant("tau_tag_ms", 1_200_000.0, "time constant of the tag"),
    )
    derived = ("rate", "rate_burst", "rate_tag")
    states = (
        SynapseState("pre", "trace of the source"),
        SynapseState("post", "trace of the target"),
        SynapseState("burst", "trace of the target's spikes for the heterosynaptic term"),
        SynapseState("gap", "weight less tag"),
    )
    functions = (faded,)

    def derive(self, p: Values, weight_unit: float) -> dict[str, float]:
        """Return the rates of decay, per ms."""
        return {
            "rate": 1.0 / p["tau_ms"],
            "rate_burst": 1.0 / p["tau_burst_ms"],
            "rate_tag": 1.0 / p["tau_tag_ms"],
        }

    @staticmethod
    def between(
        interval_ms: Any, w: Any, pre: Any, post: Any, burst: Any, gap: Any, rate: Any, rate_burst: Any, rate_tag: Any
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Return weight and states: traces decay, and the tag follows the weight."""
        pre = faded(pre, interval_ms, rate)
        post = faded(post, interval_ms, rate)
        burst = faded(burst, interval_ms, rate_burst)
        return w, pre, post, burst, gap * exp(-interval_ms * rate_tag)

    @staticmethod
    def on_target_spike(
        w: Any, pre: Any, post: Any, burst: Any, gap: Any, learning_rate: Any, beta: Any, weight_max: Any
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Return weight and states: the target has fired."""
        raised = w + learning_rate * pre - min(beta * burst * burst * burst, 1.0) * gap
        raised = min(max(raised, 0.0), weight_max)
        return raised, pre, post + 1.0, burst + 1.0, gap + (raised - w)

    @staticmethod
    def on_source_spike(
        w: Any, pre: Any, post: Any, burst: Any, gap: Any, learning_rate: Any, delta: Any, weight_max: Any
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Return weight and states: a spike of the source arrives."""
        raised = min(w + learning_rate * post + delta, weight_max)
        return raised, pre + 1.0, post, burst, gap + (raised - w)
