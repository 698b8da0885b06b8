"""The C++ text of a model as a kernel with the signature of the compiled one, built with g++ through a thin shim."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.helpers.single_population import KERNEL_TYPE

from dtbsim.kernels.update_kernel import UpdateKernel
from dtbsim.kernels.update_source import G_HEADER
from dtbsim.models.language.emit_c import PRELUDE, other_arguments, update_text

GXX = shutil.which("g++")
FLAGS = ("-O2", "-ffp-contract=off", "-shared", "-fPIC", "-Wall", "-Wno-unused", "-Werror")


HEADS = {
    "host": 'extern "C" void kernel(',
    "cuda": 'extern "C" __global__ void kernel(',
}
LOOPS = {
    "host": "for (long long _k = 0; _k < _G[0]; ++_k)",
    "cuda": "const long long _k = (long long)blockIdx.x * blockDim.x + threadIdx.x;\n    if (_k < _G[0])",
}


def shim(kernel: UpdateKernel, update: str, device: str = "host") -> str:
    """Return the complete text: prelude, update function, and what applies it to a group (loop, or CUDA threads).

    Its own names begin with _, as no name of a model does.
    """
    variant, model = kernel.variant, kernel.variant.model
    slot = iter(range(G_HEADER, 1000))
    lines = []
    for row in model.states:
        kind, array = ("float", "_F") if row.dtype == "f32" else ("int", "_I")
        lines.append(f"{kind} &{row.name} = {array}[_G[{next(slot)}] + _k];")
    for c in range(kernel.n_channels):
        lines += [f"ACC &_acc{c} = _acc[_G[{next(slot)}] + _k];"]
    values = {name: f"_F[_G[{next(slot)}] + _k]" for name in kernel.array_order}
    position = iter(range(1000))
    values |= {name: f"_C[{next(position)}]" for name in kernel.constant_order}
    quanta = [f"_C[{next(position)}]" for _ in range(kernel.n_channels)]
    factors = {pair: f"_C[{next(position)}]" for pair in variant.factors}
    lines += [f"float _x{c} = (float)_acc{c} * {quantum}; _acc{c} = 0;" for c, quantum in enumerate(quanta)]
    for r, name in enumerate(model.inputs):
        terms = [f"{factors[r, c]} * _x{c}" if factor else f"_x{c}" for c, factor in variant.mix.rows[r]]
        lines.append(f"float in_{name} = {' + '.join(terms) or '0.0f'};")
    lines.append(f"float I_stim = {'_stim[_G[2] + _k]' if variant.use_stim else '0.0f'};")
    for name, value in values.items():
        kind = "int" if name in model.integer_constants else "float"
        lines.append(f"{kind} {name} = ({kind}){value};")
    arguments = ", ".join([*(row.name for row in model.states), *other_arguments(model)])
    body = "\n        ".join([*lines, f"_spk[_G[1] + _k] = dtb_update({arguments});"])
    return f"""{PRELUDE}
{update}
typedef {"int" if variant.acc_bits == 32 else "long long"} ACC;
{HEADS[device]}float *_F, int *_I, ACC *_acc, float *_stim, unsigned char *_spk, long long *_G, float *_C)
{{
    {LOOPS[device]} {{
        {body}
    }}
}}
"""


def build(
    kernel: UpdateKernel, folder: Path, mutate: Callable[[str], str] = lambda text: text, name: str = "kernel"
) -> Callable[..., None]:
    """Compile and load; `mutate` changes the text of the update function before."""
    text = update_text(kernel.variant.model)
    changed = mutate(text)
    source, library = folder / f"{name}.cpp", folder / f"{name}.so"
    source.write_text(shim(kernel, changed), encoding="utf-8")
    subprocess.run([str(GXX), *FLAGS, str(source), "-o", str(library)], check=True, capture_output=True, text=True)
    return KERNEL_TYPE(ctypes.cast(ctypes.CDLL(str(library)).kernel, ctypes.c_void_p).value)
