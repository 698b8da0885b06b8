"""Spikes do not depend on what is recorded, nor on how a number was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.every_model import fitting_input, parameter_set, step_ms
from tests.helpers.model_zoo import NAMES, PORTED, WHOLE, weight_of
from tests.helpers.networks import network_of, simulate
from tests.helpers.single_population import SinglePopulation
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.models import NeuronModel, example_model

MODELS = {name: example_model(name) for name in NAMES if example_model(name).states}
SIZE = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("observers")
    save_small_atlas(folder)
    return folder


def recurrent(name: str, extra: str = "") -> str:
    """A population of one model that drives itself through all of its ports, in regions, with random initial states."""
    model = MODELS[name]
    ports = f", receptors: {PORTED[name]}" if name in PORTED else ""
    lines = [
        f"simulation: {{dt_ms: {step_ms(model)}, duration_ms: 60, block_size: 16}}",
        "seed: 5",
        "atlas: small.npz",
        "populations:",
        f"  P: {{model: {name}, size: {SIZE}, regions: [A_L, B_L]{ports}}}",
        "projections:",
    ]
    for port in model.receptors:
        key, size = weight_of(name, port)
        signs = (1.0, -0.7) if port.takes in ("any", "whole") else (1.0,)
        for k, sign in enumerate(signs):
            low, high = sorted((0.1 * sign * size, 0.4 * sign * size))
            weight = f"{{distribution: uniform, low: {low}, high: {high}}}" if name not in WHOLE else str(int(high))
            lines.append(
                f"  {port.name}_{k}: {{source: P, target: P, scope: all, receptor: {port.name}, {key}: {weight}, "
                "rule: {kind: fixed_indegree, indegree: 4}, delay_ms: 1}"
            )
    lines.append("drives:")
    port = model.receptors[0]
    key, weight = weight_of(name, port)
    lines.append(f"  on: {{kind: poisson, target: P, receptor: {port.name}, rate_hz: 4000, {key}: {weight}}}")
    return "\n".join([*lines, extra]).replace("'", "")


def spikes(text: str, folder: Path, *overrides: str) -> Any:
    return simulate(network_of(text, *overrides, base_dir=folder))


# -- recording --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_recording_any_state_changes_no_spike(name: str, folder: Path) -> None:
    text = recurrent(name)
    expected = spikes(text, folder)
    assert len(expected) > 30
    states = [row.name for row in MODELS[name].states]
    for chosen in [*([state] for state in states), states]:
        item = f"record.states=[{{population: P, variables: [{', '.join(chosen)}], neurons: 3}}]"
        assert np.array_equal(spikes(text, folder, item), expected), chosen


@pytest.mark.parametrize("name", MODELS)
def test_a_form_with_more_states_gives_the_same_bits(name: str) -> None:
    """All states that both have, under inputs through channels that one of them tells apart."""
    model = MODELS[name]
    for seed in (1, 2, 3):
        parameters = parameter_set(model, seed)
        if "tau_syn_ex_ms" in parameters:
            parameters["tau_syn_in_ms"] = parameters["tau_syn_ex_ms"]
        parameters |= {key: 0.0 for key in ("Mg_mM", "beta_per_ms") if key in parameters}
        plain = model.simplify(parameters)
        for state in [row.name for row in model.states]:
            compare(plain, plain.with_states([state]), parameters, seed)


def compare(plain: NeuronModel, watched: NeuronModel, parameters: dict[str, Any], seed: int) -> None:
    if plain is watched:
        return
    own = len(watched.inputs) - watched.n_watched_inputs
    given = fitting_input(plain, parameters)
    apart = watched.n_watched_inputs or 1
    kept = np.tile(np.eye(apart), own) if watched.n_watched_inputs else np.zeros((0, own))
    mix = np.vstack([np.repeat(np.eye(own), apart, axis=1), kept])
    groups = [c // apart for c in range(own * apart)]
    n, dt_ms, stim, quanta = 67, step_ms(plain), plain.uses_current, np.repeat(given.quanta, apart).tolist()
    one = SinglePopulation(plain, n, dt_ms, parameters, quanta=given.quanta, use_stim=stim)
    other = SinglePopulation(watched, n, dt_ms, parameters, quanta=quanta, mix=mix, groups=groups, use_stim=stim)
    draw = np.random.default_rng(seed)
    fired, common = 0, {row.name for row in plain.states} & {row.name for row in watched.states}
    for step, (integers, current) in enumerate(given.steps(600, seed)):
        big = 2**25 + 1 if step % 50 == 7 else 0  # sums beyond what float32 holds, equal and opposite
        split: dict[int, Any] = {}
        for channel, values in integers.items():
            parts = [draw.integers(-20, 20, n) for _ in range(apart - 1)]
            split |= {channel * apart + k: part for k, part in enumerate(parts)}
            split[channel * apart + apart - 1] = values - sum(parts)
            if apart > 1:
                split[channel * apart] = split[channel * apart] + big
                split[channel * apart + 1] = split[channel * apart + 1] - big
        spiked, also = one.step(integers, current), other.step(split, current)
        assert np.array_equal(spiked, also), step
        fired += int(spiked.sum())
        for state in common:
            assert one.state(state).tobytes() == other.state(state).tobytes(), (step, state)
    assert fired > 20


def test_the_recorded_currents_of_ports_are_right(folder: Path) -> None:
    """Their sum is the shared current, and each is what its own spikes make of it."""
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 40}
populations:
  S: {model: spike_source, size: 2, spikes: {neuron: [0, 1, 0], time_ms: [2, 3, 9]}}
  P: {model: iaf_psc_exp, size: 1, initial: {I_syn_in_pA: -5}}
projections:
  ex: {source: S, target: P, rule: {kind: all_to_all}, receptor: ex, weight_pA: 100, delay_ms: 1}
  in: {source: S, target: P, rule: {kind: all_to_all}, receptor: in, weight_pA: -70, delay_ms: 2}
  both: {source: S, target: P, rule: {kind: all_to_all}, receptor: {ex: 0.75, in: 0.25}, weight_pA: 40, delay_ms: 3}
record: {states: [{population: P, variables: [I_syn_ex_pA, I_syn_in_pA]}]}
"""
    import dtbsim

    (folder / "ports.yaml").write_text(text)
    run = dtbsim.run(folder / "ports.yaml", out=folder / "ports").open().states(0)
    t = run.time_ms.values

    def sum_of(times_ms: list[float], weight: float) -> Any:
        after = [np.where(t >= x - 1e-9, np.exp(-(t - x) / 2.0), 0.0) for x in times_ms]
        return weight * np.sum(after, axis=0)

    sent = [2.0, 3.0, 9.0]
    ex = sum_of([x + 1 for x in sent], 100) + sum_of([x + 3 for x in sent], 30)
    inhibitory = sum_of([x + 2 for x in sent], -70) + sum_of([x + 3 for x in sent], 10) - 5 * np.exp(-t / 2.0)
    np.testing.assert_allclose(run.I_syn_ex_pA.values[:, 0], ex, atol=2e-3)
    np.testing.assert_allclose(run.I_syn_in_pA.values[:, 0], inhibitory, atol=2e-3)


