"""`dtbsim export RUN --to sonata-reports FOLDER`: recorded states as SONATA reports, a file for each variable.

The layout is that of BMTK's multimeter reports and of libsonata's compartment reports with one element for each node:
/report/POPULATION/data float32[samples, nodes], and in `mapping` the nodes and [start, stop, interval] in ms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_folder
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.results.series import Series
from dtbsim.interchange.sonata.h5 import create
from dtbsim.interchange.sonata.run_nodes import RunNodes


class SonataReports(Exporter):
    """Samples of neurons, of which each is in the SONATA population that `--to sonata` gives it."""

    takes = "run"
    summary = "recorded states of neurons as SONATA reports (.h5), a file for each variable"
    options = OPTIONS

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write the states of a `Run` to a new folder."""
        chosen = Chosen(source, lossy=lossy, **options)
        states = [one for one in chosen.series if one.kind == "states"]
        of_neurons = [one for one in states if one.columns.gids is not None]
        chosen.need(of_neurons, "recorded states of neurons here", "run with record.states set")
        nodes = RunNodes(chosen.table)
        with new_folder(target) as folder:
            for series in of_neurons:
                _write(folder / f"{series.name}.h5", series, nodes)
        for series in chosen.series:
            if series not in of_neurons:
                chosen.lose(series.name, str(chosen.run.path), "nothing: it is of no neurons")
        return Written(target, {"reports": len(of_neurons)}, tuple(chosen.losses))


def _write(path: Path, series: Series, nodes: RunNodes) -> None:
    gids = series.columns.gids
    assert gids is not None
    grid = series.grid
    with create(path) as file:
        made = []
        for name in nodes.names:
            chosen = np.flatnonzero(nodes.in_population(name, gids))
            if not chosen.size:
                continue
            group = file.create_group(f"report/{name}")
            rows = max(1, min(series.rows, (1 << 20) // (4 * chosen.size)))
            data = group.create_dataset("data", (series.rows, chosen.size), np.float32, chunks=(rows, chosen.size))
            data.attrs["units"] = series.unit
            mapping = group.create_group("mapping")
            mapping.create_dataset("node_ids", data=nodes.ids(gids[chosen]).astype(np.uint64)).attrs["sorted"] = (
                np.uint8(1)
            )
            mapping.create_dataset("index_pointers", data=np.arange(chosen.size + 1, dtype=np.uint64))
            mapping["index_pointer"] = mapping["index_pointers"]  # the name that BMTK reads
            mapping.create_dataset("element_ids", data=np.zeros(chosen.size, np.uint32))
            mapping.create_dataset("element_pos", data=np.zeros(chosen.size, np.float64))
            times = mapping.create_dataset("time", data=[*grid.ms([0, series.rows]), float(grid.interval_ms)])
            times.attrs["units"] = "ms"
            made.append((data, chosen))
        for first, values in series.blocks():
            for data, chosen in made:
                data[first : first + len(values)] = values[:, chosen]


SONATA_REPORTS = SonataReports()
