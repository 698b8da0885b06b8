"""The atlas of a network, where some of its populations live in regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas


def atlas_of(given: Atlas | None) -> Atlas:
    """Return the atlas of what lives in its regions, which cannot be without one."""
    assert given is not None, "regions are of an atlas"
    return given
