"""A module in the place of CuPy, as far as `cupy_device` uses it: work is queued as on a GPU, and done when waited for.

What is copied is looked at when the queue gets there; page-locked memory is spoiled when it is given back. Kernels are
those of `shim_device`. Facts that tests change: `state.devices`, `.capability`, `.driver`, `.failing` and so on.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.helpers.shim_device import LIMITS, ShimDevice

from dtbsim.backends.cuda.device import Launch

DEVICE_MODULE = "dtbsim.backends.cuda.cupy_device"


class CUDARuntimeError(RuntimeError):
    """By its name, as CuPy's."""


class NVRTCError(RuntimeError):
    """By its name, as CuPy's."""


@dataclass
class State:
    """The machine, and what was done to it."""

    devices: int = 1
    capability: tuple[int, int] = (9, 0)
    architectures: tuple[int, ...] = (50, 70, 80, 90, 120)
    driver: int = 12080
    failing: dict[str, Exception] = field(default_factory=dict)
    """By name of the function: what it raises."""
    blocks_at_once: int = 4
    used: list[int] = field(default_factory=list)
    allowed: list[tuple[str, int]] = field(default_factory=list)
    together: list[bool] = field(default_factory=list)
    options: list[tuple[str, ...]] = field(default_factory=list)
    destroyed: int = 0
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    """Kernels, threads and shared memory of which it was asked how many blocks run at once."""
    captures: int = 0
    fault: int = 0
    """What the driver says of every event, as after a fault of a kernel."""
    kept: list[Any] = field(default_factory=list)
    folder: Any = None
    """Of compiled code, in the place of the user's."""


class FakeArray(np.ndarray):
    """Device memory."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)

    def __setitem__(self, key: Any, value: Any) -> None:
        Stream.finish_current()
        super().__setitem__(key, value)

    def copy(self, order: Any = "C") -> Any:
        """In the order of the stream: what is queued on others may come later."""
        Stream.finish_current()
        return super().copy(order)


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
    def ptr(self) -> Event:
        return self

    def query(self, state: State) -> int:
        assert self.stream is not None
        return state.fault if state.fault else 0 if self.stream.n_done >= self.place else 600

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
    def finish_current(cls) -> None:
        if cls.current is not None and cls.current.captured is None:
            cls.current.synchronize()


class Nvrtc:
    """`cupy.cuda.nvrtc`: what it calls machine code is the text."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._texts: list[str] = []

    def getVersion(self) -> tuple[int, int]:
        _may_fail(self._state, "nvrtc")
        return 12, 8

    def getSupportedArchs(self) -> tuple[int, ...]:
        return self._state.architectures

    def createProgram(self, text: str, name: str, headers: Any, include_names: Any) -> int:
        assert not headers
        assert not include_names
        self._texts.append(text)
        return len(self._texts)

    def compileProgram(self, program: int, options: tuple[str, ...]) -> None:
        self._state.options.append(options)
        if "compile" in self._state.failing:
            raise NVRTCError("NVRTC_ERROR_COMPILATION (6)")

    def getProgramLog(self, program: int) -> str:
        return str(self._state.failing["compile"])

    def getCUBIN(self, program: int) -> bytes:
        return self._texts[program - 1].encode()

    def getPTX(self, program: int) -> bytes:
        return b"// PTX\n" + self._texts[program - 1].encode()

    def destroyProgram(self, program: int) -> None:
        self._state.destroyed += 1


class Module:
    """Compiled by g++."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, code: bytes) -> None:
        self._kernels = ShimDevice().compile(code.decode())

    def get_function(self, name: str) -> Any:
        return Function(self._state, self._kernels, name)


class Function:
    """One kernel; its address is its place in a list."""

    all: list[Function] = []  # noqa: RUF012

    def __init__(self, state: State, kernels: Any, name: str) -> None:
        self._state, self._kernels, self.name = state, kernels, name
        Function.all.append(self)
        self.ptr = len(Function.all)

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
        stream.add(lambda: start(self.name, shape, *map(int, arguments)))


def _may_fail(state: State, name: str) -> None:
    if name in state.failing:
        raise state.failing[name]


def install(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> State:
    """Put the module in the place of CuPy until the test ends; facts are those of `State`."""
    state = State(**facts)
    monkeypatch.setattr(Stream, "all", [])
    monkeypatch.setattr(Function, "all", [])
    state.folder = tempfile.TemporaryDirectory()
    monkeypatch.setattr("dtbsim.backends.cuda.compiler.code_dir", lambda: Path(state.folder.name))
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

    def at_once(pointer: int, threads: int, shared_bytes: int) -> int:
        state.asked.append((Function.all[pointer - 1].name, threads, shared_bytes))
        return state.blocks_at_once

    def allow(pointer: int, attribute: str, n_bytes: int) -> None:
        assert attribute == "shared"
        state.allowed.append((Function.all[pointer - 1].name, n_bytes))

    def stream(non_blocking: bool) -> Stream:
        made = Stream(non_blocking)
        made.state = state
        return made

    def properties(index: int) -> dict[str, Any]:
        return {"name": b"Fake GPU", "major": state.capability[0], "minor": state.capability[1]}

    return SimpleNamespace(
        runtime=SimpleNamespace(
            getDeviceCount=count,
            driverGetVersion=lambda: state.driver,
            runtimeGetVersion=lambda: 12080,
            getDeviceProperties=properties,
            memcpyAsync=copy,
            eventQuery=lambda event: event.query(state),
            CUDARuntimeError=lambda code: CUDARuntimeError(f"cudaErrorIllegalAddress: {code}"),
        ),
        driver=SimpleNamespace(
            occupancyMaxActiveBlocksPerMultiprocessor=at_once,
            CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="shared",
            CU_FUNC_ATTRIBUTE_NUM_REGS="registers",
            CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES="local",
            funcSetAttribute=allow,
            funcGetAttribute=lambda attribute, pointer: {"registers": 40, "local": 0}[attribute],
        ),
        nvrtc=Nvrtc(state),
        function=SimpleNamespace(Module=lambda: Module(state)),
        alloc_pinned_memory=page_locked,
        Device=device,
        Stream=stream,
        Event=Event,
    )
