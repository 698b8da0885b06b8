"""Compiled region kernels, and the arrays of a block of regions that they work on.

    kernel(table, step, n_steps, in_row, out_row, first region, last region + 1) -> 0

All arguments are int64; see `region_source.region_text` and `region_layout`. Calls for disjoint ranges of regions may
run at the same time. The bits of an element depend on its own states, sums, constants, and its numbers of region,
member and step alone: not on other elements, on the range, or on how many steps a call takes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbsim.errors import InputError
from dtbsim.kernels import kernel_cache
from dtbsim.kernels import region_layout as R
from dtbsim.kernels.noise import TABLE
from dtbsim.kernels.region_source import first_line, n_entries, region_text
from dtbsim.kernels.region_variant import RegionVariant
from dtbsim.models.base import Values
from dtbsim.numerics.philox import seed_key

Floats = npt.NDArray[np.float32]
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 7)


@dataclass(frozen=True)
class RegionKernel:
    """A variant, compiled when its address is first asked for; keep it alive as long as that is used."""

    variant: RegionVariant

    @cached_property
    def _module(self) -> Any:
        label = f"region_{''.join(x if x.isalnum() else '_' for x in self.variant.model.name)}"
        return kernel_cache.build(region_text(self.variant), label, lambda module: module)

    @property
    def address(self) -> int:
        """Address of the compiled function of seven int64."""
        return int(self._module.kernel.address)

    @cached_property
    def call(self) -> Any:
        """The compiled function, for Python."""
        return _PROTOTYPE(self.address)


@lru_cache(maxsize=256)
def region_kernel(variant: RegionVariant) -> RegionKernel:
    """Return the kernel of a variant; memoised. Machine code is made, or found on disk, when it is needed."""
    return RegionKernel(variant)


def region_constants(
    variant: RegionVariant,
    p: Values,
    dt_ms: float,
    noise: Mapping[str, tuple[Any, Any]] | None = None,
    weights: Sequence[Any] = (),
) -> dict[str, Any]:
    """Return every constant of a variant, float64 numbers or arrays.

    `p` are parameters, numbers or arrays that broadcast with each other. `noise` maps targets to (sigma, tau_ms);
    `weights` are the sums of weights of the terms that are differences, in their order.
    """
    model = variant.model
    complete = model.complete({})
    complete.update({model.parameter(name).name: np.asarray(value, np.float64) for name, value in p.items()})
    values: dict[str, Any] = {**complete, **model.derive(complete, dt_ms), "dt_ms": dt_ms}
    decays = model.decays(complete)
    found = {name: values[name] for name in model.constant_names}
    found["_h"] = dt_ms
    for row in model.states:
        rate = decays.get(row.name)
        found[f"_h_{row.name}"] = dt_ms if rate is None else _decayed(np.asarray(rate, np.float64), dt_ms)
    states = {row.name for row in model.states}
    for term in variant.noise:
        sigma, tau_ms = (np.asarray(value, np.float64) for value in (noise or {})[term.target])
        if term.kind == "ornstein_uhlenbeck":
            decay = np.exp(-dt_ms / tau_ms)
            found |= {f"_decay_{term.target}": decay, f"_kick_{term.target}": np.sqrt(-np.expm1(-2.0 * dt_ms / tau_ms))}
        elif term.target not in states:
            sigma = sigma / np.sqrt(dt_ms)
        elif variant.integrator == "exponential" and term.target in decays:
            sigma = sigma * np.sqrt(_decayed(2.0 * np.asarray(decays[term.target], np.float64), dt_ms))
        else:
            sigma = sigma * np.sqrt(dt_ms)
        found[f"_sd_{term.target}"] = sigma
    slots = [slot for term, slot in zip(variant.terms, variant.slots, strict=True) if term.kind == "difference"]
    found |= {f"_weight_{slot}": weight for slot, weight in zip(slots, weights, strict=True)}
    steps = {f"_steps_{row.name}": _whole_steps(row.parameter, values[row.parameter], dt_ms) for row in model.delays}
    return {**{name: found[name] for name in variant.constants}, **steps}


def varying(constants: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of constants that differ between elements, for the `arrays` of a variant."""
    return tuple(name for name, value in constants.items() if np.unique(np.asarray(value)).size > 1)


