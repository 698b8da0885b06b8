"""A finished, stopped or running run, read from its folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dtbsim.arguments import number, whole
from dtbsim.arguments import path as path_argument
from dtbsim.checksum import DamagedError, has_checksum, sha256_of
from dtbsim.clock import steps_of
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.record.spike_order import Gids, Steps
from dtbsim.store.files import RESTORE, damaged, read_bytes, read_checked
from dtbsim.store.kept_files import CONFIG, is_input, is_inside
from dtbsim.store.network_table import NetworkTable, PopulationChoice
from dtbsim.store.run_state import RunState, is_complete, state_of, stores_of
from dtbsim.store.signal_readers import SignalReaders, bounds_ms
from dtbsim.store.spike_reader import SpikeStore
from dtbsim.store.spikes import Spikes

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from dtbsim.store.hashing import HashResult


PROVENANCE = "provenance.json"


class SpikeWindow(NamedTuple):
    """Spikes with start_ms < t <= stop_ms."""

    start_ms: float
    stop_ms: float
    spikes: Spikes


def open_run(path: Path | str, *, owner: object = None) -> Run:
    """Open the folder of a run. Nothing is loaded before it is asked for.

    The run keeps `owner` alive, if one is given: what keeps a temporary folder in place.

    Raises InputError when this is not the folder of a run; later, when a piece of it is missing or damaged, with the
    file and what to do.
    """
    folder = path_argument(path, "path")
    if not folder.is_dir():
        raise InputError("no such run folder", where=str(folder), remedy="give the folder that `dtbsim run` printed")
    if not (folder / CONFIG).is_file():
        raise InputError(
            "this is not the folder of a run: it has no config.yaml",
            where=str(folder),
            remedy="give the folder that `dtbsim run` printed",
        )
    return Run(folder, owner)


class Run(SignalReaders):
    """What a run folder holds, as numpy, pandas and xarray objects.

    Step k goes from k dt to (k + 1) dt; the time t of its spikes and state samples is its end, (k + 1) dt. Windows are
    half open, start_ms < t <= stop_ms: the steps k with start_ms <= k dt < stop_ms. A bound that is not a multiple of
    dt counts as the next one.

    Of a run that still goes on or was killed, the part is shown that all ranks had stored when it was opened.
    """

    def __init__(self, path: Path, owner: object = None) -> None:
        """`owner`, if any, keeps a temporary folder in place for as long as it is referred to."""
        self.path = path
        self._owner = owner

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: sizes, and what was recorded."""
        from dtbsim.store.overview import overview_html

        return overview_html(self)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, as plain dictionaries and lists."""
        from dtbsim.config.yaml_text import parse_yaml

        file = self.path / CONFIG
        text = self.config_text
        try:
            config, _ = parse_yaml(text, str(file))
        except InputError as error:
            raise damaged(file, DamagedError(error.message)) from error
        if not isinstance(config, dict):
            raise InputError("this is not a configuration", where=str(file), remedy=RESTORE)
        return config

    @cached_property
    def config_text(self) -> str:
        """The resolved configuration, as it stands in config.yaml."""
        try:
            return self.kept(CONFIG).decode("utf-8")
        except UnicodeDecodeError as error:
            raise damaged(self.path / CONFIG, error) from error

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of the files that the run wrote once (config.yaml, models, inputs), by name; {} of version 0.1."""
        if not (self.path / PROVENANCE).exists():  # of a run that had hardly begun
            return {}
        files = self.provenance.get("files") or {}
        if not isinstance(files, dict) or not all(is_inside(name) and isinstance(files[name], str) for name in files):
            raise damaged(self.path / PROVENANCE, DamagedError("'files' must be digests of files in this folder"))
        return files

    def kept(self, name: str) -> bytes:
        """Return the content of one of `files`; InputError where it is missing, or not as the run wrote it."""
        data = read_bytes(self.path / name, missing=RESTORE)
        expected = self.files.get(name)
        if expected is not None and sha256_of(data) != expected:
            raise damaged(self.path / name, DamagedError("the content is not what the run wrote"))
        return data

    @cached_property
    def network(self) -> dict[str, Any]:
        """network.json: sizes, regions, populations, projections, partition."""
        missing = "the run stopped before its network was known"
        return self._json("network.json", missing)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """provenance.json: versions, commit, machine, seed, ranks, threads, files that were read."""
        return read_checked(self.path / PROVENANCE, missing=RESTORE)

    @property
    def state(self) -> RunState:
        """How the run stands: running, done, failed, interrupted, killed, or unknown without status and summary."""
        return state_of(self)

    @property
    def complete(self) -> bool:
        """Whether everything was simulated and stored."""
        return is_complete(self)

    @property
    def status(self) -> dict[str, Any]:
        """status.json as it is now."""
        return self._json("status.json", "the run has not started")

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json, which is written last; InputError while there is none."""
        missing = "the run goes on or did not end regularly; see status.json and log.txt"
        return self._json("summary.json", missing)

    @cached_property
    def populations(self) -> pd.DataFrame:
        """Populations in the order of their gids: name, family, region, region_index, model, gid0, size."""
        import pandas as pd

        return pd.DataFrame(self.network_table.populations)

    @cached_property
    def network_table(self) -> NetworkTable:
        """Populations and steps, for looking up."""
        return NetworkTable(self.network, self.path / "network.json")

    @property
    def dt_ms(self) -> float:
        """The time step."""
        return self.network_table.dt_ms

    @property
    def branch(self) -> dict[str, Any] | None:
        """Of a branch the `run`, `checkpoint`, `step` and `time_ms` that it begins with; None of another run."""
        found = self.provenance.get("branch")
        if found is None:
            return None
        kinds = {"run": str, "checkpoint": str, "step": int, "time_ms": int | float}
        if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in kinds.items()):
            raise damaged(self.path / PROVENANCE, DamagedError("'branch' must say what the run begins with"))
        return found

    @property
    def ranks(self) -> int:
        """Number of ranks that wrote the stores."""
        ranks = self.provenance.get("ranks")
        if not isinstance(ranks, int) or ranks < 1:
            raise InputError(
                f"'ranks' must be a positive number, found {ranks!r}",
                where=str(self.path / PROVENANCE),
                remedy=RESTORE,
            )
        return ranks

    @cached_property
    def spike_store(self) -> SpikeStore:
        """The stored spikes of all ranks; InputError when spikes were not recorded."""
        return SpikeStore(self.stored("spikes", "record.spikes"), self.ranks)

    def stored(self, name: str, setting: str) -> Path:
        """Return the path of stores/`name`; InputError where it is missing or was not recorded, as `setting` says."""
        path = self.path / "stores" / name
        if not path.is_dir():
            if name in self.expected_stores():
                raise InputError("this store of the run is missing", where=str(path), remedy=RESTORE)
            raise InputError("this was not recorded", where=str(path), remedy=f"run with {setting} set")
        return path

    def expected_stores(self) -> list[str]:
        """Return the names of the stores that the folder must hold: of a run that reached its end, all it recorded."""
        return list(stores_of(self.config)) if self.complete else []

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The files that the configuration named, as provenance.json lists them; [] of version 0.1."""
        inputs = self.provenance.get("inputs") or []
        if not isinstance(inputs, list) or not all(map(is_input, inputs)):
            raise damaged(self.path / PROVENANCE, DamagedError("'inputs' must be a list of files"))
        return inputs

    def spikes(
        self, population: PopulationChoice = None, start_ms: float | None = None, stop_ms: float | None = None
    ) -> Spikes:
        """Return the spikes of start_ms < t <= stop_ms: times in ms, and neurons by their index in their population.

            time_ms, neuron = run.spikes("E", start_ms=200)

        Args:
            population: name of a population or of a family (its populations in all regions), or a list of these;
                default: all.
            start_ms, stop_ms: the window; default: all that is stored.

        Raises:
            InputError: no such population, or spikes that were not recorded.
        """
        found: Spikes = SIGNALS.find("spikes").read(self, population, start_ms, stop_ms)
        return found

    def spike_steps(
        self, population: PopulationChoice = None, start_ms: float | None = None, stop_ms: float | None = None
    ) -> tuple[Steps, Gids]:
        """Return the spikes as the engine counts: steps int64[n] and gids (uint32[n], or int64[n]), sorted.

        A spike of step k is at (k + 1) dt; gids number the neurons of the whole network. Arguments as of `spikes`.
        """
        start, stop = self._steps(start_ms, stop_ms)
        return self.spike_store.read(start, stop, self.network_table.selection(population))

    def iter_spikes(
        self,
        window_ms: float,
        population: PopulationChoice = None,
        start_ms: float | None = None,
        stop_ms: float | None = None,
    ) -> Iterator[SpikeWindow]:
        """Yield start_ms, stop_ms and spikes of one window after the other, of which one is in memory at a time.

        Empty windows are included. A window is a whole number of steps; the last one ends with what was simulated, or
        is stored of it. Other arguments as of `spikes`.
        """
        dt, table = self.dt_ms, self.network_table
        window_steps = self._window_steps(window_ms)
        start, stop = self._steps(start_ms, stop_ms)
        chosen = [str(entry["name"]) for entry in table.named(population)]
        for window in self.spike_store.windows(start, stop, window_steps, table.selection(population)):
            spikes = Spikes(window.steps, window.gids, table, chosen)
            yield SpikeWindow(window.start_step * dt, window.stop_step * dt, spikes)

    def _window_steps(self, window_ms: float) -> int:
        return steps_of(number(window_ms, "window_ms", above=0), self.dt_ms, "window_ms")

    def spikes_pandas(
        self, population: PopulationChoice = None, start_ms: float | None = None, stop_ms: float | None = None
    ) -> pd.DataFrame:
        """Return the same as a table: time_ms, neuron, population (categorical), step, gid."""
        return self.spikes(population, start_ms, stop_ms).to_pandas()

    def spike_trains_neo(
        self, population: PopulationChoice = None, start_ms: float | None = None, stop_ms: float | None = None
    ) -> list[Any]:
        """Return one neo.SpikeTrain per neuron, silent ones included, in the order of the gids.

        It holds the spikes of start_ms < t <= stop_ms; `t_start` and `t_stop` are the window, cut to what is stored.
        Raises MissingDependencyError without the extra `neo`.
        """
        from dtbsim.store.neo_export import spike_trains

        start, stop = self._steps(start_ms, stop_ms)
        steps, gids = self.spike_store.read(start, stop, self.network_table.selection(population))
        return spike_trains(self.network_table, population, steps, gids, start, stop)

    def states(self, k: int = 0, start_ms: float | None = None, stop_ms: float | None = None) -> xr.Dataset:
        """Return the k-th entry of record.states: one variable each, float32 (time_ms, gid), of all ranks.

        time_ms is the time of the sample, the end of its step; samples are those of start_ms < time_ms <= stop_ms.
        """
        return self._read("states", k, *bounds_ms(start_ms, stop_ms))

    def weights(self, k: int = 0, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
        """Return the k-th entry of record.weights, float64 (time_ms, synapse), with source, target and delay_ms.

        Samples are those of start_ms < time_ms <= stop_ms; without bounds all, the one at time 0 included.

        The values are in the unit in which the projection's weight was given.
        """
        return self._read("weights", k, *bounds_ms(start_ms, stop_ms))

    def __getattr__(self, name: str) -> Any:
        from dtbsim.store.signals import reader_named

        reader = None if name.startswith("_") else reader_named(self, name)
        if reader is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return reader

    def correlation(self, k: int = 0) -> xr.Dataset:
        """Return the k-th entry of record.correlations: count, pairs and covariance by lag (tau_ms).

        At positive tau the second population fires after the first. With the same population twice, lag 0 holds every
        spike with itself, too.
        """
        return self._read("correlations", k)

    def spike_hash(self, recompute: bool | None = None) -> HashResult:
        """Return the hash of the run's spikes; see `dtbsim.store.hash_run`."""
        from dtbsim.store.hashing import hash_of

        return hash_of(self, recompute)

    def _steps(self, start_ms: float | None, stop_ms: float | None) -> tuple[int, int]:
        """Return the steps of a window, cut to what was simulated and is stored."""
        begin_ms, finish_ms = bounds_ms(start_ms, stop_ms)
        table, end = self.network_table, self.spike_store.complete_before
        last_ms = end * table.dt_ms
        start = 0 if begin_ms <= 0 else end if begin_ms >= last_ms else table.step_at_or_after(begin_ms)
        stop = end if finish_ms >= last_ms else max(0, table.step_at_or_after(max(finish_ms, 0.0)))
        return min(start, end), max(min(start, end), min(stop, end))

    def _read(self, kind: str, which: Any = None, *window: float) -> Any:
        """Return what the kind of recorder reads."""
        return SIGNALS.find(kind).read(self, which, *window)

    def stored_entry(self, k: int, key: str, end: str = "") -> Path:
        """Return the path of the store of an entry of record.`key`."""
        entry = self._entry(k, key)
        return self.stored(f"{key}/{entry}{end}", f"record.{key}[{entry}]")

    def _entry(self, k: int, key: str) -> int:
        """Return the index of an entry of a list of the configuration; InputError where there is none."""
        entries = (self.config.get("record") or {}).get(key) or []
        if not entries:
            raise InputError("this was not recorded", where=str(self.path), remedy=f"run with record.{key} set")
        return whole(k, "k", below=len(entries), what=f"an entry of record.{key}")

    def _json(self, name: str, missing: str) -> dict[str, Any]:
        return read_checked(self.path / name, missing=missing, old=not self._has_checksums)

    @property
    def _has_checksums(self) -> bool:
        """Whether the run was written by a version that gives all its files checksums."""
        try:
            return has_checksum(read_bytes(self.path / PROVENANCE, missing=RESTORE))
        except InputError:
            return False
