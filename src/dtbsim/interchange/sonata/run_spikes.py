"""`dtbsim export RUN --to sonata-spikes FILE`: the spikes of a run as a SONATA spike file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.interchange.base import Exporter, Loss, Written
from dtbsim.interchange.folder import new_file
from dtbsim.interchange.sonata.nodes import NEURONS
from dtbsim.interchange.sonata.spikes import SpikeFile

_WINDOW_STEPS = 1 << 14


class SonataSpikes(Exporter):
    """Spikes in the order of time: one SONATA population of all neurons, and one for each source of spikes.

    Ids of nodes are those that `--to sonata` gives the network, times (k + 1) dt.
    """

    takes = "run"
    summary = "spikes of a run as a SONATA spike file (.h5)"

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write the spikes of a `Run` to a file."""
        table, n = source.network_table, 0
        sources, shift, skipped = [], [], 0
        for entry in table.populations:
            virtual = entry["model"] in ("spike_source", "poisson_source")
            sources.append(str(entry["family"]) if virtual else NEURONS)
            first = next(row["gid0"] for row in table.populations if row["family"] == entry["family"])
            shift.append(int(first) if virtual else skipped)
            skipped += int(entry["size"]) if virtual else 0
        starts = np.array([entry["gid0"] for entry in table.populations], np.int64)
        names, shifts = np.array(sources), np.array(shift, np.int64)
        start, stop = source._steps(None, None)
        store = source.spike_store
        with new_file(target) as path, SpikeFile(path) as file:
            for name in dict.fromkeys(sources):
                file.population(name)
            for window in store.windows(start, stop, _WINDOW_STEPS):
                gids = window.gids.astype(np.int64)
                member = np.searchsorted(starts, gids, side="right") - 1
                for name in dict.fromkeys(sources):
                    mine = names[member] == name
                    time_ms = np.round((window.steps[mine] + 1) * table.dt_ms, 9)
                    file.add(name, time_ms, gids[mine] - shifts[member[mine]])
                n += gids.size
        lost = [Loss("states, signals and weights", str(source.path / "stores"), "nothing: spikes alone are written")]
        kept = [path for path in (source.path / "stores").iterdir() if path.is_dir() and path.name != "spikes"]
        return Written(target, {"spikes": n}, tuple(lost if kept else ()))


SONATA_SPIKES = SonataSpikes()
