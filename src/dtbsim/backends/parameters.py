"""Parameters that change during a run: a new value per population, turned into the constants of the update kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.kinds import neuron_values
from dtbsim.build.rank import LaneState
from dtbsim.models import NeuronModel
from dtbsim.spec.network import Network

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Share:
    """The neurons of the family on one lane, n of them.

    `position` int64[n]: place of their population within the family; `parameters`: numbers or float64[n]; `targets`:
    the stretches of the lane's float32 arena that hold each constant, with the neurons of the share they belong to.
    """

    position: NDArray[np.int64]
    parameters: dict[str, float | F64]
    targets: dict[str, list[tuple[NDArray[np.float32], slice]]]


class ControlledParameter:
    """One parameter of one family on this rank; `set` is cheap enough to be called every few milliseconds."""

    def __init__(self, network: Network, lanes: list[LaneState], family_index: int, parameter: str) -> None:
        self._parameter = parameter
        self._dt_ms = network.dt_ms
        self._model: NeuronModel = network.families[family_index].model
        shares = [_share(network, state, family_index) for state in lanes]
        self._shares = [share for share in shares if share is not None]

    def set(self, values: F64) -> None:
        """Give every neuron the value of its population: float64, one per population of the family."""
        for share in self._shares:
            share.parameters[self._parameter] = values[share.position]
            constants = self._model.constants(share.parameters, self._dt_ms)
            for name, stretches in share.targets.items():
                new = np.asarray(constants[name]).astype(np.float32)
                for target, part in stretches:
                    target[:] = new[part] if new.ndim else new


def _share(network: Network, state: LaneState, family_index: int) -> _Share | None:
    family = network.families[family_index]
    runs = state.lane.runs_of_family(family)
    if not runs:
        return None
    group = state.neurons.group_of[runs[0].kind]
    first = int(family.populations[0])
    parts: list[dict[str, float | F64]] = []
    targets: dict[str, list[tuple[NDArray[np.float32], slice]]] = {name: [] for name in group.array_offset}
    at = 0
    for run in runs:
        gids = np.arange(run.gid0, run.gid0 + run.size, dtype=np.int64)
        parts.append(neuron_values(network, family_index, run.population - first, gids, "parameters"))
        for name, offset in group.array_offset.items():
            begin = offset + run.local - group.start
            targets[name].append((state.neurons.f32[begin : begin + run.size], slice(at, at + run.size)))
        at += run.size
    sizes = [run.size for run in runs]
    position = np.repeat([run.population - first for run in runs], sizes).astype(np.int64)
    return _Share(position, _merged(parts, sizes), {name: _joined(stretches) for name, stretches in targets.items()})


def _merged(parts: list[dict[str, float | F64]], sizes: list[int]) -> dict[str, float | F64]:
    """Parameters of all runs together: a number where it is the same everywhere, else one per neuron."""
    result: dict[str, float | F64] = {}
    for name, value in parts[0].items():
        if isinstance(value, float) and all(part[name] == value for part in parts[1:]):
            result[name] = value
        else:
            whole = [np.broadcast_to(part[name], n) for part, n in zip(parts, sizes, strict=True)]
            result[name] = np.concatenate(whole).astype(np.float64)
    return result


def _joined(stretches: list[tuple[NDArray[np.float32], slice]]) -> list[tuple[NDArray[np.float32], slice]]:
    """Neighbouring stretches as one."""
    result: list[tuple[NDArray[np.float32], slice]] = []
    for target, part in stretches:
        if result and _follows(result[-1][0], target):
            before, old = result[-1]
            assert before.base is not None
            begin = (before.ctypes.data - before.base.ctypes.data) // before.itemsize
            whole = before.base[begin : begin + before.size + target.size]
            result[-1] = whole, slice(old.start, part.stop)
        else:
            result.append((target, part))
    return result


def _follows(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    return before.base is after.base and bool(before.ctypes.data + before.nbytes == after.ctypes.data)
