"""Times and steps: one rule for all of them, decided on decimal numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from tests.helpers.networks import network_of

from dtbsim.clock import (
    MAX_STEPS,
    grid_problem,
    nearest_step,
    nearest_steps,
    off_grid,
    step_at_or_after,
    steps_of,
    time_of,
    whole_steps,
)
from dtbsim.config import load_config_text
from dtbsim.config.bounds import MAX_BLOCKS
from dtbsim.config.fields import field_annotation, leaves
from dtbsim.config.run import RunConfig
from dtbsim.config.schema import json_schema
from dtbsim.config.times import grid_times
from dtbsim.errors import InputError

STEPS_MS = ("0.1", "0.2", "0.25", "0.5", "0.7", "0.01", "0.05", "1", "0.3", "0.125", "3")


@pytest.mark.parametrize("dt", STEPS_MS)
def test_times_count_as_the_decimal_numbers_that_they_are(dt: str) -> None:
    """Against decimal arithmetic: which are whole, and where all others go."""
    tenths = [
        Decimal(dt) * k / 20 for k in (*range(400), *range(10**6, 10**6 + 400), *range(2 * 10**9, 2 * 10**9 + 40))
    ]
    times = np.array([float(time) for time in tenths])
    exact = [time / Decimal(dt) for time in tenths]
    expected = [int(steps.to_integral_value(ROUND_HALF_UP)) for steps in exact]
    assert nearest_steps(times, float(dt)).tolist() == expected
    assert [nearest_step(time, float(dt)) for time in times.tolist()] == expected
    whole = [steps == steps.to_integral_value() for steps in exact]
    assert (~off_grid(times, float(dt))).tolist() == whole
    assert [whole_steps(float(time), float(dt)) is not None for time in tenths] == whole


@pytest.mark.parametrize("k", [1, 3, 7, 1000, 123_457, 10**7 + 1, MAX_STEPS])
@pytest.mark.parametrize("dt", [float(dt) for dt in STEPS_MS])
def test_products_and_sums_of_steps_are_whole(k: int, dt: float) -> None:
    assert steps_of(k * dt, dt) == k
    assert steps_of(time_of(k, dt), dt) == nearest_step(k * dt, dt) == step_at_or_after(k * dt, dt) == k
    assert step_at_or_after(k * dt + 1e-3 * dt, dt) == k + 1
    assert steps_of(sum([dt] * 10), dt) == 10
    assert not off_grid(np.arange(0, 50, dt), dt).any()


def test_what_is_off_the_grid_is_named_with_its_neighbours() -> None:
    assert grid_problem(0.25, 0.1) == ("0.25 ms is not a whole number of steps of 0.1 ms", "nearest: 0.2 and 0.3 ms")
    assert grid_problem(1000, 0.3) == (
        "1000 ms is not a whole number of steps of 0.3 ms",
        "nearest: 999.9 and 1000.2 ms",
    )
    assert grid_problem(0.3, 0.1) is None
    assert grid_problem(-0.3, 0.1) is None
    with pytest.raises(InputError, match=r"nearest: 1 and 1\.1 ms"):
        steps_of(1.05, 0.1)
    with pytest.raises(InputError, match=r"^window_ms: 1\.05 ms is not"):
        steps_of(1.05, 0.1, "window_ms")


@pytest.mark.parametrize("time_ms", [0.0, 0.3, 9.8, 720.0, 12_345.6, 1e8, 214_735_257.6])
def test_a_time_that_was_compiled_is_the_same_again(time_ms: float) -> None:
    assert time_of(steps_of(time_ms, 0.1), 0.1) == time_ms


@pytest.mark.parametrize("time_ms", [MAX_STEPS * 0.1 + 0.1, 1e12, 1e300, 1.7e308, -1e300])
def test_more_steps_than_can_be_counted_are_refused(time_ms: float) -> None:
    problem = grid_problem(time_ms, 0.1)
    assert problem is not None
    assert "at most 2,147,352,576 can be counted" in problem[0]
    assert problem[1] == "allowed with this dt_ms: up to 214735257.6 ms"


def test_numbers_of_single_precision_are_within_it() -> None:
    times = (np.arange(1, 50_000) * 0.1).astype(np.float32)
    eps = float(np.finfo(np.float32).eps)
    assert not off_grid(times, 0.1, eps).any()
    assert nearest_steps(times, 0.1, eps).tolist() == list(range(1, 50_000))
    assert off_grid(times + np.float32(0.03), 0.1, eps).all()


# -- the vocabulary ---------------------------------------------------------------------------------------------------

EVERYTHING = """\
atlas: aal2
simulation: {dt_ms: 0.1, duration_ms: 10}
checkpoint: {every_ms: 5}
circuits:
  C: {kind: balanced_ei, delay_ms: 1}
