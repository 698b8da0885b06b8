"""What is in the files of a source, before it is decided what each is: arrays and tables with names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.importing.region_table import RegionTable, columns_table, read_region_table
from dtbsim.data.arrays import ARRAY_SUFFIXES, labels_in, read_arrays
from dtbsim.data.edge_list import is_edge_list, read_edge_list
from dtbsim.data.kinds import words_of
from dtbsim.data.table import TEXT_SUFFIXES, Table, holds_numbers, read_cells, read_table
from dtbsim.errors import InputError

SURFACE_SUFFIXES = (".gii", ".annot", ".label", ".pial", ".white", ".inflated", ".dlabel.nii", ".obj", ".vtk")
IMAGE_SUFFIXES = (".nii", ".nii.gz")
PEOPLE_WORDS = {"subject", "subjects", "subjid", "subjids", "people", "person", "persons", "participant",
                "participants"}  # fmt: skip
_PROSE = ("readme", "license", "licence", "notice", "info", "dataset_description", "participants", "changes")
_OTHER = (".json", ".md", ".pdf", ".png", ".jpg", ".html", ".bval", ".bvec")


@dataclass(frozen=True)
class Raw:
    """One array, table or file of a source.

    `name` is what its role may be guessed from; `value` an array of numbers, a `Table` (text), a `RegionTable`, or None
    where the file itself is what counts (an image, a surface). `labels` are those of regions in the same file, by their
    number; `variable` is its name within a file of several arrays; `notices` say how it was read. `role` is what it was
    given as, and `split` that it is the part of one person in data of several. `beside` are all arrays of the file.
    """

    path: Path
    name: str
    where: str
    value: NDArray[Any] | Table | RegionTable | None
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    variable: str | None = None
    notices: tuple[str, ...] = ()
    role: str | None = None
    beside: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    split: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its numbers; () where it has none."""
        if isinstance(self.value, Table):
            return self.value.values.shape
        return self.value.shape if isinstance(self.value, np.ndarray) else ()


def raws_of(path: Path, *, named: bool = True) -> Iterator[Raw]:
    """Yield what a file holds; nothing for texts about the data (README, .json beside images).

    A kind of file that is not known is an error where the user `named` it, and in a folder comes without a value.

    Raises:
        InputError: not readable, or a kind of file that is not known.
    """
    name = path.name.lower()
    if name.startswith(_PROSE) or name.endswith(_OTHER) or name.startswith("."):
        return
    if name.endswith(SURFACE_SUFFIXES) or name.endswith(IMAGE_SUFFIXES):
        yield Raw(path, _stem(path), str(path), None)
    elif name.endswith(".graphml"):
        from dtbsim.atlas.importing.graphml import read_graphml

        yield from (Raw(path, key, f"{path}: {key}", value, labels) for key, value, labels in read_graphml(path))
    elif name.endswith(TEXT_SUFFIXES):
        yield from _text(path)
    elif name.endswith(ARRAY_SUFFIXES):
        yield from _arrays(path)
    elif not named:
        yield Raw(path, "", str(path), None)
    else:
        allowed = ", ".join((*TEXT_SUFFIXES, *ARRAY_SUFFIXES, ".graphml", ".zip", *IMAGE_SUFFIXES, ".gii"))
        raise InputError(
            "is no kind of file that is known here", where=str(path), remedy=f"allowed: {allowed}; or leave it out"
        )


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _text(path: Path) -> Iterator[Raw]:
    if is_edge_list(path, read_cells(path)):
        yield from _edges(path)
    elif not holds_numbers(path):
        yield Raw(path, _stem(path), str(path), read_region_table(path))
    else:
        table = read_table(path)
        regions = columns_table(table)
        yield Raw(path, _stem(path), str(path), table if regions is None else regions)


def _edges(path: Path) -> Iterator[Raw]:
    """Weights and lengths of a list of connections."""
    edges = read_edge_list(path)
    labels = {} if edges.labels is None else {len(edges.labels): edges.labels}
    yield Raw(path, "weights", f"{path}: weights", edges.weights, labels, "weights", notices=edges.notices)
    if edges.lengths is not None:
        yield Raw(path, "lengths", f"{path}: lengths", edges.lengths, labels, "lengths")


def _arrays(path: Path) -> Iterator[Raw]:
    arrays = read_arrays(path)
    single = path.suffix.lower() == ".npy"
    sizes = {size for array in arrays.values() for size in array.shape if array.dtype.kind in "biuf"}
    of_regions = {name: array for name, array in arrays.items() if not set(words_of(name)) & PEOPLE_WORDS}
    found = {n: labels_in(of_regions, n, str(path))[0] for n in sizes if n > 1}
    labels = {n: names for n, names in found.items() if names is not None}
    for name, array in arrays.items():
        where = str(path) if single else f"{path}: {name}"
        if array.dtype.kind in "US" and array.size > 1:
            texts = tuple(str(text) for text in array.ravel())
            yield Raw(path, name.split("/")[-1], where, RegionTable(texts, where=where), variable=name)
        elif array.dtype.kind in "biuf" and array.size > 1:
            value = array.astype(np.float64)
            value = value.ravel() if value.ndim == 2 and 1 in value.shape else value
            yield Raw(path, name.split("/")[-1], where, value, labels, None if single else name, beside=arrays)
