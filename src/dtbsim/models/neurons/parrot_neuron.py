"""A neuron that repeats what it receives."""

from __future__ import annotations

from dtbsim.models.base import NeuronModel
from dtbsim.models.tables import Receptor


class ParrotNeuron(NeuronModel):
    """Spikes in every step in which input arrives; it has no states."""

    name = "parrot_neuron"
    summary = "Repeats every incoming spike: spikes in the step in which it arrives"
    citation = "the device of this name in NEST (Gewaltig and Diesmann 2007, doi:10.4249/scholarpedia.1430)"
    integration = (
        "none: a spike that left at t over a synapse with delay d is repeated at t + d. A step holds one spike, "
        "however many arrive in it: how many is lost (NEST passes it on). Weights do not matter unless those of one "
        "step add up to 0: give all the same sign"
    )
    equations = "spikes in a step  <=>  sum of the weights that arrive in it != 0"
    receptors = (Receptor("syn", "1", "what arrives is repeated; any weight but 0", channel=0),)
    current_unit = ""

    @staticmethod
    def update(in_syn: float) -> tuple[bool]:
        """Spike where something arrives."""
        return (in_syn != 0.0,)
