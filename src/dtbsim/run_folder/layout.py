"""What a run writes at the top of its folder."""

from __future__ import annotations

LOG = "log.txt"
CONTENT = (
    "config.yaml", "provenance.json", "network.json", "status.json", "summary.json", "report.html",
    "models", "inputs", "stores", "checkpoints", ".heartbeat",
)  # fmt: skip
"""Everything but the log, which also marks whose folder it is."""
NEEDED = ("config.yaml", "provenance.json")
"""What every run has that has begun."""
