"""CUDA C compiled by NVRTC through ctypes: the library of the wheel nvidia-cuda-nvrtc-cu12, which needs no GPU."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from dtbsim.backends.cuda.compiler import COMPILE_OPTIONS

PACKAGE = "nvidia-cuda-nvrtc-cu12"
MODULE = "nvidia.cuda_nvrtc"


class Compiled(NamedTuple):
    """What a compilation gave: whether it worked, the compiler's messages, PTX, and machine code (an ELF file)."""

    works: bool
    log: str
    ptx: str
    cubin: bytes

    @property
    def cubin_bytes(self) -> int:
        """Size of the machine code."""
        return len(self.cubin)


@cache
def library() -> Any:
    """Return the loaded library, None where the wheel is not installed."""
    try:
        spec = importlib.util.find_spec(MODULE)
    except ModuleNotFoundError:
        return None
    folders = [Path(folder) / "lib" for folder in (spec.submodule_search_locations or [])] if spec else []
    found = sorted(path for folder in folders for path in folder.glob("libnvrtc.so.*"))
    return ctypes.CDLL(str(found[-1])) if found else None


def version() -> tuple[int, int]:
    """Return major and minor version."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return major.value, minor.value


def architectures() -> list[int]:
    """Return the architectures (70, 75, ...) that this version compiles for."""
    number = ctypes.c_int()
    _check(library().nvrtcGetNumSupportedArchs(ctypes.byref(number)))
    found = (ctypes.c_int * number.value)()
    _check(library().nvrtcGetSupportedArchs(found))
    return list(found)


def compiled(text: str, architecture: int, *options: str) -> Compiled:
    """Compile to PTX and machine code, with the options of runs unless `options` say otherwise."""
    nvrtc, program = library(), ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"model.cu", 0, None, None))
    try:
        flags = [f"--gpu-architecture=sm_{architecture}", *(options or COMPILE_OPTIONS)]
        array = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        code = nvrtc.nvrtcCompileProgram(program, len(flags), array)
        log = _text(program, "ProgramLog")
        if code != 0:
            return Compiled(False, log, "", b"")
        return Compiled(True, log, _text(program, "PTX"), _cubin(program))
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


class Bindings:
    """The library with the interface of `cupy.cuda.nvrtc`, as far as runs use it."""

    getVersion = staticmethod(version)
    getSupportedArchs = staticmethod(architectures)

    def createProgram(self, text: str, name: str, headers: tuple[Any, ...], include_names: tuple[Any, ...]) -> int:
        program = ctypes.c_void_p()
        _check(library().nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None))
        return int(program.value or 0)

    def compileProgram(self, program: int, options: tuple[str, ...]) -> None:
        array = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        _check(library().nvrtcCompileProgram(ctypes.c_void_p(program), len(options), array))

    def getProgramLog(self, program: int) -> str:
        return _text(ctypes.c_void_p(program), "ProgramLog")

    def getPTX(self, program: int) -> bytes:
        return _text(ctypes.c_void_p(program), "PTX").encode()

    def getCUBIN(self, program: int) -> bytes:
        return _cubin(ctypes.c_void_p(program))

    def destroyProgram(self, program: int) -> None:
        _check(library().nvrtcDestroyProgram(ctypes.byref(ctypes.c_void_p(program))))


def _cubin(program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(library().nvrtcGetCUBINSize(program, ctypes.byref(size)))
    cubin = ctypes.create_string_buffer(size.value)
    _check(library().nvrtcGetCUBIN(program, cubin))
    return cubin.raw


def _text(program: ctypes.c_void_p, what: str) -> str:
    size = ctypes.c_size_t()
    _check(getattr(library(), f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(library(), f"nvrtcGet{what}")(program, buffer))
    return buffer.value.decode()


def _check(code: int) -> None:
    if code != 0:
        get = library().nvrtcGetErrorString
        get.restype = ctypes.c_char_p
        raise RuntimeError(f"NVRTC: {get(code).decode()}")
