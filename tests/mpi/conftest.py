"""Two kinds of tests live here: those marked `mpi` run within an MPI job, the others start mpiexec themselves."""

from __future__ import annotations

import pytest

_NOT_MARKED = "need --with-mpi option to run"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take back what pytest-mpi does to tests without the mark: it takes the name of this folder for it, and skips."""
    for item in items:
        if item.get_closest_marker("mpi") is None:
            item.own_markers = [mark for mark in item.own_markers if mark.kwargs.get("reason") != _NOT_MARKED]
