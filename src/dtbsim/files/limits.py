"""How large files of strangers may be, and what they become in memory."""

from __future__ import annotations

MIB = 1 << 20

MOST_CONFIG_BYTES = 128 * MIB
"""Configurations; spikes and matrices are files of their own."""
MOST_JSON_BYTES = 64 * MIB
MOST_TABLE_BYTES = 256 * MIB
"""Tables of text; larger matrices fit into .npy."""
MOST_LINE = 8 * MIB
MOST_NAMED = 10_000
"""Arrays in one file, columns of a table, members of a group."""
LONGEST_NAME = 1000
"""Letters of the name of a region, a map, a channel: numpy stores lists of texts as long as their longest."""

_ARRAYS_BYTES = 256 * MIB
_PER_FILE_BYTE = 20


def most_array_bytes(file_bytes: int) -> int:
    """Return how many bytes the arrays of a file may have: 256 MiB, or 20 times what the file has itself.

    No honest file of numbers is packed more tightly, but zeros that take a thousandth of their size are.
    """
    return max(_ARRAYS_BYTES, _PER_FILE_BYTE * file_bytes)


def size_of(n_bytes: int) -> str:
    """Return a size for people: 3.2 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{n_bytes} bytes"
