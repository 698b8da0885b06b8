"""Region kernels as CUDA C text, around the same step as the numba text: one thread for each region in each member.

The twin of `region_source`: the same table, rows and numbers. `region_cuda_text` is one model as a text of its own;
with DTB_HOST defined it compiles for the host, as a function with the same arguments as the compiled kernel.
`region_models_text` is the models of a network, for `regions.cu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from dtbsim.kernels import region_layout as R
from dtbsim.kernels.region_source import first_line, noise_word
from dtbsim.kernels.region_step import region_step, region_told, step_arguments
from dtbsim.kernels.region_variant import RegionVariant
from dtbsim.models.language import ir
from dtbsim.models.language.checked import needed_by
from dtbsim.models.language.checked_region import own_region_functions
from dtbsim.models.language.emit_c import C_TYPES, PRELUDE, CEmitter, elementary_text, own_text
from dtbsim.models.region_tables import Lookup

_TABLES = (
    "#ifdef DTB_HOST",
    "#define DTB_TABLE static const",
    "#else",
    "#define DTB_TABLE static __device__ const",
    "#endif",
)
_HEAD = """\
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
#ifdef DTB_HOST
#define DTB_TABLE static const
#define DTB_ENTRY extern "C" void
#else
#define DTB_TABLE static __device__ const
#define DTB_ENTRY extern "C" __global__ void
#endif
"""

_REGION = """\
DTB_FN float dtb_normal(u32 word, const float *table)
{
    const u32 index = word >> 16;
    const float low = table[index];
    return low + (table[index + 1] - low) * ((float)(word & 0xffffu) * 0x1p-16f);
}

DTB_FN void dtb_region(
    const i64 *_G, const i64 _start, const i64 _steps, const i64 _in_row, const i64 _out_row, const i64 _k)
{
    const i64 _M = _G[NODES] * _G[LANES];
    float *_S = (float *)_G[STATES];
    const float *_C = (const float *)_G[SCALARS];
BEFORE
    if (_steps == 0) {
TOLD
    }
    for (i64 _s = 0; _s < _steps; ++_s) {
        const i64 _now = _start + _s;
        const bool _first = _now == 0;
LOOP
    }
AFTER
}

