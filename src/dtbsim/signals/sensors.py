"""Signals of sensors on the head: a lead field times the dipole moments of regions.

The source of a region is the sum over its neurons, and over their ports, of the absolute synaptic current, which is
computed from conductance and driving force where a model has conductances. Of simple sums over point neurons this one
follows the local field potential of detailed neurons closely (Mazzoni et al. 2008, doi:10.1371/journal.pcbi.1000239;
Mazzoni et al. 2015, doi:10.1371/journal.pcbi.1004584; for EEG Martinez-Canada et al. 2021,
doi:10.1371/journal.pcbi.1008893; the complete way through morphologies is Hagen et al. 2016,
doi:10.1093/cercor/bhw237). Pyramidal cells make EEG and MEG, so the excitatory populations are to be named. The dipole
moment of a region is that sum times `dipole_length_mm`, along the mean normal of its surface, which is part of the lead
field.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.parts import Names
from dtbsim.config.signals import SignalOptions
from dtbsim.errors import InputError
from dtbsim.signals.currents import CurrentSource, needed_states
from dtbsim.signals.joined import Joined
from dtbsim.signals.mean_field_source import MeanFieldSource
from dtbsim.signals.source import F64, Grid, OpenSource, Source, Window, window_of
from dtbsim.signals.stream import Plan, Signal, Site, Stream

if TYPE_CHECKING:
    from dtbsim.atlas.lead_fields import LeadField
    from dtbsim.models import NeuronModel
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.board import Board
    from dtbsim.spec.network import Network
    from dtbsim.store import SignalWriter


class SourceOptions(SignalOptions):
    """What signals take that are made of the synaptic currents of populations."""

    follows: ClassVar = ("start_ms",)
    names_populations: ClassVar = ("population",)
    on_grid: ClassVar[tuple[str, ...]] = ("interval_ms", "start_ms", "stop_ms")
    intervals: ClassVar = ("interval_ms",)

    population: str | Names = Field(
        description="population(s) whose currents are the source: excitatory ones; or mean-field regions"
    )
    variable: str | None = Field(
        default=None, description="state or output of mean-field regions; default: what their model declares"
    )
    interval_ms: Number = Field(default=4.0, gt=0, description="time between samples, which are not filtered")
    start_ms: Number = Field(
        default=0.0, ge=0, description="samples after this time; where it is not given: `simulation.settling_ms`"
    )
    stop_ms: Number | None = Field(default=None, gt=0, description="samples up to this time; default: end of the run")
    membrane_area_um2: Number = Field(
        default=25_000.0, gt=0, description="membrane of a neuron, for models whose currents are per area (lif_dtb)"
    )


class DipoleOptions(SourceOptions):
    """What signals of sensors take beside that."""

    dipole_length_mm: Number = Field(default=0.3, gt=0, description="distance of current sink and source in a neuron")
    neurons_per_neuron: Number = Field(
        default=1.0, gt=0, description="cortical neurons that a simulated one stands for"
    )
    dipole_nAm_per_unit: Number = Field(
        default=1.0, gt=0, description="of mean-field regions: dipole moment of a region for a unit of the variable"
    )


class SensorSignal(Signal):
    """A signal of sensors."""

    part = "signals"

    def states(self, item: Any, model: NeuronModel) -> tuple[str, ...]:
        """Those of which the model's synaptic currents are made."""
        return needed_states(model)

    def reads(self, item: Any) -> str | None:
        """Of mean-field regions what their model declares for it."""
        return self.name


class SourcePlan(Plan):
    """Something that is made of a source, sample by sample."""

    name: str
    kind: str
    source: Source

    def give(self, name: str, kind: str, source: Source, grid: Grid) -> None:
        """Say what it is made of and where its samples are."""
        self.name, self.kind, self.source = name, kind, source
        self.grid = replace(grid, members=source.members)
        self.unit, self.intervals, self.board_name = source.unit_steps, source.intervals, name

    def values(self, source: F64) -> F64:
        """The samples float64[k, channels] of those of the source, float64[k, parts, regions]; k changes no bit."""
        raise NotImplementedError

    def open(self, site: Site) -> Stream:
        """The source on every rank, the signal and its store on rank 0."""
        writer = writer_of(self.name, self.kind, self.grid, site) if site.comm.is_root else None
        return SourceStream(self, self.source.open(site), writer, site.board)


