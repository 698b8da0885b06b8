"""The spikes of known networks are those of the last release, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.golden.make_spikes import DATA, KEYS, NETWORKS, result_of


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))


def test_what_is_stored_is_complete(stored: Any) -> None:
    assert list(stored) == NETWORKS
    assert all(list(result) == list(KEYS) and result["spikes"] > 100 for result in stored.values())
    assert len({result["spike_hash"] for result in stored.values()}) == len(stored)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_spikes_are_the_same_as_before(name: str, stored: Any, tmp_path: Path) -> None:
    found = result_of(name, tmp_path)
    assert found == stored[name], (
        "if this is meant: python -m tests.golden.make_spikes, and an entry with the word *spikes* in CHANGELOG.md"
    )
