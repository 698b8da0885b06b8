"""How good an assignment is: balance of work and memory, regions kept together, traffic that stays local."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbsim.errors import InputError
from dtbsim.partition.table import BlockTable, Float64, Int32, Int64, Traffic

SHOWN_PARTS = 16


@dataclass(frozen=True)
class PartitionSummary:
    """Measures of one assignment of blocks to p parts.

    Attributes:
        blocks: int64[p], number of blocks.
        neurons: int64[p], number of neurons.
        work: float64[p], predicted cost of a step in ns.
        regions: int64[p], number of regions of which the part holds at least one block.
        split_regions: regions that lie on more than one part.
        n_regions: regions in all.
        imbalance: largest work / mean work; 1 is perfect, and 1 where there is no work at all.
        local_share: expected share of synaptic events whose source and target lie on the same part (neurons of a
            region or population taken as alike), None without traffic.
    """

    blocks: Int64
    neurons: Int64
    work: Float64
    regions: Int64
    split_regions: int
    n_regions: int
    imbalance: float
    local_share: float | None

    def table(self, unit: str = "rank") -> str:
        """Return the summary as text: a line of totals, then a line per part (the first ones and the extremes)."""
        lines = [f"{'':>8} {'blocks':>9} {'neurons':>13} {'regions':>8} {'work us/step':>13} {'load':>7}"]
        mean = self.work.mean()
        for part in self._shown():
            load = self.work[part] / mean if mean > 0 else 1.0
            lines.append(
                f"{f'{unit} {part}':>8} {self.blocks[part]:>9,} {self.neurons[part]:>13,} {self.regions[part]:>8,}"
                f" {self.work[part] / 1000:>13.1f} {load:>7.3f}"
            )
        hidden = len(self.work) - len(self._shown())
        if hidden:
            lines.append(f"(and {hidden:,} more; the most and the least loaded are shown)")
        return "\n".join([self.headline(unit), *lines])

    def headline(self, unit: str = "rank") -> str:
        """Return one line: parts, imbalance, split regions, local share."""
        parts = f"{len(self.work):,} {unit}{'s' if len(self.work) > 1 else ''}"
        text = f"{parts}, load imbalance {self.imbalance:.3f} (largest / mean)"
        if self.n_regions:
            text += f", {self.split_regions:,} of {self.n_regions:,} regions split"
        if self.local_share is not None:
            text += f", {100 * self.local_share:.1f} % of the traffic stays local"
        return text

    def _shown(self) -> list[int]:
        if len(self.work) <= SHOWN_PARTS:
            return list(range(len(self.work)))
        extremes = {int(np.argmax(self.work)), int(np.argmin(self.work))}
        return sorted({*range(SHOWN_PARTS - 2), *extremes})


def summarise(blocks: BlockTable, assignment: Int32, traffic: Traffic | None = None) -> PartitionSummary:
    """Return the measures of `assignment`, int32[b]; parts are numbered from 0 to its largest value.

    Raises:
        InputError: `assignment` does not fit the blocks or holds a negative part, or `traffic` does not fit them.
    """
    assignment = np.asarray(assignment)
    if assignment.shape != (len(blocks),) or len(blocks) == 0 or int(assignment.min()) < 0:
        raise InputError(
            f"an assignment of shape {assignment.shape} for {len(blocks)} block(s)",
            remedy="give one part, not negative, for every one of at least one block",
        )
    n_parts = int(assignment.max()) + 1
    neurons = np.zeros(n_parts, dtype=np.int64)
    np.add.at(neurons, assignment, blocks.n_neurons)
    work: Float64 = np.zeros(n_parts)
    np.add.at(work, assignment, blocks.work)
    in_region = blocks.region >= 0
    pairs = np.unique(np.stack([blocks.region[in_region], assignment[in_region]]), axis=1)
    region_parts = np.unique(pairs[0], return_counts=True)[1]
    mean = float(work.mean())
    return PartitionSummary(
        blocks=np.bincount(assignment, minlength=n_parts).astype(np.int64),
        neurons=neurons,
        work=work,
        regions=np.bincount(pairs[1], minlength=n_parts).astype(np.int64),
        split_regions=int((region_parts > 1).sum()),
        n_regions=len(region_parts),
        imbalance=float(work.max()) / mean if mean > 0 else 1.0,
        local_share=None if traffic is None else _local_share(blocks, assignment, traffic),
    )


def _local_share(blocks: BlockTable, assignment: Int32, traffic: Traffic) -> float:
    """Return sum_ij T_ij sum_p f_ip f_jp / sum_ij T_ij, with f_ip the share of the neurons of i that part p holds.

    The cost is that of the sparse product T f: pairs with traffic times parts that hold neurons of one row.
    """
    from scipy.sparse import csr_array

    index = traffic.index(blocks)
    known = np.flatnonzero(index >= 0)
    neurons = blocks.n_neurons[known].astype(np.float64)
    k = traffic.matrix.shape[0]
    size = np.bincount(index[known], weights=neurons, minlength=k)
    share = csr_array(
        (neurons / size[index[known]], (index[known], assignment[known])), shape=(k, int(assignment.max()) + 1)
    )
    present = (size > 0).astype(np.float64)
    total = float(present @ (traffic.matrix @ present))
    return float((traffic.matrix @ share).multiply(share).sum()) / total if total > 0 else 1.0
