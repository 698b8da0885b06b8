"""From configuration to network: gids, regions, maps, channels, projections, drives, listed spikes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import LENGTHS_MM, REGIONS, WEIGHTS, save_small_atlas

from dtbsim import spec
from dtbsim.models.drives.waveforms import Sine, Windows
from dtbsim.spec.compile import default_block_size
from dtbsim.spec.network import Drive, Network, Population

BASE = """\
simulation: {dt_ms: 0.1, duration_ms: 20}
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: 30, regions: [C_R, A_L]}
  N: {model: iaf_psc_exp, size: 7}
  R: {model: iaf_psc_exp, size: 4, regions: right}
projections: {}
drives: {}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Any:
    """Function from changes of BASE (`key.path=value`) to a network, with the small atlas."""
    save_small_atlas(tmp_path)
    return lambda *overrides: network_of(BASE, *overrides, base_dir=tmp_path)


def projection(
    rule: str = "{kind: fixed_indegree, indegree: 10}", source: str = "E", target: str = "E", **more: str
) -> str:
    given = {"weight_pA": "100", "delay_ms": "1.0"} | more
    rest = ", ".join(f"{key}: {value}" for key, value in given.items())
    return f"{{source: {source}, target: {target}, rule: {rule}, {rest}}}"


# -- populations ------------------------------------------------------------------------------------------------------


def test_gids_number_families_in_order_and_regions_in_the_order_of_the_atlas(compiled: Any) -> None:
    network: Network = compiled()
    expected = [("E@A_L", 0, 0, 0, 30), ("E@C_R", 0, 2, 30, 30), ("N", 1, -1, 60, 7), ("R@C_R", 2, 2, 67, 4)]
    expected.append(("R@D_R", 2, 3, 71, 4))
    assert network.populations == tuple(Population(*row) for row in expected)
    assert network.population_names() == [row[0] for row in expected]
    assert network.n_neurons == 75
    assert network.gid_starts.tolist() == [0, 30, 60, 67, 71, 75]
    assert [family.populations.tolist() for family in network.families] == [[0, 1], [2], [3, 4]]
    assert network.family_index("R") == 2
    assert network.region_names == REGIONS
    assert (network.dt_ms, network.n_steps, network.seed) == (0.1, 200, 1)


@pytest.mark.parametrize(
    ("given", "regions"), [("all", [0, 1, 2, 3, 4]), ("left", [0, 1]), ("[Mid, B_L, B_L]", [1, 4])]
)
def test_regions_by_word_side_and_name(compiled: Any, given: str, regions: list[int]) -> None:
    network = compiled(f"populations.E.regions={given}")
    assert [network.populations[i].region for i in network.families[0].populations] == regions


def test_circuits_come_first_and_are_named_after_themselves(compiled: Any) -> None:
    network = compiled("circuits={ctx: {kind: balanced_ei, regions: left}}")
    assert network.population_names()[:5] == ["ctx.E@A_L", "ctx.E@B_L", "ctx.I@A_L", "ctx.I@B_L", "E@A_L"]
    assert network.families[0].key_path == "circuits.ctx"
    assert network.families[2].key_path == "populations.E"


def test_maps_are_rescaled_over_the_whole_atlas(compiled: Any) -> None:
    network = compiled("populations.E.parameters={I_e_pA: {map: gradient, low: 100, high: 500}, C_m_pF: 200}")
    parameters = network.families[0].parameters
    assert parameters["I_e_pA"].tolist() == [100.0, 300.0], "A_L has 2, C_R 6 of 2 ... 10"
    assert parameters["C_m_pF"] == 200.0
    falling = compiled("populations.E.initial={V_m_mV: {map: gradient, low: -60, high: -70}}")
    assert falling.families[0].initial["V_m_mV"].tolist() == [-60.0, -65.0]


def test_distributions_become_tables_and_constants_numbers(compiled: Any) -> None:
    given = "{tau_m_ms: {distribution: normal, mean: 10, sd: 1}, E_L_mV: {distribution: constant, value: -71}}"
    parameters = compiled(f"populations.N.parameters={given}").families[1].parameters
    assert parameters["tau_m_ms"].mean == pytest.approx(10)
    assert parameters["E_L_mV"] == -71.0


