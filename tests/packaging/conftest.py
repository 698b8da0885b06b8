"""What the packaging tests share: the distributions, built once."""

from __future__ import annotations

import pytest
from building import Built, build_all


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The source distribution and the wheel of this tree."""
    return build_all(tmp_path_factory.mktemp("packaging"))
