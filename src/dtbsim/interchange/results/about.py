"""What a run says of itself, in the words of formats that ask for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dtbsim.errors import InputError
from dtbsim.store import Run
from dtbsim.store.files import RESTORE
from dtbsim.store.run import PROVENANCE


def name_of(run: Run) -> str:
    """Its name, or that of its folder."""
    return str(run.config.get("name") or run.path.resolve().name)


def started(run: Run) -> datetime:
    """When it was started, with its time zone."""
    said = str(run.provenance.get("started"))
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        where = str(run.path / PROVENANCE)
        raise InputError(f"'started' is no time: {said!r}", where=where, remedy=RESTORE) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def sentence(run: Run) -> str:
    """One sentence: what was simulated."""
    network = run.network
    neurons, nodes = int(network.get("n_neurons", 0)), len(network.get("regions") or ())
    fields = network.get("region_populations") or ()
    parts = [f"{neurons} neurons"] if neurons else []
    parts += [f"mean-field regions ({', '.join(sorted({str(one['model']) for one in fields}))})"] if fields else []
    place = f" in {nodes} regions of the atlas {network['atlas']}" if nodes and network.get("atlas") else ""
    ensemble = network.get("members") or {"number": 1}
    many = f", {ensemble['number']} members of an ensemble" if int(ensemble["number"]) > 1 else ""
    seconds = run.network_table.n_steps * run.dt_ms * 1e-3
    what = f"{' and '.join(parts) or 'a network'}{place}{many}"
    return f"Simulation '{name_of(run)}': {what}, {seconds:g} s in steps of {run.dt_ms:g} ms."


def software(run: Run) -> list[tuple[str, str]]:
    """dtbsim, Python and the packages that made it, each with its version."""
    provenance = run.provenance
    packages = provenance.get("packages") or {}
    found = [("dtbsim", str(provenance.get("dtbsim"))), ("Python", str(provenance.get("python")))]
    return found + [(str(name), str(version)) for name, version in packages.items() if version]


def notes(run: Run) -> str:
    """Seed, command, commit, ranks and the hash of its spikes, one line."""
    provenance: dict[str, Any] = run.provenance
    keys = ("command", "seed", "commit", "ranks", "threads", "backend", "system", "cpu")
    said = [f"{key}: {provenance[key]}" for key in keys if provenance.get(key) is not None]
    if (run.path / "summary.json").exists() and run.summary.get("spike_hash"):
        said.append(f"spike_hash: {run.summary['spike_hash']}")
    return "; ".join(said)


def identity(run: Run) -> str:
    """A text that no other run has: the checksum of its provenance, which holds its time, host and command."""
    return str(run.provenance.get("sha256") or f"{name_of(run)} {started(run).isoformat()}")
