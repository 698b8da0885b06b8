"""RUN/checkpoints: a folder for each checkpoint, with a file of every rank and a manifest that is written last.

A checkpoint is made under a name that begins with a dot and gets its own when everything of it is on the disk: what has
a name is whole. Older ones are removed after that.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.run_folder.checkpoint_file import Header, check_file, read_file
from dtbsim.store.files import damaged, read_checked, storage_errors, sync_to_disk, write_checked

Wanted = Callable[[int, Header], Collection[str]]
FOLDER = "checkpoints"
FORMAT = 2
"""Of the arrays in a checkpoint and their meaning."""
MANIFEST = "manifest.json"
_NAME = re.compile(r"step_(\d{12})")
_KEYS = {
    "checkpoint_format": int,
    "dtbsim": str,
    "config": str,
    "step": int,
    "files": list,
    "stores": dict,
    "events": int,
}


def checkpoint_name(step: int) -> str:
    """The name of the folder of a checkpoint."""
    return f"step_{step:012d}"


def step_of(name: str) -> int:
    """The step that the name of the folder of a checkpoint says."""
    return int(name.removeprefix("step_"))


def rank_file(rank: int) -> str:
    """The name of the file of a rank."""
    return f"rank_{rank:05d}.ckpt"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has a manifest, and what that says."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def step(self) -> int:
        """Steps that were done."""
        return int(self.manifest["step"])

    @property
    def ranks(self) -> int:
        """How many ranks wrote it."""
        return len(self.manifest["files"])

    def read(self, wanted: Wanted | None = None) -> list[dict[str, NDArray[Any]]]:
        """The arrays of the file of every rank; of each only those that `wanted(rank, header)` names.

        InputError where one is missing or damaged.
        """
        found = []
        for rank, entry in enumerate(self.manifest["files"]):
            chosen = None if wanted is None else partial(wanted, rank)
            with self._told():
                found.append(read_file(self.path / rank_file(rank), entry, chosen)[1])
        return found

    def check(self, rank: int, n_ranks: int) -> None:
        """Raise InputError where a file is missing or damaged. Of `n_ranks` that call this, each looks at its share."""
        for number in range(rank, self.ranks, n_ranks):
            with self._told():
                check_file(self.path / rank_file(number), self.manifest["files"][number])

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say which other checkpoint could be used."""
        try:
            yield
        except InputError as error:
            error.remedy = _earlier(self.path)
            raise

    def inspect(self, *, values: bool = False) -> list[InputError]:
        """What is damaged or missing, one error per file; without `values` the arrays themselves are not read."""
        found = []
        for rank, entry in enumerate(self.manifest["files"]):
            try:
                check_file(self.path / rank_file(rank), entry, values=values)
            except InputError as error:
                if self.path.exists():
                    error.remedy = _earlier(self.path)
                    found.append(error)
        return found


def begin_checkpoint(run: Path, step: int) -> Path:
    """Make the folder in which a checkpoint is written. Raises StorageError."""
    folder = run / FOLDER
    draft = folder / f".{checkpoint_name(step)}.tmp"
    with storage_errors(draft):
        if not run.is_dir():
            raise FileNotFoundError(2, "the run folder was removed")
        folder.mkdir(exist_ok=True)
        for left in folder.glob(".step_*.tmp"):  # by a process that was killed
            shutil.rmtree(left)
        draft.mkdir()
    return draft


def finish_checkpoint(draft: Path, manifest: Mapping[str, Any], keep: int) -> Path:
    """Give a checkpoint, whose files are all on the disk, manifest and name; remove all but the last `keep`.

    Raises StorageError; the earlier ones are then as they were.
    """
    folder = draft.parent
    path = folder / checkpoint_name(manifest["step"])
    write_checked(draft / MANIFEST, manifest)
    with storage_errors(path):
        sync_to_disk(draft)
        if path.exists():  # of the same step: what a resumed run comes to again
            aside = folder / f".{path.name}.old.tmp"
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
        draft.rename(path)
        sync_to_disk(folder)
    for left in folder.glob(".step_*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    for old in list_checkpoints(folder.parent)[:-keep]:
        with contextlib.suppress(OSError):
            (old / MANIFEST).unlink()  # so that half of one is none
        shutil.rmtree(old, ignore_errors=True)
    return path


def list_checkpoints(run: Path) -> list[Path]:
    """Folders of whole checkpoints, by their step."""
    folder = run / FOLDER
    found = [entry for entry in folder.glob("step_*") if _NAME.fullmatch(entry.name)] if folder.is_dir() else []
    return sorted(entry for entry in found if (entry / MANIFEST).exists() or not _is_removed(entry))


def _is_removed(entry: Path) -> bool:
    """Whether this is what is left of a checkpoint that was being removed, of which a later one took the place."""
    return any(_NAME.fullmatch(other.name) and other.name > entry.name for other in entry.parent.glob("step_*"))


def find_checkpoint(run: Path, name: str | None = None) -> Checkpoint:
    """The last checkpoint of a run, or that of this name.

    Raises InputError where there is none, or it is not whole.
    """
    known = list_checkpoints(run)
    if name is not None:
        chosen = [path for path in known if path.name == name]
        if not chosen:
            listed = ", ".join(path.name for path in known) or "none"
            raise InputError(f"there is no checkpoint '{name}'", where=str(run / FOLDER), remedy=f"there are: {listed}")
        return opened_checkpoint(chosen[0])
    if not known:
        raise InputError(
            "this run has no checkpoint, so there is nothing to resume",
            where=str(run),
            remedy="repeat it with checkpoints: dtbsim run RUN/config.yaml --set checkpoint.every_min=30",
        )
    return opened_checkpoint(known[-1])


def opened_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a folder. InputError where its manifest is missing or damaged."""
    try:
        manifest = read_checked(path / MANIFEST, missing="", old=False)
        if checkpoint_name(manifest.get("step", -1)) != path.name:
            raise damaged(path / MANIFEST, ValueError("it is of another step than the folder says"))
        for key, kind in _KEYS.items():
            if type(manifest.get(key)) is not kind:
                raise damaged(path / MANIFEST, ValueError(f"'{key}' is missing or of another kind"))
    except InputError as error:
        error.remedy = _earlier(path)
        raise
    return Checkpoint(path, manifest)


def _earlier(path: Path) -> str:
    """What to do where a checkpoint is damaged."""
    others: Sequence[Path] = [other for other in list_checkpoints(path.parent.parent) if other.name != path.name]
    if not others:
        return "restore it from a copy, or repeat the run"
    return f"resume from another one: dtbsim resume RUN --checkpoint {others[-1].name}"
