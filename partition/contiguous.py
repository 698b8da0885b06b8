"""Contiguous partitioner: blocks in the order of their gids, cut where the largest predicted work is smallest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbsim.partition.cuts import optimal_cuts
from dtbsim.partition.table import BlockTable, Int32, Traffic, check_parts


@dataclass(frozen=True)
class ContiguousPartitioner:
    """Every part is a range of gids; no contiguous cut has a smaller largest work (`partition.cuts`).

    It does not look at regions or at traffic: with populations in the order of families a region is usually spread
    over several parts. `unit` names the parts in errors ("ranks", "threads").
    """

    unit: str = "ranks"

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part of every block; every part has at least one.

        The answer for a block does not depend on the order of the rows of `blocks`.

        Raises:
            InputError: `n_parts` is below 1 or above the number of blocks.
        """
        check_parts(blocks, n_parts, self.unit)
        order = blocks.order()
        cuts = optimal_cuts(blocks.integer_work()[order], np.zeros(n_parts, np.int64), least_blocks=1)
        assignment = np.empty(len(blocks), dtype=np.int32)
        assignment[order] = np.repeat(np.arange(n_parts, dtype=np.int32), np.diff(cuts))
        return assignment
