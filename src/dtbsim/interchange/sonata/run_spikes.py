"""`dtbsim export RUN --to sonata-spikes FILE`: the spikes of a run as a SONATA spike file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_file
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.sonata.run_nodes import RunNodes
from dtbsim.interchange.sonata.spikes import SpikeFile


class SonataSpikes(Exporter):
    """Spikes in the order of time: one SONATA population of all neurons, and one for each source of spikes.

    Ids of nodes are those that `--to sonata` gives the network, times (k + 1) dt in ms: the nearest float64.
    """

    takes = "run"
    summary = "spikes of a run as a SONATA spike file (.h5)"
    options = OPTIONS - {"signals"}

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write the spikes of a `Run` to a file."""
        chosen, n = Chosen(source, lossy=lossy, **options), 0
        store = chosen.run.spike_store
        nodes = RunNodes(chosen.table)
        with new_file(target) as path, SpikeFile(path) as file:
            for name in nodes.names:
                file.population(name)
            for window in store.chunks(*chosen.steps):
                ids = nodes.ids(window.gids)
                for name in nodes.names:
                    mine = nodes.in_population(name, window.gids)
                    file.add(name, chosen.spike_grid.ms(window.steps[mine]), ids[mine])
                n += window.gids.size
        kept = [one for one in (chosen.run.path / "stores").iterdir() if one.is_dir() and one.name != "spikes"]
        if kept:
            chosen.lose(
                "states, signals and weights", str(chosen.run.path / "stores"), "nothing: spikes alone are written"
            )
        return Written(target, {"spikes": n}, tuple(chosen.losses))


SONATA_SPIKES = SonataSpikes()
