"""The update of one neuron of a group as CUDA C text, from a model's checked update function.

The twin of `update_source`: the same headers G, constants C and arenas; a kernel calls it for one neuron at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from dtbsim.kernels.update_source import G_HEADER, Variant
from dtbsim.models.base import NeuronModel
from dtbsim.models.language.emit_c import PRELUDE, other_arguments, update_text

_GROUP = """\
// A neuron of model {model}, number k of its group; returns how often it spikes.
DTB_FN i32 dtb_group_{number}(
    float *F_, i32 *I_, {acc} *acc_, float I_stim, const i64 *G_, const float *C_, i64 k_
) {{
{body}
}}
"""


def updates_text(variants: Sequence[Variant]) -> str:
    """Update functions of all models of `variants`, and `dtb_update_neuron`, which calls one by number."""
    models: dict[NeuronModel, str] = {}
    for variant in variants:
        models.setdefault(variant.model, f"dtb_model_{len(models)}")
    texts = [_own_namespace(name, update_text(model, name)) for model, name in models.items()]
    groups = [_group_text(number, variant, models[variant.model]) for number, variant in enumerate(variants)]
    return "\n".join([PRELUDE, *texts, *groups, _dispatch(variants)])


def _own_namespace(name: str, text: str) -> str:
    """Functions that several models need are defined once per model."""
    return f"namespace {name}_ {{\n{text}\n}}\nusing {name}_::{name};\n"


def _group_text(number: int, variant: Variant, function: str) -> str:
    model = variant.model
    slot = count(G_HEADER)
    lines = []
    for row in model.states:
        kind, array = ("float", "F_") if row.dtype == "f32" else ("i32", "I_")
        lines.append(f"{kind} &{row.name} = {array}[G_[{next(slot)}] + k_];")
    for c in range(variant.channels):
        lines.append(f"{_acc(variant)} &acc{c}_ = acc_[G_[{next(slot)}] + k_];")
    values = {name: f"F_[G_[{next(slot)}] + k_]" for name in variant.arrays}
    position = count()
    values |= {name: f"C_[{next(position)}]" for name in variant.scalars}
    quanta = [f"C_[{next(position)}]" for _ in range(variant.channels)]
    factors = {pair: f"C_[{next(position)}]" for pair in variant.factors}
    for s, channels in enumerate(variant.mix.sums):
        lines.append(f"const float x{s}_ = (float){_integer(channels)} * {quanta[channels[0]]};")
    lines += [f"acc{c}_ = 0;" for c in range(variant.channels)]
    for r, name in enumerate(model.inputs):
        terms = [f"{factors[r, s]} * x{s}_" if factor else f"x{s}_" for s, factor in variant.mix.rows[r]]
        lines.append(f"const float in_{name} = {' + '.join(terms) or '0.0f'};")
    for name, value in values.items():
        kind = "i32" if name in model.integer_constants else "float"
        lines.append(f"const {kind} {name} = ({kind}){value};")
    arguments = ", ".join([*(row.name for row in model.states), *other_arguments(model)])
    lines.append(f"return {function}({arguments});")
    body = "\n".join(f"    {line}" for line in lines)
    return _GROUP.format(model=model.name, number=number, acc=_acc(variant), body=body)


def _integer(channels: tuple[int, ...]) -> str:
    """The integer sum of accumulators; of several in 64 bits, where it cannot overflow."""
    return f"acc{channels[0]}_" if len(channels) == 1 else "(" + " + ".join(f"(i64)acc{c}_" for c in channels) + ")"


def _acc(variant: Variant) -> str:
    return "i32" if variant.acc_bits == 32 else "i64"


def _dispatch(variants: Sequence[Variant]) -> str:
    cases = [
        f"    case {number}: return dtb_group_{number}(arenas.f32, arenas.i32s, at<{_acc(variant)}>(arenas.input), "
        "I_stim, G, C, k);"
        for number, variant in enumerate(variants)
    ]
    return "\n".join(
        [
            "DTB_FN i32 dtb_update_neuron(",
            "    i64 number, const Arenas &arenas, float I_stim, const i64 *G, const float *C, i64 k",
            ") {",
            "    switch (number) {",
            *cases,
            "    }",
            "    return 0;",
            "}",
        ]
    )
