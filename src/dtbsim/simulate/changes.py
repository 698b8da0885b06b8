"""What changes a network while it runs: objects in a list, each fed with every chunk."""

from __future__ import annotations

from typing import Protocol

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.record.chunk import Chunk
from dtbsim.simulate.controllers import Controller, tonic_items
from dtbsim.simulate.scaling import Scaling, check_scaling, scaling_items
from dtbsim.spec.network import Network


class Change(Protocol):
    """One change on one rank. It may set parameters and scale weights; all ranks must decide the same."""

    def begin(self, backend: Backend) -> None:
        """Set what holds from the first step on."""
        ...

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Follow a chunk that has just been computed; what is set holds from `chunk.stop` on.

        May raise StorageError or NumericsError on this rank alone.
        """
        ...


def check_changes(network: Network) -> None:
    """InputError where a controller does not fit the network; needs nothing that is built."""
    for name, item in tonic_items(network):
        Controller(network, name, item, 1)
    for name, scaled in scaling_items(network):
        check_scaling(network, name, scaled)


def count_units(network: Network) -> list[int]:
    """Steps that the unit of counting must divide."""
    return [steps_of(item.interval_ms, network.dt_ms) for _, item in tonic_items(network)]


def change_intervals(network: Network) -> list[int]:
    """Steps after whose multiples something changes: no chunk goes beyond them."""
    scaled = [steps_of(item.interval_ms, network.dt_ms) for _, item in scaling_items(network)]
    return count_units(network) + scaled


def open_changes(network: Network, backend: Backend, unit: int) -> list[Change]:
    """Every configured change on this rank; `unit` is the number of steps of a unit of counting (0: no counts)."""
    scaling = [Scaling(network, name, item, backend) for name, item in scaling_items(network)]
    return [*scaling, *(Controller(network, name, item, unit or 1) for name, item in tonic_items(network))]
