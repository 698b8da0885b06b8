"""Projections of PyNN: synapses as lists, whoever draws them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common
from pyNN.parameters import ParameterSpace
from pyNN.space import Space

from dtbsim.errors import InputError
from dtbsim.pynn import simulator
from dtbsim.pynn.synapses import StaticSynapse

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Connection(common.Connection):
    """One synapse; its parameters are attributes."""

    _projection: Projection
    _number: int

    def __init__(self, projection: Projection, number: int) -> None:
        """`number`: its place in the list of the projection."""
        object.__setattr__(self, "_projection", projection)
        object.__setattr__(self, "_number", number)

    @property
    def presynaptic_index(self) -> int:
        """Index of the source in `projection.pre`."""
        return int(self._projection.ends[0][self._number])

    @property
    def postsynaptic_index(self) -> int:
        """Index of the target in `projection.post`."""
        return int(self._projection.ends[1][self._number])

    def __getattr__(self, name: str) -> float:
        try:
            return float(self._projection.values(name)[self._number])
        except KeyError:
            raise AttributeError(f"a connection has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: float) -> None:
        self._projection.assign(name, np.array([self._number]), np.array([float(value)]))

    def as_tuple(self, *names: str) -> tuple[Any, ...]:
        """Values of attributes."""
        return tuple(getattr(self, name) for name in names)


class Projection(common.Projection):
    """Synapses from some neurons to others, all of one type."""

    _simulator = simulator
    _static_synapse_class = StaticSynapse

    def __init__(
        self,
        presynaptic_neurons: Any,
        postsynaptic_neurons: Any,
        connector: Any,
        synapse_type: Any = None,
        source: Any = None,
        receptor_type: str | None = None,
        space: Space = Space(),  # noqa: B008  (as PyNN has it)
        label: str | None = None,
    ) -> None:
        """As PyNN has it."""
        state = simulator.state
        state.refuse_late("a projection")
        super().__init__(
            presynaptic_neurons, postsynaptic_neurons, connector, synapse_type, source, receptor_type, space, label
        )
        self._parts: list[tuple[I64, int, dict[str, Any]]] = []
        self._ends: tuple[I64, I64] | None = None
        self._values: dict[str, F64] = {}
        self._at_begin: dict[str, F64] | None = None
        self._learned: tuple[int, F64] | None = None
        connector.connect(self)
        self._gather()
        self.name = f"projection_{len(state.projections)}"
        state.projections.append(self)

    # -- making -------------------------------------------------------------------------------------------------

    def _convergent_connect(
        self, presynaptic_indices: Any, postsynaptic_index: int, location_selector: Any = None, **parameters: Any
    ) -> None:
        if location_selector is not None:
            raise InputError("neurons have no compartments", where="location_selector", remedy="leave it out")
        self._parts.append((np.asarray(presynaptic_indices, np.int64), int(postsynaptic_index), parameters))

    def _gather(self) -> None:
        sizes = [part[0].size for part in self._parts]
        source = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in self._parts)])
        target = np.repeat(np.array([part[1] for part in self._parts], np.int64), sizes)
        self._ends = source, target
        native = self.synapse_type.native_parameters
        for name in native.keys():  # noqa: SIM118  (no mapping)
            pieces = [np.broadcast_to(np.asarray(part[2][name], np.float64), part[0].size) for part in self._parts]
            self._values[name] = np.concatenate([np.zeros(0), *pieces])
        self._parts = []

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def ends(self) -> tuple[I64, I64]:
        """Indices of the sources in `pre` and of the targets in `post`."""
        assert self._ends is not None
        return self._ends

    @property
    def shortest_delay(self) -> float:
        """In ms."""
        return float(self._values["delay"].min())

    @property
    def longest_delay(self) -> float:
        """In ms."""
        return float(self._values["delay"].max())

    def __len__(self) -> int:
        return 0 if self._ends is None else int(self._ends[0].size)

    def __getitem__(self, number: int) -> Connection:
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        return Connection(self, number % len(self))

    @property
    def connections(self) -> Iterator[Connection]:
        """All synapses."""
        return (Connection(self, number) for number in range(len(self)))

    def values(self, name: str) -> F64:
        """float64[n], a parameter of all synapses; plastic weights as they are now."""
        if name == "weight" and self._plastic and simulator.state.has_run:
            return self._weights_now()
        return self._values[name]

    def _get_attributes_as_list(self, names: list[str]) -> list[tuple[Any, ...]]:
        ends = dict(zip(("presynaptic_index", "postsynaptic_index"), self.ends, strict=True))
        columns = [ends[name].astype(float) if name in ends else self.values(name) for name in names]
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def _get_attributes_as_arrays(self, names: Any, multiple_synapses: str = "sum") -> list[F64]:
        merge = {"sum": np.add, "min": np.minimum, "max": np.maximum}.get(multiple_synapses)
        found = []
        for name in names:
            values = self.values(name)
            table = np.full(self.shape, np.nan)
            if merge is None:
                order = slice(None, None, -1 if multiple_synapses == "first" else 1)
                table[self.ends[0][order], self.ends[1][order]] = values[order]
            else:
                start = {"sum": 0.0, "min": np.inf, "max": -np.inf}[multiple_synapses]
                table[self.ends] = start
                merge.at(table, self.ends, values)
            found.append(table)
        return found

    # -- changing -----------------------------------------------------------------------------------------------

    def _set_attributes(self, parameter_space: ParameterSpace) -> None:
        parameter_space.evaluate(simplify=False)
        for name, table in parameter_space.items():
            self.assign(name, np.arange(len(self)), np.asarray(table, np.float64)[self.ends])

    def assign(self, name: str, index: I64, values: F64) -> None:
        """Give some synapses other values; in a run, weights alone, all by one factor. InputError for others."""
        state = simulator.state
        after = self._values[name].copy()
        after[index] = values
        if state.has_run:
            factor = self._factor(self._values[name], after) if name == "weight" and not self._plastic else None
            if factor is None:
                raise InputError(
                    f"another {name} of single synapses cannot be set while the network runs", where=str(self.label),
                    remedy="set it before run(), or after reset(); equal weights of static synapses can be changed",
                )  # fmt: skip
            for key, *_ in self.configured():
                state.changed({"projection": key, "set": {"weight_factor": factor}})
        self._values[name] = after

    @staticmethod
    def _factor(before: F64, after: F64) -> float | None:
        """What all weights are multiplied by, where all are equal before and after, and of one sign."""
        if not before.size:
            return 1.0
        alike = before[0] != 0 and (before == before[0]).all() and (after == after[0]).all()
        return float(after[0] / before[0]) if alike and after[0] / before[0] >= 0 else None

    def begin(self) -> None:
        """Keep what holds at the beginning of a segment."""
        self._at_begin = dict(self._values)

    def begin_again(self) -> None:
        """Forget what was learned and changed in a segment; what was set stays."""
        self._at_begin, self._learned = None, None

    def _set_initial_value_array(self, variable: str, initial_values: Any) -> None:
        if np.any(initial_values.evaluate() != self.synapse_type.default_initial_values.get(variable, 0.0)):
            raise InputError(f"synapses begin with {variable} at rest", where=variable, remedy="leave it out")

    # -- the configuration --------------------------------------------------------------------------------------

    @property
    def _plastic(self) -> bool:
        return "w_max" in self.synapse_type.shared

    def configured(self) -> Iterator[tuple[str, dict[str, Any], dict[str, NDArray[Any]], I64]]:
        """Yield names and entries of `projections`, without their rule, the columns of their lists, and which synapses
        these are: one for each pair of populations and for each set of shared parameters."""
        state = simulator.state
        sources, targets = (_places(side) for side in (self.pre, self.post))
        source, target = sources[0][self.ends[0]], targets[0][self.ends[1]]
        held = self._values if self._at_begin is None else self._at_begin
        shared = [held[name] for name in self.synapse_type.shared]
        keys = np.stack([source.astype(float), target.astype(float), *shared], axis=1)
        rows, of = np.unique(keys, axis=0, return_inverse=True)
        for number, row in enumerate(rows):
            index = np.flatnonzero(of.ravel() == number)
            ends = state.populations[int(row[0])], state.populations[int(row[1])]
            celltype = ends[1].celltype
            scale = celltype.weight_scale
            weights = held["weight"][index] * scale
            steps = state.steps(held["delay"][index])
            if (steps < 1).any():
                short = held["delay"][index][steps < 1][0]
                raise InputError(
                    f"a delay of {short:g} ms is below one step of {state.dt:g} ms", where=str(self.label),
                    remedy="make it longer",
                )  # fmt: skip
            edges: dict[str, NDArray[Any]] = {
                "source": sources[1][self.ends[0][index]],
                "target": targets[1][self.ends[1][index]],
                "delay_steps": steps,
            }
            entry: dict[str, Any] = {
                "source": ends[0].name,
                "target": ends[1].name,
                "receptor": celltype.ports[self.receptor_type],
            }
            if (weights == weights[0]).all():
                entry[celltype.weight_key(self.receptor_type)] = float(weights[0])
            else:
                edges["weight"] = weights
            one = dict(zip(self.synapse_type.shared, row[2:].tolist(), strict=True))
            negative = weights.size and weights.min() < 0
            synapse = self.synapse_type.configured(one, -scale if negative else scale)
            if synapse is not None:
                entry["synapse"] = synapse
            yield (self.name if len(rows) == 1 else f"{self.name}_{number}"), entry, edges, index

    def _weights_now(self) -> F64:
        """Plastic weights, in PyNN's unit."""
        state = simulator.state
        if self._learned is not None and self._learned[0] == state.step:
            return self._learned[1]
        run = state.results()
        assert run is not None
        now = self._values["weight"].copy()
        known = [part[0] for projection in state.projections if projection._plastic for part in projection.configured()]
        for name, entry, edges, index in self.configured():
            table = run.weights(known.index(name))
            populations = [population.name for population in state.populations]
            first = [
                sum(p.size for p in state.populations[: populations.index(entry[end])]) for end in ("source", "target")
            ]
            order = np.lexsort((edges["delay_steps"], edges["source"], edges["target"]))
            delays = state.steps(table["delay_ms"].values)
            theirs = np.lexsort((delays, table["source"].values, table["target"].values))
            assert (table["source"].values[theirs] - first[0] == edges["source"][order]).all()
            scale = state.populations[populations.index(entry["target"])].celltype.weight_scale
            now[index[order]] = table.values[-1][theirs] / scale
        self._learned = (state.step, now)
        return now


def _places(side: Any) -> tuple[I64, I64]:
    """The number of the population of every neuron of a population, view or assembly, and its index there."""
    members = side.populations if isinstance(side, common.Assembly) else [side]
    chosen = [member._chosen() for member in members]
    numbers = np.concatenate([np.full(index.size, population.number) for population, index in chosen])
    return numbers, np.concatenate([index for _, index in chosen])
