"""Populations that emit spikes without input of their own: Poisson trains, lists as arrays, repeated spikes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, poisson
from tests.helpers.networks import network_of, population, simulate
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.config import dump_config, load_config, load_config_data, load_config_text
from dtbsim.errors import InputError, NumericsError
from dtbsim.spec import compile_network

SD = 5.0
"""Tolerances are five standard deviations of the estimate."""


def raster(network: Any, name: str) -> Any:
    """int64[steps, neurons] of a population: spikes of a neuron in a step."""
    gids = population(network, name)
    spikes = simulate(network)
    spikes = spikes[(spikes[:, 1] >= gids.start) & (spikes[:, 1] < gids.stop)]
    counts = np.zeros((network.n_steps, gids.stop - gids.start), np.int64)
    np.add.at(counts, (spikes[:, 0], spikes[:, 1] - gids.start), 1)
    return counts


# -- Poisson sources --------------------------------------------------------------------------------------------------

SOURCES = """\
simulation: {dt_ms: 0.1, duration_ms: 200, block_size: 64}
populations: {P: {model: poisson_source, size: 500, parameters: {rate_hz: RATE}}}
"""


def sources(rate: str, *overrides: str) -> Any:
    return network_of(SOURCES.replace("RATE", rate), *overrides)


@pytest.mark.parametrize(
    "rate_hz",
    [15.0, 800.0, 20_000.0, *(pytest.param(rate, marks=pytest.mark.nightly) for rate in (400_000.0, 900_000.0))],
)
def test_a_source_has_poisson_counts_of_its_rate(rate_hz: float) -> None:
    """Mean, the whole distribution, and no memory."""
    found = raster(sources(f"{rate_hz}"), "P")
    mean = rate_hz * 1e-4
    assert abs(found.mean() - mean) < SD * math.sqrt(mean / found.size)
    per_neuron = found.sum(axis=0)
    dispersion = ((per_neuron - 2000 * mean) ** 2).sum() / (2000 * mean)
    assert 1e-6 < chi2.cdf(dispersion, 500) < 1 - 1e-6
    expected = poisson.pmf(np.arange(200), mean) * found.size
    observed = np.bincount(found.ravel(), minlength=200)[:200]
    enough = expected > 20
    rest = expected[~enough].sum(), observed[~enough].sum()
    assert abs(rest[1] - rest[0]) < SD * math.sqrt(max(rest[0], 1.0)) + 1
    statistic = ((observed - expected)[enough] ** 2 / expected[enough]).sum()
    assert chi2.sf(statistic, enough.sum()) > 1e-6
    centred = found - mean
    for lag in (1, 2, 3, 4, 8):
        both = (centred[lag:] * centred[:-lag]).mean()
        assert abs(both) < SD * mean / math.sqrt(found[lag:].size), "memoryless"
    assert abs((centred[:, 1:] * centred[:, :-1]).mean()) < SD * mean / math.sqrt(found.size), "independent"


@pytest.mark.parametrize(("dt_ms", "rate_hz"), [(1.0, 1000.0), (0.1, 1000.0), (1.0, 100.0), (0.5, 8000.0)])
def test_the_rate_is_the_one_asked_for_whatever_the_step_is(dt_ms: float, rate_hz: float) -> None:
    found = raster(sources(f"{rate_hz}", f"simulation.dt_ms={dt_ms}", "simulation.duration_ms=2000"), "P")
    expected = rate_hz * 2.0 * 500
    assert abs(found.sum() - expected) < SD * math.sqrt(expected)


def test_rates_of_zero_and_beyond_what_can_be_counted() -> None:
    assert raster(sources("0"), "P").sum() == 0
    with pytest.raises(InputError, match="rate_hz 1e\\+09 makes 100000 spikes per step; allowed: up to 100"):
        sources("1e9")
    network = network_of("simulation: {duration_ms: 1}\npopulations: {P: {model: poisson_source, size: 9}}\n")
    assert len(simulate(network)) == 0, "the default is a silent source"


def test_rates_may_differ_between_neurons_and_follow_a_map(tmp_path: Path) -> None:
    fired = raster(sources("{distribution: uniform, low: 100, high: 3000}"), "P").sum(axis=0) / 0.2
    assert fired.min() < 300
    assert fired.max() > 2000
    assert abs(fired.mean() - 1550) < SD * math.sqrt((2900**2 / 12 + 1550 / 0.2) / 500)
    save_small_atlas(tmp_path)
    text = SOURCES.replace("RATE", "{map: gradient, low: 100, high: 2000}").replace(
        "size: 500", "size: 500, regions: all"
    )
    network = network_of("atlas: small.npz\n" + text, base_dir=tmp_path)
    for name, rate in (("P@A_L", 100), ("P@D_R", 2000), ("P@C_R", 1050)):
        mean = rate * 1e-4
        found = raster(network, name)
        assert abs(found.mean() - mean) < SD * math.sqrt(mean / found.size), name


def test_the_seed_makes_the_trains() -> None:
    assert (raster(sources("500"), "P") == raster(sources("500", "simulation.block_size=16"), "P")).all()
    assert ((raster(sources("500"), "P") > 0) & (raster(sources("500", "seed=2"), "P") > 0)).mean() < 0.01
    assert (raster(sources("9000"), "P") >= raster(sources("5000"), "P")).all(), "a higher rate adds spikes"


# -- parrots ----------------------------------------------------------------------------------------------------------

PARROTS = """\
simulation: {dt_ms: 0.1, duration_ms: 20}
populations:
  S: {model: spike_source, size: 3, spikes: {neuron: [0, 1, 2, 0, 2], time_ms: [1.0, 1.0, 3.0, 5.0, 5.5]}}
  R: {model: parrot_neuron, size: 3}
  T: {model: parrot_neuron, size: 1}
