"""The folder of a sweep: sweep.json says which run has which values; each run has a folder of its own in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.config import RunConfig
from dtbsim.config.grid import Values
from dtbsim.config.plain import plain
from dtbsim.errors import InputError
from dtbsim.store.files import plain as jsonable
from dtbsim.store.files import read_checked, storage_errors, write_checked

NAME = "sweep.json"
FORMAT = 1
_ELSEWHERE = ("threads", "partitioner", "backend", "gpu_plan", "exchange", "stuck_timeout_s")
"""Of `simulation`: how it is computed, on which no spike depends."""


def digest_of(config: RunConfig) -> str:
    """The SHA-256 of everything in a configuration on which results depend."""
    values = plain(config.model_copy(update={"checkpoint": None}))
    for key in _ELSEWHERE:
        values["simulation"].pop(key, None)
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=_described).encode()).hexdigest()


def _described(value: Any) -> str:
    """What JSON has no form for: arrays, and models that are classes."""
    if hasattr(value, "tobytes"):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)


def folder_name(number: int) -> str:
    """The name of the folder of a run of a sweep."""
    return f"{number:05d}"


@dataclass(frozen=True)
class SweepFolder:
    """A sweep on disk: its folder and, for every run, that of the run."""

    path: Path
    runs: list[Path]


def open_sweep(path: Path, digest: str, runs: Sequence[Values]) -> SweepFolder:
    """Begin a sweep in a new or empty folder, or go on with the one that is in it; further runs may be added.

    Raises InputError where the folder holds something else, or a sweep of another configuration; StorageError.
    """
    file = path / NAME
    if file.is_file():
        known = _read(file)
        if known["config"] != digest:
            raise InputError(
                "this is a sweep of another configuration",
                where=str(file),
                remedy="choose another `out`; what may differ is how it is computed: threads, backend, checkpoint",
            )
    elif path.exists() and (not path.is_dir() or any(entry.name != "slurm" for entry in path.iterdir())):
        raise InputError("the folder of the sweep exists and holds no sweep", where=str(path), remedy="choose another")
    else:
        known = {"runs": {}}
    names = {_key(values): name for name, values in known["runs"].items()}
    folders = []
    for values in runs:
        name = names.get(_key(values)) or folder_name(len(known["runs"]))
        known["runs"].setdefault(name, json.loads(_key(values)))
        folders.append(path / name)
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    write_checked(file, {"sweep_format": FORMAT, "config": digest, "runs": known["runs"]})
    return SweepFolder(path, folders)


def _read(file: Path) -> dict[str, Any]:
    known = read_checked(file, missing="", old=False)
    if known.get("sweep_format") != FORMAT or not isinstance(known.get("runs"), dict):
        raise InputError("this is not a sweep that this version of dtbsim can read", where=str(file))
    return known


def _key(values: Values) -> str:
    return json.dumps(jsonable(values), sort_keys=True, default=_described)
