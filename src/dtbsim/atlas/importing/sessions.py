"""Several sessions or runs of one person, as BIDS names them (ses-NAME, run-NAME): their mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dtbsim.atlas.correlation import mean_fc
from dtbsim.atlas.importing.raw import Raw
from dtbsim.data.model import Matrix
from dtbsim.errors import InputError

_ENTITY = re.compile(r"(?<![A-Za-z0-9])(?:ses|run)-[A-Za-z0-9]+")


def sessions_of(raws: Sequence[Raw]) -> list[str] | None:
    """Return the session (and run) of each part, or None where they do not differ in these alone."""
    found = [" ".join(dict.fromkeys(_ENTITY.findall(str(raw.path)))) for raw in raws]
    rest = {(_ENTITY.sub("", str(raw.path)), raw.variable) for raw in raws}
    return found if len(rest) == 1 and len(set(found)) == len(raws) and all(found) else None


def mean_of_sessions(matrices: Sequence[Matrix], sessions: Sequence[str]) -> Matrix:
    """Return the mean of one kind of matrix, regions matched by label.

    Of weights a session without a connection counts as 0, of lengths it does not count; FC is the mean Fisher z.

    Raises:
        InputError: other regions.
    """
    first = matrices[0]
    alike = [first]
    for matrix in matrices[1:]:
        if len(matrix.values) != len(first.values):
            raise InputError(
                f"{len(matrix.values)} regions, but {first.where} has {len(first.values)}",
                where=matrix.where,
                remedy="use one parcellation for all sessions",
            )
        both = first.labels is not None and matrix.labels is not None
        alike.append(matrix.ordered(first.labels) if both and first.labels is not None else matrix)
    values = np.array([matrix.values for matrix in alike])
    if first.kind == "fc":
        mean = mean_fc(list(values))
    elif first.kind == "lengths":
        there = values > 0
        mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    else:
        mean = values.mean(axis=0)
    notice = f"mean over {len(matrices)} sessions ({', '.join(sessions)})"
    notices = dict.fromkeys([notice, *(text for matrix in matrices for text in matrix.notices)])
    return replace(first, values=mean, notices=tuple(notices))
