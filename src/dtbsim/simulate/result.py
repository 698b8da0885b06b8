"""What a run gives back to Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.store import Run


@dataclass(frozen=True)
class RunResult:
    """A run that has ended: `summary` (what `--json` prints), its folder, and whether the user stopped it early."""

    summary: dict[str, Any]
    run_dir: Path
    interrupted: bool = False
    report: Path | None = None

    def open(self) -> Run:
        """Return the reader of the run's stores: spikes, rates, states and BOLD as numpy, pandas and xarray objects."""
        from dtbsim.store import open_run

        return open_run(self.run_dir)

    @property
    def spike_hash(self) -> str:
        """The hash of all spikes, the same for any number of ranks and threads."""
        return str(self.summary["spike_hash"])
