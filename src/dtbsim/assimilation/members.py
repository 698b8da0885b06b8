"""Members of a mean-field ensemble as lanes of the region engine: advanced, read and set between two volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.clock import steps_of
from dtbsim.config import RunConfig
from dtbsim.config.load import load_config_data
from dtbsim.config.plain import plain
from dtbsim.errors import InputError, did_you_mean
from dtbsim.mpi import Comm
from dtbsim.spec import compile_network
from dtbsim.spec.network import Network
from dtbsim.spec.records import BoldRecord
from dtbsim.spec.region_network import BOLD, RegionChange, RegionNetwork, RegionPopulation

F64 = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


class Members(Protocol):
    """An ensemble of simulations: what the assimilation needs of it. Every rank sees all members."""

    n: int
    names: tuple[str, ...]
    """Regions, in the order of all arrays."""
    state_names: tuple[str, ...]
    """Hidden states of a region that a filter may move; haemodynamic ones are not among them."""
    volume: int
    """Steps of a volume."""
    bold: BoldRecord
    dt_ms: float
    network: Network

    def advance(self) -> F64:
        """Simulate one volume; returns what drives BOLD in Hz, float64[bins, members, regions]; collective."""

    def states(self) -> F64:
        """float64[members, regions, states]; collective."""

    def set_states(self, values: F64) -> None:
        """Set them; collective."""

    def set_parameter(self, key: str, values: F64) -> None:
        """Give a parameter new values, float64[members, regions]; collective."""

    def start_of(self, key: str) -> F64:
        """What a parameter is configured as, float64[regions]. InputError for a key that cannot be free."""

    def save(self) -> Arrays:
        """Everything that going on from here needs, of all members; collective."""

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there; collective."""

    def close(self) -> None:
        """Free what it holds."""


def prepared(config: RunConfig, members: int | None, tr_ms: float) -> RunConfig:
    """The configuration of an assimilation: BOLD with this repetition time, nothing recorded, members with own seeds.

    InputError for what an assimilation cannot have.
    """
    if config.ensemble is not None:
        raise InputError("it has an ensemble", where="ensemble", remedy="leave it out: members are those of the filter")
    if config.bold is None:
        raise InputError("it has no bold", where="bold", remedy="add `bold: {population: NAME}`")
    if config.changes:
        raise InputError("it has changes", where="changes", remedy="leave them out: the filter changes the network")
    corrected = [key for key, item in config.controllers.items() if getattr(item, "interval_ms", 0) is not None]
    if corrected:
        raise InputError(
            "a controller changes parameters while the network runs, as the filter does",
            where=f"controllers.{corrected[0]}",
            remedy="leave it out; feedback_inhibition without interval_ms may stay",
        )
    data = plain(config, followed=False)
    for key in ("checkpoint", "ensemble", "record", "signals"):
        data.pop(key, None)
    data["record"] = {"spikes": None}
    data["bold"] = {**data["bold"], "tr_ms": tr_ms, "discard_ms": 0.0}
    data["bold"].pop("series", None)
    if members is not None:
        data["ensemble"] = {"members": [{"seed": config.seed + number} for number in range(members)]}
    return load_config_data(data)


def with_absolute_atlas(data: dict[str, Any], base_dir: Path) -> dict[str, Any]:
    """With the path of an atlas that is a file as seen from anywhere."""
    atlas = data.get("atlas")
    if isinstance(atlas, str) and (base_dir / atlas).exists():
        return data | {"atlas": str((base_dir / atlas).absolute())}
    return data


@dataclass(frozen=True)
class _Place:
    """Where a free parameter lives."""

    what: Literal["parameter", "strength"]
    target: int | str
    name: str
    given: F64
    """float64[regions]."""


