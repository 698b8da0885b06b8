"""Numbers in ranges: by a loop over all ranges."""

from __future__ import annotations

import numpy as np

from dtbsim.numerics.ranges import range_of


def test_every_number_is_in_the_range_that_holds_it() -> None:
    starts = np.array([0, 3, 4, 10, 11], np.int64)
    gids = np.arange(11, dtype=np.uint32)
    expected = [next(k for k in range(4) if starts[k] <= gid < starts[k + 1]) for gid in gids.tolist()]
    found = range_of(starts, gids)
    assert found.tolist() == expected
    assert found.dtype == np.int64
    assert range_of(starts[:-1], np.array([[10, 3], [2, -1]])).tolist() == [[3, 1], [0, -1]]
