"""The kernels that pack and unpack spikes do what plain Python does; and their text compiles for every architecture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers import nvrtc
from tests.helpers.shim_device import GXX, ShimDevice

from dtbsim.backends.cuda.device import Launch
from dtbsim.backends.cuda.source import whole_text
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import layout as L
from dtbsim.kernels.packets import COUNT, OVERFLOW

STEP = 9
GID_STARTS = np.array([0, 10, 10, 25, 60])
WANTED_BY = [[0, 2], [0], [1], [2]]
"""Messages that spikes of each population go to."""
N_OUT, N_IN = 3, 4
ROW_WORDS = 40


class Rank:
    """A rank table, an exchange table and the kernels on the host; messages have room of `words`, message 1 of more."""

    def __init__(self, words: int, *, backwards: bool = False) -> None:
        self.device = ShimDevice(backwards=backwards)
        self.kernels = self.device.compile(whole_text("packets.cu", {}))
        self.table, self.exchange = np.zeros(X.DEVICE_RANK_FIELDS, np.int64), np.zeros(X.EXCHANGE_FIELDS, np.int64)
        self.counts = np.zeros(N_OUT, np.int64)
        self.out_at, self.in_at = starts([words, words + 5, words]), starts([ROW_WORDS, 8, ROW_WORDS, 20])
        self.entries = np.zeros(self.in_at[-1], np.int64)
        self.first, self.starts = starts([len(some) for some in WANTED_BY]), GID_STARTS.astype(np.int64)
        self.wanted_by = np.array([m for some in WANTED_BY for m in some], np.int32)
        self.sent = np.full(self.out_at[-1], 3, np.uint64)
        for field, value in (
            (X.E_N_OUT, N_OUT), (X.E_N_IN, N_IN), (X.E_N_POPULATIONS, 4), (X.E_GID_STARTS_AT, self.starts.ctypes.data),
            (X.E_FIRST_AT, self.first.ctypes.data), (X.E_WANTED_BY_AT, self.wanted_by.ctypes.data),
            (X.E_OUT_AT, self.out_at.ctypes.data), (X.E_IN_AT, self.in_at.ctypes.data),
            (X.E_COUNT_AT, self.counts.ctypes.data), (X.E_ENTRIES_AT, self.entries.ctypes.data),
        ):  # fmt: skip
            self.exchange[field] = value
        self.table[X.R_STEP] = STEP

    def launch(self, name: str, shape: Launch, *arguments: int) -> None:
        self.kernels.launch(name, shape, self.table.ctypes.data, self.exchange.ctypes.data, *arguments)

    def pack(self, log: Any, step: int = STEP) -> Any:
        self.log = np.array(log, np.int64)
        self.table[X.R_LOG_AT], self.table[X.R_LOG_COUNT] = self.log.ctypes.data, self.log.size
        self.launch("dtb_pack", Launch(3, 1, 64), self.sent.ctypes.data, step)
        return self.packets

    @property
    def packets(self) -> Any:
        """The entries of each message, sorted; how many there would have been where it was too small."""
        found = []
        for begin in self.out_at[:-1].tolist():
            head = self.sent[begin]
            n = int(head & COUNT)
            found.append(n if head >= OVERFLOW else sorted(self.sent[begin + 1 : begin + 1 + n].tolist()))
        return found

    def unpack(self, received: Any) -> tuple[list[int], bool]:
        self.received = np.ascontiguousarray(received, np.uint64)
        self.launch("dtb_unpack", Launch(1, N_IN, 64, shared_bytes=16), self.received.ctypes.data)
        assert self.table[X.R_REMOTE_AT] == self.entries.ctypes.data
        return self.entries[: self.table[X.R_REMOTE_N]].tolist(), self.table[X.R_HALT] == X.HALT_PACKETS


def starts(sizes: Any) -> Any:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def packed_by_hand(log: Any, words: int) -> Any:
    """As `Rank.packets`."""
    population = np.searchsorted(GID_STARTS, log & 0xFFFFFFFF, side="right") - 1
    found = []
    for m, room in enumerate((words, words + 5, words)):
        mine = sorted(log[[m in WANTED_BY[p] for p in population]].tolist()) if log.size else []
        found.append(len(mine) if len(mine) >= room else mine)
    return found


def some_log(n: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 2**20, n) << 32) | rng.integers(0, 60, n)


needs_gxx = pytest.mark.skipif(GXX is None, reason="g++ is not installed")


@needs_gxx
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("n", [0, 1, 5, 40, 300])
@pytest.mark.parametrize("words", [ROW_WORDS, 400])
def test_packing(n: int, words: int, backwards: bool) -> None:
    log = some_log(n, n)
    rank = Rank(words, backwards=backwards)
    found = rank.pack(log)
    assert found == packed_by_hand(log, words)
    full = sum(isinstance(message, int) for message in found)
    assert (full > 0) == (n == 300 and words == ROW_WORDS)
    assert rank.table[X.R_PACKETS_FULL] == full
    assert rank.table[X.R_PACKED] == n
    assert not rank.counts.any()


@needs_gxx
@pytest.mark.parametrize("extra", [0, 1])
def test_a_packet_holds_one_entry_less_than_it_has_words(extra: int) -> None:
    log = np.arange(ROW_WORDS - 1 + extra) << 32  # gid 0: in messages 0 and 2
    found = Rank(ROW_WORDS).pack(log)
    assert found == packed_by_hand(log, ROW_WORDS)
    assert (found[0] == ROW_WORDS) == (extra == 1)
    assert found[1] == [], "others hold what they hold"


@needs_gxx
def test_packing_goes_on_where_it_stopped() -> None:
    """Packets are sealed when the device has got to the step, and not while it halts; the next ones begin anew."""
    log = some_log(30, 3)
    rank = Rank(ROW_WORDS)
    rank.table[X.R_STEP] = STEP - 1
    rank.pack(log[:10])
    assert (rank.sent[rank.out_at[:-1]] == 3).all(), "not sealed"
    rank.table[X.R_STEP], rank.table[X.R_HALT] = STEP, X.HALT_STEP
    rank.pack(log[:20])
    assert (rank.sent[rank.out_at[:-1]] == 3).all()
    rank.table[X.R_HALT] = 0
    assert rank.pack(log[:20]) == packed_by_hand(log[:20], ROW_WORDS)
    assert rank.pack(log) == packed_by_hand(log[20:], ROW_WORDS)


@needs_gxx
def test_logs_of_lanes_and_launches() -> None:
    first, second = some_log(40, 1), some_log(25, 2)
    rank = Rank(100)
    lanes = np.zeros((2, X.DEVICE_LANE_FIELDS), np.int64)
    rank.table[X.R_LANES_AT] = lanes.ctypes.data
    for launch, last in enumerate((0, 1)):
        parts = np.array_split(first if launch == 0 else second, [17])
        for lane, part in zip(lanes, parts, strict=True):
            lane[L.LOG_AT], lane[L.LOG_COUNT] = part.ctypes.data, part.size
        rank.launch("dtb_pack_lanes", Launch(2, 2, 64), rank.sent.ctypes.data, last)
    assert rank.packets == packed_by_hand(np.concatenate([first, second]), 100)
    rank.table[X.R_HALT] = X.HALT_PACKETS
    before = rank.sent.copy()
    rank.launch("dtb_pack_lanes", Launch(2, 2, 64), rank.sent.ctypes.data, 1)
    np.testing.assert_array_equal(rank.sent, before)


@needs_gxx
@pytest.mark.parametrize("full", [(), (0,), (2,), (1, 3), (0, 1, 2, 3)])
def test_unpacking(full: tuple[int, ...]) -> None:
    rank = Rank(ROW_WORDS)
    received, expected = np.zeros(rank.in_at[-1], np.uint64), []
    for row, n in enumerate((12, 0, 39, 7)):
        begin = rank.in_at[row]
        received[begin] = OVERFLOW | np.uint64(1000) if row in full else n
        received[begin + 1 : begin + 1 + n] = np.arange(n) + 1000 * row
        expected += [] if row in full else list(range(1000 * row, 1000 * row + n))
    entries, halts = rank.unpack(received)
    assert entries == expected
    assert halts == bool(full)


@needs_gxx
def test_nobody_to_receive_from() -> None:
    rank = Rank(ROW_WORDS)
    rank.exchange[X.E_N_IN] = 0
    rank.table[X.R_REMOTE_N] = 5
    rank.launch("dtb_unpack", Launch(1, 1, 64, shared_bytes=16), rank.sent.ctypes.data)
    assert rank.table[X.R_REMOTE_N] == 0


@pytest.mark.skipif(nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed")
@pytest.mark.parametrize("architecture", [70, 80, 90, 120])
def test_the_text_compiles(architecture: int) -> None:
    found = nvrtc.compiled(whole_text("packets.cu", {}), architecture)
    assert found.works, found.log
    assert all(name in found.ptx for name in ("dtb_pack", "dtb_pack_lanes", "dtb_unpack"))
