"""The interface of partitioners and their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dtbsim.partition.contiguous import ContiguousPartitioner
from dtbsim.partition.greedy import GreedyPartitioner
from dtbsim.partition.ordered import MortonPartitioner, OrderedPartitioner
from dtbsim.partition.table import BlockTable, Int32, Traffic
from dtbsim.registry import Later, Registry


class Partitioner(Protocol):
    """Assigns whole blocks to parts: a pure function, so that every rank computes the same answer by itself."""

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part in [0, n_parts) of every block; no part stays empty."""
        ...


MakePartitioner = Callable[..., Partitioner]
"""A class, or what makes one, given `unit`: what its parts are called in errors ("ranks", "threads")."""


def _checked(name: str, value: object) -> MakePartitioner:
    if not callable(value) or not callable(getattr(value, "assign", value)):
        raise TypeError("a partitioner is a class with `assign(blocks, n_parts, traffic)` that takes `unit`")
    return value


PARTITIONERS: Registry[MakePartitioner] = Registry(
    "dtbsim.partitioners",
    "partitioner",
    {
        "ordered": OrderedPartitioner,
        "morton": MortonPartitioner,
        "contiguous": ContiguousPartitioner,
        "greedy": GreedyPartitioner,
        "metis": Later("dtbsim.partition.external:MetisPartitioner"),
        "km1": Later("dtbsim.partition.external:Km1Partitioner"),
    },
    _checked,
)


LIBRARIES = {"metis": "pymetis", "km1": "mtkahypar"}
"""What partitioners need that is no dependency of dtbsim."""


def independent_partitioners() -> list[str]:
    """Return the names of all partitioners but those that need a library of the extra `partition`."""
    return [name for name in PARTITIONERS.names() if name not in LIBRARIES]


def get_partitioner(name: str, unit: str = "ranks") -> Partitioner:
    """Return the partitioner called `name`; `unit` names its parts in errors ("ranks", "threads").

    Raises:
        InputError: there is no such partitioner, or that of another package cannot be used.
    """
    return PARTITIONERS.find(name, "simulation.partitioner")(unit=unit)
