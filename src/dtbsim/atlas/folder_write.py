"""Writing an atlas as a folder of tables, which appears whole or not at all (docs/atlas_format.md)."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.atlas.folder import COORDINATES, META
from dtbsim.atlas.keys import FORMAT_VERSION, TEXT_KEYS
from dtbsim.atlas.model import Atlas
from dtbsim.errors import InputError, StorageError

MOST_AS_TEXT = 600
"""Regions: matrices of more are written as .npy."""


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, which gets its name when all is there; nothing is left of it where that fails.

    Raises:
        InputError: something is there already.
        StorageError: it cannot be written.
    """
    refuse_existing(path)
    draft = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        try:
            yield draft
            for file in draft.rglob("*"):
                if file.is_file():
                    _sync(file)
            refuse_existing(path)
            draft.rename(path)
            _sync(path.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"cannot be written: {error.strerror or error}", where=str(path), remedy="choose a folder that is writable"
        ) from error


def refuse_existing(path: Path) -> None:
    """Raise InputError where something has this path."""
    if path.exists() or path.is_symlink():
        raise InputError("is there already", where=str(path), remedy="give a new folder, or remove this one first")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_folder(atlas: Atlas, folder: Path) -> None:
    """Write the files of an atlas into an empty folder; `load_atlas` gives the same atlas, but for its FCD.

    Raises:
        OSError: it cannot be written.
    """
    _write_regions(atlas, folder / "regions.csv")
    if atlas.is_sparse:
        from scipy.sparse import save_npz

        save_npz(folder / "weights.npz", atlas.weights)
        if atlas.lengths_mm is not None:
            save_npz(folder / "lengths_mm.npz", atlas.lengths_mm)
    else:
        write_matrix(atlas.weights, atlas.region_names, folder / "weights")
        if atlas.lengths_mm is not None:
            write_matrix(atlas.lengths_mm, atlas.region_names, folder / "lengths_mm")
    if atlas.fc is not None:
        write_matrix(atlas.fc, atlas.region_names, folder / "fc")
    for name, fc in atlas.other_fc.items():
        write_matrix(fc, atlas.region_names, folder / f"fc_{name}")
    if atlas.lead_field is not None:
        np.save(folder / "lead_field.npy", atlas.lead_field)
    meta: dict[str, Any] = {"format_version": FORMAT_VERSION}
    meta |= {key: text for key in TEXT_KEYS if (text := getattr(atlas, key)) and text != "none"}
    if atlas.fc_tr_s is not None:
        meta["fc_tr_s"] = float(atlas.fc_tr_s)
    if atlas.lead_field_channels:
        meta["lead_field_channels"] = list(atlas.lead_field_channels)
    if atlas.fc_leave_one_out is not None:
        meta["fc_leave_one_out"] = [float(r) for r in atlas.fc_leave_one_out]
    (folder / META).write_text(json.dumps(meta, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_regions(atlas: Atlas, path: Path) -> None:
    columns: dict[str, Sequence[Any]] = {"name": atlas.region_names}
    if atlas.xyz_mm is not None:
        columns |= {axis: [repr(float(v)) for v in atlas.xyz_mm[:, k]] for k, axis in enumerate(COORDINATES)}
    if any(atlas.hemisphere):
        columns["hemisphere"] = atlas.hemisphere
    if not atlas.is_cortex.all():
        columns["is_cortex"] = [int(value) for value in atlas.is_cortex]
    if atlas.display_names != atlas.region_names:
        columns["display_names"] = atlas.display_names
    columns |= {key: [repr(float(value)) for value in values] for key, values in atlas.maps.items()}
    columns |= dict(atlas.labels.items())
    with path.open("x", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))


def write_matrix(matrix: Any, names: Sequence[str], stem: Path) -> None:
    """Write a matrix between regions as STEM.csv with their names, or, of many regions, as STEM.npy."""
    if len(names) > MOST_AS_TEXT:
        np.save(stem.with_name(f"{stem.name}.npy"), matrix)
        return
    with stem.with_name(f"{stem.name}.csv").open("x", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["name", *names])
        for name, row in zip(names, matrix, strict=True):
            rows.writerow([name, *(repr(value) for value in row.tolist())])
