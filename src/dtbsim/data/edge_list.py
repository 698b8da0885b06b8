"""Lists of connections in text: source, target, weight and length of each, one a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.data.table import Row, cell_number, read_cells
from dtbsim.errors import InputError

F64 = NDArray[np.float64]

MOST_REGIONS = 20_000
"""Of a dense matrix."""
_ENDS = (
    ("source", "target"), ("from", "to"), ("src", "dst"), ("src", "tgt"), ("pre", "post"), ("i", "j"), ("u", "v"),
    ("node1", "node2"), ("node_1", "node_2"), ("region1", "region2"), ("region_1", "region_2"), ("roi1", "roi2"),
    ("source_region", "target_region"), ("source_id", "target_id"), ("source_name", "target_name"),
)  # fmt: skip
_WEIGHTS = ("weight", "weights", "w", "value", "strength", "count", "counts", "streamlines", "number_of_fibers",
            "fiber_count", "nos", "sc", "connectivity")  # fmt: skip
_LENGTHS = ("length", "lengths", "length_mm", "tract_length", "distance", "dist", "distance_mm", "fiber_length_mean",
            "fiber_length")  # fmt: skip
_EDGES = re.compile(r"edge(s|list)?(?![a-z])|edge_?list", re.IGNORECASE)


@dataclass(frozen=True)
class EdgeList:
    """A list of connections as matrices.

    `weights` and `lengths` (None where the file has none) are float64[target, source], 0 where there is no connection;
    `labels` the regions in the order in which they come first, or None where the file numbers them; `both_ways` says
    that every connection is there once and was taken for both directions.
    """

    weights: F64
    lengths: F64 | None
    labels: tuple[str, ...] | None
    both_ways: bool
    notices: tuple[str, ...]


def is_edge_list(path: Path, rows: Sequence[Row]) -> bool:
    """Whether the lines of a table are connections: the first names a source and a target, or the file says edges."""
    first = [cell.lower() for cell in rows[0][1]]
    if _ends(first) is not None:
        return True
    cells = rows[-1][1]
    named = _EDGES.search(path.name) is not None and len(cells) in (2, 3, 4)
    return named and len(first) == len(cells) and all(cell_number(cell) is not None for cell in cells[2:])


def _ends(names: Sequence[str]) -> tuple[int, int] | None:
    """The columns of source and target, by the names of columns in small letters."""
    for source, target in _ENDS:
        if source in names and target in names:
            return names.index(source), names.index(target)
    return None


def read_edge_list(path: Path) -> EdgeList:
    """Return the connections in a text file with the columns source, target and, where it has them, weight and length.

    Lines without names of columns have them in this order. Regions are names, or whole numbers from 0 or 1. Where no
    pair of regions is there in both directions the connections are taken for undirected.

    Raises:
        InputError: no connections, one that is there twice, a cell that is no number, too many regions.
    """
    rows = read_cells(path)
    names = [cell.lower() for cell in rows[0][1]]
    ends = _ends(names)
    body = rows if ends is None else rows[1:]
    if not body:
        raise InputError(
            "names columns and has no connections below them",
            where=f"{path}:{rows[0][0]}",
            remedy="export it again",
        )
    if ends is None:
        ends, names = (0, 1), ["source", "target", "weight", "length"][: len(rows[0][1])]
    weight, length = _column(names, ends, _WEIGHTS), _column(names, ends, _LENGTHS)
    if weight is None:
        others = [k for k in range(len(names)) if k not in (*ends, length)]
        weight = others[0] if len(others) == 1 else None
    for number, cells in body:
        if len(cells) != len(names):
            raise InputError(
                f"{len(cells)} cells where the first line has {len(names)}",
                where=f"{path}:{number}",
                remedy="a connection is source, target, weight, length, with the same separator in every line",
            )
    labels, pairs = _regions(path, body, ends)
    notices = [] if weight is not None else ["no column of weights: every connection has weight 1"]
    left = [names[k] for k in range(len(names)) if k not in (*ends, weight, length)]
    notices += [f"columns left out: {', '.join(left)}"] if left else []
    n = 1 + max(max(pair) for pair in pairs) if labels is None else len(labels)
    if n > MOST_REGIONS:
        raise InputError(
            f"has {n:,} regions; at most {MOST_REGIONS:,} are read",
            where=str(path),
            remedy="number regions without gaps, or name them",
        )
    lines = _unique(path, body, pairs)
    both_ways = not any(pair[::-1] in lines for pair in pairs if pair[0] != pair[1])
    notices.append(
        "no pair of regions is there in both directions: connections are taken for both"
        if both_ways
        else "connections are directed: the source sends, the target receives"
    )
    found = [
        None if column is None else _matrix(path, body, pairs, column, n, both_ways) for column in (weight, length)
    ]
    weights = found[0] if found[0] is not None else _matrix(path, body, pairs, None, n, both_ways)
    return EdgeList(weights, found[1], labels, both_ways, tuple(notices))


def _column(names: Sequence[str], ends: tuple[int, int], known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names and names.index(name) not in ends), None)


def _regions(
    path: Path, body: Sequence[Row], ends: tuple[int, int]
) -> tuple[tuple[str, ...] | None, list[tuple[int, int]]]:
    """Labels, or None where regions are numbered, and (source, target) of each connection by their numbers from 0."""
    texts = [(cells[ends[0]], cells[ends[1]]) for _, cells in body]
    for (number, _), pair in zip(body, texts, strict=True):
        if "" in pair:
            raise InputError("has no name of a region", where=f"{path}:{number}", remedy="give source and target")
    if all(text.isascii() and text.isdigit() and len(text) < 10 for pair in texts for text in pair):
        numbers = [(int(source), int(target)) for source, target in texts]
        base = min(1, min(min(pair) for pair in numbers))
        return None, [(source - base, target - base) for source, target in numbers]
    order = {name: k for k, name in enumerate(dict.fromkeys(text for pair in texts for text in pair))}
    return tuple(order), [(order[source], order[target]) for source, target in texts]


def _unique(path: Path, body: Sequence[Row], pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The line of each connection. Raises InputError where one is there twice."""
    lines: dict[tuple[int, int], int] = {}
    for (number, cells), pair in zip(body, pairs, strict=True):
        if pair in lines:
            raise InputError(
                f"this connection is in line {lines[pair]} already ({', '.join(cells[:2])})",
                where=f"{path}:{number}",
                remedy="give each pair of source and target one line; add up what belongs together",
            )
        lines[pair] = number
    return lines


def _matrix(
    path: Path, body: Sequence[Row], pairs: Sequence[tuple[int, int]], column: int | None, n: int, both_ways: bool
) -> F64:
    matrix = np.zeros((n, n))
    for (number, cells), (source, target) in zip(body, pairs, strict=True):
        value = 1.0 if column is None else cell_number(cells[column])
        if value is None or not np.isfinite(value):
            raise InputError(
                f"column {(column or 0) + 1} is {show(cells[column or 0])}; needed a number",
                where=f"{path}:{number}",
                remedy="weights and lengths are finite numbers; leave out the line where there is no connection",
            )
        matrix[target, source] = value
        if both_ways:
            matrix[source, target] = value
    return matrix
