"""Local circuits: one object and one file each; other packages add theirs through entry points.

A package names an object, or a class that makes one, in its pyproject.toml:

    [project.entry-points."dtbsim.circuits"]
    two_layers = "my_package.two_layers:TwoLayers"
"""

from __future__ import annotations

from dtbsim.config.kinds import check_config
from dtbsim.config.network import CircuitConfig
from dtbsim.models.circuits.balanced_ei import BalancedEICircuit
from dtbsim.models.circuits.base import Circuit, Parts
from dtbsim.models.circuits.potjans_diesmann import PotjansDiesmannCircuit
from dtbsim.registry import Registry

__all__ = ["CIRCUITS", "Circuit", "CircuitConfig", "Parts", "circuit_of"]

BUILT_IN: tuple[Circuit, ...] = (BalancedEICircuit(), PotjansDiesmannCircuit())


def _checked(name: str, value: object) -> Circuit:
    """Return the circuit that an entry point names; TypeError that says what it lacks."""
    made = value() if isinstance(value, type) else value
    if not isinstance(made, Circuit):
        raise TypeError("a circuit is a subclass of dtbsim.models.circuits.Circuit")
    check_config(getattr(made, "config", None), CircuitConfig, name)
    if type(made).expand is Circuit.expand:
        raise TypeError("it needs `expand(name, item, dt_ms)`, which returns its parts")
    return made


CIRCUITS: Registry[Circuit] = Registry(
    "dtbsim.circuits", "circuit", {circuit.kind: circuit for circuit in BUILT_IN}, _checked
)


def circuit_of(item: CircuitConfig) -> Circuit:
    """Return the circuit that a configuration is of."""
    return CIRCUITS.find(str(item.kind))
