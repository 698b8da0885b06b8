"""How a run stands: what its status.json says, unless its process is no more; and what it was to record."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Literal

from dtbsim.runtime.process import has_ended

if TYPE_CHECKING:
    from dtbsim.store.run import Run

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


def stores_of(config: dict[str, Any]) -> list[str]:
    """Return the names (below `stores`) of what a resolved configuration records."""
    record = record_of(config)
    names = ["spikes"] if record.get("spikes") is not None else []
    names += ["rates.zarr"] if record.get("rate_bin_ms") is not None else []
    names += ["bold.zarr"] if config.get("bold") is not None else []
    for kind, end in (("states", ""), ("weights", ""), ("correlations", ".zarr")):
        entries = record.get(kind)
        names += [f"{kind}/{k}{end}" for k in range(len(entries) if isinstance(entries, list) else 0)]
    return names


def record_of(config: dict[str, Any]) -> dict[str, Any]:
    """Return what a configuration says of recording; {} where it says nothing that can be understood."""
    record = config.get("record")
    return record if isinstance(record, dict) else {}


def setting_of(name: str) -> str:
    """Return the key of the configuration that records the store `name`."""
    kind, _, k = name.partition("/")
    settings = {"spikes": "record.spikes", "rates.zarr": "record.rate_bin_ms", "bold.zarr": "bold"}
    return settings[kind] if kind in settings else f"record.{kind}[{k.removesuffix('.zarr')}]"