def writer_of(name: str, kind: str, grid: Grid | None, site: Site) -> SignalWriter:
    """The store of the entry `name`. Raises StorageError."""
    from dtbsim.store import SignalWriter

    assert grid is not None
    return SignalWriter(
        site.stores / "signals" / f"{name}.zarr",
        kind=kind,
        channels=grid.channels,
        unit=grid.unit,
        interval_ms=grid.interval_ms,
        first_ms=grid.first_ms,
        members=grid.members,
    )


class SourceStream(Stream):
    """Stores what comes of the source, and gives it to those that follow it."""

    def __init__(self, plan: SourcePlan, source: OpenSource, writer: SignalWriter | None, board: Board) -> None:
        self._plan, self._source, self._writer, self._board = plan, source, writer, board

    def share(self, chunk: Chunk) -> None:
        """Bring the source of every region."""
        self._source.share(chunk)

    def take(self, chunk: Chunk) -> None:
        """Store the signal of the samples of a chunk."""
        if self._writer is None:
            return
        found = self._plan.values(self._source.values)
        self._board.publish(self._plan.board_name, self._source.first, found)
        if len(found):
            self._writer.append(found)

    def state(self) -> dict[str, NDArray[Any]]:
        """What the source keeps."""
        return self._source.state()

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._source.restore(state)

    def merged(self, states: Any, rank: int) -> Any:
        """The same on every rank."""
        return states[0]

    def close(self) -> None:
        """Publish the store."""
        if self._writer is not None:
            self._writer.close()


class SensorPlan(SourcePlan):
    """`matrix` float64[channels, regions] makes the signal of the sources of regions."""

    def __init__(self, name: str, kind: str, item: Any, network: Network) -> None:
        window = window_of(item, network, f"signals.{name}")
        source = self._moments(name, item, network, window)
        try:
            assert network.atlas is not None, "populations live in its regions"
            field = self.lead_field(item, network)
            columns = field.of(source.names)
        except InputError as error:
            error.where = error.where or f"signals.{name}.{self.key}"
            raise
        self.matrix, unit = self.scaled(columns, field.unit, item)
        grid = Grid(tuple(field.channels), unit, window.interval, window.first, window.stop, network.dt_ms)
        self.give(name, kind, source, grid)

    key = "lead_field"
    """The option that chooses the lead field."""

    def _moments(self, name: str, item: Any, network: Network, window: Window) -> Source:
        """The dipole moments of regions in nA m, of neurons and of mean fields."""
        regions, named = network.regions, item.populations()
        mean_fields = [one for one in named if regions is not None and regions.index(one) is not None]
        parts: list[tuple[Source, float]] = []
        if len(mean_fields) < len(named):
            of_pA = 1e-6 * item.dipole_length_mm * item.neurons_per_neuron
            parts.append((CurrentSource(name, item, network, window), of_pA))
        if mean_fields:
            parts.append((MeanFieldSource(name, item, network, window), item.dipole_nAm_per_unit))
        return Joined(parts)

    def lead_field(self, item: Any, network: Network) -> LeadField:
        """The lead field that is asked for."""
        raise NotImplementedError

    def scaled(self, columns: F64, unit: str, item: Any) -> tuple[F64, str]:
        """Its columns as what a nA m makes, and the unit of that."""
        raise NotImplementedError

    def values(self, source: F64) -> F64:
        """Region after region, of each member by itself."""
        members, n = self.source.members, self.matrix.shape[1]
        found = signal_of(source.reshape(len(source) * members, n), self.matrix)
        return found.reshape(len(source), members * len(self.matrix))


def signal_of(source: F64, matrix: F64) -> F64:
    """float64[k, channels] of sources float64[k, regions]: region after region, so that k changes no bit."""
    signal = np.zeros((len(source), len(matrix)))
    for region in range(matrix.shape[1]):
        signal += source[:, region, None] * matrix[None, :, region]
    return signal
