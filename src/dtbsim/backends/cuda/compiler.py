"""From the text of kernels to machine code: by NVRTC itself, with exactly the options below, kept on disk.

CuPy's RawModule appends options of its own, `-ftz=true` among them, and NVRTC takes the last one of a kind: small
float32 would become zero there and not on a CPU. Here nothing is appended.

`nvrtc` is `cupy.cuda.nvrtc`; tests give one of the same interface.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dtbsim.kernels.compiled_cache import read_own, write_own
from dtbsim.kernels.kernel_cache import cache_dir, warn_unsaved

COMPILE_OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")
"""Float32 as on the CPU: no contraction of a * b + c, small numbers as they are, division and roots rounded."""


class CompileError(Exception):
    """The text does not compile; the message is the compiler's log."""


def architecture_of(capability: int, supported: Iterable[int]) -> str | None:
    """What to compile for, for a GPU of this compute capability (90: 9.0), None where NVRTC cannot.

    Machine code where NVRTC knows the GPU, else PTX of the newest one before it, which the driver translates.
    """
    known = [one for one in supported if one <= capability]
    if not known:
        return None
    return f"sm_{capability}" if capability in known else f"compute_{max(known)}"


def options_for(architecture: str) -> tuple[str, ...]:
    """All options that NVRTC is given."""
    return (f"--gpu-architecture={architecture}", *COMPILE_OPTIONS)


def loadable_code(nvrtc: Any, text: str, architecture: str) -> bytes:
    """Machine code (a cubin; PTX for compute_*) of the text, from the disk where it has been compiled before.

    Raises CompileError; InputError where the folder of the cache is not safe.
    """
    key = "\n".join([str(tuple(nvrtc.getVersion())), *options_for(architecture), text])
    path = code_dir() / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.{architecture}"
    code = read_own(path)
    if code is None:
        code = compiled(nvrtc, text, architecture)
        try:
            write_own(path, code)
        except OSError as error:
            warn_unsaved(str(path.parent), error.strerror or str(error))
    return code


def code_dir() -> Path:
    """Where machine code of GPUs is kept."""
    return cache_dir() / "cuda"


def compiled(nvrtc: Any, text: str, architecture: str) -> bytes:
    """The same, compiled now."""
    program = nvrtc.createProgram(text, "dtbsim.cu", (), ())
    try:
        try:
            nvrtc.compileProgram(program, options_for(architecture))
        except Exception as error:
            log = nvrtc.getProgramLog(program)
            raise CompileError(log or str(error)) from error
        code = nvrtc.getCUBIN(program) if architecture.startswith("sm_") else nvrtc.getPTX(program)
        return code.encode() if isinstance(code, str) else bytes(code)
    finally:
        nvrtc.destroyProgram(program)
