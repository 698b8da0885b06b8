"""What the network did as a whole: synchrony, FC, and warnings where they make results meaningless."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.collective import SynchronyMeter, activity_warnings, fc_warnings
from dtbsim.analysis.fc import MIN_REGIONS, MIN_SAMPLES, constant_regions, fc_correlation, functional_connectivity
from dtbsim.errors import InputError
from dtbsim.record.counts import I64
from dtbsim.spec.network import Network

if TYPE_CHECKING:
    from dtbsim.simulate.recorders import Recorders


class SynchronyStream:
    """The index of synchrony of all neurons but sources, from the start of the statistics on; lives on rank 0.

    `unit_steps` is the length of the bins in which spikes are counted.
    """

    def __init__(self, network: Network, unit_steps: int) -> None:
        chosen = [not network.families[p.family].model.is_source for p in network.populations]
        self._chosen: NDArray[np.bool_] = np.array(chosen)
        neurons = sum(p.size for p, counted in zip(network.populations, chosen, strict=True) if counted)
        unit_ms = unit_steps * network.dt_ms
        self._meter = SynchronyMeter(neurons, unit_ms)
        self._skip = math.ceil(network.config.analysis.statistics_start_ms / unit_ms - 1e-9)

    def take(self, counts: I64) -> None:
        """Go on by `counts`, int64[units, all populations]."""
        skipped = min(self._skip, len(counts))
        self._skip -= skipped
        self._meter.add(counts[skipped:, self._chosen].sum(axis=1))

    def index(self) -> float | None:
        """The index so far, None where there is none (`SynchronyMeter.index`)."""
        return self._meter.index()


def activity_summary(network: Network, recorders: Recorders) -> dict[str, Any]:
    """Entries of summary.json, on rank 0: `synchrony`, `warnings`; with BOLD `mean_abs_fc`, and `fc_correlation`."""
    synchrony = recorders.synchrony.index() if recorders.synchrony is not None else None
    warnings = activity_warnings(synchrony)
    found: dict[str, Any] = {"synchrony": synchrony}
    if recorders.bold is not None:
        samples, chosen = recorders.bold.samples, recorders.bold.regions.regions
        known = _connectivity(network, samples, chosen)
        found |= known
        if len(chosen) >= MIN_REGIONS and network.config.bold is not None:
            warnings += fc_warnings(len(samples), network.config.bold.tr_ms * 1e-3, known["mean_abs_fc"])
    return found | {"warnings": warnings}


def _connectivity(network: Network, samples: NDArray[np.float64], chosen: list[int]) -> dict[str, Any]:
    """Return the mean |FC| (None where the data do not allow FC) and, with measured FC, the correlation of the two.

    Both are over the upper triangle of the regions whose signal changes.
    """
    if len(samples) < MIN_SAMPLES or len(chosen) < MIN_REGIONS:
        return {"mean_abs_fc": None}
    moving: NDArray[np.bool_] = ~constant_regions(samples)
    if moving.sum() < MIN_REGIONS:
        return {"mean_abs_fc": None}
    fc = functional_connectivity(samples[:, moving])
    found: dict[str, Any] = {"mean_abs_fc": float(np.abs(fc[np.triu_indices(len(fc), 1)]).mean())}
    measured = None if network.atlas is None else network.atlas.fc
    if measured is not None:
        regions = np.array(chosen)[moving]
        with contextlib.suppress(InputError):  # one of the two is the same for all pairs
            found["fc_correlation"] = fc_correlation(fc, np.asarray(measured)[np.ix_(regions, regions)])
    return found
