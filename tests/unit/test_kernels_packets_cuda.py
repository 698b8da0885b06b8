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
from dtbsim.kernels.packets import OVERFLOW

N_RANKS, ME, STEP = 4, 1, 9
GID_STARTS = np.array([0, 10, 10, 25, 60])
NEEDS = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0], [1, 0, 0, 1]], bool)
ROW_WORDS = 40


class Rank:
    """A rank table, an exchange table and the kernels on the host."""

    def __init__(self, words: int, *, backwards: bool = False) -> None:
        self.device = ShimDevice(backwards=backwards)
        self.kernels = self.device.compile(whole_text("packets.cu", {}))
        self.table, self.exchange = np.zeros(X.DEVICE_RANK_FIELDS, np.int64), np.zeros(X.EXCHANGE_FIELDS, np.int64)
        self.counts, self.entries = np.zeros(N_RANKS, np.int64), np.zeros(N_RANKS * words, np.int64)
        self.needs, self.starts = NEEDS.astype(np.uint8), GID_STARTS.astype(np.int64)
        self.sent = np.full((N_RANKS, words), 3, np.uint64)
        for field, value in (
            (X.E_RANK, ME), (X.E_N_RANKS, N_RANKS), (X.E_N_POPULATIONS, 4), (X.E_PACKET_WORDS, words),
            (X.E_NEEDS_AT, self.needs.ctypes.data), (X.E_GID_STARTS_AT, self.starts.ctypes.data),
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
        return packets_of(self.sent)

    def unpack(self, received: Any) -> tuple[list[int], bool]:
        self.received = np.ascontiguousarray(received, np.uint64)
        shape = Launch(1, N_RANKS, 64, shared_bytes=16)
        self.launch("dtb_unpack", shape, self.received.ctypes.data, self.sent.ctypes.data)
        assert self.table[X.R_REMOTE_AT] == self.entries.ctypes.data
        return self.entries[: self.table[X.R_REMOTE_N]].tolist(), self.table[X.R_HALT] == X.HALT_PACKETS


def packets_of(packets: Any) -> Any:
    """The entries of each packet, sorted; None for one that overflowed."""
    return [None if row[0] == OVERFLOW else sorted(row[1 : 1 + int(row[0])].tolist()) for row in packets]


def packed_by_hand(log: Any, words: int) -> Any:
    """As `packets_of`: every rank's packet, none of them with entries when some do not fit into one."""
    population = np.searchsorted(GID_STARTS, log & 0xFFFFFFFF, side="right") - 1
    wanted = [sorted(log[NEEDS[rank, population]].tolist()) if rank != ME else [] for rank in range(N_RANKS)]
    return [None] * N_RANKS if max(map(len, wanted)) >= words else wanted


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
    full = found[0] is None
    assert full == (n == 300 and words == ROW_WORDS)
    assert rank.table[X.R_PACKETS_FULL] == full
    assert rank.table[X.R_PACKED] == n
    assert not rank.counts.any()


@needs_gxx
@pytest.mark.parametrize("extra", [0, 1])
def test_a_packet_holds_one_entry_less_than_it_has_words(extra: int) -> None:
    log = np.arange(ROW_WORDS - 1 + extra) << 32  # gid 0: wanted by ranks 0 and 3
    found = Rank(ROW_WORDS).pack(log)
    assert found == packed_by_hand(log, ROW_WORDS)
    assert (found[0] is None) == (extra == 1)


@needs_gxx
def test_packing_goes_on_where_it_stopped() -> None:
    """Packets are sealed when the device has got to the step, and not while it halts; the next ones begin anew."""
    log = some_log(30, 3)
    rank = Rank(ROW_WORDS)
    rank.table[X.R_STEP] = STEP - 1
    rank.pack(log[:10])
    assert (rank.sent[:, 0] == 3).all(), "not sealed"
    rank.table[X.R_STEP], rank.table[X.R_HALT] = STEP, X.HALT_STEP
    rank.pack(log[:20])
    assert (rank.sent[:, 0] == 3).all()
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
    assert packets_of(rank.sent) == packed_by_hand(np.concatenate([first, second]), 100)
    rank.table[X.R_HALT] = X.HALT_PACKETS
    before = rank.sent.copy()
    rank.launch("dtb_pack_lanes", Launch(2, 2, 64), rank.sent.ctypes.data, 1)
    np.testing.assert_array_equal(rank.sent, before)


@needs_gxx
@pytest.mark.parametrize("full", [None, 0, 2, 3, ME])
def test_unpacking(full: int | None) -> None:
    rank = Rank(ROW_WORDS)
    rank.sent[:, 0] = OVERFLOW if full == ME else 0
    received = np.zeros((N_RANKS, ROW_WORDS), np.uint64)
    for row, n in enumerate((12, 0, 39, 7)):
        received[row, 0] = n
        received[row, 1 : 1 + n] = np.arange(n) + 1000 * row
    if full is not None:
        received[full, 0] = OVERFLOW
    entries, halts = rank.unpack(received)
    come = [k for k in range(N_RANKS) if k not in (ME, full)]
    assert entries == [word for k in come for word in received[k, 1 : 1 + int(received[k, 0])].tolist()]
    assert halts == (full is not None)


@pytest.mark.skipif(nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed")
@pytest.mark.parametrize("architecture", [70, 80, 90, 120])
def test_the_text_compiles(architecture: int) -> None:
    found = nvrtc.compiled(whole_text("packets.cu", {}), architecture)
    assert found.works, found.log
    assert all(name in found.ptx for name in ("dtb_pack", "dtb_pack_lanes", "dtb_unpack"))
