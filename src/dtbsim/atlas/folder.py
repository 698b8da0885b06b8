"""An atlas as a folder of small files: regions.csv, weights.*, and what else there is (docs/atlas_format.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.atlas.archive import Table
from dtbsim.atlas.keys import TEXT_KEYS
from dtbsim.atlas.names import check_names
from dtbsim.atlas.tables import TEXT_SUFFIXES, is_numeric, read_columns, read_matrix
from dtbsim.errors import InputError, did_you_mean
from dtbsim.files import read_json, read_npy
from dtbsim.files.sparse import read_sparse

MATRIX_SUFFIXES = (".npy", *TEXT_SUFFIXES)
SPARSE_STEMS = ("weights", "lengths_mm")
MATRIX_STEMS = ("weights", "lengths_mm", "fc", "lead_field")
TABLE_STEMS = ("regions", "maps")
META = "atlas.json"
META_NUMBERS = ("format_version", "fc_tr_s")
META_KEYS = (*META_NUMBERS, *TEXT_KEYS, "lead_field_channels", "fc_leave_one_out")
OTHER_FC = "fc_"
VOXEL_VALUES = "label"
"""The column of the values of regions in a label image: texts, although they are numbers."""
IMPORTED = "import.json"
"""What `dtbsim atlas import` made the folder of."""
LARGEST = 1e300
COORDINATES = ("x_mm", "y_mm", "z_mm")

_DATA_SUFFIXES = (*MATRIX_SUFFIXES, ".npz", ".json")
_PROSE = ("readme", "license", "licence", "notice")


def read_folder(folder: Path) -> tuple[Table, dict[str, Any]]:
    """Return the arrays of an atlas folder by key, and sparse matrices (key -> scipy CSR) apart.

    Raises:
        InputError: a missing, doubled, unknown or unreadable file.
    """
    files = _files_by_stem(folder)
    if "regions" not in files:
        raise InputError(
            "holds no regions.csv or regions.tsv",
            where=str(folder),
            remedy="an atlas folder needs regions.csv (name; x_mm, y_mm, z_mm if known) and weights.csv or weights.npy",
        )
    table = _read_regions(files.pop("regions"))
    names = [str(name) for name in table["region_names"]]
    sparse: dict[str, Any] = {}
    for stem, path in files.items():
        if path.suffix == ".npz":
            sparse[stem] = read_sparse(path)
        elif path.name == META:
            table.update(_read_meta(path))
        elif path.name == IMPORTED:
            continue
        elif stem == "maps":
            table.update(_read_maps(path, names))
        else:
            key = f"other_fc/{stem.removeprefix(OTHER_FC)}" if stem.startswith(OTHER_FC) else stem
            table[key] = _read_matrix_file(path, None if stem == "lead_field" else names)
    return table, sparse


def folder_files(folder: Path) -> list[Path]:
    """Return the files of an atlas folder: those that are read, and texts such as a licence beside them.

    Raises:
        InputError: a doubled or unknown file.
    """
    texts = (path for path in folder.iterdir() if path.is_file() and path.stem.lower().startswith(_PROSE))
    return sorted({*_files_by_stem(folder).values(), *texts})


def _files_by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.name.startswith(".") or path.suffix.lower() not in _DATA_SUFFIXES:
            continue
        if path.stem.lower().startswith(_PROSE):
            continue
        _check_file(path)
        if path.stem in found:
            raise InputError(
                f"both {found[path.stem].name} and {path.name} are there", where=str(folder), remedy="keep one of them"
            )
        found[path.stem] = path
    return found


def _check_file(path: Path) -> None:
    stem, suffix = path.stem, path.suffix
    matrix = stem in MATRIX_STEMS or (stem.startswith(OTHER_FC) and len(stem) > len(OTHER_FC))
    if (
        (matrix and suffix in MATRIX_SUFFIXES)
        or (stem in SPARSE_STEMS and suffix == ".npz")
        or (stem in TABLE_STEMS and suffix in (".csv", ".tsv"))
        or path.name in (META, IMPORTED)
    ):
        return
    allowed = [
        *(f"{name}.csv" for name in (*TABLE_STEMS, *MATRIX_STEMS, f"{OTHER_FC}NAME")),
        *(f"{name}.npy" for name in (*MATRIX_STEMS, f"{OTHER_FC}NAME")),
        *(f"{name}.npz" for name in SPARSE_STEMS),
        META,
    ]
    raise InputError(
        f"unknown file {path.name!r}", where=str(path.parent), remedy=f"{did_you_mean(path.name, allowed)}; also .tsv"
    )


def _read_regions(path: Path) -> Table:
    columns = read_columns(path)
    located = [name for name in COORDINATES if name in columns]
    for name in ("name", *(COORDINATES if located else ())):
        if name not in columns:
            raise InputError(f"there is no column {name!r}", where=f"{path}:1", remedy=f"found {', '.join(columns)}")
    for name in (*COORDINATES, "is_cortex"):
        if name in columns and not is_numeric(columns[name]):
            bad = next(k for k, cell in enumerate(columns[name]) if not is_numeric([cell]))
            raise InputError(f"column {name} is {columns[name][bad]!r}; needed a number", where=f"{path}:{bad + 2}")
    table: Table = {
        "region_names": np.array(check_names(columns.pop("name"), f"{path}: name"), dtype=str),
    }
    if located:
        table["xyz_mm"] = np.array([columns.pop(axis) for axis in COORDINATES], dtype=np.float64).T
    for name in ("hemisphere", "display_names"):
        if name in columns:
            table[name] = np.array(check_names(columns.pop(name), f"{path}: {name}"), dtype=str)
    if "is_cortex" in columns:
        table["is_cortex"] = np.array(columns.pop("is_cortex"), dtype=np.float64)
    for name, column in columns.items():
        if is_numeric(column) and name != VOXEL_VALUES:
            table[f"maps/{name}"] = np.array(column, dtype=np.float64)
        else:
            table[f"labels/{name}"] = np.array(check_names(column, f"{path}: {name}"), dtype=str)
    return table


def _read_maps(path: Path, names: Sequence[str]) -> Table:
    columns = read_columns(path)
    labels = columns.pop("name", None)
    if labels is not None and labels != list(names):
        differs = next((k for k, pair in enumerate(zip(labels, names, strict=False)) if pair[0] != pair[1]), len(names))
        raise InputError(
            f"column name differs from regions at region {differs}",
            where=str(path),
            remedy="use the same regions in the same order",
        )
    for name, column in columns.items():
        bad = next((k for k, cell in enumerate(column) if not is_numeric([cell])), None)
        if bad is not None:
            raise InputError(f"column {name} is {column[bad]!r}; needed a number", where=f"{path}:{bad + 2}")
    return {f"maps/{name}": np.array(column, dtype=np.float64) for name, column in columns.items()}


def _read_matrix_file(path: Path, names: Sequence[str] | None) -> NDArray[Any]:
    return read_npy(path) if path.suffix == ".npy" else read_matrix(path, names)


def _read_meta(path: Path) -> Table:
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError("needed an object {key: value}", where=str(path))
    table: Table = {}
    for key, value in content.items():
        if key not in META_KEYS:
            raise InputError(f"unknown key {key!r}", where=str(path), remedy=did_you_mean(key, META_KEYS))
        table[key] = _meta_value(key, value, path)
    return table


def _meta_value(key: str, value: Any, path: Path) -> NDArray[Any]:
    """Return a text, a number, or a list of one of these as an array."""
    items = value if isinstance(value, list) else [value]
    kinds = {type(item) for item in items}
    if kinds and kinds <= {str}:
        if isinstance(value, list):
            check_names(items, f"{path}: {key}")
        return np.array(value, dtype=str)
    if kinds <= {int, float} and all(abs(item) <= LARGEST for item in items):
        return np.array(value, dtype=np.float64 if kinds == {float} or isinstance(value, list) else None)
    raise InputError(
        f"{key} is {show(value)}", where=str(path), remedy="allowed: a text, a number, or a list of one kind"
    )
