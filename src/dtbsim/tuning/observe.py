"""What is seen of one run: rates, and whether its regions, or its neurons, move as one.

`together` is the mean correlation between the activities of regions, weighted by their standard deviations: with N
regions, (variance of the sum / sum of variances - 1) / (N - 1); about 0 where they are independent, 1 where all do the
same. It is the largest over bins of 20 ms, 100 ms, 200 ms and 1 s. `burst` is the largest rate of a whole population
over its mean, in bins with 30 spikes on average at least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.spikes import cv_per_neuron, inter_spike_intervals

if TYPE_CHECKING:
    from dtbsim.store.run import Run

F64 = NDArray[np.float64]
BINS_MS = (20.0, 100.0, 200.0, 1000.0)
FEWEST_REGIONS = 3
FEWEST_BINS = 20
SPIKES_OF_A_BIN = 30.0
MIN_SPIKES = 4


@dataclass(frozen=True)
class Watched:
    """What is looked at: spiking populations, and (population, variable, whether it is a rate) of mean-field ones.

    The k-th of the latter is the k-th entry of `record.states`, sampled every `sample_ms`.
    """

    spiking: tuple[str, ...]
    regions: tuple[tuple[str, str, bool], ...]
    sample_ms: float
    cv_of: bool = False
    """Whether spikes are recorded, from which the CV of inter-spike intervals is computed."""


def observe(run: Run, watched: Watched) -> dict[str, Any]:
    """Columns of a run: `rate.NAME`, `slowest.NAME`, `fastest.NAME` (of single regions), `together`, `burst`, ...

    Of an ensemble `members` holds those of each.
    """
    settled_ms = float((run.config.get("simulation") or {}).get("settling_ms") or 0.0)
    summary = run.summary
    count = (summary.get("members") or {}).get("count") if isinstance(summary.get("members"), Mapping) else None
    count = count if count is not None else _members(run)
    if count is None:
        found = _spiking(run, watched, settled_ms) | _regions(run, watched, settled_ms, None)
        found |= {key: summary.get(key) for key in ("synchrony", "mean_abs_fc", "fc_correlation")}
        found["together"] = _largest(found, "together.")
        found["burst"] = _largest(found, "burst.")
        return found
    rows = []
    for member in range(count):
        row = _regions(run, watched, settled_ms, member)
        for key in ("mean_abs_fc", "fc_correlation"):
            values = summary.get(key)
            row[key] = values[member] if isinstance(values, list) else None
        row["together"] = _largest(row, "together.")
        row["burst"] = None
        rows.append(row)
    return {"members": rows}


def _members(run: Run) -> int | None:
    ensemble = run.config.get("ensemble")
    return len(ensemble["members"]) if ensemble else None


def _largest(found: Mapping[str, Any], start: str) -> float | None:
    values = [value for key, value in found.items() if key.startswith(start) and value is not None]
    return max(values) if values else None


def _spiking(run: Run, watched: Watched, settled_ms: float) -> dict[str, Any]:
    """Of the populations that spike; those without neurons in regions have no regions to move together."""
    found: dict[str, Any] = {}
    if not watched.spiking:
        return found
    rates = run.rates().sel(time_ms=slice(settled_ms, None))
    table = run.populations
    bin_ms = float(rates.time_ms[1] - rates.time_ms[0]) if rates.time_ms.size > 1 else np.inf
    for name in watched.spiking:
        rows = table[table["family"] == name]
        values = np.asarray(rates.sel(population=list(rows["name"])).values, np.float64)
        sizes = rows["size"].to_numpy(np.float64)
        whole = values @ sizes / sizes.sum()
        found |= _of_regions(name, values, bin_ms)
        found[f"rate.{name}"] = float(whole.mean())
        found[f"burst.{name}"] = burst(whole, float(sizes.sum()), bin_ms)
        if watched.cv_of:
            found[f"cv.{name}"] = _cv(run, name, rows)
    return found


def _cv(run: Run, name: str, rows: Any) -> float | None:
    steps, gids = run.spike_steps(name)
    first, last = int(rows["gid0"].min()), int((rows["gid0"] + rows["size"]).max())
    values = cv_per_neuron(inter_spike_intervals(steps, gids, gid0=first, size=last - first), min_spikes=MIN_SPIKES)
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else None


def _regions(run: Run, watched: Watched, settled_ms: float, member: int | None) -> dict[str, Any]:
    """Of the mean-field populations."""
    found: dict[str, Any] = {}
    for k, (name, variable, is_rate) in enumerate(watched.regions):
        states = run.states(k, settled_ms)[variable]
        if member is not None:
            states = states.isel(member=member)
        values = np.asarray(states.values, np.float64).reshape(states.shape[0], -1)
        found |= _of_regions(name, values, watched.sample_ms) if is_rate else {}
        found[f"together.{name}"] = together(values, watched.sample_ms)
        if is_rate:
            found[f"rate.{name}"] = float(values.mean())
    return found


def _of_regions(name: str, values: F64, bin_ms: float) -> dict[str, Any]:
    means = values.mean(axis=0)
    return {
        f"slowest.{name}": float(means.min()),
        f"fastest.{name}": float(means.max()),
        f"together.{name}": together(values, bin_ms),
    }


def together(values: F64, bin_ms: float) -> float | None:
    """Mean correlation of the columns of float64[time, regions], see the module's text; None: too few of either."""
    n = values.shape[1]
    if n < FEWEST_REGIONS:
        return None
    found = []
    for width_ms in BINS_MS:
        width = max(1, round(width_ms / bin_ms))
        bins = len(values) // width
        if bins < FEWEST_BINS:
            break
        means = values[: bins * width].reshape(bins, width, n).mean(axis=1)
        single = float(means.var(axis=0).sum())
        if single > 0:
            found.append((float(means.sum(axis=1).var()) / single - 1) / (n - 1))
    return max(found) if found else None


def burst(whole: F64, neurons: float, bin_ms: float) -> float | None:
    """Largest rate over mean rate, float64[time] of `neurons`; None without spikes, or with too few of them."""
    mean = float(whole.mean()) if whole.size else 0.0
    if mean <= 0:
        return None
    width = max(1, int(np.ceil(SPIKES_OF_A_BIN / (mean * neurons * bin_ms * 1e-3))))
    bins = len(whole) // width
    if bins < FEWEST_BINS:
        return None
    return float(whole[: bins * width].reshape(bins, width).mean(axis=1).max()) / mean
