"""A partitioner: blocks go to ranks in turn, whatever they cost."""

import numpy as np


class RoundRobinPartitioner:
    """Block k goes to part k modulo the number of parts; every rank computes the same by itself."""

    def __init__(self, unit="ranks"):
        self.unit = unit

    def assign(self, blocks, n_parts, traffic=None):
        """Return int32[b], the part of every block (`dtbsim.partition.BlockTable`); `traffic` is not used."""
        n = len(blocks.population)
        if n < n_parts:
            raise ValueError(f"{n} blocks are not enough for {n_parts} {self.unit}")
        return np.arange(n, dtype=np.int32) % np.int32(n_parts)
