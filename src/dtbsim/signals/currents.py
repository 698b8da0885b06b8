"""Synaptic currents of populations as the source of signals: sums over the neurons of every region.

Every rank sums its neurons in whole quanta of 2^-12 pA, so the sums are the same for any number of ranks and threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.numerics.ranges import range_of
from dtbsim.signals.source import I64, OpenSource, Source, Window, region_of_all

if TYPE_CHECKING:
    from dtbsim.models import NeuronModel
    from dtbsim.models.tables import Current
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network

QUANTA_PER_PA = 2.0**12
LARGEST_PA = 2.0**26
"""A neuron's current counts as no more, so that the quanta of 2^25 neurons of a region fit into 63 bits."""
PER_AREA, PA_PER_UM2 = "uA/cm2", 0.01
"""Unit of currents of models per area, and how many pA it makes on a square micrometre."""
BLOCK_VALUES = 1 << 16
"""Currents that are summed at once: they stay in a core's cache."""
MOST_SAMPLE_BYTES = 1 << 25
"""A chunk holds no more of the sampled states of all ranks than this, or one sample."""
Parts = Literal["absolute", "by_effect"]


def needed_states(model: NeuronModel) -> tuple[str, ...]:
    """States of which the synaptic currents of a model are made; InputError where it does not say what they are."""
    if not model.synaptic_currents:
        raise InputError(
            f"model '{model.name}' does not say what its synaptic currents are",
            remedy="name a population of a model with currents or conductances, such as iaf_psc_exp",
        )
    return tuple(dict.fromkeys(state for current in model.synaptic_currents for state in current.states))


