"""One file of a checkpoint: named arrays of one rank, with a checksum each.

8 bytes     the letters "dtbsimCP"
8 bytes     length of the header, little-endian
4 bytes     CRC-32 of the header, 4 bytes of zeros
header      JSON: `about` (plain values), `arrays` (name, dtype, shape, offset, bytes, crc32), `bytes` of the file
arrays      little-endian, each at a multiple of 64 bytes; between them zeros
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dtbsim.checksum import DamagedError
from dtbsim.errors import InputError
from dtbsim.files import open_regular
from dtbsim.store.files import damaged, storage_errors

Arrays = Mapping[str, NDArray[Any]]
MAGIC = b"dtbsimCP"
ALIGNED = 64
PIECE = 1 << 24
"""Bytes that are looked at in one go where arrays are not kept."""
_HEAD = struct.Struct("<8sQI4x")


def write_file(path: Path, about: Mapping[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Write a new file and wait until it is on the disk; returns its size in bytes and the CRC-32 of its header.

    Raises StorageError.
    """
    plain = {name: _little(array) for name, array in arrays.items()}
    header, rows = _header(about, plain)
    with storage_errors(path), path.open("xb") as file:
        file.write(_HEAD.pack(MAGIC, len(header), zlib.crc32(header)))
        file.write(header)
        for array, row in zip(plain.values(), rows, strict=True):
            file.write(bytes(row["offset"] - file.tell()))
            file.write(_bytes(array))
        size = file.tell()
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": size, "crc32": zlib.crc32(header)}


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)


def _bytes(array: NDArray[Any]) -> memoryview:
    """The bytes of a contiguous array."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


def _header(about: Mapping[str, Any], arrays: Arrays) -> tuple[bytes, list[dict[str, Any]]]:
    """The header, whose length depends on the offsets in it: they are counted from its end, rounded up."""
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "offset": 0,
            "bytes": array.nbytes,
            "crc32": zlib.crc32(_bytes(array)),
        }
        for name, array in arrays.items()
    ]
    room = 0
    while True:
        place = end = _HEAD.size + room
        for row in rows:
            row["offset"] = place = -(-place // ALIGNED) * ALIGNED
            place = end = place + row["bytes"]
        header = json.dumps({"about": dict(about), "arrays": rows, "bytes": end}, separators=(",", ":")).encode()
        if len(header) <= room:
            return header.ljust(room), rows
        room = len(header) + 64


def read_file(
    path: Path, expected: Mapping[str, Any], wanted: Callable[[Header], Collection[str]] | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what is said of a file and its arrays. `expected` is what `write_file` returned.

    Where `wanted` chooses names of arrays by the header, nothing else is read. Raises InputError, naming the file and
    the piece of it, where it is missing or not as it was written.
    """
    with _opened(path) as file:
        header = _read_header(file, expected)
        names = [row["name"] for row in header.arrays] if wanted is None else wanted(header)
        found = {}
        for row in header.arrays:
            if row["name"] in names:
                data = b"".join(_pieces(file, row, row["bytes"]))
                array = np.frombuffer(data, row["dtype"], math.prod(row["shape"])).reshape(row["shape"])
                found[row["name"]] = array.astype(array.dtype.newbyteorder("="))
        return header.about, found


def check_file(path: Path, expected: Mapping[str, Any], *, values: bool = True) -> None:
    """Raise InputError as `read_file`; without `values` only size and header are looked at. Little memory is needed."""
    with _opened(path) as file:
        header = _read_header(file, expected)
        end = header.bytes
        for row in header.arrays if values else ():
            file.seek(end)
            if any(file.read(row["offset"] - end)):
                raise DamagedError(f"the gap before {row['name']} does not match its checksum")
            for _ in _pieces(file, row, PIECE):
                pass
            end = row["offset"] + row["bytes"]


@dataclass(frozen=True)
class Header:
    """What is said of a file, of its arrays (`name`, `offset`, `bytes`, ...), and where the arrays begin."""

    about: dict[str, Any]
    arrays: list[dict[str, Any]]
    bytes: int


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file of a checkpoint; what is wrong with it becomes an InputError."""
    try:
        with open_regular(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError("a file of the checkpoint is missing", where=str(path)) from None
    except DamagedError as error:
        raise InputError(f"damaged: {error}", where=str(path)) from error
    except OSError as error:
        raise damaged(path, error) from error


def _read_header(file: BinaryIO, expected: Mapping[str, Any]) -> Header:
    size = os.fstat(file.fileno()).st_size
    if size != expected["bytes"]:
        raise DamagedError(f"{size} bytes of {expected['bytes']}")
    head = file.read(_HEAD.size)
    magic, length, crc = _HEAD.unpack(head)
    header = file.read(min(length, size))
    if magic != MAGIC or zlib.crc32(header) != crc or crc != expected["crc32"] or any(head[20:24]):
        raise DamagedError("the header does not match its checksum")
    found = json.loads(header)
    return Header(found["about"], found["arrays"], _HEAD.size + length)


def _pieces(file: BinaryIO, row: Mapping[str, Any], size: int) -> Iterator[bytes]:
    """The bytes of an array, piece by piece; DamagedError at their end where they do not match their checksum."""
    file.seek(row["offset"])
    left, crc = row["bytes"], 0
    while left > 0:
        piece = file.read(min(left, size))
        if not piece:
            break
        left, crc = left - len(piece), zlib.crc32(piece, crc)
        yield piece
    if left or crc != row["crc32"]:
        raise DamagedError(f"{row['name']} does not match its checksum")
