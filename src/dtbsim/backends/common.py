"""What the backends have in common: parameters and states of neurons, plastic weights, and the state of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.dynamic_state import load_synapses, synapse_states
from dtbsim.backends.lane_tables import LaneTables
from dtbsim.backends.parameters import Chosen, NeuronAccess, NewValues
from dtbsim.backends.plastic import PlasticWeights
from dtbsim.backends.recent import RecentSpikes
from dtbsim.backends.regions.series import RegionSeries
from dtbsim.backends.regions.state_hash import RegionHasher
from dtbsim.backends.state import (
    State,
    Values,
    change_states,
    changes_in,
    common_state,
    load_common,
    load_noise,
    noise_states,
    spikes_in,
    step_of,
)
from dtbsim.backends.train_state import load_trains, train_states
from dtbsim.build.changed import check_drives, check_weights
from dtbsim.build.rank import RankNetwork, rebuilt_rows
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Drive, Network, with_weights
from dtbsim.spec.region_network import RegionChange, RegionDrive

I64 = NDArray[np.int64]


class CommonBackend(ABC):
    """A backend gives the attributes, and says how spikes in transit are read and entered."""

    reached: int = 0
    """Steps done."""
    tables: LaneTables
    _built: RankNetwork
    _network: Network
    _neurons: NeuronAccess
    _recent: RecentSpikes
    _drives_set: tuple[Drive, ...] | None = None
    """What `set_drives` was given last."""

    def __init__(self) -> None:
        self._weights_set: dict[int, Table] = {}
        """What `set_weights` has been given, by projection."""

    def connect(self, exchange: Any) -> None:
        """Exchange spikes with other ranks by this; before the first step."""
        self._exchange = exchange

    # -- what may be changed between chunks ---------------------------------------------------------------------

    def set_parameter(self, family_index: int, parameter: str, values: NDArray[np.float64]) -> None:
        """Give every population of a family (in its order) a new value of a parameter that changes during the run."""
        self._neurons.set_populations(family_index, parameter, values)

    def change_parameter(self, family_index: int, parameter: str, chosen: Chosen, values: NewValues) -> None:
        """Give chosen neurons of a family new values of a parameter that changes during the run."""
        self._neurons.set_parameter(family_index, parameter, chosen, values)

    def set_state(self, family_index: int, state: str, chosen: Chosen, values: NewValues) -> None:
        """Give chosen neurons of a family new values of a state variable, in the unit that the user sees."""
        self._neurons.set_state(family_index, state, chosen, values)

    def neuron_values(self, family_index: int, name: str) -> tuple[I64, NDArray[np.float64]]:
        """(gids int64[n] ascending, values float64[n]) of a parameter or state of the family's neurons on this rank."""
        return self._neurons.get(family_index, name)

    def set_drives(self, drives: Iterable[Drive]) -> None:
        """Drive the neurons from now on as `drives` say, compiled with the channels of the network."""
        self._drives_set = tuple(drives)
        self.tables.set_drives(self._drives_set)

    def set_noise_seed(self, seed: int) -> None:
        """Draw everything that is drawn while the network runs, of drives and random sources, from this seed on."""
        if seed != self.tables.noise_seed:
            drives = self._network.drives if self._drives_set is None else self._drives_set
            self.tables.set_noise_seed(seed, drives)
            self._fill_noise_seed(seed)

    def check_set_weights(self) -> None:  # noqa: B027 - most backends can
        """Raise InputError where `set_weights` cannot be: here it can."""

    @property
    def weights_set(self) -> Mapping[int, Table]:
        """What weights of projections, which are not plastic, are drawn from, where `set_weights` has changed it."""
        return self._weights_set

    def set_weights(self, weights: Mapping[int, Table]) -> None:
        """Draw the weights of projections (by their index), which are not plastic, from other tables from now on.

        A spike that is under way arrives with the new weight.
        """
        self.check_set_weights()
        self._weights_set |= weights
        self._network = with_weights(self._network, weights)
        for tables in self.tables.dynamic:
            for projection in weights.keys() & tables.index_of.keys():
                tables.set_by_source(tables.index_of[projection], weights[projection])
        if all(self._network.projections[projection].dynamics is not None for projection in weights):
            return
        for state in self._built.lanes:
            rows = rebuilt_rows(self._built, self._network, state)
            self.tables.memory.replace(state.rows.targets, rows.targets)
            self.tables.memory.replace(state.rows.weights, rows.weights)

    def set_plastic_weights(self, projection: int, weight: Table | None, factor: float) -> None:
        """Draw the weights of a plastic projection, by its index, anew (None: keep them), and multiply them.

        They stay within their bounds. All ranks do it in the same step.
        """
        for tables in self.tables.dynamic:
            if projection in tables.index_of:
                tables.set_plastic(tables.index_of[projection], self.reached, weight, factor)

    def plastic_weights(self, projection: int) -> PlasticWeights:
        """The weights of a plastic projection, by its index, onto the neurons of this rank."""
        return PlasticWeights(self.tables.dynamic, projection)

    def region_series(self) -> Sequence[RegionSeries]:
        """None: there are neurons alone."""
        return ()

    def region_share(self, population: int) -> tuple[tuple[int, int], tuple[int, ...]]:
        """There are no regions."""
        raise IndexError(population)

    def region_parameter(self, population: int, name: str) -> NDArray[np.float64]:
        """There are no regions."""
        raise IndexError(population)

    def set_region_parameter(self, population: int, name: str, values: NDArray[np.float64]) -> None:
        """There are no regions."""
        raise IndexError(population)

    def change_regions(self, change: RegionChange) -> None:
        """There are no regions."""
        raise IndexError(change.target)

    def set_region_drives(self, drives: Iterable[RegionDrive]) -> None:  # noqa: B027 - neurons alone
        """Nothing: there are no regions."""

    def set_region_noise_seed(self, seed: int | None) -> None:  # noqa: B027 - neurons alone
        """Nothing: there are no regions."""

    def region_values(self, population: int, name: str) -> NDArray[np.float64]:
        """There are no regions."""
        raise IndexError(population)

    def region_hash(self) -> RegionHasher | None:
        """None: there are neurons alone."""
        return None

    # -- state ------------------------------------------------------------------------------------------------

    def state(self) -> Values:
        """Everything that going on from here needs, see `backends.state`, of this rank's neurons; collective."""
        self._settle()
        synapses = synapse_states(self._built.network, self.tables.dynamic, self.reached)
        spikes = self._recent.since(self.reached, self._uncollected())
        built, drives = self._built, self.tables.drives
        found = common_state(built, self.tables.memory, self.reached, spikes, self.events(), self._neurons)
        found |= change_states(built, self._drives_set, self._weights_set)
        found |= noise_states(drives.processes, drives.memory, self._shared_noise_at(), built.network.gid_dtype)
        return (
            found | train_states(drives.players, built.network.drives, self.reached, built.network.gid_dtype) | synapses
        )

    def load(self, state: State) -> None:
        """Go on from this state of the whole network, in a backend that has not stepped; collective.

        Raises InputError where it is not one of this network, RuntimeError where this backend has stepped: spikes in
        transit would be delivered twice.
        """
        if self.reached != 0:
            raise RuntimeError(f"this backend has stepped to {self.reached}; a state is loaded into a new one")
        step = step_of(state)
        drives, weights = changes_in(state, self._network)
        if drives is not None:
            check_drives(self._built, drives)
            self.set_drives(drives)
        if weights:
            check_weights(self._built, self._network, weights, drives or self._network.drives)
            self.set_weights(weights)
        load_common(state, self._built, self.tables.memory, self._neurons)
        load_noise(state, self.tables.drives.processes, self.tables.drives.memory)
        load_trains(state, self.tables.drives.players, step)
        load_synapses(state, self._built.network, self.tables.dynamic, step)
        mine, spikes, events = spikes_in(state, self._built)
        self._recent.load(mine)
        self.reached = step
        self._enter_again(spikes, events)

    @abstractmethod
    def events(self) -> int:
        """Synaptic events delivered so far."""

    @abstractmethod
    def _fill_noise_seed(self, seed: int) -> None:
        """Tell the kernels the seed of noise."""

    @abstractmethod
    def _uncollected(self) -> I64:
        """Spikes (step << gid_bits | gid) of this rank since the last call of `collect`."""

    @abstractmethod
    def _shared_noise_at(self) -> int:
        """Where the value of noise that several neurons share is in its array."""

    def _settle(self) -> None:  # noqa: B027 - where `advance` ends with an exchange there is nothing to do
        """Take in spikes of other ranks that are still on their way; collective."""

    @abstractmethod
    def _enter_again(self, spikes: I64, events: int) -> None:
        """Enter spikes in transit (step << gid_bits | gid) to synapses without a state; so many events are done."""

    def dynamic_bytes(self) -> int:
        """Bytes at present of what grows: spikes in transit, logs, histories, rings."""
        return self.tables.dynamic_bytes()
