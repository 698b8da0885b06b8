"""Of many cases of one test, some run every time and all of them at night."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def by_day(cases: Iterable[Any], day: Collection[Any]) -> list[Any]:
    """Return the cases, those that are not of the day marked nightly; `day` names cases that there are."""
    every = list(cases)
    unknown = [case for case in day if case not in every]
    if unknown:
        raise ValueError(f"no such case: {unknown[0]}")
    return [case if case in day else pytest.param(case, marks=pytest.mark.nightly) for case in every]
