"""Partitioners of other projects, behind the extra `partition`: METIS and Mt-KaHyPar.

METIS (Karypis and Kumar 1998, SIAM J. Sci. Comput. 20:359) cuts as little traffic between parts as it can; Mt-KaHyPar
(Gottesbueren et al. 2024, ACM Trans. Algorithms 20:11) makes a spike reach as few parts as it can, (k - 1) for k parts.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.partition.pieces import Pieces, cut_pieces
from dtbsim.partition.table import BlockTable, Int32, Traffic, check_parts, fill_empty

SUM_OF_WEIGHTS = 2**30
"""Both libraries add weights up in 32 bits."""


@dataclass(frozen=True)
class MetisPartitioner:
    """k-way graph partitioning of regions, or of pieces of them, by METIS; `tolerance` as for `OrderedPartitioner`."""

    tolerance: float = 0.03
    unit: str = "ranks"

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part of every block; every part has at least one.

        Raises:
            InputError: `n_parts` is below 1 or above the number of blocks, or METIS gives up.
            MissingDependencyError: pymetis is not installed.
        """
        from scipy.sparse import csr_array

        check_parts(blocks, n_parts, self.unit)
        metis = _library("pymetis", "metis")
        if n_parts == 1:
            return np.zeros(len(blocks), dtype=np.int32)
        pieces = cut_pieces(blocks, n_parts, traffic)
        both = csr_array(pieces.flow + pieces.flow.T)
        both.setdiag(0)
        both.eliminate_zeros()
        options = metis.Options(ufactor=max(1, round(1000 * self.tolerance)), seed=1)
        try:
            _, part = metis.part_graph(
                n_parts,
                adjacency=metis.CSRAdjacency(both.indptr.astype(np.int32), both.indices.astype(np.int32)),
                eweights=_scaled(both.data),
                vweights=_scaled(pieces.work),
                options=options,
            )
        except RuntimeError as error:
            raise _gave_up("metis", n_parts, self.unit, error) from error
        return _every_part(blocks, pieces, np.asarray(part, dtype=np.int32), n_parts)


@dataclass(frozen=True)
class Km1Partitioner:
    """Hypergraph partitioning by Mt-KaHyPar: an edge is a region, or a piece of one, with all that hear it."""

    tolerance: float = 0.03
    unit: str = "ranks"

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part of every block; every part has at least one.

        Raises:
            InputError: `n_parts` is below 1 or above the number of blocks, or Mt-KaHyPar gives up.
            MissingDependencyError: mtkahypar is not installed.
        """
        check_parts(blocks, n_parts, self.unit)
        library = _library("mtkahypar", "km1")
        if n_parts == 1:
            return np.zeros(len(blocks), dtype=np.int32)
        from scipy.sparse import csr_array

        pieces = cut_pieces(blocks, n_parts, traffic)
        n = len(pieces.work)
        heard = csr_array(pieces.flow)
        edges = [
            sorted({source, *heard.indices[heard.indptr[source] : heard.indptr[source + 1]].tolist()})
            for source in range(n)
        ]
        kept = [source for source in range(n) if len(edges[source]) > 1]
        starter = _started(library)
        context = starter.context_from_preset(library.PresetType.DETERMINISTIC)
        context.set_partitioning_parameters(n_parts, self.tolerance, library.Objective.KM1)
        context.logging = False
        library.set_seed(1)
        try:
            graph = starter.create_hypergraph(
                context,
                n,
                len(kept),
                [edges[source] for source in kept],
                _scaled(pieces.work).tolist(),
                _scaled(pieces.neurons)[kept].tolist(),
            )
            done = graph.partition(context)
        except Exception as error:  # the library has errors of its own, derived from Exception
            raise _gave_up("km1", n_parts, self.unit, error) from error
        part = np.array([done.block_id(v) for v in range(n)], dtype=np.int32)
        return _every_part(blocks, pieces, part, n_parts)


def _scaled(values: Any) -> Int32:
    """Return int32 weights of at least 1 whose sum 32 bits hold."""
    total = float(values.sum())
    factor = (SUM_OF_WEIGHTS - len(values)) / total if total > 0 else 0.0
    scaled: Int32 = np.maximum(np.floor(values * factor), 1).astype(np.int32)
    return scaled


def _every_part(blocks: BlockTable, pieces: Pieces, part: Int32, n_parts: int) -> Int32:
    """Return int32[b], no part empty."""
    order = blocks.order()
    row = fill_empty(blocks.integer_work()[order], pieces.assign(blocks, part)[order], n_parts)
    assignment = np.empty(len(blocks), dtype=np.int32)
    assignment[order] = row
    return assignment


def _library(name: str, partitioner: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"simulation.partitioner is {partitioner}, but {name} cannot be imported: {error}",
            remedy="pip install 'dtbsim[partition]', or use ordered",
        ) from error


@functools.cache
def _started(library: Any) -> Any:
    """Return what the library lets start once in a process."""
    return library.initialize(1)


def _gave_up(name: str, n_parts: int, unit: str, error: Exception) -> InputError:
    return InputError(
        f"the partitioner {name} gives up on {n_parts} {unit}: {error}",
        where="simulation.partitioner",
        remedy="use ordered",
    )
