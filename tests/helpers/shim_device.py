"""A device for tests: kernels compiled by g++ against `cuda_shim.h`, memory of the host."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Launch, Limits, check_in_one_piece

GXX = shutil.which("g++")
SHIM = Path(__file__).with_name("cuda_shim.h")
FLAGS = ("-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-Wall", "-Wno-unused", "-Wno-unknown-pragmas")
CACHE = Path(os.environ.get("DTBSIM_TEST_CACHE", Path(tempfile.gettempdir()) / f"dtbsim-shim-{os.getuid()}"))
_KERNEL = re.compile(r"DTB_KERNEL\s+(?:DTB_BOUNDS\(\w+\)\s+)?(\w+)\(([^)]*)\)\s*\{")
_COMPILING = threading.Lock()
_RUNNING: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""A library runs one launch at a time: ranks that are threads share its state."""
LAUNCHER = """\
static void call_{name}(void *p) {{ long long *a = (long long *)p; (void)a; {name}({values}); }}
extern "C" int launch_{name}(void *a, unsigned x, unsigned y, unsigned n, unsigned long shared, int t, int b)
{{ return shim::launch(call_{name}, a, x, y, n, shared, t != 0, b != 0); }}
"""
LIMITS = Limits(
    multiprocessors=4, shared_bytes=200 * 1024, cache_bytes=50 << 20, free_bytes=4 << 30, threads=64, blocks=1
)
"""Few threads, since they run one after the other."""


def wrapped(text: str) -> str:
    """The text after the shim, with a launcher per kernel that takes its arguments as an array."""
    lines = [f'#include "{SHIM}"', text]
    for name, parameters in _KERNEL.findall(text):
        kinds = [p.strip().rsplit(" ", 1)[0] for p in parameters.split(",") if p.strip()]
        values = [f"({kind})a[{k}]" for k, kind in enumerate(kinds)]
        lines.append(LAUNCHER.format(name=name, values=", ".join(values)))
    return "\n".join(lines)


def library(text: str) -> tuple[Any, threading.Lock]:
    """Compile, or load what was compiled before; other processes may do the same, other threads wait."""
    whole = wrapped(text)
    key = hashlib.sha256((whole + SHIM.read_text(encoding="utf-8") + " ".join(FLAGS)).encode()).hexdigest()[:24]
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / f"{key}.so"
    with _COMPILING:
        if not target.exists():
            _compile(whole, target)
        return ctypes.CDLL(str(target)), _RUNNING[key]


def _compile(whole: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        source, made = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
        source.write_text(whole, encoding="utf-8")
        done = subprocess.run(
            [str(GXX), *FLAGS, str(source), "-o", str(made)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"g++ failed:\n{done.stderr[:6000]}")
        made.replace(target)


class ShimKernels:
    """Launches go on at once; while a graph is captured they are noted."""

    def __init__(self, device: ShimDevice, text: str) -> None:
        self._device = device
        self._library, self._running = library(text)
        self.launches: list[tuple[str, Launch]] = []

    def launch(self, name: str, shape: Launch, *arguments: int) -> None:
        """Run the blocks one after the other."""
        self._do(name, shape, arguments, together=False)

    def launch_together(self, name: str, shape: Launch, *arguments: int) -> None:
        """Run the blocks side by side."""
        self._do(name, shape, arguments, together=True)

    def _do(self, name: str, shape: Launch, arguments: tuple[int, ...], *, together: bool) -> None:
        assert shape.x > 0
        assert shape.y > 0
        assert shape.threads % 32 == 0
        assert shape.threads <= 1024
        assert shape.shared_bytes <= self._device.limits.shared_bytes
        values = (ctypes.c_longlong * max(len(arguments), 1))(*arguments)
        function = getattr(self._library, f"launch_{name}")

        def work() -> None:
            self.launches.append((name, shape))
            backwards = self._device.backwards
            shared_bytes = ctypes.c_ulong(shape.shared_bytes)
            with self._running:
                function(values, shape.x, shape.y, shape.threads, shared_bytes, together, backwards)

        if self._device.captured is not None:
            self._device.captured.append(work)
        else:
            work()


class ShimGraph:
    """Captured launches."""

    def __init__(self, work: list[Callable[[], None]]) -> None:
        self._work = work

    def launch(self) -> None:
        """Do them."""
        for work in self._work:
            work()


class ShimLater:
    """Looks at the array as late as it may, so that a test notices when somebody has written to it meanwhile."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._values: NDArray[Any] | None = None

    def values(self) -> NDArray[Any]:
        """A copy, made on the first call."""
        if self._values is None:
            self._values = np.array(self._array, copy=True)
        return self._values


class ShimDevice:
    """Stands for a GPU; `backwards` runs threads and blocks in reverse order."""

    name = "shim"
    facts: ClassVar[dict[str, str | int]] = {"name": "shim", "device": 0, "devices": 1, "bus_id": "0"}
    xp = np
    cuda: Any = None
    stream: Any = None

    def __init__(
        self, limits: Limits | None = None, *, backwards: bool = False, identity: str = "0000:00:00.0"
    ) -> None:
        self.limits, self.backwards, self.identity = LIMITS if limits is None else limits, backwards, identity
        self.captured: list[Callable[[], None]] | None = None

    def compile(self, text: str) -> ShimKernels:
        """By g++."""
        return ShimKernels(self, text)

    def capture(self, work: Callable[[], None]) -> ShimGraph:
        """Note launches."""
        self.captured = []
        try:
            work()
            return ShimGraph(self.captured)
        finally:
            self.captured = None

    def address(self, array: NDArray[Any]) -> int:
        """As on the host."""
        return int(array.ctypes.data)

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy, so that the host's array is another one."""
        return np.array(array, copy=True, order="C")

    def download(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy."""
        return np.array(array, copy=True)

    def download_later(self, array: NDArray[Any]) -> ShimLater:
        """A copy when it is asked for."""
        check_in_one_piece(array)
        return ShimLater(array)

    def overwrite(self, array: NDArray[Any], values: NDArray[Any]) -> None:
        """In place."""
        assert array.dtype == values.dtype
        array[...] = values

    def synchronise(self) -> None:
        """Nothing is under way."""

    def free_bytes(self) -> int:
        """As at the start."""
        return self.limits.free_bytes


def open_shim(local_rank: int) -> ShimDevice:
    """In the place of `dtbsim.backends.cuda.choose.open_device`."""
    return ShimDevice()
