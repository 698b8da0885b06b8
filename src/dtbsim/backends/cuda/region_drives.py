"""Drives of a lane group of mean-field regions on a GPU: courses are computed here, chunk by chunk, noise there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.memory import DeviceMemory
from dtbsim.backends.regions.drives import GroupDrives
from dtbsim.backends.regions.shares import Share
from dtbsim.kernels import region_device_layout as D
from dtbsim.kernels.region_kernel import RegionBlock
from dtbsim.spec.region_network import RegionDrive, RegionNetwork


class DeviceDrives(GroupDrives):
    """The drives of a group. Arrays that last, as processes, go with the drives, courses and tables with a chunk."""

    def __init__(
        self,
        network: RegionNetwork,
        share: Share,
        members: tuple[int, ...],
        dt_ms: float,
        blocks: Sequence[RegionBlock],
        device: Device,
        memory: DeviceMemory,
        table_of: Callable[[int], int],
    ) -> None:
        """`table_of` gives the address of the table of a population's kernel."""
        super().__init__(network, share, members, dt_ms, blocks)
        self._device, self._memory, self._table_of = device, memory, table_of
        self._lasting: list[dict[int, Any]] = []
        """Of every drive, by field of its row."""
        self._chunk: list[Any] = []

    def set(self, drives: Iterable[RegionDrive]) -> None:
        """Drive the regions like this from now on; processes go on where a drive stays."""
        self.fetch()
        super().set(drives)
        self._lasting = [
            {
                field: self._device.upload(array)
                for field, array in (
                    (D.W_WHICH, one.which), (D.W_TIMES, one.times), (D.W_MEMORY, one.memory), (D.W_PROCESS, one.process)
                )
            }
            for one in self._driven
        ]  # fmt: skip

    def fetch(self) -> None:
        """Bring the processes here."""
        for one, lasting in zip(self._driven, self._lasting, strict=True):
            one.process[:] = self._device.download(lasting[D.W_PROCESS])

    def store(self) -> None:
        """Take them there."""
        for one, lasting in zip(self._driven, self._lasting, strict=True):
            if one.process.size:
                self._device.overwrite(lasting[D.W_PROCESS], one.process)

    def begin_chunk(self, start: int, stop: int) -> None:
        """Have what drives give in the steps [start, stop)."""
        before, self._chunk = self._chunk, []  # what was launched has ended, as samples of the last chunk are here
        rows = np.zeros((len(self._driven), D.DRIVE_FIELDS), np.int64)
        for row, one, lasting in zip(rows, self._driven, self._lasting, strict=True):
            one.courses(start, stop, self._dt_ms)
            for field, array in lasting.items():
                row[field] = self._device.address(array)
            row[D.W_WAVES], row[D.W_SDS] = self._sent(one.waves), self._sent(one.sds) if one.noisy else 0
            row[D.W_SPAN], row[D.W_FROM] = stop - start, start
            row[D.W_DRIVE], row[D.W_SHARED] = one.drive.index, one.drive.shared
        self._rows_at = self._sent(rows)
        inputs = np.zeros((len(self.out), D.DRIVEN_FIELDS), np.int64)
        first = 0
        for row, ((population, name), out) in zip(inputs, self.out.items(), strict=True):
            count = sum((one.drive.population, one.drive.input) == (population, name) for one in self._driven)
            row[[D.V_OUT, D.V_ELEMENTS]] = self._device.address(self._memory.of(out)), out.shape[1]
            row[D.V_TABLE] = self._table_of(population)
            row[D.V_DRIVES], row[D.V_DRIVES_AT] = count, self._rows_at + 8 * D.DRIVE_FIELDS * first
            first += count
        self.table_at = self._sent(inputs)
        before.clear()

    def _sent(self, array: NDArray[Any]) -> int:
        self._chunk.append(self._device.upload(array))
        return self._device.address(self._chunk[-1])

    @property
    def bytes_there(self) -> int:
        """Bytes on the device beside the inputs."""
        lasting = sum(int(array.nbytes) for arrays in self._lasting for array in arrays.values())
        return lasting + sum(int(array.nbytes) for array in self._chunk)
