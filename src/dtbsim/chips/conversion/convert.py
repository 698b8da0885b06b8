"""Convert a built network for a chip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.chips.conversion.result import Conversion

if TYPE_CHECKING:
    from dtbsim.build.as_built import BuiltNetwork
    from dtbsim.chips.chip import Chip  # type: ignore[import-not-found]


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
        chip: the chip; its `model` names the neuron model of dtbsim that computes as it does, `name` stands in messages.
        core_of_neuron: int[n_neurons], by gid: the core of every neuron, within which weights of one receptor share an
            exponent; None: one for all.
        weight_bits: bits of a weight's mantissa with its sign; None: those of the chip.

    Raises:
        InputError, MultipleInputError: a line for each thing that the chip cannot say: population or projection, value,
            limit.
    """
    raise NotImplementedError
