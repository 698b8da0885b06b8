"""What a recorder or a signal is: one interface for everything that follows a run and stores something of it.

A `Signal` is the kind: what the configuration asks for, its stores, how they are read, its panel in the report. Its
`plans` are compiled before anything is built, one for each thing that is asked for; a plan opens a `Stream` on every
rank, which is fed with every chunk:

    share(chunk)    every rank calls it in the same order: counts and sums over ranks; raises nothing on one rank alone
    take(chunk)     on this rank alone: compute, write; may raise StorageError or NumericsError, which ends all ranks

A stream observes. It never changes a spike, and what it stores is the same for any number of ranks and threads, and
however the run is cut into chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from dtbsim.backends.backend import Backend
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network

State = Mapping[str, NDArray[Any]]
"""What a stream needs to go on later on the same rank: arrays by name."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where a stream is opened: a rank of the built network, the folder of stores, the unit of counting in steps.

    The unit divides those of all plans; 0 where none of them counts.
    """

    network: Network
    comm: Comm
    backend: Backend
    stores: Path
    unit: int


class Stream:
    """One recorder or signal on one rank."""

    def begin(self) -> None:
        """Store what holds before the first step; called once, and not where a run goes on from a state."""

    def share(self, chunk: Chunk) -> None:
        """Combine a chunk with those of all other ranks; collective. Must not raise on one rank alone."""

    def take(self, chunk: Chunk) -> None:
        """Go on by a chunk that was shared. May raise StorageError or NumericsError on this rank alone."""

    def summary(self, steps: int) -> dict[str, Any]:
        """Entries of summary.json after `steps` steps, those of rank 0 count; collective.

        The lists of `warnings` of all streams are put together.
        """
        return {}

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of everything that is needed to go on later; rows that were written are in the store."""
        return {}

    def restore(self, state: State) -> None:
        """Go on from what `state` of such a stream on the same rank returned."""

    def close(self) -> None:
        """Publish everything that was recorded. Raises StorageError."""


class Plan:
    """One thing that is recorded, compiled in steps and indices; the same on every rank."""

    unit: int = 0
    """Steps in which spikes are counted for it (or in a divisor of them), 0: it needs no counts."""
    intervals: Sequence[int] = ()
    """Steps after whose multiples a chunk must end for it."""

    def open(self, site: Site) -> Stream:
        """Return the stream on a rank, its stores made. Raises StorageError."""
        raise NotImplementedError


class Signal:
    """A kind of recorder or signal; instances hold nothing of a run."""

    name: str
    part: str = "record"
    """Under which name its time is summed up in summary.json."""

    def plans(self, network: Network) -> Sequence[Plan]:
        """What the configuration asks for. InputError, with the key path, where it does not fit the network."""
        return ()

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """Names below `stores` of what a resolved configuration (plain data) asks for, each with the key that does."""
        return {}
