"""What `cupy.cuda` offers for NCCL, on the host: calls are noted, and packets move between ranks that are threads."""

from __future__ import annotations

import ctypes
import queue
from types import SimpleNamespace
from typing import Any

UINT64 = 5
KEY = b"\x07" * 128
LIMIT_S = 60.0


class FakeStream:
    """A stream whose work is done at once."""

    def __init__(self, cuda: FakeCuda, number: int) -> None:
        self._cuda, self.ptr = cuda, number

    def wait_event(self, event: FakeEvent) -> None:
        """Note it."""
        self._cuda.calls.append(("wait_event", self.ptr, event.number))


class FakeEvent:
    """Done a while after it was recorded: when it is asked for the second time."""

    def __init__(self, cuda: FakeCuda, number: int) -> None:
        self._cuda, self.number, self._asked = cuda, number, 0

    def record(self, stream: FakeStream) -> None:
        """Note it."""
        self._asked = 0
        self._cuda.calls.append(("record", self.number, stream.ptr))

    @property
    def ptr(self) -> FakeEvent:
        """Stands for itself."""
        return self

    def query(self) -> int:
        """As cudaEventQuery."""
        self._asked += 1
        return self._cuda.fault if self._cuda.fault else 0 if self._asked > 1 else 600


class CUDARuntimeError(RuntimeError):
    """By its name, as CuPy's."""

    def __init__(self, code: int) -> None:
        super().__init__({700: "cudaErrorIllegalAddress: an illegal memory access was encountered"}[code])


class FakeNccl:
    """The module."""

    available = True
    NCCL_UINT64 = UINT64

    def __init__(self, cuda: FakeCuda, version: int) -> None:
        self._cuda, self._version = cuda, version
        self._sends: list[Any] = []
        self._receives: list[Any] = []

    def get_version(self) -> int:
        """As NCCL counts."""
        return self._version

    def get_unique_id(self) -> bytes:
        """Known to the tests."""
        return KEY

    def groupStart(self) -> None:
        """From now on calls are gathered."""
        self._cuda.calls.append(("groupStart",))

    def groupEnd(self) -> None:
        """Move what was gathered."""
        self._cuda.calls.append(("groupEnd",))
        for line, data in self._sends:
            line.put(data)
        for line, address in self._receives:
            data = line.get(timeout=LIMIT_S)
            ctypes.memmove(address, data, len(data))
        self._sends.clear()
        self._receives.clear()

    def NcclCommunicator(self, size: int, key: bytes, rank: int) -> FakeRanks:
        """One rank's."""
        if key != KEY:
            raise RuntimeError("another key")
        if self._cuda.refuses:
            raise RuntimeError("NCCL_ERROR_INVALID_USAGE: duplicate GPU")
        self._cuda.calls.append(("init", size, rank))
        return FakeRanks(self._cuda, self._sends, self._receives, rank)


class FakeRanks:
    """A communicator."""

    def __init__(self, cuda: FakeCuda, sends: list[Any], receives: list[Any], rank: int) -> None:
        self._cuda, self._sends, self._receives, self._rank = cuda, sends, receives, rank
        self.error: str | None = None

    def send(self, address: int, count: int, dtype: int, peer: int, stream: int) -> None:
        """Gather it."""
        self._cuda.calls.append(("send", count, dtype, peer, stream))
        self._sends.append((self._cuda.line(self._rank, peer), ctypes.string_at(address, 8 * count)))

    def recv(self, address: int, count: int, dtype: int, peer: int, stream: int) -> None:
        """Gather it."""
        self._cuda.calls.append(("recv", count, dtype, peer, stream))
        self._receives.append((self._cuda.line(peer, self._rank), address))

    def check_async_error(self) -> None:
        """None, unless a test says so."""
        if self.error is not None:
            raise RuntimeError(self.error)

    def destroy(self) -> None:
        """Note it."""
        self._cuda.calls.append(("destroy",))

    def abort(self) -> None:
        """Note it."""
        self._cuda.calls.append(("abort",))


class FakeCuda:
    """`cupy.cuda` of one rank; `lines` are those between all ranks, one dictionary for all."""

    def __init__(self, lines: dict[Any, Any], version: int = 22005, *, refuses: bool = False) -> None:
        self._lines = lines
        self.refuses = refuses
        self.fault = 0
        self.out_of_memory = False
        self.runtime = SimpleNamespace(eventQuery=FakeEvent.query, CUDARuntimeError=CUDARuntimeError)
        self.calls: list[tuple[Any, ...]] = []
        self.nccl = FakeNccl(self, version)
        self._made = 100

    def line(self, source: int, target: int) -> Any:
        """What is on its way from rank to rank."""
        return self._lines.setdefault((source, target), queue.Queue())

    def Stream(self, *, non_blocking: bool) -> FakeStream:
        """A new one."""
        assert non_blocking
        if self.out_of_memory:
            raise RuntimeError("cudaErrorMemoryAllocation: out of memory")
        return FakeStream(self, self._number())

    def Event(self, *, disable_timing: bool) -> FakeEvent:
        """A new one."""
        assert disable_timing
        return FakeEvent(self, self._number())

    def _number(self) -> int:
        self._made += 1
        return self._made
