"""`python -m dtbsim.files.hdf5_child SOURCE TARGET MOST_BYTES CPU_S`: the process that reads HDF5 for `dtbsim.files`.

SOURCE and TARGET are open file descriptors; see `dtbsim.files.child`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

from dtbsim.files.child import Refused, Room, serve
from dtbsim.files.limits import LONGEST_NAME, MOST_NAMED

DEEPEST = 2
"""Groups in groups: keys have at most one."""
TOO_LARGE = "store it without compression if it is what it says, weights of many regions as a sparse matrix"


def read(path: str, most: int) -> dict[str, Any]:
    """Return the arrays of an HDF5 file by key; raises Refused, and whatever h5py does."""
    import h5py

    with h5py.File(path, "r") as file:
        return _Reader(h5py, most).table(file)


class _Reader:
    def __init__(self, h5py: Any, most: int) -> None:
        self._h5py, self._most = h5py, most
        self._room = Room(most, TOO_LARGE)
        self._found = 0

    def table(self, file: Any) -> dict[str, Any]:
        return {key: self._array(item, key) for key, item in self._walk(file, "", 0)}

    def _walk(self, group: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
        """Yield key and dataset of everything in a group; what is linked from elsewhere is refused."""
        for name in group:
            key = f"{prefix}{name}"
            self._found += 1
            if self._found > MOST_NAMED or len(key) > LONGEST_NAME:
                raise Refused(f"holds more than {MOST_NAMED:,} arrays and groups, or endless names")
            link = group.get(name, getlink=True)
            if not isinstance(link, self._h5py.HardLink):
                where = "another file" if isinstance(link, self._h5py.ExternalLink) else "another place"
                raise Refused(f"{key} is a link to {where}", "store the array itself")
            item = group[name]
            if isinstance(item, self._h5py.Dataset):
                yield key, item
            elif not isinstance(item, self._h5py.Group):
                raise Refused(f"{key} is neither an array nor a group")
            elif depth + 1 >= DEEPEST:
                raise Refused(f"{key}: groups in groups are not read", "store keys as GROUP/NAME at most")
            else:
                yield from self._walk(item, f"{key}/", depth + 1)

    def _array(self, item: Any, key: str) -> Any:
        if item.is_virtual or item.external:
            raise Refused(f"{key} takes its values from other files", "store the array itself")
        if item.shape is None:
            raise Refused(f"{key} is empty")
        text = self._h5py.check_string_dtype(item.dtype) is not None
        if not text and item.dtype.kind not in "biuf":
            raise Refused(f"{key} holds {item.dtype}", "store numbers, or texts")
        items = math.prod(item.shape)
        self._room.take(items * max(item.dtype.itemsize, 1), key)
        return self._texts(item, items, key) if text else item[()]

    def _texts(self, item: Any, items: int, key: str) -> Any:
        import numpy as np

        if items > self._most // 64:
            raise Refused(f"{key} holds {items:,} texts")
        values = np.asarray(item.asstr()[()], dtype=object)
        longest = max((len(value) for value in values.ravel()), default=0)
        if values.ndim and longest > LONGEST_NAME:
            raise Refused(f"{key} holds a text of {longest:,} letters; names have at most {LONGEST_NAME:,}")
        self._room.take(4 * items * longest, key)
        return values.astype(str)


if __name__ == "__main__":
    sys.exit(serve(read, "HDF5", *map(int, sys.argv[1:])))
