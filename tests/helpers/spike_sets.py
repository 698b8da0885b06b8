"""Spikes as sets of (step, neuron), and where two of them part."""

from __future__ import annotations

from typing import Any

import dtbsim

Spikes = set[tuple[int, int]]


def spikes_of(given: Any, n: int | None = None, **more: Any) -> Spikes:
    """Spikes of a run (`more`: its arguments); of the first `n` neurons alone, if given."""
    steps, gids = dtbsim.run(given, temporary=True, **more).open().spike_steps()
    return {
        (step, gid) for step, gid in zip(steps.tolist(), gids.tolist(), strict=True) if n is None or gid < n
    }  # fmt: skip


def first_difference(one: Spikes, other: Spikes) -> str:
    """What a failing test says."""
    first = min((step for step, _ in one ^ other), default=None)
    return f"{len(one)} and {len(other)} spikes; first differing step {first}"
