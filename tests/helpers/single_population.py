"""One group of neurons stepped by its compiled update kernel, arrays built by hand: the smallest possible driver."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dtbsim.kernels.update_kernel import get_update_kernel, mix_structure
from dtbsim.models import NeuronModel

KERNEL_TYPE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 7)
PAD = 5
"""Elements between arrays: canaries that the kernel must not touch."""


class SinglePopulation:
    """`n` neurons of a model; step() takes integer inputs and currents and returns the spike flags.

    `parameters` are numbers or (n,) arrays; `quanta` the weight of one unit per accumulator channel.
    """

    def __init__(
        self,
        model: NeuronModel,
        n: int,
        dt_ms: float,
        parameters: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        quanta: Sequence[float] | None = None,
        mix: Any = None,
        groups: Sequence[int] | None = None,
        use_stim: bool = False,
        acc_bits: int = 32,
        call: Callable[..., Any] | None = None,
    ) -> None:
        self.model, self.n, self.dt_ms = model, n, dt_ms
        self.parameters = dict(parameters or {})
        model.check(self.parameters, dt_ms)
        constants = model.constants(self.parameters, dt_ms)
        arrays = frozenset(name for name, value in constants.items() if np.ndim(value) == 1)
        structure = None if mix is None else mix_structure(mix, groups, model.n_watched_inputs)
        self.kernel = get_update_kernel(model, arrays, structure, use_stim, acc_bits)
        quanta = [1.0] * self.kernel.n_channels if quanta is None else quanta
        self.C = self.kernel.pack_constants(constants, quanta, mix, groups)
        self._lay_out(constants, acc_bits)
        for name, value in model.initial_states(self.parameters, initial).items():
            self.state(name)[:] = value
        self._call = call or KERNEL_TYPE(self.kernel.address)

    def _lay_out(self, constants: Mapping[str, Any], acc_bits: int) -> None:
        states, kernel, size = self.model.states, self.kernel, self.n + PAD
        floats = [row.name for row in states if row.dtype == "f32"] + list(kernel.array_order)
        integers = [row.name for row in states if row.dtype == "i32"]
        self.offsets = {name: PAD + k * size for names in (floats, integers) for k, name in enumerate(names)}
        self.F = np.full(PAD + size * len(floats), 7.25, np.float32)
        self.I = np.full(PAD + size * len(integers), 725, np.int32)
        self.acc = np.full(PAD + size * kernel.n_channels, 725, np.int32 if acc_bits == 32 else np.int64)
        self.spk = np.full(self.n + 2 * PAD, 99, np.uint8)
        self.stim = np.zeros(self.n + 2 * PAD, np.float32)
        self.acc_offsets = [PAD + k * size for k in range(kernel.n_channels)]
        arrays = [self.offsets[name] for name in kernel.array_order]
        self.G = np.array(
            [self.n, PAD, PAD, 0, *(self.offsets[row.name] for row in states), *self.acc_offsets, *arrays], np.int64
        )
        assert len(self.G) == kernel.header_size
        for name in kernel.array_order:
            self.F[self.offsets[name] :][: self.n] = constants[name]
        for offset in self.acc_offsets:
            self.acc[offset : offset + self.n] = 0

    def state(self, name: str) -> Any:
        """Internal values of a state, a view."""
        array = self.F if self.model.state(name).dtype == "f32" else self.I
        return array[self.offsets[name] : self.offsets[name] + self.n]

    def recorded(self, name: str) -> Any:
        """Values of a state as the user sees them."""
        return self.model.recorded(name, self.state(name), self.parameters)

    def step(self, inputs: Mapping[int, Any] | None = None, current: Any = 0.0) -> Any:
        """Advance one step; `inputs` maps accumulator channels to integers that arrive at its end."""
        for channel, value in (inputs or {}).items():
            self.acc[self.acc_offsets[channel] :][: self.n] += np.asarray(value, self.acc.dtype)
        self.stim[PAD : PAD + self.n] = current
        self._call(*(x.ctypes.data for x in (self.F, self.I, self.acc, self.stim, self.spk, self.G, self.C)))
        return self.spk[PAD : PAD + self.n]

    def run(self, steps: int, inputs: Mapping[int, Mapping[int, Any]] | None = None, current: Any = 0.0) -> list[Any]:
        """Run; `inputs[step]` maps channels to integers, `current` is a number or one per step. Returns spike steps.

        A spike in the first call of step() is at step 1, as NEST counts. One array per neuron.
        """
        currents = np.broadcast_to(np.asarray(current, dtype=np.float64), (steps,)) if np.ndim(current) < 2 else current
        raster = np.array([self.step((inputs or {}).get(k), currents[k]).copy() for k in range(steps)])
        return [np.flatnonzero(raster[:, i]) + 1 for i in range(self.n)]

    def untouched(self) -> bool:
        """Whether everything outside the group's own arrays is as it was laid out."""
        masks = []
        for array, starts, value in (
            (self.F, [v for k, v in self.offsets.items() if k not in self._integers()], 7.25),
            (self.I, [self.offsets[k] for k in self._integers()], 725),
            (self.acc, self.acc_offsets, 725),
            (self.spk, [PAD], 99),
        ):
            outside = np.ones(len(array), bool)
            for start in starts:
                outside[start : start + self.n] = False
            masks.append(bool(np.all(array[outside] == value)))
        return all(masks)

    def _integers(self) -> list[str]:
        return [row.name for row in self.model.states if row.dtype == "i32"]