changes:
  once: {population: I, t_ms: 2, set: {V_th_mV: -50}}
  wave: {population: I, sine: {I_e_pA: {mean: 300, amplitude: 5, frequency_hz: 40, interval_ms: 1, stop_ms: 8}}}
populations:
  E: {model: iaf_psc_exp, size: 20, regions: all}
  I: {model: iaf_psc_exp, size: 20}
  R: {model: linear, regions: all}
  S: {model: spike_source, size: 1, spikes: {neuron: [0], time_ms: [1]}}
projections:
  constant: {source: I, target: I, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1}
  one: {source: I, target: I, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: {distribution: constant, value: 1}}
  tract:
    {source: E, target: E, scope: connectome, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 1,
     delay_ms: {tract_velocity_m_per_s: 10, minimum_ms: 1}}
  plastic:
    {source: I, target: I, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1,
     synapse: {kind: stdp_dopamine, dopamine: I, weight_max: 2, frozen_ms: [[1, 2]], update_interval_ms: 1}}
couplings:
  number: {source: R, target: R, delay_ms: 1}
  tract: {source: R, target: R, delay_ms: {tract_velocity_m_per_s: 10, minimum_ms: 1}}
drives:
  dc: {kind: dc, target: I, amplitude: 1, start_ms: 1, stop_ms: 9, windows_ms: [[2, 3]]}
  stairs: {kind: step_current, target: I, times_ms: [1, 2], amplitudes: [1, 2]}
  noise: {kind: noise_current, target: I, std: 1, dt_ms: 1}
  pulses: {kind: pulse_train, target: I, amplitude: 1, frequency_hz: 10, width_ms: 1, recovery_ms: 1}
  series: {kind: current_series, target: I, file: x.npy, interval_ms: 1}
  source: {kind: poisson, target: I, rate_hz: 1, weight_pA: 1, as_source: true, delay_ms: 2}
controllers:
  tonic:
    {kind: homeostatic_tonic, population: E, target_rate_hz: 4, interval_ms: 1, average_from_ms: 1, average_until_ms: 9,
     stages: [{start_ms: 0, eta: 1}]}
  scaling: {kind: synaptic_scaling, projection: plastic, target_rate_hz: 4, interval_ms: 1, eta: 0.1}
record:
  spikes: {start_ms: 1, stop_ms: 2}
  states: [{population: E, variables: [V_m_mV], interval_ms: 1}]
  weights: [{projection: plastic, interval_ms: 1}]
  correlations: [{first: E, second: I, tau_max_ms: 2, bin_ms: 1, start_ms: 1, stop_ms: 9}]
  rate_bin_ms: 1
bold: {population: E, tr_ms: 2, discard_ms: 1}
signals:
  field: {kind: lfp, population: E, interval_ms: 1, excitatory_delay_ms: 6}
  power: {kind: spectrum, of: field, segment_ms: 50}
