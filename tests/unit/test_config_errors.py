"""Every way to write a wrong configuration: the line, the key path, what was given and what is allowed."""

# ruff: noqa: E501
from __future__ import annotations

import jsonschema
import pytest
from config_samples import BASE, assert_for_people, changed, line_of

from dtbsim.config import load_config_text
from dtbsim.config.schema import json_schema
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import InputError, MultipleInputError

RULES = "a mapping with kind: fixed_indegree | fixed_total_number | pairwise_bernoulli | all_to_all | one_to_one | fixed_outdegree | explicit | distance_dependent"
DRIVES = (
    "a mapping with kind: poisson | inhomogeneous_poisson | sinusoidal_poisson | gamma | sinusoidal_gamma | renewal | "
    "pulse_packet | dc | sinusoidal | ac | step_current | ramp | pulse_train | current_series | noise_current | "
    "ou_current | white_noise | spike_trains"
)
DRAWN = (
    "a number, or a mapping with distribution: constant | uniform | normal | truncated_normal | lognormal | exponential"
)
REGION = "a mapping with map, or a mapping with regions"
DELAY = f"allowed: {DRAWN}, or {REGION}, or a mapping with matrix, or a mapping with tract_velocity_m_per_s, or null"
OF_NEURONS = f"allowed: {DRAWN}, or {REGION}, or a mapping with file"
VALUE = f"{OF_NEURONS}, or a non-empty list (each: a number)"
RATE = f"{OF_NEURONS}, or a non-empty list (each: a number at least 0)"
SIZES = "allowed: a whole number at least 1 and at most 274877906944"
SIZE = f"{SIZES}, or {REGION}, or null"
REGIONS = "allowed: all | left | right, or a non-empty list of texts, or a mapping with all_but, or null"
NAME = "allowed: a text of letters, digits and _ . - that starts with a letter or digit"
DELAY_EE = "{distribution: uniform, low: 1, high: 2}"
TAU = "{distribution: normal, mean: 10, sd: 1}"

# (replace this, by this, text at the start of the line reported, the error after `net.yaml:LINE: `)
WRONG_UNIT = [
    ("duration_ms: 1000", "duration_s: 1", "duration_s", "simulation.duration_s: unknown key 'duration_s' (this key takes milliseconds: duration_ms (1 s = 1000 ms))"),
    ("duration_ms: 1000", "duration_seconds: 1", "duration_s", "simulation.duration_seconds: unknown key 'duration_seconds' (this key takes milliseconds: duration_ms (1 s = 1000 ms))"),
    ("duration_ms: 1000", "duration: 1", "duration: 1", "simulation.duration: unknown key 'duration' (the unit belongs in the name: duration_ms (milliseconds))"),
    ("rate_hz: 8000", "rate_khz: 8", "rate_khz", "drives.bg.rate_khz: unknown key 'rate_khz' with kind: poisson (this key takes hertz: rate_hz (8 khz = 8000 hz))"),
    ("target: E\n    rule: {kind: fixed_indegree, indegree: 8}\n    weight_pA: 87.8", "target: E\n    rule: {kind: fixed_indegree, indegree: 8}\n    weight_nA: 0.0878", "weight_nA", "projections.EE.weight_nA: unknown key 'weight_nA' (this key takes picoamperes: weight_pA (0.0878 nA = 87.8 pA))"),
    ("    weight_mV: 1\n", "    weight_mA: x\n", "weight_mA", "projections.long.weight_mA: unknown key 'weight_mA' (this key takes picoamperes: weight_pA)"),
    ("    weight_mV: 1\n", "    weight_um: 1\n", "weight_um", "projections.long.weight_um: unknown key 'weight_um' (this key takes millivolts: weight_mV or nanosiemens: weight_nS or picoamperes: weight_pA)"),
    ("tract_velocity_m_per_s: 10", "tract_velocity: 10", "delay_ms: {tract", "projections.long.delay_ms.tract_velocity: unknown key 'tract_velocity' (the unit belongs in the name: tract_velocity_m_per_s (m/s))"),
    ("tract_velocity_m_per_s: 10", "tract_velocity_cm_per_s: 1000", "delay_ms: {tract", "projections.long.delay_ms.tract_velocity_cm_per_s: unknown key 'tract_velocity_cm_per_s' (this key takes m/s: tract_velocity_m_per_s (1000 cm_per_s = 10 m_per_s))"),
]  # fmt: skip

