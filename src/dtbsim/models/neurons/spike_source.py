"""Populations that emit spikes without input: listed ones, or Poisson trains."""

from __future__ import annotations

from dtbsim.models.base import NeuronModel
from dtbsim.models.tables import Parameter


class SpikeSource(NeuronModel):
    """Emits the spikes of a list; it has no states, receives nothing and needs no update."""

    name = "spike_source"
    summary = "Emits the spike times it is given"
    integration = "none: a spike at time t is emitted at the step that ends at t"
    current_unit = ""
    is_source = True
    emits = "listed"


class PoissonSource(NeuronModel):
    """Emits spikes at random; it has no states, receives nothing and needs no update."""

    name = "poisson_source"
    summary = "Emits a Poisson spike train of its own, with a rate per neuron"
    integration = (
        "a neuron spikes in a step with the probability 1 - exp(-rate_hz dt), that of at least one event of a Poisson "
        "process, independently of all other steps and neurons: at most one spike per step, so the rate falls short of "
        "rate_hz by the part rate_hz dt / 2 for small rate_hz dt"
    )
    current_unit = ""
    is_source = True
    emits = "poisson"
    parameters = (Parameter("rate_hz", "Hz", 0.0, "rate of the Poisson process", low=0.0),)
