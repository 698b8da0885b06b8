"""A population that emits given spikes."""

from __future__ import annotations

from dtbsim.models.base import NeuronModel


class SpikeSource(NeuronModel):
    """Emits the spikes of a list; it has no states, receives nothing and needs no update."""

    name = "spike_source"
    summary = "Emits the spike times it is given"
    integration = "none: a spike at time t is emitted at the step that ends at t"
    current_unit = ""
    is_source = True
