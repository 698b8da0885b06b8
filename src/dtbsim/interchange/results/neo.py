"""`dtbsim export RUN --to neo FILE.nix`, and the same as a neo.Block (https://neo.readthedocs.io), for elephant.

Spike times are in ms, (k + 1) * dt_ms of step k, as in `Run.spike_trains_neo`; signals keep their numbers but for MEG,
which becomes tesla, as the package `quantities` has no femtotesla.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_file
from dtbsim.interchange.results import about
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.results.extras import check_suffix, needs
from dtbsim.interchange.results.series import Series

if TYPE_CHECKING:
    from dtbsim.store import Run

_SCALED = {"fT": ("T", 1e-15), "fT/cm": ("T/m", 1e-13)}
_NAMES = {"1": "dimensionless", "unknown": "dimensionless"}


class Neo(Exporter):
    """A Block with one Segment: a SpikeTrain for each neuron, an AnalogSignal for each series; by neo.NixIO."""

    takes = "run"
    summary = "spikes, states and signals as a Neo Block in a NIX file (.nix)"
    options = OPTIONS

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write a `Run` to a file. Raises MissingDependencyError without the extra `neo`."""
        check_suffix(target, ".nix")
        needs("nixio", "neo")
        neo_io = needs("neo.io", "neo")
        chosen = Chosen(source, lossy=lossy, **options)
        block = _block(chosen)
        for name, matrix in chosen.matrices():
            chosen.lose(
                f"the signal '{name}'", f"signals.{name}", f"nothing: Neo has no {matrix.ndim}-dimensional array"
            )
        for name, key in chosen.others():
            chosen.lose(name, key)
        (segment,) = block.segments
        with new_file(target, ".nix") as path:
            io = neo_io.NixIO(str(path), mode="ow")
            try:
                io.write_block(block)
            finally:
                io.close()
        spikes = sum(len(train) for train in segment.spiketrains)
        sizes = {"neurons": len(segment.spiketrains), "spikes": spikes, "series": len(segment.analogsignals)}
        return Written(target, sizes, tuple(chosen.losses))


def neo_block(
    run: Run,
    start_ms: float | None = None,
    stop_ms: float | None = None,
    *,
    signals: str | Sequence[str] | None = None,
    lossy: bool = False,
) -> Any:
    """Return a neo.Block with one Segment: what was recorded in start_ms < t <= stop_ms, all of it in memory.

    A SpikeTrain for each neuron, silent ones included (annotations gid, population, region, model); an AnalogSignal
    (time, channel) for each state variable and signal, with the names of its channels in `array_annotations`.

    Args:
        run: what `open_run` returned.
        start_ms, stop_ms: the window; default: all.
        signals: names of what is wanted, such as "spikes", "states", "bold"; default: everything.
        lossy: take what is stored of a run that has not ended.

    Raises:
        InputError: the run has not ended, or has nothing of such a name.
        MissingDependencyError: without the extra `neo`.
    """
    needs("neo", "neo")
    return _block(Chosen(run, lossy=lossy, start_ms=start_ms, stop_ms=stop_ms, signals=signals))


def _block(chosen: Chosen) -> Any:
    neo = needs("neo", "neo")
    run = chosen.run
    block = neo.Block(
        name=about.name_of(run), description=about.sentence(run), rec_datetime=about.started(run).replace(tzinfo=None)
    )
    block.annotate(
        simulator="dtbsim", version=str(run.provenance.get("dtbsim")), seed=int(run.provenance.get("seed") or 0),
        identifier=about.identity(run), notes=about.notes(run),
    )  # fmt: skip
    segment = neo.Segment(name="simulation", index=0)
    block.segments.append(segment)
    segment.spiketrains.extend(_trains(chosen))
    for series in chosen.series:
        segment.analogsignals.append(_signal(neo, chosen, series))
    if not len(segment.spiketrains) and not len(segment.analogsignals):
        raise InputError(
            "there is nothing of this run in that window", where=str(run.path), remedy="choose another one"
        )
    return block


def _trains(chosen: Chosen) -> list[Any]:
    from dtbsim.store.neo_export import spike_trains

    if chosen.spikes is None:
        return []
    start, stop = chosen.steps
    steps, gids = chosen.spikes.read(start, stop)
    trains = spike_trains(chosen.table, None, steps, gids, start, stop)
    by_name = {str(entry["name"]): entry for entry in chosen.table.populations}
    for train in trains:
        entry = by_name[train.annotations["population"]]
        train.name = f"{entry['name']}:{train.annotations['gid'] - entry['gid0']}"
        train.annotate(model=str(entry["model"]), **({"region": str(entry["region"])} if entry["region"] else {}))
    return trains


def _signal(neo: Any, chosen: Chosen, series: Series) -> Any:
    pq = needs("quantities", "neo")
    name, factor = _SCALED.get(series.unit, (_NAMES.get(series.unit, series.unit), 1.0))
    try:
        unit = pq.CompoundUnit(name) if name == "T/m" else pq.unit_registry[name]
    except LookupError:
        unit = pq.dimensionless
    columns = series.columns
    labels: dict[str, Any] = {"channel_names": np.array(columns.labels)}
    if columns.gids is not None:
        labels["gid"] = columns.gids
    if columns.populations is not None:
        labels["population"] = np.array(columns.populations)
    if columns.regions is not None and any(columns.regions):
        labels["region"] = np.array(columns.regions)
    if columns.members is not None:
        labels["member"] = columns.members
    values = series.values()
    return neo.AnalogSignal(
        values if factor == 1.0 else values * factor, units=unit, name=series.name, description=series.about,
        t_start=float(series.grid.first_ms) * pq.ms, sampling_period=float(series.grid.interval_ms) * pq.ms,
        array_annotations=labels, unit=series.unit, kind=series.kind, file_origin=str(chosen.run.path),
    )  # fmt: skip


NEO = Neo()
