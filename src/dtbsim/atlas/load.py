"""Finding, loading and saving atlases: the bundled ones by name, the user's by path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dtbsim.arguments import instance
from dtbsim.arguments import path as path_argument
from dtbsim.atlas.archive import SUFFIXES, read_archive, write_archive
from dtbsim.atlas.assemble import atlas_from_table, table_from_atlas
from dtbsim.atlas.folder import folder_files, read_folder
from dtbsim.atlas.model import Atlas
from dtbsim.errors import InputError, did_you_mean

DATA = Path(__file__).parent / "data"
DEFAULT = "aal2"


def list_atlases() -> list[str]:
    """Return the names of the bundled atlases, the default (`aal2`) first."""
    return sorted((path.stem for path in DATA.glob("*.npz")), key=lambda name: (name != DEFAULT, name))


def is_bundled(atlas: Atlas) -> bool:
    """Return whether `atlas`, or what it is a part of, is one of those that come with dtbsim."""
    return bool(atlas.source) and Path(atlas.source).parent == DATA


def load_atlas(name_or_path: str | Path, *, base_dir: Path | None = None) -> Atlas:
    """Return a bundled atlas by name, or the user's from a folder, an .npz or an .h5 file.

    A text without a folder separator or suffix that is the name of a bundled atlas means that one; write `./NAME`
    for a folder of the same name. Relative paths start at `base_dir` (default: the current folder).

    Raises:
        InputError: unknown name, missing or damaged file, or anything inconsistent in it.
    """
    return _load_path(find_atlas(name_or_path, base_dir=base_dir))


def find_atlas(name_or_path: str | Path, *, base_dir: Path | None = None) -> Path:
    """Return the path of an atlas that `load_atlas` would load, within this package where it is a bundled one.

    Raises:
        InputError: unknown name, or no such file.
    """
    base_dir = None if base_dir is None else path_argument(base_dir, "base_dir")
    if isinstance(name_or_path, str) and name_or_path in list_atlases():
        return DATA / f"{name_or_path}.npz"
    path = path_argument(name_or_path, "name_or_path")
    path = path if base_dir is None else base_dir / path
    if path.exists():
        return path
    if isinstance(name_or_path, str) and "/" not in name_or_path and not path.suffix:
        raise InputError(
            f"unknown atlas {name_or_path!r}",
            remedy=f"{did_you_mean(name_or_path, list_atlases())}; or a path to a folder, .npz or .h5 file",
        )
    raise InputError(f"there is no atlas {path}", remedy="check the path; relative paths start at the configuration")


def atlas_files(path: Path) -> list[Path]:
    """Return the files of the atlas at `path`: itself, or those in a folder.

    Raises:
        InputError: a doubled or unknown file in the folder.
    """
    return folder_files(path) if path.is_dir() else [path]


def _load_path(path: Path) -> Atlas:
    where = str(path)
    if path.is_dir():
        table, sparse = read_folder(path)
        return atlas_from_table(table, sparse, name=path.resolve().name, where=where)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"an atlas is a folder or a file ending in {', '.join(SUFFIXES)}; got {path.name!r}", where=where
        )
    return atlas_from_table(read_archive(path), {}, name=path.stem, where=where)


def save_atlas(atlas: Atlas, path: str | Path, *, compact: bool = False) -> Path:
    """Write an atlas to .npz or .h5 (by suffix) and return the path; an existing file is replaced at once.

    Loading it gives the same atlas, exactly; with `compact`, matrices and maps are stored in float32.

    Raises:
        InputError: another suffix.
        StorageError: the file cannot be written; nothing is left behind.
    """
    instance(atlas, "atlas", Atlas, "an Atlas")
    target = path_argument(path, "path")
    if target.suffix.lower() not in SUFFIXES:
        raise InputError(f"cannot save an atlas as {target.name!r}", remedy=f"use a name ending in {SUFFIXES}")
    write_archive(table_from_atlas(atlas, compact=compact), target)
    return target


def load_local_circuits() -> dict[str, Any]:
    """Return published parameters of local circuit models (Potjans-Diesmann 2014, Brunel 2000, ...) as nested dicts.

    Each entry has `cite` (the source) and `verified` (what the numbers were compared with); units are in the names.
    """
    circuits: dict[str, Any] = json.loads((DATA / "local_circuits.json").read_text(encoding="utf-8"))
    return circuits