projections:
  SR: {source: S, target: R, rule: {kind: one_to_one}, weight: 0.25, delay_ms: 1.5}
  RT: {source: R, target: T, rule: {kind: all_to_all}, weight: 3, delay_ms: 0.1}
"""


def test_a_parrot_repeats_every_spike_after_the_delay() -> None:
    """A spike at 1.0 ms is repeated at 2.5 ms, and by the next at 2.6 ms; of two at once there are two."""
    spikes = simulate(network_of(PARROTS))
    times = {gid: [round((int(s) + 1) * 0.1, 1) for s, g in spikes if g == gid] for gid in range(7)}
    assert [times[g] for g in range(3)] == [[1.0, 5.0], [1.0], [3.0, 5.5]]
    assert [times[g] for g in range(3, 6)] == [[2.5, 6.5], [2.5], [4.5, 7.0]]
    assert times[6] == [2.6, 2.6, 4.6, 6.6, 7.1]


def test_a_parrot_turns_a_drive_into_spikes() -> None:
    text = "simulation: {dt_ms: 0.1, duration_ms: 100}\npopulations: {R: {model: parrot_neuron, size: 300}}\n"
    network = network_of(text, "drives.p={kind: poisson, target: R, rate_hz: 2000, weight: 1}")
    fired = raster(network, "R")
    assert abs(fired.mean() - 0.2) < SD * math.sqrt(0.2 / fired.size)
    with pytest.raises(InputError, match="model 'parrot_neuron' takes weight, not weight_pA"):
        network_of(text, "drives.p={kind: poisson, target: R, rate_hz: 2000, weight_pA: 1}")


def test_weights_do_not_matter_to_a_parrot() -> None:
    for weight in ("-3", "0", "{distribution: uniform, low: -2, high: 2}", "1e-3"):
        network = network_of(PARROTS, f"projections.SR.weight={weight}", f"projections.RT.weight={weight}")
        assert np.array_equal(simulate(network), simulate(network_of(PARROTS))), weight


def test_a_parrot_passes_on_a_drive_in_full() -> None:
    """8000 Hz at a step of 1 ms: eight spikes in each on average, as NEST's parrot passes on multiplicities."""
    text = "simulation: {dt_ms: 1, duration_ms: 1000}\npopulations: {R: {model: parrot_neuron, size: 200}}\n"
    driven = raster(network_of(text, "drives.p={kind: poisson, target: R, rate_hz: 8000, weight: 1}"), "R")
    assert abs(driven.sum() - 1.6e6) < SD * math.sqrt(1.6e6)
    listed = raster(
        network_of(
            text,
            "drives.l={kind: spike_trains, target: R, weight: 5, "
            "spikes: {neuron: [3, 3, 3, 7], time_ms: [5, 5, 6, 5]}}",
        ),
        "R",
    )
    assert listed.sum() == 4
    assert (listed[5, 3], listed[6, 3], listed[5, 7]) == (2, 1, 1)


