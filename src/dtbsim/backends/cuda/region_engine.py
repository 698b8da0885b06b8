"""The mean-field regions of a rank on its GPU: three launches for each block of the shortest delay, in graphs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Graph
from dtbsim.backends.cuda.failures import told_by_device
from dtbsim.backends.cuda.memory import DeviceMemory
from dtbsim.backends.cuda.region_group import DeviceGroup
from dtbsim.backends.cuda.region_plan import block_limit, lanes_for
from dtbsim.backends.cuda.source import region_layout_text, whole_text
from dtbsim.backends.regions.stepper import RegionStepper
from dtbsim.kernels import region_device_layout as D
from dtbsim.kernels.region_cuda import region_functions_text, region_models_text
from dtbsim.kernels.region_variant import RegionVariant
from dtbsim.mpi import Comm
from dtbsim.spec.region_network import RegionNetwork

F32 = NDArray[np.float32]
GRAPH_BLOCKS = 32
"""Blocks of the longest graph; shorter ones have a power of two."""
MOST_ROWS = 65_535
"""Of a grid."""


def regions_text(variants: Sequence[RegionVariant]) -> str:
    """The text of all kernels of a network with these populations."""
    return whole_text(
        "regions.cu",
        {
            "region_layout.cuh": region_layout_text(),
            "region_functions.cuh": region_functions_text(),
            "region_models.cuh": region_models_text(variants),
        },
    )


class DeviceRegions(RegionStepper):
    """The bits of `RegionEngine`; lane groups step together, in blocks that suit all of them."""

    def __init__(self, network: RegionNetwork, dt_ms: float, comm: Comm, device: Device) -> None:
        self._device, self._memory = device, DeviceMemory(device)
        self._graphs: dict[int, Graph] = {}
        self._models: list[RegionVariant] = []
        self._place(network, dt_ms, comm)

    @told_by_device
    def _place(self, network: RegionNetwork, dt_ms: float, comm: Comm) -> None:
        super().__init__(network, dt_ms, comm, lanes_for(network, comm.size))
        share, device, longest = self.share, self._device, block_limit(network, comm.size)
        self._there = groups = [
            DeviceGroup(network, share, members, dt_ms, self._sampled, longest, device, self._memory, self._models)
            for members in share.groups
        ]
        self.groups = [*groups]
        self._compiled = False
        self._table = np.array([group.row for group in groups], np.int64).reshape(-1, D.GROUP_FIELDS)
        for group, row in zip(groups, self._table, strict=True):
            group.row = row
        self._on_device = device_table = self._device.upload(self._table)
        self._address = self._device.address(device_table)
        self._found = self._device.xp.zeros(1, np.int64)
        fields = D.N_SLOTS, D.N_HISTORIES, D.N_SAMPLES, D.N_DRIVEN
        slots, histories, samples, driven = (int(self._table[:, field].max(initial=0)) for field in fields)
        self._rows = {"dtb_region_sums": max(1, slots + driven), "dtb_region_keep": max(1, histories + samples)}
        self._rows |= {"dtb_region_nodes": len(network.populations), "dtb_region_fill": max(1, histories)}
        self._largest = max((block.n_nodes * group.lanes for group in groups for block in group.blocks), default=1)

    # -- launches -----------------------------------------------------------------------------------------------

    @told_by_device
    def compile(self) -> None:
        """Compile the kernels, or load them from the cache."""
        if not self._compiled:
            self._compiled = True
            self._kernels = self._device.compile(self.text())

    def text(self) -> str:
        """The text of all kernels of this network."""
        return regions_text(self._models)

    def _launch(self, name: str, *arguments: int, items: int = 0) -> None:
        rows = len(self.groups) * self._rows[name]
        if rows == 0:
            return
        shape = self._device.limits.spread(max(1, items), min(rows, MOST_ROWS))
        self._kernels.launch(name, shape, self._address, len(self.groups), self._rows[name], *arguments)

    def _send(self) -> None:
        if self._table.size:
            self._device.overwrite(self._on_device, self._table)

    def _step(self, steps: int) -> None:
        """Inputs and regions of a block."""
        self._launch("dtb_region_sums", steps, items=self._largest * steps)
        self._launch("dtb_region_nodes", steps, items=self._largest)

    def _keep(self, steps: int) -> None:
        """Its samples, what is remembered of it, and that the next one follows."""
        self._launch("dtb_region_keep", steps, items=self._largest * steps)

    def _blocks(self, n: int) -> None:
        for _ in range(n):
            self._step(self.block)
            self._keep(self.block)

    def _graph(self, blocks: int) -> Graph:
        if blocks not in self._graphs:
            self._graphs[blocks] = self._device.capture(partial(self._blocks, blocks))
        return self._graphs[blocks]

    # -- stepping -----------------------------------------------------------------------------------------------

    def _fill_histories(self) -> None:
        self._launch("dtb_region_nodes", 0, items=self._largest)
        for group in self._there:
            self._exchange(group, 1)
        self._launch("dtb_region_fill", items=self._largest * max((group.columns for group in self._there), default=1))

    @told_by_device
    def begin_chunk(self, start: int, stop: int) -> None:
        """Begin the steps [start, stop); collective."""
        super().begin_chunk(start, stop)
        self._table[:, [D.STEP, D.NEXT]] = start
        self._send()

    @told_by_device
    def advance(self, start: int, stop: int) -> None:
        """Step from `start`, which is `reached`, to before `stop`; collective."""
        self.begin_chunk(start, stop)
        self._to_end(stop)
        self._device.synchronise()  # so that whoever times chunks times what was done

    def _advance(self, stop: int) -> None:
        left = stop - self.reached
        while left > 0 and self.share.split:
            steps = min(self.block, left)
            self._step(steps)
            for group in self._there:
                self._exchange(group, steps)
            self._keep(steps)
            left -= steps
        while left >= self.block:
            blocks = min(GRAPH_BLOCKS, 1 << ((left // self.block).bit_length() - 1))
            self._graph(blocks).launch()
            left -= blocks * self.block
        if left > 0:
            self._step(left)
            self._keep(left)
        self._table[:, [D.STEP, D.NEXT]] = stop

    @told_by_device
    def step_block(self, stop: int) -> list[F32]:
        """Step to `stop`, within a block; returns what neurons get, float32[steps, targets] by `to_spikes`."""
        steps = stop - self.reached
        self._step(steps)
        return self._there[0].given_now(steps)

    def _remember(self, steps: int) -> None:
        (group,) = self._there
        group.give_rates()
        self._exchange(group, steps)
        self._keep(steps)
        self._table[:, [D.STEP, D.NEXT]] = self.reached + steps

    # -- checks and measures ------------------------------------------------------------------------------------

    @told_by_device
    def _all_finite(self) -> bool:
        there = [states for group in self._there for states in group.states_there]
        for states in there:
            shape = self._device.limits.spread(states.size)
            address = self._device.address
            self._kernels.launch("dtb_region_check", shape, address(states), states.size, address(self._found))
        if int(self._device.download(self._found)[0]) == 0:
            return True
        for group in self._there:
            group.fetch_states()
        return False

    @property
    def n_bytes(self) -> int:
        """Bytes of the host: what is on the GPU is not among them."""
        return 0

    @property
    def bytes_there(self) -> int:
        """Bytes on the GPU."""
        return self._memory.n_bytes + self._table.nbytes + sum(group.chunk_bytes for group in self._there)

    def close(self) -> None:
        """Let go of the device's memory."""
        self._device.synchronise()
        self._graphs.clear()