UNKNOWN_KEY = [
    ("name: small", "nmae: small", "nmae", "nmae: unknown key 'nmae' (did you mean 'name'? allowed: analysis, atlas, bold, changes, checkpoint, circuits, "),
    ("    - population: E", "    - populaton: E", "- populaton", "record.states.0.populaton: unknown key 'populaton' (did you mean 'population'? allowed: interval_ms, neurons, population, variables)"),
    ("    size: 80", "    szie: 80", "szie", "populations.E.szie: unknown key 'szie' (did you mean 'size'? allowed: initial, integrator, model, "),
    ("name: small", "dt_ms: 1", "dt_ms: 1", "dt_ms: unknown key 'dt_ms' (it belongs under `simulation`)"),
    ("rate_hz: 8000", "rate_Hz: 8000", "rate_Hz", "drives.bg.rate_Hz: unknown key 'rate_Hz' with kind: poisson (did you mean 'rate_hz'? "),
    ("kind: balanced_ei", "kind: potjans_diesmann\n    size_E: 3", "size_E", "circuits.ctx.size_E: unknown key 'size_E' with kind: potjans_diesmann (allowed: drive, indegree_scale, kind, regions, scale)"),
    (TAU, "{distribution: normal, mean: 10, std: 1}", "parameters:", "populations.E.parameters.tau_m_ms.std: unknown key 'std' with distribution: normal (did you mean 'sd'? allowed: distribution, high, low, mean, outside, sd)"),
    ("eta: 0.3", "etta: 0.3", "stages:", "controllers.tonic.stages.0.etta: unknown key 'etta' (did you mean 'eta'? allowed: eta, start_ms)"),
]  # fmt: skip

