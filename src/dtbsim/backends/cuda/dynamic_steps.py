"""What the dynamic projections of a rank add to its steps on a GPU: kernels between those of the static ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import LEAST_ITEMS, Device, Kernels, Launch
from dtbsim.backends.cuda.dynamic_tables import DeviceDynamicTables
from dtbsim.backends.cuda.source import whole_text
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.rule_cuda import rules_text
from dtbsim.spec.network import Network

I64 = NDArray[np.int64]


class DynamicSteps:
    """Launches for all lanes together; nothing where no lane has a dynamic projection."""

    def __init__(self, network: Network, tables: list[DeviceDynamicTables], device: Device, n_lanes: int) -> None:
        self._network = network
        self._tables, self._device, self._n_lanes = tables, device, n_lanes
        self._rewarded = any((t.table[:, D.KIND] == D.MODULATED).any() for t in tables)
        self._kernels: Kernels | None = None

    def __bool__(self) -> bool:
        """Whether there is a dynamic projection."""
        return bool(self._tables)

    @property
    def macros(self) -> dict[str, int]:
        """What step.cu needs defined."""
        return {"DTB_DYNAMIC": 1} if self._tables else {}

    @property
    def headers(self) -> dict[str, str]:
        """Generated headers: the functions of the synapse models."""
        return {"rules.cuh": rules_text(self._network.synapse_models)}

    def compile(self) -> None:
        """Compile the kernels, or load them from the cache."""
        if self._tables:
            self._kernels = self._device.compile(whole_text("dynamic.cu", self.headers))
            for tables in self._tables:
                tables.kernels = self._kernels

    def before_input(self, rank: int) -> None:
        """Tabulate dopamine up to the step; `rank` is the address of the rank table."""
        if self._kernels is not None and self._rewarded:
            self._kernels.launch("dtb_integrate", Launch(1, self._n_lanes, 32), rank)

    def before_schedule(self, rank: int) -> None:
        """Advance the sources that have fired."""
        if self._kernels is not None:
            self._kernels.launch("dtb_dynamic_spikes", self._shape(LEAST_ITEMS), rank)

    def in_order(self, entries: I64) -> I64:
        """Spikes of other ranks (step << 32 | gid), those of a source together and in the order of their steps."""
        return entries[np.lexsort((entries >> 32, entries & 0xFFFFFFFF))]

    def before_remote(self, rank: int, n_spikes: int) -> None:
        """Advance the sources on other ranks whose spikes, `in_order`, have arrived."""
        for tables in self._tables:
            tables.carry(n_spikes)
        if self._kernels is not None:
            self._kernels.launch("dtb_dynamic_remote", self._shape(n_spikes), rank)

    def reserve(self, stop: int) -> None:
        """Make room for what is kept per step, for all steps before `stop`; not yet on the device."""
        for tables in self._tables:
            tables.reserve(stop)

    def tidy(self, now: int) -> None:
        """Apply pending changes where histories have become long."""
        for tables in self._tables:
            tables.tidy(now)

    def _shape(self, items: int) -> Launch:
        return self._device.limits.spread(items, self._n_lanes)