class MeanFieldMembers:
    """Members as lanes of the region engine."""

    def __init__(
        self,
        config: RunConfig,
        base_dir: Path,
        members: int,
        tr_ms: float,
        free: Sequence[str],
        comm: Comm,
        threads: int,
    ) -> None:
        made = prepared(config, members, tr_ms)
        self.network = compile_network(made, base_dir)
        regions = self.network.regions
        assert regions is not None
        self.dt_ms, self.n, self._comm = self.network.dt_ms, members, comm
        self._regions, self._sample, self._population = _of_bold(regions)
        record = self.network.records.bold
        assert record is not None
        self.bold, self.volume = record, steps_of(tr_ms, self.dt_ms, "tr")
        self.names = self._population.node_names
        self.state_names = tuple(row.name for row in self._population.model.states)
        self._places = {key: self._find(key) for key in free}
        controlled = frozenset(place.name for place in self._places.values() if place.what == "parameter")
        population = replace(self._population, controlled=self._population.controlled | controlled)
        populations = tuple(population if one.index == population.index else one for one in regions.populations)
        self._regions = replace(regions, populations=populations)
        self._engine = RegionEngine(self._regions, self.dt_ms, comm, threads)
        rows = self._population.model.states
        self._low, self._high = (np.array([getattr(row, name) for row in rows]) for name in ("low", "high"))
        self._state: Arrays = {}

    # -- parameters ---------------------------------------------------------------------------------------------

    def _find(self, key: str) -> _Place:
        parts = key.split(".")
        population, n = self._population, self._population.n_nodes
        if len(parts) == 4 and parts[0] == "populations" and parts[2] == "parameters":
            if parts[1] != population.name:
                raise InputError(
                    f"'{parts[1]}' is not the population that BOLD is of, '{population.name}'",
                    where=f"free {key}",
                    remedy=f"name populations.{population.name}.parameters.{parts[3]}",
                )
            known = [row.name for row in population.model.parameters]
            if parts[3] not in known:
                raise InputError(
                    f"model '{population.model.name}' has no parameter '{parts[3]}'",
                    where=f"free {key}",
                    remedy=did_you_mean(parts[3], known),
                )
            own = [row.parameter for row in population.model.delays]
            if parts[3] in own:
                raise InputError(f"{parts[3]} is a delay, which stays", where=f"free {key}", remedy="free another")
            given = population.parameters.get(parts[3])
            default = np.full((1, n), float(population.model.parameter(parts[3]).default))
            return _Place("parameter", population.index, parts[3], (default if given is None else given)[0])
        if len(parts) == 3 and parts[0] == "couplings" and parts[2] == "strength":
            found = [one for one in self._regions.couplings if one.key_path == f"couplings.{parts[1]}"]
            mine = [one for one in found if one.target == population.index]
            if len(found) != 1 or not mine:
                names = [one.key_path.partition(".")[2] for one in self._regions.couplings]
                raise InputError(
                    f"there is no coupling '{parts[1]}' of one population onto '{population.name}'",
                    where=f"free {key}",
                    remedy=did_you_mean(parts[1], names),
                )
            strength = np.broadcast_to(mine[0].strength, (1, n)) if mine[0].strength.shape[1] == 1 else mine[0].strength
            return _Place("strength", mine[0].name, "strength", strength[0])
        raise InputError(
            "it cannot be free",
            where=f"free {key}",
            remedy=f"name populations.{population.name}.parameters.NAME or couplings.NAME.strength",
        )

    def start_of(self, key: str) -> F64:
        """float64[regions]."""
        return self._places[key].given

    def set_parameter(self, key: str, values: F64) -> None:
        """float64[members, regions]."""
        place = self._places[key]
        self._change(place.what, place.target, place.name, values)

    def _change(self, what: Any, target: int | str, name: str, values: F64) -> None:
        members, step = tuple(range(self.n)), self._engine.reached
        self._engine.change(RegionChange(step, what, target, name, values, np.ones((1, 1), bool), members, "free"))

    # -- time ---------------------------------------------------------------------------------------------------

    def advance(self) -> F64:
        """One volume."""
        engine = self._engine
        start, stop = engine.reached, engine.reached + self.volume
        engine.advance(start, stop)
        engine.check_finite(start, stop)
        series = engine.series()[self._sample]
        found: F64 = np.zeros((len(series.steps), self.n, len(self.names)))
        for part in self._comm.allgather(series) if self._comm.size > 1 else [series]:
            low, high = part.nodes
            found[:, list(part.members), low:high] = part.values[..., 0].transpose(0, 2, 1)
        driving: F64 = found * (self.bold.gain / float(self.bold.parameters["gain_per_hz"]))
        return driving

    # -- states -------------------------------------------------------------------------------------------------

    def states(self) -> F64:
        """float64[members, regions, states]."""
        engine, p = self._engine, self._population.index
        mine = np.stack([engine.values(p, name) for name in self.state_names], axis=-1)
        share = engine.share.nodes[p], engine.share.members, mine
        found: F64 = np.zeros((self.n, len(self.names), len(self.state_names)))
        for (low, high), members, values in self._comm.allgather(share) if self._comm.size > 1 else [share]:
            found[list(members), low:high] = values.transpose(1, 0, 2)
        return found

    def set_states(self, values: F64) -> None:
        """Brought to the bounds of each state, and phases into their period."""
        for k, row in enumerate(self._population.model.states):
            new = np.clip(values[:, :, k], self._low[k], self._high[k])
            if row.period:
                new = (new + row.period / 2) % row.period - row.period / 2
            self._change("state", self._population.index, row.name, new)

    # -- going on -----------------------------------------------------------------------------------------------

    def save(self) -> Arrays:
        """As a checkpoint has it, without the hash of states, which counts what is simulated once."""
        parts = self._comm.allgather(self._engine.state()) if self._comm.size > 1 else [self._engine.state()]
        names = dict.fromkeys(name for part in parts for name in part if "/hash/" not in name)
        found = {name: np.concatenate([part[name] for part in parts if name in part]) for name in names}
        return found | {"step": np.array(self._engine.reached)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """States and histories; parameters are set by their owner."""
        nothing = {"regions/hash/step": np.zeros(0, np.int64), "regions/hash/sums": np.zeros((0, 2), np.uint64)}
        self._engine.load({**state, **nothing}, int(state["step"]))

    def close(self) -> None:
        """Stop the threads."""
        self._engine.close()


def _of_bold(regions: RegionNetwork) -> tuple[RegionNetwork, int, RegionPopulation]:
    """The one population of mean-field regions that BOLD is of, and its sample. InputError otherwise."""
    samples = [k for k, sample in enumerate(regions.samples) if sample.owner == BOLD]
    if len(samples) != 1:
        raise InputError(
            f"BOLD is of {len(samples)} populations of mean-field regions",
            where="bold.population",
            remedy="name the one that is to follow the data",
        )
    population = regions.populations[regions.samples[samples[0]].population]
    return regions, samples[0], population
