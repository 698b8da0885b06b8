"""Is a file of a sharded array whole? Every chunk in it against its CRC-32C, also those that hold no published row.

A shard (Zarr v3, `sharding_indexed`, index at the end) is its chunks one after the other, then for each of them offset
and length in bytes as uint64, and a CRC-32C of these. Chunks end with a CRC-32C of their own.
"""

from __future__ import annotations

from pathlib import Path

import google_crc32c
import numpy as np

from dtbsim.checksum import DamagedError
from dtbsim.files import open_regular
from dtbsim.store.files import damaged

_CRC_BYTES = 4
_ABSENT = 2**64 - 1
"""Offset and length of a chunk that holds nothing but the fill value, and was not written."""


def check_shard(file: Path, n_chunks: int) -> None:
    """Raise InputError, naming the file, where a shard of so many chunks is not as it was written."""
    try:
        with open_regular(file) as opened:
            data = opened.read()
        _check(data, n_chunks)
    except (OSError, DamagedError) as error:
        raise damaged(file, error) from error


def _check(data: bytes, n_chunks: int) -> None:
    index_bytes = 16 * n_chunks + _CRC_BYTES
    if len(data) < index_bytes:
        raise DamagedError(f"{len(data)} bytes are too few")
    index = data[len(data) - index_bytes :]
    if not _matches(index):
        raise DamagedError("the index of its chunks does not match its checksum")
    end = 0
    for offset, length in sorted(np.frombuffer(index[:-_CRC_BYTES], "<u8").reshape(-1, 2).tolist()):
        if offset == length == _ABSENT:
            continue
        chunk = data[offset : offset + length]
        if offset != end or len(chunk) != length or not _matches(chunk):
            raise DamagedError(f"the chunk at byte {offset} does not match its checksum")
        end = offset + length
    if end != len(data) - index_bytes:
        raise DamagedError("it holds bytes that belong to no chunk")


def _matches(piece: bytes) -> bool:
    """Whether the last four bytes are the checksum of those before."""
    found: int = google_crc32c.value(piece[:-_CRC_BYTES])
    return found.to_bytes(_CRC_BYTES, "little") == piece[-_CRC_BYTES:]
