"""`dtbsim.assimilate`: from a configuration and a measured series to a folder of what was found."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.arguments import flag, refuse
from dtbsim.arguments import path as path_argument
from dtbsim.assimilation.asked import Asked
from dtbsim.assimilation.folder import Folder
from dtbsim.assimilation.follow import Course, Follower
from dtbsim.assimilation.hierarchical import HierarchicalFilter
from dtbsim.assimilation.measured import Measured, check_period, divided, read_measured
from dtbsim.assimilation.members import MeanFieldMembers, Members
from dtbsim.assimilation.parameters import Free, FreeLike, free_parameters
from dtbsim.assimilation.result import AssimilationResult, summarised
from dtbsim.assimilation.settings import Settings
from dtbsim.assimilation.spiking import SpikingMembers
from dtbsim.backends.threads import usable_cores
from dtbsim.config import RunConfig
from dtbsim.config.overrides import Overrides
from dtbsim.data import Series
from dtbsim.errors import InputError
from dtbsim.given import Source, resolve
from dtbsim.models.region_own import is_region_model
from dtbsim.mpi import Comm, world_comm
from dtbsim.mpi.world import on_root

F64 = NDArray[np.float64]
EVERY_S = 30.0
"""Wall time between two checkpoints."""


def assimilate(
    config: Source,
    to: str | os.PathLike[str] | Series | ArrayLike,
    *,
    out: str | os.PathLike[str],
    free: FreeLike = (),
    free_global: FreeLike = (),
    tr_s: float | None = None,
    hold_out_s: float | None = None,
    settings: Settings | None = None,
    set: Overrides = (),
    resume: bool = False,
    report: bool = True,
    progress: bool = False,
    comm: Comm | None = None,
    **options: Any,
) -> AssimilationResult:
    """Let a network follow measured BOLD: estimate its hidden states and parameters, and see how well it forecasts.

        found = dtbsim.assimilate("brain.yaml", "bold.csv", tr_s=0.72, out="followed",
                                  free=["populations.cortex.parameters.w_plus=1:1.6"])
        found.summary["skill"]["assimilation"]["rmse"], found.parameters

    Args:
        config: a `RunConfig`, the same as a mapping, or the path of a configuration file, with `bold`; of mean-field
            regions, or of neurons (whose members are networks of their own).
        to: measured BOLD: a file (see `dtbsim.data.read_series`), a Series, or float[time, region].
        out: the folder of the results, new or empty.
        free: parameters with a value for each region: "KEY=LOW:HIGH[:log]", {KEY: (low, high)}, or `Free`. Keys are
            populations.NAME.parameters.PARAMETER and couplings.NAME.strength.
        free_global: parameters with one value for all regions.
        tr_s: the time between two volumes, where the file does not say it.
        hold_out_s: the last part of the series, which is not followed but forecast (default: a quarter; 0: none).
        settings: how; or give its fields one by one: members=32, scheme="own", noise=0.3 ...
        set: overrides of the configuration.
        resume: go on with what a killed process has left in `out`, with the same arguments.
        report: whether to write report.html.
        progress: show on standard error how far it is.
        comm: the ranks (default: those that a launcher started, else this process alone); all make the same call.

    Raises:
        InputError: a configuration, series or parameter that cannot be; NumericsError: a state became invalid, where
            bounds are too wide, say; StorageError.
    """
    ranks = world_comm() if comm is None else comm
    chosen = _settings(settings, options)
    regional, shared = _free(free, free_global)
    resume, report = flag(resume, "resume"), flag(report, "report")
    given, base_dir, _ = resolve(config, set)
    series = read_measured(to, tr_s, None)
    tr_ms = check_period(series, given.simulation.dt_ms)
    asked = Asked(given, series, regional, shared, chosen, hold_out_s, tr_ms)
    folder = Folder(path_argument(out, "out"), asked.digest(), ranks)
    folder.check(resume=resume)
    members = members_of(given, base_dir, chosen, tr_ms, [*regional, *shared], ranks)
    try:
        for parameter in (*regional, *shared):
            members.start_of(parameter.key)
        measured = divided(series, members.names, hold_out_s)
        distances = _distances(members, chosen)
        folder.claim()
        one = HierarchicalFilter(members, regional, shared, chosen, given.seed, distances)
        began = time.perf_counter()
        course = _followed(one, measured, chosen, folder, _Shown(progress and ranks.is_root))
        found = on_root(ranks, lambda: _written(asked, base_dir, members, one, measured, course, folder, report, began))
    finally:
        members.close()
    return found


def _settings(settings: Settings | None, options: dict[str, Any]) -> Settings:
    if settings is not None and not isinstance(settings, Settings):
        raise refuse(settings, "settings", "dtbsim.assimilation.Settings")
    known = [field.name for field in dataclasses.fields(Settings)]
    for name in options:
        if name not in known:
            raise InputError(f"there is no option '{name}'", where=name, remedy=f"options: {', '.join(known)}")
    return dataclasses.replace(settings or Settings(), **options)


def _free(free: FreeLike, free_global: FreeLike) -> tuple[tuple[Free, ...], tuple[Free, ...]]:
    regional = free_parameters(free) if free else ()
    shared = free_parameters(free_global) if free_global else ()
    both = free_parameters([*regional, *shared])  # none, or one twice
    return both[: len(regional)], both[len(regional) :]


def members_of(
    config: RunConfig, base_dir: Path, settings: Settings, tr_ms: float, free: Sequence[Free], comm: Comm
) -> Members:
    """Return the ensemble for a network of mean-field regions, or one of neurons. Raises InputError for a mixture."""
    keys = [one.key for one in free]
    kinds = {is_region_model(population.model, base_dir) for population in config.populations.values()}
    if kinds == {True} and not config.circuits:
        threads = config.simulation.threads or max(1, usable_cores() // comm.node_size)
        return MeanFieldMembers(config, base_dir, settings.members, tr_ms, keys, comm, threads)
    if True in kinds:
        raise InputError(
            "the network has neurons and mean-field regions",
            where="populations",
            remedy="assimilate a network of either kind",
        )
    return SpikingMembers(config, base_dir, settings.members, tr_ms, keys, comm)


def _distances(members: Members, settings: Settings) -> F64 | None:
    """Euclidean distances between regions, float64[regions, regions], where they are needed."""
    if settings.scheme != "local":
        return None
    atlas = members.network.atlas
    places = None if atlas is None else atlas.xyz_mm
    if atlas is None or places is None:
        raise InputError("the atlas has no centroids of regions", where="scheme", remedy="use own, diffusion or global")
    order = [list(atlas.region_names).index(name) for name in members.names]
    chosen = np.asarray(places, np.float64)[order]
    found: F64 = np.sqrt(((chosen[:, None] - chosen[None]) ** 2).sum(axis=-1))
    return found


class _Shown:
    """How far it is, on standard error: a line every few seconds."""

    def __init__(self, on: bool) -> None:
        self._on, self._last = on and sys.stderr is not None, time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if self._on and (now - self._last > 2 or done == total):
            self._last = now
            print(f"{what}: volume {done} of {total}", file=sys.stderr, flush=True)


def _followed(one: HierarchicalFilter, measured: Measured, settings: Settings, folder: Folder, shown: _Shown) -> Course:
    """All stages; those that a process before this one has done are not done again."""

    follower = Follower(one, measured, settings, shown)
    kept = folder.kept()
    if kept is None:
        course = follower.begin()
    else:
        course = folder.course(kept)
        one.load({name.partition("/")[2]: array for name, array in kept.items() if name.startswith("filter/")})
        follower.skip(len(course.volumes))

    def save(course: Course) -> None:
        if folder.due(EVERY_S):
            folder.keep(course, one.save())

    follower.follow(course, save)
    follower.hold_out(course)
    return course


def _written(
    asked: Asked,
    base_dir: Path,
    members: Members,
    one: HierarchicalFilter,
    measured: Measured,
    course: Course,
    folder: Folder,
    report: bool,
    began: float,
) -> AssimilationResult:
    found = summarised(asked, members, one, measured, course, time.perf_counter() - began)
    folder.write(found, asked.config, base_dir)
    if report:
        from dtbsim.assimilation.page import write_page

        write_page(folder.path / "report.html", found)
    folder.done()
    return found