analysis: {statistics_start_ms: 1}
"""
ELSEWHERE = {
    "dt_ms": "simulation.dt_ms is the step itself",
    "max_delay_ms": "a bound",
    "tau_": "time constants",
    "filter_tau_ms": "a time constant",
    "duration_ms": "of a ramp: used as it is",
    "time_ms": "listed spikes: `off_grid_spikes`",
    "times_ms": "of inhomogeneous_poisson: the rate is integrated over each step; of pulse_packet: centres",
    "sdev_ms": "of pulse_packet: a standard deviation",
}


def times_of(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[tuple[str, str]]:
    """(class, field) of every time in the vocabulary."""
    found: set[tuple[str, str]] = set()
    if model in seen:
        return found
    seen.add(model)
    for name, field in model.model_fields.items():
        if name.endswith("_ms") and not name.endswith("per_ms"):
            found.add((model.__name__, name))
        for inner in classes_in(field_annotation(field)):
            found |= times_of(inner, seen)
    return found


def classes_in(annotation: Any) -> list[type[BaseModel]]:
    """Those of an annotation, kinds of a registry among them."""
    found: list[type[BaseModel]] = []
    for leaf in leaves(annotation):
        found += [leaf.model] if leaf.model is not None else classes_in(leaf.item) if leaf.item is not None else []
    return found


def test_every_time_of_the_vocabulary_is_on_the_grid_or_listed_as_not() -> None:
    checked = {path[-1] if not path[-1].isdigit() else next(p for p in reversed(path) if not p.isdigit())
               for path, _ in grid_times(load_config_text(EVERYTHING))}  # fmt: skip
    checked |= {"delay_ms"}
    for owner, name in times_of(RunConfig, set()):
        listed = [why for start, why in ELSEWHERE.items() if name.startswith(start)]
        assert name in checked or listed, (owner, name)


def test_every_time_off_the_grid_is_an_error_at_its_place() -> None:
    config = load_config_text(EVERYTHING)
    paths = [path for path, time_ms in grid_times(config) if time_ms is not None]
    assert len(paths) > 30
    for path in paths:
        value = next(time for found, time in grid_times(config) if found == path)
        key = ".".join(path)
        with pytest.raises(InputError) as caught:
            load_config_text(EVERYTHING, overrides=[f"{key}={value + 0.04}"])
        error = caught.value
        assert f"{value + 0.04:.12g} ms is not a whole number of steps of 0.1 ms" in error.message, key
        assert error.where == f"--set {key}"
        assert (error.remedy or "").startswith(f"nearest: {value:.12g} and {value + 0.1:.12g} ms")


def test_one_value_distributions_are_constants() -> None:
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 10}
populations: {A: {model: iaf_psc_exp, size: 4}}
projections: {p: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: DELAY}}
"""
    for delay in ("1.55", "{distribution: constant, value: 1.55}", "{distribution: normal, mean: 1.55, sd: 0}"):
        with pytest.raises(InputError, match=r"1\.55 ms is not a whole number of steps of 0\.1 ms"):
            network_of(text.replace("DELAY", delay))


def test_bounds_to_which_delays_are_clipped_are_on_the_grid() -> None:
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 10}
populations: {A: {model: iaf_psc_exp, size: 4}}
projections: {p: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: DELAY}}
"""
    for kind in ("normal, mean: 1.5, sd: 0.3", "lognormal, mean: 1.5, sd: 0.3"):
        for bound, given in (("low", 1.23), ("high", 1.87)):
            drawn = f"{{distribution: {kind}, low: 0.5, high: 3, outside: clip}}".replace(
                f"{bound}: {0.5 if bound == 'low' else 3}", f"{bound}: {given}"
            )
            with pytest.raises(InputError, match=rf"p\.delay_ms\.{bound}: {given} ms is not a whole number of steps"):
                network_of(text.replace("DELAY", drawn))
            network_of(text.replace("DELAY", drawn.replace("clip", "redraw")))
    exponential = "{distribution: exponential, mean: 2, low: 0.15, high: 3, outside: clip}"
    network_of(text.replace("DELAY", exponential))
    with pytest.raises(InputError, match=r"p\.delay_ms\.high: 3\.04 ms is not a whole number of steps"):
        network_of(text.replace("DELAY", exponential.replace("3,", "3.04,")))


def test_what_is_rounded_is_noted_once() -> None:
    text = """\
atlas: aal2
simulation: {dt_ms: 0.1, duration_ms: 10}
populations: {A: {model: iaf_psc_exp, size: 4, regions: all}}
projections:
  tract: {source: A, target: A, scope: connectome, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 1, \
delay_ms: {tract_velocity_m_per_s: 7}}
  drawn: {source: A, target: A, scope: same_region, rule: {kind: all_to_all}, weight_pA: 1, \
delay_ms: {distribution: uniform, low: 1, high: 2}}
  fixed: {source: A, target: A, scope: same_region, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1}
