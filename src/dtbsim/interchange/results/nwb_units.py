"""Spikes as Units of NWB: a row for each neuron, silent ones included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.interchange.results.chosen import Chosen
from dtbsim.interchange.results.nwb_pieces import packed, pieces
from dtbsim.interchange.results.trains import counts_of, steps_by_neuron

_ABOUT = {
    "gid": "number of the neuron in the whole network, from 0",
    "population": "name of its population",
    "region": "region of the atlas that it is in; empty where it is in none",
    "model": "name of its model",
}


def add_units(pynwb: Any, file: Any, chosen: Chosen, folder: Path) -> tuple[int, int]:
    """Add all neurons and their spikes; return how many there are of both. Spikes are put aside in `folder`."""
    from hdmf.common import ElementIdentifiers, VectorData, VectorIndex

    store, table, (start, stop) = chosen.spikes, chosen.table, chosen.steps
    assert store is not None
    n = table.n_neurons
    counts = counts_of(store, start, stop, n)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if n else 0

    def times() -> Iterator[tuple[int, Any]]:
        first = 0
        for steps in steps_by_neuron(store, start, stop, counts, folder):
            yield first, chosen.spike_grid.seconds(steps)
            first += steps.size

    spikes = pieces(times(), (total,), np.float64) if total else np.empty(0, np.float64)
    observed = np.broadcast_to(chosen.step_edges.seconds([start, stop]), (n, 2))
    spike_times = VectorData(
        name="spike_times", description="times of spikes in seconds: ends of time steps", data=spikes
    )
    intervals = VectorData(
        name="obs_intervals", description="the simulated time in which spikes were recorded, in seconds",
        data=packed(np.ascontiguousarray(observed)),
    )  # fmt: skip
    columns = [
        VectorIndex(name="spike_times_index", data=packed(ends.astype(np.uint64)), target=spike_times),
        spike_times,
        VectorIndex(name="obs_intervals_index", data=packed(np.arange(1, n + 1, dtype=np.uint64)), target=intervals),
        intervals,
    ]  # an index is before what it is of: hdmf would not find a column that comes in pieces
    sizes = [int(entry["size"]) for entry in table.populations]
    own: dict[str, Any] = {"gid": np.arange(n)}
    own["population"] = _repeated([str(entry["name"]) for entry in table.populations], sizes)
    if any(entry["region"] for entry in table.populations):
        own["region"] = _repeated([str(entry["region"] or "") for entry in table.populations], sizes)
    own["model"] = _repeated([str(entry["model"]) for entry in table.populations], sizes)
    columns += [VectorData(name=name, description=_ABOUT[name], data=packed(data)) for name, data in own.items()]
    file.units = pynwb.misc.Units(
        name="units",
        description="Neurons of the simulated network, by number; each spike is at the end of its time step.",
        id=ElementIdentifiers(name="id", data=np.arange(n)),
        columns=columns,
        colnames=["spike_times", "obs_intervals", *own],
        resolution=float(chosen.step_edges.interval_ms / 1000),
    )
    return n, total


def _repeated(texts: list[str], sizes: list[int]) -> list[str]:
    return [text for text, size in zip(texts, sizes, strict=True) for _ in range(size)]
