"""Arrays that pynwb writes piece by piece, packed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dtbsim.interchange.results.extras import needs

_CHUNK_BYTES = 1 << 20


def packed(data: Any) -> Any:
    """An array, or a list of texts, that is in memory; small ones as they are."""
    if len(data) < 1000:
        return data
    rows = _rows(np.shape(data)[1:] if isinstance(data, np.ndarray) else (), 16, len(data))
    return _io(data, (rows, *np.shape(data)[1:]) if isinstance(data, np.ndarray) else (rows,))


def pieces(of: Iterable[tuple[int, Any]], shape: tuple[int, ...], dtype: Any) -> Any:
    """An array of which `of` yields the first row and the values of one piece after the other."""
    utils = needs("hdmf.data_utils", "nwb")

    class Pieces(utils.AbstractDataChunkIterator):  # type: ignore[misc, name-defined]
        """What hdmf asks for: pieces, and the shape and type of all."""

        def __init__(self) -> None:
            self._pieces = iter(of)

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            first, values = next(self._pieces)
            rows = slice(first, first + len(values))
            return utils.DataChunk(data=values, selection=(rows, *(slice(0, n) for n in shape[1:])))

        @property
        def dtype(self) -> Any:
            return np.dtype(dtype)

        @property
        def maxshape(self) -> tuple[int, ...]:
            return shape

        def recommended_chunk_shape(self) -> tuple[int, ...]:
            return (_rows(shape[1:], np.dtype(dtype).itemsize, shape[0]), *shape[1:])

        def recommended_data_shape(self) -> tuple[int, ...]:
            return shape

    made = Pieces()
    return _io(made, made.recommended_chunk_shape())


def _rows(of: tuple[int, ...], item_bytes: int, rows: int) -> int:
    return max(1, min(rows, _CHUNK_BYTES // max(1, item_bytes * int(np.prod(of)))))


def _io(data: Any, chunks: tuple[int, ...]) -> Any:
    made = needs("pynwb", "nwb").H5DataIO
    return made(data, compression="gzip", compression_opts=4, shuffle=True, chunks=chunks)
