"""What a PyNN script cannot hold of a network, or another simulator does otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.errors import InputError
from dtbsim.interchange.base import Loss
from dtbsim.interchange.losses import run_losses
from dtbsim.interchange.pynn.cells import CELLS
from dtbsim.interchange.pynn.inputs import drive_spikes, drives_by_name
from dtbsim.interchange.sonata.edges import same_kernels
from dtbsim.interchange.sonata.nodes import values_of
from dtbsim.models.base import same_values
from dtbsim.spec.network import Drive, Network, Projection

FIRST_STEPS = 2
"""Steps in which NEST, behind PyNN, has no input: it comes from devices, over two delays of one step."""


def losses_of(built: BuiltNetwork, how: str, simulator: str) -> Iterator[Loss]:
    """Everything of a network that is lost, in the order of the configuration."""
    network = built.network
    if network.regions is not None:
        raise InputError(
            "mean-field regions have no form in PyNN", where="populations", remedy="export populations of neurons"
        )
    if simulator != "nest":
        yield Loss(
            f"{simulator} integrates otherwise than dtbsim and NEST", "--simulator", "the same network", True,
            "--simulator nest",
        )  # fmt: skip
    for index in range(len(network.families)):
        yield from _family_losses(network, index)
    for projection in network.projections:
        yield from _projection_losses(network, projection)
    for name, parts in drives_by_name(network):
        yield from _drive_losses(network, name, parts, how)
    yield from _run_losses(network)


def _family_losses(network: Network, index: int) -> Iterator[Loss]:
    family = network.families[index]
    model, where = family.declared, family.key_path
    if model.is_source:
        if model.emits == "poisson":
            yield Loss(
                "a poisson_source is drawn while the network runs", where, "SpikeSourcePoisson: other spikes", True,
                "give its spikes as those of a spike_source",
            )  # fmt: skip
        elif any(
            member in network.emitted and (network.emitted[member][:, 0] < FIRST_STEPS - 1).any()
            for member in family.populations.tolist()
        ):
            yield Loss(
                "listed spikes of the first step", where, "they are left out: NEST has none so early", True,
                f"begin at {FIRST_STEPS * network.dt_ms:g} ms",
            )  # fmt: skip
        return
    if family.controlled:
        names = ", ".join(sorted(family.controlled))
        yield Loss(f"{names} change during the run", where, "what they are at the beginning", True)
    cell = CELLS.get(model.name)
    if cell is None:
        known = ", ".join(CELLS)
        raise InputError(
            f"PyNN has no standard cell for '{model.name}'", where=f"{where}.model", remedy=f"use one of {known}"
        )
    if not cell.equal:
        yield Loss(f"NEST integrates '{model.name}' otherwise", f"{where}.model", f"PyNN's {cell.name}", True)
    for name, value in cell.fixed.items():
        if any(not same_values(p[name], value) for _, p, _ in values_of(network, index)):
            yield Loss(f"PyNN's {cell.name} has no {name}", f"{where}.parameters.{name}", f"{value:g}", True)
    for name in family.initial:
        if name not in cell.states and any(
            np.any(np.asarray(s.get(name, 0.0))) for _, _, s in values_of(network, index)
        ):
            yield Loss("this state begins at 0", f"{where}.initial.{name}", "it is left out", True, "leave it at 0")


def _projection_losses(network: Network, projection: Projection) -> Iterator[Loss]:
    where, family = projection.key_path, network.families[projection.target_family]
    if projection.dynamics is not None:
        yield Loss(
            f"synapses of kind '{projection.dynamics.model.name}' change with activity", f"{where}.synapse",
            "static synapses with the weights they begin with", True,
        )  # fmt: skip
    cell, ports = CELLS.get(family.declared.name), {row.name for row in family.declared.receptors}
    if cell is None or cell.by_size or "ex" not in ports:
        return
    mix = dict(family.channels[projection.channel].mix)
    used = [row.name for row in family.model.receptors if row.channel in mix]
    low, high = projection.weight.low, projection.weight.high
    if (used == ["ex"] and low < 0) or (used == ["in"] and high > 0) or len(used) > 1:
        alike = same_kernels(family.declared, (p for _, p, _ in values_of(network, projection.target_family)))
        if not alike:
            yield Loss(
                "weights of both signs, or of the other one, at this port", f"{where}.receptor",
                "the port that PyNN has for the sign", True, "give `ex` positive weights and `in` negative ones",
            )  # fmt: skip


def _drive_losses(network: Network, name: str, parts: list[Drive], how: str) -> Iterator[Loss]:
    kind, where = parts[0].kind, parts[0].key_path or f"drives.{name}"
    early = f"begin it at {FIRST_STEPS * network.dt_ms:g} ms (start_ms)"
    if how == "none":
        yield Loss(f"the drive '{name}'", where, "nothing (--drives none)")
    elif kind == "poisson" and how == "poisson":
        yield Loss("Poisson spikes are drawn by the simulator", where, "as many on average, at other times", False)
    elif kind in ("noise", "trains"):
        yield Loss(
            f"a drive of kind '{kind}' is drawn while the network runs", where, "it is left out", True,
            "give its input as spike_trains or step_current",
        )  # fmt: skip
    elif kind == "current":
        if any(part.waveform(np.arange(FIRST_STEPS), network.dt_ms).any() for part in parts):
            yield Loss(
                "a current in the first two steps", where, "it is left out: NEST's devices begin later", True,
                f"{early}, or give a constant one as I_e_pA of the population",
            )  # fmt: skip
    elif any((drive_spikes(network, part, FIRST_STEPS)[0] < FIRST_STEPS).any() for part in parts):
        yield Loss(
            "spikes that arrive in the first two steps", where, "they are left out: NEST has none so early", True, early
        )


def _run_losses(network: Network) -> Iterator[Loss]:
    yield from run_losses(network)
    if network.records.states:
        yield Loss("recorded states", "record.states", "nothing")
