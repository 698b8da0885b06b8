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


def shim(kernel: UpdateKernel, update: str) -> str:
    """Return the complete C++ text: prelude, update function, and the loop over a group."""
    variant, model = kernel.variant, kernel.variant.model
    slot = iter(range(G_HEADER, 1000))
    lines = []
    for row in model.states:
        kind, array = ("float", "F") if row.dtype == "f32" else ("int", "I")
        lines.append(f"{kind} &{row.name} = {array}[G[{next(slot)}] + k];")
    for c in range(kernel.n_channels):
        lines += [f"ACC &_acc{c} = acc[G[{next(slot)}] + k];"]
    values = {name: f"F[G[{next(slot)}] + k]" for name in kernel.array_order}
    position = iter(range(1000))
    values |= {name: f"C[{next(position)}]" for name in kernel.constant_order}
    quanta = [f"C[{next(position)}]" for _ in range(kernel.n_channels)]
    factors = {pair: f"C[{next(position)}]" for pair in variant.factors}
    lines += [f"float _x{c} = (float)_acc{c} * {quantum}; _acc{c} = 0;" for c, quantum in enumerate(quanta)]
    for r, name in enumerate(model.inputs):
        terms = [f"{factors[r, c]} * _x{c}" if factor else f"_x{c}" for c, factor in variant.mix.rows[r]]
        lines.append(f"float in_{name} = {' + '.join(terms) or '0.0f'};")
    lines.append(f"float I_stim = {'stim[G[2] + k]' if variant.use_stim else '0.0f'};")
    for name, value in values.items():
        kind = "int" if name in model.integer_constants else "float"
        lines.append(f"{kind} {name} = ({kind}){value};")
    arguments = ", ".join([*(row.name for row in model.states), *other_arguments(model)])
    body = "\n        ".join([*lines, f"spk[G[1] + k] = dtb_update({arguments});"])
    return f"""{PRELUDE}
{update}
typedef {"int" if variant.acc_bits == 32 else "long long"} ACC;
extern "C" void kernel(float *F, int *I, ACC *acc, float *stim, unsigned char *spk, long long *G, float *C)
{{
    for (long long k = 0; k < G[0]; ++k) {{
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
