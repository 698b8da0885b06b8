"""The interface of partitioners and their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dtbsim.errors import InputError, did_you_mean
from dtbsim.partition.contiguous import ContiguousPartitioner
from dtbsim.partition.greedy import GreedyPartitioner
from dtbsim.partition.table import BlockTable, Int32, Traffic


class Partitioner(Protocol):
    """Assigns whole blocks to parts: a pure function, so that every rank computes the same answer by itself."""

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part in [0, n_parts) of every block; no part stays empty."""
        ...


PARTITIONERS: dict[str, Callable[[str], Partitioner]] = {
    "contiguous": lambda unit: ContiguousPartitioner(unit=unit),
    "greedy": lambda unit: GreedyPartitioner(unit=unit),
}
"""Name of a partitioner -> how to make it, given what its parts are called."""


def get_partitioner(name: str, unit: str = "ranks") -> Partitioner:
    """Return the partitioner called `name`; `unit` names its parts in errors ("ranks", "threads").

    Raises:
        InputError: there is no such partitioner.
    """
    if name not in PARTITIONERS:
        raise InputError(
            f"there is no partitioner '{name}'", where="simulation.partitioner", remedy=did_you_mean(name, PARTITIONERS)
        )
    return PARTITIONERS[name](unit)