"""

_ENTRY = """\
DTB_ENTRY kernel(i64 _table, i64 _start, i64 _steps, i64 _in_row, i64 _out_row, i64 _lo, i64 _hi)
{
    const i64 *_G = (const i64 *)_table;
#ifdef DTB_HOST
    for (i64 _k = _lo * _G[LANES]; _k < _hi * _G[LANES]; ++_k)
        dtb_region(_G, _start, _steps, _in_row, _out_row, _k);
#else
    const i64 _k = _lo * _G[LANES] + (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (_k < _hi * _G[LANES])
        dtb_region(_G, _start, _steps, _in_row, _out_row, _k);
#endif
}
"""


def region_cuda_text(variant: RegionVariant) -> str:
    """Return the complete text with the kernel `kernel`, which takes what the compiled kernel takes."""
    entry = _ENTRY.replace("_G[LANES]", f"_G[{R.LANES}]")
    return "\n".join([PRELUDE, _HEAD, _philox(), _region_text(variant), entry])


def region_models_text(variants: Sequence[RegionVariant]) -> str:
    """Return `dtb_region_take(model, table, start, steps, element)` for some variants, by their place; `regions.cu`."""
    spaces, cases = ["#ifndef DTB_TABLE", *_TABLES, "#endif"], []
    for k, variant in enumerate(variants):
        space = f"dtb_region_model_{k}"
        spaces += [f"namespace {space} {{", PRELUDE, _region_text(variant), "}", "#undef DTB_WITHIN"]
        cases.append(f"    case {k}: {space}::dtb_region(table, start, steps, 0, 0, element); break;")
    head = "DTB_FN void dtb_region_take(i64 model, const i64 *table, i64 start, i64 steps, i64 element) {"
    return "\n".join([*spaces, head, "    switch (model) {", *cases, "    }", "}", ""])


def region_functions_text() -> str:
    """Return the elementary functions of couplings, in a namespace of their own."""
    texts = [elementary_text(name) for name in ("exp", "sin", "cos")]
    return "\n".join(["namespace dtb_region_math {", PRELUDE, *texts, "}", ""])


def _region_text(variant: RegionVariant) -> str:
    """The function `dtb_region` of one region in one member, and what it needs."""
    elementary, own = needed_by(region_step(variant).calls, own_region_functions(variant.model))
    texts = [*map(elementary_text, elementary), *map(lookup_text, variant.model.lookups), *map(own_text, own)]
    region = _REGION
    for name, lines, depth in (
        ("BEFORE", _before(variant), 1),
        ("TOLD", _told(variant), 2),
        ("LOOP", _loop(variant), 2),
        ("AFTER", [f"_S[{k} * _M + _k] = _state_{k};" for k in range(len(variant.rows))], 1),
    ):
        region = region.replace(f"{name}\n", "\n".join(4 * depth * " " + line for line in lines) + "\n")
    for name in ("NODES", "LANES", "STATES", "SCALARS"):
        region = region.replace(f"_G[{name}]", f"_G[{getattr(R, name)}]")
    return "\n".join([*texts, region])


@cache
def _philox() -> str:
    lines = Path(__file__).with_name("philox.cuh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#include", "#pragma")))


def _before(variant: RegionVariant) -> list[str]:
    """States in registers, constants, words of noise."""
    lines = [f"float _state_{k} = _S[{k} * _M + _k];" for k in range(len(variant.rows))]
    lines += [f"const float {name} = _C[{k}];" for k, name in enumerate(variant.scalars)]
    first = R.FIRST + variant.n_slots + len(variant.sent)
    lines += [f"const float {name} = {_value(first + k, '_k')};" for k, name in enumerate(variant.arrays)]
    lines += [f"Words _words_{k};" for k in range(len(variant.noise))]
    return lines


def _told(variant: RegionVariant) -> list[str]:
    lines = [f"const float {row.name} = _state_{k};" for k, row in enumerate(variant.model.states)]
    emitter, values = _emitted(region_told(variant))
    return [*lines, *emitter, *_sent(variant, values, "_out_row")]


def _loop(variant: RegionVariant) -> list[str]:
    step = region_step(variant)
    lines = [f"const float {name} = _state_{k};" for k, name in enumerate(step_arguments(variant)[: len(variant.rows)])]
    for k, delay in enumerate(variant.model.delays):
        place = R.FIRST + first_line(variant) + 2 * k
        line = f"((float *)_G[{place}])"
        number = [row.name for row in variant.model.states].index(delay.state)
        lines.append(
            f"if (_first) for (i64 _d = 0; _d < _G[{place + 1}]; ++_d) {line}[_d * _M + _k] = _state_{number};"
        )
        lines.append(f"const float {delay.name} = {line}[(_now % _G[{place + 1}]) * _M + _k];")
        lines.append(f"{line}[(_now % _G[{place + 1}]) * _M + _k] = _state_{number};")
    row = "(_in_row + _s) * _M + _k"
    lines += [f"const float _i{slot} = {_value(R.FIRST + slot, row)};" for slot in range(variant.n_slots)]
    lines.append(f"float I_stim = {_value(R.STIMULUS, row) if variant.stimulus else '0.0f'};")
    for k, term in enumerate(variant.noise):
        low = f"(u32)_G[{R.KEY_0}]" if term.shared else f"((const u32 *)_G[{R.ELEMENT_SEEDS}])[_k]"
        node = f"((const u32 *)_G[{R.ELEMENT_NODES}])[_k]"
        keys = f"{low}, (u32)_G[{R.KEY_1}]"
        counter = f"{node}, (u32)(_now >> 2), 0u, {noise_word(variant, term.target)}u"
        lines.append(f"if (_s == 0 || (_now & 3) == 0) _words_{k} = philox4x32({counter}, {keys});")
        word = f"word_of(_words_{k}, (int)(_now & 3))"
        lines.append(f"const float _z_{term.target} = dtb_normal({word}, (const float *)_G[{R.NORMAL}]);")
    emitter, values = _emitted(step)
    lines += emitter
    lines += [f"_state_{k} = {value};" for k, value in enumerate(values[: len(variant.rows)])]
    return [*lines, *_sent(variant, values[len(variant.rows) :], "(_out_row + _s)")]


def _emitted(function: ir.Function) -> tuple[list[str], list[str]]:
    """The statements of a function, and variables that hold its results."""
    emitter = CEmitter()
    emitter.statements(function.body)
    names = []
    for k, result in enumerate(function.results):
        emitter.declare(f"_result_{k}", result.type, emitter.text(result))
        names.append(f"_result_{k}")
    known = {"I_stim"} & {name for name, _ in function.arguments}
    declared = [f"{C_TYPES[kind]} {name};" for name, kind in function.locals.items() if name not in known]
    return [*declared, *emitter.lines], names


def _sent(variant: RegionVariant, values: Sequence[str], row: str) -> list[str]:
    first = R.FIRST + variant.n_slots
    return [f"((float *)_G[{first + k}])[{row} * _M + _k] = {value};" for k, value in enumerate(values)]


def _value(place: int, index: str) -> str:
    return f"((const float *)_G[{place}])[{index}]"


def lookup_text(table: Lookup) -> str:
    """Return a table and its function."""
    (x, dx, nx), (y, dy, ny) = table.x, table.y
    numbers = ", ".join(f"{float(value).hex()}f" for value in table.values().ravel())

    def number(value: float) -> str:
        return f"(float){float(value).hex()}"

    def place(v: str, first: float, step: float, n: int) -> str:
        scaled = f"({v} - {number(first)}) * {number(1.0 / step)}"
        return f"dtb_within({scaled}, {float(n - 1).hex()}f)"

    return f"""\
DTB_TABLE float dtb_table_{table.name}[] = {{{numbers}}};
#ifndef DTB_WITHIN
#define DTB_WITHIN
DTB_FN float dtb_within(float x, float high)
{{
    const float above = x > 0.0f ? x : 0.0f;
    return above < high ? above : high;
}}
#endif
DTB_FN float dtb_own_{table.name}(float x, float y)
{{
    const float u = {place("x", x, dx, nx)}, v = {place("y", y, dy, ny)};
    const int i = (int)u < {nx - 2} ? (int)u : {nx - 2}, j = (int)v < {ny - 2} ? (int)v : {ny - 2};
    const float f = u - (float)i, g = v - (float)j;
    const float *t = dtb_table_{table.name} + (j * {nx} + i);
    const float low = t[0] + (t[1] - t[0]) * f, high = t[{nx}] + (t[{nx + 1}] - t[{nx}]) * f;
    return x == x && y == y ? low + (high - low) * g : x + y; // of what is not a number it is none either
}}
"""
