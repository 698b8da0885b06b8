"""Compiled update kernels: one pass over a group of neurons, called through a C function pointer.

    void kernel(float32* F, int32* I, acc* acc, float32* stim, uint8* spk, int64* G, float32* C)

F holds the float32 states and per-neuron constants of one owner of neurons, I its int32 states, acc the integer input
accumulators (int32 or int64), stim the input currents, spk the spike flags. The kernel reads and zeroes the group's
accumulators, advances every neuron by one step, and writes spk = 1 or 0 for every neuron. The arrays of a group must
not overlap.

G: [0] neurons, [1] offset in spk, [2] offset in stim (unused without stim), [3] 0, then offsets: one per state in the
order of the model (into F or I by its dtype), one per accumulator channel (into acc), one per array constant in
`array_order` (into F). C: what `pack_constants` returns.

Input r of the model is the sum over its channels c, ascending, of mix[r, c] * (float32(acc_c) * quantum_c). Channels of
one group feed the model's own inputs as one channel: their accumulators are added as integers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbsim.errors import InputError
from dtbsim.kernels import kernel_cache
from dtbsim.kernels.update_source import G_HEADER, MixStructure, Variant, kernel_text
from dtbsim.models.base import NeuronModel


@dataclass(frozen=True)
class UpdateKernel:
    """A kernel variant, compiled when its address is first asked for; keep it alive as long as that is used."""

    variant: Variant

    @cached_property
    def _module(self) -> Any:
        label = f"update_{''.join(x if x.isalnum() else '_' for x in self.variant.model.name)}"
        return kernel_cache.build(kernel_text(self.variant), label, lambda module: module)

    @property
    def address(self) -> int:
        """Address of the compiled function."""
        return int(self._module.kernel.address)

    @property
    def constant_order(self) -> tuple[str, ...]:
        """Scalar constants in the order of C."""
        return self.variant.scalars

    @property
    def array_order(self) -> tuple[str, ...]:
        """Array-valued constants in the order of their offsets in G."""
        return self.variant.arrays

    @property
    def n_channels(self) -> int:
        """Number of accumulator channels."""
        return self.variant.channels

    @property
    def header_size(self) -> int:
        """Number of entries of G."""
        return G_HEADER + len(self.variant.model.states) + self.n_channels + len(self.array_order)

    @property
    def assembly(self) -> str:
        """Machine code as text, '' if it came from the disk cache."""
        compiled = self._module.kernel
        return "" if compiled.cache_hits else str(compiled._library.get_asm_str())

    def pack_constants(
        self,
        constants: Mapping[str, Any],
        quanta: Sequence[float],
        mix: npt.ArrayLike | None = None,
        groups: Sequence[int] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return C: scalar constants, quantum per channel, mix factors.

        `constants` as from `NeuronModel.constants` (array-valued ones are ignored here), `quanta` one per channel,
        `mix` (inputs, channels) and `groups` with the structure this kernel was made for (None: every input its own
        channel).
        """
        model = self.variant.model
        given = identity_mix(model) if mix is None else mix_structure(mix, groups, model.n_watched_inputs)
        if given != self.variant.mix:
            raise InputError(f"mix has the structure {given}, this kernel was made for {self.variant.mix}")
        if len(quanta) != self.n_channels:
            raise InputError(f"{len(quanta)} quanta given for {self.n_channels} accumulator channels")
        matrix = np.asarray(mix if mix is not None else [], dtype=np.float64)
        values = [float(constants[name]) for name in self.constant_order]
        values += [float(quantum) for quantum in quanta]
        values += [float(matrix[r, given.sums[s][0]]) for r, s in self.variant.factors]
        return np.asarray(values, dtype=np.float32)


def identity_mix(model: NeuronModel) -> MixStructure:
    """Return the structure in which input r is accumulator channel r."""
    inputs = range(len(model.inputs))
    return MixStructure(len(inputs), tuple((c,) for c in inputs), tuple(((r, False),) for r in inputs))


def mix_structure(mix: npt.ArrayLike, groups: Sequence[int] | None = None, watched: int = 0) -> MixStructure:
    """Return the structure of a mix matrix (inputs, channels): its non-zero entries, factors where they are not 1.

    `groups`: the group of each channel (None: each its own); those of a group have one quantum and the same factors,
    but for the last `watched` inputs, which take channels one by one.
    """
    matrix = np.asarray(mix, dtype=np.float64)
    n_channels = matrix.shape[1]
    of = list(range(n_channels)) if groups is None else list(groups)
    together = [tuple(c for c in range(n_channels) if of[c] == group) for group in dict.fromkeys(of)]
    alone = [(c,) for c in range(n_channels) if watched and (c,) not in together]
    n_own = len(matrix) - watched
    rows = [
        tuple(
            (s, bool(row[channels[0]] != 1.0))
            for s, channels in enumerate([*together, *alone])
            if row[channels[0]] != 0.0 and (len(channels) == 1 if r >= n_own else s < len(together))
        )
        for r, row in enumerate(matrix)
    ]
    return MixStructure(n_channels, (*together, *alone), tuple(rows))


@lru_cache(maxsize=1024)
def _kernel(variant: Variant) -> UpdateKernel:
    return UpdateKernel(variant)


def get_update_kernel(
    model: NeuronModel,
    array_constants: Collection[str] = frozenset(),
    mix: MixStructure | None = None,
    use_stim: bool = False,
    acc_bits: int = 32,
) -> UpdateKernel:
    """Return the kernel of a variant; memoised. Machine code is made, or found on disk, when it is needed.

    `array_constants` are those of `model.constants` that differ between neurons; `mix` is from `mix_structure` (None:
    input r is channel r); `use_stim` needs a model that takes I_stim; `acc_bits` is 32 or 64.
    """
    unknown = sorted(set(array_constants) - set(model.constant_names))
    if unknown:
        raise InputError(f"model '{model.name}' has no constant '{unknown[0]}'")
    if use_stim and not model.uses_current:
        raise InputError(f"model '{model.name}' takes no input current")
    if acc_bits not in (32, 64):
        raise InputError(f"acc_bits is {acc_bits}; allowed: 32, 64")
    structure = identity_mix(model) if mix is None else mix
    if len(structure.rows) != len(model.inputs):
        raise InputError(f"mix has {len(structure.rows)} rows; model '{model.name}' has {len(model.inputs)} inputs")
    arrays = tuple(name for name in model.constant_names if name in array_constants)
    return _kernel(Variant(model, arrays, structure, use_stim, acc_bits))