WRONG_VALUE = [
    ("duration_ms: 1000", "duration_ms: '1000'", "duration_ms", "simulation.duration_ms: got '1000' (allowed: a number above 0)"),
    ("duration_ms: 1000", "duration_ms: 1 s", "duration_ms", "simulation.duration_ms: got '1 s' (allowed: a number above 0)"),
    ("duration_ms: 1000", "duration_ms: 0", "duration_ms", "simulation.duration_ms: got 0 (allowed: a number above 0)"),
    ("duration_ms: 1000", "duration_ms:", "duration_ms", "simulation.duration_ms: got null (allowed: a number above 0)"),
    ("dt_ms: 0.1", "dt_ms: 11", "dt_ms", "simulation.dt_ms: got 11 (allowed: a number at least 1e-06 and at most 10)"),
    ("dt_ms: 0.1", "dt_ms: true", "dt_ms", "simulation.dt_ms: got true (allowed: a number at least 1e-06 and at most 10)"),
    ("dt_ms: 0.1", "backend: gpu", "backend", "simulation.backend: got 'gpu' (allowed: auto | cpu | cuda)"),
    ("dt_ms: 0.1", "threads: 0", "threads", "simulation.threads: got 0 (allowed: a whole number at least 1 and at most 4096, or null)"),
    ("size: 80", "size: 0", "size: 0", f"populations.E.size: got 0 ({SIZES})"),
    ("size: 80", "size: -3", "size: -3", f"populations.E.size: got -3 ({SIZES})"),
    ("size: 80", "size: 1.5", "size: 1.5", f"populations.E.size: got 1.5 ({SIZES})"),
    ("size: 80", "size: true", "size: true", f"populations.E.size: got true ({SIZE})"),
    ("size: 80", "size: '80'", "size: '80'", f"populations.E.size: got '80' ({SIZE})"),
    ("size: 80", "size: [80]", "size: [80]", f"populations.E.size: got [80] ({SIZE})"),
    ("size: 80", "size: 1e400", "size: 1e400", f"populations.E.size: got .inf ({SIZE})"),
    ("name: small", "name: a b", "name: a b", f"name: got 'a b' ({NAME})"),
    ("name: small", "name: 3", "name: 3", f"name: got 3 ({NAME})"),
    ("name: small", "seed: -1", "seed", "seed: got -1 (allowed: a whole number at least 0 and at most 18446744073709551615)"),
    ("name: small", "description: [1]", "description", "description: got [1] (allowed: a text)"),
    ("atlas: aal2", "atlas: 3", "atlas: 3", "atlas: got 3 (allowed: a text, or null)"),
    ("[a, b]", "[1, b]", "regions: [1", "populations.E.regions.0: got 1 (allowed: a text)"),
    ("[a, b]", "everywhere", "regions: e", f"populations.E.regions: got 'everywhere' ({REGIONS})"),
    ("[a, b]", "[]", "regions: []", f"populations.E.regions: got [] ({REGIONS})"),
    ("[a, b]", "{a: 1}", "regions: {", "populations.E.regions.a: unknown key 'a' (allowed: all_but)"),
    ("{AMPA: 0.5, NMDA: 0.5}", "[AMPA]", "receptor:", "projections.long.receptor: got ['AMPA'] (allowed: a text, or a mapping of names to a number, or null)"),
    ("{AMPA: 0.5, NMDA: 0.5}", "{AMPA: half}", "receptor:", "projections.long.receptor.AMPA: got 'half' (allowed: a number)"),
    ("neurons: 3", "neurons: 0", "neurons", "record.states.0.neurons: got 0 (allowed: a whole number at least 1, or a list (each: a whole number at least 0))"),
    ("neurons: 3", "neurons: few", "neurons", "record.states.0.neurons: got 'few' (allowed: a whole number at least 1, or a list (each: a whole number at least 0))"),
    ("neurons: 3", "neurons: [1, -1]", "neurons", "record.states.0.neurons.1: got -1 (allowed: a whole number at least 0)"),
    ("[V_m_mV]", "[]", "variables", "record.states.0.variables: got [] (allowed: a non-empty list of texts)"),
    ("[V_m_mV]", "V_m_mV", "variables", "record.states.0.variables: got 'V_m_mV' (allowed: a non-empty list of texts)"),
    ("{populations: all}", "{populations: some}", "spikes:", "record.spikes.populations: got 'some' (allowed: a non-empty list of texts, or all)"),
    ("{populations: all}", "all", "spikes:", "record.spikes: got 'all' (allowed: a mapping, or null)"),
    ("I: {model: iaf_psc_exp, size: 20}", "I: iaf_psc_exp", "I: iaf", "populations.I: got 'iaf_psc_exp' (allowed: a mapping with model)"),
    ("I: {model: iaf_psc_exp, size: 20}", "I:", "I:\n", "populations.I: got null (allowed: a mapping with model)"),
    ("I: {model: iaf_psc_exp, size: 20}", "I.x: {model: m, size: 20}", "I.x", "populations.I.x: bad name 'I.x' (names start with a letter and have letters, digits, _ and - only)"),
    ("I: {model: iaf_psc_exp, size: 20}", "I@x: {model: m, size: 20}", "I@x", "populations.I@x: bad name 'I@x' (names start with a letter and have letters, digits, _ and - only)"),
    ("tract_velocity_m_per_s: 10", "tract_velocity_m_per_s: 0", "delay_ms: {tract", "projections.long.delay_ms.tract_velocity_m_per_s: got 0 (allowed: a number above 0)"),
    (DELAY_EE, "1 ms", "delay_ms: 1", f"projections.EE.delay_ms: got '1 ms' ({DELAY})"),
    (DELAY_EE, "[1]", "delay_ms: [1]", f"projections.EE.delay_ms: got [1] ({DELAY})"),
    (DELAY_EE, "{file: delays.npy}", "delay_ms: {file", f"projections.EE.delay_ms: a number for each neuron is not possible here ({DELAY})"),
    (TAU, "slow", "parameters", f"populations.E.parameters.tau_m_ms: got 'slow' ({VALUE})"),
    (TAU, "{distribution: normal, mean: 10, sd: -1}", "parameters", "populations.E.parameters.tau_m_ms.sd: got -1 (allowed: a number at least 0)"),
    ("stages: [{start_ms: 0, eta: 0.3}, {start_ms: 600, eta: 0.1}]", "stages: []", "stages", "controllers.tonic.stages: got [] (allowed: a non-empty list (each: a mapping with start_ms, eta))"),
    ("bold: {population: ctx.E, tr_ms: 500}", "bold: {population: ctx.E, rho: 1}", "bold:", "bold.rho: got 1 (allowed: a number above 0 and below 1)"),
]  # fmt: skip

