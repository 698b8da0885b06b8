"""Whether what was built holds other weights and drives: synapses have room for weights, sums for all input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dtbsim.build.dynamic import rebuilt_dynamic
from dtbsim.build.rank import INT32_LIMIT, RankNetwork, drive_bound, largest_input, rebuilt_rows
from dtbsim.errors import InputError
from dtbsim.kernels import layout as L
from dtbsim.spec.channels import MAX_16, MAX_27
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Drive, Network, with_weights

_SUMS = "so large a weight could exceed the sums of input that were built"
_DRIVE_LATER = "name it in the configuration, as a change of the drive at a later time"
_LATER = "name it in the configuration, as a change at a later time, so that the network is built for it"


def check_drives(built: RankNetwork, drives: Sequence[Drive]) -> None:
    """InputError where sums of 32 bits could overflow with these drives."""
    bound = drive_bound(drives)
    for state in built.lanes:
        if state.acc.dtype == np.int32 and state.largest + bound > INT32_LIMIT:
            raise InputError(_SUMS, remedy=_DRIVE_LATER)


def check_weights(built: RankNetwork, network: Network, weights: Mapping[int, Table], drives: Sequence[Drive]) -> None:
    """InputError where the synapses that were built, or their sums, cannot hold such weights; none are plastic.

    `weights` are all that differ from what was built. Notes the largest input of each lane with them.
    """
    changed = with_weights(network, weights)
    for index, table in weights.items():
        _check_size(built, network, index, table)
    for state in built.lanes:
        if state.acc.dtype == np.int32:
            rows = rebuilt_rows(built, changed, state)
            dynamic = [
                rebuilt_dynamic(network, state.lane, built.candidates, part, weights[part.projection.index])
                if part.projection.index in weights
                else part
                for part in state.dynamic
            ]
            total = largest_input(network, built.candidates, state.lane, rows, dynamic, state.procedural)
            if total + drive_bound(drives) > INT32_LIMIT:
                raise InputError(_SUMS, remedy=_LATER)
            state.largest = max(state.largest, total)


def _check_size(built: RankNetwork, network: Network, index: int, table: Table) -> None:
    projection = network.projections[index]
    quantum = network.families[projection.target_family].channels[projection.channel].quantum
    factor = float(projection.weight_factor.max(initial=0.0))
    most = max(abs(table.low), abs(table.high)) * factor / quantum
    for state in built.lanes:
        limit = MAX_16 if state.rows.kind in (L.KIND_PACKED, L.KIND_WIDE16) else MAX_27
        if most > limit:
            largest = limit * quantum / max(factor, 1e-30)
            message = f"so large a weight does not fit the synapses that were built; up to {largest:.4g} does"
            raise InputError(message, remedy=_LATER)
