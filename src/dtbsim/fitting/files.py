"""Measured FC or series from a file, in the order of the model's regions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

F64 = NDArray[np.float64]


def read_measured(
    given: object, names: Sequence[str] | None, tr_s: float | None, option: str
) -> tuple[F64, float | None]:
    """Return an FC float64[n, n] and None, or a series float64[T, n] and the time between its samples (s).

    With `tr_s` it is a series; without it what the file looks like. Labels are matched with `names` (None: as
    they are). Raises InputError.
    """
    from dtbsim.data import read_matrix, read_series

    if not isinstance(given, str | os.PathLike):
        remedy = "give atlas, a file, a list of files, an array or a Target"
        raise InputError(f"got a {type(given).__name__}", where=option, remedy=remedy)
    path = Path(given)
    if not path.is_file():
        remedy = "give atlas, or a file with an FC or a series"
        raise InputError(f"there is no file {path}", where=option, remedy=remedy)
    n = None if names is None else len(names)
    if tr_s is None and not path.name.endswith((".nii", ".nii.gz")):
        try:
            matrix = read_matrix(path, kind="fc")
        except InputError as error:
            matrix_error = error
        else:
            return np.array((matrix if names is None else matrix.ordered(names)).values, np.float64), None
        try:
            series = read_series(path, n_regions=n)
        except InputError:
            raise matrix_error from None
        if series.period_s is None:
            remedy = "give --tr SECONDS, the time between its samples"
            what = f"a series of {len(series.values)} samples, whose sampling is not given"
            raise InputError(what, where=f"{option} {path}", remedy=remedy)
    else:
        series = read_series(path, period_s=tr_s, n_regions=n)
    if series.period_s is None:
        raise InputError("nothing says its sampling", where=f"{option} {path}", remedy="give --tr SECONDS")
    return np.array((series if names is None else series.ordered(names)).values, np.float64), float(series.period_s)
