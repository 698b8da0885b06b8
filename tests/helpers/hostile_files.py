"""Files made to keep a reader busy, to fill its memory, or to make it read something else."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtbsim.errors import InputError


def npy_bytes(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """An .npy whose header is any text."""
    text = header.encode("latin1")
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def described(descr: str, shape: object, fortran: bool = False) -> str:
    return f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def npz_bytes(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of any members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_bomb(name: str, n_bytes: int) -> bytes:
    """An archive with one member of so many zeros; made without ever having them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block, crc, packed = bytes(1 << 20), 0, b""
    for _ in range(n_bytes >> 20):
        crc = zlib.crc32(block, crc)
        packed += packer.compress(block)
    packed += packer.flush()
    named = name.encode()
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(packed), n_bytes, len(named), 0)
    local = b"PK\3\4" + common + named + packed
    entry = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + named
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


def endless_hdf5(path: Path) -> None:
    """A file whose heap of texts has an object of no size: the HDF5 library goes around it for ever."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("names", data=np.array(["abc", "def"], object), dtype=h5py.string_dtype())
    raw = bytearray(path.read_bytes())
    heap = raw.find(b"GCOL") + 16
    assert struct.unpack_from("<HHIQ", raw, heap)[3] == 3, "the first text has three letters"
    struct.pack_into("<Q", raw, heap + 8, 0)
    path.write_bytes(raw)


def hdf5_with(path: Path, make: Any) -> Path:
    """A file that `make(file, h5py)` fills."""
    import h5py

    with h5py.File(path, "w") as file:
        make(file, h5py)
    return path


def refused(read: Any, path: Path) -> str:
    """The one line, without the path, with which `read` refuses a file."""
    with pytest.raises(InputError) as caught:
        read(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}")
    assert len(text) < 1000
    return text.removeprefix(f"{path}: ")


def peak_of(code: str, *arguments: object) -> tuple[str, float]:
    """What a fresh interpreter says, and the memory it had at its peak (MB) beyond that of its imports."""
    code = (
        "import sys\nfrom pathlib import Path\nimport dtbsim\nfrom dtbsim.files import *\n"
        "import numpy\nfrom dtbsim.simulate.stages import peak_rss_bytes\n"
        "memory = lambda: peak_rss_bytes() / 2**20\nbefore = memory()\n"
        f"try:\n    {code}\nexcept dtbsim.InputError as error:\n    print(error)\n"
        "print(memory() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    said, used = done.stdout.rsplit("\n", 2)[:2]
    return said, float(used)
