"""A plain, slow simulator to compare the compiled one with: one neuron at a time, one synapse at a time.

Neurons are advanced by their model's `update` as Python executes it on float32 scalars; a spike enters the weights of
its synapses into a ring of dictionaries at once, for the step at which they arrive. Sums are Python integers. It shares
with the simulator the network, the list of synapses, the derived constants and the definition of Poisson counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import poisson
from tests.helpers.dynamic_reference import DynamicReference
from tests.helpers.networks import sorted_rows
from tests.helpers.noise_reference import reference_normals
from tests.helpers.poisson_reference import reference_counts, varied_reference_counts

from dtbsim.build.kinds import neuron_values
from dtbsim.kernels.poisson import SHARED_GID
from dtbsim.numerics.philox import PURPOSE_EMIT, PURPOSE_SHIFT, philox_array
from dtbsim.spec import Network
from dtbsim.spec.network import Drive

F32 = np.float32
ZERO = F32(0.0)


class Neuron:
    """States and constants of one neuron as scalars of the types that the model declares."""

    def __init__(self, network: Network, population: int, gid: int) -> None:
        item = network.populations[population]
        self.family = network.families[item.family]
        self.model = self.family.model
        position = self.family.populations.tolist().index(population)
        values = [
            {
                name: float(np.ravel(value)[0])
                for name, value in neuron_values(network, item.family, position, np.array([gid]), what).items()
            }
            for what in ("parameters", "initial")
        ]
        constants = self.model.constants(values[0], network.dt_ms)
        integers = self.model.integer_constants
        self.constants = {k: np.int32(v) if k in integers else F32(v) for k, v in constants.items()}
        initial = self.model.initial_states(*values)
        self.states = {
            row.name: (F32 if row.dtype == "f32" else np.int32)(initial[row.name]) for row in self.model.states
        }
        self.offsets = {row.name: F32(self.model.recorded(row.name, 0.0, values[0])) for row in self.model.states}
        self.uses_current = self.model.uses_current
        self.inputs = {f"in_{name}": self._feeding(r) for r, name in enumerate(self.model.inputs)}

    def _feeding(self, r: int) -> list[tuple[list[int], Any, Any]]:
        """Channels (those of a group together), quantum and factor of everything that feeds an input of the model."""
        watched = r >= len(self.model.inputs) - self.model.n_watched_inputs
        groups: dict[int, list[int]] = {}
        for c, channel in enumerate(self.family.channels):
            if r in dict(channel.mix):
                groups.setdefault(c if watched else channel.group, []).append(c)
        first = [self.family.channels[together[0]] for together in groups.values()]
        return [
            (together, F32(channel.quantum), F32(dict(channel.mix)[r]))
            for together, channel in zip(groups.values(), first, strict=True)
        ]

    def step(self, sums: Mapping[int, int], current: Any, update: Callable[..., Any]) -> int:
        """Advance by one step with the integer input of each channel; how often it spiked."""
        arguments = {**self.states, **self.constants}
        for name, parts in self.inputs.items():
            total = ZERO
            for k, (channels, quantum, factor) in enumerate(parts):
                number = sum(sums[channel] for channel in channels if channel in sums)
                part = factor * (np.int64(number).astype(F32) * quantum) if number else ZERO
                total = total + part if k else part
            arguments[name] = total
        if self.uses_current:
            arguments["I_stim"] = current
        *states, spiked = update(**arguments)
        for row, value in zip(self.model.states, states, strict=True):
            self.states[row.name] = (F32 if row.dtype == "f32" else np.int32)(value)
        return int(spiked)

    def seen(self, state: str) -> Any:
        """A state as it is recorded, float32."""
        return F32(self.states[state]) + self.offsets[state]


class ReferenceEngine:
    """`run()` gives the spikes; `states[gid]` one list of recorded values per step for every watched neuron.

    `update` replaces the update function of a model by name.
    """

    def __init__(
        self,
        network: Network,
        synapses: Any,
        watched: Mapping[int, tuple[str, ...]] | None = None,
        update: Mapping[str, Callable[..., Any]] | None = None,
        dynamic: Sequence[DynamicReference] = (),
    ) -> None:
        self.network = network
        self.watched = dict(watched or {})
        self.states: dict[int, list[list[Any]]] = {gid: [] for gid in self.watched}
        self.targets: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        for source, *rest in synapses.tolist():
            self.targets[source].append(tuple(rest))  # type: ignore[arg-type]
        self.neurons: dict[int, Neuron] = {}
        self.update: dict[int, Callable[..., Any]] = {}
        for index, population in enumerate(network.populations):
            model = network.families[population.family].model
            for gid in range(population.gid0, population.gid0 + population.size):
                if not model.is_source:
                    self.neurons[gid] = Neuron(network, index, gid)
                    self.update[gid] = (update or {}).get(model.name, model.update)
        self.ring = [self._empty() for _ in range(network.max_delay_steps + 1)]
        self.lists = self._listed()
        self.counts: dict[int, Any] = {}
        self.dynamic = dynamic
        self.processes: dict[int, Any] = {}

    @staticmethod
    def _empty() -> Any:
        return defaultdict(lambda: defaultdict(int))

    def _listed(self) -> dict[int, list[tuple[int, int, int]]]:
        """Per step (gid, channel, weight) of listed events, channel -1 for spikes of source populations."""
        lists: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for drive in self.network.drives:
            for step, neuron in [] if drive.events is None else drive.events.tolist():
                gid = self.network.populations[drive.population].gid0 + neuron
                lists[step].append((gid, drive.channel, drive.weight))
        for population, spikes in self.network.emitted.items():
            for step, neuron in spikes.tolist():
                lists[step].append((self.network.populations[population].gid0 + neuron, -1, 0))
        return lists

    def run(self, n_steps: int | None = None) -> Any:
        """int64[n, 2] (step, gid), sorted."""
        spikes = [(step, gid) for step in range(n_steps or self.network.n_steps) for gid in self._step(step)]
        return sorted_rows(np.array(spikes, np.int64).reshape(-1, 2))

    def _step(self, step: int) -> list[int]:
        slot = step % len(self.ring)
        inputs, self.ring[slot] = self.ring[slot], self._empty()
        fired = self._random(step)
        for gid, channel, weight in self.lists.get(step, []):
            if channel < 0:
                fired.append(gid)
            else:
                inputs[gid][channel] += weight
        for projection in self.dynamic:
            projection.deliver(step, inputs)
        self._poisson(step, inputs)
        currents = self._currents(step)
        for gid, neuron in self.neurons.items():
            fired += [gid] * neuron.step(inputs.get(gid, {}), currents.get(gid, ZERO), self.update[gid])
        for gid in fired:
            for target, channel, weight, delay in self.targets.get(gid, []):
                self.ring[(step + delay) % len(self.ring)][target][channel] += weight
            for projection in self.dynamic:
                projection.source_spike(gid, step)
                projection.target_spike(gid, step)
        for gid, names in self.watched.items():
            self.states[gid].append([self.neurons[gid].seen(name) for name in names])
        return fired

    def _random(self, step: int) -> list[int]:
        """Source neurons that fire at random: word step % 4 of their call for step // 4, below a threshold."""
        fired: list[int] = []
        for index, population in enumerate(self.network.populations):
            family = self.network.families[population.family]
            if family.model.emits != "poisson":
                continue
            gids = np.arange(population.gid0, population.gid0 + population.size)
            position = family.populations.tolist().index(index)
            given = neuron_values(self.network, population.family, position, gids, "parameters")
            means = np.broadcast_to(np.asarray(given.get("rate_hz", 0.0)) * self.network.dt_ms * 1e-3, gids.size)
            words = philox_array(gids.astype(np.uint32), step // 4, 0, PURPOSE_EMIT << PURPOSE_SHIFT, self.network.seed)
            for k in range(1, 255):
                p = -np.expm1(-means) if k == 1 else poisson.sf(k - 1, means)
                more = words[step % 4] < np.minimum(np.rint(p * 2.0**32), 2.0**32 - 1)
                if not more.any():
                    break
                fired += gids[more].tolist()
        return fired

    def _gids(self, drive: Drive) -> list[int]:
        population = self.network.populations[drive.population]
        chosen = range(population.size) if drive.neurons is None else drive.neurons.tolist()
        return [population.gid0 + neuron for neuron in chosen]

    @staticmethod
    def _on(drive: Drive, step: int) -> bool:
        return any(on <= step < off for on, off in zip(drive.windows.on, drive.windows.off, strict=True))

    def _poisson(self, step: int, inputs: Any) -> None:
        for k, drive in enumerate(self.network.drives):
            if drive.kind != "poisson" or not self._on(drive, step):
                continue
            gids = self._gids(drive)
            keys = [SHARED_GID] * len(gids) if drive.shared else gids
            if drive.own_means is not None:
                self._own_rates(drive, step, inputs)
                continue
            if drive.rate is not None:
                mean = float(drive.rate.means(np.array([step]), self.network.dt_ms)[0])
                counts = varied_reference_counts(keys, step, drive.index, mean, self.network.seed)
                for gid, count in zip(gids, counts.tolist(), strict=True):
                    inputs[gid][drive.channel] += count * drive.weight
                continue
            if self.counts.get(k, (-1, None))[0] != step // 8:
                drawn = reference_counts(keys, step // 8, drive.index, drive.mean, self.network.seed)
                self.counts[k] = step // 8, drawn.tolist()
            for gid, count in zip(gids, self.counts[k][1][step % 8], strict=True):
                if count:
                    inputs[gid][drive.channel] += count * drive.weight

    def _own_rates(self, drive: Drive, step: int, inputs: Any) -> None:
        """Each neuron by itself, as a drive of its rate would give it."""
        assert drive.own_means is not None
        gids = self._gids(drive)
        neurons = np.array(gids) - self.network.populations[drive.population].gid0
        means = drive.own_means.means(neurons, np.array(gids, np.uint32), drive.index, self.network.seed)
        for gid, mean in zip(gids, means.tolist(), strict=True):
            count = reference_counts([gid], step // 8, drive.index, mean, self.network.seed)[step % 8, 0]
            inputs[gid][drive.channel] += int(count) * drive.weight

    def _currents(self, step: int) -> dict[int, Any]:
        """Waves first, in the order of the drives, then noise."""
        currents: dict[int, Any] = {}
        for drive in self.network.drives:
            if drive.kind == "current":
                value = drive.waveform(np.array([step]), self.network.dt_ms)[0] if self._on(drive, step) else ZERO
                for gid in self._gids(drive):
                    currents[gid] = currents.get(gid, ZERO) + value
        for k, drive in enumerate(self.network.drives):
            if drive.kind == "noise" and drive.start <= step < drive.stop:
                for gid, value in zip(self._gids(drive), self._noise(k, drive, step), strict=True):
                    currents[gid] = currents.get(gid, ZERO) + value
        return currents

    def _noise(self, k: int, drive: Drive, step: int) -> Any:
        """mean + sd * x per neuron, float32; x white or a process."""
        assert drive.noise is not None
        gids = self._gids(drive)
        keys = [SHARED_GID] * len(gids) if drive.shared else gids
        number = (step - drive.start) // drive.noise.interval
        values = reference_normals(keys, number, drive.index, self.network.seed)
        memory = drive.noise.memory(self.network.dt_ms)
        if memory is not None:
            if number > 0:
                values = memory[0] * self.processes[k] + memory[1] * values
            self.processes[k] = values
        if not self._on(drive, step):
            return [ZERO] * len(gids)
        mean = drive.waveform(np.array([step]), self.network.dt_ms)[0]
        return mean + drive.noise.sd.values(np.array([step]), self.network.dt_ms).astype(F32)[0] * values
