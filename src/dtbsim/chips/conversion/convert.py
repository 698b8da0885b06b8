"""Convert a built network for a chip."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.chips.conversion import loihi, spinnaker, truenorth
from dtbsim.chips.conversion.given import Given, Refusals, given_of
from dtbsim.chips.conversion.parts import Parts
from dtbsim.chips.conversion.result import Conversion
from dtbsim.errors import InputError

if TYPE_CHECKING:
    from dtbsim.build.as_built import BuiltNetwork
    from dtbsim.chips.chip import Chip

CONVERTERS: dict[str, tuple[Callable[[Given, Refusals], Parts], int, int]] = {
    loihi.MODEL: (loihi.to_loihi, 8, 1),
    spinnaker.MODEL: (spinnaker.to_spinnaker, 16, 0),
    truenorth.MODEL: (truenorth.to_truenorth, 9, 0),
}
"""By the chip's neuron model: the converter, bits of a weight, and what delays of the engine have more."""


def convert(
    network: BuiltNetwork,
    chip: Chip,
    *,
    core_of_neuron: NDArray[np.integer] | None = None,
    weight_bits: int | None = None,
) -> Conversion:
    """Return `network` in the numbers of `chip`.

    Args:
        network: what `dtbsim.build` returns.
        chip: the chip; its `model` names the neuron model that computes as it does, and messages give its `name`.
        core_of_neuron: int[n_neurons], by gid: the core of every neuron, within which weights of one receptor share an
            exponent; None: one for all. Neurons that are on no core (-1) receive nothing.
        weight_bits: bits of a weight's mantissa with its sign, if it has one; None: those of the chip.

    Raises:
        InputError, MultipleInputError: a line for each thing that the chip cannot say: population or projection, value,
            limit.
    """
    if chip.model not in CONVERTERS:
        raise InputError(
            f"the arithmetic of {chip.name} is not known, so that no network can be put into its numbers",
            where=chip.where, remedy=f"a description says `model`: {', '.join(CONVERTERS)}",
        )  # fmt: skip
    made, own_bits, shift = CONVERTERS[chip.model]
    bits = own_bits if weight_bits is None else weight_bits
    if bits < 2 or bits > own_bits:
        raise InputError(f"weights of {bits} bits; {chip.name} has 2 to {own_bits}", where="weight_bits")
    core = np.zeros(network.n_neurons, np.int64) if core_of_neuron is None else np.asarray(core_of_neuron, np.int64)
    if core.shape != (network.n_neurons,):
        raise InputError(f"core_of_neuron has the shape {core.shape}; the network has {network.n_neurons} neurons")
    wrong = Refusals(chip.name)
    given = given_of(network, chip, np.maximum(core, 0), (bits, weight_bits is not None), wrong)
    parts = made(given, wrong)
    wrong.tell()
    return Conversion(
        chip=chip.name,
        model=chip.model,
        dt_ms=given.dt_ms,
        n_steps=given.network.n_steps,
        populations=parts.populations,
        projections=parts.projections,
        drives=parts.drives,
        exponents=parts.exponents,
        weight_bits=bits,
        run_shift=shift,
        losses=tuple(dict.fromkeys(parts.losses)),
        notes=tuple(dict.fromkeys(parts.notes)),
    )
