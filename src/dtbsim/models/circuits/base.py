"""What a circuit is: one object that makes populations, projections and drives of its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from dtbsim.config.drives import Windowed
from dtbsim.config.network import CircuitConfig, Population, Projection
from dtbsim.errors import InputError


@dataclass
class Parts:
    """Configuration objects by name, with the key path each comes from."""

    populations: dict[str, Population] = field(default_factory=dict)
    projections: dict[str, Projection] = field(default_factory=dict)
    drives: dict[str, Windowed] = field(default_factory=dict)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)

    def path(self, kind: str, name: str) -> str:
        """Key path of an object: its own, or that of what it is a part of."""
        return self.paths.get((kind, name), f"{kind}.{name}")

    def add(self, circuit: str, other: Parts) -> None:
        """Take in the parts of a circuit."""
        path = f"circuits.{circuit}"
        for kind in ("populations", "drives"):
            own, new = getattr(self, kind), getattr(other, kind)
            for name, item in new.items():
                own[f"{circuit}.{name}"] = item
                self.paths[kind, f"{circuit}.{name}"] = path
        for name, projection in other.projections.items():
            self.add_projection(f"{circuit}.{name}", projection, path)

    def add_projection(self, name: str, projection: Projection, path: str) -> None:
        """Take in a projection, or one for every pair of its sources and targets. InputError for a name given twice."""
        for pair, source, target in projection.pairs(name):
            if pair in self.projections:
                raise InputError(f"its part '{pair}' is the name of another projection", where=path, remedy="rename it")
            single = {"source": source, "target": target}
            self.projections[pair] = projection if pair == name else projection.model_copy(update=single)
            self.paths["projections", pair] = path


class Circuit:
    """One kind of circuit. Objects have no state."""

    config: ClassVar[type[CircuitConfig]]

    @property
    def kind(self) -> str:
        """The name of the circuit."""
        return str(self.config.model_fields["kind"].default)

    def expand(self, name: str, item: Any, dt_ms: float) -> Parts:
        """Return the parts of the circuit called `name`: the keys are their own names (E, for NAME.E elsewhere).

        Projections and drives name populations as NAME.E.
        """
        raise NotImplementedError
