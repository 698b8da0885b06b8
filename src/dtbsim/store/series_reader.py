"""Rates, states, correlations, BOLD and other signals of a run as xarray objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.store.files import RESTORE
from dtbsim.store.network_table import NetworkTable
from dtbsim.store.published import rank_stores
from dtbsim.store.table_reader import TableReader

if TYPE_CHECKING:
    import xarray as xr


def read_rates(path: Path) -> xr.DataArray:
    """Return spikes per neuron and second, float64 (time_ms, population), with the counts' bin in `attrs`.

    time_ms is the start of a bin, which holds the spikes with time_ms < t <= time_ms + bin_ms.
    """
    import xarray as xr

    table = TableReader(path, "rates")
    bin_ms, start_ms = float(table.attribute("bin_ms")), float(table.attribute("start_ms"))
    sizes = np.asarray(table.attribute("sizes"), np.float64)
    rates = table.read("count") / (sizes * (bin_ms * 1e-3))
    return xr.DataArray(
        rates,
        dims=("time_ms", "population"),
        coords={
            "time_ms": start_ms + bin_ms * np.arange(len(rates)),
            "population": table.attribute("populations"),
            "size": ("population", np.asarray(table.attribute("sizes"), np.int64)),
        },
        name="rate",
        attrs={"units": "Hz", "bin_ms": bin_ms, "start_ms": start_ms},
    )


def read_bold(path: Path, members: Mapping[str, Any] | None = None) -> xr.DataArray:
    """Return BOLD, float64 (time_s, region); of an ensemble, with coordinates of `members`, by member, too."""
    import xarray as xr

    table = TableReader(path, "bold")
    tr_ms, first_ms = float(table.attribute("tr_ms")), float(table.attribute("first_ms"))
    bold, regions = table.read("bold"), table.attribute("regions")
    dims = ("time_s", "member", "region") if members else ("time_s", "region")
    if members:
        bold = bold.reshape(len(bold), -1, len(regions))
    return xr.DataArray(
        bold,
        dims=dims,
        coords={"time_s": (first_ms + tr_ms * np.arange(len(bold))) * 1e-3, "region": regions, **(members or {})},
        name="bold",
        attrs={"units": "1", "kind": "bold", "tr_s": tr_ms * 1e-3},
    )


def read_signal(path: Path, members: Mapping[str, Any] | None = None) -> xr.DataArray:
    """Return a signal, float64 (time_ms, channel), with its kind, unit and sampling interval in `attrs`.

    Of an ensemble (time_ms, member, channel), with the coordinates `members`.
    """
    import xarray as xr

    table = TableReader(path, "signal")
    interval_ms, first_ms = float(table.attribute("interval_ms")), float(table.attribute("first_ms"))
    values, channels = table.read("value"), table.attribute("channels")
    dims = ("time_ms", "member", "channel") if members else ("time_ms", "channel")
    if members:
        values = values.reshape(len(values), values.shape[1] // len(channels), len(channels))
    return xr.DataArray(
        values,
        dims=dims,
        coords={"time_ms": first_ms + interval_ms * np.arange(len(values)), "channel": channels, **(members or {})},
        name=path.stem,
        attrs={"units": table.attribute("unit"), "kind": table.attribute("signal"), "interval_ms": interval_ms},
    )


def read_weights(folder: Path, ranks: int, start_ms: float | None = None, stop_ms: float | None = None) -> xr.DataArray:
    """Return recorded weights of all ranks, float64 (time_ms, synapse), with source, target (gids) and delay_ms.

    Samples are those of start_ms < t <= stop_ms; without bounds all, the one at time 0 included.

    Synapses are in the order of target, source, delay, first weight. Of a run that goes on or was killed, samples are
    shown that every rank has stored.
    """
    import xarray as xr

    tables = [TableReader(path, "weights") for path in rank_stores(folder, ranks)]
    samples = min(table.rows for table in tables)
    steps = tables[0].read("step", 0, samples)
    dt_ms = float(tables[0].attribute("dt_ms"))
    first, last = rows_between(steps * dt_ms, start_ms, stop_ms)
    source, target, delay = (np.concatenate([t.constant(n) for t in tables]) for n in ("source", "target", "delay"))
    values = np.concatenate([table.read("weight", first, last) for table in tables], axis=1)
    order = np.argsort(target, kind="stable")  # a target is on one rank
    return xr.DataArray(
        values[:, order],
        dims=("time_ms", "synapse"),
        coords={
            "time_ms": steps[first:last] * dt_ms,
            "source": ("synapse", source[order]),
            "target": ("synapse", target[order]),
            "delay_ms": ("synapse", delay[order] * dt_ms),
        },
        name="weight",
    )


def read_correlation(path: Path) -> xr.Dataset:
    """Return a cross-correlation histogram by lag, tau_ms = time of the second - time of the first population's bin.

    `count`: int64, sum over bins t of n_first(t) n_second(t + tau). `pairs`: int64, how many such bins there are.
    `covariance`: float64, count / pairs minus the product of the mean counts per bin.
    """
    import xarray as xr

    table = TableReader(path, "correlation")
    lags, bin_ms = int(table.attribute("lags")), float(table.attribute("bin_ms"))
    first, second = table.attribute("populations")
    last = max(0, table.rows - 1)
    bins = int(table.read("bins", last).sum())
    spikes = table.read("spikes", last).sum(axis=0)
    count = table.read("count", last).sum(axis=0)  # of no row yet: zeros
    lag = np.arange(-lags, lags + 1)
    pairs = np.maximum(bins - np.abs(lag), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = count / pairs - (spikes[0] / bins) * (spikes[1] / bins) if bins else np.full(lag.size, np.nan)
    return xr.Dataset(
        {"count": ("tau_ms", count), "pairs": ("tau_ms", pairs), "covariance": ("tau_ms", covariance)},
        coords={"tau_ms": lag * bin_ms},
        attrs={
            "first": first,
            "second": second,
            "bin_ms": bin_ms,
            "start_ms": float(table.attribute("start_ms")),
            "bins": bins,
            "spikes_first": int(spikes[0]),
            "spikes_second": int(spikes[1]),
        },
    )


def read_states(
    folder: Path, ranks: int, network: NetworkTable, start_ms: float | None = None, stop_ms: float | None = None
) -> xr.Dataset:
    """Return the recorded states of all ranks, float32 (time_ms, gid), in the order of the gids.

    time_ms is the end of the step after which a sample was taken; samples are those of
    start_ms < time_ms <= stop_ms. Of a run that goes on or was killed, samples are shown that every rank has stored.
    """
    import xarray as xr

    tables = [TableReader(path, "states") for path in rank_stores(folder, ranks)]
    variables = list(tables[0].attribute("variables"))
    samples = min(table.rows for table in tables)
    steps = tables[0].read("step", 0, samples)
    for table in tables[1:]:
        if table.attribute("variables") != variables or not np.array_equal(table.read("step", 0, samples), steps):
            raise InputError("variables or steps differ from those of rank 0", where=str(table.path), remedy=RESTORE)
    gids = np.concatenate([table.constant("gid") for table in tables])
    first, last = rows_between(network.time_ms(steps), start_ms, stop_ms)
    values = np.concatenate([table.read("values", first, last) for table in tables], axis=1)
    order = np.argsort(gids, kind="stable")
    gids, values = gids[order], values[:, order]
    names = np.array(network.names, dtype=object)[network.population_of(gids)]
    return xr.Dataset(
        {name: (("time_ms", "gid"), values[:, :, i]) for i, name in enumerate(variables)},
        coords={"time_ms": network.time_ms(steps[first:last]), "gid": gids, "population": ("gid", names)},
        attrs={"interval_ms": tables[0].attribute("interval_steps") * network.dt_ms},
    )


def rows_between(time_ms: NDArray[np.float64], start_ms: float | None, stop_ms: float | None) -> tuple[int, int]:
    """Return the first row and the row after the last one of start_ms < t <= stop_ms (rounding aside)."""
    slack = 1e-9 * float(np.abs(time_ms).max(initial=0.0))
    first = 0 if start_ms is None else int(np.searchsorted(time_ms, start_ms + slack, side="right"))
    last = time_ms.size if stop_ms is None else int(np.searchsorted(time_ms, stop_ms + slack, side="right"))
    return first, max(first, last)
