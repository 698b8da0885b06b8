"""The stage `compile`: on every node the first rank makes the machine code that its cache lacks, the others load it.

What a step needs is foreseen from the network and compiled in other processes while this one compiles what the build
needs, and builds. Foreseeing decides on nothing but the time: whatever is lacking in the end is compiled then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from dtbsim.backends.backend import Backend
from dtbsim.backends.cpu_plan import CpuPlan
from dtbsim.backends.drive_tables import one_row
from dtbsim.kernels.ahead import Helpers
from dtbsim.kernels.first_run import announce, first_run_announced
from dtbsim.kernels.garbage import rare_collections
from dtbsim.kernels.jit import static_dir
from dtbsim.kernels.parts import WINDOW, missing
from dtbsim.mpi import Comm
from dtbsim.mpi.world import first_on_node
from dtbsim.simulate.prepare import Prepared
from dtbsim.simulate.warm_up import warm_up_build
from dtbsim.spec import Network


class Compiler:
    """Compiles for one run, first for its build, then for its steps; to be closed."""

    def __init__(self, prepared: Prepared, comm: Comm, tell: Callable[[str], None]) -> None:
        """`tell` is called once where compiling takes long."""
        self._prepared, self._comm, self._tell = prepared, comm, tell
        self._helpers: Helpers | None = None

    def compile_build(self) -> None:
        """Compile, or load from the kernel cache, what the build needs; collective."""
        with self._compiling():
            first_on_node(self._comm, self._build)

    def compile_steps(self, backend: Backend) -> None:
        """Compile, or load from the kernel cache, what the steps need; collective."""
        with self._compiling():
            first_on_node(self._comm, lambda: self._steps(backend))

    def close(self) -> None:
        """End what is still at work, after an error or when the user stops the run."""
        if self._helpers is not None:
            self._helpers.close()
            self._helpers = None

    @contextlib.contextmanager
    def _compiling(self) -> Iterator[None]:
        with first_run_announced(self._tell), rare_collections():
            yield

    def _build(self) -> None:
        if not self._prepared.network.n_neurons:
            return
        if self._comm.node_rank == 0 and isinstance(self._prepared.backend_plan, CpuPlan):
            self._start_helpers()
        warm_up_build(self._prepared.network)

    def _start_helpers(self) -> None:
        prepared, layout = self._prepared, self._prepared.backend_plan.layout
        expected = expected_parts(prepared.network, prepared.exchange == "shared_memory", layout.sparse_shift > 0)
        lacking = missing(expected)
        if WINDOW in lacking or len(lacking) > 1:  # not for one that is quick
            announce(self._tell, static_dir())
            self._helpers = Helpers(lacking)

    def _steps(self, backend: Backend) -> None:
        if self._helpers is not None:
            self._helpers.finish()
        backend.compile()


def expected_parts(network: Network, shared_memory: bool = False, sparse_rows: bool = False) -> set[str]:
    """Return the names of what steps on CPUs are compiled from, as far as the network tells.

    Drives that change in the course of the run may need more, and a rank may need less.
    """
    parts = {WINDOW, "exchange_spikes"} if shared_memory else {WINDOW}
    if sparse_rows:
        parts.add("sparse_schedule")
    for drive in network.drives:
        if drive.kind == "noise":
            parts.add("noise")
        elif drive.kind == "poisson" and drive.weight != 0 and (drive.rate is not None or drive.mean > 0):
            parts.add("poisson" if one_row(drive, drive.neurons) else "varied")
    if any(family.model.emits == "poisson" for family in network.families):
        parts.add("random")
    if any(projection.dynamics is not None for projection in network.projections):
        parts |= {"dynamic_deliver", "dynamic_remember", "dynamic_schedule"}
    if any(projection.procedural for projection in network.projections):
        parts |= {"procedural_deliver", "procedural_schedule"}
    return parts
