"""Which networks' state a GPU gives away and takes."""

from __future__ import annotations

from dtbsim.errors import InputError
from dtbsim.spec.network import Network


def check_static(network: Network) -> None:
    """Raise InputError for a projection whose synapses have a state: agendas and histories of GPUs are not read."""
    for projection in network.projections:
        if projection.dynamics is not None:
            raise InputError(
                "the state of synapses that change cannot be taken from a GPU, nor loaded there",
                where=projection.key_path,
                remedy="set simulation.backend: cpu",
            )
