"""The network as it is built, to look at: neurons, synapses and drives as tables, before anything is simulated.

    net = dtbsim.build("net.yaml")
    net.populations["E"].parameters                       # pandas: a row per neuron
    for part in net.projections["EE"].synapses():         # pandas, about a million synapses at a time
        part.groupby("target").weight.sum()

What is seen is what the engine uses: the same draws by the same loops, on any rank, and none of it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.built_drives import BuiltDrive, drives_by_name
from dtbsim.build.kinds import neuron_values
from dtbsim.build.listed_synapses import SynapseList, SynapseLister, quantum_of
from dtbsim.errors import InputError, did_you_mean
from dtbsim.numerics.gids import Gids, as_gids
from dtbsim.numerics.ranges import range_of
from dtbsim.spec.network import Family, Network, Projection

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 1_000_000
"""Synapses of a chunk, about."""
_T = TypeVar("_T")


class ByName(Mapping[str, _T]):
    """Read-only; an unknown name is an InputError with the name that was probably meant."""

    def __init__(self, what: str, items: Mapping[str, _T]) -> None:
        self._what, self._items = what, MappingProxyType(dict(items))

    def __getitem__(self, name: str) -> _T:
        try:
            return self._items[name]
        except KeyError:
            message = f"there is no {self._what} {name!r}"
            raise InputError(message, remedy=did_you_mean(str(name), list(self._items))) from None

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}s: {', '.join(self._items)}>"


class BuiltNetwork:
    """A network as it is built; see `dtbsim.build`.

    Attributes:
        dt_ms: the time step.
        seed: what all random numbers are drawn with.
        n_neurons: neurons of all populations.
        populations: `BuiltPopulation` by name: each population of the configuration (`E`), and each of its parts that
            live in regions (`E@Precentral_L`).
        projections: `BuiltProjection` by name.
        drives: `BuiltDrive` by name.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.dt_ms, self.seed, self.n_neurons = network.dt_ms, network.seed, network.n_neurons
        lister = SynapseLister(network)
        by_name = {
            family.name: BuiltPopulation(network, index, family.populations.astype(np.int64))
            for index, family in enumerate(network.families)
        }
        for index, population in enumerate(network.populations):
            by_name.setdefault(population.name, BuiltPopulation(network, population.family, np.array([index])))
        self.populations: Mapping[str, BuiltPopulation] = ByName("population", by_name)
        self.projections: Mapping[str, BuiltProjection] = ByName(
            "projection", {item.name: BuiltProjection(network, lister, item) for item in network.projections}
        )
        self.drives: Mapping[str, BuiltDrive] = ByName("drive", drives_by_name(network))

    def __repr__(self) -> str:
        return (
            f"<BuiltNetwork {self.network.name}: {self.n_neurons:,} neurons, populations "
            f"{', '.join(family.name for family in self.network.families)}; projections "
            f"{', '.join(self.projections) or 'none'}>"
        )


