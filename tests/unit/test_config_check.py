# ruff: noqa: E501
"""What parts of a configuration must agree on: names, delays, times, atlas."""

from __future__ import annotations

import pytest
from config_samples import BASE, assert_for_people, changed, line_of

from dtbsim.config import RunConfig, check_references, json_schema, load_config_text, population_names
from dtbsim.config.check import value_bounds
from dtbsim.config.network import Population, Projection
from dtbsim.config.run import Simulation
from dtbsim.config.values import Constant, Exponential, Lognormal, Normal, RegionMap, TruncatedNormal, Uniform
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import InputError
from dtbsim.models.connections.one_to_one import OneToOne

KNOWN = "allowed: E, I, ctx.E, ctx.I"
DELAYS = "allowed: from dt_ms (0.1) to simulation.max_delay_ms (1000)"
DELAY_EE = "{distribution: uniform, low: 1, high: 2}"
STEP = "allowed: at least dt_ms (0.1)"
ATLAS = "give `atlas`, a bundled one (`dtbsim atlas list`) or a path"

# (replace this, by this, text at the start of the line reported, the error after `net.yaml:LINE: `)
NAMES = [
    ("source: E\n", "source: EE\n", "source: EE", f"projections.EE.source: no population 'EE' (did you mean 'E'? {KNOWN})"),
    ("target: ctx.E", "target: ctx.EX", "target: ctx", f"projections.long.target: no population 'ctx.EX' (did you mean 'ctx.E'? {KNOWN})"),
    ("target: ctx.E", "target: ctx", "target: ctx", "projections.long.target: 'ctx' is a circuit (give one of its populations: ctx.E, ctx.I)"),
    ("[E, I]", "[E, J]", "target: [", f"drives.bg.target.1: no population 'J' ({KNOWN})"),
    ("[E, I]", "[E, E]", "target: [", "drives.bg.target.1: 'E' is named twice"),
    ("[E, I]", "inside", "target: inside", f"drives.bg.target: no population 'inside' ({KNOWN})"),
    ("{populations: all}", "{populations: [E, X]}", "spikes", f"record.spikes.populations.1: no population 'X' ({KNOWN})"),
    ("    - population: E\n", "    - population: e1\n", "- population", "record.states.0.population: no population 'e1' ("),
    ("{population: ctx.E, tr_ms: 500}", "{population: [ctx.E, ctx.e]}", "bold", "bold.population.1: no population 'ctx.e' (did you mean 'ctx."),
    ("population: ctx.E\n", "population: ctx.F\n", "population: ctx.F", "controllers.tonic.population: no population 'ctx.F' (did you mean 'ctx."),
    ("interval_ms: 500\n", "interval_ms: 500\n    projection: lon\n", "projection: lon", "controllers.tonic.projection: no projection 'lon' (did you mean 'long'? allowed: EE, long)"),
]  # fmt: skip

