"""A module in the place of CuPy, as far as `cupy_device` uses it: work is queued as on a GPU, and done when waited for.

What is copied is looked at when the queue gets there; page-locked memory is spoiled when it is given back. Kernels are
those of `shim_device`. Facts that tests change: `state.devices`, `.capability`, `.driver`, `.failing` and so on.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.helpers.shim_device import LIMITS, ShimDevice

from dtbsim.backends.cuda.device import Launch

DEVICE_MODULE = "dtbsim.backends.cuda.cupy_device"


class CUDARuntimeError(RuntimeError):
    """By its name, as CuPy's."""


class CompileException(Exception):  # noqa: N818
    """As CuPy's."""

    def get_message(self) -> str:
        return str(self.args[0])


@dataclass
class State:
    """The machine, and what was done to it."""

    devices: int = 1
    capability: tuple[int, int] = (9, 0)
    driver: int = 12080
    failing: dict[str, Exception] = field(default_factory=dict)
    """By name of the function: what it raises."""
    blocks_at_once: int = 4
    used: list[int] = field(default_factory=list)
    allowed: list[tuple[str, int]] = field(default_factory=list)
    together: list[bool] = field(default_factory=list)
    options: list[tuple[str, ...]] = field(default_factory=list)
    captures: int = 0
    kept: list[Any] = field(default_factory=list)


class FakeArray(np.ndarray):
    """Device memory."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)

    def __setitem__(self, key: Any, value: Any) -> None:
        Stream.finish_all()
        super().__setitem__(key, value)


class PageLocked(np.ndarray):
    """Spoiled when it is given back, as somebody else may get it."""

    spoil = False

    def __del__(self) -> None:
        if self.spoil:
            ctypes.memset(self.ctypes.data, 0xA5, self.nbytes)


class Event:
    """A place in a stream."""

    def __init__(self, disable_timing: bool = False) -> None:
        self.stream: Stream | None = None
        self.place = 0

    @property
    def done(self) -> bool:
        assert self.stream is not None
        return self.stream.n_done >= self.place

    def synchronize(self) -> None:
        assert self.stream is not None
        self.stream.run_to(self.place)


class Stream:
    """A queue of work."""

    current: Stream | None = None
    all: list[Stream] = []  # noqa: RUF012

    def __init__(self, non_blocking: bool = False) -> None:
        assert non_blocking
        self.queue: deque[Callable[[], None]] = deque()
        self.n_done = self.n_queued = 0
        self.captured: list[Callable[[], None]] | None = None
        self.state: State | None = None
        Stream.all.append(self)
        self.ptr = len(Stream.all)

    @property
    def null(self) -> bool:
        return False

    def use(self) -> None:
        Stream.current = self

    def add(self, work: Callable[[], None]) -> None:
        if self.captured is not None:
            self.captured.append(work)
            return
        self.queue.append(work)
        self.n_queued += 1

    def run_to(self, place: int) -> None:
        while self.n_done < place:
            self.queue.popleft()()
            self.n_done += 1

    def synchronize(self) -> None:
        assert self.captured is None, "a stream that captures cannot be waited for"
        self.run_to(self.n_queued)

    def record(self, event: Event) -> Event:
        assert self.captured is None
        event.stream, event.place = self, self.n_queued
        return event

    def wait_event(self, event: Event) -> None:
        self.add(event.synchronize)

    def begin_capture(self) -> None:
        assert self.captured is None
        self.captured = []

    def end_capture(self) -> Any:
        work, self.captured = self.captured or [], None
        if self.state is not None:
            self.state.captures += 1
        return SimpleNamespace(launch=lambda stream: [stream.add(part) for part in work])

    @classmethod
    def finish_all(cls) -> None:
        for stream in cls.all:
            if stream.captured is None:
                stream.synchronize()


class RawModule:
    """Compiled by g++."""

    def __init__(self, state: State, code: str, options: tuple[str, ...]) -> None:
        self._state, self._code = state, code
        state.options.append(options)

    def compile(self) -> None:
        _may_fail(self._state, "compile")
        self._kernels = ShimDevice().compile(self._code)

    def get_function(self, name: str) -> Any:
        return RawKernel(self._state, self._kernels, name)


class RawKernel:
    """One kernel; itself also what CuPy calls its `kernel`."""

    num_regs, local_size_bytes, ptr = 40, 0, 1

    def __init__(self, state: State, kernels: Any, name: str) -> None:
        self._state, self._kernels, self._name = state, kernels, name
        self.kernel = self

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "max_dynamic_shared_size_bytes":
            self._state.allowed.append((self._name, value))
        super().__setattr__(name, value)

    def __call__(
        self,
        grid: tuple[int, int],
        block: tuple[int],
        arguments: tuple[Any, ...],
        *,
        shared_mem: int,
        stream: Stream,
        enable_cooperative_groups: bool,
    ) -> None:
        assert all(type(value) is np.int64 for value in arguments)
        self._state.together.append(enable_cooperative_groups)
        start = self._kernels.launch_together if enable_cooperative_groups else self._kernels.launch
        shape = Launch(*grid, *block, shared_mem)
        stream.add(lambda: start(self._name, shape, *map(int, arguments)))


def _may_fail(state: State, name: str) -> None:
    if name in state.failing:
        raise state.failing[name]


def install(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> State:
    """Put the module in the place of CuPy until the test ends; facts are those of `State`."""
    state = State(**facts)
    monkeypatch.setattr(Stream, "all", [])
    cupy = ModuleType("cupy")
    cupy.__version__ = "13.6.0"  # type: ignore[attr-defined]
    for name, value in _functions(state).items():
        setattr(cupy, name, value)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    forget(monkeypatch)
    return state


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `cupy_device` imported anew, and forgotten when the test ends."""
    monkeypatch.setitem(sys.modules, DEVICE_MODULE, ModuleType("replaced"))
    del sys.modules[DEVICE_MODULE]


