"""What mean-field regions bring to BOLD: means over bins, of every member of an ensemble, gathered on rank 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.series import gathered
from dtbsim.spec.region_network import BOLD

if TYPE_CHECKING:
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.region_network import RegionNetwork

F64 = NDArray[np.float64]


class RegionDrive:
    """The populations of mean-field regions that make BOLD."""

    def __init__(self, network: RegionNetwork | None) -> None:
        samples = () if network is None else network.samples
        self.samples = [k for k, sample in enumerate(samples) if sample.owner == BOLD]
        self._network = network
        self.members = 1 if network is None else network.members.n

    @property
    def regions(self) -> list[int]:
        """Indices of their regions in the atlas, ascending; -1 among them where one lives in none."""
        if self._network is None:
            return []
        populations = [self._network.populations[self._network.samples[k].population] for k in self.samples]
        return sorted({int(region) for population in populations for region in population.regions})

    def share(self, chunk: Chunk, comm: Comm, columns: dict[int, int]) -> F64 | None:
        """float64[bins, members, columns] on rank 0, None elsewhere; `columns` by region of the atlas; collective."""
        total: F64 | None = None
        for k in self.samples:
            assert self._network is not None
            population = self._network.populations[self._network.samples[k].population]
            values = gathered(chunk.regions[k], population.n_nodes, self.members, comm)
            if values is None:
                continue
            if total is None:
                total = np.zeros((len(values), self.members, len(columns)))
            at = [columns[int(region)] for region in population.regions]
            total[:, :, at] += values[..., 0].transpose(0, 2, 1)
        return total
