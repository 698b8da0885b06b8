"""Partitioners: blocks of neurons onto ranks and threads (pure functions, the same answer on every rank).

`get_partitioner(name)` gives a `Partitioner`; `summarise` says how good an assignment is.
"""

from __future__ import annotations

from dtbsim.partition.contiguous import ContiguousPartitioner
from dtbsim.partition.greedy import GreedyPartitioner
from dtbsim.partition.ordered import MortonPartitioner, OrderedPartitioner
from dtbsim.partition.placement import Placement, find_placement
from dtbsim.partition.registry import PARTITIONERS, Partitioner, get_partitioner, independent_partitioners
from dtbsim.partition.summary import PartitionSummary, summarise
from dtbsim.partition.table import BlockTable, Traffic

__all__ = [
    "PARTITIONERS",
    "BlockTable",
    "ContiguousPartitioner",
    "GreedyPartitioner",
    "MortonPartitioner",
    "OrderedPartitioner",
    "PartitionSummary",
    "Partitioner",
    "Placement",
    "Traffic",
    "find_placement",
    "get_partitioner",
    "independent_partitioners",
    "summarise",
]
