"""What a notebook shows of a run: its size, how far it came, and what it recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.errors import InputError
from dtbsim.notebook import facts_html, table_html

if TYPE_CHECKING:
    from dtbsim.store.run import Run


def overview_html(run: Run) -> str:
    """Return tables of facts and of populations; what is missing or damaged is reported and not raised."""
    facts = [("folder", str(run.path))]
    rows: list[list[str]] = []
    try:
        facts.append(("state", run.state))
        network = run.network_table
        facts.append(("neurons", f"{network.n_neurons:,}"))
        facts.append(("simulated", f"{network.n_steps * network.dt_ms:g} ms in steps of {network.dt_ms:g} ms"))
        if (run.path / "summary.json").exists():
            facts.append(("spikes", f"{int(run.summary['spikes']):,}"))
        facts.append(("recorded", ", ".join(run.expected_stores()) or "nothing"))
        rows = [[str(entry[key]) for key in ("name", "model", "size")] for entry in network.populations]
    except (InputError, KeyError, TypeError, ValueError) as error:
        facts.append(("problem", str(error)))
    return facts_html("Run", facts) + table_html("populations", ("name", "model", "neurons"), rows)
