"""Run folders as a simulation leaves them, written with the project's own writers and plausible random contents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from dtbsim.atlas import load_atlas
from dtbsim.numerics.gids import as_gids
from dtbsim.store import BoldWriter, RateWriter, SpikeWriter

DT_MS = 1.0
TR_MS = 720.0


def write_run(
    folder: Path,
    populations: list[dict[str, Any]],
    rates_hz: list[float],
    *,
    duration_ms: float,
    regions: list[str] | None = None,
    atlas: str | None = None,
    ranks: int = 2,
    config: dict[str, Any] | None = None,
    spikes: bool = True,
    rates: bool = True,
    bold: np.ndarray | None = None,
    summary: dict[str, Any] | None = None,
    seed: int = 0,
) -> Path:
    """Write a finished run of Poisson neurons; `populations` need name, family, region, region_index, size."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    n_steps = round(duration_ms / DT_MS)
    gid0 = 0
    for entry in populations:
        entry.update(gid0=gid0, model="lif")
        gid0 += entry["size"]
    steps, gids = _poisson(rng, populations, rates_hz, n_steps)
    settings = {
        "schema_version": 1,
        "name": folder.name,
        "description": "A test run.",
        "seed": seed,
        "atlas": atlas,
        "simulation": {"dt_ms": DT_MS, "duration_ms": duration_ms},
        "record": {"spikes": {"populations": "all", "start_ms": 0.0, "stop_ms": None} if spikes else None},
        "analysis": {"statistics_start_ms": 0.1 * duration_ms, "fcd_window_s": 60.0, "fcd_step_s": 2.16},
        **(config or {}),
    }
    with (folder / "config.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(settings, file)
    _json(folder / "network.json", _network(populations, regions or [], atlas, n_steps, ranks))
    _json(folder / "provenance.json", _provenance(folder, seed, ranks))
    if spikes:
        _write_spikes(folder / "stores" / "spikes", steps, gids, ranks)
    if rates:
        _write_rates(folder / "stores" / "rates.zarr", populations, steps, gids, n_steps)
    if bold is not None:
        writer = BoldWriter(folder / "stores" / "bold.zarr", regions or [], TR_MS)
        writer.append(bold)
        writer.close()
    contents = _summary(folder, populations, len(steps), duration_ms, ranks) | (summary or {})
    _json(folder / "summary.json", contents)
    return folder


def whole_brain_run(folder: Path, *, duration_ms: float = 4000.0, samples: int = 600, **options: Any) -> Path:
    """Write a run of E and I cells in every region of `aal2`, with BOLD that resembles the measured FC."""
    atlas = load_atlas("aal2")
    names = list(atlas.region_names)
    populations = [
        {"name": f"{family}@{name}", "family": family, "region": name, "region_index": index, "size": size}
        for family, size in (("E", 40), ("I", 10))
        for index, name in enumerate(names)
    ]
    rng = np.random.default_rng(1)
    rates = [*rng.normal(4, 0.6, len(names)), *rng.normal(7, 1, len(names))]
    options.setdefault("bold", correlated_bold(np.asarray(atlas.fc), samples, rng))
    return write_run(folder, populations, rates, duration_ms=duration_ms, regions=names, atlas="aal2", **options)


def microcircuit_run(folder: Path, **options: Any) -> Path:
    """Write a run of a small microcircuit without an atlas."""
    sizes = {"L23E": 200, "L23I": 60, "L4E": 220, "L4I": 55, "L5E": 50, "L5I": 12, "L6E": 140, "L6I": 30}
    populations = [
        {"name": f"column.{name}", "family": f"column.{name}", "region": None, "region_index": -1, "size": size}
        for name, size in sizes.items()
    ]
    options.setdefault("config", {"circuits": {"column": {"kind": "potjans_diesmann", "scale": 1.0}}})
    options.setdefault("duration_ms", 3000.0)
    return write_run(folder, populations, [0.9, 3.0, 4.4, 5.9, 7.6, 8.6, 1.1, 7.8], **options)


def correlated_bold(fc: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return BOLD [samples, regions] as fractions, slow in time and correlated nearly as `fc`."""
    values, vectors = np.linalg.eigh((fc + fc.T) / 2)
    mixing = vectors * np.sqrt(np.clip(values, 0.02, None))
    noise = rng.normal(size=(samples + 15, len(fc)))
    kernel = np.exp(-np.arange(16) / 4.0)
    slow = np.stack([np.convolve(column, kernel, "valid") for column in noise.T], axis=1)
    return 0.003 * slow @ mixing.T + 0.01


def _poisson(
    rng: np.random.Generator, populations: list[dict[str, Any]], rates_hz: list[float], n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    steps, gids = [], []
    for entry, rate in zip(populations, rates_hz, strict=True):
        count = rng.poisson(max(rate, 0) * 1e-3 * DT_MS * n_steps * entry["size"])
        flat = rng.choice(n_steps * entry["size"], size=min(count, n_steps * entry["size"]), replace=False)
        steps.append(flat // entry["size"])
        gids.append(entry["gid0"] + flat % entry["size"])
    step, gid = np.concatenate(steps).astype(np.int64), as_gids(np.concatenate(gids))
    order = np.lexsort((gid, step))
    return step[order], gid[order]


def _write_spikes(folder: Path, steps: np.ndarray, gids: np.ndarray, ranks: int) -> None:
    for rank in range(ranks):
        writer = SpikeWriter(folder, rank, gid_dtype=gids.dtype.type)
        mine = gids % ranks == rank
        writer.append(steps[mine], gids[mine])
        writer.close()


def _write_rates(
    path: Path, populations: list[dict[str, Any]], steps: np.ndarray, gids: np.ndarray, n_steps: int
) -> None:
    sizes = [entry["size"] for entry in populations]
    bins = n_steps // 10
    first = np.array([entry["gid0"] for entry in populations])
    population = np.searchsorted(first, gids, side="right") - 1
    inside = steps < bins * 10
    counts = np.zeros((bins, len(sizes)), np.int64)
    np.add.at(counts, (steps[inside] // 10, population[inside]), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = RateWriter(path, [entry["name"] for entry in populations], sizes, 10.0 * DT_MS)
    writer.append(counts)
    writer.close()


def _network(
    populations: list[dict[str, Any]], regions: list[str], atlas: str | None, n_steps: int, ranks: int
) -> dict[str, Any]:
    neurons = sum(entry["size"] for entry in populations)
    return {
        "dt_ms": DT_MS,
        "n_steps": n_steps,
        "n_neurons": neurons,
        "n_synapses": 100 * neurons,
        "block_size": 64,
        "regions": regions,
        "atlas": atlas,
        "populations": populations,
        "projections": [],
        "partition": [
            {"rank": rank, "neurons": neurons // ranks, "synapses": 100 * neurons // ranks, "work": 1.0 + 0.1 * rank}
            for rank in range(ranks)
        ],
    }


def _provenance(folder: Path, seed: int, ranks: int) -> dict[str, Any]:
    return {
        "dtbsim": "0.1.0",
        "command": f"dtbsim run {folder.name}.yaml",
        "directory": str(folder.parent),
        "seed": seed,
        "ranks": ranks,
        "threads": 1,
        "backend": "cpu",
        "started": "2026-11-24T09:12:44+00:00",
        "host": "bench-01",
        "cpu": "a processor",
        "memory_bytes": 16_000_000_000,
        "packages": {"numpy": np.__version__},
    }


def _summary(
    folder: Path, populations: list[dict[str, Any]], spikes: int, duration_ms: float, ranks: int
) -> dict[str, Any]:
    neurons = sum(entry["size"] for entry in populations)
    return {
        "neurons": neurons,
        "synapses": 100 * neurons,
        "bytes_per_synapse": 4.9,
        "spikes": spikes,
        "mean_rate_hz": spikes / neurons / (1e-3 * duration_ms),
        "build_s": 0.4,
        "simulate_s": 0.6,
        "compile_s": 2.0,
        "rtf": 0.15,
        "peak_rss_bytes": {"sum": 400_000_000, "max": 210_000_000},
        "ranks": ranks,
        "threads": 1,
        "backend": "cpu",
        "spike_hash": "ab" * 32,
        "run_dir": str(folder),
        "name": folder.name,
        "biological_s": 1e-3 * duration_ms,
        "stages": {"build": {"sum_s": 0.8, "max_s": 0.45}, "step": {"sum_s": 1.0, "max_s": 0.6}},
    }


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