def test_silent_spikes_are_not_repeated() -> None:
    both = network_of(PARROTS, "projections.SR.receptor=silent")
    assert {int(gid) for _, gid in simulate(both)} == {0, 1, 2}


def test_listed_spikes_of_one_step_are_all_emitted() -> None:
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 12}
populations: {S: {model: spike_source, size: 2, off_grid_spikes: nearest,
  spikes: {neuron: [0, 0, 0, 0, 1], time_ms: [5.0, 5.0, 5.02, 5.05, 5.0]}}}
"""
    assert simulate(network_of(text)).tolist() == [[49, 0]] * 3 + [[49, 1], [50, 0]]


def test_more_spikes_than_a_byte_can_count_are_an_error() -> None:
    spikes = f"{{neuron: {[0] * 255}, time_ms: {[5] * 255}}}"
    text = f"simulation: {{duration_ms: 12}}\npopulations: {{S: {{model: spike_source, size: 1, spikes: {spikes}}}}}\n"
    with pytest.raises(InputError, match="255 spikes of one neuron in one step; allowed: 254"):
        network_of(text)
    many = """\
simulation: {dt_ms: 0.1, duration_ms: 12}
populations:
  S: {model: spike_source, size: 1, spikes: {neuron: [0], time_ms: [5]}}
  R: {model: parrot_neuron, size: SIZE}
  T: {model: parrot_neuron, size: 1}
projections:
  SR: {source: S, target: R, rule: {kind: all_to_all}, weight: 1, delay_ms: 1}
  RT: {source: R, target: T, rule: {kind: all_to_all}, weight: 1, delay_ms: 1}
"""
    assert len(simulate(network_of(many.replace("SIZE", "254")))) == 1 + 254 + 254
    with pytest.raises(NumericsError, match="more than 254 spikes to repeat in one step"):
        simulate(network_of(many.replace("SIZE", "255")))


def test_a_synapse_that_a_parrot_would_not_feel_is_refused() -> None:
    synapse = "projections.SR.synapse={kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100}"
    with pytest.raises(InputError, match="give receptor: silent"):
        network_of(PARROTS, synapse)
    network_of(PARROTS, synapse, "projections.SR.receptor=silent")


# -- arrays -----------------------------------------------------------------------------------------------------------


def config_with(spikes: Any, **more: Any) -> Any:
    drive = {"kind": "spike_trains", "target": "N", "spikes": spikes, "weight_pA": 900.0}
    return load_config_data(
        {
            "simulation": {"duration_ms": 20.0},
            "populations": {
                "S": {"model": "spike_source", "size": 5, "spikes": spikes},
                "N": {"model": "iaf_psc_exp", "size": 5},
            },
            "drives": {"d": drive},
            **more,
        }
    )


def test_arrays_are_as_files(tmp_path: Path) -> None:
    neuron, time_ms = np.array([4, 0, 4, 2], np.uint8), np.array([3.0, 1.1, 3.0, 7.9])
    config = config_with({"neuron": neuron, "time_ms": time_ms})
    np.savez(tmp_path / "s.npz", neuron=neuron, time_ms=time_ms)
    filed = compile_network(
        load_config_text(
            "simulation: {duration_ms: 20}\n"
            "populations: {S: {model: spike_source, size: 5, spikes_file: s.npz}, N: {model: iaf_psc_exp, size: 5}}\n"
            "drives: {d: {kind: spike_trains, target: N, file: s.npz, weight_pA: 900}}\n"
        ),
        tmp_path,
    )
    network = compile_network(config)
    assert network.emitted[0].tolist() == filed.emitted[0].tolist() == [[10, 0], [29, 4], [29, 4], [78, 2]]
    assert network.drives[0].events is not None
    assert network.drives[0].events.tolist() == filed.drives[0].events.tolist()  # type: ignore[union-attr]
    assert np.array_equal(simulate(network), simulate(filed))
    objects = dtbsim.Population(model="spike_source", size=5, spikes=dtbsim.SpikeArrays(neuron=neuron, time_ms=time_ms))
    assert objects == config.populations["S"]
    assert load_config_text(dump_config(config)) == config


def test_many_spikes_are_not_written_out_but_kept_as_files_of_the_run(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    spikes = {"neuron": draw.integers(0, 5, 12_000), "time_ms": draw.integers(1, 200, 12_000) / 10}
    config = config_with(spikes)
    with pytest.raises(InputError) as caught:
        dump_config(config)
    assert "12000 spikes given as arrays are too many to be written out (at most 10000)" in caught.value.message
    assert caught.value.where == "populations.S.spikes"
    assert "give spikes_file: FILE instead" in (caught.value.remedy or "")
    assert_for_people(caught.value)
    first = dtbsim.run(config, out=tmp_path / "a")
    text = (tmp_path / "a" / "config.yaml").read_text(encoding="utf-8")
    assert "spikes_file: inputs/populations.S.npz" in text
    assert "file: inputs/drives.d.npz" in text
    load_config(tmp_path / "a" / "config.yaml")
    second = dtbsim.run(tmp_path / "a" / "config.yaml", out=tmp_path / "b")
    assert first.summary["spike_hash"] == second.summary["spike_hash"]
    assert config.populations["S"].spikes is not None, "the configuration that was given is as it was"


LISTED = "{neuron: [0, 1], time_ms: [1, 2]}"
SOURCE = """\
simulation: {duration_ms: 20}
populations:
  S: {model: spike_source, size: 5, KEYS}
  N: {model: iaf_psc_exp, size: 5}