def _functions(state: State) -> dict[str, Any]:
    def made(array: Any) -> Any:
        state.kept.append(array)  # a stream gives memory back in its own order
        return array.view(FakeArray)

    def zeros(shape: Any, dtype: Any) -> Any:
        _may_fail(state, "zeros")
        return made(np.zeros(shape, dtype))

    def empty(shape: Any, dtype: Any) -> Any:
        return made(np.full(shape, 0x5A, np.uint8).astype(dtype) if np.prod(shape) else np.zeros(shape, dtype))

    def contiguous(array: Any) -> Any:
        return array if array.flags.c_contiguous else made(np.array(array))

    return {
        "zeros": zeros,
        "empty": empty,
        "ascontiguousarray": contiguous,
        "RawModule": lambda code, options: RawModule(state, code, options),
        "cuda": _cuda(state),
    }


def _cuda(state: State) -> Any:
    def count() -> int:
        _may_fail(state, "getDeviceCount")
        return state.devices

    def copy(to: int, source: int, n_bytes: int, kind: int, stream_ptr: int) -> None:
        assert kind in (1, 2)
        Stream.all[stream_ptr - 1].add(lambda: ctypes.memmove(to, source, n_bytes))

    def page_locked(n_bytes: int) -> Any:
        assert n_bytes & (n_bytes - 1) == 0
        memory = np.full(n_bytes, 0x3C, np.uint8)
        state.kept.append(memory)
        view = memory.view(PageLocked)
        view.spoil = True
        return view

    def device(index: int) -> Any:
        _may_fail(state, "Device")
        attributes = {
            "MultiProcessorCount": LIMITS.multiprocessors,
            "MaxSharedMemoryPerBlockOptin": LIMITS.shared_bytes,
            "L2CacheSize": LIMITS.cache_bytes,
        }
        return SimpleNamespace(
            use=lambda: state.used.append(index),
            attributes=attributes,
            mem_info=(LIMITS.free_bytes, 2 * LIMITS.free_bytes),
            pci_bus_id=f"0000:0{index}:00.0",
        )

    def version() -> tuple[int, int]:
        _may_fail(state, "nvrtc")
        return 12, 8

    def stream(non_blocking: bool) -> Stream:
        made = Stream(non_blocking)
        made.state = state
        return made

    properties = {"name": b"Fake GPU", "major": state.capability[0], "minor": state.capability[1]}
    return SimpleNamespace(
        runtime=SimpleNamespace(
            getDeviceCount=count,
            driverGetVersion=lambda: state.driver,
            runtimeGetVersion=lambda: 12080,
            getDeviceProperties=lambda index: properties,
            memcpyAsync=copy,
        ),
        driver=SimpleNamespace(occupancyMaxActiveBlocksPerMultiprocessor=lambda *_: state.blocks_at_once),
        nvrtc=SimpleNamespace(getVersion=version),
        compiler=SimpleNamespace(CompileException=CompileException),
        alloc_pinned_memory=page_locked,
        Device=device,
        Stream=stream,
        Event=Event,
    )
