"""What a graph of NIR holds, as one number."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from dtbsim.interchange.nir.files import read_events, read_graph


def digest(path: Path) -> str:
    """Of the numbers of the graph and of its input, as float32: exp and others may differ by a bit of a float64 between
    machines."""
    graph, events = read_graph(path), read_events(path.with_name(f"{path.stem}_input.nir"), "input")
    sum_of = hashlib.sha256(repr(graph.edges).encode())
    for name, node in sorted(graph.nodes.items()):
        for key, value in sorted(node.values.items()):
            sum_of.update(f"{name}.{key}".encode() + np.asarray(value).astype(np.float32).tobytes())
    for values in (events.index, np.rint(events.time_s * 1e7).astype(np.int64), events.value):
        sum_of.update(values.tobytes())
    return sum_of.hexdigest()
