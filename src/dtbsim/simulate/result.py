"""What a run gives back to Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.errors import DtbsimError

if TYPE_CHECKING:
    from dtbsim.store import Run


@dataclass(frozen=True)
class RunResult:
    """A run that has ended: `summary` (what `--json` prints), its folder, and whether the user stopped it early.

    `report` is the path of its report; where one was wanted and could not be written, `report_error` says why.
    """

    summary: dict[str, Any]
    run_dir: Path
    interrupted: bool = False
    report: Path | None = None
    report_error: DtbsimError | None = None

    def open(self) -> Run:
        """Return the reader of the run's stores: spikes, rates, states and BOLD as numpy, pandas and xarray objects."""
        from dtbsim.store import open_run

        return open_run(self.run_dir)

    @property
    def spike_hash(self) -> str | None:
        """The hash of all spikes, the same for any number of ranks and threads; None if nothing was simulated."""
        found: str | None = self.summary["spike_hash"]
        return found