DELAY = [
    (DELAY_EE, "0.05", "delay_ms: 0.05", f"projections.EE.delay_ms: a delay of 0.05 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "0", "delay_ms: 0", f"projections.EE.delay_ms: a delay of 0 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "-1", "delay_ms: -1", f"projections.EE.delay_ms: a delay of -1 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "1000.1", "delay_ms: 1000", f"projections.EE.delay_ms: a delay of 1000.1 ms is longer than the maximum ({DELAYS})"),
    (DELAY_EE, "{distribution: constant, value: 0.05}", "delay_ms: {d", f"projections.EE.delay_ms.value: a delay of 0.05 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "{distribution: uniform, low: 0, high: 2}", "delay_ms: {d", f"projections.EE.delay_ms.low: a delay of 0 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "{distribution: uniform, low: 1, high: 2000}", "delay_ms: {d", f"projections.EE.delay_ms.high: a delay of 2000 ms is longer than the maximum ({DELAYS})"),
    (DELAY_EE, "{distribution: normal, mean: 0.05, sd: 1}", "delay_ms: {d", f"projections.EE.delay_ms: a delay of 0.05 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "{distribution: truncated_normal, mean: 2, sd: 1, low: 0}", "delay_ms: {d", f"projections.EE.delay_ms.low: a delay of 0 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "{distribution: lognormal, mean: 2, sd: 1, low: 0.01}", "delay_ms: {d", f"projections.EE.delay_ms.low: a delay of 0.01 ms is shorter than one step ({DELAYS})"),
    (DELAY_EE, "{distribution: normal, mean: 2, sd: 1, low: 1, high: 2000}", "delay_ms: {d", f"projections.EE.delay_ms.high: a delay of 2000 ms is longer than the maximum ({DELAYS})"),
    (DELAY_EE, "{distribution: exponential, mean: 2, low: 1, high: 2000}", "delay_ms: {d", f"projections.EE.delay_ms.high: a delay of 2000 ms is longer than the maximum ({DELAYS})"),
    (DELAY_EE, "{distribution: lognormal, mean: 5000, sd: 1}", "delay_ms: {d", f"projections.EE.delay_ms: a delay of 5000 ms is longer than the maximum ({DELAYS})"),
    ("{tract_velocity_m_per_s: 10}", "{tract_velocity_m_per_s: 10, minimum_ms: 0.01}", "delay_ms: {t", f"projections.long.delay_ms.minimum_ms: a delay of 0.01 ms is shorter than one step ({DELAYS})"),
    ("kind: balanced_ei", "kind: balanced_ei\n    delay_ms: 0.01", "delay_ms: 0.01", f"circuits.ctx.delay_ms: a delay of 0.01 ms is shorter than one step ({DELAYS})"),
    ("dt_ms: 0.1", "max_delay_ms: 0.05", "max_delay_ms", f"simulation.max_delay_ms: 0.05 ms is less than one step ({STEP})"),
]  # fmt: skip

TIME = [
    ("duration_ms: 1000", "duration_ms: 0.05", "duration_ms", f"simulation.duration_ms: 0.05 ms is less than one step ({STEP})"),
    ("{populations: all}", "{start_ms: 2000}", "spikes", "record.spikes.start_ms: 2000 ms is not before the end of the run (simulation.duration_ms is 1000)"),
    ("tr_ms: 500", "discard_ms: 1000", "bold", "bold.discard_ms: 1000 ms is not before the end of the run (simulation.duration_ms is 1000)"),
    ("tr_ms: 500", "tr_ms: 500, discard_ms: 501", "bold", "bold.tr_ms: no volume fits: tr_ms is 500 and 499 ms are left after discard_ms (make the run longer, or tr_ms or discard_ms smaller, or leave out bold (bold: null))"),
    ("tr_ms: 500", "tr_ms: 0.01", "bold", f"bold.tr_ms: 0.01 ms is less than one step ({STEP})"),
    ("record:\n", "analysis: {statistics_start_ms: 1000}\nrecord:\n", "analysis", "analysis.statistics_start_ms: 1000 ms is not before the end of the run (simulation.duration_ms is 1000)"),
    ("neurons: 3", "interval_ms: 0.01", "interval_ms: 0.01", f"record.states.0.interval_ms: 0.01 ms is less than one step ({STEP})"),
    ("record:\n", "record:\n  rate_bin_ms: 0.01\n", "rate_bin_ms", f"record.rate_bin_ms: 0.01 ms is less than one step ({STEP})"),
    ("interval_ms: 500\n", "interval_ms: 0.01\n", "interval_ms: 0.01", f"controllers.tonic.interval_ms: 0.01 ms is less than one step ({STEP})"),
]  # fmt: skip

RATE = [
    ("rate_hz: 8000", "rate_hz: -1", "rate_hz: -1", "drives.bg.rate_hz: a rate of -1 Hz (allowed: at least 0)"),
    ("rate_hz: 8000", "rate_hz: {map: t1, low: 5, high: -1}", "rate_hz: {", "drives.bg.rate_hz.low: a rate of -1 Hz (allowed: at least 0)"),
]  # fmt: skip

REGION_MAP = [
    ("    regions: [a, b]\n", "", "parameters", "populations.E.parameters.x: a map of the atlas needs a population in regions (give its `regions`)"),
    ("size: 20}", "size: 20, initial: {V_m_mV: {map: t1, low: 0, high: 1}}}", "I: {", "populations.I.initial.V_m_mV: a map of the atlas needs a population in regions (give its `regions`)"),
    ("kind: balanced_ei\n    regions: all", "kind: balanced_ei\n    parameters_I: {tau_m_ms: {map: t1, low: 0, high: 1}}", "parameters_I", "circuits.ctx.parameters_I.tau_m_ms: a map of the atlas needs a population in regions (give its `regions`)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "message"), NAMES + DELAY + TIME + RATE + REGION_MAP)
def test_error(old: str, new: str, at: str, message: str) -> None:
    text = changed(old, new)
    with pytest.raises(InputError) as caught:
        load_config_text(text, "net.yaml")
    assert_for_people(caught.value)
    expected, found = f"net.yaml:{line_of(text, at)}: {message}", str(caught.value)
    complete = message.endswith((")", "twice"))
    assert found == expected if complete else found.startswith(expected), found


NO_ATLAS = """\
simulation: {duration_ms: 1000}
populations: {E: {model: m, size: 3}}
"""


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("circuits: {c: {kind: balanced_ei, regions: all}}", "circuits.c.regions: a circuit in regions"),
        ("circuits: {c: {kind: potjans_diesmann, regions: [a]}}", "circuits.c.regions: a circuit in regions"),
        ("drives: {d: {kind: poisson, target: E, weight: 1, rate_hz: {map: m, low: 0, high: 1}}}", "drives.d.rate_hz: a map"),
        ("projections: {p: {source: E, target: E, rule: {kind: all_to_all}, weight: 1, delay_ms: {tract_velocity_m_per_s: 1}}}", "projections.p.delay_ms: a delay from tract lengths"),
        ("projections: {p: {source: E, target: E, rule: {kind: all_to_all}, weight: 1, delay_ms: 1, scope: connectome}}", "projections.p.scope: scope: connectome"),
    ],
)  # fmt: skip
def test_needs_an_atlas(extra: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(NO_ATLAS + extra, "net.yaml")
    assert str(caught.value) == f"net.yaml:3: {message} needs an atlas ({ATLAS})"


def test_populations_in_regions_need_an_atlas() -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(changed("atlas: aal2\n", ""), "net.yaml")
    line = line_of(BASE, "    regions: all") - 1
    first, *others = str(caught.value).splitlines()
    assert first == f"net.yaml:{line}: circuits.ctx.regions: a circuit in regions needs an atlas ({ATLAS})"
    assert [other.partition(": ")[2].partition(":")[0] for other in others] == [
        "populations.E.regions",
        "populations.E.parameters.x",
        "projections.long.scope",
        "projections.long.delay_ms",
    ]


def test_schedules_longer_than_the_run_are_fine() -> None:
    load_config_text(BASE, overrides=["simulation.duration_ms=501"])


def test_edges_are_allowed() -> None:
    load_config_text(BASE, overrides=["projections.EE.delay_ms=0.1"])
    load_config_text(BASE, overrides=["projections.EE.delay_ms=1000"])
    load_config_text(BASE, overrides=["simulation.duration_ms=0.1", "bold=null"])
    load_config_text(BASE, overrides=["bold.discard_ms=500"])


def test_names_of_circuits() -> None:
    config = load_config_text(changed("kind: balanced_ei", "kind: potjans_diesmann"), overrides=[
        "projections.long=" + "{source: ctx.L23E, target: ctx.L6I, rule: {kind: one_to_one}, weight_pA: 1, delay_ms: 1}",
        "controllers={}", "bold=null",
    ])  # fmt: skip
    layers = [f"ctx.L{layer}{kind}" for layer in ("23", "4", "5", "6") for kind in "EI"]
    assert population_names(config) == ["E", "I", *layers]


def test_built_in_python() -> None:
    config = RunConfig(
        simulation=Simulation(duration_ms=10),
        populations={"E": Population(model="iaf_psc_exp", size=2)},
        projections={
            "EE": Projection(source="E", target="F", rule=OneToOne(kind="one_to_one"), weight_pA=1.0, delay_ms=0.01)
        },
    )
    with pytest.raises(InputError) as caught:
        check_references(config)
    assert str(caught.value).splitlines() == [
        "projections.EE.target: no population 'F' (allowed: E)",
        "projections.EE.delay_ms: a delay of 0.01 ms is shorter than one step "
        "(allowed: from dt_ms (0.1) to simulation.max_delay_ms (1000))",
    ]
    config.projections["EE"].target = "E"
    config.projections["EE"].delay_ms = 0.1
    check_references(config)


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (2, (2, 2)),
        (Constant(value=3), (3, 3)),
        (Uniform(distribution="uniform", low=1, high=2), (1, 2)),
        (RegionMap(map="m", low=2, high=1), (1, 2)),
        (Normal(distribution="normal", mean=4, sd=1), (4, 4)),
        (Normal(mean=4, sd=1, low=5), (5, 5)),
        (Normal(mean=4, sd=1, low=1, high=6, outside="clip"), (1, 6)),
        (Lognormal(distribution="lognormal", mean=4, sd=1), (4, 4)),
        (Lognormal(mean=4, sd=1, low=0.1), (0.1, 4)),
        (Lognormal(mean=4, sd=1, high=3, outside="redraw"), (3, 3)),
        (Exponential(mean=4, low=1, high=9), (5, 9)),
        (Exponential(mean=4, low=1, high=2, outside="clip"), (2, 2)),
        (Exponential(distribution="exponential", mean=4, low=1), (5, 5)),
        (TruncatedNormal(distribution="truncated_normal", mean=4, sd=1, low=1), (1, 4)),
        (TruncatedNormal(distribution="truncated_normal", mean=4, sd=1, high=0), (0, 0)),
        (TruncatedNormal(distribution="truncated_normal", mean=4, sd=1, low=5), (5, 5)),
        (TruncatedNormal(distribution="truncated_normal", mean=4, sd=1, low=-1, high=9), (-1, 9)),
    ],
)
def test_bounds(value: object, bounds: tuple[float, float]) -> None:
    assert value_bounds(value) == bounds


@pytest.mark.parametrize(("old", "new", "at", "message"), NAMES + TIME[1:])
def test_schema_does_not_judge_what_relates_keys(old: str, new: str, at: str, message: str) -> None:
    import jsonschema

    data, _ = parse_yaml(changed(old, new), "net.yaml")
    jsonschema.validate(data, json_schema())
