"""One file of a checkpoint: named arrays of one rank, with a checksum each.

8 bytes     the letters "dtbsimCP"
8 bytes     length of the header, little-endian
4 bytes     CRC-32 of the header, 4 bytes of zeros
header      JSON: `about` (plain values), `arrays` (name, dtype, shape, offset, bytes, crc32), `bytes` of the file
arrays      little-endian, each at a multiple of 64 bytes; between them zeros
"""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.checksum import DamagedError
from dtbsim.errors import InputError
from dtbsim.files import open_regular
from dtbsim.store.files import damaged, storage_errors

Arrays = Mapping[str, NDArray[Any]]
MAGIC = b"dtbsimCP"
ALIGNED = 64
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


def read_file(path: Path, expected: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what is said of a file and its arrays. `expected` is what `write_file` returned.

    Raises InputError, naming the file and the piece of it, where it is missing or not as it was written.
    """
    try:
        with open_regular(path) as file:
            data = file.read()
    except FileNotFoundError:
        raise InputError("a file of the checkpoint is missing", where=str(path)) from None
    except OSError as error:
        raise damaged(path, error) from error
    try:
        return _parsed(data, expected)
    except DamagedError as error:
        raise InputError(f"damaged: {error}", where=str(path)) from error


def _parsed(data: bytes, expected: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if len(data) != expected["bytes"]:
        raise DamagedError(f"{len(data)} bytes of {expected['bytes']}")
    magic, length, crc = _HEAD.unpack_from(data)
    header = data[_HEAD.size : _HEAD.size + length]
    if magic != MAGIC or zlib.crc32(header) != crc or crc != expected["crc32"] or any(data[20:24]):
        raise DamagedError("the header does not match its checksum")
    found = json.loads(header)
    arrays, end = {}, _HEAD.size + length
    for row in found["arrays"]:
        first = row["offset"]
        piece = memoryview(data)[first : first + row["bytes"]]
        if any(data[end:first]) or zlib.crc32(piece) != row["crc32"]:
            raise DamagedError(f"{row['name']} does not match its checksum")
        array = np.frombuffer(piece, row["dtype"], math.prod(row["shape"])).reshape(row["shape"])
        arrays[row["name"]] = array.astype(array.dtype.newbyteorder("="))
        end = first + row["bytes"]
    return found["about"], arrays
