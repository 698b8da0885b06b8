"""A network on a chip: which neuron is on which core, what cores hold, and what goes between them."""

from __future__ import annotations

from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.chips.chip import Chip
from dtbsim.interchange.base import Loss
from dtbsim.mapping.energy import Energy
from dtbsim.mapping.links import F64, I64
from dtbsim.mapping.loads import Loads
from dtbsim.mapping.placement import Mesh
from dtbsim.mapping.traffic import Traffic

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from dtbsim.chips.conversion import Conversion


@dataclass(frozen=True, eq=False)
class Placed:
    """Where neurons are; arrays by gid have -1 for neurons outside of the chip (sources of listed or drawn spikes).

    Attributes:
        core: int64[n]: core of each neuron, counted over all chips.
        slot: int64[n]: its number on that core.
        n_cores, n_chips: cores and chips that are used.
        mesh: chips and coordinates of all cores of these chips.
        order: int64[used]: number of the k-th used core.
    """

    core: I64
    slot: I64
    n_cores: int
    n_chips: int
    mesh: Mesh
    order: I64

    @property
    def chip(self) -> I64:
        """int64[n]: chip of each neuron."""
        return np.where(self.core >= 0, self.mesh.chip[np.maximum(self.core, 0)], -1)


def slots_within(core: I64) -> I64:
    """int64[n]: number of each neuron on its core, in the order of gids; -1 outside."""
    order = np.argsort(core, kind="stable")
    ordered = core[order]
    start = np.concatenate(([True], ordered[1:] != ordered[:-1])) if ordered.size else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(start, np.arange(core.size), 0))
    slot = np.empty(core.size, np.int64)
    slot[order] = np.arange(core.size) - first
    return np.where(core >= 0, slot, -1)


@dataclass(frozen=True, eq=False)
class Mapping:
    """What `dtbsim.map_network` returns, and `dtbsim.open_mapping` of its folder.

    Attributes:
        path: its folder.
        chip: the chip.
        name: name of the network.
        dt_ms: step of the network, and what a step of the chip stands for.
        method: how neurons were put together, in words.
        placed: where they are.
        populations: gids of each population of the configuration.
        loads: what used cores hold, in the order of `placed.order`.
        between: messages per second between used cores, a sparse matrix; `rates_hz` float64[n] they are made of.
        traffic, before: with cores where they are, and in the order of the partition.
        energy: an estimate for a second.
        losses, notes: what the chip does otherwise; what the user should know.
        conversion: the network in the chip's numbers, None where the chip's arithmetic is not known.
    """

    path: Path
    chip: Chip
    name: str
    dt_ms: float
    method: str
    placed: Placed
    populations: Named[str, I64]
    loads: Loads
    between: csr_array
    rates_hz: F64
    traffic: Traffic
    before: Traffic
    energy: Energy
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    conversion: Conversion | None = None
    numbers: Named[str, Any] = field(default_factory=dict)
    """Arrays of the conversion, by name, as `map.npz` has them."""

    def __repr__(self) -> str:
        return (
            f"<Mapping of {self.name} to {self.placed.n_cores:,} cores of {self.chip.name}, "
            f"{self.traffic.messages:,.0f} messages per second>"
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Neurons, synapses, cores and chips."""
        return {
            "neurons": int((self.placed.core >= 0).sum()),
            "synapses": int(self.loads.synapses.sum()),
            "cores": self.placed.n_cores,
            "chips": self.placed.n_chips,
        }