# -- the same number --------------------------------------------------------------------------------------------------

WAYS = {
    "number": "{value}",
    "constant": "{{distribution: constant, value: {value}}}",
    "normal": "{{distribution: normal, mean: {value}, sd: 0}}",
    "map": "{{map: gradient, low: {value}, high: {value}}}",
    "regions": "{{regions: {{A_L: {value}}}, default: {value}}}",
    "spread": "{{regions: {{}}, default: {value}, relative_spread: {{distribution: normal, mean: 1, sd: 0}}}}",
    "list": "[{value}" + ", {value}" * (SIZE - 1) + "]",
    "file": "{{file: same.csv, column: '{value}'}}",
}


@pytest.mark.parametrize("name", MODELS)
def test_a_number_may_be_written_in_any_way(name: str, folder: Path) -> None:
    model, text = MODELS[name], recurrent(name)
    expected = spikes(text, folder)
    starts = {
        key: value
        for key, value in model.initial_states({}).items()
        if (value != 0.0 or not model.state(key).offset) and not model.state(key).starts_at
    }
    used = {float(row.default) for row in model.parameters}
    used |= {model.recorded(key, value, {}) for key, value in starts.items()}
    cells = [str(value) for value in sorted(used)]
    (folder / "same.csv").write_text("\n".join([",".join(cells)] * (SIZE + 1)) + "\n")
    for way in WAYS.values():
        given = [f"{row.name}: {way.format(value=float(row.default))}" for row in model.parameters]
        begun = [f"{key}: {way.format(value=model.recorded(key, value, {}))}" for key, value in starts.items()]
        overrides = [
            f"populations.P.parameters={{{', '.join(given)}}}",
            f"populations.P.initial={{{', '.join(begun)}}}",
        ]
        assert np.array_equal(spikes(text, folder, *overrides), expected), way


