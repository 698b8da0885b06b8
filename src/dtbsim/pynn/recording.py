"""What is recorded, as PyNN asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyNN import recording

from dtbsim.pynn import simulator


class Recorder(recording.Recorder):
    """Gives the spikes and states of a population since the last reset, or since data were cleared."""

    _simulator = simulator

    def _record(self, variable: Any, new_ids: Any, sampling_interval: float | None = None) -> None:
        if variable.name == "spikes":
            return
        if sampling_interval is not None:
            self.sampling_interval = sampling_interval
        self._simulator.state.outdated()

    def _reset(self) -> None:
        self._simulator.state.outdated()

    def _clear_simulator(self) -> None:
        """Data before the time at which they were cleared are left out when they are read."""

    # -- the configuration --------------------------------------------------------------------------------------

    def _recorded(self) -> tuple[list[str], list[int]]:
        """Variables, and the neurons of which any is recorded."""
        found = {variable.name: ids for variable, ids in self.recorded.items() if variable.name != "spikes" and ids}
        first = int(self.population.first_id)
        index = sorted({int(cell) - first for ids in found.values() for cell in ids})
        return sorted(found), index

    def configured(self) -> list[dict[str, Any]]:
        """The entry of `record.states`, if there is one."""
        variables, neurons = self._recorded()
        if not variables:
            return []
        names = [self.population.celltype.state(variable)[0] for variable in variables]
        interval = float(np.round(self.sampling_interval, 9))
        return [{"population": self.population.name, "variables": names, "neurons": neurons, "interval_ms": interval}]

    # -- data ---------------------------------------------------------------------------------------------------

    def _spikes(self) -> tuple[Any, Any]:
        """Times and neurons of all spikes since data were cleared, neuron by neuron."""
        state = self._simulator.state
        steps, neurons = state.spikes(self.population.name)
        keep = steps > round(float(self._recording_start_time) / state.dt)
        order = np.lexsort((steps[keep], neurons[keep]))
        return np.round(steps[keep][order] * state.dt, 9), neurons[keep][order]

    def _get_spiketimes(self, ids: Any, clear: bool = False) -> dict[int, Any]:
        times, neurons = self._spikes()
        bounds = np.searchsorted(neurons, np.arange(self.population.size + 1))
        first = int(self.population.first_id)
        found = {}
        for cell in map(int, ids):
            index = cell - first
            train = times[bounds[index] : bounds[index + 1]]
            found[cell] = self.population.celltype.emitted(self.population, index, train)
        return found

    def _get_all_signals(self, variable: Any, ids: Any, clear: bool = False) -> tuple[Any, None]:
        state, population = self._simulator.state, self.population
        name, factor = population.celltype.state(variable.name)
        index = [int(cell) - int(population.first_id) for cell in ids]
        initial = population.initial_state(variable.name)[index][None, :]
        every = max(1, round(self.sampling_interval / state.dt))
        first = -(-round(float(self._recording_start_time) / state.dt) // every)
        run = state.results()
        if run is None:
            return initial, None
        entries = [entry.population.name for entry in _recording(state)]
        table = run.states(entries.index(population.name))
        neurons = self._recorded()[1]
        values = table[name].values[:, np.searchsorted(neurons, index)].astype(np.float64) * factor
        return np.concatenate([initial, values])[first:], None

    def _local_count(self, variable: Any, filter_ids: Any = None) -> dict[int, int]:
        counts = np.bincount(self._spikes()[1], minlength=self.population.size)
        first = int(self.population.first_id)
        return {int(cell): int(counts[int(cell) - first]) for cell in self.filter_recorded(variable, filter_ids)}


def _recording(state: Any) -> list[Recorder]:
    """Recorders of states, in the order of the configuration."""
    from dtbsim.pynn.configuration import ordered

    return [recorder for recorder in ordered(state.recorders) if recorder.configured()]