def test_models_are_simplified_by_the_values_of_their_parameters(compiled: Any) -> None:
    def states(*overrides: str) -> list[str]:
        return [row.name for row in compiled(*overrides).families[1].model.states]

    both = ["V_m_mV", "I_syn_ex_pA", "I_syn_in_pA", "refractory"]
    assert states() == ["V_m_mV", "I_syn_pA", "refractory"]
    assert states("populations.N.parameters={tau_syn_ex_ms: 3}") == both
    assert states("populations.N.initial={I_syn_in_pA: 5}") == ["V_m_mV", "I_syn_pA", "refractory"]
    recorded = states("record.states=[{population: N, variables: [I_syn_ex_pA]}]")
    assert recorded == ["V_m_mV", "I_syn_pA", "refractory", "I_syn_ex_pA", "I_syn_in_pA"]
    assert states("populations.N.parameters={tau_syn_ex_ms: {distribution: normal, mean: 3, sd: 0.1}}") == both


def test_a_controlled_parameter_is_kept_per_neuron(compiled: Any) -> None:
    tonic = (
        "{kind: homeostatic_tonic, population: E, target_rate_hz: 4, interval_ms: 5, stages: [{start_ms: 0, eta: 1}]}"
    )
    network = compiled(f"controllers={{tonic: {tonic}}}")
    assert network.families[0].controlled == {"I_e_pA"}
    assert network.families[1].controlled == frozenset()


# -- projections ------------------------------------------------------------------------------------------------------


def test_pieces_and_entries_of_scopes(compiled: Any) -> None:
    same = compiled(f"projections.P={projection(target='R', scope='same_region')}").projections[0]
    assert same.piece_target.tolist() == [3, 4]
    assert same.entry_start.tolist() == [0, 1, 1], "region D_R has no source"
    assert same.entry_source.tolist() == [1]
    assert same.piece_number.tolist() == [10, 0]
    everything = compiled(f"projections.P={projection(target='R', scope='all')}").projections[0]
    assert everything.entry_source.tolist() == [0, 1, 0, 1]
    assert everything.piece_number.tolist() == [10, 10]
    assert everything.entry_cumulative.tolist() == [2**31 - 1, 2**32 - 1] * 2
    plain = compiled(f"projections.P={projection(source='N', target='E')}").projections[0]
    assert plain.entry_source.tolist() == [2, 2]
    assert (plain.source_family, plain.target_family, plain.rule.kind) == (1, 0, "fixed_indegree")
    assert [plain.entries(k) for k in range(2)] == [slice(0, 1), slice(1, 2)]


def connectome(compiled: Any, rule: str, **more: str) -> Any:
    given = projection(rule, scope="connectome", **more)
    return compiled("populations.E.regions=all", f"projections.P={given}").projections[0]


def test_connectome_indegrees_follow_the_strength_of_regions(compiled: Any) -> None:
    found = connectome(compiled, "{kind: fixed_indegree, indegree: 77}")
    strength = WEIGHTS.sum(axis=1)
    assert found.piece_number.tolist() == [round(77 * s / strength.max()) for s in strength]
    for region in range(5):
        entries = found.entries(region)
        sources = np.flatnonzero(WEIGHTS[region])
        assert found.entry_source[entries].tolist() == sources.tolist()
        edges = (found.entry_cumulative[entries].astype(np.float64) + 1) / 2**32
        np.testing.assert_allclose(edges, np.cumsum(WEIGHTS[region, sources]) / strength[region], atol=1e-9)
        assert not len(sources) or found.entry_cumulative[entries][-1] == 2**32 - 1
    assert (found.weight_factor == 1).all()


def test_only_connected_regions_of_the_family_count(compiled: Any) -> None:
    given = projection("{kind: fixed_indegree, indegree: 70}", scope="connectome")
    found = compiled("populations.E.regions=[A_L, B_L, C_R]", f"projections.P={given}").projections[0]
    strength, strongest = WEIGHTS[:3, :3].sum(axis=1), WEIGHTS.sum(axis=1).max()
    assert found.piece_number.tolist() == [round(70 * s / strongest) for s in strength] == [44, 18, 26]


def test_connectome_numbers_and_weights_per_pair(compiled: Any) -> None:
    pairs = WEIGHTS[np.nonzero(WEIGHTS)] / WEIGHTS.max()
    total = connectome(compiled, "{kind: fixed_total_number, total: 1001}")
    assert total.entry_number.tolist() == np.rint(1001 * pairs).tolist()
    pairwise = connectome(compiled, "{kind: pairwise_bernoulli, probability: 0.3}")
    np.testing.assert_allclose(pairwise.entry_number, 0.3 * pairs)
    weighted = connectome(compiled, "{kind: fixed_indegree, indegree: 6}", connectome_scales="weight")
    np.testing.assert_allclose(weighted.weight_factor, pairs)
    assert weighted.piece_number.tolist() == [6, 6, 6, 6, 0], "the last region has no input"


