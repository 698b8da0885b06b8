"""Lines in the terminal."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.cli.plot import line_plot, raster


def test_a_diagonal() -> None:
    text = line_plot([0, 1, 2, 3], [0, 1, 2, 3], x_label="x", y_label="y", width=4, height=2)
    assert text == "y\n3 │  ⡠⠊\n0 │⡠⠊\n  └────\n   0 x 3\n"


def test_ascii() -> None:
    text = line_plot([0, 10], [5, -2.5], x_label="t (s)", y_label="v", width=12, height=3, ascii_only=True)
    assert text == "v\n   5 |****\n     |    ****\n-2.5 |        ****\n     +------------\n      0  t (s)  10\n"
    assert text.isascii()


def test_every_point_and_every_row_between_is_hit() -> None:
    x, y = np.linspace(0, 1, 40), np.sin(np.linspace(0, 12, 40))
    grid = raster(x, y, 80, 40)
    columns, rows = np.rint(x * 79).astype(int), np.rint((y.max() - y) / (y.max() - y.min()) * 39).astype(int)
    assert grid[rows, columns].all()
    assert grid.any(axis=0).all(), "no column without a point"
    assert grid.any(axis=1).all(), "no row without a point"
    above = raster(np.array([0.0, 1.0]), np.array([0.0, 0.0]), 10, 8)
    assert above[7].all()
    assert above.sum() == 10


@pytest.mark.parametrize("n", [1, 2, 500])
def test_a_constant_lies_at_the_bottom(n: int) -> None:
    lines = line_plot(np.arange(n), np.full(n, -65.0), x_label="", y_label="", width=5, height=2).splitlines()
    assert lines[1].strip() == "-65 │"
    assert lines[2].startswith("-65 │⣀" if n > 1 else "-65 │⡀")
