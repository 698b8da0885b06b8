"""Means and products of the regions of every member of an ensemble: functional connectivity without its series."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.fc import MIN_REGIONS, MIN_SAMPLES, fc_correlation
from dtbsim.errors import InputError
from dtbsim.signals.accumulated import correlations

if TYPE_CHECKING:
    from dtbsim.spec.network import Network

F64 = NDArray[np.float64]


class MemberMoments:
    """As `Moments`, of `members` sets of `n` channels (Welford 1962); every member is worked on by itself."""

    def __init__(self, members: int, n: int) -> None:
        self.count = 0
        self._mean = np.zeros((members, n))
        self._products = np.zeros((members, n, n))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of `sums`."""
        return {"mean": self._mean.shape, "products": self._products.shape}

    def sums(self) -> dict[str, F64]:
        """Means [members, n], and sums of the products of deviations [members, n, n]."""
        return {"mean": self._mean, "products": self._products}

    def add(self, rows: F64) -> None:
        """Go on by samples float64[k, members * n]."""
        for row in rows:
            self.count += 1
            deviation = row.reshape(self._mean.shape) - self._mean
            self._mean += deviation / self.count
            part = (self.count - 1) / self.count
            self._products += (deviation[:, :, None] * deviation[:, None, :]) * part

    def fc(self) -> F64:
        """float64[members, n, n]: correlations; NaN of channels that do not change."""
        return np.array([correlations(products) for products in self._products])

    def summary(self, network: Network, chosen: list[int]) -> dict[str, Any]:
        """Of every member its `mean_abs_fc` and, with measured FC, its `fc_correlation`; None where there is none."""
        if self.count < MIN_SAMPLES or len(chosen) < MIN_REGIONS:
            return {"mean_abs_fc": None}
        measured = None if network.atlas is None else network.atlas.fc
        found: dict[str, list[float | None]] = {"mean_abs_fc": []}
        if measured is not None:
            found["fc_correlation"] = []
        for fc in self.fc():
            moving = np.isfinite(np.diag(fc))
            inside = fc[np.ix_(moving, moving)]
            enough = int(moving.sum()) >= MIN_REGIONS
            mean = float(np.abs(inside[np.triu_indices(len(inside), 1)]).mean()) if enough else None
            found["mean_abs_fc"].append(mean)
            if measured is not None:
                correlation = None
                regions = np.array(chosen)[moving]
                if enough:
                    with contextlib.suppress(InputError):  # one of the two is the same for all pairs
                        correlation = fc_correlation(inside, np.asarray(measured)[np.ix_(regions, regions)])
                found["fc_correlation"].append(correlation)
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        return {"count": np.array(self.count), **{name: values.copy() for name, values in self.sums().items()}}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self.count = int(state["count"])
        self._mean, self._products = np.array(state["mean"]), np.array(state["products"])