NOT_FINITE = [
    ("duration_ms: 1000", "duration_ms: .nan", "duration_ms", "simulation.duration_ms: got .nan (allowed: a number above 0)"),
    ("duration_ms: 1000", "duration_ms: -.inf", "duration_ms", "simulation.duration_ms: got -.inf (allowed: a number above 0)"),
    ("rate_hz: 8000", "rate_hz: .nan", "rate_hz: .nan", f"drives.bg.rate_hz: got .nan ({RATE})"),
    ("size: 80", "size: .nan", "size: .nan", f"populations.E.size: got .nan ({SIZE})"),
    ("{map: t1, low: 1, high: 2}", "{map: t1, low: 1, high: .inf}", "parameters", "populations.E.parameters.x.high: got .inf (allowed: a number, or null)"),
]  # fmt: skip

MISSING = [
    ("  duration_ms: 1000\n", "", "simulation:", "simulation.duration_ms: missing (give a number above 0)"),
    ("    model: iaf_psc_exp\n    size", "    size", "  E:\n    size", "populations.E.model: missing (give a text)"),
    ("{start_ms: 0, eta: 0.3}", "{start_ms: 0}", "stages", "controllers.tonic.stages.0.eta: missing (give a number at least 0)"),
    ("mean: 10, sd: 1", "mean: 10", "parameters", "populations.E.parameters.tau_m_ms.sd: missing (give a number at least 0)"),
    ("bold: {population: ctx.E, tr_ms: 500}", "bold: {}", "bold", "bold.population: missing (give a text, or a non-empty list of texts)"),
]  # fmt: skip

