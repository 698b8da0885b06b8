"""From a synapse model to its checked, typed functions."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.models.language import ir
from dtbsim.models.language.checked import needed_by, own_functions
from dtbsim.models.language.subset import Source, parse
from dtbsim.models.synapses.base import ModulatedSynapse, PlasticSynapse, SourceSynapse, StatefulSynapse, SynapseModel
from dtbsim.models.synapses.tables import End

_WANTED: dict[type, str] = {
    SourceSynapse: "every state, then the share that is transmitted",
    StatefulSynapse: "the weight, then every state",
}
STATES = 4
"""States of a synapse for which there is room."""


@lru_cache(maxsize=256)
def checked_rule(model: SynapseModel) -> dict[str, ir.Function]:
    """Return the typed functions of a synapse model by name: all of their results are float32.

    Raises InputError with file:line.
    """
    own = own_functions(model.functions)
    found = {}
    for name in model.entry_points:
        source = Source.of(getattr(model, name))
        function = parse(source, dict.fromkeys(offered(model, name), "f32"), functions=own)
        place = f"{Path(source.file).name}:{source.first_line}"
        expected = len(model.states) + 1 if isinstance(model, SourceSynapse | StatefulSynapse) else 1
        if len(function.results) != expected or any(x.type == "bool" for x in function.results):
            wanted = _WANTED[StatefulSynapse if isinstance(model, StatefulSynapse) else SourceSynapse]
            wanted = wanted if expected > 1 else "one number"
            raise InputError(f"{name} of synapse '{model.name}' does not return {wanted}", where=place)
        results = tuple(x if x.type == "f32" else ir.Cast(x, "f32") for x in function.results)
        found[name] = ir.Function(function.name, function.arguments, function.body, results, function.calls)
    return found


@lru_cache(maxsize=256)
def needed_functions(model: SynapseModel) -> tuple[list[str], list[ir.Function]]:
    """Return the elementary functions (exp, log) that a model needs, and its own ones, each after those it calls."""
    calls = {name for function in checked_rule(model).values() for name in function.calls}
    return needed_by(calls, own_functions(model.functions))


def offered(model: SynapseModel, function: str) -> list[str]:
    """Return the names of all arguments that a function of a model may take, constants last."""
    return [*(name for name in values_of(model, function) if name is not None), *_constants(model)]


def values_of(model: SynapseModel, function: str) -> list[str | None]:
    """Return the names of what machinery gives to a function, in its order; None where the model has no such value.

    A source's: two states, two decays. A plastic synapse's: the weight (modulated: none), the trace of the other end
    and that of the own end. Of one with states: the weight, four states; `between` gets the interval before these.
    """
    if isinstance(model, StatefulSynapse):
        states = ([row.name for row in model.states] + [None] * STATES)[:STATES]
        return ["interval_ms", "w", *states] if function == "between" else ["w", *states]
    if isinstance(model, SourceSynapse):
        return [*_padded([row.name for row in model.states]), *_padded([row.name for row in model.decays])]
    assert isinstance(model, PlasticSynapse)
    end: End = "target" if function == "on_target_spike" else "source"
    other: End = "source" if end == "target" else "target"
    traces = [model.trace(other, read_by=end), model.trace(end, read_by=end)]
    weight = None if isinstance(model, ModulatedSynapse) else "w"
    return [weight, *(None if trace is None else trace.name for trace in traces)]


def _padded(names: list[str]) -> list[str | None]:
    return [*names, None, None][:2]


def _constants(model: SynapseModel) -> list[str]:
    return [row.name for row in model.parameters if row.unit != "population"] + list(model.derived)