class BuiltPopulation:
    """Neurons of a population of the configuration, in all of its regions, or of its part in one region.

    Attributes:
        name: its name.
        model: name of the neuron model.
        size: number of neurons.
    """

    def __init__(self, network: Network, family: int, members: NDArray[np.int64]) -> None:
        self._network, self._index, self._members = network, family, members
        self._family: Family = network.families[family]
        whole = members.size == self._family.populations.size
        self.name = self._family.name if whole else network.populations[int(members[0])].name
        self.model = self._family.declared.name
        self.size = int(network.sizes[members].sum())

    def __repr__(self) -> str:
        return f"<BuiltPopulation {self.name}: {self.size:,} x {self.model}>"

    @property
    def gids(self) -> Gids:
        """uint32[size], ascending: numbers of the neurons in the whole network."""
        found: Gids = as_gids(np.concatenate([self._gids(member) for member in self._members.tolist()]))
        return found

    def _gids(self, member: int) -> NDArray[np.int64]:
        population = self._network.populations[member]
        return np.arange(population.gid0, population.gid0 + population.size, dtype=np.int64)

    @property
    def neurons(self) -> pd.DataFrame:
        """A row per neuron, index `gid`: `population` (with its region), `neuron` (index in it), `region` (or None)."""
        import pandas as pd

        network, sizes = self._network, self._network.sizes[self._members]
        found = [network.populations[member] for member in self._members.tolist()]
        regions = [network.region_names[item.region] if item.region >= 0 else None for item in found]
        codes = np.repeat(np.arange(len(found)), sizes)
        columns = {
            "population": pd.Categorical.from_codes(codes, [item.name for item in found]),
            "neuron": np.concatenate([np.arange(size, dtype=np.uint32) for size in sizes.tolist()]),
            "region": np.array(regions, dtype=object)[codes],
        }
        return pd.DataFrame(columns, index=self._row_names())

    @property
    def parameters(self) -> pd.DataFrame:
        """A row per neuron, index `gid`; a column per parameter of the model, float64, in the unit that it ends with.

        Defaults are filled in, distributions drawn, maps of the atlas looked up. These are the values at the beginning
        of a run.
        """
        return self._table(lambda p, initial: self._family.declared.complete(p))

    @property
    def initial_states(self) -> pd.DataFrame:
        """A row per neuron, index `gid`; a column per state of the model, float64, in its unit, before the first step.

        Columns of states are none for sources of spikes.
        """
        model = self._family.declared

        def states(p: dict[str, Any], initial: dict[str, Any]) -> dict[str, Any]:
            internal = model.initial_states(p, initial)
            return {name: model.recorded(name, value, p) for name, value in internal.items()}

        return self._table(states)

    @property
    def spikes(self) -> pd.DataFrame:
        """Listed spikes of a population that emits them: `step`, `time_ms` (when it is sent), `gid`; else no rows."""
        import pandas as pd

        parts = [np.zeros((0, 2), np.int64)]
        for member in self._members.tolist():
            given = self._network.emitted.get(member)
            if given is not None:
                parts.append(given + np.array([0, self._network.populations[member].gid0]))
        listed = np.concatenate(parts)
        time_ms = (listed[:, 0] + 1) * self._network.dt_ms
        return pd.DataFrame({"step": listed[:, 0], "time_ms": time_ms, "gid": as_gids(listed[:, 1])})

    def _row_names(self) -> Any:
        import pandas as pd

        return pd.Index(self.gids, name="gid")

    def _table(self, columns_of: Any) -> pd.DataFrame:
        import pandas as pd

        parts = []
        for member in self._members.tolist():
            gids = self._gids(member)
            position = int(np.searchsorted(self._family.populations, member))
            p, initial = (
                neuron_values(self._network, self._index, position, gids, what) for what in ("parameters", "initial")
            )
            columns = columns_of(p, initial)
            parts.append({name: np.broadcast_to(value, gids.size) for name, value in columns.items()})
        names = list(parts[0])
        return pd.DataFrame(
            {name: np.concatenate([part[name] for part in parts]) for name in names}, index=self._row_names()
        )


