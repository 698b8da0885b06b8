"""All models of dtbsim with parameters, inputs and currents drawn for them, so that a new one is tested as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, Parameter, Receptor, example_model, list_models

N = 67
TRIES = 200
TRIAL_STEPS = 400
STEPS_MS = (0.1, 0.05, 0.025, 0.01, 0.005)
CURRENTS = (3000.0, 300.0, 30.0, 3.0, 0.3)
QUANTA = {"pA": 1.0, "mV": 0.03125, "nS": 0.0625, "1": 0.0078125, "": 0.0078125}


def every_model() -> dict[str, NeuronModel]:
    """Return all models that have an update function, and the forms of them that step populations."""
    found = {}
    for name in list_models():
        model = example_model(name)
        if model.is_source:
            continue
        found[name] = model
        simple = model.simplify({})
        watched = simple.with_states([row.name for row in model.states])
        for form in (simple, watched):
            if type(form) is not type(model):
                found[f"{name}, {type(form).__name__}"] = form
    return found


def step_ms(model: NeuronModel) -> float:
    """Return the largest of the usual time steps that the model takes with its defaults."""
    for dt_ms in STEPS_MS:
        try:
            model.check({}, dt_ms)
        except InputError:
            continue
        return dt_ms
    raise AssertionError(f"{model.name} takes none of {STEPS_MS} ms with its defaults")


def drawn(row: Parameter, draw: np.random.Generator) -> float:
    """Return a value within the bounds where both are finite, else the default +- 20 % within its bounds."""
    if row.whole:
        spread = max(0.2 * abs(row.default), 4.0)
        return float(
            draw.integers(max(row.low + (row.low > 0), row.default - spread), min(row.high, row.default + spread) + 1)
        )
    if np.isfinite(row.low) and np.isfinite(row.high) and row.high - row.low < 1000:
        low, high = row.low, row.high
    else:
        spread = 0.2 * (abs(row.default) or 1.0)
        low, high = max(row.low, row.default - spread), min(row.high, row.default + spread)
    margin = 0.01 * (high - low)
    return float(draw.uniform(low + margin, high - margin))


def parameter_set(model: NeuronModel, seed: int, spread: bool = False) -> dict[str, Any]:
    """Return parameters that the model allows, one number each or with `spread` one per neuron; taus all differ."""
    draw = np.random.default_rng(seed)
    if not spread:
        return _allowed_set(model, draw)
    sets = [_allowed_set(model, draw) for _ in range(N)]
    return {name: np.array([values[name] for values in sets]) for name in sets[0]}


def _allowed_set(model: NeuronModel, draw: np.random.Generator) -> dict[str, float]:
    for _ in range(TRIES):
        values = {row.name: drawn(row, draw) for row in model.parameters}
        try:
            model.check(values, step_ms(model))
        except InputError:
            continue
        taus = [value for name, value in values.items() if name.startswith("tau_")]
        assert len(set(taus)) == len(taus)
        return values
    raise AssertionError(f"{model.name} refuses {TRIES} parameter sets near its defaults")


@dataclass(frozen=True)
class Input:
    """A random input: integers per channel with the weight `quanta`, and a current per neuron up to `current`."""

    quanta: tuple[float, ...]
    negative: tuple[bool, ...]
    current: float

    def steps(self, number: int, seed: int) -> Iterator[tuple[dict[int, Any], Any]]:
        """Yield (integers by channel, currents) of every step."""
        draw = np.random.default_rng(seed)
        for _ in range(number):
            integers = {
                channel: draw.integers(-60 if negative else 0, 70, N) * (draw.random(N) < 0.3)
                for channel, negative in enumerate(self.negative)
            }
            yield integers, self.current * np.geomspace(1e-3, 1.0, N) * draw.uniform(0.5, 1.0, N)


def population(
    model: NeuronModel, parameters: dict[str, Any], given: Input, call: Callable[..., Any] | None = None
) -> SinglePopulation:
    """Return N neurons; `call` is a kernel to use instead of the compiled one."""
    stim = model.uses_current
    return SinglePopulation(model, N, step_ms(model), parameters, quanta=given.quanta, use_stim=stim, call=call)


WHOLE = {"loihi_lif": 256.0, "spinnaker_if_curr_exp": 512.0, "truenorth": 1.0}
"""Weights of models that take whole numbers."""


def quantum(model: NeuronModel, row: Receptor, factor: float) -> float:
    """Return the weight of an integer of the input."""
    if row.takes == "count":
        return 1.0
    return WHOLE[model.name] if row.takes in ("whole", "unsigned") else factor * QUANTA[row.weight_unit]


def fitting_input(model: NeuronModel, parameters: dict[str, Any]) -> Input:
    """Return the strongest of some inputs under which all states stay finite (NaNs have no bits to compare)."""
    ports = [next(row for row in model.receptors if c in (row.channel, row.watched)) for c in range(len(model.inputs))]
    negative = tuple(row.weight_unit != "nS" and row.takes not in ("count", "unsigned") for row in ports)
    for factor, current in ((f, c) for f in (1.0, 0.125, 0.015625) for c in CURRENTS):
        quanta = tuple(quantum(model, row, factor) for row in ports)
        given = Input(quanta, negative, current)
        tried = population(model, parameters, given)
        for integers, currents in given.steps(TRIAL_STEPS, 0):
            tried.step(integers, currents)
        if all(np.isfinite(tried.state(row.name)).all() for row in model.states):
            return given
    raise AssertionError(f"{model.name} becomes invalid under every input")


def first_difference(
    one: SinglePopulation, other: SinglePopulation, given: Input, steps: int
) -> tuple[int | None, int]:
    """Step both; return the first step at which any bit differs (None: none does), and the spikes until then."""
    spikes = 0
    for step, (integers, currents) in enumerate(given.steps(steps, 1)):
        spiked, also = one.step(integers, currents), other.step(integers, currents)
        spikes += int(spiked.sum())
        same = np.array_equal(spiked, also) and one.F.tobytes() == other.F.tobytes()
        if not (same and one.I.tobytes() == other.I.tobytes()):
            return step, spikes
    return None, spikes
