"""Update functions as C++ text that CUDA compilers and host compilers accept.

Compile without contraction of a * b + c (`--fmad=false`, `-ffp-contract=off`) and without fast-math: then the bits are
those of the numba text. The prelude needs nothing but the compiler.
"""

from __future__ import annotations

from dtbsim.models.base import MOST_SPIKES, NeuronModel
from dtbsim.models.language import elementary, ir
from dtbsim.models.language.checked import checked_update, needed_functions
from dtbsim.models.language.emit import BUILT_IN, Emitter

PRELUDE = """\
#ifndef DTB_FN
#ifdef __CUDACC__
#define DTB_FN static __device__ __forceinline__
#else
#define DTB_FN static inline
#endif
#endif

typedef int dtb_i32;

DTB_FN dtb_i32 dtb_add(dtb_i32 a, dtb_i32 b) { return (dtb_i32)((unsigned)a + (unsigned)b); }
DTB_FN dtb_i32 dtb_sub(dtb_i32 a, dtb_i32 b) { return (dtb_i32)((unsigned)a - (unsigned)b); }
DTB_FN dtb_i32 dtb_mul(dtb_i32 a, dtb_i32 b) { return (dtb_i32)((unsigned)a * (unsigned)b); }
DTB_FN dtb_i32 dtb_shl(dtb_i32 a, dtb_i32 b) { return (dtb_i32)((unsigned)a << b); }
DTB_FN dtb_i32 dtb_spikes(float n, dtb_i32 most) { return n > 0.0f ? (n < (float)most ? (dtb_i32)n : most) : 0; }
DTB_FN dtb_i32 dtb_abs_i32(dtb_i32 a) { return a < 0 ? dtb_sub(0, a) : a; }
#ifdef __CUDACC__
DTB_FN dtb_i32 dtb_float_bits(float x) { return __float_as_int(x); }
DTB_FN float dtb_bits_float(dtb_i32 i) { return __int_as_float(i); }
DTB_FN float dtb_abs(float x) { return fabsf(x); }
DTB_FN float dtb_sqrt(float x) { return __fsqrt_rn(x); }
#else
DTB_FN dtb_i32 dtb_float_bits(float x) { dtb_i32 i; __builtin_memcpy(&i, &x, 4); return i; }
DTB_FN float dtb_bits_float(dtb_i32 i) { float x; __builtin_memcpy(&x, &i, 4); return x; }
DTB_FN float dtb_abs(float x) { return __builtin_fabsf(x); }
DTB_FN float dtb_sqrt(float x) { return __builtin_sqrtf(x); }
#endif
"""

C_TYPES: dict[ir.Type, str] = {"f32": "float", "i32": "dtb_i32", "bool": "bool"}
_INTEGER = {"+": "dtb_add", "-": "dtb_sub", "*": "dtb_mul", "<<": "dtb_shl"}


class CEmitter(Emitter):
    """C++ text in which every operation has the type of the checked function."""

    def assign(self, name: str, value: str) -> None:
        """Emit `name = value;`."""
        self.lines.append(f"{name} = {value};")

    def declare(self, name: str, kind: ir.Type, value: str) -> None:
        """Emit `const type name = value;`."""
        self.lines.append(f"const {C_TYPES[kind]} {name} = {value};")

    def literal(self, x: ir.Constant) -> str:
        """Return a typed literal; floats as hexadecimal, so exactly."""
        if x.type == "bool":
            return "true" if x.value else "false"
        return f"{float(x.value).hex()}f" if x.type == "f32" else f"({x.value})"

    def cast(self, x: str) -> str:
        """Return int32 -> float32."""
        return f"(float)({x})"

    def unary(self, node: ir.Unary, x: str) -> str:
        """Return -x or not x."""
        if node.op == "not":
            return f"(!{x})"
        return f"dtb_sub(0, {x})" if node.type == "i32" else f"(-{x})"

    def binary(self, node: ir.Binary, a: str, b: str) -> str:
        """Return a op b; int32 results wrap."""
        if node.type == "i32" and node.op in _INTEGER:
            return f"{_INTEGER[node.op]}({a}, {b})"
        return f"({a} {node.op} {b})"

    def logic(self, op: str, a: str, b: str) -> str:
        """Return && or ||."""
        return f"({a} {'&&' if op == 'and' else '||'} {b})"

    def choose(self, condition: str, a: str, b: str) -> str:
        """Return a conditional expression."""
        return f"({condition} ? {a} : {b})"

    def call(self, node: ir.Call, arguments: list[str]) -> str:
        """Return a call."""
        if node.function not in BUILT_IN:
            return f"dtb_own_{node.function}({', '.join(arguments)})"
        (x,) = arguments
        suffix = "_i32" if node.function == "abs" and node.type == "i32" else ""
        return f"dtb_{node.function}{suffix}({x})"


def elementary_text(name: str) -> str:
    """Return the definition of an elementary function, `dtb_exp` say."""
    function = elementary.definition(name)
    return _function_text(f"DTB_FN float dtb_{name}(float x)", function, "return {};")


def update_text(model: NeuronModel, name: str = "dtb_update") -> str:
    """Return the functions that the model needs and its update function (put `PRELUDE` before it).

    Signature: `bool NAME(states by reference in declared order, then the other arguments of update in order)`, with
    `counts_spikes` an int, at most MOST_SPIKES + 1.
    """
    function = checked_update(model)
    elementary_names, own = needed_functions(model)
    helpers = [elementary_text(helper) for helper in elementary_names]
    helpers += [own_text(helper) for helper in own]
    states = [f"{C_TYPES[row.dtype]} &{row.name}" for row in model.states]
    others = [f"{C_TYPES[function.argument_type(argument)]} {argument}" for argument in other_arguments(model)]
    head = f"DTB_FN {'dtb_i32' if model.counts_spikes else 'bool'} {name}({', '.join(states + others)})"
    store = " ".join(f"{row.name} = _r{k};" for k, row in enumerate(model.states))
    ending = f"return dtb_spikes({{}}, {MOST_SPIKES + 1});" if model.counts_spikes else "return {};"
    return "\n".join([*helpers, _function_text(head, function, f"{store} {ending}")])


def _own_head(function: ir.Function) -> str:
    return f"DTB_FN float dtb_own_{function.name}({', '.join(f'float {name}' for name, _ in function.arguments)})"


def other_arguments(model: NeuronModel) -> tuple[str, ...]:
    """Return the arguments of update that are no states, in order: inputs, current, constants."""
    states = {row.name for row in model.states}
    return tuple(name for name, _ in checked_update(model).arguments if name not in states)


def own_text(function: ir.Function) -> str:
    """Return the definition of one of a model's own functions."""
    return _function_text(_own_head(function), function, "return {};")


def _function_text(head: str, function: ir.Function, ending: str) -> str:
    body = "\n".join(f"    {line}" for line in body_text(CEmitter(), function, ending))
    return f"{head}\n{{\n{body}\n}}\n"


def body_text(emitter: CEmitter, function: ir.Function, ending: str) -> list[str]:
    """Return the lines of a function; `ending` has {} for the last result, the others are in `_r0`, `_r1`, ..."""
    emitter.statements(function.body)
    *states, last = function.results
    texts = [(emitter.text(x), x.type) for x in states]
    for k, (text, kind) in enumerate(texts):
        emitter.declare(f"_r{k}", kind, text)
    emitter.declare("_last", last.type, emitter.text(last))
    declared = [f"{C_TYPES[kind]} {name};" for name, kind in function.locals.items()]
    return [*declared, *emitter.lines, ending.format("_last")]