class CurrentSource(Source):
    """Sums over the neurons of a region, and over their ports, in pA.

    `absolute`: of the sizes of the currents. `by_effect`: two sums, of the currents that excite (positive where they
    depolarise) and of those that inhibit (positive where they hyperpolarise).
    """

    unit = "pA"

    def __init__(self, name: str, item: Any, network: Network, window: Window, parts: Parts = "absolute") -> None:
        where = f"signals.{name}"
        self.network, self.window, self.parts = network, window, parts
        self.n_parts = 1 if parts == "absolute" else 2
        self.requests = [k for k, request in enumerate(network.samples) if request.owner == name]
        self.regions = self._regions(item, where)
        self.names = [network.region_names[region] for region in self.regions]
        self.pA_per_density = PA_PER_UM2 * item.membrane_area_um2
        per_sample = sum(
            4 * len(network.samples[k].variables) * network.populations[i].size
            for k in self.requests
            for i in self._populations(k)
        )
        self.intervals = (window.interval * max(1, MOST_SAMPLE_BYTES // per_sample),)

    def _populations(self, request: int) -> list[int]:
        populations: list[int] = self.network.families[self.network.samples[request].family].populations.tolist()
        return populations

    def _regions(self, item: Any, where: str) -> list[int]:
        network, found = self.network, set[int]()
        for request in self.requests:
            family = network.families[network.samples[request].family]
            key = item.populations()[family.name]
            found |= {*region_of_all(network, self._populations(request), where, key)}
            changed = {p for c in family.declared.synaptic_currents for p in c.parameters} & family.controlled
            if changed:
                raise InputError(
                    f"{min(changed)} of {family.name}, which its currents are made of, changes in the run",
                    where=f"{where}.{key}",
                    remedy="leave it as it is, or name other populations",
                )
        return sorted(found)

    def open(self, site: Site) -> OpenSource:
        """Sums on every rank."""
        return CurrentSums(self, site.comm, [RankCurrents(self, site, request) for request in self.requests])


class CurrentSums(OpenSource):
    """Nothing is kept between chunks: every sample is made of the states at its time."""

    def __init__(self, source: CurrentSource, comm: Comm, ranks: list[RankCurrents]) -> None:
        self._source, self._comm, self._ranks = source, comm, ranks
        self.values = np.zeros((0, source.n_parts, len(source.regions)))

    def share(self, chunk: Chunk) -> None:
        """Sum the currents of every region over all ranks."""
        source = self._source
        steps = chunk.samples[source.requests[0]][0]
        first, last = np.searchsorted(steps, [source.window.start, source.window.stop]).tolist()
        sums = np.zeros((last - first, source.n_parts, len(source.regions)), np.int64)
        if len(sums):
            self.first = int(steps[first]) + 1
            for rank in self._ranks:
                rank.add(chunk.samples[rank.request][1][first:last], sums)
            if self._comm.size > 1:
                sums = self._comm.allreduce_sum(sums)
        self.values = sums / QUANTA_PER_PA


class RankCurrents:
    """The neurons of one population on one rank, and the regions that they are in."""

    def __init__(self, source: CurrentSource, site: Site, request: int) -> None:
        from dtbsim.build.kinds import neuron_values

        network = site.network
        wanted = network.samples[request]
        family = network.families[wanted.family]
        self.request = request
        sampled = site.backend.sampler.records[request]
        gids = sampled.gids.astype(np.int64)
        populations = range_of(network.gid_starts, gids)
        found, self.starts = np.unique(populations, return_index=True)  # gids ascend, and populations with them
        column = {region: k for k, region in enumerate(source.regions)}
        self.columns = [column[network.populations[i].region] for i in found.tolist()]
        self._by_effect = source.parts == "by_effect"
        self._variables = list(sampled.variables)
        self._currents = family.declared.synaptic_currents
        self._scales = [source.pA_per_density if current.unit == PER_AREA else 1.0 for current in self._currents]
        needed = {name for current in self._currents for name in current.parameters}
        self._parameters = {name: np.empty(gids.size) for name in sorted(needed)}
        edges = [*self.starts.tolist(), gids.size]
        for index, begin, end in zip(found.tolist(), edges[:-1], edges[1:], strict=True):
            position = int(np.searchsorted(family.populations, index))
            given = neuron_values(network, wanted.family, position, gids[begin:end], "parameters")
            for name, values in self._parameters.items():
                values[begin:end] = given.get(name, family.declared.parameter(name).default)

    def add(self, values: NDArray[np.float32], out: I64) -> None:
        """Add the quanta of samples float32[k, neurons, variables] to `out` int64[k, parts, regions]."""
        if not self.columns:
            return
        rows = max(1, BLOCK_VALUES // values.shape[1])
        for first in range(0, len(values), rows):
            self._add(values[first : first + rows], out[first : first + rows])

    def _add(self, values: NDArray[np.float32], out: I64) -> None:
        states = {name: values[:, :, k] for k, name in enumerate(self._variables)}
        totals = np.zeros((out.shape[1], *values.shape[:2]))
        for current, scale in zip(self._currents, self._scales, strict=True):
            flow = current.values(states, self._parameters)
            if self._by_effect:
                excites, inhibits = split_by_effect(current, flow)
                totals[0] += excites * scale
                totals[1] += inhibits * scale
            else:
                size = np.abs(flow)
                totals[0] += size if scale == 1.0 else size * scale
        for part, total in enumerate(totals):
            np.fmin(total, LARGEST_PA, out=total)  # NaN counts as much; the check of the states ends such a run
            np.fmax(total, -LARGEST_PA, out=total)
            total *= QUANTA_PER_PA
            quanta = np.rint(total, out=total).astype(np.int64)
            sums = np.add.reduceat(quanta, self.starts, axis=1)
            for k, column in enumerate(self.columns):
                out[:, part, column] += sums[:, k]


def split_by_effect(current: Current, flow: Any) -> tuple[Any, Any]:
    """What of a current excites and what inhibits, each positive in its usual direction.

    A model says it for ports with a reversal potential; what goes through others excites where it depolarises.
    """
    depolarising = -flow if current.reversal is not None else flow
    if current.effect == "excites":
        return depolarising, np.zeros_like(depolarising)
    if current.effect == "inhibits":
        return np.zeros_like(depolarising), -depolarising
    return np.maximum(depolarising, 0.0), np.maximum(-depolarising, 0.0)
