"""Short-term depression and facilitation."""

from __future__ import annotations

from typing import Any

from dtbsim.models.synapses.base import SourceSynapse
from dtbsim.models.synapses.tables import Decay, SourceState, SynapseParameter


class TsodyksMarkram(SourceSynapse):
    """Short-term depression and facilitation (Tsodyks, Pawelzik, Markram 1998; NEST's `tsodyks2_synapse`).

    A spike transmits weight * x * u: x is the available share of resources, which recovers to 1 with `tau_rec_ms`; u
    the share that a spike uses, which returns to `U` with `tau_fac_ms` (0: it stays `U`). Before its first spike a
    source has x = 1, u = U. The state belongs to the source neuron: all its synapses of the projection share it.
    """

    name = "tsodyks_markram"
    citation = "Tsodyks, Pawelzik, Markram 1998"
    parameters = (
        SynapseParameter("U", "1", None, "share of resources that a single spike uses", low=0, high=1, open_low=True),
        SynapseParameter("tau_rec_ms", "ms", None, "recovery time constant of the resources", low=0),
        SynapseParameter("tau_fac_ms", "ms", 0.0, "time constant of facilitation; 0: none", low=0),
    )
    states = (
        SourceState("x", "share of resources that is available", default=1.0),
        SourceState("u", "share of it that a spike uses", default="U"),
    )
    decays = (Decay("recovery", "tau_rec_ms"), Decay("forgetting", "tau_fac_ms"))

    @staticmethod
    def on_source_spike(x: Any, u: Any, recovery: Any, forgetting: Any, U: Any) -> tuple[Any, Any, Any]:
        """Return the new states and the share that is transmitted."""
        x = 1.0 + (x - x * u - 1.0) * recovery
        u = U + u * (1.0 - U) * forgetting
        return x, u, x * u
