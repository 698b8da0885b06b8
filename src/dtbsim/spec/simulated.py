"""What can be simulated, which is less than can be declared, validated and estimated."""

from __future__ import annotations

import numpy as np

from dtbsim.errors import InputError
from dtbsim.numerics.gids import MOST_NARROW
from dtbsim.spec.network import Network


def check_simulated(network: Network) -> None:
    """Raise InputError for more steps than can be counted beside the numbers of so many neurons."""
    most = 2 ** (63 - network.gid_bits)
    if network.n_steps > most:
        raise InputError(
            f"{network.n_steps:,} steps of {network.n_neurons:,} neurons; so many can be simulated for {most:,} steps",
            where="simulation.duration_ms",
            remedy="use a shorter duration_ms or a longer dt_ms",
        )


def check_on_gpu(network: Network) -> None:
    """Raise InputError for more neurons than GPUs know: theirs have ids of 32 bits."""
    if network.gid_dtype != np.uint32:
        raise InputError(
            f"{network.n_neurons:,} neurons; on GPUs {MOST_NARROW:,} can be simulated",
            where="populations",
            remedy="use simulation.backend: cpu, or reduce sizes",
        )
