"""What an intervention is: an object that changes a network while it runs, and its kind, which a registry knows.

A package adds a kind by an entry point of the group "dtbsim.interventions" that names an object of a class derived from
`Kind`.
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


class Plan:
    """What an entry of `controllers` does, compiled in steps and indices; the same on every rank."""

    interval: int
    """Steps after whose multiples it acts."""
    counts: bool = False
    """Whether it follows the counts of spikes of populations; those of a unit of steps that divides `interval`."""

    def open(self, backend: Backend, unit: int) -> Intervention:
        """Return the intervention on this rank; spikes are counted per `unit` steps."""
        raise NotImplementedError


class Kind:
    """One kind of controller, `kind: NAME` in `controllers`; instances hold nothing of a run."""

    config: type[ControllerOptions]
    """What an entry of `controllers` takes, with the field `kind: Literal[NAME] = NAME`."""

    def plan(self, network: Network, name: str, item: Any) -> Plan:
        """Compile the entry `controllers.name`, an object of `config`; needs nothing that is built.

        InputError, with the key path, where it does not fit the network.
        """
        raise NotImplementedError
