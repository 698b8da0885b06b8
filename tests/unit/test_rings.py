"""The size of rings: the next power of two above the longest delay, for every backend and plan of memory."""

from __future__ import annotations

import pytest

from dtbsim.numerics.rings import ring_steps


@pytest.mark.parametrize(
    ("longest", "steps"), [(0, 1), (1, 2), (2, 4), (3, 4), (4, 8), (7, 8), (8, 16), (65_534, 65_536), (65_535, 65_536)]
)
def test_the_longest_delay_finds_its_place(longest: int, steps: int) -> None:
    assert ring_steps(longest) == steps
    assert steps > longest
