"""What the CUDA backend needs of a GPU; `cupy_device` gives it, tests give it on the host.

Arrays are those of `xp`, a module with numpy's interface (CuPy, or numpy itself in tests); they live in device memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

LEAST_ITEMS = 1024
"""Threads that enter spikes, at least: 32 spikes at a time."""


@dataclass(frozen=True)
class Launch:
    """Blocks (x, y) of `threads` threads each, with `shared_bytes` of shared memory per block."""

    x: int
    y: int
    threads: int
    shared_bytes: int = 0


@dataclass(frozen=True)
class Limits:
    """What kernels may use: multiprocessors, shared memory per block (bytes), level-2 cache and free memory (bytes).

    Kernels whose threads share loops are launched with blocks of `threads` threads, `blocks` on each multiprocessor.
    """

    multiprocessors: int
    shared_bytes: int
    cache_bytes: int
    free_bytes: int
    threads: int = 256
    blocks: int = 8

    @property
    def most_blocks(self) -> int:
        """Blocks that run at once."""
        return self.multiprocessors * self.blocks

    def spread(self, items: int, rows: int = 1, shared_bytes: int = 0) -> Launch:
        """Blocks (x, rows) with a thread for each of `items` in every row, as many as run at once at most."""
        most = max(1, self.most_blocks // rows)
        return Launch(max(1, min(-(-items // self.threads), most)), rows, self.threads, shared_bytes)


def check_in_one_piece(array: Any) -> None:
    """Raise ValueError where it is not: one that is copied silently might be written to meanwhile, another not."""
    if not array.flags.c_contiguous:
        raise ValueError(f"an array of shape {array.shape} that is not in one piece cannot be copied beside other work")


class Kernels(Protocol):
    """A compiled text."""

    def launch(self, name: str, shape: Launch, *arguments: int) -> None:
        """Start a kernel; arguments are 64-bit integers, addresses among them."""

    def launch_together(self, name: str, shape: Launch, *arguments: int) -> None:
        """The same with all blocks running at once, so that they may wait for each other."""


class Graph(Protocol):
    """Captured launches."""

    def launch(self) -> None:
        """Start all of them, in their order."""


class Future(Protocol):
    """A copy on its way to the host."""

    def values(self) -> NDArray[Any]:
        """The copy, once it has arrived; the same on every call."""


class Device(Protocol):
    """One GPU as this rank sees it; everything goes on in the order of one stream, beside the host.

    `facts` are for the record: name, driver, versions, memory.
    """

    name: str
    facts: Mapping[str, str | int]
    identity: str
    """Which GPU of its node it is: the address on the bus."""
    limits: Limits
    xp: Any
    cuda: Any
    """Streams, events and NCCL with the interface of `cupy.cuda`; None where there are none."""
    stream: Any
    """The stream, as `cuda.Stream`."""

    def compile(self, text: str) -> Kernels:
        """Compile CUDA C, or load it from the cache; the text is complete, so its hash is the key."""

    def capture(self, work: Callable[[], None]) -> Graph:
        """Record the launches that `work` makes instead of starting them."""

    def address(self, array: Any) -> int:
        """Device address of an array."""

    def upload(self, array: NDArray[Any]) -> Any:
        """Copy of a host array."""

    def download(self, array: Any) -> NDArray[Any]:
        """Copy on the host, after all work so far."""

    def download_later(self, array: Any) -> Future:
        """Start a copy beside the work that follows, which must not write to `array` before the copy has arrived.

        Raises ValueError where `array` is not in one piece: whether it is copied first is for the caller to say.
        """

    def overwrite(self, array: Any, values: NDArray[Any]) -> None:
        """Copy host values into an array of the same size and dtype."""

    def synchronise(self) -> None:
        """Wait for all work so far."""

    def free_bytes(self) -> int:
        """Memory that is free now."""
