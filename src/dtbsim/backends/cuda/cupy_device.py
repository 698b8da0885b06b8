"""A GPU through CuPy: the one module that imports it. `choose.open_device` makes a `CupyDevice`.

Everything goes on one stream of its own; copies for the host that may take their time go on a second one. Host memory
of small copies is page-locked, so that they neither stop the host nor read what it has overwritten meanwhile.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import cupy
import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.compiler import CompileError, architecture_of, loadable_code
from dtbsim.backends.cuda.device import Launch, Limits, check_in_one_piece
from dtbsim.backends.cuda.events import is_done
from dtbsim.errors import DeviceError

with contextlib.suppress(ImportError, RuntimeError), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ranks exchange without NCCL where it is not installed, and say so
    importlib.import_module("cupy.cuda.nccl")

STAGED_BYTES = 1 << 20
"""Copies up to this size go through page-locked memory."""
SHARED_BYTES = 48 * 1024
"""Shared memory per block that needs no permission."""
TO_DEVICE, TO_HOST = 1, 2
"""Values of cudaMemcpyKind."""


def count_devices() -> int:
    """Devices that this process may use (CUDA_VISIBLE_DEVICES); raises CuPy's CUDARuntimeError where there are none."""
    return int(cupy.cuda.runtime.getDeviceCount())


def driver_version() -> int:
    """Newest CUDA version of the driver, 1000 major + 10 minor; 0 without a driver."""
    return int(cupy.cuda.runtime.driverGetVersion())


def runtime_version() -> int:
    """CUDA version that CuPy was built for, 1000 major + 10 minor."""
    return int(cupy.cuda.runtime.runtimeGetVersion())


def compiler_version() -> tuple[int, int]:
    """Version of NVRTC; raises what CuPy raises where the library cannot be loaded."""
    major, minor = cupy.cuda.nvrtc.getVersion()
    return int(major), int(minor)


def architectures() -> list[int]:
    """Compute capabilities (90: 9.0) that NVRTC compiles for."""
    return [int(one) for one in cupy.cuda.nvrtc.getSupportedArchs()]


class CupyKernels:
    """A compiled text on one device."""

    def __init__(self, device: CupyDevice, text: str) -> None:
        self._device = device
        self._kernels: dict[str, list[Any]] = {}
        self._at_once: dict[tuple[str, int, int], int] = {}
        self._module = cupy.cuda.function.Module()
        architecture = architecture_of(device.capability, architectures())
        try:
            self._module.load(loadable_code(cupy.cuda.nvrtc, text, str(architecture)))
        except CompileError as error:
            raise DeviceError(
                f"the CUDA kernels do not compile on {device.name}: {first_lines(str(error))}",
                remedy="please report this; simulation.backend: cpu works without them",
            ) from error

    def _kernel(self, name: str, shared_bytes: int) -> Any:
        """The kernel, allowed to use so much shared memory."""
        if name not in self._kernels:
            self._kernels[name] = [self._module.get_function(name), SHARED_BYTES]
        entry = self._kernels[name]
        if shared_bytes > entry[1]:
            attribute = cupy.cuda.driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            cupy.cuda.driver.funcSetAttribute(entry[0].ptr, attribute, shared_bytes)
            entry[1] = shared_bytes
        return entry[0]

    def launch(self, name: str, shape: Launch, *arguments: int) -> None:
        """Start a kernel."""
        self._start(self._kernel(name, shape.shared_bytes), shape, arguments, together=False)

    def launch_together(self, name: str, shape: Launch, *arguments: int) -> None:
        """Start a kernel whose blocks all run at once; raises DeviceError where they do not fit."""
        function, limits = self._kernel(name, shape.shared_bytes), self._device.limits
        each = self.blocks_at_once(name, shape)
        if shape.x * shape.y > each * limits.multiprocessors:
            raise DeviceError(
                f"{name} needs {shape.x * shape.y} blocks of {shape.threads} threads and {shape.shared_bytes} bytes of "
                f"shared memory at once; {self._device.name} runs {each} on each of its {limits.multiprocessors} "
                "multiprocessors",
                remedy="close other programs on the GPU, or use another GPU",
            )
        self._start(function, shape, arguments, together=True)

    def _start(self, function: Any, shape: Launch, arguments: tuple[int, ...], *, together: bool) -> None:
        function(
            (shape.x, shape.y),
            (shape.threads,),
            tuple(np.int64(value) for value in arguments),
            shared_mem=shape.shared_bytes,
            stream=self._device.stream,
            enable_cooperative_groups=together,
        )

    def blocks_at_once(self, name: str, shape: Launch) -> int:
        """Blocks of a kernel that one multiprocessor runs at once; the driver is asked once."""
        key = name, shape.threads, shape.shared_bytes
        if key not in self._at_once:
            ask = cupy.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor
            function = self._kernel(name, shape.shared_bytes)
            self._at_once[key] = int(ask(function.ptr, shape.threads, shape.shared_bytes))
        return self._at_once[key]

    def resources(self, name: str) -> dict[str, int]:
        """Registers per thread and bytes of local memory (spills) of a kernel on this device."""
        driver, kernel = cupy.cuda.driver, self._kernel(name, 0)
        return {
            "registers": int(driver.funcGetAttribute(driver.CU_FUNC_ATTRIBUTE_NUM_REGS, kernel.ptr)),
            "local_bytes": int(driver.funcGetAttribute(driver.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, kernel.ptr)),
        }


