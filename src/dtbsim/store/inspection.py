"""Is a run folder whole? Every small file against its checksum, every store against what it published."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dtbsim.checksum import DamagedError
from dtbsim.config.signals import kinds_of
from dtbsim.errors import InputError
from dtbsim.store.files import RESTORE, check_page, damaged, sha256_of_file
from dtbsim.store.kept_files import CONFIG
from dtbsim.store.published import check_pieces, published_path, rank_stores
from dtbsim.store.run import PROVENANCE, Run
from dtbsim.store.run_state import state_of
from dtbsim.store.table_reader import TableReader

_REPORT = "report.html"
_Check = Callable[[], Any]


def inspect_run(run: Run, *, values: bool = False) -> list[InputError]:
    """Return what is damaged or missing in the folder of a run, one error per file, which `where` names.

    Without `values` the recorded values themselves are not read, and files of inputs that lie elsewhere are looked at
    from outside. Of a run that goes on or ended early, only what is there is looked at.
    """
    found: dict[str | None, InputError] = {}
    for check in [*_pieces(run), *_kept(run), *_inputs(run, values), *_stores(run, values)]:
        try:
            check()
        except InputError as error:
            found.setdefault(error.where, error)
    return list(found.values())


def _pieces(run: Run) -> Iterator[_Check]:
    """The JSON files, those that a run in this state must have even where they are missing."""
    needed = {PROVENANCE}
    try:
        state = state_of(run)
    except InputError:
        state = "unknown"
    if state == "done":
        needed |= {"network.json", "summary.json"}
    if _files(run):
        needed.add("status.json")
    for name in (PROVENANCE, "network.json", "status.json", "summary.json"):
        if name in needed or (run.path / name).exists():
            yield partial(getattr, run, name.removesuffix(".json"))
    if (run.path / "network.json").exists():
        yield partial(getattr, run, "network_table")
    yield partial(getattr, run, "config")
    if (run.path / _REPORT).exists():
        yield partial(check_page, run.path / _REPORT)


def _files(run: Run) -> dict[str, str]:
    try:
        return run.files
    except InputError:
        return {}


def _kept(run: Run) -> Iterator[_Check]:
    """Models and inputs: everything with a digest in provenance.json."""
    for name, digest in _files(run).items():
        if name != CONFIG:
            yield partial(check_file, run.path / name, digest)


def _inputs(run: Run, values: bool) -> Iterator[_Check]:
    """Files of inputs that were too large to be kept."""
    try:
        inputs = run.inputs
    except InputError:
        return
    for entry in inputs:
        if entry.get("file") is None and entry.get("path") is not None:
            yield partial(check_file, Path(entry["path"]), entry["sha256"] if values else None, entry["bytes"])


def check_file(path: Path, digest: str | None, size: int | None = None) -> None:
    """Raise InputError where a file is missing or is not the one with this SHA-256 (None: any) and size in bytes."""
    try:
        about = path.stat()
        regular = stat.S_ISREG(about.st_mode) and size in (None, about.st_size)
        found = sha256_of_file(path) if regular and digest is not None else None
    except FileNotFoundError:
        raise InputError("a file of the run is missing", where=str(path), remedy=RESTORE) from None
    except OSError as error:
        raise damaged(path, error) from error
    if not regular or found != digest:
        raise damaged(path, DamagedError("the content is not that of the run"))


def _stores(run: Run, values: bool) -> Iterator[_Check]:
    """Every store that is there, and those that must be."""
    try:
        names = dict.fromkeys([*run.expected_stores(), *_present(run.path / "stores")])
    except InputError:
        names = dict.fromkeys(_present(run.path / "stores"))
    for name in names:
        yield partial(_check_store, run, name, values)


def _present(stores: Path) -> list[str]:
    """Names of the stores in a folder, those of all ranks as one; a folder without a store holds others."""
    found: list[str] = []
    for entry in _entries(stores):
        is_store = entry.suffix == ".zarr" or any(entry.glob("rank_*.zarr"))
        found += [entry.name] if is_store else [f"{entry.name}/{name}" for name in _present(entry)]
    return found


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def _check_store(run: Run, name: str, values: bool) -> None:
    path = run.stored(name, name)
    if run.complete:
        stores = [path] if path.suffix == ".zarr" else rank_stores(path, run.ranks)
    else:  # one that nothing was published of had just been begun
        stores = [path] if path.suffix == ".zarr" else sorted(path.glob("rank_*.zarr"))
        stores = [store for store in stores if published_path(store).exists()]
    for store in stores:
        if values:
            TableReader(store, _kind(run, name)).check_values()
        else:
            check_pieces(store)


def _kind(run: Run, name: str) -> str | None:
    """What the store of this name must hold; None where nobody says so."""
    with contextlib.suppress(InputError):
        for kind in kinds_of(run.config):
            if name in kind.stores(run.config):
                held: str | None = kind.holds
                return held
    folder = name.split("/")[0].removesuffix(".zarr")
    return next((kind.holds for kind in kinds_of({}) if kind.folder == folder and kind.holds is not None), None)