"""
    (note,) = network_of(text).notes
    assert note.endswith("nearest whole step of 0.1 ms: tract, drawn")


def test_the_default_bin_follows_the_step_and_a_given_one_does_not() -> None:
    text = "simulation: {dt_ms: DT, duration_ms: 21}\npopulations: {A: {model: iaf_psc_exp, size: 1}}\n"
    assert load_config_text(text.replace("DT", "0.1")).record.rate_bin_ms == 10
    assert load_config_text(text.replace("DT", "0.7")).record.rate_bin_ms == 9.8
    assert load_config_text(text.replace("DT", "0.3")).record.rate_bin_ms == 9.9
    assert load_config_text(text.replace("DT", "4").replace("21", "20")).record.rate_bin_ms == 12, "halves go up"
    with pytest.raises(InputError, match=r"record\.rate_bin_ms: 10 ms is not a whole number of steps of 0\.7 ms"):
        load_config_text(text.replace("DT", "0.7"), overrides=["record.rate_bin_ms=10"])


# -- sizes ------------------------------------------------------------------------------------------------------------


def test_every_number_of_the_vocabulary_has_bounds() -> None:
    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            if node.get("type") in ("number", "integer") and "const" not in node:
                low = node.get("minimum", node.get("exclusiveMinimum"))
                high = node.get("maximum", node.get("exclusiveMaximum"))
                assert low is not None, path
                assert high is not None, path
                assert high <= 3.5e38, path
            for key, item in node.items():
                walk(item, f"{path}.{key}")
        if isinstance(node, list):
            for item in node:
                walk(item, path)

    walk(json_schema(), "")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("simulation.duration_ms", "1e300", "1e+300 is too large"),
        ("simulation.duration_ms", "214749000", "2,147,490,000 steps of 0.1 ms; at most 2,147,352,576 can be counted"),
        ("simulation.dt_ms", "1e-300", "got 1e-300"),
        ("simulation.stuck_timeout_s", "1e300", "1e+300 is too large; allowed: up to 10000000 in size"),
        ("simulation.threads", "1000000000", "got 1000000000"),
        ("record.rate_bin_ms", "1e300", "1e+300 is too large"),
        ("record.states.0.interval_ms", "1e11", "1e+11 is too large"),
        ("record.states.0.interval_ms", "1e10", "100,000,000,000 steps"),
        ("bold.tr_ms", "1e308", "1e+308 is too large"),
        ("populations.I.size", "274877906945", "got 274877906945"),
        ("populations.I.size", "1e400", "got .inf"),
        ("circuits.C.size_E", "274877906945", "got 274877906945"),
        ("circuits.C.indegree_E", "1e30", "got 1e+30"),
        ("circuits.C.weight_EE_mV", "1e300", "1e+300 is too large"),
        ("populations.I.parameters", "{tau_m_ms: 1e39}", "tau_m_ms: 1e+39 is too large"),
        ("populations.I.parameters", "{I_e_pA: {distribution: lognormal, mean: 1e38, sd: 1e39}}", "1e+39 is too large"),
        ("projections.constant.weight_pA", "1e39", "1e+39 is too large"),
        ("drives.dc.amplitude", "-1e39", "-1e+39 is too large"),
        ("drives.stairs.amplitudes", "[1, 1e39]", "1e+39 is too large"),
        ("seed", "18446744073709551616", "got 18446744073709551616"),
    ],
)  # fmt: skip
def test_numbers_beyond_the_engine_are_refused(key: str, value: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(EVERYTHING, overrides=[f"{key}={value}"])
    assert said in str(caught.value)
    assert key in (caught.value.where or "")


def test_values_that_float32_cannot_hold_are_refused_by_the_network() -> None:
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 10}
populations: {A: {model: iaf_psc_exp, size: 4}}
projections: {p: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1}}
"""
    wrong = {
        "populations.A.parameters={V_th_mV: 3e38, E_L_mV: -3e38}": "theta_mV = 6e+38",
        "populations.A.parameters={I_e_pA: {distribution: lognormal, mean: 3e38, sd: 3e38}}": "float32",
        "populations.A.initial={V_m_mV: {distribution: normal, mean: 0, sd: 3e38}}": "float32",
        "projections.p.weight_pA=1e-40": "too small for float32",
        "projections.p.synapse={kind: tsodyks_markram, U: 0.5, tau_rec_ms: 1e9}": "more than 20,000,000 steps",
    }
    for override, said in wrong.items():
        with pytest.raises(InputError) as caught:
            network_of(text, override)
        assert said in str(caught.value), override


def test_blocks_are_counted_before_they_are_made() -> None:
    text = "simulation: {duration_ms: 1, block_size: 16}\npopulations: {E: {model: iaf_psc_exp, size: 1000000000}}\n"
    with pytest.raises(InputError) as caught:
        network_of(text)
    assert str(caught.value) == (
        f"simulation.block_size: 62,500,000 blocks of 16 neurons; at most {MAX_BLOCKS:,} can be "
        "(raise block_size, to 239 or more)"
    )
    assert network_of(text, "simulation.block_size=239").n_neurons == 10**9