VARIANTS = [
    ("kind: poisson", "kind: poison", "kind: poison", "drives.bg.kind: unknown kind 'poison' (did you mean 'poisson'? allowed: ac, current_series, "),
    ("kind: balanced_ei", "kind: brunel", "kind: brunel", "circuits.ctx.kind: unknown kind 'brunel' (did you mean 'balanced_ei'? allowed: balanced_ei, potjans_diesmann)"),
    ("    kind: poisson\n", "", "bg:", f"drives.bg: got {{target: ['E', 'I'], rate_hz: 8000, weight_pA: 87.8}}; `kind` is missing (allowed: {DRIVES})"),
    ("kind: poisson", "kind: [poisson]", "kind: [", "drives.bg.kind: unknown kind ['poisson'] (did you mean 'poisson'? "),
    ("kind: poisson", "kind:", "kind:\n", "drives.bg.kind: unknown kind null (allowed: ac, current_series, "),
    ("target: E\n    rule: {kind: fixed_indegree, indegree: 8}", "target: E\n    rule: fixed_indegree", "rule: fixed", "projections.EE.rule.indegree: missing (give "),
    ("target: E\n    rule: {kind: fixed_indegree, indegree: 8}", "target: E\n    rule: AllToAllConnector", "rule: AllTo", "projections.EE.rule: unknown kind 'AllToAllConnector' (did you mean 'all_to_all'? allowed: all_to_all, distance_dependent, "),
    ("target: E\n    rule: {kind: fixed_indegree, indegree: 8}", "target: E\n    rule: 3", "rule: 3", f"projections.EE.rule: got 3 (allowed: all_to_all | one_to_one, or {RULES})"),
    ("target: E\n    rule: {kind: fixed_indegree, indegree: 8}", "target: E\n    rule: {fixed_indegree: 8}", "rule: {fixed", "projections.EE.rule.fixed_indegree: unknown key 'fixed_indegree' (did you mean 'indegree'? "),
    ("target: E\n    rule: {kind: fixed_indegree, indegree: 8}", "target: E\n    rule: {kind: fixed_indegree, fixed_indegree: 8}", "rule: {kind: fixed_indegree, fixed", "projections.EE.rule.fixed_indegree: unknown key 'fixed_indegree' with kind: fixed_indegree (did you mean 'indegree'? "),
    ("kind: homeostatic_tonic", "kind: tonic", "kind: tonic", "controllers.tonic.kind: unknown kind 'tonic' (did you mean 'homeostatic_tonic'? allowed: feedback_inhibition, homeostatic_tonic, synaptic_scaling)"),
    ("distribution: uniform", "distribution: unifrom", "delay_ms: {dist", "projections.EE.delay_ms.distribution: unknown distribution 'unifrom' (did you mean 'uniform'? allowed: constant, exponential, lognormal, normal, truncated_normal, uniform)"),
    ("distribution: uniform, ", "", "delay_ms: {low", f"projections.EE.delay_ms: got {{low: 1, high: 2}}; `distribution` is missing ({DELAY})"),
    (TAU, "{mean: 10}", "parameters", f"populations.E.parameters.tau_m_ms: got {{mean: 10}}; `distribution` is missing ({VALUE})"),
]  # fmt: skip

VERSION = [
    ("schema_version: 1", "schema_version: 2", "schema_version", "schema_version: version 2 is not known (this dtbsim knows: 1)"),
    ("schema_version: 1", "schema_version: '1'", "schema_version", "schema_version: version '1' is not known (this dtbsim knows: 1)"),
    ("schema_version: 1", "schema_version: 1.5", "schema_version", "schema_version: version 1.5 is not known (this dtbsim knows: 1)"),
    ("schema_version: 1", "schema_version: true", "schema_version", "schema_version: version true is not known (this dtbsim knows: 1)"),
    ("schema_version: 1", "schema_version: [1]", "schema_version", "schema_version: version [1] is not known (this dtbsim knows: 1)"),
]  # fmt: skip

