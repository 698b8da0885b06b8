"""What a drive is: one object with its configuration class, which says what it gives a population.

`compile` returns one of a few inputs (`dtbsim.models.drives.inputs`) that the engine can step on CPUs and GPUs:
Poisson spikes, listed spikes, spike trains that are drawn as the run goes on, a current, a noisy current. A drive of
another package needs nothing else.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.drives import Windowed
from dtbsim.config.parts import OffGrid, SpikeArrays
from dtbsim.errors import InputError
from dtbsim.models.base import NeuronModel
from dtbsim.models.drives.inputs import Input, OwnRates


class Site(Protocol):
    """Where a drive is compiled: for a population, in one of its regions."""

    @property
    def dt_ms(self) -> float:
        """Time step."""
        ...

    @property
    def size(self) -> int:
        """Neurons of the population, those that the drive does not reach among them."""
        ...

    @property
    def model(self) -> NeuronModel:
        """Their model, as the configuration names it."""
        ...

    def parameter(self, name: str) -> float:
        """Return a parameter of the neurons. InputError where the model has none, or where it differs between them."""
        ...

    def quantiles(self, key: str) -> NDArray[np.float64]:
        """Return quantiles at 0, 1 / n, ..., 1 of the number or distribution at a key, float64[n + 1], ascending."""
        ...

    def rate_hz(self, key: str) -> float | OwnRates:
        """Return the rate at a key that the configuration class lists in `per_neuron`."""
        ...

    def steps(self, key: str, time_ms: float) -> int:
        """Return the whole number of steps that a time is. InputError at the key where it is none."""
        ...

    def listed_spikes(self, spikes: SpikeArrays | None, file: str | None, off_grid: OffGrid) -> NDArray[np.int64]:
        """Return int64[n, 2] (step, neuron) of the spikes at the keys `spikes` or `file`, checked."""
        ...

    def numbers_of(self, key: str, file: str, column: str | None) -> NDArray[np.float64]:
        """Return float64[n], the numbers of a file (.npy, .npz, .csv) that is named at a key, checked."""
        ...

    def error(self, key: str, message: str, remedy: str | None = None) -> InputError:
        """Return the error that a key is wrong, to be raised."""
        ...


class DriveKind:
    """One kind of drive. Objects have no state: everything of a drive is in its configuration."""

    config: ClassVar[type[Windowed]]
    """Derived from `Spiking` or `Current`."""
    by_population: ClassVar[bool] = False
    """Whether `compile` looks at more than the configuration: at neurons, parameters, rates that differ, files."""

    @property
    def kind(self) -> str:
        """The name of the drive."""
        return str(self.config.model_fields["kind"].default)

    def compile(self, item: Any, site: Site) -> Input:
        """Return what the neurons get; `item` has plain numbers where the configuration gives them by region."""
        raise NotImplementedError
