"""Local circuits: reusable parts that expand to populations, projections and drives named `CIRCUIT.PART`."""

from __future__ import annotations

from dataclasses import dataclass, field

from dtbsim.config.drives import Windowed
from dtbsim.config.network import BalancedEI, Population, PotjansDiesmann, Projection
from dtbsim.config.run import RunConfig
from dtbsim.errors import InputError


@dataclass
class Parts:
    """Configuration objects by name, with the key path each comes from."""

    populations: dict[str, Population] = field(default_factory=dict)
    projections: dict[str, Projection] = field(default_factory=dict)
    drives: dict[str, Windowed] = field(default_factory=dict)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)

    def path(self, kind: str, name: str) -> str:
        """Key path of an object: its own, or that of the circuit it belongs to."""
        return self.paths.get((kind, name), f"{kind}.{name}")

    def add(self, circuit: str, other: Parts) -> None:
        """Take in the parts of a circuit."""
        for kind in ("populations", "projections", "drives"):
            own, new = getattr(self, kind), getattr(other, kind)
            for name, item in new.items():
                own[f"{circuit}.{name}"] = item
                self.paths[kind, f"{circuit}.{name}"] = f"circuits.{circuit}"


def expand(config: RunConfig) -> Parts:
    """All populations, projections and drives of a configuration, circuits first, in their order."""
    from dtbsim.spec.circuits.balanced_ei import balanced_ei
    from dtbsim.spec.circuits.potjans_diesmann import potjans_diesmann

    parts = Parts()
    for name, circuit in config.circuits.items():
        if isinstance(circuit, BalancedEI):
            parts.add(name, balanced_ei(name, circuit, config.simulation.dt_ms))
        elif isinstance(circuit, PotjansDiesmann):
            parts.add(name, potjans_diesmann(name, circuit, config.simulation.dt_ms))
    parts.populations.update(config.populations)
    for name, projection in config.projections.items():
        for pair, source, target in projection.pairs(name):
            if pair == name:
                parts.projections[name] = projection
            else:
                _add_pair(parts, name, projection.model_copy(update={"source": source, "target": target}), pair)
    parts.drives.update(config.drives)
    return parts


def _add_pair(parts: Parts, name: str, projection: Projection, pair: str) -> None:
    """Take in one of the projections that a projection with lists of sources or targets means."""
    if pair in parts.projections:
        raise InputError(
            f"its part '{pair}' is the name of another projection", where=f"projections.{name}", remedy="rename it"
        )
    parts.projections[pair] = projection
    parts.paths["projections", pair] = f"projections.{name}"
