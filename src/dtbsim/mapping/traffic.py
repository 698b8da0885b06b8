"""What goes between cores: messages and links, of spikes at given rates.

A spike of a neuron is a message to every core with targets of it, its own core included, as SANA-FE counts packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.mapping.links import F64, I64, Links
from dtbsim.mapping.loads import Reach
from dtbsim.mapping.placement import Mesh, way

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Traffic:
    """Of a second of biological time.

    Attributes:
        spikes: spikes of neurons on cores.
        synaptic_events: spikes that arrive at synapses, from outside, too.
        messages: a spike to a core, the own one included.
        between_cores: the same without those to the own core.
        between_chips: messages that leave a chip.
        from_outside: messages of listed spikes from outside; not in `messages`.
        hops_x, hops_y: messages times links of the mesh.
    """

    spikes: float
    synaptic_events: float
    messages: float
    between_cores: float
    between_chips: float
    from_outside: float
    hops_x: float
    hops_y: float

    @property
    def hops(self) -> float:
        """Messages times links."""
        return self.hops_x + self.hops_y


def matrix_of(reach: Reach, core_of: I64, rates_hz: F64) -> csr_array:
    """Return messages per second between cores, a sparse matrix [cores, cores]; rates: float64[n]."""
    from scipy.sparse import coo_array

    own = core_of[reach.source]
    inside = own >= 0
    entries = (rates_hz[reach.source[inside]], (own[inside], reach.core[inside]))
    return coo_array(entries, shape=(reach.n_cores, reach.n_cores)).tocsr()


def traffic_of(
    links: Links, reach: Reach, core_of: I64, rates_hz: F64, between: csr_array, mesh: Mesh, slots: I64
) -> Traffic:
    """Return what goes between cores at `slots` of the mesh; `between` is `matrix_of` the rest."""
    pairs = between.tocoo()
    far = mesh.chip[slots[pairs.row]] != mesh.chip[slots[pairs.col]]
    outside = core_of[reach.source] < 0
    hops_x, hops_y = way(between, mesh, slots)
    heard = np.bincount(links.source[core_of[links.target] >= 0], minlength=links.n)
    return Traffic(
        spikes=float(rates_hz[links.placed].sum()),
        synaptic_events=float(rates_hz @ heard),
        messages=float(between.sum()),
        between_cores=float(between.sum() - between.diagonal().sum()),
        between_chips=float(pairs.data[far].sum()),
        from_outside=float(rates_hz[reach.source[outside]].sum()),
        hops_x=hops_x,
        hops_y=hops_y,
    )
