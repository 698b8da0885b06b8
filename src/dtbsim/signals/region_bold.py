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
from dtbsim.record.counts import Bins
from dtbsim.registry import Later
from dtbsim.signals.board import Board
from dtbsim.signals.bold import MAX_STEP_S, BalloonWindkessel
from dtbsim.signals.source import Grid
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.spec.records import BoldRecord
    from dtbsim.store.run import Run

STORE = "bold.zarr"
F64 = NDArray[np.float64]


class BoldRegions:
    """Which populations make the rate of which region: the regions where the configured ones live, in atlas order."""

    def __init__(self, network: Network, item: BoldRecord) -> None:
        chosen = [network.families[family].name for family in item.families]
        members = [i for i, p in enumerate(network.populations) if p.family in item.families and p.region >= 0]
        if not members:
            raise InputError(
                f"{', '.join(chosen)} live(s) in no region of an atlas",
                where="bold.population",
                remedy="give the population `regions`, or leave bold out",
            )
        self.regions = sorted({network.populations[i].region for i in members})
        self.names = [network.region_names[region] for region in self.regions]
        self.populations = np.array(members, dtype=np.int64)
        column = {region: k for k, region in enumerate(self.regions)}
        self._region = np.array([column[network.populations[i].region] for i in members])
        sizes = np.array([network.populations[i].size for i in members], dtype=np.float64)
        self._neurons = np.bincount(self._region, sizes, len(self.regions))

    def rates_hz(self, counts: NDArray[np.int64], bin_s: float) -> F64:
        """Mean rate per bin and region, float64[bins, regions], from the counts of `populations` per bin."""
        rates = np.zeros((len(counts), len(self.regions)))
        for column, region in enumerate(self._region.tolist()):
            rates[:, region] += counts[:, column]
        return rates / (self._neurons * bin_s)


def bold_bin_steps(item: BoldRecord, dt_ms: float) -> int:
    """The longest bin of at most MAX_STEP_S that divides repetition time and discarded time, in steps."""
    largest = max(1, int(MAX_STEP_S * 1e3 / dt_ms + 1e-9))
    both = int(np.gcd(item.tr, item.discard)) if item.discard else item.tr
    return next(steps for steps in range(min(largest, both), 0, -1) if both % steps == 0)


class RegionBold(Signal):
    """`bold`."""

    name = "bold"
    folder, holds = "bold", "bold"
    part = "signals"
    report = Later("dtbsim.report.shown.bold:BOLD")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One where it is on."""
        item = network.records.bold
        return [] if item is None else [BoldPlan(network, item)]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One where it is on."""
        return {STORE: "bold"} if config.get("bold") is not None else {}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """One, unless it is off."""
        return [None] * len(self.stores(config))

    def read(self, run: Run, name: Any = None) -> xr.DataArray:
        """Return BOLD, (time_s, region)."""
        from dtbsim.store.series_reader import read_bold

        return read_bold(run.stored(STORE, "bold"))


class BoldPlan(Plan):
    """Bins of `unit` steps, in which the rate counts as constant."""

    def __init__(self, network: Network, item: BoldRecord) -> None:
        self.network, self.item = network, item
        self.regions = BoldRegions(network, item)
        self.unit = bold_bin_steps(item, network.dt_ms)
        self.board_name = ".bold"
        names, first = tuple(self.regions.names), item.discard + item.tr
        self.grid = Grid(names, "1", item.tr, first, network.n_steps, network.dt_ms)

    def open(self, site: Site) -> Stream:
        """The model and its store, on rank 0."""
        if not site.comm.is_root:
            return Stream()
        return BoldStream(self, site.unit, site.stores / STORE, site.begins, site.board)


class BoldStream(Stream):
    """Feeds the haemodynamic model and stores what comes out; keeps the samples for the connectivity at the end."""

    def __init__(
        self, plan: BoldPlan, unit_steps: int, path: Path, begins: int = 0, board: Board | None = None
    ) -> None:
        from dtbsim.store import BoldWriter

        self._board, self._plan = board or Board(), plan

        item, dt_ms = plan.item, plan.network.dt_ms
        tr_ms, discard_ms = time_of(item.tr, dt_ms), time_of(item.discard, dt_ms)
        self._network, self._tr_ms = plan.network, tr_ms
        self.regions = plan.regions
        self._bin_s = plan.unit * plan.network.dt_ms * 1e-3
        self._bins = Bins(plan.unit // unit_steps, plan.regions.populations.size)
        self._model = BalloonWindkessel(
            len(plan.regions.regions),
            dt_s=self._bin_s,
            tr_s=tr_ms * 1e-3,
            discard_s=discard_ms * 1e-3,
            **item.parameters,
        )
        self._writer = BoldWriter(path, plan.regions.names, tr_ms, first_ms=discard_ms + tr_ms)
        self._samples: list[F64] = []
        self._begins = begins // plan.unit, max(0, begins - item.discard) // item.tr

    def take(self, chunk: Chunk) -> None:
        """Go on by the counts of a chunk."""
        bins = self._bins.add(chunk.counts[:, self.regions.populations])
        before = self._model.n_samples
        due = self._model.step(self.regions.rates_hz(bins, self._bin_s))
        self._board.publish(self._plan.board_name, self._plan.item.discard + (before + 1) * self._plan.item.tr, due)
        if len(due):
            self._samples.append(due)
            self._writer.append(due)

    @property
    def samples(self) -> F64:
        """All samples so far, float64[samples, regions]."""
        return np.concatenate(self._samples) if self._samples else np.zeros((0, len(self.regions.regions)))

    def summary(self, steps: int) -> dict[str, Any]:
        """`mean_abs_fc`, with measured FC `fc_correlation`, and what there is to say of them."""
        samples, chosen = self.samples, self.regions.regions
        known = connectivity(self._network, samples, chosen)
        warnings = []
        if len(chosen) >= MIN_REGIONS:
            warnings = fc_warnings(len(samples), self._tr_ms * 1e-3, known["mean_abs_fc"])
        return known | {"warnings": warnings}

    def state(self) -> dict[str, NDArray[Any]]:
        """The started bin, the model, and the samples so far."""
        model = {f"model_{name}": values for name, values in self._model.get_state().items()}
        return {"started": self._bins.started.copy(), "samples": self.samples, **model}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._bins.started = np.array(state["started"], np.int64)
        self._samples = [np.array(state["samples"])]
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
        """Publish the store."""
        self._writer.close()


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