@pytest.mark.parametrize(("velocity", "minimum"), [(3.0, None), (12.5, None), (300.0, None), (12.5, 4.1)])
def test_tract_delays(compiled: Any, velocity: float, minimum: float | None) -> None:
    shortest = "" if minimum is None else f", minimum_ms: {minimum}"
    delay = f"{{tract_velocity_m_per_s: {velocity}{shortest}}}"
    found = connectome(compiled, "{kind: all_to_all}", delay_ms=delay)
    lengths = LENGTHS_MM[np.nonzero(WEIGHTS)]
    expected = [max(1, math.floor(max(length / velocity, minimum or 0.1) / 0.1 + 0.5 + 1e-9)) for length in lengths]
    assert found.delay is None
    assert found.delay_steps.tolist() == expected
    assert found.delay_range(0.1) == (min(expected), max(expected))


def test_delay_bounds_of_drawn_delays(compiled: Any) -> None:
    delay = "{distribution: uniform, low: 0.96, high: 7.04}"
    network = compiled(
        f"projections.P={projection(scope='same_region', delay_ms=delay)}",
        f"projections.Q={projection(source='N', target='N', delay_ms='0.5')}",
    )
    assert [projection.delay_range(0.1) for projection in network.projections] == [(10, 70), (5, 5)]
    assert network.entries.shortest.tolist() == [10, 10, 5]
    assert network.entries.longest.tolist() == [70, 70, 5]
    assert network.max_delay_steps == 70
    assert compiled().max_delay_steps == 1


# -- channels ---------------------------------------------------------------------------------------------------------


def test_channels_collect_the_mixes_of_a_family(compiled: Any) -> None:
    network = compiled(
        "populations.M={model: iaf_psc_exp_multisynapse, size: 5, receptors: {a: 2, b: 50, c: 5}}",
        f"projections.P={projection(source='N', target='M', receptor='{a: 0.8, b: 0.02}')}",
        f"projections.Q={projection(source='N', target='M', receptor='c', weight_pA='-7')}",
        f"projections.R={projection(source='M', target='M', receptor='{b: 0.02, a: 0.8}', weight_pA='900')}",
        f"projections.S={projection(source='M', target='M', receptor='{b: 0.0, c: 1.0}')}",
        "drives.bg={kind: poisson, target: M, receptor: c, rate_hz: 10, weight_pA: 20}",
    )
    channels = network.families[3].channels
    assert [channel.mix for channel in channels] == [((0, 0.8), (1, 0.02)), ((2, 1.0),)]
    assert [projection.channel for projection in network.projections] == [0, 1, 0, 1]
    assert channels[0].quantum == 2.0 ** math.ceil(math.log2(900 / 32_767))
    assert channels[1].quantum == 2.0 ** math.ceil(math.log2(100 / 32_767))
    assert channels[0].max_weight == math.ceil(900 / channels[0].quantum)
    assert network.drives[0].channel == 1
    assert network.drives[0].weight == round(20 / channels[1].quantum)


def test_ports_that_share_an_input_are_one_channel(compiled: Any) -> None:
    network = compiled(
        f"projections.P={projection(source='N', target='N')}",
        f"projections.Q={projection(source='N', target='N', weight_pA='-400')}",
        f"projections.R={projection(source='N', target='N', receptor='{ex: 0.25, in: 0.5}')}",
    )
    assert [channel.mix for channel in network.families[1].channels] == [((0, 1.0),), ((0, 0.75),)]


def test_small_weights_beside_large_ones_take_32_bits(compiled: Any) -> None:
    def quanta(small: str) -> list[float]:
        network = compiled(
            f"projections.P={projection(source='N', target='N', weight_pA='1000')}",
            f"projections.Q={projection(source='N', target='N', weight_pA=small)}",
        )
        return [channel.quantum for channel in network.families[1].channels]

    assert quanta("4.0") == [2.0**-5]
    assert quanta("3.9") == [2.0**-14], "below 128 quanta of 2**-5"
    assert quanta("0") == [2.0**-5], "no weight needs no resolution"


def test_a_network_without_weights_has_a_quantum(compiled: Any) -> None:
    network = compiled(f"projections.P={projection(source='N', target='N', weight_pA='0')}")
    assert network.families[1].channels[0].quantum == 1.0


# -- drives -----------------------------------------------------------------------------------------------------------