TOGETHER = [
    ("    weight_mV: 1\n", "", "long:", "projections.long: give exactly one of weight_pA, weight_mV, weight_nS, weight; got none"),
    ("    weight_mV: 1\n", "    weight_mV: 1\n    weight: 2\n", "long:", "projections.long: give exactly one of weight_pA, weight_mV, weight_nS, weight; got weight_mV, weight"),
    ("rate_hz: 8000\n    weight_pA: 87.8", "rate_hz: 8000", "bg:", "drives.bg: give exactly one of weight_pA, weight_mV, weight_nS, weight; got none"),
    ("kind: poisson\n    target: [E, I]\n    rate_hz: 8000\n    weight_pA: 87.8", "{kind: spike_trains, target: E, file: a.csv}", "bg:", "drives.bg: give exactly one of weight_pA, weight_mV, weight_nS, weight; got none"),
    (DELAY_EE, "{distribution: uniform, low: 2, high: 2}", "delay_ms: {dist", "projections.EE.delay_ms: low (2) must be below high (2)"),
    (DELAY_EE, "{distribution: normal, mean: 1, sd: 1, low: 2, high: 2}", "delay_ms: {dist", "projections.EE.delay_ms: low (2) must be below high (2)"),
    (DELAY_EE, "{distribution: lognormal, mean: 1, sd: 1, low: 2, high: 1}", "delay_ms: {dist", "projections.EE.delay_ms: low (2) must be below high (1)"),
    (DELAY_EE, "{distribution: exponential, mean: 1, low: 2, high: 1}", "delay_ms: {dist", "projections.EE.delay_ms: low (2) must be below high (1)"),
    (DELAY_EE, "{distribution: lognormal, mean: 1, sd: 1, outside: clip}", "delay_ms: {dist", "projections.EE.delay_ms: outside (clip) needs a bound; give low, high or both, or leave it out"),
    (DELAY_EE, "{distribution: normal, mean: 1, sd: 1, outside: redraw}", "delay_ms: {dist", "projections.EE.delay_ms: outside (redraw) needs a bound; give low, high or both, or leave it out"),
    (DELAY_EE, "{distribution: exponential, mean: 1, low: 1, outside: clip}", "delay_ms: {dist", "projections.EE.delay_ms: outside (clip) needs a bound; give high, or leave it out"),
    (DELAY_EE, "{distribution: lognormal, mean: 1, sd: 1, low: 1, outside: drop}", "delay_ms: {dist", "projections.EE.delay_ms.outside: got 'drop' (allowed: redraw | clip, or null)"),
    (DELAY_EE, "{distribution: normal_clipped, mean: 1, sd: 1}", "delay_ms: {dist", "projections.EE.delay_ms.distribution: unknown distribution 'normal_clipped' (did you mean 'normal'? allowed: constant, exponential, lognormal, normal, truncated_normal, uniform)"),
    (DELAY_EE, "{distribution: truncated_normal, mean: 1, sd: 1}", "delay_ms: {dist", "projections.EE.delay_ms: give low, high or both; without bounds use distribution: normal"),
    (DELAY_EE, "{distribution: truncated_normal, mean: 1, sd: 1, low: 2, high: 1}", "delay_ms: {dist", "projections.EE.delay_ms: low (2) must be below high (1)"),
    ("rate_hz: 8000", "rate_hz: 1\n    start_ms: 5\n    stop_ms: 5", "bg:", "drives.bg: start_ms (5) must be before stop_ms (5)"),
    ("{populations: all}", "{start_ms: 5, stop_ms: 4}", "spikes", "record.spikes: start_ms (5) must be before stop_ms (4)"),
    ("start_ms: 600", "start_ms: 0", "tonic:", "controllers.tonic: stages must start one after the other; got 0, 0 ms"),
    ("interval_ms: 500\n", "interval_ms: 500\n    average_from_ms: 5\n", "tonic:", "controllers.tonic: average_from_ms and average_until_ms are given together, or neither"),
    ("interval_ms: 500\n", "interval_ms: 500\n    average_from_ms: 5\n    average_until_ms: 5\n", "tonic:", "controllers.tonic: average_from_ms (5) must be before average_until_ms (5)"),
    ("interval_ms: 500\n", "interval_ms: 500\n    start_per_indegree: 1\n", "tonic:", "controllers.tonic: start_per_indegree needs `projection`, the one whose in-degree counts"),
]  # fmt: skip

VOCABULARY = WRONG_UNIT + UNKNOWN_KEY + WRONG_VALUE + MISSING + VARIANTS + VERSION


@pytest.mark.parametrize(("old", "new", "at", "message"), VOCABULARY + NOT_FINITE + TOGETHER)
def test_error(old: str, new: str, at: str, message: str) -> None:
    text = changed(old, new)
    with pytest.raises(InputError) as caught:
        load_config_text(text, "net.yaml")
    assert_for_people(caught.value)
    expected = f"net.yaml:{line_of(text, at)}: {message}"
    found = str(caught.value)
    assert found == expected or (message[-1] != ")" and found.startswith(expected)), found


@pytest.mark.parametrize(("old", "new", "at", "message"), VOCABULARY)
def test_schema_refuses_the_same(old: str, new: str, at: str, message: str) -> None:
    data, _ = parse_yaml(changed(old, new), "net.yaml")
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(data)


