"""Which state of which neuron is no number any more."""

from __future__ import annotations

import numpy as np

from dtbsim.build.kinds import Kind
from dtbsim.build.rank import LaneState
from dtbsim.errors import NumericsError
from dtbsim.models.base import MOST_SPIKES
from dtbsim.spec.network import Network


def check_finite(network: Network, kinds: list[Kind], lanes: list[LaneState], span: tuple[int, int]) -> None:
    """Raise NumericsError naming population, neuron and state if any float state of `lanes` is NaN or infinite.

    `span`: the steps (first, exclusive last) at whose beginning all were finite.
    """
    for state in lanes:
        if np.isfinite(state.neurons.f32).all():
            continue
        for group in state.neurons.groups:
            watched = kinds[group.kind].model.watched  # what is only recorded ends no run
            for name, offset in group.state_offset.items():
                values = state.neurons.f32[offset : offset + group.size]
                row = kinds[group.kind].model.state(name)
                if row.dtype == "f32" and name not in watched and not np.isfinite(values).all():
                    local = group.start + int(np.argmin(np.isfinite(values)))
                    raise _error(network, int(state.lane.gids_of(np.array([local]))[0]), name, span)


def too_many_spikes(network: Network) -> NumericsError:
    """The error of a neuron that repeats more spikes in a step than can be counted."""
    names = [family.name for family in network.families if family.model.counts_spikes and not family.model.is_source]
    return NumericsError(
        f"a neuron had more than {MOST_SPIKES} spikes to repeat in one step",
        where=f"population {' or '.join(names)}",
        remedy="use a shorter dt_ms, or fewer inputs per neuron",
    )


def _error(network: Network, gid: int, name: str, span: tuple[int, int]) -> NumericsError:
    index = int(np.searchsorted(network.gid_starts, gid, side="right")) - 1
    population = network.populations[index]
    return NumericsError(
        f"state {name} of neuron {gid - population.gid0} became NaN or infinite after step {span[0]}, "
        f"by step {span[1]}",
        where=f"population {population.name}",
        remedy="use a shorter dt_ms, or check parameters and weights",
    )
