"""What a second of biological time would cost on a chip: events times published costs. An estimate, not a measurement.

Costs that a description does not have count nothing, and are named.
"""

from __future__ import annotations

from dataclasses import dataclass

from dtbsim.chips.chip import Chip
from dtbsim.mapping.traffic import Traffic


@dataclass(frozen=True)
class Cost:
    """One part of the energy: events (or seconds) per second of biology, joules, and where the cost comes from."""

    what: str
    path: str
    count: float
    joules: float | None
    source: str


@dataclass(frozen=True)
class Energy:
    """An estimate for a second of biological time."""

    costs: tuple[Cost, ...]

    @property
    def joules(self) -> float:
        """The sum of what is known."""
        return sum(cost.joules or 0.0 for cost in self.costs)

    @property
    def missing(self) -> list[str]:
        """Key paths of costs that are not known."""
        return [cost.path for cost in self.costs if cost.joules is None]


def energy_of(chip: Chip, traffic: Traffic, *, n_neurons: int, n_cores: int, n_chips: int, dt_ms: float) -> Energy:
    """Return the estimate; power counts for a second of the chip's own time, by `numbers.speed` where that is known."""
    updates = n_neurons * 1000.0 / dt_ms
    seconds = 1.0 / (chip.get("numbers.speed") or 1.0)
    events = (
        ("spikes at synapses", "energy.synapse", traffic.synaptic_events, 1e-12),
        ("states read", "energy.neuron_access", updates, 1e-12),
        ("neurons updated", "energy.neuron_update", updates, 1e-12),
        ("spikes made", "energy.spike", traffic.spikes, 1e-12),
        ("messages", "energy.message", traffic.messages, 1e-12),
        ("links along rows", "energy.hop_x", traffic.hops_x, 1e-12),
        ("links along columns", "energy.hop_y", traffic.hops_y, 1e-12),
        ("chips, idle", "energy.chip_idle", n_chips * seconds, 1e-3),
        ("cores, active", "energy.core_active", n_cores * seconds, 1e-3),
    )
    costs = []
    for what, path, count, unit in events:
        cost = chip.get(path)
        joules = None if cost is None else cost * unit * count
        costs.append(Cost(what, path, count, joules, chip.cited(path)))
    return Energy(tuple(costs))
