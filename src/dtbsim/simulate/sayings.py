"""What a run says about itself at its start: what was chosen, and how the network is divided. On rank 0."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from dtbsim.build.blocks import traffic
from dtbsim.mpi import Comm
from dtbsim.partition import summarise
from dtbsim.simulate.prepare import Prepared

_LOG = logging.getLogger("dtbsim.simulate.conductor")


def say_choices(made: Prepared, comm: Comm) -> None:
    """Backend, ranks, threads, exchange, and what there is to know of the network."""
    made.choice.say()
    for note in made.backend_plan.notes:
        _LOG.info("%s", note)
    for warning in (*made.models.warnings, *made.network.warnings):
        _LOG.warning("%s", warning)
    for note in made.network.notes:
        _LOG.info("%s", note)
    if made.unshared:
        _LOG.info("every rank has compiled the network for itself: %s", made.unshared)
    elif made.shared_bytes:
        _LOG.info("the ranks of a node share %.1f MiB of the compiled network", made.shared_bytes / 2**20)
    _LOG.info("%d rank(s) x %d thread(s), exchange %s", comm.size, made.threads, made.exchange)


def say_partition(made: Prepared, comm: Comm, described: Mapping[str, Any], note: Callable[[str], None]) -> None:
    """The partition; `described` is what network.json says, and `note` shows a line on the terminal."""
    plan = made.plan
    if not made.network.n_neurons:
        return
    summary = summarise(plan.table, plan.blocks.rank, traffic(made.network))
    _LOG.info("partition (%s): %s", made.network.execution.partitioner, summary.table())
    if comm.size > 1:
        _LOG.info("a spike is sent to %.2f other ranks on average", described["ranks_per_spike"])
        note(f"partition: {summary.headline()}")
