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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.registry import Later
from dtbsim.signals.board import Board
from dtbsim.store.run_state import FOLDER, entries_of_kind

if TYPE_CHECKING:
    from dtbsim.backends.backend import Backend
    from dtbsim.config.signals import SignalOptions
    from dtbsim.models import NeuronModel
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.panel import Panel
    from dtbsim.signals.source import Grid
    from dtbsim.spec.network import Network
    from dtbsim.store import Run

State = Mapping[str, NDArray[Any]]
"""What a stream needs to go on later on the same rank: arrays by name."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where a stream is opened: a rank of the built network, the folder of stores, the unit of counting in steps.

    The unit divides those of all plans; 0 where none of them counts. `begun` is how many stores every kind with one for
    each rank has already, where the streams go on with an interrupted run; 0 in a new one.
    """

    network: Network
    comm: Comm
    backend: Backend
    stores: Path
    unit: int
    begun: int = 0
    begins: int = 0
    """The step at which the stores begin: that of the checkpoint of a branch, else 0."""
    board: Board = field(default_factory=Board)
    """Where streams leave what those that follow them need."""


class Stream:
    """One recorder or signal on one rank."""

    def begin(self) -> None:
        """Store what holds before the first step; called once, and not where a run goes on in its folder."""

    def share(self, chunk: Chunk) -> None:
        """Combine a chunk with those of all other ranks; collective. Must not raise on one rank alone."""

    def take(self, chunk: Chunk) -> None:
        """Go on by a chunk that was shared. May raise StorageError or NumericsError on this rank alone."""

    def end(self, stop: int) -> None:
        """Store what holds at the end of a run that was not planned to end at step `stop`. May raise StorageError."""

    def summary(self, steps: int) -> dict[str, Any]:
        """Entries of summary.json after `steps` steps, those of rank 0 count; collective.

        The lists of `warnings` of all streams are put together.
        """
        return {}

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of everything that is needed to go on later; rows that were written are in the store.

        A class that is derived from this one says it itself, also where that is nothing: a run with a stream that does
        not is refused where it would have to be saved.
        """
        return {}

    def restore(self, state: State) -> None:
        """Go on from what `state` of such a stream on the same rank returned, or `merged` made of those of all."""

    def branch(self, state: State | None) -> None:
        """Begin where a branch does: what was observed before belongs to its run. `begin` is called after it.

        `state` is that of the same entry there, None where it is another one or new. By default it is restored.
        """
        if state is not None:
            self.restore(state)

    def merged(self, states: Sequence[State], rank: int) -> State:
        """What this stream on `rank` goes on from, where there were other ranks when they gave these states.

        What only rank 0 has stays there. InputError where other ranks have something, which a kind must put together.
        """
        if any(state for state in states[1:]):
            raise InputError(
                f"{type(self).__name__} can only go on with as many ranks as it had ({len(states)})",
                remedy=f"start {len(states)} ranks",
            )
        return states[0] if rank == 0 else {}

    def flush(self) -> None:
        """Give everything that was recorded to the stores. Raises StorageError."""

    def close(self) -> None:
        """Publish everything that was recorded. Raises StorageError."""


class Plan:
    """One thing that is recorded, compiled in steps and indices; the same on every rank."""

    unit: int = 0
    """Steps in which spikes are counted for it (or in a divisor of them), 0: it needs no counts."""
    intervals: Sequence[int] = ()
    """Steps after whose multiples a chunk must end for it."""
    grid: Grid | None = None
    """Of a series that others can follow, whose samples its stream publishes on the board; None: they cannot."""
    board_name: str = ""
    """Under which name it does."""
    depth: int = 0
    """How many others it follows, one after the other; it comes after all of less."""

    @property
    def bins(self) -> Sequence[int]:
        """Steps within whose multiples it cannot begin with a branch, unless it goes on from a state."""
        return [self.unit] if self.unit else []

    def open(self, site: Site) -> Stream:
        """Return the stream on a rank, its stores made. Raises StorageError."""
        raise NotImplementedError


class Signal:
    """A kind of recorder or signal; instances hold nothing of a run.

    A kind that is configured under `signals.NAME` has `config`, gives a `plan` for each such entry, and writes its
    store with `dtbsim.signals.SignalWriter` to `signals/NAME.zarr`; it is then read and found without another word.
    """

    name: str
    part: str = "record"
    """Under which name its time is summed up in summary.json."""
    config: type[SignalOptions] | None = None
    """What an entry of `signals` takes, with the field `kind: Literal[name]`; None: it has a key of its own."""
    written: str = ""
    """How a configuration asks for a kind that has a key of its own, beside `signals`."""
    folder: str = FOLDER
    """The first part of the names of its stores, without `.zarr`."""
    holds: str | None = "signal"
    """What its stores say that they hold (`kind` of a table); None: they are checked by nobody but `read`."""
    report: Later = Later("dtbsim.report.shown.entries:ENTRIES")
    """What shows it in a report, an object of a class derived from `dtbsim.report.part.Part`, imported when a report is
    written. By default that draws `panel` of each entry."""

    def plans(self, network: Network) -> Sequence[Plan]:
        """What the configuration asks for. InputError, with the key path, where it does not fit the network."""
        return [self.plan(asked.name, asked.options, network) for asked in network.signals if asked.kind == self.name]

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """Compile the entry `signals.name` with the options `item`: what the plan needs, in steps and indices."""
        raise NotImplementedError

    def states(self, item: Any, model: NeuronModel) -> tuple[str, ...]:
        """States of a model that are sampled every `item.interval_ms` of all neurons of the populations it names.

        Where the options have `start_ms` and `stop_ms`, chunks wholly outside bring no samples. They come as one of
        `Chunk.samples` for each population (`Network.samples` says which). InputError where the model has none that
        serve.
        """
        return ()

    def reads(self, item: Any) -> str | None:
        """Which of the signals that a region model declares (`RegionModel.reads`) this one is made of; None: of none.

        What is asked for is then sampled every `item.interval_ms` and found in `Chunk.regions`
        (`Network.regions.samples` says which).
        """
        return None

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """Names below `stores` of what a resolved configuration (plain data) asks for, each with the key that does."""
        names = entries_of_kind(config, self.name)
        return {f"{FOLDER}/{name}.zarr": f"signals.{name}" for name in names}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """What `read` takes for each thing that a resolved configuration asks for, in the order of `stores`."""
        return [*entries_of_kind(config, self.name)]

    def stored_until_ms(self, run: Run) -> float | None:
        """Time up to which everything is stored in a run that has not ended; None where that cannot be said."""
        return None

    def read(self, run: Run, name: Any) -> Any:
        """Return what `run.NAME()` gives: the stored signal as xarray, (time_ms, channel); of an ensemble by member."""
        from dtbsim.store.region_reader import member_coordinates
        from dtbsim.store.series_reader import read_signal

        path = run.stored(f"{FOLDER}/{name}.zarr", f"signals.{name}")
        return read_signal(path, member_coordinates(run.network))

    def panel(self, run: Run, name: str) -> Panel | None:
        """What the report shows of it, None where there is nothing to show; by default traces of the first channels."""
        from dtbsim.signals.panel import traces_panel

        return traces_panel(name, self.read(run, name))
