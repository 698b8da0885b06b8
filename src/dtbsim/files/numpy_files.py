"""Arrays of numbers and texts from .npz and .npy: what their headers declare is checked before anything is read.

numpy allocates what the header of an array says, whatever the file holds; the headers of a zip archive say how large
its members become. Both are compared with one another and with what the file itself has.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.errors import InputError
from dtbsim.files.limits import MOST_NAMED, most_array_bytes, size_of
from dtbsim.files.regular import open_regular, size_of_file

Table = dict[str, NDArray[Any]]

_DAMAGED = "damaged or truncated: copy or export it again"
READ_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,  # flags of the archive that zipfile does not know
    RuntimeError,  # encrypted
    TypeError,
    KeyError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
_SUFFIX = ".npy"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END, _END64_LOCATOR, _END64 = b"PK\5\6", b"PK\6\7", b"PK\6\6"
_LONGEST_ENTRY = 46 + 3 * 1000
_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    r"\{ *'descr': *'(?P<descr>[<>|=]?[A-Za-z?]\d{0,12}(?:\[\w{1,9}\])?)', *"
    r"'fortran_order': *(?P<fortran>True|False), *"
    r"'shape': *\((?P<shape>(?: *\d{1,20}L? *,?){0,32}) *\) *,? *\} *\n?"
)
_CHUNK = 1 << 20
_MOST_LISTED = 8


def read_npz(path: Path, wanted: Collection[str] | None = None) -> Table:
    """Return the arrays of an .npz archive by key (only the `wanted` ones, all of which must be there), writable.

    Raises:
        InputError: not an archive, without a wanted array, damaged, larger than allowed, or with other things than
            numbers and texts.
        OSError: it cannot be opened.
    """
    with open_regular(path) as file:
        try:
            return _read_archive(file, path, wanted)
        except InputError:
            raise
        except READ_ERRORS as error:
            raise InputError(f"cannot be read: {reason_of(error)}", where=str(path), remedy=_DAMAGED) from error


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array of an .npy file, writable; raises as `read_npz`."""
    with open_regular(path) as file:
        size = size_of_file(file)
        try:
            return _read_array(file, size, most_array_bytes(size), "the array", path)
        except InputError:
            raise
        except READ_ERRORS as error:
            remedy = "save it with numpy.save as a matrix of numbers"
            raise InputError(f"cannot be read: {reason_of(error)}", where=str(path), remedy=remedy) from error


def reason_of(error: Exception) -> str:
    """Return the first line of an error."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _read_archive(file: io.BufferedReader, path: Path, wanted: Collection[str] | None) -> Table:
    size = size_of_file(file)
    check_directory(file, size, path)
    with zipfile.ZipFile(file) as archive:
        members = checked_members(archive, size, path, wanted)
        table: Table = {}
        for key, member in members.items():
            if wanted is None or key in wanted:
                with archive.open(member) as stream:
                    table[key] = _read_array(stream, member.file_size, most_array_bytes(size), key, path)
    return table


def checked_members(
    archive: zipfile.ZipFile, size: int, path: Path, wanted: Collection[str] | None = None
) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays of an archive of `size` bytes by key; InputError for what is not read, or not there."""
    members = archive.infolist()
    keys = [member.filename.removesuffix(_SUFFIX) for member in members]
    twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    if twice:
        raise InputError(f"{sorted(twice)[0]!r} is there twice", where=str(path), remedy=_DAMAGED)
    if wanted is not None and not set(wanted) <= set(keys):
        found = [show(key) for key in keys[:_MOST_LISTED]] + ["..."] * (len(keys) > _MOST_LISTED)
        raise InputError(f"its arrays are {', '.join(found) or 'none'}", where=str(path))
    declared, most = sum(member.file_size for member in members), most_array_bytes(size)
    if declared > most:
        raise InputError(
            f"says that it unpacks to {size_of(declared)} from {size_of(size)}; at most {size_of(most)} are read",
            where=str(path),
            remedy="save it without compression if it is what it says",
        )
    if any(member.compress_type not in _METHODS for member in members):
        raise InputError("is compressed in a way that numpy does not use", where=str(path), remedy=_DAMAGED)
    return dict(zip(keys, members, strict=True))


