"""BOLD of the regions, computed on rank 0 from their rates while the simulation runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import steps_of
from dtbsim.config.run import Bold
from dtbsim.errors import InputError
from dtbsim.record.counts import Bins
from dtbsim.signals.bold import MAX_STEP_S, BalloonWindkessel
from dtbsim.spec.network import Network
from dtbsim.store import BoldWriter

F64 = NDArray[np.float64]


class BoldRegions:
    """Which populations make the rate of which region: the regions where the configured ones live, in atlas order."""

    def __init__(self, network: Network, config: Bold) -> None:
        chosen = [config.population] if isinstance(config.population, str) else config.population
        families = {network.family_index(name) for name in chosen}
        members = [i for i, p in enumerate(network.populations) if p.family in families and p.region >= 0]
        if not members:
            raise InputError(
                f"{', '.join(chosen)} live(s) in no region of an atlas",
                where="bold.population",
                remedy="give the population `regions`, or leave bold out",
            )
        self.regions = sorted({network.populations[i].region for i in members})
        self.names = [network.region_names[region] for region in self.regions]
        self.populations = np.array(members, dtype=np.int64)
        column = {region: k for k, region in enumerate(self.regions)}
        self._region = np.array([column[network.populations[i].region] for i in members])
        sizes = np.array([network.populations[i].size for i in members], dtype=np.float64)
        self._neurons = np.bincount(self._region, sizes, len(self.regions))

    def rates_hz(self, counts: NDArray[np.int64], bin_s: float) -> F64:
        """Mean rate per bin and region, float64[bins, regions], from the counts of `populations` per bin."""
        rates = np.zeros((len(counts), len(self.regions)))
        for column, region in enumerate(self._region.tolist()):
            rates[:, region] += counts[:, column]
        return rates / (self._neurons * bin_s)


def bold_bin_steps(network: Network, config: Bold) -> int:
    """The longest bin of at most MAX_STEP_S that divides repetition time and discarded time, in steps."""
    dt = network.dt_ms
    tr, discard = steps_of(config.tr_ms, dt), steps_of(config.discard_ms, dt)
    largest = max(1, int(MAX_STEP_S * 1e3 / dt + 1e-9))
    both = int(np.gcd(tr, discard)) if discard else tr
    return next(steps for steps in range(min(largest, both), 0, -1) if both % steps == 0)


class BoldStream:
    """Feeds the haemodynamic model and stores what comes out; keeps the samples for the connectivity at the end."""

    def __init__(self, network: Network, config: Bold, regions: BoldRegions, unit_steps: int, path: Path) -> None:
        bin_steps = bold_bin_steps(network, config)
        self.regions = regions
        self._bin_s = bin_steps * network.dt_ms * 1e-3
        self._bins = Bins(bin_steps // unit_steps, regions.populations.size)
        self._model = BalloonWindkessel(
            len(regions.regions),
            dt_s=self._bin_s,
            tr_s=config.tr_ms * 1e-3,
            discard_s=config.discard_ms * 1e-3,
            gain_per_hz=config.gain_per_hz,
            rho=config.rho,
            alpha=config.alpha,
            tau_s=config.tau_s,
            kappa_per_s=config.kappa_per_s,
            gamma_per_s=config.gamma_per_s,
            V0=config.V0,
            k1=config.k1,
            k2=config.k2,
            k3=config.k3,
        )
        self._writer = BoldWriter(path, regions.names, config.tr_ms, first_ms=config.discard_ms + config.tr_ms)
        self._samples: list[F64] = []

    def take(self, counts: NDArray[np.int64]) -> None:
        """Go on by `counts`, int64[units, all populations]."""
        bins = self._bins.add(counts[:, self.regions.populations])
        due = self._model.step(self.regions.rates_hz(bins, self._bin_s))
        if len(due):
            self._samples.append(due)
            self._writer.append(due)

    @property
    def samples(self) -> F64:
        """All samples so far, float64[samples, regions]."""
        return np.concatenate(self._samples) if self._samples else np.zeros((0, len(self.regions.regions)))

    def close(self) -> None:
        """Publish everything."""
        self._writer.close()
