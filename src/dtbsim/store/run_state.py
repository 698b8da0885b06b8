"""How a run stands: what its status.json says, unless its process is no more; and what it was to record."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from dtbsim.config.signals import kinds_of
from dtbsim.runtime.process import has_ended

if TYPE_CHECKING:
    from dtbsim.store.run import Run

FOLDER = "signals"
"""Where the stores of entries of `signals` are."""
RunState = Literal["running", "done", "failed", "interrupted", "killed", "unknown"]


def state_of(run: Run) -> RunState:
    """Return how a run stands; InputError where a file that says so is damaged.

    `killed` where status.json says `running`, that process has ended and no summary was written; `unknown` without
    status and summary.
    """
    state = state_in(run.status) if (run.path / "status.json").exists() else "unknown"
    if state in ("killed", "unknown") and (run.path / "summary.json").exists():
        return "interrupted" if run.summary.get("interrupted") else "done"
    return state


def is_complete(run: Run) -> bool:
    """Whether everything of the run was simulated and stored; its report may be being written."""
    return (run.path / "summary.json").exists() and not run.summary.get("interrupted")


def state_in(status: dict[str, Any]) -> RunState:
    """Return how the run stands whose status.json holds these values."""
    said = status.get("state")
    if said == "running" and _has_ended(status):
        return "killed"
    return said if said in ("running", "done", "failed", "interrupted") else "unknown"


def _has_ended(status: dict[str, Any]) -> bool:
    """Whether the process of a run that counts as running is no more; only its own machine can tell."""
    pid = status.get("pid")
    if status.get("host") != socket.gethostname() or type(pid) is not int or pid < 1:
        return False
    return has_ended(pid, status.get("pid_started"))


def stores_of(config: dict[str, Any]) -> dict[str, str]:
    """Return the names (below `stores`) of what a configuration records, each with the key that asks for it."""
    return {name: key for kind in kinds_of(config) for name, key in kind.stores(config).items()}


def record_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says of recording; {} where it says nothing that can be understood."""
    record = config.get("record")
    return record if isinstance(record, dict) else {}


def entries_of(config: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list `record.KEY` of a configuration; [] where it has none."""
    entries = record_of(config).get(key)
    return entries if isinstance(entries, list) else []


def entries_of_kind(config: Mapping[str, Any], kind: str) -> list[str]:
    """Return the names of the entries of `signals` that are of a kind."""
    signals = config.get("signals")
    items = signals.items() if isinstance(signals, Mapping) else ()
    return [str(name) for name, item in items if isinstance(item, Mapping) and item.get("kind") == kind]
