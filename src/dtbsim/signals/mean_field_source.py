"""Mean-field regions as the source of signals: the variable that their model declares, or another one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.backends.regions.series import gathered
from dtbsim.errors import InputError
from dtbsim.signals.source import OpenSource, Source, Window

if TYPE_CHECKING:
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network


def is_mean_field(item: Any, network: Network, where: str) -> bool:
    """Whether the populations that options name are of mean-field regions; InputError for some of both."""
    regions = network.regions
    named = item.populations()
    found = {name for name in named if regions is not None and regions.index(name) is not None}
    if found and len(found) < len(named):
        neurons = next(name for name in named if name not in found)
        raise InputError(
            f"'{neurons}' is a population of neurons, '{min(found)}' one of mean-field regions: their sources have "
            "different units",
            where=f"{where}.{named[neurons]}",
            remedy="use a signal for each",
        )
    return bool(found)


class MeanFieldSource(Source):
    """The value of each region at the time of a sample, in the unit of the variable; of all members of an ensemble."""

    def __init__(self, name: str, item: Any, network: Network, window: Window) -> None:
        where = f"signals.{name}"
        assert network.regions is not None
        self.network, self.window = network.regions, window
        self.samples = [k for k, sample in enumerate(network.regions.samples) if sample.owner == name]
        populations = [network.regions.populations[network.regions.samples[k].population] for k in self.samples]
        if any(population.regions[0] < 0 for population in populations):
            raise InputError(
                f"{populations[0].name} lives in no region of an atlas",
                where=f"{where}.population",
                remedy="give the population `regions`",
            )
        self.members = network.regions.members.n
        self.regions = sorted({int(region) for population in populations for region in population.regions})
        self.names = [network.region_names[region] for region in self.regions]
        column = {region: k for k, region in enumerate(self.regions)}
        self.columns = [[column[int(region)] for region in population.regions] for population in populations]
        units = {
            population.model.variable(network.regions.samples[k].variables[0]).unit
            for k, population in zip(self.samples, populations, strict=True)
        }
        if len(units) > 1:
            raise InputError(
                f"the variables have the units {', '.join(sorted(units))}",
                where=f"{where}.population",
                remedy="use a signal for each population",
            )
        self.unit = units.pop()

    def open(self, site: Site) -> OpenSource:
        """On every rank."""
        return OpenMeanField(self, site.comm)


class OpenMeanField(OpenSource):
    """Brings what is sampled to all ranks."""

    def __init__(self, source: MeanFieldSource, comm: Comm) -> None:
        self._source, self._comm = source, comm
        self.values = np.zeros((0, 1, source.members * len(source.regions)))

    def share(self, chunk: Chunk) -> None:
        """The samples within the window."""
        source, window = self._source, self._source.window
        total = None
        for k, columns in zip(source.samples, source.columns, strict=True):
            sample = source.network.samples[k]
            population = source.network.populations[sample.population]
            values = self._comm.bcast(gathered(chunk.regions[k], population.n_nodes, source.members, self._comm))
            if total is None:
                total = np.zeros((len(values), source.members, len(source.regions)))
            total[:, :, columns] += values[..., 0].transpose(0, 2, 1)
        assert total is not None
        ends = chunk.regions[source.samples[0]].steps + 1
        inside = (ends > window.start) & (ends <= window.stop)
        self.values = total[inside].reshape(int(inside.sum()), 1, total.shape[1] * total.shape[2])
        self.first = int(ends[inside][0]) if inside.any() else 0