def check_directory(file: io.BufferedReader, size: int, path: Path, kind: str = "an .npz") -> None:
    """Refuse what is no archive, and one whose list of members alone would fill the memory."""
    tail_size = min(size, 65_557 + 20)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        raise InputError(f"is not {kind} archive", where=str(path), remedy=_DAMAGED)
    directory = struct.unpack_from("<I", tail, end + 12)[0]
    locator = end - 20
    if locator >= 0 and tail[locator : locator + 4] == _END64_LOCATOR:
        (at,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(at, size))
        record = file.read(56)
        if len(record) == 56 and record[:4] == _END64:
            directory = max(directory if directory < 2**32 - 1 else 0, struct.unpack_from("<Q", record, 40)[0])
    if directory > MOST_NAMED * _LONGEST_ENTRY:
        raise InputError(
            f"lists more than {MOST_NAMED:,} members ({size_of(directory)} of names)", where=str(path), remedy=_DAMAGED
        )
    file.seek(0)


def _read_array(stream: Any, size: int, most: int, key: str, path: Path) -> NDArray[Any]:
    """Read one array of a stream of `size` bytes."""
    shape, fortran, dtype = read_header(stream, size, key, path)
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes > most:
        raise InputError(f"{key} has {size_of(n_bytes)}; at most {size_of(most)} are read", where=str(path))
    data = _read_exactly(stream, n_bytes)
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    _check_items(array, key, path)
    return array


def read_header(stream: Any, size: int, key: str, path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array in a stream of `size` bytes: shape, whether in order of columns, dtype.

    Raises InputError for what is no array of numbers or texts, or is not as long as the header says.
    """
    shape, fortran, dtype = _header(stream, key, path)
    if dtype.hasobject:
        raise InputError(
            f"{key} holds Python objects", where=str(path), remedy="save names as np.array(names, dtype=str)"
        )
    if dtype.kind not in "biufcSUmM" or dtype.itemsize == 0:
        raise InputError(f"{key} holds {dtype}", where=str(path), remedy="save numbers, or texts")
    n_bytes, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if n_bytes != there:
        raise InputError(
            f"{key} is said to have {size_of(n_bytes)} and has {size_of(there)}", where=str(path), remedy=_DAMAGED
        )
    return shape, fortran, dtype


def _header(stream: Any, key: str, path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array: what numpy writes, and nothing that it would have to evaluate."""
    magic = stream.read(8)
    sizes = {b"\x93NUMPY\1\0": "<H", b"\x93NUMPY\2\0": "<I", b"\x93NUMPY\3\0": "<I"}
    if magic not in sizes:
        raise ValueError(f"{key} is no array as numpy.save writes it")
    packed = stream.read(struct.calcsize(sizes[magic]))
    (length,) = struct.unpack(sizes[magic], packed)
    if length > _LONGEST_HEADER:
        raise ValueError(f"the header of {key} has {length} bytes")
    text = stream.read(length).decode("latin1")
    if re.match(r"\{ *'descr': *\[", text):
        raise InputError(f"{key} holds records", where=str(path), remedy="save numbers, or texts")
    found = _HEADER.fullmatch(text)
    if found is None:
        raise ValueError(f"the header of {key} is not understood")
    shape = tuple(int(extent) for extent in re.findall(r"\d+", found["shape"]))
    return shape, found["fortran"] == "True", np.dtype(found["descr"])


def _read_exactly(stream: Any, n_bytes: int) -> bytearray:
    data = bytearray(n_bytes)
    view = memoryview(data)
    at = 0
    while at < n_bytes:
        got = stream.read(min(_CHUNK, n_bytes - at))
        if not got:
            raise EOFError("it ends too early")
        view[at : at + len(got)] = got
        at += len(got)
    if stream.read(1):  # to its end, where the checksum of an archive's member is compared
        raise ValueError("it goes on after its end")
    return data


def _check_items(array: NDArray[Any], key: str, path: Path) -> None:
    """Refuse bytes that are no value of their type: numpy computes with them, or fails later."""
    if not array.size:
        return
    bad = False
    if array.dtype.kind == "b":
        bad = bool((array.view(np.uint8) > 1).any())
    elif array.dtype.kind == "U":
        points = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        bad = bool((points > 0x10FFFF).any() or ((points >= 0xD800) & (points < 0xE000)).any())
    if bad:
        kind = "truth value" if array.dtype.kind == "b" else "character"
        raise InputError(f"{key} holds something that is no {kind}", where=str(path), remedy=_DAMAGED)
