"""The state of a run as arrays keyed by global ids, which any number of ranks, threads or GPUs can load.

A backend gives what belongs to its own neurons; the state of a network is that of all ranks, each array the
concatenation of theirs (`merge_states`). Names and what a row means (docs/adr/0030-backend-state.md has the table):

- `step` int64[ranks]: steps done, the same everywhere.
- `neurons/POPULATION/gid` uint32[n], and one array of each state of the model, float32[n] or int32[n].
- `noise/drive` int32[n], `noise/gid` uint32[n], `noise/value` float32[n]: currents that remember.
- `trains/DRIVE/gid` uint32[n], `trains/DRIVE/state` int64[n, k]: drawn spike trains, by the number of the drive.
- `spikes/step` int64[n], `spikes/gid` uint32[n]: spikes that some synapse may not have received yet.
- `events/gid` uint32[n], `events/count` int64[n]: synaptic events so far, counted at some neuron.
- `parameters/POPULATION/NAME/gid` uint32[n], `value` float64[n]: those that were changed during the run.
- `drives/packed`, `weights/packed` uint8[n]: drives, and tables of weights by projection, that were set during the run
  (`spec.packed`), on the rank of neuron 0; empty where none were.
- `synapses/PROJECTION/...`: what changes of a projection, see `dynamic_state`.

Gids are int64[n] in networks of 2^32 neurons or more.
What is not there is drawn again (Poisson spikes, static synapses) or derived from the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.memory import Memory
from dtbsim.backends.parameters import NeuronAccess
from dtbsim.build.kinds import Kind
from dtbsim.build.rank import LaneState, RankNetwork
from dtbsim.errors import InputError
from dtbsim.numerics.gids import Gids
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Drive, Network
from dtbsim.spec.packed import pack, unpack

I64 = NDArray[np.int64]
State = Mapping[str, NDArray[Any]]
Values = dict[str, NDArray[Any]]
OF_ALL_RANKS = ("step", "spikes", "events", "drives", "weights", "regions")
"""First parts of names of which a rank needs the arrays of all ranks; of others those of ranks that had its neurons."""
OTHER_NETWORK = "use the state of a run of the same configuration"


def merge_states(states: Iterable[State]) -> Values:
    """The state of a network from those of its ranks (all of one run, in any order), also where arrays of some lack."""
    parts = list(states)
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: np.concatenate([part[name] for part in parts if name in part]) for name in names}


def state_bytes(state: State) -> dict[str, int]:
    """Bytes by first part of the name: `neurons`, `synapses`, `spikes`, ..."""
    sizes: dict[str, int] = {}
    for name, array in state.items():
        part = name.split("/")[0]
        sizes[part] = sizes.get(part, 0) + array.nbytes
    return sizes


def taken(state: State, name: str) -> NDArray[Any]:
    """An array of the state. Raises InputError where it is missing."""
    if name not in state:
        raise InputError(f"the state has no {name}", remedy=OTHER_NETWORK)
    return state[name]


def rows_of(keys: NDArray[Any], wanted: NDArray[Any]) -> I64:
    """Row of each wanted key among `keys` (the first of equal ones), int64; -1: not there."""
    if keys.size == 0:
        return np.full(wanted.size, -1, np.int64)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), keys.size - 1)
    return np.where(keys[order[at]] == wanted, order[at], -1)


def step_of(state: State) -> int:
    """Steps that were done when the state was taken. Raises InputError where its ranks do not agree."""
    steps = np.unique(taken(state, "step"))
    if steps.size != 1:
        raise InputError(f"the state has parts of steps {steps.tolist()}", remedy="merge parts of one moment only")
    return int(steps[0])


def joined(parts: Sequence[NDArray[Any]], dtype: Any, *width: int) -> NDArray[Any]:
    """The parts one after the other; an empty array of the dtype and width without any."""
    return np.concatenate([np.zeros((0, *width), dtype), *parts]).astype(dtype, copy=False)


# -- neurons --------------------------------------------------------------------------------------------------


def _members(network: Network, lanes: Sequence[LaneState], family: int) -> list[tuple[LaneState, slice]]:
    """The lanes that have neurons of a population, with their local indices there."""
    found = []
    for state in lanes:
        runs = state.lane.runs_of_family(network.families[family])
        if runs:
            found.append((state, slice(runs[0].local, runs[-1].local + runs[-1].size)))
    return found


def _arena(kind: Kind, state: LaneState, name: str) -> NDArray[Any]:
    return state.neurons.f32 if kind.model.state(name).dtype == "f32" else state.neurons.i32


def _stretch(state: LaneState, kind: int, name: str, local: slice) -> slice:
    group = state.neurons.group_of[kind]
    first = group.state_offset[name] - group.start
    return slice(first + local.start, first + local.stop)


def neuron_states(network: Network, kinds: list[Kind], lanes: Sequence[LaneState], memory: Memory) -> Values:
    """Every state of every neuron of the lanes, by population."""
    found: Values = {}
    for index, family in enumerate(network.families):
        if family.model.is_source:
            continue
        members = _members(network, lanes, index)
        gids = [state.lane.gids_of(local) for state, local in members]
        found[f"neurons/{family.name}/gid"] = joined(gids, network.gid_dtype)
        for row in family.model.states:
            parts = []
            for state, local in members:
                kind = state.lane.runs_of_family(family)[0].kind
                arena, part = _arena(kinds[kind], state, row.name), _stretch(state, kind, row.name, local)
                memory.fetch(arena, part)
                parts.append(arena[part])
            dtype = np.float32 if row.dtype == "f32" else np.int32
            found[f"neurons/{family.name}/{row.name}"] = joined(parts, dtype)
    return found


def load_neurons(state: State, network: Network, kinds: list[Kind], lanes: Sequence[LaneState], memory: Memory) -> None:
    """Give the neurons of the lanes their states. Raises InputError where the state lacks a neuron."""
    for index, family in enumerate(network.families):
        if family.model.is_source:
            continue
        keys = taken(state, f"neurons/{family.name}/gid")
        for here, local in _members(network, lanes, index):
            kind = here.lane.runs_of_family(family)[0].kind
            rows = rows_of(keys, here.lane.gids_of(local))
            if (rows < 0).any():
                raise InputError(
                    f"the state lacks {int((rows < 0).sum())} neurons", where=f"population {family.name}",
                    remedy=OTHER_NETWORK,
                )  # fmt: skip
            for row in family.model.states:
                _arena(kinds[kind], here, row.name)[_stretch(here, kind, row.name, local)] = taken(
                    state, f"neurons/{family.name}/{row.name}"
                )[rows]
    for here in lanes:
        memory.store(here.neurons.f32, slice(None))
        memory.store(here.neurons.i32, slice(None))


# -- noise that remembers -------------------------------------------------------------------------------------

Process = tuple[int, Gids, int, NDArray[np.float32]]
"""Number of a drive, gids that it is drawn for, how many neurons it reaches, and the array of its values."""


def noise_states(processes: Sequence[Process], memory: Memory, shared_at: int, dtype: Any) -> Values:
    """Values of all processes on the lanes; one that several share is at `shared_at` of its array. `dtype`: of gids."""
    parts = []
    for _, gids, reached, array in processes:
        first = 0 if gids.size == reached else shared_at
        memory.fetch(array, slice(None))
        parts.append(array[first : first + gids.size])
    drives = [np.full(gids.size, drive, np.int32) for drive, gids, *_ in processes]
    return {
        "noise/drive": joined(drives, np.int32),
        "noise/gid": joined([gids for _, gids, *_ in processes], dtype),
        "noise/value": joined(parts, np.float32),
    }


def load_noise(state: State, processes: Sequence[Process], memory: Memory) -> None:
    """Give the processes on the lanes their values."""
    keys, drives = taken(state, "noise/gid"), taken(state, "noise/drive")
    for drive, gids, _, array in processes:
        mine = np.flatnonzero(drives == drive)
        if not mine.size:
            continue  # a drive that begins in a branch
        rows = rows_of(keys[mine], gids)
        if (rows < 0).any():
            raise InputError(f"the state lacks values of noise {drive}", remedy=OTHER_NETWORK)
        array[: gids.size] = state["noise/value"][mine[rows]]
        if gids.size == 1:
            array[:] = array[0]
        memory.store(array, slice(None))


# -- parameters set during the run ----------------------------------------------------------------------------


def parameter_states(network: Network, neurons: NeuronAccess) -> Values:
    """Values of all neurons of the rank, of the parameters that have been changed."""
    found: Values = {}
    for family, parameter in sorted(neurons.changed):
        name = f"parameters/{network.families[family].name}/{parameter}"
        gids, values = neurons.get(family, parameter)
        found[f"{name}/gid"], found[f"{name}/value"] = gids.astype(network.gid_dtype), values
    return found


def load_parameters(state: State, network: Network, neurons: NeuronAccess) -> None:
    """Give the neurons of the rank the parameters that were changed."""
    for name in state:
        place = name.split("/")
        if place[0] == "parameters" and place[-1] == "value":
            keys, values = taken(state, name.replace("/value", "/gid")), state[name]
            neurons.load(network.family_index(place[1]), place[2], partial(_looked_up, keys, values, place[1]))


def _looked_up(keys: Gids, values: NDArray[np.float64], population: str, gids: I64) -> Any:
    rows = rows_of(keys, gids)
    if (rows < 0).any():
        raise InputError(
            "the state lacks parameters of neurons", where=f"population {population}", remedy=OTHER_NETWORK
        )
    return values[rows]


# -- drives and weights set during the run ------------------------------------------------------------------------


def change_states(built: RankNetwork, drives: tuple[Drive, ...] | None, weights: Mapping[int, Table]) -> Values:
    """What was set of drives (None: nothing) and weights, which is the same on all ranks: on that of neuron 0."""
    here = any((state.lane.table[:, 0] == 0).any() for state in built.lanes)
    nothing = np.zeros(0, np.uint8)
    return {
        "drives/packed": pack(drives) if here and drives is not None else nothing,
        "weights/packed": pack(dict(weights)) if here and weights else nothing,
    }


def changes_in(state: State, network: Network) -> tuple[tuple[Drive, ...] | None, dict[int, Table]]:
    """Drives (None: as they were) and weights that were set. Raises InputError where they are of another network."""
    packed, others = taken(state, "drives/packed"), taken(state, "weights/packed")
    drives = unpack(packed, network.drives) if packed.size else None
    weights = unpack(others) if others.size else {}
    n_populations, n_projections = len(network.populations), len(network.projections)
    if any(drive.population >= n_populations for drive in drives or ()) or any(k >= n_projections for k in weights):
        raise InputError("the state has drives or weights of another network", remedy=OTHER_NETWORK)
    return drives, weights


# -- what all backends have -----------------------------------------------------------------------------------


def common_state(
    built: RankNetwork,
    memory: Memory,
    step: int,
    spikes: I64,
    events: int,
    neurons: NeuronAccess,
) -> Values:
    """Neurons, spikes (step << gid_bits | gid), events of a rank, and values of parameters that were changed."""
    first = min(int(state.lane.table[:, 0].min()) for state in built.lanes)
    bits, dtype = built.network.gid_bits, built.network.gid_dtype
    return {
        "step": np.array([step], np.int64),
        "spikes/step": spikes >> bits,
        "spikes/gid": (spikes & ((1 << bits) - 1)).astype(dtype),
        "events/gid": np.array([first], dtype),
        "events/count": np.array([events], np.int64),
        **neuron_states(built.network, built.kinds, built.lanes, memory),
        **parameter_states(built.network, neurons),
    }


def load_common(state: State, built: RankNetwork, memory: Memory, neurons: NeuronAccess) -> None:
    """Neurons and parameters; the parameters first, as they are in the same arrays."""
    load_parameters(state, built.network, neurons)
    load_neurons(state, built.network, built.kinds, built.lanes, memory)


def spikes_in(state: State, built: RankNetwork) -> tuple[I64, I64, int]:
    """Spikes of this rank's neurons and those that its synapses may still receive, and the events counted here."""
    gids = taken(state, "spikes/gid").astype(np.int64)
    entries = (taken(state, "spikes/step") << built.network.gid_bits) | gids
    here = np.concatenate([lane.lane.table[:, :2] for lane in built.lanes])
    here = here[np.argsort(here[:, 0])]
    heard = entries[built.candidates.numbers(gids) >= 0]
    counted = _among(taken(state, "events/gid"), here)
    return entries[_among(gids, here)], heard, int(taken(state, "events/count")[counted].sum())


def _among(wanted: NDArray[Any], runs: I64) -> NDArray[np.bool_]:
    """Which of the wanted gids are in one of the runs, int64[n, 2] (first gid, size), ascending."""
    at = np.searchsorted(runs[:, 0], wanted, side="right") - 1
    return np.asarray((at >= 0) & (wanted < runs[at, 0] + runs[at, 1]))
