"""A synapse model: weights grow with spikes close together in either order, and fall with every spike of the source."""

from dtbsim.models.synapses.base import WEIGHT_MAX, PlasticSynapse
from dtbsim.models.synapses.parts import time_constant
from dtbsim.models.synapses.tables import WEIGHT, SynapseParameter, Trace


class Hebb(PlasticSynapse):
    """w += rate x at a target's spike, w += rate y - cost at a source's, with traces x and y of the other end."""

    name = "hebb"
    citation = "symmetric window as in hippocampal CA3, Mishra et al. 2016, Nat Commun 7:11552"
    parameters = (
        WEIGHT_MAX,
        SynapseParameter("rate", WEIGHT, None, "change by a pair at the same time", low=0),
        SynapseParameter("cost", WEIGHT, None, "fall by a spike of the source", low=0),
        time_constant("tau_ms", 20.0, "time constant of the traces of both ends"),
    )
    traces = (
        Trace("pre", "source", "tau_ms", read_by="target"),
        Trace("post", "target", "tau_ms", read_by="source"),
    )

    @staticmethod
    def on_target_spike(w, pre, rate):
        """Return the new weight: the target has fired."""
        return w + rate * pre

    @staticmethod
    def on_source_spike(w, post, rate, cost, weight_max):
        """Return the new weight: the source has fired."""
        return min(w + rate * post, weight_max) - cost
