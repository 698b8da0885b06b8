"""The functions of all synapse models of a network as CUDA C text: the twin of `rule_source`.

Kernels call them by the number of the model, D_RULE of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dtbsim.kernels.rule_source import arguments_of, constants_of
from dtbsim.models.language import ir
from dtbsim.models.language.emit_c import PRELUDE, CEmitter, body_text, elementary_text, own_text
from dtbsim.models.synapses import PlasticSynapse, SourceSynapse, StatefulSynapse, SynapseModel
from dtbsim.models.synapses.checked import STATES, checked_rule, needed_functions

_PLASTIC = "(i64 rule, const float *p, float w, float trace, float slow)"

_STATEFUL = (
    ("between", "between", "float interval_ms, ", "interval_ms, "),
    ("stateful_target_spike", "on_target_spike", "", ""),
    ("stateful_source_spike", "on_source_spike", "", ""),
)
"""Function that kernels call, that of the model, further arguments before the weight."""


def rules_text(models: Sequence[SynapseModel]) -> str:
    """Text of the header rules.cuh."""
    texts = ["namespace dtb_synapses {", PRELUDE]
    for number, model in enumerate(models):
        elementary, own = needed_functions(model)
        helpers = [*map(elementary_text, elementary), *map(own_text, own)]
        functions = [_function_text(model, name, function) for name, function in checked_rule(model).items()]
        texts += [f"// {model.name}", f"namespace rule_{number} {{", *helpers, *functions, "}"]
    stateful = [number for number, model in enumerate(models) if isinstance(model, StatefulSynapse)]
    plastic = [n for n, model in enumerate(models) if isinstance(model, PlasticSynapse) and n not in stateful]
    others = [number for number, model in enumerate(models) if isinstance(model, SourceSynapse)]
    for name in PlasticSynapse.entry_points:
        texts += [
            f"// Weight, or change of the eligibility: see stdp.py. {name}.",
            f"DTB_FN float {name}{_PLASTIC} {{",
            *_switch(plastic, f"return rule_{{}}::{name}(p, w, trace, slow);"),
            "    return w;",
            "}",
        ]
    texts += [
        "// Share that a spike transmits; advances the two states of its source.",
        "DTB_FN float transmitted(i64 rule, const float *p, float *state, float decay0, float decay1) {",
        *_switch(others, "return rule_{}::on_source_spike(p, state[0], state[1], decay0, decay1);"),
        "    return 0.0f;",
        "}",
    ]
    for name, entry, first, given in _STATEFUL:
        texts += [
            f"// Weight, of a synapse with states, which are advanced: see synapse_state.py. {entry}.",
            f"DTB_FN float {name}(i64 rule, const float *p, {first}float w, float *s) {{",
            *_switch(stateful, f"return rule_{{}}::{entry}(p, {given}w, s[0], s[1], s[2], s[3]);"),
            "    return w;",
            "}",
        ]
    texts.append("}")
    return "\n".join(texts) + "\n"


def _switch(numbers: Sequence[int], action: str) -> list[str]:
    return ["    switch (rule) {", *(f"    case {number}: {action.format(number)}" for number in numbers), "    }"]


def _function_text(model: SynapseModel, name: str, function: ir.Function) -> str:
    arguments = arguments_of(model, name)
    states: list[str] = []
    if isinstance(model, SourceSynapse):
        states = arguments[:2]
    elif isinstance(model, StatefulSynapse):
        states = arguments[-STATES:]
        weight, *others = function.results
        function = replace(function, results=(*others, weight))
    kinds = ["float &" if argument in states else "float " for argument in arguments]
    head = ", ".join(f"{kind}{argument}" for kind, argument in zip(kinds, arguments, strict=True))
    constants = [f"float {name} = p_[{place}];" for name, place in constants_of(model, function).items()]
    emitter = CEmitter()
    changed = states[: len(function.results) - 1]
    ending = "".join(f"{state} = _r{k}; " for k, state in enumerate(changed)) + "return {};"
    body = "\n".join(f"    {line}" for line in [*constants, *body_text(emitter, function, ending)])
    return f"DTB_FN float {name}(const float *p_, {head})\n{{\n{body}\n}}\n"