@pytest.mark.parametrize("name", MODELS)
def test_constants_of_one_neuron_are_those_of_many(name: str) -> None:
    """float64, exactly: whether parameters come as numbers or as arrays changes no constant."""
    model = MODELS[name]
    for seed in range(4):
        parameters = parameter_set(model, seed)
        one = model.constants(parameters, step_ms(model))
        many = model.constants({key: np.full(5, value) for key, value in parameters.items()}, step_ms(model))
        for key, value in one.items():
            assert np.array_equal(np.broadcast_to(many[key], 5), np.full(5, value)), key
        started, all_started = model.initial_states(parameters), model.initial_states({
            key: np.full(5, value) for key, value in parameters.items()
        })  # fmt: skip
        for key, value in started.items():
            assert np.array_equal(np.broadcast_to(all_started[key], 5), np.full(5, value)), key


@pytest.mark.parametrize(
    "change",
    [
        "projections.EE.weight_pA={distribution: constant, value: 40}",
        "projections.EE.weight_pA={distribution: normal, mean: 40, sd: 0}",
        "projections.EE.weight_pA=4e1",
        "projections.EE.weight_pA={regions: {A_L: 40}, default: 40}",
        "projections.EE.weight_pA={matrix: [[40, 40], [40, 40]]}",
        "projections.EE.weight_pA={matrix: [[40, 40], [40, 40]], relative_spread: {distribution: constant, value: 1}}",
        "projections.EE.rule.indegree={regions: {}, default: 10}",
        "projections.EE.rule.indegree={matrix: [[5, 5], [5, 5]]}",
        "projections.EE.rule.indegree={distribution: uniform, low: 9.9, high: 10.1}",
        f"projections.EE.rule.indegree={[10] * 60}",
        "projections.EE.delay_ms={regions: {A_L: 1.5}, default: 1.5}",
        "projections.EE.delay_ms={matrix: [[1.5, 1.5], [1.5, 1.5]]}",
        "projections.EE.delay_ms={regions: {}, default: 1, spread: {distribution: constant, value: 0.5}}",
        "projections.EE.delay_ms={distribution: constant, value: 1.5}",
        "projections.EE.delay_ms={distribution: normal, mean: 1.5, sd: 0}",
        "drives.bg.rate_hz={distribution: constant, value: 8000}",
        "drives.bg.rate_hz={map: gradient, low: 8000, high: 8000}",
        "drives.bg.rate_hz={regions: {A_L: 8000}, default: 8000}",
        "drives.bg.weight_pA={regions: {A_L: 55}, default: 55}",
        "populations.E.size={regions: {A_L: 60}, default: 60}",
        "drives.off={kind: dc, target: E, amplitude: 0}",
        "record.rate_bin_ms=null",
        "record.rate_bin_ms=0.7",
        "record.spikes=null",
        "record.correlations=[{first: E, second: I, tau_max_ms: 5}]",
        "bold={population: E, tr_ms: 40}",
    ],
)
def test_neither_notation_nor_observers_change_spikes(folder: Path, change: str) -> None:
    import dtbsim

    text = """\
atlas: small.npz
simulation: {dt_ms: 0.1, duration_ms: 120, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 60, regions: [A_L, B_L]}
  I: {model: iaf_psc_exp, size: 20, regions: [A_L, B_L]}
projections:
  EE: {source: E, target: E, scope: all, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1.5}
  IE: {source: I, target: E, scope: all, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: -200, delay_ms: 1.5}
drives: {bg: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 55}}
"""
    file = folder / "net.yaml"
    file.write_text(text)
    plain = folder / "plain"
    if not plain.exists():
        dtbsim.run(file, out=plain)
    expected = dtbsim.open_run(plain).summary
    name = "".join(x if x.isalnum() else "_" for x in change)[:90]
    found = dtbsim.run(file, out=folder / name, set=[change]).summary
    assert expected["spikes"] > 300
    assert found["spike_hash"] == expected["spike_hash"]
