"""A neuron that repeats what it receives."""

from __future__ import annotations

from dtbsim.models.base import NeuronModel
from dtbsim.models.tables import Receptor


class ParrotNeuron(NeuronModel):
    """Spikes as often in a step as spikes arrive in it; it has no states."""

    name = "parrot_neuron"
    summary = "Repeats every incoming spike in the step in which it arrives"
    citation = "the device of this name in NEST (Gewaltig and Diesmann 2007, doi:10.4249/scholarpedia.1430)"
    integration = (
        "none: a spike that left at t over a synapse with delay d is repeated at t + d. Several spikes that arrive in "
        "one step are all repeated in it, up to 254. Weights do not matter, as in NEST. Spikes at the port `silent` "
        "(NEST's port 1) are not repeated: it is for synapses whose plasticity is of interest"
    )
    equations = "spikes in a step = spikes that arrive at `syn` in it"
    receptors = (
        Receptor("syn", "1", "what arrives is repeated, whatever its weight", channel=0, takes="count"),
        Receptor("silent", "1", "what arrives is not repeated", channel=1),
    )
    current_unit = ""
    counts_spikes = True
    default_receptor = "syn"

    @staticmethod
    def update(in_syn: float, in_silent: float) -> tuple[float]:
        """As many spikes as arrive."""
        return (in_syn,)
