"""The state of regions as arrays by node and member, which any number of ranks and threads can load.

- `regions/POPULATION/node` int64[n] and `regions/POPULATION/member` int64[n]: whose rows they are; then one array for
  each state and process of noise, float32[n], and one for each started mean, `mean.SAMPLE`.
- `regions/POPULATION/drive.NAME` float32[n]: processes of drives.
- `regions/POPULATION/history.VARIABLE` float32[n, columns]: what was sent in the last steps, the oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.group import LaneGroup
from dtbsim.backends.regions.shares import Share
from dtbsim.errors import InputError
from dtbsim.kernels.region_kernel import RegionBlock
from dtbsim.spec.region_network import RegionNetwork

PART = "regions"
OTHER_NETWORK = "use the state of a run of the same configuration"
State = Mapping[str, NDArray[Any]]


def state_of(network: RegionNetwork, share: Share, groups: Sequence[LaneGroup]) -> dict[str, NDArray[Any]]:
    """What the groups of a rank have at present."""
    found: dict[str, NDArray[Any]] = {}
    longest = 1 + network.longest_delay
    for group in groups:
        group.fetch()
    for population in network.populations:
        first, last = share.nodes[population.index]
        parts: dict[str, list[NDArray[Any]]] = {}
        for group in groups:
            members = np.array(group.members, np.int64)
            _add(parts, "node", np.repeat(np.arange(first, last), group.lanes))
            _add(parts, "member", np.tile(members, last - first))
            block = group.blocks[population.index]
            for name, row in zip(row_names(block), block.states, strict=True):
                _add(parts, name, row.copy())
            for k, one in enumerate(group.sampled):
                if one.population == population.index and one.mean:
                    _add(parts, f"mean.{k}", group.means[k].copy())
            for owner, name, process in group.drives.processes():
                if owner == population.index:
                    _add(parts, name, process.copy())
            for k, history in enumerate(group.histories):
                if history.population == population.index:
                    kept = group.kept(k)[first:last]
                    _add(parts, f"history.{k}", kept.transpose(0, 2, 1).reshape(-1, group.back + 1).copy())
        for name, arrays in parts.items():
            found[f"{PART}/{population.name}/{name}"] = np.concatenate([_widened(a, longest) for a in arrays])
    return found


def row_names(block: RegionBlock) -> list[str]:
    """Names of the rows of a block's states: states, processes of noise, and steps of the lines of own delays."""
    rows = list(block.kernel.variant.rows)
    return rows + [f"line.{k}" for k in range(len(block.states) - len(rows))]


def _add(parts: dict[str, list[NDArray[Any]]], name: str, array: NDArray[Any]) -> None:
    parts.setdefault(name, []).append(array)


def _widened(array: NDArray[Any], columns: int) -> NDArray[Any]:
    """Histories of members with shorter delays are filled up in front."""
    if array.ndim < 2 or array.shape[1] == columns:
        return array
    return np.pad(array, ((0, 0), (columns - array.shape[1], 0)))


def load_state(state: State, network: RegionNetwork, share: Share, groups: Sequence[LaneGroup], step: int) -> None:
    """Give the groups what the whole network had at a step. InputError where something is missing."""
    for group in groups:
        group.go_on_from(step)
        group.drives.forget_drawn()
    for population in network.populations:
        prefix = f"{PART}/{population.name}"
        nodes, members = _taken(state, f"{prefix}/node"), _taken(state, f"{prefix}/member")
        row_of = np.full((population.n_nodes, network.members.n), -1, np.int64)
        if nodes.size and (nodes.max() >= population.n_nodes or members.max() >= network.members.n):
            raise InputError(f"the state has other regions of '{population.name}'", remedy=OTHER_NETWORK)
        row_of[nodes, members] = np.arange(nodes.size)
        if (row_of < 0).any():
            raise InputError(f"the state lacks regions of '{population.name}'", remedy=OTHER_NETWORK)
        first, last = share.nodes[population.index]
        for group in groups:
            everywhere = row_of[:, list(group.members)]
            rows = everywhere[first:last].ravel()
            block = group.blocks[population.index]
            for k, name in enumerate(row_names(block)):
                block.states[k] = _taken(state, f"{prefix}/{name}")[rows]
            block.forget_drawn()
            for k, one in enumerate(group.sampled):
                if one.population == population.index and one.mean:
                    group.means[k][:] = _taken(state, f"{prefix}/mean.{k}")[rows]
            for owner, name, process in group.drives.processes():
                if owner == population.index and f"{prefix}/{name}" in state:  # else it begins here
                    process[:] = state[f"{prefix}/{name}"][rows]
            for k, history in enumerate(group.histories):
                if history.population == population.index:
                    values = _taken(state, f"{prefix}/history.{k}")[everywhere.ravel()]
                    values = values[:, values.shape[1] - group.back - 1 :]
                    shape = population.n_nodes, group.lanes, group.back + 1
                    group.keep(k, values.reshape(shape).transpose(0, 2, 1))


def outer_state(groups: Sequence[LaneGroup], filtered: list[NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """Filtered rates of neurons, and the histories of them; the same on every rank."""
    found: dict[str, NDArray[Any]] = {}
    for k, rates in enumerate(filtered):
        (group,) = groups
        found[f"{PART}/from_spikes/{k}"] = rates.copy()
        number = next(h for h, history in enumerate(group.histories) if history.population == -1 - k)
        found[f"{PART}/from_spikes/history.{k}"] = group.kept(number)[: rates.size, :, 0].copy()
    return found


def load_outer(state: State, groups: Sequence[LaneGroup], filtered: list[NDArray[np.float32]]) -> None:
    """Give a rank what `outer_state` returned."""
    for k, rates in enumerate(filtered):
        (group,) = groups
        rates[:] = _taken(state, f"{PART}/from_spikes/{k}")
        number = next(h for h, history in enumerate(group.histories) if history.population == -1 - k)
        group.keep(number, _taken(state, f"{PART}/from_spikes/history.{k}")[:, :, None])


def _taken(state: State, name: str) -> NDArray[Any]:
    if name not in state:
        raise InputError(f"the state has no {name}", remedy=OTHER_NETWORK)
    return state[name]