"""
TRAIN = "drives.d={kind: spike_trains, target: N, weight_pA: 1, "
WRONG = {
    "both": (f"spikes: {LISTED}, spikes_file: a.csv", "", "give spikes or spikes_file, not both", "populations.S"),
    "none": ("parameters: {}", "", "a 'spike_source' population needs its spikes", "populations.S.spikes_file"),
    "lengths": (
        "spikes: {neuron: [0], time_ms: [1, 2]}",
        "",
        "neuron has 1 entries, time_ms 2",
        "populations.S.spikes",
    ),
    "integers": ("spikes: {neuron: [0.5], time_ms: [1]}", "", "got 0.5", "populations.S.spikes.neuron.0"),
    "range": ("spikes: {neuron: [5], time_ms: [1]}", "", "neurons 5 to 5; the population has 0 to 4", "S.spikes"),
    "huge": (f"spikes: {{neuron: [{10**30}], time_ms: [1]}}", "", "1e+30 is too large", "populations.S.spikes.neuron"),
    "time": ("spikes: {neuron: [0], time_ms: [0]}", "", "spike times must be above 0", "populations.S.spikes"),
    "negative": ("spikes: {neuron: [0], time_ms: [-1]}", "", "times must be finite and not negative", "S.spikes"),
    "drive both": (
        f"spikes: {LISTED}",
        f"{TRAIN}file: a.csv, spikes: {LISTED}}}",
        "give file or spikes, not",
        "drives.d",
    ),
    "drive none": (f"spikes: {LISTED}", f"{TRAIN}start_ms: 1}}", "give file or spikes", "drives.d"),
    "drive range": (
        f"spikes: {LISTED}",
        f"{TRAIN}spikes: {{neuron: [9], time_ms: [0]}}}}",
        "neurons 9 to 9; the population has 0 to 4",
        "drives.d.spikes",
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_told_where_they_are(name: str) -> None:
    keys, override, said, where = WRONG[name]
    with pytest.raises(InputError) as caught:
        network_of(SOURCE.replace("KEYS", keys), *([override] if override else []))
    assert said in caught.value.message
    assert (caught.value.where or "").endswith(where)
    assert_for_people(caught.value)


def test_other_models_take_no_lists_and_sources_no_controllers() -> None:
    text = "simulation: {duration_ms: 1000}\npopulations: {P: {model: poisson_source, size: 5}}\n"
    with pytest.raises(InputError, match="model 'poisson_source' makes its own spikes"):
        network_of(text, f"populations.P.spikes={LISTED}")
    with pytest.raises(InputError, match="rate_hz is -1 Hz; allowed: "):
        network_of(text, "populations.P.parameters={rate_hz: -1}")
    tonic = "{kind: homeostatic_tonic, population: P, parameter: rate_hz, target_rate_hz: 4, interval_ms: 5, STAGES}"
    with pytest.raises(InputError, match="a controller cannot change parameters of 'poisson_source'"):
        network_of(text, f"controllers.c={tonic.replace('STAGES', 'stages: [{start_ms: 0, eta: 1}]')}")
