"""A run being read for its report: reader, configuration, regions, and what was recorded when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.errors import DtbsimError, InputError
from dtbsim.report.layout import RegionOrder, region_order
from dtbsim.report.standing import is_readable, summary_of
from dtbsim.store.inspection import check_file

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas
    from dtbsim.record.spike_order import Gids, Steps
    from dtbsim.store import Run

CHUNK_SPIKES = 4_000_000


@dataclass(frozen=True)
class Source:
    """A run being read: its reader, the resolved configuration, and its regions.

    `atlas` holds exactly the regions of the run, in their order; None where the run has none or it cannot be read.
    `absent` gathers what cannot be shown and why; `missing` what the run had and is not to be found any more.
    """

    run: Run
    config: dict[str, Any]
    summary: dict[str, Any]
    atlas: Atlas | None
    regions: RegionOrder
    absent: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def statistics_start_ms(self) -> float:
        """Where statistics begin: they use spikes after this time."""
        return float((self.config.get("analysis") or {}).get("statistics_start_ms", 0.0))

    def recorded(self, store: str) -> bool:
        """Tell whether stores/`store` is there and can be read."""
        return is_readable(self.run, store)

    @cached_property
    def common_prefix(self) -> str:
        """`circuit.` where the families of all populations begin with it, else empty."""
        families = [str(entry["family"]) for entry in self.run.network_table.populations]
        prefixes = {family.partition(".")[0] if "." in family else "" for family in families}
        return f"{prefixes.pop()}." if len(prefixes) == 1 and "" not in prefixes else ""

    def label(self, name: object) -> str:
        """Return the name of a family or population without the prefix that all share."""
        return str(name).removeprefix(self.common_prefix)

    def spike_window_ms(self) -> tuple[float, float] | None:
        """Return the window (start < t <= stop) for spike statistics, or None where no spikes were recorded.

        It is what was recorded from the start of the statistics on, or all that was recorded if nothing is left then.
        """
        if not self.recorded("spikes"):
            return None
        settings = (self.config.get("record") or {}).get("spikes") or {}
        dt_ms = self.run.dt_ms
        first = float(settings.get("start_ms") or 0.0)
        last = self.run.spike_store.complete_before * dt_ms
        # A store that ends with its last spike was recorded until the setting or the run ends.
        if self.run.complete:
            last = self.run.network_table.n_steps * dt_ms
        elif self.summary.get("interrupted"):
            last = 1e3 * float(self.summary["biological_s"])
        if settings.get("stop_ms") is not None:
            last = min(last, float(settings["stop_ms"]))
        start = self.statistics_start_ms if first <= self.statistics_start_ms < last else first
        return (max(first, start), last) if max(first, start) < last else None

    def recorded_populations(self) -> set[int]:
        """Return the indices of the populations whose spikes were recorded."""
        settings = (self.config.get("record") or {}).get("spikes") or {}
        chosen = settings.get("populations", "all")
        table = self.run.network_table
        names = {str(entry["name"]) for entry in table.named(None if chosen == "all" else chosen)}
        return {i for i, name in enumerate(table.names) if name in names}

    def spikes_per_ms(self) -> float:
        """Return the recorded spikes per ms, all populations together, roughly."""
        settings = (self.config.get("record") or {}).get("spikes") or {}
        window = self.spike_window_ms()
        if window is None:
            return 0.0
        span = window[1] - min(window[0], float(settings.get("start_ms") or 0.0))
        return float(self.run.spike_store.rows) / max(span, self.run.dt_ms)

    def spike_chunks(self, start_ms: float, stop_ms: float) -> Iterator[tuple[Steps, Gids]]:
        """Yield the spikes of start_ms < t <= stop_ms in pieces of some millions."""
        dt_ms = self.run.dt_ms
        steps = max(1, int(CHUNK_SPIKES / max(self.spikes_per_ms() * dt_ms, 1e-9)))
        whole = max(1, round((stop_ms - start_ms) / dt_ms))
        for window in self.run.iter_spikes(min(steps, whole) * dt_ms, None, start_ms, stop_ms):
            yield window.spikes.step, window.spikes.gid


def open_source(run_dir: Path) -> Source:
    """Open a run and its atlas, and check that the files every report needs are whole.

    Raises InputError where the folder is no run, stopped before its network was known, or has a damaged file.
    """
    from dtbsim.store import open_run

    run = open_run(run_dir)
    config, network = run.config, run.network
    regions = network.get("regions") or []
    if not isinstance(regions, list) or not all(isinstance(name, str) for name in regions):
        where = str(run.path / "network.json")
        raise InputError("'regions' must be a list of names", where=where, remedy="repeat the run")
    _ = run.network_table, run.ranks  # checked here, before any work is done
    absent: list[str] = []
    missing = [f"stores/{name}" for name in run.expected_stores() if not (run.path / "stores" / name).is_dir()]
    atlas = _atlas(config.get("atlas"), regions, run, absent, missing)
    return Source(run, config, summary_of(run), atlas, region_order(regions, atlas), absent, missing)


def _atlas(reference: Any, regions: list[str], run: Run, absent: list[str], missing: list[str]) -> Atlas | None:
    """Load the run's atlas and keep the regions of the run; None where it is not to be found or is another one."""
    if not isinstance(reference, str) or not regions:
        return None
    from dtbsim.atlas import load_atlas

    problem = ""
    for folder in _folders(run):
        try:
            _check_inputs(run)
            atlas = load_atlas(reference, base_dir=folder)
            indices = atlas.select(regions)
        except DtbsimError as error:
            problem = problem or f"{error.where}: {error.message}" if error.where else error.message
            continue
        return atlas if list(indices) == list(range(atlas.n_regions)) else atlas.subset(indices)
    absent.append(f"the brain and measured data (the atlas {reference} could not be read: {problem})")
    missing.append(f"the atlas {reference} ({problem})")
    return None


def _folders(run: Run) -> list[Path]:
    """Where the path of the atlas may start: version 0.1 left it as it was given."""
    if run.files:
        return [run.path]
    return [run.path, Path(), Path(str(run.provenance.get("directory") or "."))]


def _check_inputs(run: Run) -> None:
    """Raise InputError where the files of the atlas are not those that the run read."""
    for entry in run.inputs:
        if entry["key"] == "atlas":
            path = run.path / entry["file"] if entry["file"] else entry["path"]
            if path is not None:
                check_file(Path(path), entry["sha256"], entry["bytes"])
