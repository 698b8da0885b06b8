"""Population, PopulationView and Assembly of PyNN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.parameters import ParameterSpace, Sequence, simplify
from pyNN.standardmodels import StandardCellType

from dtbsim.pynn import simulator
from dtbsim.pynn.configuration import packed
from dtbsim.pynn.recording import Recorder


class Assembly(common.Assembly):
    """Populations and views of populations together."""

    _simulator = simulator

    @property
    def receptor_types(self) -> list[str]:
        """Those of all members, in the order of the first one: its first is the default."""
        first, *others = (population.celltype.receptor_types for population in self.populations)
        return [name for name in first if all(name in types for types in others)]


class _Neurons:
    """What populations and views share: the values of some neurons of a population."""

    def _chosen(self) -> tuple[Population, NDArray[np.int64]]:
        raise NotImplementedError

    def _get_parameters(self, *names: str) -> ParameterSpace:
        celltype: Any = self.celltype  # type: ignore[attr-defined]
        if not isinstance(celltype, StandardCellType):
            return self._get_native_parameters(*names)
        unknown = [name for name in names if name not in celltype.translations]
        if unknown:
            raise errors.NonExistentParameterError(unknown[0], type(celltype).__name__, celltype.get_parameter_names())
        computed = any(name in celltype.computed_parameters() for name in names)
        native = celltype.get_native_names(*(() if computed else names))
        return celltype.reverse_translate(self._get_native_parameters(*native))

    def _get_native_parameters(self, *names: str) -> ParameterSpace:
        population, index = self._chosen()
        values = {name: simplify(population.parameters[name][index]) for name in names}
        return ParameterSpace(values, shape=(index.size,))

    def _set_parameters(self, parameter_space: ParameterSpace) -> None:
        population, index = self._chosen()
        parameter_space.evaluate(simplify=False)
        population.assign(index, dict(parameter_space.items()))

    def _set_initial_value_array(self, variable: str, initial_values: Any) -> None:
        population, index = self._chosen()
        population.assign_state(index, variable, np.broadcast_to(initial_values.evaluate(), index.size))

    def _get_view(self, selector: Any, label: str | None = None) -> PopulationView:
        return PopulationView(self, selector, label)


class PopulationView(_Neurons, common.PopulationView):
    """Some neurons of a population."""

    _simulator = simulator
    _assembly_class = Assembly

    def _chosen(self) -> tuple[Population, NDArray[np.int64]]:
        return self.grandparent, np.asarray(self.index_in_grandparent(np.arange(self.size)), np.int64)


class Population(_Neurons, common.Population):
    """Neurons of one cell type."""

    _simulator = simulator
    _recorder_class = Recorder
    _assembly_class = Assembly

    def __init__(self, *args: Any, **given: Any) -> None:
        """As PyNN has it. Raises InputError where a run has begun."""
        simulator.state.refuse_late("a population")
        super().__init__(*args, **given)

    def _create_cells(self) -> None:
        state = simulator.state
        self.number = len(state.populations)
        self.name = f"population_{self.number}"
        ids = range(state.id_counter, state.id_counter + self.size)
        self.all_cells = np.array([simulator.ID(number) for number in ids], dtype=simulator.ID)
        for cell in self.all_cells:
            cell.parent = self
        state.id_counter += self.size
        self._mask_local = np.ones(self.size, bool)
        standard = isinstance(self.celltype, StandardCellType)
        space = self.celltype.native_parameters if standard else self.celltype.parameter_space
        space.shape = (self.size,)
        space.evaluate(simplify=False)
        self.parameters: dict[str, NDArray[Any]] = {key: _column(value, self.size) for key, value in space.items()}
        self.celltype.check(self.parameters)
        self._states: dict[str, NDArray[np.float64]] = {}
        self._at_begin: dict[str, NDArray[Any]] | None = None
        self._sources: list[tuple[int, dict[str, NDArray[Any]]]] = []
        """Of sources of spikes: from which step on they had which parameters."""
        state.populations.append(self)

    def _chosen(self) -> tuple[Population, NDArray[np.int64]]:
        return self, np.arange(self.size)

    # -- values -------------------------------------------------------------------------------------------------

    def assign(self, index: NDArray[np.int64], values: dict[str, Any]) -> None:
        """Give neurons other parameters, by their names in dtbsim; in a run from now on."""
        after = {}
        for name, given in values.items():
            after[name] = self.parameters[name].copy()
            try:
                _put(after[name], index, given)
            except (TypeError, ValueError):
                raise errors.InvalidParameterValueError(f"{name} should not be of type {type(given)}") from None
        self.celltype.check(self.parameters | after)
        self.parameters |= after
        state = simulator.state
        if not state.has_run:
            return
        if self.celltype.is_source:
            self._sources.append((state.step, dict(self.parameters)))
            state.outdated()
            return
        state.changed(self._change(index, {name: after[name][index] for name in values}))

    def assign_state(self, index: NDArray[np.int64], variable: str, values: Any) -> None:
        """Give neurons other initial values, and in a run other values now."""
        name, factor = self.celltype.state(variable)
        if name not in self._states:
            self._states[name] = np.full(self.size, np.nan)
        self._states[name][index] = np.asarray(values, np.float64) / factor
        simulator.state.changed(self._change(index, {name: self._states[name][index]}))

    def _change(self, index: NDArray[np.int64], values: dict[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {"population": self.name, "set": {name: packed(v) for name, v in values.items()}}
        return entry if index.size == self.size else entry | {"neurons": index.tolist()}

    def initial_state(self, variable: str) -> NDArray[np.float64]:
        """float64[n], a state at time 0, in PyNN's unit."""
        name, factor = self.celltype.state(variable)
        states = self._states if self._at_begin is None else self._states_at_begin
        return states[name] * factor if name in states else np.zeros(self.size)

    # -- the configuration --------------------------------------------------------------------------------------

    @property
    def segments(self) -> list[tuple[int, dict[str, NDArray[Any]]]]:
        """Of a source: from which step on it had which parameters."""
        return self._sources

    def begin(self) -> None:
        """Keep what holds at the beginning of a segment."""
        self._at_begin = dict(self.parameters)
        self._states_at_begin = {name: values.copy() for name, values in self._states.items()}
        self._sources = [(0, dict(self.parameters))]

    def begin_again(self) -> None:
        """Forget what was changed in the course of a segment; its last values stay."""
        self._at_begin = None

    def configured(self, folder: Path) -> dict[str, Any]:
        """The entry of `populations`; `folder`: for lists of spikes."""
        assert self._at_begin is not None
        entry: dict[str, Any] = {"model": self.celltype.model, "size": self.size}
        entry |= self.celltype.configured(folder / f"{self.name}.npz", self._sources, self._simulator.state)
        if not self.celltype.is_source:
            parameters = {name: packed(values) for name, values in self._at_begin.items()}
            entry["parameters"] = parameters | dict(self.celltype.fixed)
            entry["initial"] = {name: packed(values) for name, values in self._states_at_begin.items()}
        return entry

    def drives(self) -> dict[str, Any]:
        """The entries of `drives` of a source of random spikes."""
        return self.celltype.drives(self.name, self._sources, self._simulator.state) if self.celltype.is_source else {}


def _column(values: Any, n: int) -> NDArray[Any]:
    """An array with a value for each of `n` neurons."""
    if isinstance(values, Sequence):
        values = np.array([values], dtype=object)
    return np.array(np.broadcast_to(values, n))


def _put(array: NDArray[Any], index: NDArray[np.int64], given: Any) -> None:
    if array.dtype != object:
        array[index] = np.asarray(given, array.dtype)
        return
    for place, value in zip(
        index.tolist(), [given] * index.size if isinstance(given, Sequence) else given, strict=True
    ):
        array[place] = value
