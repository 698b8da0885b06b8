"""Members of a network of neurons: independent copies of it, live runs with own seeds, dealt among the ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.api import start
from dtbsim.assimilation.members import Arrays, prepared, with_absolute_atlas
from dtbsim.clock import steps_of, time_of
from dtbsim.config import RunConfig
from dtbsim.config.load import load_config_data
from dtbsim.config.plain import plain
from dtbsim.errors import DtbsimError, InputError, did_you_mean
from dtbsim.mpi import Comm
from dtbsim.mpi.comm import SerialComm
from dtbsim.mpi.world import on_every_rank
from dtbsim.signals.region_bold import BoldRegions
from dtbsim.simulate.live import LiveRun
from dtbsim.simulate.temporary import TemporaryFolder, temporary_folder
from dtbsim.spec import compile_network

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Spread:
    """A parameter of the neurons of a population: how they differ from the mean of their region.

    regions: names of those where the population lives and BOLD is made.
    columns: int64[regions]: which they are among those of the members.
    deviations: by region float64[neurons], kept when the mean of the region moves; all 0 where neurons are alike.
    mean: float64[regions of the members], as configured; NaN where the population does not live.
    """

    population: str
    name: str
    regions: tuple[str, ...]
    columns: I64
    deviations: tuple[F64, ...]
    mean: F64

    def tell(self, run: LiveRun, values: F64) -> None:
        """Give the neurons of a run new means, float64[regions of the members]."""
        means = values[self.columns]
        for region, mean, deviation in zip(self.regions, means, self.deviations, strict=True):
            new = float(mean) if not deviation.any() else mean + deviation
            run.set(self.population, {self.name: new}, regions=[region])


class SpikingMembers:
    """Copies of a network of neurons. A free parameter of a population is the mean of its neurons in a region.

    Neurons keep their differences from that mean: it is a hyperparameter, as in Lu et al. 2024.
    """

    state_names: tuple[str, ...] = ()

    def __init__(
        self, config: RunConfig, base_dir: Path, members: int, tr_ms: float, free: Sequence[str], comm: Comm
    ) -> None:
        made = prepared(config, None, tr_ms)
        self.network = compile_network(made, base_dir)
        record = self.network.records.bold
        assert record is not None
        self._bold = BoldRegions(self.network, record)
        self.bold, self.dt_ms, self.n, self._comm = record, self.network.dt_ms, members, comm
        self.volume = steps_of(tr_ms, self.dt_ms, "tr")
        self.names = tuple(self._bold.names)
        self._mine = list(range(comm.rank, members, comm.size))
        data = plain(made, followed=False)
        data.pop("bold")
        data["simulation"]["threads"] = 1
        self._config, self._base = load_config_data(with_absolute_atlas(data, base_dir)), base_dir
        starts = self.network.gid_starts
        self._edges = np.stack([starts[self._bold.populations], starts[self._bold.populations + 1]])
        self._runs: list[LiveRun] = []
        self._folders: list[TemporaryFolder] = []
        """Of the runs, and of those in whose place they came."""
        self._spreads: dict[str, _Spread] = {}
        try:
            on_every_rank(comm, lambda: self._begin(free))
        except BaseException:
            self.close()
            raise

    def _begin(self, free: Sequence[str]) -> None:
        for member in self._mine:
            seed = self._config.seed + member
            self._runs.append(start(self._config, set={"seed": seed}, out=self._folder(), comm=SerialComm()))
        if self._runs:
            self._spreads = {key: self._find(key, self._runs[0]) for key in free}

    # -- parameters ---------------------------------------------------------------------------------------------

    def _find(self, key: str, run: LiveRun) -> _Spread:
        parts = key.split(".")
        populations = list(dict.fromkeys(self.network.families[p.family].name for p in self.network.populations))
        if len(parts) != 4 or parts[0] != "populations" or parts[2] != "parameters":
            raise InputError("it cannot be free", where=f"free {key}", remedy="name populations.NAME.parameters.NAME")
        if parts[1] not in populations:
            remedy = did_you_mean(parts[1], populations)
            raise InputError(f"there is no population '{parts[1]}'", where=f"free {key}", remedy=remedy)
        column = {name: k for k, name in enumerate(self.names)}
        try:
            values = np.asarray(run.get(parts[1], parts[3]), np.float64)
        except DtbsimError as error:
            raise InputError(error.message, where=f"free {key}", remedy=error.remedy) from None
        mean, regions, deviations, at = np.full(len(self.names), np.nan), [], [], 0
        for population in self.network.populations:
            if self.network.families[population.family].name != parts[1]:
                continue
            mine, at = values[at : at + population.size], at + population.size
            name = self.network.region_names[population.region] if population.region >= 0 else ""
            if name in column:
                mean[column[name]] = mine.mean()
                regions.append(name)
                deviations.append(mine - mine.mean())
        if not regions:
            raise InputError(f"'{parts[1]}' makes no BOLD", where=f"free {key}", remedy="free another population's")
        columns = np.array([column[name] for name in regions], np.int64)
        return _Spread(parts[1], parts[3], tuple(regions), columns, tuple(deviations), mean)

    def start_of(self, key: str) -> F64:
        """float64[regions]."""
        found: F64 = next(s for s in self._comm.allgather(self._spreads.get(key)) if s is not None).mean
        return found

    def set_parameter(self, key: str, values: F64) -> None:
        """float64[members, regions]."""

        def work() -> None:
            for member, run in zip(self._mine, self._runs, strict=True):
                self._spreads[key].tell(run, values[member])

        on_every_rank(self._comm, work)

    # -- time ---------------------------------------------------------------------------------------------------

    def advance(self) -> F64:
        """One volume."""
        mine = on_every_rank(self._comm, lambda: [self._volume(run) for run in self._runs])
        bins = self.volume // self.bold.bin_steps(self.dt_ms)
        found: F64 = np.zeros((bins, self.n, len(self.names)))
        for members, rates in self._comm.allgather((self._mine, mine)):
            for member, one in zip(members, rates, strict=True):
                found[:, member] = one
        return found

    def _volume(self, run: LiveRun) -> F64:
        """Rates of one member, float64[bins, regions] in Hz."""
        first = round(run.time_ms / self.dt_ms)
        run.forget_spikes()
        run.run(time_of(self.volume, self.dt_ms))
        spikes = run.spikes()
        bin_steps = self.bold.bin_steps(self.dt_ms)
        bins = (spikes.step - first) // bin_steps
        counts = np.zeros((self.volume // bin_steps, self._edges.shape[1]), np.int64)
        gids = spikes.gid.astype(np.int64)
        for k, (low, high) in enumerate(self._edges.T):
            mine = bins[(gids >= low) & (gids < high)]
            counts[:, k] = np.bincount(mine, minlength=len(counts))
        return self._bold.rates_hz(counts, bin_steps * self.dt_ms * 1e-3)

    def states(self) -> F64:
        """Neurons are not moved by the filter: no states."""
        return np.zeros((self.n, len(self.names), 0))

    def set_states(self, values: F64) -> None:
        """None."""

    # -- going on -----------------------------------------------------------------------------------------------

    def _folder(self) -> Path:
        self._folders.append(temporary_folder(SerialComm(), "member"))
        return self._folders[-1].path

    def save(self) -> Arrays:
        """Write a checkpoint of every member; `load` begins branches there."""
        on_every_rank(self._comm, lambda: [run.save() for run in self._runs])
        folders = [str(folder.path) for folder in self._folders[len(self._folders) - len(self._runs) :]]
        return {"folders": np.array(folders, dtype=np.str_)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from the last checkpoint of every member."""
        on_every_rank(self._comm, lambda: self._branch([Path(str(name)) for name in state["folders"]]))

    def _branch(self, folders: list[Path]) -> None:
        for run in self._runs:
            run.abandon()
        self._runs = [start(one, out=self._folder(), comm=SerialComm()) for one in folders]

    def close(self) -> None:
        """End all runs, and remove what they left."""
        for run in self._runs:
            run.abandon()
        self._runs = []
        for folder in self._folders:
            folder.remove()
        self._folders = []