class CupyGraph:
    """Captured launches."""

    def __init__(self, graph: Any, stream: Any) -> None:
        self._graph, self._stream = graph, stream

    def launch(self) -> None:
        """Start all of them."""
        self._graph.launch(self._stream)


class CupyFuture:
    """A copy on its way to the host."""

    def __init__(self, source: Any, staged: NDArray[Any], arrived: Any) -> None:
        self._source, self._staged, self._arrived = source, staged, arrived
        self._values: NDArray[Any] | None = None

    def values(self) -> NDArray[Any]:
        """The copy, once it has arrived; page-locked memory is given back."""
        if self._values is None:
            self._arrived.synchronize()
            self._values = self._staged.copy()
            del self._source, self._staged, self._arrived
        return self._values


class CupyDevice:
    """Device `index` of those that this process sees; to be used by the thread that has made it."""

    xp: Any = cupy
    cuda: Any = cupy.cuda

    def __init__(self, index: int) -> None:
        self._device = cupy.cuda.Device(index)
        self._device.use()
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.stream.use()  # also for what CuPy's own functions do in this thread
        self._copies = cupy.cuda.Stream(non_blocking=True)
        self._on_their_way: deque[tuple[Any, NDArray[Any]]] = deque()
        properties = cupy.cuda.runtime.getDeviceProperties(index)
        name = properties["name"]
        self.identity = str(self._device.pci_bus_id)
        self.name = name.decode() if isinstance(name, bytes) else str(name)
        attributes = self._device.attributes
        free, total = self._device.mem_info
        self.limits = Limits(
            multiprocessors=int(attributes["MultiProcessorCount"]),
            shared_bytes=int(attributes["MaxSharedMemoryPerBlockOptin"]),
            cache_bytes=int(attributes["L2CacheSize"]),
            free_bytes=int(free),
        )
        self.capability = 10 * int(properties["major"]) + int(properties["minor"])
        self.facts: dict[str, str | int] = {
            "name": self.name,
            "device": index,
            "devices": count_devices(),
            "bus_id": self.identity,
            "compute_capability": f"{properties['major']}.{properties['minor']}",
            "memory_bytes": int(total),
            "driver_cuda": _dotted(driver_version()),
            "cuda": _dotted(runtime_version()),
            "nvrtc": "{}.{}".format(*compiler_version()),
            "cupy": str(cupy.__version__),
        }

    def free_bytes(self) -> int:
        """Memory that is free now, what CuPy keeps for reuse not among it."""
        return int(self._device.mem_info[0])

    # -- launches ---------------------------------------------------------------------------------------------

    def compile(self, text: str) -> CupyKernels:
        """By NVRTC, or from the disk (`compiler`)."""
        return CupyKernels(self, text)

    def capture(self, work: Callable[[], None]) -> CupyGraph:
        """Record the launches that `work` makes."""
        self.stream.begin_capture()
        try:
            work()
        except BaseException:
            self.stream.end_capture()
            raise
        return CupyGraph(self.stream.end_capture(), self.stream)

    # -- memory -----------------------------------------------------------------------------------------------

    def address(self, array: Any) -> int:
        """Device address of an array."""
        return int(array.data.ptr)

    def upload(self, array: NDArray[Any]) -> Any:
        """Copy of a host array."""
        values = np.ascontiguousarray(array)
        copy = cupy.empty(values.shape, values.dtype)
        self._write(copy, values)
        return copy.reshape(np.shape(array))

    def overwrite(self, array: Any, values: NDArray[Any]) -> None:
        """Copy host values into an array of the same size and dtype."""
        if array.dtype != values.dtype or array.size != values.size or not array.flags.c_contiguous:
            raise ValueError(f"{values.size} x {values.dtype} cannot overwrite {array.size} x {array.dtype}")
        self._write(array, np.ascontiguousarray(values))

    def download(self, array: Any) -> NDArray[Any]:
        """Copy on the host, after all work so far."""
        source = cupy.ascontiguousarray(array)
        if source.nbytes > STAGED_BYTES:
            out: NDArray[Any] = np.empty(source.shape, source.dtype)
            self._copy(out.ctypes.data, source.data.ptr, source.nbytes, self.stream, TO_HOST)
            self.stream.synchronize()
            return out
        staged = _page_locked(source.shape, source.dtype)
        self._copy(staged.ctypes.data, source.data.ptr, source.nbytes, self.stream, TO_HOST)
        self.stream.synchronize()
        return staged.copy()

    def download_later(self, array: Any) -> CupyFuture:
        """Start a copy beside the work that follows, which must not write to `array` before the copy has arrived."""
        check_in_one_piece(array)
        staged = _page_locked(array.shape, array.dtype)
        self._copies.wait_event(self.stream.record(cupy.cuda.Event(disable_timing=True)))
        self._copy(staged.ctypes.data, array.data.ptr, array.nbytes, self._copies, TO_HOST)
        return CupyFuture(array, staged, self._copies.record(cupy.cuda.Event(disable_timing=True)))

    def synchronise(self) -> None:
        """Wait for all work so far."""
        self.stream.synchronize()
        self._copies.synchronize()
        self._on_their_way.clear()

    def _write(self, array: Any, values: NDArray[Any]) -> None:
        """Copy to the device; `values` may change at once."""
        if values.nbytes > STAGED_BYTES:
            self._copy(array.data.ptr, values.ctypes.data, values.nbytes, self.stream, TO_DEVICE)
            self.stream.synchronize()
            return
        while self._on_their_way and is_done(cupy.cuda, self._on_their_way[0][0]):
            self._on_their_way.popleft()
        staged = _page_locked(values.shape, values.dtype)
        staged[...] = values
        self._copy(array.data.ptr, staged.ctypes.data, values.nbytes, self.stream, TO_DEVICE)
        self._on_their_way.append((self.stream.record(cupy.cuda.Event(disable_timing=True)), staged))

    @staticmethod
    def _copy(to: int, source: int, n_bytes: int, stream: Any, kind: int) -> None:
        if n_bytes:
            cupy.cuda.runtime.memcpyAsync(to, source, n_bytes, kind, stream.ptr)


def _page_locked(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array in page-locked memory; sizes are powers of two, so that the pool behind it stays small."""
    count = int(np.prod(shape, dtype=np.int64))
    n_bytes = max(512, count * np.dtype(dtype).itemsize)
    memory = cupy.cuda.alloc_pinned_memory(1 << (n_bytes - 1).bit_length())
    return np.frombuffer(memory, dtype, count).reshape(shape)


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def first_lines(log: str, n: int = 3) -> str:
    """The first lines of a compiler's log that say something, in one line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line] or lines
    return " | ".join(errors[:n])
