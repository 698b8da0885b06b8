"""The hash of a run's spikes: computed again from the stores where they hold all of them, else as the run found it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from dtbsim.arguments import flag
from dtbsim.errors import InputError
from dtbsim.record.spike_hash import VERSION, SpikeHasher
from dtbsim.store.files import RESTORE
from dtbsim.store.run_state import record_of

if TYPE_CHECKING:
    from dtbsim.store.run import Run


class HashResult(NamedTuple):
    """The hash of all spikes of a run.

    `digest`: SHA-256, 64 hexadecimal digits (`dtbsim.record.spike_hash` defines it). `source`: where it comes from.
    `why_not_recomputed`: None, or what keeps the stores from being hashed. `agrees`: whether the stores and the
    summary give the same hash; None where only one of them does, or the summary is of a version that hashed
    otherwise.
    """

    digest: str
    source: Literal["stores", "summary"]
    why_not_recomputed: str | None
    agrees: bool | None


def hash_of(run: Run, recompute: bool | None = None) -> HashResult:
    """Return the hash of an opened run; see `hash_run`."""
    recompute = None if recompute is None else flag(recompute, "recompute")
    obstacle = _obstacle(run)
    if recompute and obstacle is not None:
        raise InputError(
            f"the hash cannot be recomputed: {obstacle}", where=str(run.path), remedy="take the hash of summary.json"
        )
    if recompute is False or obstacle is not None:
        if _version(run) != VERSION:
            old = "it can be compared with hashes of dtbsim 0.1 only"
            obstacle = old if obstacle is None else f"{obstacle}; {old}"
        return HashResult(_summary_hash(run), "summary", obstacle, None)
    digest = _store_hash(run)
    comparable = (run.path / "summary.json").exists() and _version(run) == VERSION
    return HashResult(digest, "stores", None, digest == _summary_hash(run) if comparable else None)


def _store_hash(run: Run) -> str:
    hasher = SpikeHasher()
    for window in run.spike_store.chunks():
        hasher.update(window.steps, window.gids)
    return hasher.hexdigest()


def _version(run: Run) -> object:
    """The definition of the hash in summary.json."""
    return run.summary.get("spike_hash_version", 1)


def _summary_hash(run: Run) -> str:
    digest = run.summary.get("spike_hash")
    if not isinstance(digest, str):
        raise InputError("'spike_hash' is missing", where=str(run.path / "summary.json"), remedy=RESTORE)
    return digest


def _obstacle(run: Run) -> str | None:
    """Return why the stores do not hold all spikes of the run, None if they do."""
    record = record_of(run.config)
    spikes = record.get("spikes", {})
    if spikes is None:
        return "spikes were not stored"
    chosen = spikes.get("populations", "all")
    table = run.network_table
    if chosen != "all" and len(table.named(chosen)) < len(table.populations):
        return "only some populations were stored"
    duration_ms = run.config.get("simulation", {}).get("duration_ms", table.n_steps * table.dt_ms)
    start_ms, stop_ms = spikes.get("start_ms", 0.0), spikes.get("stop_ms")
    begins_ms = 0.0 if run.branch is None else run.branch["time_ms"]
    if start_ms > begins_ms or (stop_ms is not None and stop_ms < duration_ms):
        return "only a part of the time was stored"
    if not run.spike_store.closed:
        return "the run goes on, or was killed before it closed its stores"
    return None
