"""One step of one region in one member as a typed function, from a model's checked drift: what every device runs.

The integrator is written out around copies of the drift. All its stages see the same sums, as they are at the start of
the step. Names of the step's own begin with `_`, which those of models do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from dtbsim.kernels.region_variant import RegionVariant
from dtbsim.models.language import ir
from dtbsim.models.language.checked_region import checked_derivatives, checked_output
from dtbsim.models.region_tables import RegionState

Names = Mapping[str, ir.Expr]


@lru_cache(maxsize=256)
def region_step(variant: RegionVariant) -> ir.Function:
    """Return the step: states, processes and sent variables after it, in the order of the variant.

    Arguments: states, `_p_<target>` of processes, own delays by name, `_i<slot>` of sums, I_stim, `_z_<target>` normal
    numbers, constants, and `_first` (bool): whether it is step 0, in which processes start from their stationary state.
    """
    return _Step(variant).whole()


@lru_cache(maxsize=256)
def region_told(variant: RegionVariant) -> ir.Function:
    """Return the sent variables of states as they are, for sums of 0: arguments are states and constants."""
    return _Step(variant).told()


def substituted(x: ir.Expr, names: Names) -> ir.Expr:
    """Return an expression with variables replaced."""
    match x:
        case ir.Name():
            return names.get(x.name, x)
        case ir.Constant():
            return x
        case ir.Unary():
            return ir.Unary(x.op, substituted(x.x, names), x.type)
        case ir.Cast():
            return ir.Cast(substituted(x.x, names), x.type)
        case ir.Binary():
            return ir.Binary(x.op, substituted(x.a, names), substituted(x.b, names), x.type)
        case ir.Compare():
            return ir.Compare(x.op, substituted(x.a, names), substituted(x.b, names))
        case ir.Logic():
            return ir.Logic(x.op, substituted(x.a, names), substituted(x.b, names))
        case ir.Select():
            condition = substituted(x.condition, names)
            return ir.Select(condition, substituted(x.a, names), substituted(x.b, names), x.type)
        case ir.Call():
            return ir.Call(x.function, tuple(substituted(argument, names) for argument in x.arguments), x.type)


def _f32(value: float) -> ir.Expr:
    return ir.Constant(float(np.float32(value)), "f32")


def _name(name: str) -> ir.Expr:
    return ir.Name(name, "f32")


def _add(a: ir.Expr, b: ir.Expr) -> ir.Expr:
    return ir.Binary("+", a, b, "f32")


def _sub(a: ir.Expr, b: ir.Expr) -> ir.Expr:
    return ir.Binary("-", a, b, "f32")


def _mul(a: ir.Expr, b: ir.Expr) -> ir.Expr:
    return ir.Binary("*", a, b, "f32")


class _Step:
    """Collects assignments."""

    def __init__(self, variant: RegionVariant) -> None:
        self.variant, self.model = variant, variant.model
        self.body: list[ir.Assign] = []
        self.calls: set[str] = set()
        self.states = [row.name for row in self.model.states]
        self.now: dict[str, ir.Expr] = {name: _name(name) for name in self.states}

    def let(self, name: str, value: ir.Expr) -> ir.Expr:
        """Assign and return the variable."""
        self.body.append(ir.Assign(name, value))
        return _name(name)

    def inlined(self, function: ir.Function, prefix: str, names: Names) -> list[ir.Expr]:
        """Copy the assignments of a function, whose locals get a prefix; return its results."""
        known = dict(names)
        self.calls |= function.calls
        for statement in function.body:
            value = substituted(statement.value, known)
            self.body.append(ir.Assign(prefix + statement.name, value))
            known[statement.name] = ir.Name(prefix + statement.name, value.type)
        return [substituted(result, known) for result in function.results]

    def whole(self) -> ir.Function:
        variant = self.variant
        self.inputs()
        self.noise()
        ends = self.stages()
        self.now = {name: self.let(f"_end_{name}", ends[name]) for name in self.states}
        results = [self.now[name] for name in self.states]
        results += [_name(f"_new_p_{target}") for target in variant.processes]
        results += self.sent()
        arguments: list[tuple[str, ir.Type]] = [(name, "f32") for name in step_arguments(variant)]
        return ir.Function(
            "step", (*arguments, ("_first", "bool")), tuple(self.body), tuple(results), frozenset(self.calls)
        )

    def told(self) -> ir.Function:
        for delay in self.model.delays:
            self.now[delay.name] = _name(delay.state)
        self.now |= {f"in_{row.name}": _f32(0.0) for row in self.model.inputs} | {"I_stim": _f32(0.0)}
        results = self.sent()
        arguments: list[tuple[str, ir.Type]] = [(name, "f32") for name in (*self.states, *self.variant.constants)]
        return ir.Function("told", tuple(arguments), tuple(self.body), tuple(results), frozenset(self.calls))

    def inputs(self) -> None:
        """`in_<input>`: sums, less what is due to the own value, which is that before the step."""
        terms = list(zip(self.variant.terms, self.variant.slots, strict=True))
        own = {term.own for term, _ in terms if term.kind != "sum"}
        values = {**self.now, **self.outputs(own, "_own_")}
        turned: dict[str, tuple[ir.Expr, ir.Expr]] = {}
        for row in self.model.inputs:
            found: list[ir.Expr] = []
            for term, slot in terms:
                if term.input != row.name:
                    continue
                arrived = _name(f"_i{slot}")
                if term.kind == "sum":
                    found.append(arrived)
                elif term.kind == "difference":
                    found.append(_sub(arrived, _mul(_name(f"_weight_{slot}"), values[term.own])))
                else:
                    self.calls |= {"sin", "cos"}
                    if term.own not in turned:
                        x = values[term.own]
                        turned[term.own] = (
                            self.let(f"_cos_{term.own}", ir.Call("cos", (x,), "f32")),
                            self.let(f"_sin_{term.own}", ir.Call("sin", (x,), "f32")),
                        )
                    c, s = turned[term.own]
                    found.append(_sub(_mul(c, arrived), _mul(s, _name(f"_i{slot + 1}"))))
            total = found[0] if found else _f32(0.0)
            for more in found[1:]:
                total = _add(total, more)
            self.let(f"in_{row.name}", total)

    def noise(self) -> None:
        """`_w_<state>` is added to a state, `_e_<state>` to its derivative; inputs are changed."""
        for term in self.variant.noise:
            name, number, size = term.target, _name(f"_z_{term.target}"), _name(f"_sd_{term.target}")
            if term.kind == "ornstein_uhlenbeck":
                decayed = _mul(_name(f"_decay_{name}"), _name(f"_p_{name}"))
                ahead = _add(decayed, _mul(_name(f"_kick_{name}"), number))
                process = self.let(f"_new_p_{name}", ir.Select(ir.Name("_first", "bool"), number, ahead, "f32"))
                value = self.let(f"_e_{name}", _mul(size, process))
            elif term.kind == "multiplicative":
                value = self.let(f"_w_{name}", _mul(_mul(size, self.now[name]), number))
            else:
                value = self.let(f"_w_{name}", _mul(size, number))
            if name not in self.states:
                self.let(name, _add(_name(name), value))

    def stages(self) -> dict[str, ir.Expr]:
        """The states after the step."""
        scheme, h = self.variant.integrator, _name("_h")
        k1 = self.drift("_k1_", self.now)
        if scheme in ("euler", "exponential"):
            steps = {name: h if scheme == "euler" else _name(f"_h_{name}") for name in self.states}
            ends = {name: _mul(steps[name], k1[name]) for name in self.states}
        elif scheme == "heun":
            middle = {row.name: self.moved(row, _mul(h, k1[row.name]), jump=True) for row in self.model.states}
            k2 = self.drift("_k2_", self.held("_y1_", middle))
            half = self.let("_half", _mul(_f32(0.5), h))
            ends = {name: _mul(half, _add(k1[name], k2[name])) for name in self.states}
        else:
            half = self.let("_half", _mul(_f32(0.5), h))
            k = [k1]
            for stage, step in ((2, half), (3, half), (4, h)):
                at = {row.name: self.moved(row, _mul(step, k[-1][row.name]), jump=False) for row in self.model.states}
                k.append(self.drift(f"_k{stage}_", self.held(f"_y{stage}_", at)))
            sixth = self.let("_sixth", _mul(_f32(0.1666666716337204), h))
            ends = {
                name: _mul(sixth, _add(_add(k[0][name], _mul(_f32(2.0), _add(k[1][name], k[2][name]))), k[3][name]))
                for name in self.states
            }
        found = {}
        for row in self.model.states:
            end = k1[row.name] if row.instant else self.moved(row, ends[row.name], jump=True)
            found[row.name] = self.wrapped(row, end)
        return found

    def held(self, prefix: str, values: Names) -> dict[str, ir.Expr]:
        """Put the states of a stage into variables."""
        return {name: self.let(prefix + name, value) for name, value in values.items()}

    def drift(self, prefix: str, at: Names) -> dict[str, ir.Expr]:
        results = self.inlined(checked_derivatives(self.model), prefix, at)
        for term in self.variant.noise:
            if term.kind == "ornstein_uhlenbeck" and term.target in self.states:
                k = self.states.index(term.target)
                results[k] = _add(results[k], _name(f"_e_{term.target}"))
        return {name: self.let(f"{prefix}_of_{name}", value) for name, value in zip(self.states, results, strict=True)}

    def moved(self, row: RegionState, change: ir.Expr, jump: bool) -> ir.Expr:
        """The state and its change, and its noise where `jump`, within the bounds."""
        value = _add(self.now[row.name], change)
        if jump and any(term.target == row.name and term.kind != "ornstein_uhlenbeck" for term in self.variant.noise):
            value = _add(value, _name(f"_w_{row.name}"))
        return self.bounded(row, value)

    def bounded(self, row: RegionState, value: ir.Expr) -> ir.Expr:
        """Within the bounds; what is not a number stays so."""
        if row.low == -math.inf and row.high == math.inf:
            return value
        value = self.let(f"_free_{row.name}", value)
        if row.low > -math.inf:
            low = _f32(row.low)
            value = self.let(f"_free_{row.name}", ir.Select(ir.Compare("<", value, low), low, value, "f32"))
        if row.high < math.inf:
            high = _f32(row.high)
            value = self.let(f"_free_{row.name}", ir.Select(ir.Compare(">", value, high), high, value, "f32"))
        return value

    def wrapped(self, row: RegionState, value: ir.Expr) -> ir.Expr:
        """A phase within one period around 0; a step turns it by less than one."""
        if not row.period:
            return value
        half, whole, name = _f32(row.period / 2.0), _f32(row.period), f"_turned_{row.name}"
        value = self.let(name, value)
        below = ir.Select(ir.Compare(">=", value, half), _sub(value, whole), value, "f32")
        value = self.let(name, below)
        return ir.Select(ir.Compare("<", value, _f32(-row.period / 2.0)), _add(value, whole), value, "f32")

    def sent(self) -> list[ir.Expr]:
        """Values of the sent variables, for the states as they are now."""
        values = {**self.now, **self.outputs(set(self.variant.sent), "_out_")}
        return [values[name] for name in self.variant.sent]

    def outputs(self, needed: set[str], prefix: str) -> dict[str, ir.Expr]:
        """Outputs, where any of them is needed."""
        names = [row.name for row in self.model.outputs]
        function = checked_output(self.model)
        if function is None or not needed & set(names):
            return {}
        return dict(zip(names, self.inlined(function, prefix, self.now), strict=True))


def step_arguments(variant: RegionVariant) -> tuple[str, ...]:
    """Names of the float32 arguments of the step, in order."""
    return (
        *(row.name for row in variant.model.states),
        *(f"_p_{target}" for target in variant.processes),
        *(row.name for row in variant.model.delays),
        *(f"_i{slot}" for slot in range(variant.n_slots)),
        "I_stim",
        *(f"_z_{term.target}" for term in variant.noise),
        *variant.constants,
    )
