"""What kinds of drives give, compiled for each population that a drive reaches, as fields of `spec.network.Drive`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dtbsim.config import drives as cfg
from dtbsim.config.parts import OffGrid, SpikeArrays
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel
from dtbsim.models.drives import DriveKind, drive_kind_of
from dtbsim.models.drives.check import input_of
from dtbsim.models.drives.inputs import (
    Input,
    InputCurrent,
    ListedSpikes,
    NoisyCurrent,
    PoissonSpikes,
    Trains,
)
from dtbsim.models.drives.waveforms import FloatArray, Noise, Sine
from dtbsim.numerics.limits import MAX_MEAN
from dtbsim.spec.distributions import Table, table_at
from dtbsim.spec.drive_changes import Stretch, piecewise, told_at
from dtbsim.spec.drive_rates import OwnMeans
from dtbsim.spec.numbers import Numbers, PerNeuron, Quantity, Spread, extremes, varies_within
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft
from dtbsim.spec.region_items import by_position
from dtbsim.spec.spike_trains import IntArray, listed_spikes, read_spike_trains, spikes_path


@dataclass
class DriveDraft:
    """A drive on one family whose weight is not yet in quanta, in one of its stretches, or (currents) all of them."""

    name: str
    path: str
    item: cfg.Windowed
    family: Draft
    channel: int
    weights: FloatArray
    """In every region of the population."""
    base: cfg.Windowed
    """The drive at first: its windows are those of the whole."""
    stretches: tuple[Stretch, ...]
    whole: tuple[Stretch, ...]
    """All stretches of the drive."""


@dataclass(frozen=True, eq=False)
class SiteOf:
    """Where a drive is compiled, see `dtbsim.models.drives.Site`; `item` is the configuration as it was written."""

    item: cfg.Windowed
    path: str
    family: Draft
    position: int
    numbers: Numbers
    dt_ms: float

    @property
    def size(self) -> int:
        """Neurons of the population."""
        return int(self.family.sizes[self.position])

    @property
    def model(self) -> NeuronModel:
        """Their model, as the configuration names it."""
        return self.family.declared

    def error(self, key: str, message: str, remedy: str | None = None) -> InputError:
        """Return the error that a key is wrong."""
        return self.numbers.places.error(f"{self.path}.{key}" if key else self.path, message, remedy)

    def steps(self, key: str, time_ms: float) -> int:
        """Return the whole number of steps that a time is."""
        return self.numbers.places.steps(time_ms, self.dt_ms, f"{self.path}.{key}")

    def parameter(self, name: str) -> float:
        """Return a parameter of the neurons, which must be the same for all of them here."""
        row = self.model.parameter(name)
        value: Quantity = self.family.parameters.get(name, row.default)
        if isinstance(value, np.ndarray):
            return float(value[self.position])
        if varies_within(value):
            raise InputError(f"{name} differs between the neurons of population '{self.family.name}'")
        return float(value)  # type: ignore[arg-type]

    def quantiles(self, key: str) -> FloatArray:
        """Return quantiles of the number or distribution at a key."""
        return table_at(getattr(self.item, key), f"{self.path}.{key}", self.numbers.places).quantiles

    def rate_hz(self, key: str) -> float | OwnMeans:
        """Return the rate at a key, one or one for each neuron."""
        path, places, family = f"{self.path}.{key}", self.numbers.places, self.family
        rates = self.numbers.quantity(getattr(self.item, key), family.regions, family.sizes, path)
        if isinstance(rates, Spread):
            rates = rates.table_of(self.position)
        if isinstance(rates, np.ndarray):
            rates = float(rates[self.position])
        low, high = extremes(rates)
        if low < 0 and isinstance(rates, Table):
            raise places.error(path, f"rates down to {low:.4g} Hz; allowed: at least 0", "bound it: `low: 0`")
        if low == high:
            return low
        table, listed = (rates if isinstance(rates, kind) else None for kind in (Table, PerNeuron))
        return OwnMeans(table, listed, self.position, self.dt_ms, low, high)  # type: ignore[arg-type]

    def numbers_of(self, key: str, file: str, column: str | None) -> FloatArray:
        """Return the numbers of a file that is named at a key."""
        return self.numbers.from_file(file, column, f"{self.path}.{key}")

    def listed_spikes(self, spikes: SpikeArrays | None, file: str | None, off_grid: OffGrid) -> IntArray:
        """Return the spikes at the keys `spikes` or `file`."""
        grid, places = (self.dt_ms, off_grid), self.numbers.places
        if spikes is not None:
            return listed_spikes(spikes, self.size, grid, f"{self.path}.spikes", places)
        where = f"{self.path}.file"
        return read_spike_trains(
            spikes_path(self.numbers.base, str(file), where, places), self.size, grid, where, places
        )


class Inputs:
    """Compiles what drives give. Populations with the same numbers share it, and stretches of a drive their trains."""

    def __init__(self, numbers: Numbers, dt_ms: float) -> None:
        self._numbers, self._dt_ms = numbers, dt_ms
        self._trains: dict[tuple[int, str, int], list[Trains]] = {}

    def of(self, draft: DriveDraft, chosen: Sequence[int]) -> list[tuple[cfg.Windowed, dict[str, Any]]]:
        """Return the configuration of a draft with plain numbers, and its fields, for the populations in regions."""
        kind = drive_kind_of(draft.item)
        same: dict[tuple[int, ...], dict[str, Any]] = {}
        result = []
        for position, items in zip(chosen, self._plain(draft, draft.stretches, chosen), strict=True):
            key = (*map(id, items), *([position] if kind.by_population else []))
            if key not in same:
                made = [
                    self._compile(kind, stretch, item, draft, position)
                    for stretch, item in zip(draft.stretches, items, strict=True)
                ]
                if isinstance(made[0], Trains) and len(draft.whole) > 1:
                    made = [self._joined(kind, draft, position)[draft.whole.index(draft.stretches[0])]]
                same[key] = self._fields(made, draft, position)
            result.append((items[0], same[key]))
        return result

    def _plain(
        self, draft: DriveDraft, stretches: Sequence[Stretch], chosen: Sequence[int]
    ) -> list[tuple[cfg.Windowed, ...]]:
        """The configuration in each of some stretches, for each region, with plain numbers."""
        columns = []
        for stretch in stretches:
            with told_at(stretch.path, self._numbers.places):
                left_out = stretch.item.per_neuron
                columns.append(
                    by_position(stretch.item, draft.family, chosen, draft.path, self._numbers, left_out=left_out)
                )
        return list(zip(*columns, strict=True))

    def _compile(
        self, kind: DriveKind, stretch: Stretch, item: cfg.Windowed, draft: DriveDraft, position: int
    ) -> Input:
        places = self._numbers.places
        site = SiteOf(stretch.item, draft.path, draft.family, position, self._numbers, self._dt_ms)
        try:
            made: Input = input_of(kind, item, site)
        except InputError as error:
            if error.where is None or error.where.partition(":")[0].endswith(".py"):
                raise places.at(draft.path, error) from None
            raise
        return made

    def _joined(self, kind: DriveKind, draft: DriveDraft, position: int) -> list[Trains]:
        """The trains of all stretches of a drive."""
        key = id(draft.whole), draft.family.name, position
        if key not in self._trains:
            (items,) = self._plain(draft, draft.whole, [position])
            made: list[Any] = [
                self._compile(kind, stretch, item, draft, position)
                for stretch, item in zip(draft.whole, items, strict=True)
            ]
            self._trains[key] = made[0].joined([stretch.start for stretch in draft.whole], made)
        return self._trains[key]

    def _fields(self, made: list[Input], draft: DriveDraft, position: int) -> dict[str, Any]:
        starts, first = [stretch.start for stretch in draft.stretches], made[0]
        if isinstance(first, PoissonSpikes):
            return {"kind": "poisson", "shared": first.shared, **self._rate(first, draft, position)}
        if isinstance(first, ListedSpikes):
            return {"kind": "events", "events": first.events}
        if isinstance(first, Trains):
            return {"kind": "trains", "shared": first.shared, "trains": first}
        if isinstance(first, InputCurrent):
            waves = [part.wave for part in made if isinstance(part, InputCurrent)]
            return {"kind": "current", "wave": piecewise(starts, waves)}
        parts = [part for part in made if isinstance(part, NoisyCurrent)]
        on = [stretch.on for stretch in draft.stretches]
        means, sds = (
            piecewise(starts, [wave if is_on else Sine() for wave, is_on in zip(waves, on, strict=True)])
            for waves in ([part.mean for part in parts], [part.sd for part in parts])
        )
        noise = Noise(sds, first.interval, first.tau_ms)
        return {"kind": "noise", "wave": means, "noise": noise, "shared": first.shared}

    def _rate(self, given: PoissonSpikes, draft: DriveDraft, position: int) -> dict[str, Any]:
        """Events per step: the largest mean, and where the neurons differ that of each; or a rate in time."""
        rate, path, places = given.rate, f"{draft.path}.{given.key}", self._numbers.places
        if isinstance(rate, int | float):
            mean = rate * self._dt_ms * 1e-3
            _check_mean(mean, path, places)
            return {"mean": mean}
        if isinstance(rate, OwnMeans):
            for end in (rate.low, rate.high):
                _check_mean(end * self._dt_ms * 1e-3, path, places)
            if given.shared:
                message = "shared: true gives all targets one train; these rates differ between the neurons"
                raise places.error(path, message)
            return {"mean": rate.high * self._dt_ms * 1e-3, "own_means": rate}
        _check_mean(given.peak_hz * self._dt_ms * 1e-3, path, places)
        return {"rate": rate}


def _check_mean(mean: float, path: str, places: Places) -> None:
    if not 0 <= mean <= MAX_MEAN:
        raise places.error(
            path,
            f"{mean:g} events per step; allowed: 0 to {MAX_MEAN:g}",
            "use a shorter dt_ms, or fewer events with a larger weight",
        )
