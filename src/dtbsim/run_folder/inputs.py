"""What a configuration reads from files goes into the run folder, so that the run can be repeated from there.

Files are copied to RUN/inputs; what is larger than `MOST_COPIED_BYTES` stays where it is and is known by its SHA-256.
Spikes and edges that were given as arrays, and are too many for a configuration, become files there, too.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.config import RunConfig
from dtbsim.config.dump import MOST_LISTED, listed_spikes
from dtbsim.config.positions import GivenPositions
from dtbsim.config.sources import FromFile
from dtbsim.config.walk import files_of_members, files_of_numbers, lists_of_numbers, replaced, value_at
from dtbsim.errors import InputError
from dtbsim.paths import user_path
from dtbsim.run_folder.claim import RunFolder
from dtbsim.store.files import sha256_of_file, storage_errors, sync_to_disk

FOLDER = "inputs"
MOST_COPIED_BYTES = 100_000_000
"""Larger inputs (all files of an atlas together) are not copied."""
_BLOCK_BYTES = 1 << 20

Key = tuple[str, ...]
Record = dict[str, Any]


@dataclass(frozen=True)
class InputFile:
    """A file that was read: where it is, its name in `RUN/inputs`, its size and SHA-256."""

    path: Path
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Input:
    """What one key of a configuration names: `given` as it stands there, `name` of the whole in `RUN/inputs`.

    `bundled`: it comes with dtbsim and needs no copy.
    """

    key: Key
    given: str
    path: Path
    name: str
    files: tuple[InputFile, ...]
    bundled: bool = False

    @property
    def copied(self) -> bool:
        """Whether the run folder gets a copy."""
        return not self.bundled and sum(file.size for file in self.files) <= MOST_COPIED_BYTES


def find_inputs(config: RunConfig, base_dir: Path | None) -> list[Input]:
    """Return the files that a configuration reads, with their digests. It has been compiled, so they can be read.

    `base_dir` is what relative paths refer to (default: the current folder). What is no regular file (a pipe) is left
    out: it could be read only once. Raises InputError where a file has gone since.
    """
    found = []
    for key, given, path, name, bundled in _named(config, base_dir if base_dir is not None else Path.cwd()):
        try:
            files = tuple(_described(path, name))
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}", where=".".join(key)) from error
        if files:
            found.append(Input(key, given, path.absolute(), name, files, bundled))
    return found


def keep_inputs(inputs: list[Input], config: RunConfig, folder: RunFolder) -> tuple[RunConfig, list[Record]]:
    """Copy inputs into the run folder; return the configuration that names them there, and a record of every file.

    Raises StorageError when the disk does not take them, InputError where a file has changed since it was found.
    """
    record: list[Record] = []
    changes: dict[Key, str] = {}
    for given in inputs:
        kept = f"{FOLDER}/{given.name}"
        for file in given.files:
            name = None
            if given.copied:
                name = _kept(file, folder) if given.path.is_file() else f"{FOLDER}/{file.name}"
                kept = name if given.path.is_file() else kept
                if name not in folder.written:
                    _copy(file, name, folder, given.key)
            path = None if given.bundled else str(file.path)
            record.append(_row(given.key, given.given, name, path, file.size, file.sha256))
        if not given.bundled:
            changes[given.key] = kept if given.copied else str(given.path)
    config = _changed(config, changes)
    for key, kept, data in _arrays(config):
        name = f"{FOLDER}/{kept}"
        _write(data, name, folder)
        record.append(_row(key, None, name, None, len(data), folder.written[name]))
        config = _changed(config, {key: name})
    return config, record


def _kept(file: InputFile, folder: RunFolder) -> str:
    """Return the name of a single file in the run folder: one copy of what several keys name."""
    same = [name for name, digest in folder.written.items() if digest == file.sha256 and name.startswith(f"{FOLDER}/")]
    return next((name for name in same if Path(name).suffix == file.path.suffix), f"{FOLDER}/{file.name}")


def _row(key: Key, given: str | None, file: str | None, path: str | None, size: int, sha256: str) -> Record:
    return {"key": ".".join(key), "given": given, "file": file, "path": path, "bytes": size, "sha256": sha256}


def _named(config: RunConfig, base: Path) -> Iterator[tuple[Key, str, Path, str, bool]]:
    """Yield key, text, path, name in `RUN/inputs`, and whether it comes with dtbsim."""
    if config.atlas is not None:
        from dtbsim.atlas import find_atlas, list_atlases

        path = find_atlas(config.atlas, base_dir=base)
        name = path.resolve().name if path.is_dir() else path.name
        yield ("atlas",), config.atlas, path, f"atlas/{name}", config.atlas in list_atlases()
    for name, population in config.populations.items():
        if population.spikes_file is not None:
            path = base / user_path(population.spikes_file)
            kept = f"populations.{name}{path.suffix}"
            yield ("populations", name, "spikes_file"), population.spikes_file, path, kept, False
        if isinstance(population.positions, GivenPositions) and population.positions.file is not None:
            given = population.positions.file
            path = base / user_path(given)
            yield ("populations", name, "positions", "file"), given, path, f"positions.{name}{path.suffix}", False
    for name, drive in config.drives.items():
        for field, given in drive.files().items():
            path = base / user_path(given)
            kept = f"drives.{name}.{field}{path.suffix}" if field != "file" else f"drives.{name}{path.suffix}"
            yield ("drives", name, field), given, path, kept, False
    for name, projection in config.projections.items():
        for field, given in projection.rule.files().items():
            path = base / user_path(given)
            kept = f"projections.{name}.{field}{path.suffix}" if field != "file" else f"projections.{name}{path.suffix}"
            yield ("projections", name, "rule", field), given, path, kept, False
    for name, signal in config.signals.items():
        for field, given in signal.files().items():
            path = base / user_path(given)
            yield ("signals", name, field), given, path, f"signals.{name}.{field}{path.suffix}", False
    for key, text in files_of_numbers(config):
        path = base / user_path(text)
        yield key, text, path, f"{'.'.join(key[:-1])}{path.suffix}", False
    yield from _of_members(config, base)


def _of_members(config: RunConfig, base: Path) -> Iterator[tuple[Key, str, Path, str, bool]]:
    """Yield the same of the values of an ensemble: atlases of people, matrices; what several name has one copy."""
    names: dict[Path, str] = {}
    for key, text in files_of_members(config):
        if key[-1] == "atlas" or key[-2] == "atlas":
            from dtbsim.atlas import find_atlas, list_atlases

            path = find_atlas(text, base_dir=base)
            name = path.resolve().name if path.is_dir() else path.name
            yield key, text, path, names.setdefault(path, f"members/{len(names)}/{name}"), text in list_atlases()
        else:
            path = base / user_path(text)
            yield key, text, path, names.setdefault(path, f"members/{len(names)}/{path.name}"), False


def _described(path: Path, name: str) -> Iterator[InputFile]:
    from dtbsim.atlas import atlas_files

    for file in atlas_files(path):
        if file.is_file():
            kept = f"{name}/{file.name}" if path.is_dir() else name
            yield InputFile(file.absolute(), kept, file.stat().st_size, sha256_of_file(file))


def _copy(file: InputFile, name: str, folder: RunFolder, key: Key) -> None:
    target = folder.path / name
    digest = hashlib.sha256()
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = file.path.open("rb")
    except OSError as error:
        raise InputError(f"{file.path} cannot be read: {error.strerror}", where=".".join(key)) from error
    with source, storage_errors(target):
        with target.open("wb") as copy:
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                copy.write(block)
        sync_to_disk(target)
    if digest.hexdigest() != file.sha256:
        raise InputError(
            f"{file.path} changed while the run was prepared",
            where=".".join(key),
            remedy="run again when it is complete",
        )
    folder.written[name] = file.sha256


def _write(data: bytes, name: str, folder: RunFolder) -> None:
    target = folder.path / name
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sync_to_disk(target)
    folder.written[name] = hashlib.sha256(data).hexdigest()


def _arrays(config: RunConfig) -> Iterator[tuple[Key, str, bytes]]:
    """Yield the key of a file, its name and content, in place of what is too much to be written out."""
    for (kind, name, _), spikes in listed_spikes(config):
        if len(spikes.neuron) > MOST_LISTED:
            data = io.BytesIO()
            np.savez(data, neuron=np.array(spikes.neuron, np.int64), time_ms=np.array(spikes.time_ms))
            key = "spikes_file" if kind == "populations" else "file"
            yield (kind, name, key), f"{kind}.{name}.npz", data.getvalue()
    for name, projection in config.projections.items():
        listed = projection.rule.arrays()
        if listed is not None and len(listed[2]["source"]) > MOST_LISTED:
            data = io.BytesIO()
            np.savez(data, **listed[2])
            yield ("projections", name, "rule", listed[1]), f"projections.{name}.npz", data.getvalue()
    for path, numbers in lists_of_numbers(config):
        if np.size(numbers) > MOST_LISTED:
            data = io.BytesIO()
            np.save(data, np.array(numbers))
            yield path, f"{'.'.join(path)}.npy", data.getvalue()


def _changed(config: RunConfig, changes: dict[Key, str]) -> RunConfig:
    """Return the configuration with other texts for files, or with a file in place of an array."""
    for key, text in changes.items():
        holder = value_at(config, key[:2]) if key[0] in ("populations", "drives") and len(key) == 3 else None
        if key[-1] in ("spikes_file", "file") and hasattr(holder, "spikes"):
            config = replaced(config, (*key[:2], "spikes"), None)
        if key[0] == "projections" and key[2:3] == ("rule",) and len(key) == 4:
            listed = config.projections[key[1]].rule.arrays()
            if listed is not None:
                config = replaced(config, (*key[:3], listed[0]), None)
        array = isinstance(value_at(config, key), list) and key[-1] != "matrix"
        config = replaced(config, key, FromFile(file=text) if array else text)
    return config
