"""The size of rings of coming steps, by which delays are counted."""

from __future__ import annotations


def ring_steps(longest: int) -> int:
    """Steps of a ring in which the longest delay (at least 0) finds its place: a power of two above it."""
    return 1 << longest.bit_length()