class BuiltProjection:
    """Synapses of a projection.

    Attributes:
        name: its name.
        source, target: names of the populations, in all of their regions.
        rule: kind of the connection rule.
        quantum: the weight of one quantum, in `unit`; every weight is a whole number of quanta.
        procedural: whether the engine draws the synapses again at every spike instead of storing them.
    """

    def __init__(self, network: Network, lister: SynapseLister, projection: Projection) -> None:
        self._network, self._lister, self._projection = network, lister, projection
        self.name, self.rule, self.procedural = projection.name, projection.rule.kind, projection.procedural
        self.source = network.families[projection.source_family].name
        self.target = network.families[projection.target_family].name
        self.quantum = quantum_of(network, projection)

    def __repr__(self) -> str:
        return f"<BuiltProjection {self.name}: {self.source} to {self.target}, {self.rule}>"

    @cached_property
    def receptors(self) -> dict[str, float]:
        """Receptor ports of the targets, and what each multiplies the weight with."""
        return receptors_of(self._network, self._projection)

    @property
    def unit(self) -> str:
        """Unit of the weights, `1` where they have none."""
        return self._network.families[self._projection.target_family].model.receptors[0].weight_unit

    @property
    def expected_synapses(self) -> float:
        """Expected number of synapses: exact where the rule fixes it."""
        entries = self._network.entries
        return float(entries.synapses[entries.projection == self._projection.index].sum())

    def synapses(self, target: str | None = None, *, chunk: int = CHUNK) -> Iterator[pd.DataFrame]:
        """Iterate over all synapses, about `chunk` at a time, in the order of target, source and delay.

        Memory is that of one chunk, and 9 bytes for each neuron of the source populations. The columns:

            source_gid, target_gid: uint32 (int64 beyond 32 bits), numbers in the whole network.
            source_population, target_population: categorical, with the region (`E@Precentral_L`).
            source, target: uint32, index within that population.
            weight: float64, in `unit`; plastic ones as they begin.
            quanta: int32, the same as a number of `quantum`.
            delay_ms: float64; delay_steps: int32.

        Args:
            target: only synapses onto this population, such as the part of the target in one region.
            chunk: at least 1; a chunk has all synapses of whole blocks of target neurons, so it may be larger.

        Raises:
            InputError: `target` is no target of the projection, or `chunk` is below 1.
        """
        if not isinstance(chunk, int) or isinstance(chunk, bool) or chunk < 1:
            raise InputError(f"chunk is {chunk!r}; it must be a whole number of 1 or more", where="chunk")
        members = None if target is None else self._members(target)
        return (self._table(part) for part in self._lister.chunks(self._projection, chunk, members))

    def _members(self, target: str) -> NDArray[np.int64]:
        network = self._network
        mine = network.families[self._projection.target_family].populations.tolist()
        names = [network.populations[index].name for index in mine]
        if target == self.target:
            return np.array(mine, np.int64)
        if target not in names:
            message = f"{target!r} is no target of projection {self.name!r}"
            raise InputError(message, where="target", remedy=did_you_mean(str(target), [self.target, *names]))
        return np.array([mine[names.index(target)]], np.int64)

    def _table(self, part: SynapseList) -> pd.DataFrame:
        import pandas as pd

        columns: dict[str, Any] = {"source_gid": part.source, "target_gid": part.target}
        starts, names = self._network.gid_starts, self._network.population_names()
        for end, gids in (("source", part.source), ("target", part.target)):
            population = range_of(starts, gids)
            columns[f"{end}_population"] = _categories(population, names)
            columns[end] = (gids - starts[population]).astype(np.uint32)
        columns["weight"], columns["quanta"] = part.quanta * self.quantum, part.quanta
        columns["delay_ms"], columns["delay_steps"] = part.delay * self._network.dt_ms, part.delay
        return pd.DataFrame(columns)


def _categories(codes: NDArray[np.int64], names: list[str]) -> pd.Categorical:
    """Of the names that occur."""
    import pandas as pd

    used, inverse = np.unique(codes, return_inverse=True)
    return pd.Categorical.from_codes(inverse, [names[code] for code in used.tolist()])


def receptors_of(network: Network, projection: Projection) -> dict[str, float]:
    """Ports that synapses feed with their factors: as the configuration names them, else by the inputs they feed."""
    if projection.receptors is not None:
        return dict(projection.receptors)
    family = network.families[projection.target_family]
    mix = dict(family.channels[projection.channel].mix)
    ports = [row for row in family.model.receptors if row.channel in mix]
    if len({row.channel for row in ports}) < len(ports):  # one current for all: the port that the sign would choose
        ports = ports[:1] if projection.weight.low >= 0 else ports[-1:]
    return {row.name: mix[row.channel] for row in ports}
