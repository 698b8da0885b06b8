"""Tables of regions: labels, hemispheres, centroids, values and texts, in the forms that people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.data.table import Table, read_cells
from dtbsim.errors import InputError

F64 = NDArray[np.float64]

_NAMES = ("name", "label", "region", "region_name", "roi", "roi_name", "labels", "names", "regions", "abbreviation",
          "abbrev", "area", "parcel", "acronym", "full_name")  # fmt: skip
_INDEX = ("index", "id", "number", "no", "value", "label_id", "node", "")
_SIDES = ("hemisphere", "hemi", "side", "hemispheres")
_CORTEX = ("is_cortex", "cortical", "cortex")
_AXES = {"x": ("x", "x_mm", "mni_x", "x_mni", "cx", "r", "xcoord", "x.mni"),
         "y": ("y", "y_mm", "mni_y", "y_mni", "cy", "a", "ycoord", "y.mni"),
         "z": ("z", "z_mm", "mni_z", "z_mni", "cz", "s", "zcoord", "z.mni")}  # fmt: skip
_LEFT = ("l", "lh", "left", "0")
_RIGHT = ("r", "rh", "right", "1")


@dataclass(frozen=True)
class RegionTable:
    """What a file says about regions, one by one; None where it says nothing."""

    names: tuple[str, ...] | None
    xyz_mm: F64 | None = None
    hemisphere: tuple[str, ...] | None = None
    is_cortex: NDArray[np.bool_] | None = None
    maps: dict[str, F64] = field(default_factory=dict)
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    where: str = ""

    @property
    def n(self) -> int:
        """Number of regions."""
        columns = (self.names, self.xyz_mm, self.hemisphere, self.is_cortex, *self.maps.values(), *self.texts.values())
        return next((len(column) for column in columns if column is not None), 0)

    @property
    def says(self) -> str:
        """What it holds, in words."""
        parts = [
            ("labels", self.names), ("centroids", self.xyz_mm), ("hemispheres", self.hemisphere),
            ("which regions are cortex", self.is_cortex),
        ]  # fmt: skip
        words = [word for word, column in parts if column is not None]
        return ", ".join([*words, *(f"map {name}" for name in self.maps), *(f"texts {name}" for name in self.texts)])


def columns_table(table: Table) -> RegionTable | None:
    """Return a table of numbers as one of regions where its first line names three coordinates, else None."""
    if table.columns is None:
        return None
    lowered = [name.lower().strip() for name in table.columns]
    axes = [_axis(lowered, axis) for axis in "xyz"]
    if any(axis is None for axis in axes) or len(set(axes)) < 3:
        return None
    columns = {name: table.values[:, k] for k, name in enumerate(table.columns)}
    xyz = np.column_stack([columns.pop(table.columns[k]) for k in axes if k is not None])
    return _finished(table.rows, xyz, None, {name: v for name, v in columns.items() if name.lower() not in _INDEX},
                     {}, str(table.path))  # fmt: skip


def _axis(lowered: Sequence[str], axis: str) -> int | None:
    return next((lowered.index(name) for name in _AXES[axis] if name in lowered), None)


def read_region_table(path: Path) -> RegionTable:
    """Return a list of labels, or a table with texts: names, hemispheres, coordinates, values.

    A first line names the columns where it has a word such as `name`, `label` or `x`; without one, the first column of
    texts has the labels, a column of L and R the hemispheres, three columns of numbers the centroids.

    Raises:
        InputError: no labels in it, lines of different length, a coordinate that is no number.
    """
    rows = read_cells(path)
    width = len(rows[0][1])
    if len(rows) == 1 and width > 1:  # all labels in one line
        return RegionTable(tuple(rows[0][1]), where=str(path))
    for line, cells in rows:
        if len(cells) != width:
            raise InputError(
                f"{len(cells)} cells where the first line has {width}",
                where=f"{path}:{line}",
                remedy="every line needs the same number of cells and the same separator",
            )
    first = [cell.lower().strip() for cell in rows[0][1]]
    known = {*_NAMES, *_SIDES, *_CORTEX, *(name for names in _AXES.values() for name in names)}
    headed = any(cell in known for cell in first) and not (width > 1 and _is_number(first[-1]))
    header = first if headed else _guessed([cells for _, cells in rows], width)
    given = rows[0][1] if headed else header
    body = rows[1:] if headed else rows
    if not body:
        raise InputError("has names of columns but no regions", where=f"{path}:1")
    columns = {name: [cells[k] for _, cells in body] for k, name in enumerate(header)}
    shown = dict(zip(header, given, strict=True))
    return _from_columns(columns, shown, [line for line, _ in body], path)


def _guessed(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Names of columns where the file has none."""
    header = []
    numbers = 0
    for k in range(width):
        column = [row[k] for row in rows]
        if all(_is_number(cell) for cell in column):
            header.append(f"column_{k + 1}")
            numbers += 1
        elif {cell.lower() for cell in column} <= {*_LEFT, *_RIGHT} and len(rows) > 1:
            header.append("hemisphere" if "hemisphere" not in header else f"column_{k + 1}")
        else:
            header.append("name" if "name" not in header else f"column_{k + 1}")
    numeric = [k for k, name in enumerate(header) if name.startswith("column_") and _is_number(rows[0][k])]
    for axis, k in zip("xyz", numeric[-3:] if len(numeric) in (3, 4) else [], strict=False):
        header[k] = axis
    return header


