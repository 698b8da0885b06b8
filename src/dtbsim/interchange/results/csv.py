"""`dtbsim export RUN --to csv FOLDER`: spikes and series as tables, one file each, written in pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_folder
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.results.series import Series
from dtbsim.store.export import table
from dtbsim.store.files import write_text


class Csv(Exporter):
    """spikes.csv, and NAME.csv of every series and matrix."""

    takes = "run"
    summary = "spikes, states, signals and matrices as CSV, a file each"
    options = OPTIONS

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write the tables of a `Run` to a new folder."""
        chosen = Chosen(source, lossy=lossy, **options)
        chosen.need_something()
        sizes: dict[str, int] = {}
        with new_folder(target) as folder:
            if chosen.spikes is not None:
                sizes["spikes"] = _spikes(chosen, folder / "spikes.csv")
            for series in chosen.series:
                _series(series, folder / f"{series.name}.csv")
            sizes["series"] = len(chosen.series)
            for name, matrix in chosen.matrices():
                if matrix.ndim != 2:
                    chosen.lose(f"the signal '{name}'", f"signals.{name}", f"nothing: it has {matrix.ndim} dimensions")
                    continue
                write_text(folder / f"{name}.csv", table(matrix, ","), durable=False)
                sizes["matrices"] = sizes.get("matrices", 0) + 1
        for name, key in chosen.others():
            chosen.lose(name, key)
        return Written(target, sizes, tuple(chosen.losses))


def _spikes(chosen: Chosen, path: Path) -> int:
    """Spikes in the order of time; `neuron` counts within its population."""
    import pandas as pd

    table, n = chosen.table, 0
    first = np.array([entry["gid0"] for entry in table.populations], np.int64)
    assert chosen.spikes is not None
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("time_ms,population,neuron,gid,step\n")
        for window in chosen.spikes.chunks(*chosen.steps):
            gids = window.gids.astype(np.int64)
            member = table.population_of(gids)
            rows = {
                "time_ms": chosen.spike_grid.ms(window.steps),
                "population": pd.Categorical.from_codes(member, table.names),
                "neuron": gids - first[member],
                "gid": gids,
                "step": window.steps,
            }
            pd.DataFrame(rows).to_csv(file, header=False, index=False, lineterminator="\n")
            n += gids.size
    return n


def _series(series: Series, path: Path) -> None:
    """A line for each sample; what is not known is an empty cell."""
    import pandas as pd

    with path.open("w", encoding="utf-8", newline="") as file:
        header = pd.DataFrame(columns=["time_ms", *series.columns.labels])
        header.to_csv(file, index=False, lineterminator="\n")
        for first, values in series.blocks():
            frame = pd.DataFrame(values)
            frame.insert(0, "time_ms", series.grid.ms(np.arange(first, first + len(values))))
            frame.to_csv(file, header=False, index=False, lineterminator="\n")


CSV = Csv()
