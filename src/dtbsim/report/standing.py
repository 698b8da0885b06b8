"""How the run stood when its report was written, and how far what it stored goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dtbsim.config.signals import kinds_of
from dtbsim.report.text import is_number, seconds
from dtbsim.store.published import published_path, rank_store, read_published

if TYPE_CHECKING:
    from dtbsim.store import Run


def summary_of(run: Run) -> dict[str, Any]:
    """Return summary.json, or what else tells of its numbers where the run has not reached its end."""
    if (run.path / "summary.json").exists():
        return run.summary
    network, provenance = run.network, run.provenance
    gpu = provenance.get("gpu")
    return {
        "name": run.config.get("name"),
        "neurons": network.get("n_neurons"),
        "synapses": network.get("n_synapses"),
        "biological_s": 1e-3 * stored_until_ms(run),
        "ranks": provenance.get("ranks"),
        "threads": provenance.get("threads"),
        "backend": provenance.get("backend"),
        "gpu": gpu.get("name") if isinstance(gpu, dict) else None,
    }


def stored_until_ms(run: Run) -> float:
    """Return the simulated time until which an unfinished run has stored what it recorded, of all ranks."""
    dt_ms, n_steps = run.dt_ms, run.network_table.n_steps
    config = run.config
    recorded = [kind for kind in kinds_of(config) if any(is_readable(run, name) for name in kind.stores(config))]
    ends = [end for kind in recorded if (end := kind.stored_until_ms(run)) is not None]
    if not ends and (run.path / "status.json").exists():
        step = run.status.get("step")
        ends.append(step * dt_ms if is_number(step) else 0.0)
    return min(max(ends, default=0.0), n_steps * dt_ms)


def is_readable(run: Run, name: str) -> bool:
    """Whether stores/`name` is there; of an unfinished run, whether all ranks had begun it."""
    path = run.path / "stores" / name
    if not path.is_dir() or run.complete:
        return path.is_dir()
    stores = [path] if path.suffix == ".zarr" else [rank_store(path, rank) for rank in range(run.ranks)]
    return all(published_path(store).exists() for store in stores)


def has_values(run: Run) -> bool:
    """Whether anything at all was stored."""
    files = (run.path / "stores").rglob("*.published.json")
    return any(read_published(file.with_name(file.name.replace(".published.json", ".zarr")))["rows"] for file in files)


def notice(run: Run, missing: list[str]) -> list[str]:
    """Return what a reader must know before anything else: that the run is no complete one, or lacks pieces."""
    said = [] if run.complete else [f"{_standing(run)} {_reach(run)}"]
    if missing:
        said.append(f"This report is not complete. Missing: {'; '.join(missing)}.")
    return said


def _standing(run: Run) -> str:
    status = run.status if (run.path / "status.json").exists() else {}
    state = run.state
    if state == "failed":
        return f"This run failed: {str(status.get('message') or 'the reason is not known').rstrip('.')}."
    return {
        "killed": f"This run was killed (stage: {status.get('stage')}).",
        "interrupted": "This run was stopped by the user before its end.",
        "running": "This run goes on; the report is a look at it.",
    }.get(state, "It is not known how this run ended.")


def _reach(run: Run) -> str:
    whole = seconds(1e-3 * run.network_table.n_steps * run.dt_ms)
    if not has_values(run):
        return f"Nothing was stored of the {whole} that were to be simulated."
    until = summary_of(run).get("biological_s")
    return f"Everything below is of the first {seconds(until)} of {whole}."
