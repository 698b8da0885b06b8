"""The hash of a run's spikes, by its folder."""

from __future__ import annotations

from pathlib import Path

from dtbsim.store.hashing import HashResult, hash_of
from dtbsim.store.run import open_run


def hash_run(path: Path | str, recompute: bool | None = None) -> HashResult:
    """Return the hash of a run's spikes.

    By default it is recomputed when the stores hold the spikes of all populations over the whole run, else taken from
    summary.json, where the run wrote the hash of all spikes, stored or not. `recompute=True` insists on the stores,
    `recompute=False` on the summary. Raises InputError when the hash cannot be had that way.
    """
    return hash_of(open_run(path), recompute)
