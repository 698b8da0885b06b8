"""A lane group of mean-field regions on the CPU: tables for the compiled loops of `region_blocks`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.functions import function_numbers
from dtbsim.backends.regions.group import SPARE, History, RegionGroup, Sampled
from dtbsim.backends.regions.shares import Share
from dtbsim.backends.regions.wiring import grouped, is_uniform, rows_of, transposed
from dtbsim.kernels import region_blocks as T
from dtbsim.kernels.region_coupling import ROWS, WIDTH
from dtbsim.spec.region_network import RegionCoupling, RegionNetwork

F32 = NDArray[np.float32]


class LaneGroup(RegionGroup):
    """Steps some members of a network."""

    slot_fields = T.SLOT_FIELDS

    def __init__(
        self, network: RegionNetwork, share: Share, members: tuple[int, ...], dt_ms: float, sampled: list[Sampled]
    ) -> None:
        self.table = np.zeros(T.GROUP_FIELDS, np.int64)
        self._held: list[Any] = []
        super().__init__(network, share, members, dt_ms, sampled)

    def _spare_columns(self) -> int:
        """There histories go on before they are moved."""
        return 0 if self.back == 0 else max(64, self.block, self.back // 2)

    def _slot_of(
        self, history: History, coupling: RegionCoupling, wiring: Any, n_sources: int, first: int, last: int, out: F32
    ) -> list[int]:
        row = [0] * T.SLOT_FIELDS
        row[T.S_HISTORY], row[T.S_SOURCES] = history.values.ctypes.data, n_sources
        uniform = is_uniform(wiring, n_sources)
        if uniform and self.lanes % WIDTH == 0:
            weights = self._hold(grouped(wiring, first, last, n_sources))
            row[T.S_NOW], row[T.S_DELAY], row[T.S_WIDTH] = T.ALL_SOURCES, wiring.shortest, len(weights) * ROWS
            row[T.S_WEIGHTS] = weights.ctypes.data
            raw = np.zeros(self.block * len(weights) * ROWS * self.lanes, np.float32)
        elif uniform and self.lanes == 1 and self.block < 8:
            weights = self._hold(transposed(wiring, first, last, n_sources))
            row[T.S_NOW], row[T.S_DELAY], row[T.S_WIDTH] = T.ONE_LANE, wiring.shortest, weights.shape[1]
            row[T.S_WEIGHTS] = weights.ctypes.data
            raw = np.zeros(self.block * weights.shape[1], np.float32)
        else:
            rows = rows_of(wiring, first, last, n_sources, self.columns, self.back, self.lanes)
            for field, array in ((T.S_WEIGHTS, rows.weights), (T.S_OFFSETS, rows.offsets), (T.S_STARTS, rows.starts)):
                row[field] = self._hold(array).ctypes.data
            stride = -(-self.block * self.lanes // SPARE) * SPARE
            raw = np.zeros((rows.starts.size - 1) * ROWS * stride, np.float32)
        kind, numbers = function_numbers(coupling, self.members)
        row[T.S_FUNCTION], row[T.S_NUMBERS] = kind, self._hold(numbers).ctypes.data
        row[T.S_STRENGTH] = self._hold(self._strength(coupling, first, last)).ctypes.data
        row[T.S_OUT], row[T.S_TARGETS], row[T.S_RAW] = out.ctypes.data, last - first, self._hold(raw).ctypes.data
        return row

    def _hold(self, array: NDArray[Any]) -> NDArray[Any]:
        self._held.append(array)
        return array

    def _fill(self) -> None:
        populations = np.zeros((len(self.blocks), T.POPULATION_FIELDS), np.int64)
        for row, block in zip(populations, self.blocks, strict=True):
            row[:] = 0, block.table.ctypes.data, block.n_nodes
        self._populations = populations
        histories = np.zeros((len(self._histories), T.HISTORY_FIELDS), np.int64)
        for row, history in zip(histories, self._histories, strict=True):
            sent = self._everywhere(history)
            nodes = self.n_sources(history)
            row[:] = (
                history.values.ctypes.data, sent.ctypes.data, nodes, history.function, history.numbers.ctypes.data
            )  # fmt: skip
        self._history_table = histories
        samples = np.zeros((len(self.sampled), T.SAMPLE_FIELDS), np.int64)
        self._means = []
        for row, one in zip(samples, self.sampled, strict=True):
            sent = self.sent[one.population][one.variable]
            self._means.append(np.zeros(sent.shape[1], np.float32))
            row[:] = sent.ctypes.data, sent.shape[1], one.interval, one.mean, self._means[-1].ctypes.data, 0, 0
        self._sample_table = samples
        table = self.table
        table[T.LANES], table[T.COLUMNS], table[T.BLOCK], table[T.BACK] = (
            self.lanes,
            self.columns,
            self.block,
            self.back,
        )
        table[T.POSITION] = self.back
        for count, at, rows in (
            (T.N_SLOTS, T.SLOTS_AT, self._slots),
            (T.N_POPULATIONS, T.POPULATIONS_AT, populations),
            (T.N_HISTORIES, T.HISTORIES_AT, histories),
            (T.N_SAMPLES, T.SAMPLES_AT, samples),
        ):
            table[count], table[at] = len(rows), rows.ctypes.data

    def compile(self) -> None:
        """Have the machine code of the kernels."""
        for row, block in zip(self._populations, self.blocks, strict=True):
            row[T.P_KERNEL] = block.kernel.address

    def tell(self) -> None:
        """Put what all nodes send at the start into the first rows of `sent`."""
        for block in self.blocks:
            if block.n_nodes:
                block.advance(0, 0)

    def fill_histories(self) -> None:
        """Let all columns be what is in the first rows of what is sent: it was so before the start."""
        for row, history in zip(self._history_table, self._histories, strict=True):
            nodes = int(row[T.H_SOURCES])
            sent = self._everywhere(history)[0].reshape(nodes, self.lanes)
            kept = self._before(history, sent)
            self.history_values(history)[:nodes] = kept[:, None, :]

    def _before(self, history: History, sent: F32) -> F32:
        out = np.zeros_like(sent)
        for node in range(len(sent)):
            T._before(history.function, sent[node], history.numbers.ravel(), out[node], self.lanes)
        return out

    def kept(self, k: int) -> F32:
        """float32[nodes + 1, back + 1, lanes]: the columns of a history that can be heard, the oldest first."""
        position = int(self.table[T.POSITION])
        return self.history_values(self._histories[k])[:, position - self.back : position + 1]

    def keep(self, k: int, values: F32) -> None:
        """Let these be the first nodes of `kept`."""
        self.kept(k)[: len(values)] = values

    def go_on_from(self, step: int) -> None:
        """The next step is this one; histories are given after it."""
        self.table[T.STEP], self.table[T.POSITION] = step, self.back

    # What a device has elsewhere is here when it is asked for; here it always is.

    # -- stepping a block -----------------------------------------------------------------------------------------

    def step_block(self, steps: int) -> None:
        """Sums, nodes and samples of a block."""
        T.step_block(self.table, steps)

    def remember_block(self, steps: int) -> None:
        """What was sent in it, and what neurons gave (`rates`), goes to the histories."""
        T.remember_block(self.table, steps)

    def begin_chunk(self, start: int, stop: int) -> None:
        """Give samples room for the steps [start, stop)."""
        self.outputs = []
        for row, one in zip(self._sample_table, self.sampled, strict=True):
            n = stop // one.interval - start // one.interval
            output = np.zeros((max(n, 1), int(row[T.Q_COUNT])), np.float32)
            row[T.Q_OUT], row[T.Q_CURSOR] = output.ctypes.data, 0
            self.outputs.append(output)

    def taken(self, sample: int) -> F32:
        """float32[rows, local nodes, lanes] that the chunk has brought of a sample."""
        rows, count = (int(value) for value in self._sample_table[sample, [T.Q_CURSOR, T.Q_COUNT]])
        return self.outputs[sample][:rows].reshape(rows, count // self.lanes, self.lanes)
