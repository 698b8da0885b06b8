"""BOLD of the regions, computed on rank 0 from their rates while the simulation runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.collective import fc_warnings
from dtbsim.analysis.fc import MIN_REGIONS, MIN_SAMPLES, constant_regions, fc_correlation, functional_connectivity
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.mpi.comm import SerialComm
from dtbsim.record.counts import Bins
from dtbsim.registry import Later
from dtbsim.signals.board import Board
from dtbsim.signals.bold import BalloonWindkessel
from dtbsim.signals.member_moments import MemberMoments
from dtbsim.signals.region_drive import RegionDrive
from dtbsim.signals.source import Grid
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.spec.records import BoldRecord
    from dtbsim.store.run import Run

STORE = "bold.zarr"
MEMBERS = "bold_members.zarr"
"""Sums over the samples of every member of an ensemble."""
F64 = NDArray[np.float64]


class BoldRegions:
    """Which populations make the rate of which region: the regions where the configured ones live, in atlas order."""

    def __init__(self, network: Network, item: BoldRecord) -> None:
        chosen = [network.families[family].name for family in item.families]
        self.drive = RegionDrive(network.regions)
        lost = self.drive.regions[:1] == [-1]
        members = [i for i, p in enumerate(network.populations) if p.family in item.families and p.region >= 0]
        if lost or not (members or self.drive.samples):
            raise InputError(
                f"{', '.join(chosen) or 'the population'} live(s) in no region of an atlas",
                where="bold.population",
                remedy="give the population `regions`, or leave bold out",
            )
        self.regions = sorted({*(network.populations[i].region for i in members), *self.drive.regions})
        self.names = [network.region_names[region] for region in self.regions]
        self.populations = np.array(members, dtype=np.int64)
        self.column = {region: k for k, region in enumerate(self.regions)}
        self._region = np.array([self.column[network.populations[i].region] for i in members], dtype=np.int64)
        sizes = np.array([network.populations[i].size for i in members], dtype=np.float64)
        self._neurons = np.maximum(np.bincount(self._region, sizes, len(self.regions)), 1.0)

    def rates_hz(self, counts: NDArray[np.int64], bin_s: float) -> F64:
        """Mean rate per bin and region, float64[bins, regions], from the counts of `populations` per bin."""
        rates = np.zeros((len(counts), len(self.regions)))
        for column, region in enumerate(self._region.tolist()):
            rates[:, region] += counts[:, column]
        return rates / (self._neurons * bin_s)


class RegionBold(Signal):
    """`bold`."""

    name = "bold"
    written = "bold: {population: NAME}"
    folder, holds = "bold", "bold"
    part = "signals"
    report = Later("dtbsim.report.shown.bold:BOLD")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One where it is on."""
        item = network.records.bold
        return [] if item is None else [BoldPlan(network, item)]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One where it is on."""
        bold = config.get("bold")
        if bold is None:
            return {}
        if config.get("ensemble") is None:
            return {} if bold.get("series") is False else {STORE: "bold"}
        return {MEMBERS: "bold"} | ({STORE: "bold"} if bold.get("series") else {})

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """One, unless it is off."""
        return [None] * (STORE in self.stores(config))

    def read(self, run: Run, name: Any = None) -> xr.DataArray:
        """Return BOLD, (time_s, region); of an ensemble (time_s, member, region)."""
        from dtbsim.store.region_reader import member_coordinates
        from dtbsim.store.series_reader import read_bold

        return read_bold(run.stored(STORE, "bold"), member_coordinates(run.network))


class BoldPlan(Plan):
    """Bins of `unit` steps, in which the rate counts as constant."""

    def __init__(self, network: Network, item: BoldRecord) -> None:
        self.network, self.item = network, item
        self.regions = BoldRegions(network, item)
        self.bin_steps = item.bin_steps(network.dt_ms)
        self.unit = self.bin_steps if item.families else 0
        self.intervals = ()
        self.members = self.regions.drive.members if self.regions.drive.samples else 1
        self.stored = item.series if item.series is not None else self.members == 1
        self.board_name = ".bold"
        names, first = tuple(self.regions.names), item.discard + item.tr
        self.grid = Grid(names, "1", item.tr, first, network.n_steps, network.dt_ms, self.members)

    def open(self, site: Site) -> Stream:
        """The model and its store, on rank 0."""
        if site.comm.is_root:
            return BoldStream(self, site.unit, site.stores, site.begins, site.board, site.comm)
        return Brought(self.regions, site.comm) if self.regions.drive.samples else Stream()

    @property
    def bins(self) -> Sequence[int]:
        """Those of counts and of means."""
        return [self.bin_steps]


class Brought(Stream):
    """Gives what this rank has of mean-field regions to rank 0."""

    def __init__(self, regions: BoldRegions, comm: Comm) -> None:
        self._regions, self._comm = regions, comm

    def share(self, chunk: Chunk) -> None:
        """Give it."""
        self._regions.drive.share(chunk, self._comm, self._regions.column)

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}


class BoldStream(Stream):
    """Feeds the haemodynamic model and stores what comes out; keeps what the connectivity at the end needs.

    Columns are regions, of an ensemble those of member after member.
    """

    def __init__(
        self,
        plan: BoldPlan,
        unit_steps: int,
        stores: Path,
        begins: int = 0,
        board: Board | None = None,
        comm: Comm | None = None,
    ) -> None:
        from dtbsim.store import BoldWriter
        from dtbsim.store.accumulated import AccumulatedWriter

        self._board, self._plan = board or Board(), plan

        item, dt_ms = plan.item, plan.network.dt_ms
        tr_ms, discard_ms = time_of(item.tr, dt_ms), time_of(item.discard, dt_ms)
        self._network, self._tr_ms = plan.network, tr_ms
        self.regions = plan.regions
        self._comm, self._members = comm or SerialComm(), plan.members
        self._bin_s = plan.bin_steps * plan.network.dt_ms * 1e-3
        units = plan.bin_steps // unit_steps if plan.unit else 1
        self._bins = Bins(units, plan.regions.populations.size)
        self._brought: F64 | None = None
        n = len(plan.regions.regions)
        self._model = BalloonWindkessel(
            plan.members * n,
            dt_s=self._bin_s,
            tr_s=tr_ms * 1e-3,
            discard_s=discard_ms * 1e-3,
            signed=bool(plan.regions.drive.samples),
            **item.parameters,
        )
        first_ms = discard_ms + tr_ms
        self._writer: BoldWriter | None = None
        if plan.stored:
            self._writer = BoldWriter(
                stores / STORE, plan.regions.names, tr_ms, first_ms=first_ms, members=plan.members
            )
        self._samples: list[F64] = []
        self._moments = MemberMoments(plan.members, n) if plan.members > 1 else None
        self._sums: AccumulatedWriter | None = None
        if self._moments is not None:
            about: dict[str, Any] = {"signal": "fc", "of": "bold", "channels": plan.regions.names, "unit": "1"}
            about |= {"interval_ms": tr_ms, "first_ms": first_ms}
            self._sums = AccumulatedWriter(stores / MEMBERS, about, self._moments.shapes)
        self._begins = begins // plan.bin_steps, max(0, begins - item.discard) // item.tr

    def share(self, chunk: Chunk) -> None:
        """Bring what mean-field regions have on other ranks."""
        if self.regions.drive.samples:
            self._brought = self.regions.drive.share(chunk, self._comm, self.regions.column)

    def take(self, chunk: Chunk) -> None:
        """Go on by the counts of a chunk, and by the means of mean-field regions."""
        before = self._model.n_samples
        due = self._model.step(self._drive(chunk))
        item = self._plan.item
        self._board.publish(self._plan.board_name, item.discard + (before + 1) * item.tr, due)
        if not len(due):
            return
        if self._moments is not None:
            self._moments.add(due)
        else:
            self._samples.append(due)
        if self._writer is not None:
            self._writer.append(due)

    def _drive(self, chunk: Chunk) -> F64:
        """float64[bins, columns] in Hz, so that gain_per_hz makes the neural drive of it."""
        item = self._plan.item
        rates: F64 | None = None
        if item.families:
            rates = self.regions.rates_hz(self._bins.add(chunk.counts[:, self.regions.populations]), self._bin_s)
        if self._brought is None:
            return np.zeros((0, len(self.regions.regions))) if rates is None else rates
        brought = self._brought * (item.gain / float(item.parameters["gain_per_hz"]))
        if rates is not None:
            brought = brought + rates[:, None]
        return brought.reshape(len(brought), self._members * len(self.regions.regions))

    @property
    def samples(self) -> F64:
        """All samples so far, float64[samples, regions]."""
        return np.concatenate(self._samples) if self._samples else np.zeros((0, len(self.regions.regions)))

    def summary(self, steps: int) -> dict[str, Any]:
        """`mean_abs_fc`, with measured FC `fc_correlation`, and what there is to say of them; lists of an ensemble."""
        samples, chosen = self.samples, self.regions.regions
        if self._moments is not None:
            return self._moments.summary(self._network, chosen)
        known = connectivity(self._network, samples, chosen)
        warnings = []
        if len(chosen) >= MIN_REGIONS:
            warnings = fc_warnings(len(samples), self._tr_ms * 1e-3, known["mean_abs_fc"])
        return known | {"warnings": warnings}

    def state(self) -> dict[str, NDArray[Any]]:
        """The started bin, the model, and the samples so far."""
        model = {f"model_{name}": values for name, values in self._model.get_state().items()}
        sums = {} if self._moments is None else self._moments.state()
        return {"started": self._bins.started.copy(), "samples": self.samples, **model, **sums}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._bins.started = np.array(state["started"], np.int64)
        self._samples = [np.array(state["samples"])]
        if self._moments is not None:
            self._moments.restore(state)
        self._model.set_state({name: state[f"model_{name}"] for name in ("state", "counters")})

    def branch(self, state: State | None) -> None:
        """Go on with bin and model; samples count from here on. Without a state the model begins at rest."""
        if state is not None:
            self.restore(state)
            self._samples = []
        else:
            bins, samples = self._begins
            self._model.set_state(self._model.get_state() | {"counters": np.array([bins, samples, 0], np.float64)})

    def close(self) -> None:
        """Publish the stores."""
        if self._writer is not None:
            self._writer.close()
        if self._sums is not None and self._moments is not None:
            if self._sums.usable:
                self._sums.append(self._moments.count, self._moments.sums())
            self._sums.close()


def connectivity(network: Network, samples: F64, chosen: list[int]) -> dict[str, Any]:
    """Return the mean |FC| (None where the data do not allow FC) and, with measured FC, the correlation of the two.

    Both are over the upper triangle of the regions whose signal changes.
    """
    if len(samples) < MIN_SAMPLES or len(chosen) < MIN_REGIONS:
        return {"mean_abs_fc": None}
    moving: NDArray[np.bool_] = ~constant_regions(samples)
    if moving.sum() < MIN_REGIONS:
        return {"mean_abs_fc": None}
    fc = functional_connectivity(samples[:, moving])
    found: dict[str, Any] = {"mean_abs_fc": float(np.abs(fc[np.triu_indices(len(fc), 1)]).mean())}
    measured = None if network.atlas is None else network.atlas.fc
    if measured is not None:
        regions = np.array(chosen)[moving]
        with contextlib.suppress(InputError):  # one of the two is the same for all pairs
            found["fc_correlation"] = fc_correlation(fc, np.asarray(measured)[np.ix_(regions, regions)])
    return found


BOLD = RegionBold()
