"""What a run writes at the top of its folder."""

from __future__ import annotations

LOG = "log.txt"
CONTENT = (
    "config.yaml", "provenance.json", "network.json", "status.json", "summary.json", "report.html",
    "models", "inputs", "stores", "checkpoints", ".heartbeat",
)  # fmt: skip
"""Everything but the log, which also marks whose folder it is."""
SLURM = "slurm"
"""What `dtbsim submit` and the batch script keep in the folder of a run: script, log and number of its job."""
NEEDED = ("config.yaml", "provenance.json")
"""What every run has that has begun."""
