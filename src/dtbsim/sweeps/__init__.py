"""Sweeps: one configuration, many runs that differ in some values; on a pool of processes, or of a cluster.

`grid` says which values, `folder` where each run is and whether it is of the same sweep, `worker` simulates one run,
`pool` is the default pool of processes, `conduct` brings them together.
"""

from __future__ import annotations

from dtbsim.sweeps.conduct import sweep

__all__ = ["sweep"]
