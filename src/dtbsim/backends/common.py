"""What the backends have in common: parameters and states of neurons, plastic weights, and the state of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.lane_tables import LaneTables
from dtbsim.backends.parameters import Chosen, NeuronAccess, NewValues
from dtbsim.backends.plastic import PlasticWeights
from dtbsim.backends.recent import RecentSpikes
from dtbsim.backends.state import (
    State,
    Values,
    common_state,
    load_common,
    load_noise,
    noise_states,
    spikes_in,
    step_of,
)
from dtbsim.build.rank import RankNetwork

I64 = NDArray[np.int64]


class CommonBackend(ABC):
    """A backend gives the attributes, and says how spikes in transit are read and entered."""

    reached: int = 0
    """Steps done."""
    tables: LaneTables
    _built: RankNetwork
    _neurons: NeuronAccess
    _recent: RecentSpikes

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

    @abstractmethod
    def plastic_weights(self, projection: int) -> PlasticWeights:
        """The weights of a plastic projection, by its index, onto the neurons of this rank."""

    # -- state ------------------------------------------------------------------------------------------------

    def state(self) -> Values:
        """Everything that going on from here needs, see `backends.state`, of this rank's neurons; collective."""
        synapses = self._synapse_states()
        spikes = self._recent.since(self.reached, self._uncollected())
        built, memory = self._built, self.tables.memory
        found = common_state(built, memory, self.reached, spikes, self.events(), self._neurons)
        return found | noise_states(self.tables.drives.processes, memory, self._shared_noise_at()) | synapses

    def load(self, state: State) -> None:
        """Go on from this state of the whole network, in a backend that has not stepped; collective.

        Raises InputError where it is not one of this network, RuntimeError where this backend has stepped: spikes in
        transit would be delivered twice.
        """
        if self.reached != 0:
            raise RuntimeError(f"this backend has stepped to {self.reached}; a state is loaded into a new one")
        step = step_of(state)
        load_common(state, self._built, self.tables.memory, self._neurons)
        load_noise(state, self.tables.drives.processes, self.tables.memory)
        self._load_synapses(state, step)
        mine, spikes, events = spikes_in(state, self._built)
        self._recent.load(mine)
        self.reached = step
        self._enter_again(spikes, events)

    @abstractmethod
    def events(self) -> int:
        """Synaptic events delivered so far."""

    @abstractmethod
    def _uncollected(self) -> I64:
        """Spikes (step << 32 | gid) of this rank since the last call of `collect`."""

    @abstractmethod
    def _shared_noise_at(self) -> int:
        """Where the value of noise that several neurons share is in its array."""

    @abstractmethod
    def _synapse_states(self) -> Values:
        """State of the dynamic projections, once all spikes of other ranks are here."""

    @abstractmethod
    def _load_synapses(self, state: State, step: int) -> None:
        """The way back, spikes in transit with what they carry included; the next step is `step`."""

    @abstractmethod
    def _enter_again(self, spikes: I64, events: int) -> None:
        """Enter spikes in transit (step << 32 | gid) to all other synapses, and count from so many events on."""

    def dynamic_bytes(self) -> int:
        """Bytes at present of what grows: spikes in transit, logs, histories, rings."""
        return self.tables.dynamic_bytes()
