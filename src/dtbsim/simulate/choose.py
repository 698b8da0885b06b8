"""Where the neurons are computed: what `simulation.backend` means on these machines, and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dtbsim.backends.cuda import choose
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.memory_plan import check_device_plan, plan_device_memory
from dtbsim.backends.cuda.persistent import stride_of
from dtbsim.backends.cuda.plan import Choice as GpuPlan
from dtbsim.errors import DtbsimError
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.spec import Network

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Choice:
    """A backend (cpu or cuda), why it is this one, and this rank's GPU where it is cuda."""

    name: str
    reason: str
    device: Device | None = None
    shared_by: int = 1
    """Ranks that use the same GPU."""

    def say(self) -> None:
        """Log it."""
        _LOG.info("backend %s (%s)", self.name, self.reason)
        if self.device is not None:
            facts = ", ".join(f"{key} {value}" for key, value in self.device.facts.items() if key != "name")
            _LOG.info("GPU: %s (%s)", self.device.name, facts)
        if self.shared_by > 1:
            _LOG.info("%d ranks share a GPU", self.shared_by)


def choose_backend(network: Network, comm: Comm) -> Choice:
    """The backend of a run, the same on all ranks; collective.

    `auto` is cuda where every rank can have a GPU, else cpu. `cuda` that cannot be had is the error of what is missing
    (`open_device`), never a run on the CPU.
    """
    wanted = network.execution.backend
    if wanted == "cpu":
        return Choice("cpu", "as configured")
    if wanted == "cuda":
        device = on_every_rank(comm, lambda: choose.open_device(comm.node_rank))
        return Choice("cuda", f"as configured: {device.name}", device, _shared_by(device, comm))
    found, problem = None, None
    try:
        found = choose.open_device(comm.node_rank)
    except DtbsimError as error:
        problem = error.message
    problems = [text for text in comm.allgather(problem) if text is not None]
    if problems or found is None:
        return Choice("cpu", f"auto: {problems[0]}")
    return Choice("cuda", f"auto: {found.name}", found, _shared_by(found, comm))


def _shared_by(device: Device, comm: Comm) -> int:
    mine = comm.node_index, device.identity
    return sum(other == mine for other in comm.allgather(mine))


def check_device_memory(choice: Choice, plan: GpuPlan | None, comm: Comm) -> None:
    """Raise MemoryPlanError on every rank when the network of any rank exceeds its share of its GPU; collective."""
    device = choice.device
    if device is None or plan is None:
        return
    persistent = plan.name == "persistent"
    needed = plan_device_memory(plan.layout, in_order=not persistent, stride_of=stride_of if persistent else None)
    on_every_rank(comm, lambda: check_device_plan(needed, device, choice.shared_by))
