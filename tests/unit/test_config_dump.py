"""Any configuration that can be written down loads back as an equal one."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from config_samples import BASE
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import dtbsim
from dtbsim import NeuronRange, OUCurrentDrive, SinusoidalDrive, SpikeTrainDrive, StepCurrentDrive
from dtbsim.config import RunConfig, dump_config, json_schema, load_config_text, run, values
from dtbsim.config import network as net
from dtbsim.config.parts import SpikeArrays
from dtbsim.config.plain import plain
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.config.yaml_write import ruamel_text, to_yaml

numbers = st.floats(-1e12, 1e12) | st.integers(-(10**6), 10**6).map(float)
positive = st.floats(1e-9, 1e9, exclude_min=True)


def steps_of_ms(least: int, most: int) -> st.SearchStrategy[float]:
    """Times of so many steps of 0.1 ms."""
    return st.integers(least, most).map(lambda steps: steps / 10)


characters = st.characters(
    exclude_categories=["Cs"], exclude_characters="\0"
)  # these are refused wherever a text is read
texts = st.text(characters, max_size=20)
names = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{0,6}\Z") | st.sampled_from(["NO", "null", "true", "y", "e1", "x-1"])
ordered = st.tuples(numbers, numbers).map(sorted).filter(lambda pair: pair[0] < pair[1])

outside = st.sampled_from([None, "redraw", "clip"])
drawn = st.one_of(
    numbers,
    st.builds(values.Constant, value=numbers),
    ordered.map(lambda pair: values.Uniform(distribution="uniform", low=pair[0], high=pair[1])),
    st.builds(values.Normal, distribution=st.just("normal"), mean=numbers, sd=positive),
    st.builds(values.Normal, mean=numbers, sd=positive, low=numbers, outside=outside),
    st.builds(values.Lognormal, mean=positive, sd=positive, high=numbers, outside=outside),
    ordered.flatmap(
        lambda pair: st.builds(
            values.Exponential, mean=positive, low=st.just(pair[0]), high=st.just(pair[1]), outside=outside
        )
    ),
    st.builds(values.TruncatedNormal, distribution=st.just("truncated_normal"), mean=numbers, sd=positive, low=numbers),
    st.builds(values.Lognormal, distribution=st.just("lognormal"), mean=positive, sd=positive),
    st.builds(values.Exponential, distribution=st.just("exponential"), mean=positive, low=numbers),
)
awkward = st.text("ab :#-?,[]{}&*!|>'\"%@`~=<.\\01e+_\n\t\r\x07\x85\u2028\xa0\ufeffé", max_size=300)
parameters = st.dictionaries(texts, drawn, max_size=3)
populations = st.builds(
    net.Population,
    model=texts,
    size=st.integers(1, 2**32 - 1),
    receptors=st.none() | st.dictionaries(texts, positive, max_size=3),
    parameters=parameters,
    initial=parameters,
)
rules = st.one_of(
    st.builds(dtbsim.FixedIndegree, kind=st.just("fixed_indegree"), indegree=st.integers(0, 9), autapses=st.booleans()),
    st.builds(dtbsim.FixedOutdegree, kind=st.just("fixed_outdegree"), outdegree=st.integers(0, 2**32 - 1)),
    st.builds(dtbsim.PairwiseBernoulli, kind=st.just("pairwise_bernoulli"), probability=st.floats(0, 1)),
    st.builds(dtbsim.FixedTotalNumber, kind=st.just("fixed_total_number"), total=st.integers(0, 2**40)),
)
states = st.builds(
    run.RecordStates,
    population=st.just("E"),
    variables=st.lists(texts, min_size=1, max_size=3),
    neurons=st.integers(1, 9) | st.lists(st.integers(0, 9), max_size=3),
)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    targets = draw(st.dictionaries(names, populations, max_size=3))
    targets["E"] = draw(populations)
    ends = st.sampled_from(sorted(targets))
    projections = st.builds(
        net.Projection,
        source=ends,
        target=ends,
        rule=rules,
        receptor=st.none() | texts | st.dictionaries(texts, numbers, max_size=2),
        weight_pA=drawn,
        delay_ms=steps_of_ms(1, 10_000),
    )
    chosen = st.none() | st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True)
    chosen |= st.builds(NeuronRange, stop=st.integers(1, 9), step=st.integers(1, 3))
    drives = st.one_of(
        st.builds(SinusoidalDrive, kind=st.just("sinusoidal"), target=ends, amplitude=numbers, frequency_hz=positive),
        st.builds(
            OUCurrentDrive, kind=st.just("ou_current"), target=ends, sigma=positive, tau_ms=positive, neurons=chosen
        ),
        st.builds(
            StepCurrentDrive,
            kind=st.just("step_current"),
            target=ends,
            times_ms=st.just([1.0, 2.5]),
            amplitudes=st.lists(numbers, min_size=2, max_size=2),
            windows_ms=st.none() | st.just([[0.0, 1.0], [1.5, 3.0]]),
        ),
        st.builds(
            SpikeTrainDrive,
            kind=st.just("spike_trains"),
            target=ends,
            weight=numbers,
            spikes=st.just(SpikeArrays(neuron=[0, 3], time_ms=[1.0, 0.5])),
        ),
    )
    return RunConfig(
        name=draw(names),
        description=draw(texts),
        seed=draw(st.integers(0, 2**64 - 1)),
        atlas=draw(st.none() | texts),
        simulation=run.Simulation(
            duration_ms=draw(steps_of_ms(1, 10**9)), threads=draw(st.none() | st.integers(1, 64))
        ),
        populations=targets,
        projections=draw(st.dictionaries(names, projections, max_size=2)),
        drives=draw(st.dictionaries(names, drives, max_size=2)),
        record=run.Record(
            spikes=draw(st.none() | st.builds(run.RecordSpikes)),
            states=draw(st.lists(states, max_size=2)),
            rate_bin_ms=draw(st.none() | steps_of_ms(1, 1000)),
        ),
    )


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(configs())
def test_round_trip(config: RunConfig) -> None:
    text = dump_config(config)
    again = load_config_text(text)
    assert again == config
    assert [*again.populations] == [*config.populations], "the order of populations is part of the network"
    assert dump_config(again) == text


VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(configs())
def test_dump_is_valid_by_the_schema(config: RunConfig) -> None:
    VALIDATOR.validate(plain(config))


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(awkward | st.text(characters, max_size=40))
@example("\x85")
@example("a\u2028b")
@example("é" * 300)
def test_any_text_round_trips(text: str) -> None:
    data = {text: [text, {"x": text}]}
    assert parse_yaml(to_yaml(data), "dump")[0] == data


words = st.text("aeflnorstuyTNO0129_.-", max_size=6) | st.from_regex(r"\A[A-Za-z][A-Za-z0-9_.-]{90,140}\Z")
scalars = words | numbers | st.integers() | st.booleans() | st.none() | texts | awkward | st.floats()
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts | st.text(min_size=120) | words, inner, max_size=3)
    ),
)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(trees)
@example({"a": [[], {}, [[1, [2]], {"b": [3], "c": {"d": -0.0, "e": 0.0, "f": 0, "g": False}}]]})
@example([["a\nb"], {"c": "d\n\ne", "f" * 200: {"g": ["h\ni"]}}])
def test_the_quick_writer_writes_what_ruamel_writes(data: Any) -> None:
    whole = ruamel_text(data)
    assume(
        not any(escaped in whole for escaped in ("\\N", "\\L", "\\P"))
    )  # where one text is escaped, ruamel.yaml escapes all, and here that one is
    assert to_yaml(data) == whole


@pytest.mark.parametrize("wraps", ["\x07 a" * 60, "é: # " * 60, "a\n\\ " * 60])
def test_long_texts_are_not_wrapped(wraps: str) -> None:
    assert parse_yaml(to_yaml({"description": wraps}), "dump")[0] == {"description": wraps}


def test_sample_round_trip() -> None:
    config = load_config_text(BASE)
    assert load_config_text(dump_config(config)) == config


def test_what_is_switched_off_stays_off() -> None:
    config = load_config_text(BASE, overrides=["record.spikes=null", "record.rate_bin_ms=null", "bold=null"])
    text = dump_config(config)
    assert "rate_bin_ms: null" in text
    assert "bold" not in text
    assert load_config_text(text) == config


def test_defaults_are_written_out() -> None:
    text = dump_config(load_config_text("simulation: {duration_ms: 5}\npopulations: {E: {model: m, size: 1}}"))
    assert "dt_ms: 0.1\n" in text
    assert "fcd_window_s: 60.0\n" in text
    assert text.startswith("schema_version: 1\n")


def test_receptor_order_is_kept() -> None:
    receptors = {"NMDA": 100.0, "AMPA": 2.0, "GABA": 5.0}
    config = load_config_text(BASE)
    config.populations["E"].receptors = receptors
    loaded = load_config_text(dump_config(config)).populations["E"].receptors
    assert loaded is not None
    assert [*loaded] == [*receptors]