def _whole_steps(name: str, delay_ms: Any, dt_ms: float) -> int:
    """Steps of an own delay."""
    found = np.unique(np.asarray(delay_ms, np.float64))
    if found.size > 1:
        raise InputError(f"{name} differs between regions or members", remedy="give one number: own delays are lines")
    steps = int(np.rint(found[0] / dt_ms))
    if steps < 1:
        raise InputError(f"{name} is {found[0]:g} ms, below one step ({dt_ms:g} ms)", remedy=f"give {dt_ms:g} or more")
    return steps


def _decayed(rate: npt.NDArray[np.float64], dt_ms: float) -> npt.NDArray[np.float64]:
    """(1 - exp(-rate dt)) / rate, which is dt at rate = 0."""
    safe = np.where(rate == 0.0, 1.0, rate)
    return np.where(rate == 0.0, dt_ms, -np.expm1(-dt_ms * safe) / safe)


class RegionBlock:
    """N regions in L members: the arrays that a kernel works on, and its table of their addresses.

    `sums`, `drives` and `sent` are float32 arrays [rows, N * L] of the caller's, one per slot, one, and one per sent
    variable, whose rows the calls name; they must stay where they are.
    """

    def __init__(
        self,
        kernel: RegionKernel,
        n_nodes: int,
        n_lanes: int,
        constants: Mapping[str, Any],
        *,
        normal: Floats,
        seed: int = 0,
        nodes: npt.ArrayLike | None = None,
        seeds: npt.ArrayLike | None = None,
    ) -> None:
        """`constants` as from `region_constants`, arrays of shape (N, 1), (1, L), (N, L) or (N * L,).

        `normal` is the table of normal quantiles (float32[65537]), `nodes` the numbers of the regions in the whole
        network (default 0, 1, ...), `seeds` the low words of the members' seeds (default: from that of `seed`
        on), whose high word is that of `seed`.
        """
        variant = kernel.variant
        self.kernel, self.n_nodes, self.n_lanes = kernel, n_nodes, n_lanes
        size = n_nodes * n_lanes
        line_steps = [int(constants[f"_steps_{row.name}"]) for row in variant.model.delays]
        self.states = np.zeros((len(variant.rows) + sum(line_steps), size), np.float32)
        """Rows of the variant, then the lines of own delays: all that a run needs to go on."""
        self.node_keys = np.arange(n_nodes, dtype=np.uint32) if nodes is None else np.array(nodes, np.uint32)
        low = (seed & 0xFFFFFFFF) + np.arange(n_lanes) if seeds is None else seeds
        self.seeds = np.array(low, np.uint32)
        self._element_nodes = np.repeat(self.node_keys, n_lanes)
        self._element_seeds = np.tile(self.seeds, n_nodes)
        self._numbers = np.zeros((max(len(variant.noise), 1), 4, size), np.float32)
        self._words = np.zeros((4, size), np.uint32)
        self._drawn = np.full(n_nodes, -1, np.int64)
        assert normal.shape == (TABLE,)
        self._normal = np.ascontiguousarray(normal, np.float32)
        self.table = np.zeros(R.FIRST + n_entries(variant), np.int64)
        k0, k1 = seed_key(seed)
        self.table[[R.NODES, R.LANES, R.KEY_0, R.KEY_1]] = n_nodes, n_lanes, int(k0), int(k1)
        self._scalars = np.zeros(max(len(variant.scalars), 1), np.float32)
        self._arrays = np.zeros((max(len(variant.arrays), 1), size), np.float32)
        self.set_constants(constants)
        self._line_steps = line_steps
        self._kept: dict[int, npt.NDArray[Any]] = {
            R.STATES: self.states, R.SCALARS: self._scalars, R.NORMAL: self._normal, R.NODE_KEYS: self.node_keys,
            R.ELEMENT_NODES: self._element_nodes, R.ELEMENT_SEEDS: self._element_seeds,
        }  # fmt: skip
        """Arrays whose addresses are in the table, by their place."""
        ahead: dict[int, npt.NDArray[Any]] = {R.NUMBERS: self._numbers, R.WORDS: self._words, R.DRAWN: self._drawn}
        for place, array in (self._kept | ahead).items():
            self.table[place] = array.ctypes.data
        self._fill_rows(self.table, self.states.ctypes.data, self._arrays.ctypes.data)

    def _fill_rows(self, table: npt.NDArray[np.int64], states: int, arrays: int) -> None:
        """Addresses of array constants and of lines, which are rows of two arrays at these addresses."""
        variant, row_bytes = self.kernel.variant, self.states.strides[0]
        first = R.FIRST + variant.n_slots + len(variant.sent)
        for k in range(len(variant.arrays)):
            table[first + k] = arrays + k * row_bytes
        place, row = R.FIRST + first_line(variant), len(variant.rows)
        for steps in self._line_steps:
            table[place : place + 2] = states + row * row_bytes, steps
            place, row = place + 2, row + steps

    def table_elsewhere(self, address: Callable[[npt.NDArray[Any]], int]) -> npt.NDArray[np.int64]:
        """Return the table with the addresses that copies of the arrays have elsewhere; there noise is drawn when it
        is needed."""
        table = self.table.copy()
        table[[R.NUMBERS, R.WORDS, R.DRAWN]] = 0
        for place, array in self._kept.items():
            table[place] = address(array)
        self._fill_rows(table, address(self.states), address(self._arrays))
        return table

    @property
    def element_seeds(self) -> npt.NDArray[np.uint32]:
        """Low words of the seeds, by element."""
        return self._element_seeds

    @property
    def constant_arrays(self) -> tuple[Floats, Floats]:
        """What `set_constants` writes to: numbers, and array constants [row, M]."""
        return self._scalars, self._arrays

    def set_constants(self, constants: Mapping[str, Any]) -> None:
        """Take other values of constants; those that differ between elements must be arrays of the variant."""
        variant = self.kernel.variant
        for name, value in constants.items():
            if name.startswith("_steps_"):
                continue
            values = np.asarray(value, np.float64)
            if name in variant.arrays:
                self._arrays[variant.arrays.index(name)] = self._spread(values)
            elif values.size == 1:
                self._scalars[variant.scalars.index(name)] = values.ravel()[0]
            else:
                raise InputError(f"the constant {name} differs between elements; this kernel takes one number")

    def _spread(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if values.shape == (self.n_nodes * self.n_lanes,):
            return values
        return np.broadcast_to(values, (self.n_nodes, self.n_lanes)).ravel()

    def use(self, sums: Sequence[Floats] = (), sent: Sequence[Floats] = (), drives: Floats | None = None) -> None:
        """Take the arrays of sums, sent variables and drives."""
        variant = self.kernel.variant
        assert len(sums) == variant.n_slots
        assert len(sent) == len(variant.sent)
        for k, array in enumerate([*sums, *sent]):
            self._use(R.FIRST + k, array)
        if drives is not None:
            self._use(R.STIMULUS, drives)

    @property
    def sums(self) -> list[Floats]:
        """Arrays of sums in use."""
        return [self._kept[R.FIRST + k] for k in range(self.kernel.variant.n_slots) if R.FIRST + k in self._kept]

    def _use(self, place: int, array: Floats) -> None:
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert array.shape[-1] == self.n_nodes * self.n_lanes
        self._kept[place] = array
        self.table[place] = array.ctypes.data

    def state(self, name: str) -> Floats:
        """Return the row of a state, or of a process of noise (`noise_<target>`), as a view [N, L]."""
        row = self.kernel.variant.rows.index(name)
        view: Floats = self.states[row].reshape(self.n_nodes, self.n_lanes)
        return view

    def set_seeds(self, seeds: Sequence[int]) -> None:
        """Draw noise from other seeds of the members, whose high words are the same."""
        k0, k1 = seed_key(seeds[0])
        self.table[[R.KEY_0, R.KEY_1]] = int(k0), int(k1)
        self.seeds[:] = np.array([seed & 0xFFFFFFFF for seed in seeds], np.uint32)
        self._element_seeds[:] = np.tile(self.seeds, self.n_nodes)
        self.forget_drawn()

    def forget_drawn(self) -> None:
        """Draw the numbers of noise again: the states were given from outside, at another step."""
        self._drawn[:] = -1

    def advance(
        self,
        step: int,
        n_steps: int,
        in_row: int = 0,
        out_row: int = 0,
        regions: tuple[int, int] | None = None,
    ) -> None:
        """Take regions (all) through steps `step` to `step + n_steps - 1`."""
        lo, hi = regions or (0, self.n_nodes)
        self.kernel.call(self.table.ctypes.data, step, n_steps, in_row, out_row, lo, hi)
