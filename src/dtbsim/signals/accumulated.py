"""Signals that are sums over the samples of another one: what all of them have in common.

A sum is stored from time to time, so that a run that goes on can be looked at, and at its end; what was stored last
counts. It is never stored before twice as many samples as the time before, so that stores stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.signals.following import FollowingPlan, FollowingStream
from dtbsim.signals.stream import Signal

if TYPE_CHECKING:
    from dtbsim.signals.stream import Site
    from dtbsim.store.accumulated import Accumulated

F64 = NDArray[np.float64]


class AccumulatedSignal(Signal):
    """A kind whose store holds sums."""

    part = "signals"
    holds = "accumulated"

    def stored(self, run: Any, name: str) -> Accumulated:
        """What was stored last."""
        from dtbsim.store.accumulated import read_accumulated

        return read_accumulated(run.stored(f"{self.folder}/{name}.zarr", f"signals.{name}"))


class AccumulatedStream(FollowingStream):
    """Sums, and their store."""

    def __init__(self, plan: FollowingPlan, site: Site, shapes: dict[str, tuple[int, ...]], **more: int) -> None:
        from dtbsim.store.accumulated import AccumulatedWriter

        super().__init__(plan, site)
        path = site.stores / "signals" / f"{plan.name}.zarr"
        followed = plan.followed
        attributes = {
            "signal": plan.kind,
            "of": plan.of,
            "channels": list(followed.channels),
            "unit": followed.unit,
            "interval_ms": followed.interval_ms,
            **more,
        }
        self._writer = AccumulatedWriter(path, attributes, shapes)
        self._written = 0

    @property
    def count(self) -> int:
        """Over how many samples (or segments) it is."""
        raise NotImplementedError

    def sums(self) -> dict[str, F64]:
        """What is stored, by the names of the shapes."""
        raise NotImplementedError

    def store_if_due(self) -> None:
        """Store it where that was long ago."""
        if self._writer.due and self.count >= 2 * max(self._written, 1):
            self._store()

    def _store(self) -> None:
        self._writer.append(self.count, self.sums())
        self._written = self.count

    def close(self) -> None:
        """Publish the final sums."""
        if self._writer.usable:
            self._store()
        self._writer.close()


class Moments:
    """Means and products of deviations of n channels, sample by sample (Welford 1962; Chan et al. 1983)."""

    def __init__(self, n: int) -> None:
        self.count = 0
        self.mean = np.zeros(n)
        self.products = np.zeros((n, n))
        """Sums over samples of the products of deviations from the means; symmetric."""

    def add(self, rows: F64) -> None:
        """Go on by samples float64[k, n], one after the other."""
        for row in rows:
            self.count += 1
            deviation = row - self.mean
            self.mean += deviation / self.count
            self.products += np.multiply.outer(deviation, deviation) * ((self.count - 1) / self.count)

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        return {"count": np.array(self.count), "mean": self.mean.copy(), "products": self.products.copy()}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self.count = int(state["count"])
        self.mean, self.products = np.array(state["mean"]), np.array(state["products"])


def check_one(series: Any) -> None:
    """InputError for a series of several members of an ensemble."""
    if "member" in series.dims:
        raise InputError(
            f"'{series.name}' is of {series.sizes['member']} members of an ensemble",
            remedy="give one of them, series.isel(member=0), or let an entry of `signals` with this kind follow it",
        )


def correlations(products: F64) -> F64:
    """Pearson correlations float64[n, n] of products of deviations; NaN in rows and columns of what does not change.

    A deviation below 1e-10 of the largest counts as rounding.
    """
    spread = np.sqrt(np.diag(products))
    norm = np.where(spread > 1e-10 * spread.max(initial=0.0), spread, np.nan)
    found: F64 = np.clip(products / norm[:, None] / norm[None, :], -1.0, 1.0)
    np.fill_diagonal(found, np.where(np.isnan(norm), np.nan, 1.0))
    return found