def _from_columns(columns: dict[str, list[str]], shown: dict[str, str], lines: list[int], path: Path) -> RegionTable:
    name = next((key for key in _NAMES if key in columns), None)
    names = None if name is None else tuple(columns.pop(name))
    side = next((key for key in _SIDES if key in columns), None)
    hemisphere = None if side is None else _sides(columns.pop(side), lines, path)
    axes = [_axis(list(columns), axis) for axis in "xyz"]
    xyz = None
    if all(axis is not None for axis in axes):
        keys = [list(columns)[k] for k in axes if k is not None]
        xyz = np.column_stack([_numbers(columns.pop(key), key, lines, path) for key in keys])
    maps, texts = {}, {}
    for key, cells in columns.items():
        if key in _INDEX or key.startswith("column_"):
            continue
        if all(_is_number(cell) for cell in cells):
            maps[shown[key]] = _numbers(cells, key, lines, path)
        else:
            texts[shown[key]] = tuple(cells)
    if names is None and xyz is None:
        raise InputError(
            f"has no column of labels or coordinates (it has {', '.join(shown.values())})",
            where=str(path),
            remedy="name the columns in the first line: name, x, y, z, hemisphere",
        )
    return _finished(names, xyz, hemisphere, maps, texts, str(path))


def _finished(
    names: tuple[str, ...] | None, xyz: F64 | None, hemisphere: tuple[str, ...] | None, maps: dict[str, F64],
    texts: dict[str, tuple[str, ...]], where: str,
) -> RegionTable:  # fmt: skip
    cortex = next((key for key in maps if key.lower() in _CORTEX), None)
    is_cortex = None if cortex is None else maps.pop(cortex) != 0
    return RegionTable(names, xyz, hemisphere, is_cortex, maps, texts, where)


def _sides(cells: list[str], lines: list[int], path: Path) -> tuple[str, ...]:
    found = []
    for cell, line in zip(cells, lines, strict=True):
        lowered = cell.lower()
        if lowered not in (*_LEFT, *_RIGHT, "", "m", "mid", "midline", "n/a", "b", "both"):
            raise InputError(f"hemisphere is {cell!r}", where=f"{path}:{line}", remedy="allowed: L, R or empty")
        found.append("L" if lowered in _LEFT else "R" if lowered in _RIGHT else "")
    return tuple(found)


def _numbers(cells: list[str], key: str, lines: list[int], path: Path) -> F64:
    for cell, line in zip(cells, lines, strict=True):
        if not _is_number(cell):
            raise InputError(f"{key} is {cell!r}; needed a number", where=f"{path}:{line}")
    return np.array([float(cell) for cell in cells])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
