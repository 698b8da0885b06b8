"""The folder of an assimilation: what it is of, where it stands, and its results.

- assimilation.json: a digest of what was asked for, and whether it is complete
- checkpoint.npz: from which a killed one goes on; gone when it is complete
- assimilation.npz, summary.json, config.yaml, report.html: results
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.assimilation.follow import Course
from dtbsim.assimilation.hierarchical import Volume
from dtbsim.assimilation.members import with_absolute_atlas
from dtbsim.assimilation.result import AssimilationResult
from dtbsim.config import RunConfig
from dtbsim.config.load import load_config_data
from dtbsim.config.plain import plain
from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_root
from dtbsim.store.files import read_checked, storage_errors, to_json, write_checked, write_text

NAME, CHECKPOINT, ARRAYS, SUMMARY, CONFIG = (
    "assimilation.json", "checkpoint.npz", "assimilation.npz", "summary.json", "config.yaml",
)  # fmt: skip
Arrays = dict[str, NDArray[Any]]
_FIELDS = [field.name for field in dataclasses.fields(Volume)]


class Folder:
    """The folder `path` of an assimilation with this digest; rank 0 reads and writes."""

    def __init__(self, path: Path, digest: str, comm: Comm) -> None:
        self.path, self._digest, self._comm = path, digest, comm
        self._goes_on = False
        self._last = time.monotonic()

    # -- whose it is --------------------------------------------------------------------------------------------

    def check(self, *, resume: bool) -> None:
        """InputError where it holds something else, or nothing to go on with; collective."""
        self._goes_on = on_root(self._comm, lambda: self._checked(resume))

    def _checked(self, resume: bool) -> bool:
        where, file = str(self.path), self.path / NAME
        with storage_errors(self.path):
            holds = self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir()))
        if not holds:
            if resume:
                raise InputError("there is nothing to go on with", where=where, remedy="leave --resume out")
            return False
        if not file.is_file():
            raise InputError("the folder holds something else", where=where, remedy="name a new or empty one")
        known = read_checked(file, missing="the folder of an assimilation has it")
        if not resume:
            raise InputError(
                "the folder holds an assimilation", where=where, remedy="name a new one, or go on with it: --resume"
            )
        if known.get("digest") != self._digest:
            raise InputError(
                "the folder is of another assimilation: configuration, series, parameters or options differ",
                where=where,
                remedy="give what it began with, or a new folder",
            )
        if known.get("done"):
            raise InputError("the assimilation is complete", where=where, remedy="look at its report.html")
        return True

    def claim(self) -> None:
        """Begin in it; collective."""
        on_root(self._comm, self._claimed)

    def _claimed(self) -> None:
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._say(done=False)

    def _say(self, *, done: bool) -> None:
        write_checked(self.path / NAME, {"digest": self._digest, "done": done})

    # -- checkpoints --------------------------------------------------------------------------------------------

    def due(self, every_s: float) -> bool:
        """Whether it is time for a checkpoint, on every rank the same."""
        late = time.monotonic() - self._last > every_s
        return bool(self._comm.bcast(late))

    def keep(self, course: Course, state: Mapping[str, NDArray[Any]]) -> None:
        """Write a checkpoint; on rank 0."""
        self._last = time.monotonic()
        arrays: Arrays = {f"filter/{name}": array for name, array in state.items()}
        arrays |= {"offset": course.offset, "scale": course.scale}
        arrays |= {f"volumes/{name}": np.stack([getattr(v, name) for v in course.volumes]) for name in _FIELDS}
        on_root(self._comm, lambda: write_arrays(self.path / CHECKPOINT, arrays))

    def kept(self) -> Arrays | None:
        """The checkpoint, on every rank; None where there is none."""
        found = on_root(self._comm, self._read) if self._goes_on else None
        return found

    def _read(self) -> Arrays | None:
        file = self.path / CHECKPOINT
        if not file.is_file():
            return None
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError) as error:
            remedy = "remove it: the assimilation then begins again"
            raise InputError(f"cannot be read: {error}", where=str(file), remedy=remedy) from error

    @staticmethod
    def course(kept: Mapping[str, NDArray[Any]]) -> Course:
        """What a checkpoint holds of the course."""
        stacked = [kept[f"volumes/{name}"] for name in _FIELDS]
        volumes = [Volume(*parts) for parts in zip(*stacked, strict=True)]
        return Course(np.array(kept["offset"]), np.array(kept["scale"]), volumes)

    # -- results ------------------------------------------------------------------------------------------------

    def write(self, found: AssimilationResult, config: RunConfig, base_dir: Path) -> None:
        """Write arrays, summary and the configuration with what was found."""
        write_arrays(self.path / ARRAYS, found.arrays)
        write_text(self.path / SUMMARY, to_json(found.summary))
        data = with_absolute_atlas(plain(config, followed=False), base_dir)
        for key, value in found.values().items():
            parts = key.split(".")
            place = data
            for part in parts[:-1]:
                place = place.setdefault(part, {})
            place[parts[-1]] = value
        load_config_data(data)
        head = f"# The configuration with the parameters of {NAME}; other relative paths: from {base_dir.absolute()}\n"
        write_text(self.path / CONFIG, head + to_yaml(data))

    def done(self) -> None:
        """It is complete."""
        self._say(done=True)
        with contextlib.suppress(OSError):
            (self.path / CHECKPOINT).unlink(missing_ok=True)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace an .npz at once. Raises StorageError."""
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)  # type: ignore[arg-type]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            with temporary.open("wb") as file:
                file.write(held.getvalue())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
