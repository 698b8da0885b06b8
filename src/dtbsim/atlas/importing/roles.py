"""What each array, table and file of a source is taken for, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dtbsim.atlas.importing.raw import IMAGE_SUFFIXES, SURFACE_SUFFIXES, Raw
from dtbsim.atlas.importing.region_table import RegionTable
from dtbsim.data.arrays import numbers_of
from dtbsim.data.kinds import choose_kind, kind_of_name, words_of
from dtbsim.data.matrix import make_matrix, matrix_of_table
from dtbsim.data.model import Matrix
from dtbsim.data.table import Table
from dtbsim.errors import InputError

MATRICES = ("weights", "lengths", "fc")
WORDS = {
    "weights": "weights", "lengths": "tract lengths", "fc": "functional connectivity", "bold": "BOLD",
    "lead_field": "lead field", "label_image": "label image", "surface": "surface",
}  # fmt: skip
BOLD_WORDS = {
    "bold",
    "timeseries",
    "ts",
    "series",
    "timecourse",
    "timecourses",
    "tc",
    "fmri",
    "roits",
    "signal",
    "signals",
}
_CENTROIDS = {
    "centroids",
    "centroid",
    "centres",
    "centers",
    "centre",
    "coords",
    "coordinates",
    "xyz",
    "mni",
    "positions",
}
_ORIENTATIONS = {"orientation", "orientations", "normals"}
_SIDES = {"hemispheres", "hemisphere", "hemi"}
_CORTEX = {"cortical", "cortex"}
_FIELDS = {"lead", "leadfield", "gain", "forward"}
_SHORTEST_BOLD = 10


@dataclass(frozen=True)
class Item:
    """Something of a source with its role; `value` is a `Matrix`, a `RegionTable`, or the `Raw` itself."""

    role: str
    value: Any
    raw: Raw
    why: str

    @property
    def where(self) -> str:
        """File and variable."""
        return self.raw.where


@dataclass(frozen=True)
class Left:
    """Something that is not used, and why."""

    where: str
    why: str


def number_of_regions(raws: Sequence[Raw]) -> int | None:
    """Return the number of regions: of the square matrix that its name says to be weights, else of most squares."""
    squares = [raw for raw in raws if _is_square(raw)]
    named = [raw for raw in squares if (kind_of_name(raw.name) or ("",))[0] == "weights"]
    sizes = Counter(raw.shape[0] for raw in named or squares)
    return sizes.most_common(1)[0][0] if sizes else None


def _is_square(raw: Raw) -> bool:
    return len(raw.shape) == 2 and raw.shape[0] == raw.shape[1] > 1


def item_of(raw: Raw, n: int | None, role: str | None = None) -> Item | Left:
    """Return what a part of a source is; `role` says so, or its name and shape do. `n` is the number of regions.

    Raises:
        InputError: it cannot be what it is said to be, or a matrix of another number of regions.
    """
    if raw.value is None:
        return _file(raw, role)
    if isinstance(raw.value, RegionTable):
        return Item("regions", raw.value, raw, f"it has {raw.value.says}")
    if role in MATRICES:
        return Item(role, matrix_of(raw, role), raw, "it was given as this")
    if role is not None:
        return _given(raw, role, n)
    return _guessed(raw, n)


def _file(raw: Raw, role: str | None) -> Item | Left:
    name = raw.path.name.lower()
    if name.endswith(".ptseries.nii") or role == "bold":
        return Item("bold", raw, raw, "it was given as this" if role else "a parcellated series (CIFTI)")
    if name.endswith(SURFACE_SUFFIXES):
        return Item("surface", raw, raw, "a surface or its labels, kept as it is")
    if role == "label_image" or set(words_of(raw.name)) & {"dseg", "parc", "parcellation", "labels", "atlas", "aparc"}:
        return Item("label_image", raw, raw, "it was given as this" if role else "a label image by its name")
    if "bold" in words_of(raw.name):
        return Item("bold", raw, raw, "a series of images by its name")
    if not name.endswith(IMAGE_SUFFIXES):
        return Left(raw.where, "a kind of file that is not read")
    return Left(raw.where, "an image: say what it is with --label-image or --bold")


def _given(raw: Raw, role: str, n: int | None) -> Item:
    why = "it was given as this"
    if role in ("bold", "lead_field"):
        return Item(role, raw, raw, why)
    values = values_of(raw)
    labels = raw.value.rows if isinstance(raw.value, Table) else raw.labels.get(len(values))
    if role == "centroids" and values.ndim == 2 and values.shape[1] == 3:
        return Item("regions", RegionTable(labels, values, where=raw.where), raw, why)
    raise InputError(
        f"has {'x'.join(map(str, raw.shape))} numbers",
        where=raw.where,
        remedy="centroids are three numbers for each region" if role == "centroids" else "labels are texts",
    )


def _guessed(raw: Raw, n: int | None) -> Item | Left:
    words, shape = set(words_of(raw.name)), raw.shape
    if words & BOLD_WORDS and len(shape) == 2 and not words & {"fc", "connectivity"}:
        return Item("bold", raw, raw, f"its name has the word '{sorted(words & BOLD_WORDS)[0]}'")
    if len(shape) == 2 and words & _FIELDS and shape[1] == n:
        return Item("lead_field", raw, raw, f"its name has the word '{sorted(words & _FIELDS)[0]}'")
    if _is_square(raw) and (shape[0] == n or shape[0] > 3):
        return _square(raw, n)
    if n is None:
        return Left(raw.where, f"{_shown(raw)} numbers, and no matrix says how many regions there are")
    if shape == (n, 3):
        return _three(raw, words, n)
    if shape in ((n,), (n, 1)):
        return _one(raw, words)
    if len(shape) == 2 and n in shape and max(shape) > _SHORTEST_BOLD:
        axis = "columns" if shape[1] == n else "rows"
        return Item("bold", raw, raw, f"a series, because it has {n} {axis} and is no matrix between regions")
    return Left(raw.where, f"{_shown(raw)} numbers, which belong to no {n} regions")


def _shown(raw: Raw) -> str:
    return "x".join(map(str, raw.shape)) or "no"


def _square(raw: Raw, n: int | None) -> Item | Left:
    named = kind_of_name(raw.name)
    if raw.shape[0] != n and named is None:
        return Left(raw.where, f"{_shown(raw)} numbers where the weights have {n} regions")
    matrix = matrix_of(raw)
    return Item(matrix.kind, matrix, raw, matrix.why)


def matrix_of(raw: Raw, kind: str | None = None) -> Matrix:
    """Return the matrix of a part of a source; raises as `read_matrix`."""
    if isinstance(raw.value, Table):
        return matrix_of_table(raw.value, kind)
    values = values_of(raw)
    if values.ndim != 2:
        raise InputError(
            f"has {values.ndim} axes ({_shown(raw)}); a matrix has 2",
            where=raw.where,
            remedy="save a matrix for each session; people may be an axis where one file holds all of them",
        )
    if kind is None and values.shape[0] == values.shape[1] and np.isfinite(values).all():
        kind, why = choose_kind(raw.name, values, raw.where)
        made = make_matrix(values, raw.labels.get(len(values)), raw.name, raw.where, kind, raw.notices)
        return Matrix(made.values, made.labels, kind, why, made.where, made.notices)
    return make_matrix(values, raw.labels.get(len(values)), raw.name, raw.where, kind, raw.notices)


def values_of(raw: Raw) -> Any:
    """Return the numbers of a part of a source, float64."""
    if isinstance(raw.value, Table):
        return raw.value.values
    if not isinstance(raw.value, np.ndarray):
        raise InputError("holds no numbers", where=raw.where)
    return numbers_of(raw.value, raw.where)


def _three(raw: Raw, words: set[str], n: int) -> Item | Left:
    values = values_of(raw)
    labels = raw.value.rows if isinstance(raw.value, Table) else raw.labels.get(n)
    if words & _ORIENTATIONS:
        maps = {f"normal_{axis}": values[:, k] for k, axis in enumerate("xyz")}
        return Item(
            "regions", RegionTable(labels, maps=maps, where=raw.where), raw, "directions of surfaces by its name"
        )
    why = f"three numbers for each of {n} regions" + (", and its name" if words & _CENTROIDS else "")
    return Item("regions", RegionTable(labels, values, where=raw.where), raw, f"centroids: {why}")


def _one(raw: Raw, words: set[str]) -> Item | Left:
    values = values_of(raw).ravel()
    flags = set(values.tolist()) <= {0.0, 1.0}
    labels = raw.value.rows if isinstance(raw.value, Table) else None
    if words & _SIDES and flags:
        sides = tuple("R" if value else "L" for value in values)
        return Item("regions", RegionTable(labels, hemisphere=sides, where=raw.where), raw, "hemispheres, 1 is right")
    if words & _CORTEX and flags:
        return Item("regions", RegionTable(labels, is_cortex=values != 0, where=raw.where), raw, "which are cortex")
    if not np.isfinite(values).all():
        return Left(raw.where, "a number for each region, but not all of them finite")
    table = RegionTable(labels, maps={raw.name: values}, where=raw.where)
    return Item("regions", table, raw, "a map: a number for each region")