def test_drives_are_one_per_population_and_share_their_index(compiled: Any) -> None:
    network = compiled(
        "drives.a={kind: dc, target: N, amplitude: 5, start_ms: 1, stop_ms: 3.5}",
        "drives.b={kind: poisson, target: [E, N], receptor: ex, rate_hz: 2000, weight_pA: 30}",
        "drives.c={kind: sinusoidal, target: N, amplitude: 2, frequency_hz: 50, phase_deg: 90, offset: 1, stop_ms: 99}",
    )
    found = [(d.kind, d.name, d.index, d.population, d.start, d.stop) for d in network.drives]
    assert found == [
        ("current", "a", 0, 2, 10, 35),
        ("poisson", "b", 1, 0, 0, 200),
        ("poisson", "b", 1, 1, 0, 200),
        ("poisson", "b", 1, 2, 0, 200),
        ("current", "c", 2, 2, 0, 200),
    ]
    assert [d.mean for d in network.drives[1:4]] == pytest.approx([0.2] * 3)
    assert [family.has_current for family in network.families] == [False, True, False]


def test_a_rate_may_follow_a_map(compiled: Any) -> None:
    network = compiled(
        "drives.b={kind: poisson, target: E, rate_hz: {map: gradient, low: 1000, high: 3000}, weight_pA: 30}"
    )
    assert [d.mean for d in network.drives] == pytest.approx([0.1, 0.2])


def test_waveforms() -> None:
    wave = Drive("current", "w", 0, 0, Windows((10,), (40,)), wave=Sine(3.0, 2.0, 25.0, 0.5))
    steps = np.arange(50)
    expected = 3.0 + 2.0 * np.sin(2 * np.pi * 25.0 * steps * 0.1e-3 + 0.5)
    expected[(steps < 10) | (steps >= 40)] = 0.0
    np.testing.assert_allclose(wave.waveform(steps, 0.1), expected, rtol=1e-6, atol=1e-6)
    assert wave.waveform(steps, 0.1).dtype == np.float32
    assert (wave.waveform(steps[20:30], 0.1) == wave.waveform(steps, 0.1)[20:30]).all()


def write_spikes(path: Path, neuron: list[int], time_ms: list[float]) -> None:
    if path.suffix == ".npz":
        np.savez(path, neuron=np.array(neuron), time_ms=np.array(time_ms))
    else:
        rows = [f"{t},{n}" for n, t in zip(neuron, time_ms, strict=True)]
        path.write_text("\n".join(["time_ms,neuron", *rows]), encoding="utf-8")


@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_spike_trains_from_files(compiled: Any, tmp_path: Path, kind: str) -> None:
    """A drive acts in the step that begins at the nearest time of the grid, a source emits in that which ends then."""
    write_spikes(tmp_path / f"in.{kind}", [3, 0, 0, 6, 2], [1.0, 0.0, 0.05, 1.06, 19.9])
    write_spikes(tmp_path / f"out.{kind}", [3, 3, 1, 6], [1.0, 0.95, 0.1, 1.14])
    network = compiled(
        f"drives.s={{kind: spike_trains, target: N, file: in.{kind}, off_grid_spikes: nearest, weight_pA: 30, "
        "stop_ms: 15}",
        f"populations.S={{model: spike_source, size: 7, spikes_file: out.{kind}, off_grid_spikes: nearest}}",
    )
    assert [note.split(": ")[-2].endswith("of 5 times are no whole number of steps") for note in network.notes[-2:]]
    assert network.drives[0].events.tolist() == [[0, 0], [1, 0], [10, 3], [11, 6]]
    assert network.emitted[5].tolist() == [[0, 1], [9, 3], [9, 3], [10, 6]], "as often as they are listed"


# -- the whole --------------------------------------------------------------------------------------------------------


def test_the_block_size_is_given_or_follows_the_size(compiled: Any) -> None:
    assert compiled("simulation.block_size=48").block_size == 48
    assert compiled().block_size == 64

    def of(total: int) -> int:
        return default_block_size((Population("A", 0, -1, 0, total),))

    assert [of(n) for n in (1, 32_768, 77_169, 10**6)] == [64, 64, 128, 2048]
    assert [of(n) for n in (10**7, 10**9, 2**32 - 1, 86 * 10**9)] == [2048, 2048, 4096, 65_536]


def test_compiling_needs_no_atlas_where_none_is_used() -> None:
    text = "simulation: {duration_ms: 1}\npopulations: {A: {model: iaf_psc_exp, size: 3}}\n"
    network = network_of(text)
    assert network.atlas is None
    assert network.region_names == ()
    assert network.n_neurons == 3


def test_the_package_offers_two_names() -> None:
    with pytest.raises(AttributeError, match=r"module 'dtbsim.spec' has no attribute 'networks'"):
        _ = spec.networks
