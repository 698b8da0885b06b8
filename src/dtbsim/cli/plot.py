"""Lines drawn in a terminal with braille characters, eight points each, or with ASCII where those cannot be shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bit of the point in row r and column c of a braille character."""
_BLANK = 0x2800


def line_plot(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    x_label: str,
    y_label: str,
    width: int = 60,
    height: int = 12,
    ascii_only: bool = False,
) -> str:
    """Return the line through the points as text: `height` rows of `width` characters, axes and labels around them.

    x and y are finite and of the same length, at least one point; x ascends.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    points = raster(xs, ys, 2 * width, 4 * height)
    rows = _ascii(points) if ascii_only else _braille(points)
    low, high = _short(ys.min()), _short(ys.max())
    margin = max(len(low), len(high))
    side, corner, floor = ("|", "+", "-") if ascii_only else ("│", "└", "─")
    marks = [high, *[""] * (height - 2), low] if height > 1 else [high]
    lines = [y_label]
    lines += [f"{mark:>{margin}} {side}{row}".rstrip() for mark, row in zip(marks, rows, strict=True)]
    lines.append(f"{'':>{margin}} {corner}{floor * width}")
    left, right = _short(xs.min()), _short(xs.max())
    gap = max(2, width - len(left) - len(right) - len(x_label))
    lines.append(f"{'':>{margin}}  {left}{' ' * (gap // 2)}{x_label}{' ' * (gap - gap // 2)}{right}")
    return "\n".join(lines) + "\n"


def raster(x: NDArray[np.float64], y: NDArray[np.float64], columns: int, rows: int) -> NDArray[np.bool_]:
    """Return bool[rows, columns], true where the line through the points goes; row 0 is the top."""
    column, row = _scaled(x, columns), rows - 1 - _scaled(y, rows)
    grid = np.zeros((rows, columns), dtype=bool)
    grid[row[0], column[0]] = True
    for k in range(len(x) - 1):
        length = int(max(abs(column[k + 1] - column[k]), abs(row[k + 1] - row[k]), 1))
        part = np.arange(length + 1) / length
        grid[
            np.rint(row[k] + part * (row[k + 1] - row[k])).astype(int),
            np.rint(column[k] + part * (column[k + 1] - column[k])).astype(int),
        ] = True
    return grid


def _scaled(values: NDArray[np.float64], number: int) -> NDArray[np.int64]:
    """Return positions 0 to number - 1; values that are all the same lie at 0."""
    low, span = values.min(), values.max() - values.min()
    scaled: NDArray[np.float64] = (values - low) / (span or 1.0) * (number - 1)
    return np.rint(scaled).astype(np.int64)


def _braille(points: NDArray[np.bool_]) -> list[str]:
    rows, columns = points.shape
    cells = points.reshape(rows // 4, 4, columns // 2, 2).transpose(0, 2, 1, 3)
    codes: list[list[int]] = (cells * _DOTS).sum(axis=(2, 3)).tolist()
    return ["".join(chr(_BLANK + code) if code else " " for code in row) for row in codes]


def _ascii(points: NDArray[np.bool_]) -> list[str]:
    rows, columns = points.shape
    filled: list[list[int]] = points.reshape(rows // 4, 4, columns // 2, 2).sum(axis=(1, 3)).tolist()
    return ["".join("*" if cell else " " for cell in row) for row in filled]


def _short(value: float) -> str:
    return f"{value:.4g}"
