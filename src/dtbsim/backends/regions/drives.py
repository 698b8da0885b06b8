"""Drives of the regions of one lane group: rows of the table that the compiled loop reads, filled chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.shares import Share
from dtbsim.kernels import region_drives as D
from dtbsim.kernels.region_kernel import RegionBlock
from dtbsim.spec.region_network import STIMULUS, DrivePart, RegionDrive, RegionNetwork

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Key = tuple[str, int, str]
"""Name of a drive, index of the population, input."""


def driven_inputs(drives: Iterable[RegionDrive], population: int) -> tuple[str, ...]:
    """Inputs of a population that drives act on: the input current first, others in the order of the drives."""
    names = dict.fromkeys(drive.input for drive in drives if drive.population == population)
    return (*([STIMULUS] if STIMULUS in names else []), *(name for name in names if name != STIMULUS))


@dataclass(eq=False)
class _Driven:
    """A drive on the nodes of this rank and the members of the group: arrays by element, and those of its parts."""

    drive: RegionDrive
    parts: list[DrivePart]
    which: NDArray[np.int32]
    times: I64
    memory: F32
    numbers: F32
    drawn: I64
    process: F32
    waves: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    sds: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def noisy(self) -> bool:
        return any(part.noise is not None for part in self.parts)

    def courses(self, start: int, stop: int, dt_ms: float) -> None:
        """What the parts give in the steps of a chunk."""
        steps = np.arange(start, stop, dtype=np.int64)
        on = [part.windows.contain(steps) for part in self.parts]

        def rows(values: Iterator[Any]) -> F32:
            table = np.zeros((len(self.parts), steps.size), np.float32)
            for row, value, inside in zip(table, values, on, strict=True):
                row[inside] = value[inside]
            return table

        self.waves = rows(part.wave.values(steps, dt_ms) for part in self.parts)
        if self.noisy:
            self.sds = rows(
                np.zeros(steps.size) if part.noise is None else part.noise.sd.values(steps, dt_ms)
                for part in self.parts
            )


class GroupDrives:
    """All drives of a group. `out` are the arrays that they write, by population and input."""

    def __init__(
        self,
        network: RegionNetwork,
        share: Share,
        members: tuple[int, ...],
        dt_ms: float,
        blocks: Sequence[RegionBlock],
    ) -> None:
        self._share, self._members, self._dt_ms, self._blocks = share, members, dt_ms, blocks
        self.out: dict[tuple[int, str], F32] = {}
        self._driven: list[_Driven] = []
        self.table: I64 = np.zeros((0, D.DRIVE_FIELDS), np.int64)
        self._network = network

    def place(self, population: int, block: int) -> tuple[list[F32], F32 | None]:
        """Make the arrays that drives of a population write: those of its inputs, and that of the input current."""
        size = self._blocks[population].n_nodes * len(self._members)
        stimulus = None
        others = []
        for name in driven_inputs(self._network.drives, population):
            made = self.out[population, name] = np.zeros((block, size), np.float32)
            if name == STIMULUS:
                stimulus = made
            else:
                others.append(made)
        return others, stimulus

    def set(self, drives: Iterable[RegionDrive]) -> None:
        """Drive the regions like this from now on; processes go on where a drive stays."""
        before = {_key(one.drive): one for one in self._driven}
        order = list(self.out)
        ranked = sorted(drives, key=lambda drive: (order.index((drive.population, drive.input)), drive.index))
        self._driven = [self._made(drive) for drive in ranked]
        for one in self._driven:
            if (known := before.get(_key(one.drive))) is not None:
                one.process[:] = known.process

    def _made(self, drive: RegionDrive) -> _Driven:
        first, last = self._share.nodes[drive.population]
        rows = drive.which if len(drive.which) == 1 else drive.which[list(self._members)]
        which = np.broadcast_to(rows[:, first:last].T, (last - first, len(self._members)))
        used, place = np.unique(which, return_inverse=True)
        kept = used[used >= 0]
        parts = [drive.parts[k] for k in kept]
        size = which.size
        times = np.zeros((len(parts), 3), np.int64)
        memory = np.full((len(parts), 2), -1.0, np.float32)
        for k, part in enumerate(parts):
            interval = 1 if part.noise is None else part.noise.interval
            times[k] = part.windows.start, part.windows.stop, interval
            remembered = None if part.noise is None else part.noise.memory(self._dt_ms)
            if remembered is not None:
                memory[k] = remembered
        return _Driven(
            drive, parts, (place.ravel() - (used.size - kept.size)).astype(np.int32), times, memory,
            np.zeros((size, D.NUMBERS), np.float32), np.full(size, -1, np.int64), np.zeros(size, np.float32),
        )  # fmt: skip

    def begin_chunk(self, start: int, stop: int) -> None:
        """Have what drives give in the steps [start, stop)."""
        table = np.zeros((len(self._driven), D.DRIVE_FIELDS), np.int64)
        seen: set[tuple[int, str]] = set()
        for row, one in zip(table, self._driven, strict=True):
            one.courses(start, stop, self._dt_ms)
            drive, key = one.drive, (one.drive.population, one.drive.input)
            block = self._blocks[drive.population]
            row[D.D_TABLE], row[D.D_OUT] = block.table.ctypes.data, self.out[key].ctypes.data
            row[D.D_NODES], row[D.D_FIRST] = block.n_nodes, key not in seen
            seen.add(key)
            for place, array in (
                (D.D_WHICH, one.which), (D.D_WAVES, one.waves), (D.D_TIMES, one.times), (D.D_MEMORY, one.memory),
                (D.D_PROCESS, one.process), (D.D_NUMBERS, one.numbers), (D.D_DRAWN, one.drawn),
            ):  # fmt: skip
                row[place] = array.ctypes.data
            row[D.D_SDS] = one.sds.ctypes.data if one.noisy else 0
            row[D.D_PARTS], row[D.D_SPAN], row[D.D_FROM] = len(one.parts), stop - start, start
            row[D.D_DRIVE], row[D.D_SHARED] = drive.index, drive.shared
        self.table = table
        for key, out in self.out.items():  # of a rank without nodes, or without a drive that is left
            if key not in seen:
                out[:] = 0.0

    def forget_drawn(self) -> None:
        """Draw again what has been drawn: the seed, or the step, is another."""
        for one in self._driven:
            one.drawn[:] = -1

    def processes(self) -> Iterator[tuple[int, str, F32]]:
        """Population, name in a state, and the processes (by element) of all drives that have some."""
        for one in self._driven:
            if any(part.noise is not None and part.noise.tau_ms is not None for part in one.drive.parts):
                yield one.drive.population, f"drive.{one.drive.name}", one.process


def _key(drive: RegionDrive) -> Key:
    return drive.name, drive.population, drive.input
