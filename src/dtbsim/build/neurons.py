"""States and constants of a lane's neurons, laid out for the update kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.kinds import Kind, neuron_values
from dtbsim.build.lanes import Lane, Run, aligned
from dtbsim.errors import InputError
from dtbsim.kernels.update_kernel import UpdateKernel, get_update_kernel, mix_structure
from dtbsim.models.own import code_of
from dtbsim.spec.network import Network

MOST_AT_ONCE = 65_536
"""Neurons whose values are made at once: it bounds the memory that this takes."""


@dataclass(frozen=True, eq=False)
class Group:
    """One kind on one lane: its kernel, header row G and constants row C, and where its arrays lie."""

    kind: int
    kernel: UpdateKernel
    header: NDArray[np.int64]
    constants: NDArray[np.float32]
    start: int
    size: int
    state_offset: dict[str, int]
    array_offset: dict[str, int]


@dataclass(frozen=True, eq=False)
class LaneNeurons:
    """Groups of a lane with its float32 and int32 arenas."""

    groups: tuple[Group, ...]
    f32: NDArray[np.float32]
    i32: NDArray[np.int32]

    @cached_property
    def group_of(self) -> dict[int, Group]:
        """Group of each kind that has one."""
        return {group.kind: group for group in self.groups}


def kernel_of(kind: Kind, acc_bits: int) -> UpdateKernel:
    """The update kernel of a kind (compiled once per process, machine code on disk)."""
    return get_update_kernel(
        kind.model,
        frozenset(kind.arrays),
        mix_structure(mix_matrix(kind), groups_of(kind), kind.model.n_watched_inputs),
        kind.has_current,
        acc_bits,
    )


def groups_of(kind: Kind) -> list[int]:
    """The group of each channel of a kind."""
    return [channel.group for channel in kind.channels]


def mix_matrix(kind: Kind) -> NDArray[np.float64]:
    """float64[inputs, channels] of mix factors."""
    matrix = np.zeros((len(kind.model.inputs), len(kind.channels)))
    for c, channel in enumerate(kind.channels):
        for index, factor in channel.mix:
            matrix[index, c] = factor
    return matrix


def build_neurons(
    network: Network,
    kinds: list[Kind],
    lane: Lane,
    acc_bits: int,
    threads: int = 1,
    alive: Callable[[], None] | None = None,
) -> LaneNeurons:
    """Allocate and fill the arenas of one lane, `threads` runs of neurons at a time; `alive` is called behind each."""
    groups = []
    n_f32 = n_i32 = 0
    for k, kind in enumerate(kinds):
        size = int(lane.group_size[k])
        if size == 0 or kind.model.is_source:
            continue
        kernel = kernel_of(kind, acc_bits)
        start = int(lane.group_start[k])
        header = [size, start, start, 0]
        state_offset, array_offset = {}, {}
        for state in kind.model.states:
            if state.dtype == "f32":
                state_offset[state.name], n_f32 = n_f32, n_f32 + aligned(size)
            else:
                state_offset[state.name], n_i32 = n_i32, n_i32 + aligned(size)
            header.append(state_offset[state.name])
        header += lane.slot_start[k].tolist()
        for name in kernel.array_order:
            array_offset[name], n_f32 = n_f32, n_f32 + aligned(size)
            header.append(array_offset[name])
        constants = kernel.pack_constants(
            kind.scalars, [channel.quantum for channel in kind.channels], mix_matrix(kind), groups_of(kind)
        )
        row = np.array(header, dtype=np.int64)
        groups.append(Group(k, kernel, row, constants, start, size, state_offset, array_offset))
    neurons = LaneNeurons(tuple(groups), np.zeros(max(n_f32, 1), np.float32), np.zeros(max(n_i32, 1), np.int32))

    def fill(run: Run) -> None:
        if run.kind in neurons.group_of:
            _fill(network, kinds[run.kind], neurons.group_of[run.kind], neurons, run)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for _ in pool.map(fill, joined(lane.runs)):  # raises what the first run that fails has raised
            if alive is not None:
                alive()
    return neurons


def joined(runs: Iterable[Run]) -> Iterator[Run]:
    """Longer runs of the same neurons, of MOST_AT_ONCE at most: what a run costs beside its neurons counts, too."""
    last: Run | None = None
    for run in runs:
        if last is None:
            last = run
        elif (
            (run.population, run.kind) == (last.population, last.kind)
            and (run.gid0, run.local) == (last.gid0 + last.size, last.local + last.size)
            and last.size + run.size <= MOST_AT_ONCE
        ):
            last = replace(last, size=last.size + run.size)
        else:
            yield last
            last = run
    if last is not None:
        yield last


def _fill(network: Network, kind: Kind, group: Group, neurons: LaneNeurons, run: Run) -> None:
    """Initial states and array constants of one run."""
    population = network.populations[run.population]
    family = network.families[population.family]
    position = int(np.searchsorted(family.populations, run.population))
    gids = np.arange(run.gid0, run.gid0 + run.size, dtype=np.int64)
    parameters = neuron_values(network, population.family, position, gids, "parameters")
    initial = neuron_values(network, population.family, position, gids, "initial")
    try:
        with code_of(kind.model, "parameters that differ between neurons cannot be checked (they are arrays)"):
            kind.model.check(parameters, network.dt_ms)
    except InputError as error:
        where = ": ".join([f"{family.key_path} ({population.name})", *([error.where] if error.where else [])])
        raise InputError(error.message, where=where, remedy=error.remedy) from None
    at = run.local - group.start
    states = kind.model.initial_states(parameters, initial)
    for row in kind.model.states:
        arena = neurons.f32 if row.dtype == "f32" else neurons.i32
        offset = group.state_offset[row.name] + at
        arena[offset : offset + run.size] = np.asarray(states[row.name]).astype(arena.dtype)
    set_constants(network, kind, group, neurons, run, parameters)


def set_constants(
    network: Network,
    kind: Kind,
    group: Group,
    neurons: LaneNeurons,
    run: Run,
    parameters: dict[str, float | NDArray[np.float64]],
) -> None:
    """Derive and write the per-neuron constants of a run from complete parameters."""
    if not group.array_offset:
        return
    constants = kind.model.constants(parameters, network.dt_ms)
    at = run.local - group.start
    for name, base in group.array_offset.items():
        neurons.f32[base + at : base + at + run.size] = np.asarray(constants[name]).astype(np.float32)
