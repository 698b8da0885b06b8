"""What a simulation gives to objectives: BOLD, FC, rates and spectra of one evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.fc import functional_connectivity
from dtbsim.errors import InputError
from dtbsim.given import resolve

if TYPE_CHECKING:
    from dtbsim.config import RunConfig
    from dtbsim.store.run import Run

F64 = NDArray[np.float64]
RATES_EVERY_MS = 100.0


@dataclass(eq=False)
class Simulated:
    """One evaluation; what was not recorded raises InputError when it is asked for.

    Attributes:
        run: the opened run; of an ensemble it holds all members.
        member: which of them, None of a run without ensemble.
        values: what was set, by key.
    """

    run: Run
    member: int | None
    values: Mapping[str, Any]

    def of_member(self, found: Any) -> Any:
        """The part of this evaluation of an xarray object."""
        return found.isel(member=self.member) if self.member is not None and "member" in found.dims else found

    @cached_property
    def _bold(self) -> Any:
        return self.of_member(self.run.bold())

    @property
    def bold(self) -> F64:
        """float64[samples, regions]."""
        return np.asarray(self._bold.values, np.float64)

    @property
    def tr_s(self) -> float:
        """Time between samples of BOLD (s)."""
        times = self._bold["time_s"].values
        return float(times[1] - times[0])

    @cached_property
    def fc(self) -> F64:
        """float64[n, n]: correlations of BOLD. InputError where a region does not change."""
        return functional_connectivity(self.bold)

    @cached_property
    def rates_hz(self) -> dict[str, float]:
        """Mean rate of every population after the settling time (Hz); of mean fields where their model has a rate."""
        return {name: float(values.mean()) for name, values in self.region_rates_hz.items()}

    @cached_property
    def region_rates_hz(self) -> dict[str, F64]:
        """Mean rates of the regions (or parts) of every population, float64[regions]."""
        after_ms = float((self.run.config.get("simulation") or {}).get("settling_ms") or 0.0)
        found: dict[str, F64] = {}
        for k, entry in enumerate((self.run.config.get("record") or {}).get("states") or []):
            name, variable = rate_variable(self.run, str(entry["population"])) or ("", "")
            if variable in entry["variables"] and name not in found:
                states = self.of_member(self.run.states(k, start_ms=after_ms)[variable])
                found[name] = np.asarray(states.mean("time_ms").values, np.float64)
        if (self.run.path / "stores" / "rates.zarr").is_dir():
            rates = self.of_member(self.run.rates(start_ms=after_ms)).mean("time_ms").to_series()
            families = self.run.populations.set_index("name")["family"]
            for family in dict.fromkeys(families):
                found[str(family)] = rates[families.index[families == family]].to_numpy(np.float64)
        return found

    def configuration(self) -> tuple[RunConfig, Path]:
        """The configuration of this evaluation alone, and the folder that its paths are relative to."""
        ensemble = self.run.config.get("ensemble") or {}
        values = {} if self.member is None else dict(ensemble["members"][self.member])
        config, base_dir, _ = resolve(self.run.path / "config.yaml", {"ensemble": None, **values})
        return config, base_dir

    def spectrum(self, name: str) -> tuple[F64, F64]:
        """Frequencies float64[f] (Hz) and power densities float64[f, channels] of an entry of `signals`."""
        found = self.of_member(self.run.signal(name))
        frequencies = np.asarray(found["frequency_hz"].values, np.float64)
        return frequencies, np.asarray(found.transpose("frequency_hz", ...).values, np.float64)

    def signal(self, name: str) -> Any:
        """An entry of `signals`, as an xarray object."""
        return self.of_member(self.run.signal(name))


def rate_variable(run: Run, population: str) -> tuple[str, str] | None:
    """The population and the variable that is its rate in Hz; None where its model has none."""
    config = (run.config.get("populations") or {}).get(population) or {}
    found = rate_of(str(config.get("model")), run.path)
    return None if found is None else (population, found)


def rate_of(model: str, base_dir: Any = None) -> str | None:
    """The variable of a region model that is its rate; None where there is none, or it is a model of neurons."""
    from dtbsim.models.region_own import find_region_model, is_region_model

    if not is_region_model(model, base_dir):
        return None
    rows = [row.variable for row in find_region_model(model, base_dir=base_dir).reads if row.signal == "rate"]
    return rows[0] if rows and rows[0].endswith("_Hz") else None


def has_fc(simulated: Simulated) -> bool:
    """Whether BOLD was simulated and every region changes."""
    try:
        return bool(simulated.fc.size)
    except InputError:
        return False
