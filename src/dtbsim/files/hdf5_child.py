"""`python -m dtbsim.files.hdf5_child SOURCE TARGET MOST_BYTES CPU_S`: the process that reads HDF5 for `dtbsim.files`.

SOURCE and TARGET are open file descriptors. Says on standard output, as JSON, why it does not do it (exit code 1).
"""

from __future__ import annotations

import json
import math
import resource
import sys
from collections.abc import Iterator
from typing import Any

from dtbsim.files.limits import LONGEST_NAME, MIB, MOST_NAMED, size_of

DEEPEST = 2
"""Groups in groups: keys have at most one."""
_TOO_LARGE = "store it without compression if it is what it says, weights of many regions as a sparse matrix"
_BASE_MEMORY = 1200 * MIB


class Refused(Exception):  # noqa: N818 - what is told to the other process
    """Something that is not read: what, and what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def main(source: int, target: int, most: int, cpu_s: int) -> int:
    """Read, write, and return the exit code."""
    _bound(most, cpu_s)
    try:
        import h5py
        import numpy as np
    except ImportError as error:
        return _tell({"missing": f"h5py cannot be imported: {error}"})
    try:
        with h5py.File(f"/proc/self/fd/{source}", "r") as file:
            table = _Reader(h5py, most).table(file)
        np.savez(open(target, "wb", closefd=False), **table)  # noqa: SIM115 - a descriptor
    except Refused as error:
        return _tell({"message": str(error), "remedy": error.remedy})
    except MemoryError:
        return _tell({"message": "takes more memory than its arrays may have"})
    except Exception as error:  # noqa: BLE001 - h5py raises whatever comes to mind; it is the file's fault
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return _tell({"message": f"cannot be read as HDF5: {reason}"})
    return 0


def _tell(what: dict[str, str]) -> int:
    sys.stdout.write(json.dumps(what) + "\n")
    return 1


def _bound(most: int, cpu_s: int) -> None:
    memory = _BASE_MEMORY + 2 * most
    for which, limit in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 2 * most + MIB),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (limit, hard if which == resource.RLIMIT_CPU else limit))


class _Reader:
    def __init__(self, h5py: Any, most: int) -> None:
        self._h5py, self._left, self._most = h5py, most, most
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
        self._take(items * max(item.dtype.itemsize, 1), key)
        return self._texts(item, items, key) if text else item[()]

    def _take(self, n_bytes: int, key: str) -> None:
        self._left -= n_bytes
        if self._left < 0:
            at_most = size_of(self._most)
            raise Refused(
                f"{key} has {size_of(n_bytes)}; at most {at_most} are read of a file of this size", _TOO_LARGE
            )

    def _texts(self, item: Any, items: int, key: str) -> Any:
        import numpy as np

        if items > self._most // 64:
            raise Refused(f"{key} holds {items:,} texts")
        values = np.asarray(item.asstr()[()], dtype=object)
        longest = max((len(value) for value in values.ravel()), default=0)
        if values.ndim and longest > LONGEST_NAME:
            raise Refused(f"{key} holds a text of {longest:,} letters; names have at most {LONGEST_NAME:,}")
        self._take(4 * items * longest, key)
        return values.astype(str)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
