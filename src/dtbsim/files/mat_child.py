"""`python -m dtbsim.files.mat_child SOURCE TARGET MOST_BYTES CPU_S`: reads .mat files for `dtbsim.files`.

Versions 4 to 7 by scipy, 7.3 (which is HDF5) by h5py, both with the same result: arrays as MATLAB shows them. SOURCE
and TARGET are open file descriptors; see `dtbsim.files.child`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

from dtbsim.files.child import Refused, Room, serve
from dtbsim.files.limits import LONGEST_NAME, MOST_NAMED

DEEPEST = 3
"""Structs in structs."""
_TOO_LARGE = "save the variable that is needed alone (MATLAB: save('FILE.mat', 'NAME'))"
_HDF5 = b"\x89HDF\r\n\x1a\n"

_BYTES = {"logical": 1, "char": 2, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "single": 4,
          "sparse": 0}  # fmt: skip
"""Of an item of each class of MATLAB, where that is not 8."""

Table = dict[str, Any]
Found = tuple[str, Any]


def read(path: str, most: int) -> Table:
    """Return the arrays of a .mat file by name; raises Refused, and whatever scipy and h5py do."""
    with open(path, "rb") as file:  # noqa: PTH123 - a descriptor
        head = file.read(512 + len(_HDF5))
    room = Room(most, _TOO_LARGE)
    if _HDF5 in (head[: len(_HDF5)], head[512:]):
        import h5py

        with h5py.File(path, "r") as file:
            pairs = _Version73(h5py, file, room).pairs()
            return _named(pairs)
    if not head:
        raise Refused("the file is empty")
    if not any(head[:4]) or not head[:116].strip():
        raise Refused("is no MATLAB file")
    from scipy.io import loadmat, whosmat

    for name, shape, kind in whosmat(path):
        room.take(math.prod(shape) * _BYTES.get(kind, 8), name)
    room = Room(most, _TOO_LARGE)
    content = loadmat(path, squeeze_me=False, struct_as_record=True, chars_as_strings=True)
    return _named(
        pair for name, value in content.items() if not name.startswith("__") for pair in _v5(name, value, room)
    )


def _named(pairs: Iterator[Found]) -> Table:
    table: Table = {}
    for name, value in pairs:
        if len(table) >= MOST_NAMED or len(name) > LONGEST_NAME:
            raise Refused(f"holds more than {MOST_NAMED:,} variables, or endless names")
        table[name] = value
    return table


def _v5(name: str, value: Any, room: Room, depth: int = 0) -> Iterator[Found]:
    """Yield name and array of a variable as scipy returns it, and of what is in a struct or cell array."""
    import numpy as np
    from scipy import sparse

    if sparse.issparse(value):
        room.take(8 * math.prod(value.shape), name)
        yield name, value.toarray()
    elif not isinstance(value, np.ndarray):
        return
    elif value.dtype.names:
        if value.size == 1 and depth < DEEPEST:
            for field in value.dtype.names:
                yield from _v5(f"{name}/{field}", value[field].flat[0], room, depth + 1)
    elif value.dtype == object:
        yield from _v5_cells(name, list(value.ravel(order="F")), room, depth)
    elif value.dtype.kind == "U":
        yield name, np.char.rstrip(value) if value.ndim else value
    elif value.dtype.kind in "biuf" and value.size:
        room.take(value.nbytes, name)
        yield name, value.astype(np.uint8) if value.dtype.kind == "b" else value


def _v5_cells(name: str, cells: list[Any], room: Room, depth: int) -> Iterator[Found]:
    import numpy as np

    texts = [_text(cell) for cell in cells]
    if cells and all(text is not None for text in texts):
        yield name, np.array(texts, dtype=str)
    elif depth < DEEPEST:
        for index, cell in enumerate(cells, start=1):
            yield from _v5(f"{name}{{{index}}}", cell, room, depth + 1)


def _text(cell: Any) -> str | None:
    """The text of a cell of a cell array, of which MATLAB may have wrapped one in another."""
    import numpy as np

    while isinstance(cell, np.ndarray) and cell.dtype == object and cell.size == 1:
        cell = cell.flat[0]
    if isinstance(cell, np.ndarray) and cell.dtype.kind == "U" and cell.size <= 1:
        return str(cell.flat[0]).strip()[:LONGEST_NAME] if cell.size else ""
    return None


class _Version73:
    """MATLAB 7.3: axes are the other way round, texts are uint16, cells are references within the file."""

    def __init__(self, h5py: Any, file: Any, room: Room) -> None:
        self._h5py, self._file, self._room = h5py, file, room

    def pairs(self) -> Iterator[Found]:
        """Yield name and array of every variable."""
        for name in self._file:
            if not name.startswith("#"):
                yield from self._item(name, self._linked(self._file, name), 0)

    def _linked(self, group: Any, name: str) -> Any:
        if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
            raise Refused(f"{name} is a link to another place", "save the variable itself")
        return group[name]

    def _item(self, name: str, item: Any, depth: int) -> Iterator[Found]:
        kind = self._class(item)
        if isinstance(item, self._h5py.Group):
            if "MATLAB_sparse" in item.attrs:
                yield name, self._sparse(name, item)
            elif depth < DEEPEST:
                for field in item:
                    yield from self._item(f"{name}/{field}", self._linked(item, field), depth + 1)
        elif isinstance(item, self._h5py.Dataset) and "MATLAB_empty" not in item.attrs and item.shape is not None:
            if self._h5py.check_ref_dtype(item.dtype) is not None:
                yield from self._cells(name, item, depth)
            elif kind == "char":
                yield name, self._characters(name, item)
            elif item.dtype.kind in "biuf":
                yield name, self._values(name, item).T

    def _class(self, item: Any) -> str:
        kind = item.attrs.get("MATLAB_class", b"")
        return kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)

    def _values(self, name: str, item: Any) -> Any:
        if item.is_virtual or item.external:
            raise Refused(f"{name} takes its values from other files", "save the variable itself")
        self._room.take(math.prod(item.shape) * item.dtype.itemsize, name)
        return item[()]

    def _characters(self, name: str, item: Any) -> Any:
        """A char array has a text in each row: stored by columns, as all of MATLAB."""
        import numpy as np

        codes = np.atleast_2d(self._values(name, item)).T
        texts = ["".join(map(chr, row)).strip()[:LONGEST_NAME] for row in codes.reshape(codes.shape[0], -1)]
        return np.array(texts, dtype=str)

    def _cells(self, name: str, item: Any, depth: int) -> Iterator[Found]:
        import numpy as np

        references = self._values(name, item).T.ravel(order="F")
        if references.size > MOST_NAMED:
            raise Refused(f"{name} is a cell array of {references.size:,}; at most {MOST_NAMED:,} are read")
        cells = [self._file[reference] for reference in references if reference]
        if cells and all(self._class(cell) == "char" for cell in cells):
            texts = [self._characters(name, cell) if "MATLAB_empty" not in cell.attrs else [""] for cell in cells]
            yield name, np.array([text[0] for text in texts], dtype=str)
        elif depth < DEEPEST:
            for index, cell in enumerate(cells, start=1):
                yield from self._item(f"{name}{{{index}}}", cell, depth + 1)

    def _sparse(self, name: str, group: Any) -> Any:
        import numpy as np
        from scipy.sparse import csc_array

        parts = [self._values(f"{name}/{key}", group[key]) for key in ("data", "ir", "jc") if key in group]
        n_rows = int(group.attrs["MATLAB_sparse"])
        if len(parts) != 3:
            return np.zeros((n_rows, 0))
        matrix = csc_array(tuple(parts), shape=(n_rows, len(parts[2]) - 1))
        matrix.check_format(full_check=True)
        self._room.take(8 * math.prod(matrix.shape), name)
        return matrix.toarray()


if __name__ == "__main__":
    sys.exit(serve(read, "MATLAB", *map(int, sys.argv[1:])))
