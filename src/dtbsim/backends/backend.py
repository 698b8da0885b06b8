"""What a run needs of the object that steps a rank's neurons, whatever it computes with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.parameters import Chosen, NewValues
from dtbsim.backends.plastic import PlasticWeights
from dtbsim.backends.regions.series import RegionSeries
from dtbsim.backends.regions.state_hash import RegionHasher
from dtbsim.backends.sampling import Sampler
from dtbsim.backends.state import State, Values
from dtbsim.backends.weights import RecordedWeights
from dtbsim.numerics.gids import Gids
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Drive
from dtbsim.spec.region_network import RegionChange, RegionDrive

I64 = NDArray[np.int64]


class Backend(Protocol):
    """Steps the neurons of one rank, chunk by chunk: `advance`, `collect`, samples and counts, `check_finite`.

    Everything that a run that goes on depends on belongs to it: `state` gives it away, `load` takes it. How it lays the
    neurons out, and by which plan it steps them, is known to nobody else. Methods that say *collective* are called on
    all ranks together.
    """

    limit_s: float | None
    """Wall time after which `advance` may end early; None: it does not."""

    @property
    def name(self) -> str:
        """cpu or cuda."""

    @property
    def plan(self) -> str | None:
        """How a GPU steps; None on the CPU."""

    @property
    def n_threads(self) -> int:
        """Threads of this rank."""

    @property
    def reached(self) -> int:
        """Steps done."""

    @property
    def sampler(self) -> Sampler:
        """Sampled states: which neurons' (`records`), and those of the last chunk (`take`)."""

    @property
    def weights(self) -> Sequence[RecordedWeights]:
        """The synapses of each entry of record.weights, and their weights at present."""

    # -- stepping ---------------------------------------------------------------------------------------------

    def compile(self) -> None:
        """Compile what is needed, or load it from the kernel cache, so that the first chunk does not wait for it."""

    def advance(self, start: int, stop: int) -> None:
        """Step from `start`, which is `reached`, to `stop` (exclusive), or until time is up; collective."""

    def collect(self) -> tuple[I64, Gids]:
        """Spikes of this rank since the last call as (step int64[n], gid [n]), in no particular order."""

    def count_spikes(self, unit_steps: int) -> None:
        """From now on, count the spikes per population and unit of so many steps, where that saves the host work."""

    def counts(self) -> I64 | None:
        """int64[units, populations] of the last chunk, whose spikes have been collected; None where not counted."""

    def check_finite(self, start: int, stop: int) -> None:
        """Raise NumericsError if any float state became NaN or infinite in the steps `start` to `stop` (exclusive)."""

    def region_series(self) -> Sequence[RegionSeries]:
        """What the last chunk has brought of the samples of mean-field regions, in their order."""

    def region_share(self, population: int) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Of a population of regions, by its index: first node of this rank and the one after the last, and members."""

    def region_parameter(self, population: int, name: str) -> NDArray[np.float64]:
        """What holds now of a parameter of a population of regions: float64[nodes, members] of this rank."""

    def set_region_parameter(self, population: int, name: str, values: NDArray[np.float64]) -> None:
        """Give the regions of a population new values of a parameter that changes during the run.

        float64[nodes, members], those of this rank (`region_share`).
        """

    def change_regions(self, change: RegionChange) -> None:
        """Give regions other values of a parameter or state, or a coupling another strength, from now on."""

    def set_region_drives(self, drives: Iterable[RegionDrive]) -> None:
        """Drive regions from now on as `drives` say: those of the network, with other values."""

    def set_region_noise_seed(self, seed: int | None) -> None:
        """Draw the noise of regions, and of their drives, from this seed on; None: from that of every member."""

    def region_values(self, population: int, name: str) -> NDArray[np.float64]:
        """float64[nodes, members] of this rank: a parameter or state of a population of regions as it is now."""

    def region_hash(self) -> RegionHasher | None:
        """What hashes the states of mean-field regions of this rank; None without any."""

    # -- what may be changed between chunks ---------------------------------------------------------------------

    def set_parameter(self, family_index: int, parameter: str, values: NDArray[np.float64]) -> None:
        """Give every population of a family (in its order) a new value of a parameter that changes during the run."""

    def change_parameter(self, family_index: int, parameter: str, chosen: Chosen, values: NewValues) -> None:
        """Give chosen neurons of a family new values of a parameter that changes during the run."""

    def set_state(self, family_index: int, state: str, chosen: Chosen, values: NewValues) -> None:
        """Give chosen neurons of a family new values of a state variable, in the unit that the user sees."""

    def check_set_weights(self) -> None:
        """Raise InputError where `set_weights` cannot be."""

    @property
    def weights_set(self) -> Mapping[int, Table]:
        """What weights of projections, which are not plastic, are drawn from, where `set_weights` has changed it."""

    def set_weights(self, weights: Mapping[int, Table]) -> None:
        """Draw the weights of projections (by their index), which are not plastic, from other tables from now on."""

    def set_plastic_weights(self, projection: int, weight: Table | None, factor: float) -> None:
        """Draw the weights of a plastic projection, by its index, anew (None: keep them), and multiply them."""

    def neuron_values(self, family_index: int, name: str) -> tuple[I64, NDArray[np.float64]]:
        """(gids int64[n] ascending, values float64[n]) of a parameter or state of the family's neurons on this rank."""

    def set_drives(self, drives: Iterable[Drive]) -> None:
        """Drive the neurons from now on as `drives` say, compiled with the channels of the network."""

    def set_noise_seed(self, seed: int) -> None:
        """Draw what drives and random sources draw from this seed from now on."""

    def plastic_weights(self, projection: int) -> PlasticWeights:
        """The weights of a plastic projection, by its index, onto the neurons of this rank."""

    # -- state ------------------------------------------------------------------------------------------------

    def state(self) -> Values:
        """Everything that going on from here needs, see `backends.state`, of this rank's neurons; collective."""

    def load(self, state: State) -> None:
        """Go on from this state of the whole network, in a backend that has not stepped; collective.

        Raises InputError where it is not one of this network. Drives, weights and parameters that were set during the
        run are part of it.
        """

    # -- measures ---------------------------------------------------------------------------------------------

    def events(self) -> int:
        """Synaptic events delivered so far."""

    def dynamic_bytes(self) -> int:
        """Bytes at present of what grows: spikes in transit, logs, histories."""

    def stage_seconds(self) -> dict[str, float]:
        """Seconds per stage of a step."""

    def close(self) -> None:
        """Free memory and stop threads."""
