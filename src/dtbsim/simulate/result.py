"""What a run gives back to Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.errors import DtbsimError

if TYPE_CHECKING:
    from dtbsim.store import Run


_SHOWN = {
    "neurons": "neurons",
    "synapses": "synapses",
    "biological_s": "simulated time (s)",
    "spikes": "spikes",
    "mean_rate_hz": "mean rate (Hz)",
    "fc_correlation": "correlation with the measured FC",
    "simulate_s": "wall time of stepping (s)",
}


@dataclass(frozen=True, repr=False)
class RunResult:
    """A run that has ended: `summary` (what `--json` prints), its folder, and whether the user stopped it early.

    `report` is the path of its report; where one was wanted and could not be written, `report_error` says why.
    `owner` keeps a temporary folder in place, for as long as this result, or a run that it opened, is referred to.
    """

    summary: dict[str, Any]
    run_dir: Path
    interrupted: bool = False
    report: Path | None = None
    report_error: DtbsimError | None = None
    owner: object = field(default=None, compare=False)
    resumable: bool = False
    """Whether it left after a checkpoint, because of SIGTERM or `max_hours`, so that `resume` goes on."""

    def open(self) -> Run:
        """Return the reader of the run's stores: spikes, rates, states and BOLD as numpy, pandas and xarray objects."""
        from dtbsim.store import open_run

        return open_run(self.run_dir, owner=self.owner)

    def __repr__(self) -> str:
        state = "interrupted, " if self.interrupted else ""
        folder = "temporary folder" if self.owner is not None else str(self.run_dir)
        spikes = self.summary.get("spikes")
        counted = f"{spikes:,} spikes in " if isinstance(spikes, int) else ""
        return f"<RunResult {self.summary.get('name', '')}: {state}{counted}{folder}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the figures of the summary."""
        from dtbsim.notebook import facts_html

        numbers = ((label, self.summary.get(key)) for key, label in _SHOWN.items())
        facts = [(label, f"{value:,.6g}") for label, value in numbers if isinstance(value, int | float)]
        folder = "temporary, removed with this result" if self.owner is not None else str(self.run_dir)
        return facts_html(f"Run {self.summary.get('name', '')}", [*facts, ("folder", folder)])

    @property
    def spike_hash(self) -> str | None:
        """The hash of all spikes, the same for any number of ranks and threads; None if nothing was simulated."""
        found: str | None = self.summary["spike_hash"]
        return found
