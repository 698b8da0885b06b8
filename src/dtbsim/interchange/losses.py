"""What no format holds of a network: changes during the run, controllers, results."""

from __future__ import annotations

from collections.abc import Iterator

from dtbsim.interchange.base import Loss
from dtbsim.spec.network import Network, Projection


def source_losses(network: Network) -> Iterator[Loss]:
    """Sources that draw their spikes while the network runs, and parameters that a controller changes."""
    for family in network.families:
        if family.declared.emits == "poisson":
            yield Loss(
                "a poisson_source is drawn while the network runs", family.key_path, "sources without spikes", True,
                "give its spikes as those of a spike_source",
            )  # fmt: skip
        if family.controlled:
            names = ", ".join(sorted(family.controlled))
            yield Loss(f"{names} change during the run", family.key_path, "what they are at the beginning", True)


def plasticity_loss(projection: Projection) -> Iterator[Loss]:
    """Plastic synapses and short-term plasticity."""
    if projection.dynamics is not None:
        kind = projection.dynamics.model.name
        yield Loss(
            f"synapses of kind '{kind}' change with activity", f"{projection.key_path}.synapse",
            "static synapses with the weights they begin with", True,
        )  # fmt: skip


def run_losses(network: Network) -> Iterator[Loss]:
    """What happens in a run beside the network."""
    if network.changes or network.weight_changes:
        yield Loss("changes during the run", "changes", "values of the beginning", True)
    if network.noise_seeds:
        yield Loss("another seed of the noise during the run", "changes", "the first one", True)
    for request in network.controllers:
        yield Loss(f"the controller '{request.name}'", f"controllers.{request.name}", "nothing", True)
    for request in network.signals:
        yield Loss(f"the signal '{request.name}'", f"signals.{request.name}", "nothing")
    if network.records.bold is not None:
        yield Loss("BOLD", "record.bold", "nothing")
    if network.records.weights:
        yield Loss("recorded weights", "record.weights", "nothing")
