"""A small network of regions in float64 numpy, from the Python text of a model: an oracle that shares no code with the
kernels, the checked form, or the engine.

Semantics: d_ij = rint(length / speed / dt) steps; c_i[n] = post(sum_j w_ij pre(x_i[n], x_j[n - d_ij])); all stages of a
step see c[n]; the history before t = 0 is the initial state.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from scipy import special

from dtbsim.models.region_model import RegionModel

Array = np.ndarray[Any, np.dtype[np.float64]]
_FUNCTIONS = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "erfc": special.erfc,
    "sqrt": np.sqrt, "abs": np.abs, "min": np.minimum, "max": np.maximum, "_where": np.where,
}  # fmt: skip


class _ForArrays(ast.NodeTransformer):
    """`a if c else b` and `and`, `or`, `not` for arrays; annotations and decorators are dropped."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return ast.Call(ast.Name("_where", ast.Load()), [node.test, node.body, node.orelse], [])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        op = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        result = node.values[0]
        for value in node.values[1:]:
            result = ast.BinOp(result, op, value)
        return result

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return ast.UnaryOp(ast.Invert(), node.operand) if isinstance(node.op, ast.Not) else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list, node.returns = [], None
        for argument in node.args.args:
            argument.annotation = None
        return node


def for_arrays(function: Callable[..., Any], scope: Mapping[str, Any]) -> Callable[..., Any]:
    """The function with numpy's elementary functions, and those of `scope`."""
    tree = _ForArrays().visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
    space: dict[str, Any] = {**_FUNCTIONS, **scope}
    exec(compile(ast.fix_missing_locations(tree), "<oracle>", "exec"), space)
    made: Callable[..., Any] = space[tree.body[0].name]
    return made


@cache
def functions_of(model: RegionModel) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Drift and output of a model for arrays."""
    scope: dict[str, Any] = {}
    for function in model.functions:
        scope[function.__name__] = for_arrays(function, scope)
    scope |= {table.name: table for table in model.lookups}
    return for_arrays(model.derivatives, scope), for_arrays(model.output, scope) if model.outputs else None


class Oracle:
    """Drift and outputs of a model as float64 functions of arrays [region]."""

    def __init__(self, model: RegionModel, parameters: Mapping[str, Any], dt_ms: float) -> None:
        self.model, self.dt_ms = model, dt_ms
        values = {k: np.asarray(v, np.float64) for k, v in model.complete({}).items()} | dict(parameters)
        for name in parameters:
            model.parameter(name)
        self.values = {**values, **model.derive(values, dt_ms), "dt_ms": dt_ms}
        self._drift, self._output = functions_of(model)

    def _call(self, function: Callable[..., Any], x: Array, given: Mapping[str, Any]) -> tuple[Any, ...]:
        states = dict(zip([row.name for row in self.model.states], x, strict=True))
        inputs = {f"in_{row.name}": 0.0 for row in self.model.inputs} | {"I_stim": 0.0} | dict(given)
        inputs |= {delay.name: inputs.get(delay.name, states[delay.state]) for delay in self.model.delays}
        found = {**self.values, **inputs, **states}
        result = function(**{name: found[name] for name in inspect.signature(function).parameters})
        return result if isinstance(result, tuple) else (result,)

    def drift(self, x: Array, **given: Any) -> Array:
        """d/dt of states x [state, region] for inputs `in_...`."""
        return np.array([np.broadcast_to(v, x.shape[1:]) for v in self._call(self._drift, x, given)])

    def outputs(self, x: Array, **given: Any) -> dict[str, Array]:
        """Outputs by name."""
        if self._output is None:
            return {}
        return dict(zip([row.name for row in self.model.outputs], self._call(self._output, x, given), strict=True))

    def variable(self, x: Array, name: str) -> Array:
        """A state or output."""
        names = [row.name for row in self.model.states]
        return x[names.index(name)] if name in names else self.outputs(x)[name]

    def step(self, x: Array, scheme: str, **given: Any) -> Array:
        """One step of a scheme without noise."""
        h = self.dt_ms
        k1 = self.drift(x, **given)
        if scheme == "euler":
            instant = np.array([row.instant for row in self.model.states])[:, None]
            return self._bounded(np.where(instant, k1, x + h * k1))
        if scheme == "heun":
            k2 = self.drift(self._bounded(x + h * k1), **given)
            return self._bounded(x + 0.5 * h * (k1 + k2))
        k2 = self.drift(self._bounded(x + 0.5 * h * k1), **given)
        k3 = self.drift(self._bounded(x + 0.5 * h * k2), **given)
        k4 = self.drift(self._bounded(x + h * k3), **given)
        return self._bounded(x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4))

    def _bounded(self, x: Array) -> Array:
        rows = self.model.states
        return np.array([np.clip(value, row.low, row.high) for row, value in zip(rows, x, strict=True)])


Pre = Callable[[Array | None, Array], Array]


class Link:
    """A coupling from a variable of the regions to an input of them, over weights [target, source] and delays."""

    def __init__(
        self,
        variable: str,
        into: str,
        weights: Array,
        delays: Any,
        pre: Pre = lambda own, other: other,
        post: Callable[[Array], Array] = lambda total: total,
    ) -> None:
        self.variable, self.into, self.weights, self.pre, self.post = variable, into, weights, pre, post
        self.delays = np.asarray(delays, np.int64)
        self.history: list[Array] = []

    def total(self, own: Array) -> Array:
        """What arrives in this step, whose values of the variable are `own`."""
        longest = int(self.delays.max())
        self.history = [*(self.history or [own] * longest), own][-(longest + 1) :]
        past = np.array(self.history)
        other = past[-1 - self.delays, np.arange(own.size)[None]]
        return self.post((self.weights * self.pre(own[:, None], other)).sum(axis=1))


def simulate(
    oracle: Oracle,
    initial: Array,
    links: list[Link],
    scheme: str,
    n_steps: int,
    given: Callable[[int], Mapping[str, Any]] = lambda step: {},
) -> Array:
    """States after each step, [step, state, region]."""
    x, found = np.array(initial, np.float64), []
    lines: dict[str, list[Array]] = {}
    for step in range(n_steps):
        inputs: dict[str, Any] = dict(given(step))
        for delay in oracle.model.delays:
            own = oracle.variable(x, delay.state)
            steps = int(np.rint(oracle.values[delay.parameter] / oracle.dt_ms))
            line = lines.setdefault(delay.name, [own] * steps)
            inputs[delay.name] = line.pop(0)
            line.append(own)
        for link in links:
            key = f"in_{link.into}"
            inputs[key] = inputs.get(key, 0.0) + link.total(oracle.variable(x, link.variable))
        x = oracle.step(x, scheme, **inputs)
        found.append(x)
    return np.array(found)
