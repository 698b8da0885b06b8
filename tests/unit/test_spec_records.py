"""What a network holds of the configuration: records in steps and indices, requests of kinds, how it is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo

from dtbsim.errors import InputError
from dtbsim.spec import Network
from dtbsim.spec.records import (
    BOLD_PARAMETERS,
    CorrelationRecord,
    Execution,
    Request,
    SpikeRecord,
    WeightRecord,
)

CONFIG = """\
atlas: small.npz
seed: 5
simulation: {dt_ms: 0.2, duration_ms: 400, partitioner: contiguous, threads: 3, backend: cpu, exchange: packets}
populations:
  L: {model: iaf_psc_exp, size: 20}
  E: {model: iaf_psc_exp, size: 30, regions: [B_L, C_R]}
  I: {model: iaf_psc_exp, size: 10, regions: [B_L, C_R]}
projections:
  LL: {source: L, target: L, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 30, delay_ms: 1}
  EI:
    source: E
    target: I
    scope: same_region
    rule: {kind: fixed_indegree, indegree: 3}
    weight_pA: 30
    delay_ms: 1
    synapse: {kind: stdp, weight_max: 90, learning_rate: 0.01}
record:
  spikes: {populations: [E, I], start_ms: 100, stop_ms: 300.4}
  rate_bin_ms: 5
  states: [{population: L, variables: [V_m_mV], neurons: 2, interval_ms: 0.6}]
  weights: [{projection: EI, neurons: [1, 4], interval_ms: 20}, {projection: EI}]
  correlations: [{first: L, second: E, bin_ms: 2, tau_max_ms: 20, start_ms: 11, stop_ms: 390}]
bold: {population: [E, I], tr_ms: 100, discard_ms: 40, rho: 0.3}
analysis: {statistics_start_ms: 50}
signals:
  eeg: {kind: eeg, population: E, lead_field: atlas, interval_ms: 4}
controllers:
  tonic: {kind: homeostatic_tonic, population: L, target_rate_hz: 4, interval_ms: 30, stages: [{start_ms: 0, eta: 0.1}]}
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("atlas")
    save_small_atlas(folder)
    return network_of(CONFIG, base_dir=folder)


def test_records_are_in_steps_and_indices(network: Network) -> None:
    """Steps of 0.2 ms; families L, E, I are 0, 1, 2."""
    records = network.records
    assert records.spikes == SpikeRecord(500, 1502, (1, 2))
    assert records.rate_bin == 25
    assert (records.states, network.samples[0].interval) == (1, 3)
    assert records.weights == (WeightRecord(1, [1, 4], 100), WeightRecord(1, 1, None))
    assert records.correlations == (CorrelationRecord(0, 1, bin=10, lags=10, first_bin=6, last_bin=195),)
    assert records.statistics_start == 250
    assert records.bold is not None
    assert (records.bold.families, records.bold.tr, records.bold.discard) == ((1, 2), 500, 200)
    assert records.bold.parameters.keys() == set(BOLD_PARAMETERS)
    assert (records.bold.parameters["rho"], records.bold.parameters["k1"]) == (0.3, None)


def test_what_is_not_asked_for_is_not_there() -> None:
    text = "simulation: {duration_ms: 10}\npopulations: {A: {model: iaf_psc_exp, size: 3}}\nrecord: {spikes: null}\n"
    records = network_of(text, "record.rate_bin_ms=null").records
    assert (records.spikes, records.rate_bin, records.bold, records.states) == (None, None, None, 0)
    assert records.weights == records.correlations == ()
    assert network_of(text, "record.spikes={}").records.spikes == SpikeRecord(0, 100, None)


def test_how_it_is_carried_out(network: Network) -> None:
    assert network.execution == Execution("cpu", "auto", "packets", "contiguous", 3, None)
    assert (network.name, network.seed, network.atlas_given) == ("run", 5, "small.npz")


def test_kinds_are_asked_for_by_name(network: Network) -> None:
    assert [(asked.name, asked.kind) for asked in network.signals] == [("eeg", "eeg")]
    assert [(asked.name, asked.kind) for asked in network.controllers] == [("tonic", "homeostatic_tonic")]


def test_ports_that_are_named_stay_with_the_projection() -> None:
    text = """\
simulation: {duration_ms: 10}
populations: {A: {model: lif_dtb, size: 3}}
projections:
  both:
    source: A
    target: A
    rule: {kind: all_to_all}
    weight: 1
    delay_ms: 1
    receptor: {AMPA: 0.7, NMDA: 0.3}
"""
    assert network_of(text).projection("both").receptors == {"AMPA": 0.7, "NMDA": 0.3}
    assert network_of(text, "projections.both.receptor=AMPA").projection("both").receptors == {"AMPA": 1.0}


def held(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every object that can be reached, with the path to it; the options of requests count as their kind's own."""
    yield path, value
    if isinstance(value, Request):
        return
    if isinstance(value, tuple | list):
        for k, item in enumerate(value):
            yield from held(item, f"{path}[{k}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from held(item, f"{path}[{key!r}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from held(getattr(value, field.name), f"{path}.{field.name}")


@pytest.mark.parametrize("make", [zoo, drive_zoo], ids=["zoo", "drives"])
def test_no_object_of_the_configuration_is_kept(tmp_path: Path, network: Network, make: Any) -> None:
    for compiled in (network, make(tmp_path)):
        everything = list(held(compiled, "network"))
        assert len(everything) > 100
        assert [path for path, value in everything if isinstance(value, BaseModel)] == []


def test_every_correlation_that_does_not_fit_is_told() -> None:
    text = """\
simulation: {duration_ms: 20}
populations: {A: {model: iaf_psc_exp, size: 3}}
record:
  correlations:
    - {first: A, second: A, tau_max_ms: 5.5}
    - {first: A, second: A, tau_max_ms: 30}
"""
    with pytest.raises(InputError) as caught:
        network_of(text)
    assert [str(mistake).partition(" (")[0] for mistake in caught.value.mistakes] == [
        "record.correlations.0.tau_max_ms: 5.5 ms is not a whole number of bins of 1 ms",
        "record.correlations.1: 20 bins of 1 ms are too few for lags up to 30",
    ]
