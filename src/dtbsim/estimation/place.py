"""Ranks on nodes: how many, with how many threads, on which profile."""

from __future__ import annotations

from dataclasses import dataclass

from dtbsim.errors import InputError
from dtbsim.estimation.profile import Profile
from dtbsim.estimation.result import Machine
from dtbsim.spec.network import Network

HERE = "here"
"""The machine that is meant where none is named: its CPUs."""


@dataclass(frozen=True)
class Asked:
    """What the user said of the machines; None: as the profile or the configuration has it."""

    ranks: int
    ranks_per_node: int | None = None
    gpus_per_node: int | None = None
    threads: int | None = None


def place_ranks(asked: Asked, profile: Profile, network: Network) -> Machine:
    """Where the ranks would be. Raises InputError for what no machine of the profile can be."""
    for name, value in (
        ("ranks", asked.ranks),
        ("ranks-per-node", asked.ranks_per_node),
        ("gpus-per-node", asked.gpus_per_node),
        ("threads", asked.threads),
    ):
        if value is not None and value < 1:
            raise InputError(f"got {value}", where=f"--{name}", remedy="allowed: a whole number above 0")
    gpu, cores = profile.kind == "gpu", int(profile["node.cores"])
    if network.execution.backend == "cuda" and not gpu and profile.name != HERE:
        message = f"simulation.backend is cuda, but '{profile.name}' is a machine without GPUs"
        raise InputError(message, where="--machine", remedy="name one with GPUs, or set simulation.backend")
    if asked.gpus_per_node is not None and not gpu:
        message = f"'{profile.name}' is a machine without GPUs"
        raise InputError(message, where="--gpus-per-node", remedy="leave it out, or name a machine with GPUs")
    gpus = (asked.gpus_per_node or int(profile["gpu.gpus"])) if gpu else None
    threads = asked.threads or network.execution.threads
    per_node = min(asked.ranks, asked.ranks_per_node or gpus or max(1, cores // (threads or 1)))
    nodes = -(-asked.ranks // per_node)
    return Machine(
        name=profile.name,
        kind=profile.kind,
        description=profile.description,
        untested=profile.untested(ranks=asked.ranks, nodes=nodes),
        nodes=nodes,
        ranks=asked.ranks,
        ranks_per_node=per_node,
        gpus_per_node=gpus,
        threads=threads or max(1, cores // per_node),
        cores_per_node=cores,
    )