def test_no_populations() -> None:
    with pytest.raises(InputError) as caught:
        load_config_text("simulation: {duration_ms: 1}", "net.yaml")
    assert str(caught.value) == "net.yaml:1: no populations: give `populations` or `circuits`"


def test_missing_section() -> None:
    with pytest.raises(InputError) as caught:
        load_config_text("populations: {E: {model: m, size: 1}}", "net.yaml")
    assert str(caught.value) == "net.yaml:1: simulation: missing (give a mapping with duration_ms)"


def test_every_mistake_has_its_line_in_the_order_of_the_file() -> None:
    text = changed("size: 80", "size: 0").replace("rate_hz: 8000", "rate_hz: .nan").replace("dt_ms", "dt_s")
    with pytest.raises(MultipleInputError) as caught:
        load_config_text(text, "net.yaml")
    assert str(caught.value).splitlines() == [
        "net.yaml:5: simulation.dt_s: unknown key 'dt_s' (this key takes milliseconds: dt_ms (0.1 s = 100 ms))",
        f"net.yaml:{line_of(text, 'size: 0')}: populations.E.size: got 0 ({SIZES})",
        f"net.yaml:{line_of(text, 'rate_hz: .nan')}: drives.bg.rate_hz: got .nan ({RATE})",
    ]
    assert [str(mistake) for mistake in caught.value.mistakes] == str(caught.value).splitlines()


def test_what_later_checks_find_is_told_together_with_what_cannot_be_read() -> None:
    text = (
        changed("size: 80", "size: 0")
        .replace("target: [E, I]", "target: [E, J]")
        .replace("indegree: 8}\n    receptor", "indegre: 8}\n    receptor")
    )
    text = text.replace("population: ctx.E, tr_ms", "population: ctx.X, tr_ms")
    with pytest.raises(MultipleInputError) as caught:
        load_config_text(text, "net.yaml")
    told = str(caught.value).splitlines()
    assert [line.partition(" (")[0] for line in told] == [
        f"net.yaml:{line_of(text, 'size: 0')}: populations.E.size: got 0",
        f"net.yaml:{line_of(text, 'rule: {kind: fixed_indegree, indegre:')}: projections.long.rule.indegre: unknown key 'indegre' with kind: fixed_indegree",
        f"net.yaml:{line_of(text, 'target: [E, J]')}: drives.bg.target.1: no population 'J'",
        f"net.yaml:{line_of(text, 'bold:')}: bold.population: no population 'ctx.X'",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: 80", "size: 0"),  # others refer to this population ...
        ("kind: balanced_ei", "kind: balanced_ei\n    size_E: 0"),  # ... to this circuit ...
        ("kind: balanced_ei", "kind: unbalanced"),  # ... of which not even the populations are known ...
        ("atlas: aal2", "atlas: 3"),  # ... need the atlas ...
        ("duration_ms: 1000", "duration_ms: -1"),  # ... compare their times with it
        ("circuits:\n", "circuits: 3\nx:\n"),
    ],
)
def test_a_broken_part_breaks_no_other(old: str, new: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(changed(old, new), "net.yaml")
    assert len(caught.value.mistakes) <= 2  # the key x of the last case is one of its own
    assert "no population" not in str(caught.value)
    assert "needs an atlas" not in str(caught.value)


def test_many_mistakes_are_counted() -> None:
    broken = "".join(f"  P{k}: {{model: iaf_psc_exp, size: 0}}\n" for k in range(60))
    with pytest.raises(MultipleInputError) as caught:
        load_config_text(f"simulation: {{duration_ms: 1}}\npopulations:\n{broken}", "net.yaml")
    told = str(caught.value).splitlines()
    assert len(caught.value.mistakes) == 60
    assert len(told) == 51
    assert told[-1] == "and 10 more mistakes"


def test_long_values_are_shortened() -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(changed("name: small", f"name: {'a b' * 100}"), "net.yaml")
    assert len(caught.value.message) < 80


def test_sample_itself_is_right() -> None:
    assert load_config_text(BASE).name == "small"
