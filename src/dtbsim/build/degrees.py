"""Tasks of projections whose targets have in-degrees of their own."""

from __future__ import annotations

import itertools

import numpy as np

from dtbsim.spec.network import Projection


def tasks_by_degree(
    projection: Projection, piece: int, gid0: int, runs: list[tuple[int, int, int]], base: int, seed: int
) -> list[tuple[int, int, int, int, int, int]]:
    """Tasks for target neurons whose in-degrees differ: one for those that follow each other with the same."""
    assert projection.degrees is not None
    tasks = []
    for gid, n, slot in runs:
        gids = np.arange(gid, gid + n)
        numbers = projection.degrees.of(piece, gids, gids - gid0, projection.index, seed)
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), n]
        for start, stop in itertools.pairwise(edges):
            if numbers[start]:
                tasks.append((piece, gid + start, stop - start, base + slot + start, -1, int(numbers[start])))
    return tasks
