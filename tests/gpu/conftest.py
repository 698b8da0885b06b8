"""Tests of a real GPU: `make test-gpu`. Where there is none they are skipped, and the reason says what is missing.

DTBSIM_GPU_TESTS=shim puts the device of `tests.helpers.shim_device` in its place, to try the tests themselves.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.shim_device import ShimDevice

from dtbsim.backends.cuda import choose
from dtbsim.errors import DtbsimError

HERE = Path(__file__).parent
ON_SHIM = os.environ.get("DTBSIM_GPU_TESTS") == "shim"


@cache
def why_not() -> str | None:
    """Why no GPU can be used here."""
    if ON_SHIM:
        return None
    try:
        choose.open_device(0)
    except DtbsimError as error:
        return f"no GPU: {error.message}"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; they run where there is a GPU and they are asked for."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            reason = why_not()
            if reason is None and not ON_SHIM and "gpu" not in config.option.markexpr:
                reason = "a GPU is here, but was not asked for: make test-gpu, or pytest -m gpu"
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def on_shim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other device, if it is asked for."""
    if ON_SHIM:
        monkeypatch.setattr(choose, "open_device", lambda local_rank: ShimDevice())


@pytest.fixture
def device() -> Any:
    """A GPU with a stream of its own."""
    return choose.open_device(0)
