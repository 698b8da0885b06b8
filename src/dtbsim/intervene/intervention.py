"""What an intervention is: an object that changes a network while it runs, and its kind, which a registry knows.

A package adds a kind by an entry point of the group "dtbsim.interventions"; its object has the attributes of `Kind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.config.controllers import ControllerOptions
from dtbsim.record.chunk import Chunk
from dtbsim.spec.network import Network

State = Mapping[str, NDArray[np.float64] | NDArray[np.int64]]


class Intervention(Protocol):
    """One intervention on one rank. What it does must be the same on every rank, whatever the chunks are."""

    def begin(self, backend: Backend) -> None:
        """Set what holds from the first step on."""
        ...

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Follow a chunk that has just been computed; what is set holds from `chunk.stop` on.

        May raise StorageError or NumericsError on this rank alone.
        """
        ...

    def state(self) -> State:
        """Return what `restore` needs to go on from here: arrays by name, those of neurons by ascending gid."""
        ...

    def restore(self, state: State) -> None:
        """Go on from what `state` has returned."""
        ...


class Kind(Protocol):
    """One kind of controller, `kind: NAME` in `controllers`; `item` is an object of the configuration."""

    options: type[ControllerOptions]
    """What an entry of `controllers` takes, with the field `kind: Literal[NAME]`."""
    counts: bool
    """Whether it follows the counts of spikes: its intervals are whole numbers of the unit of counting."""

    def interval_steps(self, network: Network, item: Any) -> int:
        """Return the steps after whose multiples it acts."""
        ...

    def check(self, network: Network, name: str, item: Any) -> None:
        """Raise InputError where it does not fit the network; needs nothing that is built."""
        ...

    def open(self, network: Network, name: str, item: Any, backend: Backend, unit: int) -> Intervention:
        """Return the intervention on this rank; spikes are counted per `unit` steps."""
        ...
