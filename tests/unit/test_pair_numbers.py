"""Numbers of a projection that differ between pairs of regions: synapses, weights, delays and their spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import DELAY, SOURCE, TARGET, WEIGHT, all_synapses, network_of, simulate, simulate_ranks
from tests.helpers.small_atlas import LENGTHS_MM, REGIONS, WEIGHTS, save_small_atlas

from dtbsim.config import load_config_text
from dtbsim.spec import compile_network

N = 5
SIZES = [20, 30, 25, 40, 15]
MATRIX = np.array([[0, 2, 1, 0, 3.5], [4, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 10, 0, 0, 2.5]])
"""[target, source]"""
TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16, max_delay_ms: 100}
seed: 4
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: {regions: {A_L: 20, B_L: 30, C_R: 25, D_R: 40, Mid: 15}}, regions: all}
  I: {model: iaf_psc_exp, size: 10, regions: [B_L, D_R]}
projections:
  P: {source: E, target: E, scope: all, rule: RULE, weight_pA: WEIGHT, delay_ms: DELAY}
drives:
  bg: {kind: poisson, target: E, rate_hz: 9000, weight_pA: 60}
"""
M = "{matrix: m.npz, array: counts}"
ROWS = np.round(MATRIX * 3 + 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_small_atlas(tmp_path)
    np.savez(tmp_path / "m.npz", counts=MATRIX, other=MATRIX.T)
    np.save(tmp_path / "m.npy", MATRIX)
    order = [3, 0, 4, 1, 2]
    lines = [",".join(["", *[REGIONS[k] for k in order]])]
    lines += [",".join([REGIONS[r], *[str(MATRIX[r, c]) for c in order]]) for r in reversed(range(N))]
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def compiled(folder: Path, rule: str, *overrides: str, weight: str = "20", delay: str = "1.5") -> Any:
    text = TEXT.replace("RULE", rule).replace("WEIGHT", weight).replace("DELAY", delay)
    return network_of(text, *overrides, base_dir=folder)


def by_pair(network: Any) -> tuple[Any, Any, Any]:
    """All synapses with the regions of their targets and sources."""
    synapses = all_synapses(network)
    starts = network.gid_starts
    return synapses, *(np.searchsorted(starts, synapses[:, end], side="right") - 1 for end in (TARGET, SOURCE))


def counts(network: Any) -> Any:
    _, target, source = by_pair(network)
    found = np.zeros((N, N))
    np.add.at(found, (target, source), 1)
    return found


WRITTEN = [str(MATRIX.tolist()), "m.npy", "m.csv"]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_matrix_is_the_same_however_it_is_written(folder: Path, written: str) -> None:
    expected = all_synapses(compiled(folder, f"{{kind: fixed_indegree, indegree: {M}}}"))
    found = all_synapses(compiled(folder, f"{{kind: fixed_indegree, indegree: {{matrix: {written}}}}}"))
    assert np.array_equal(found, expected)


def test_in_degrees(folder: Path) -> None:
    network = compiled(folder, f"{{kind: fixed_indegree, indegree: {M}}}", "populations.E.size=2000")
    synapses, target, _ = by_pair(network)
    found = counts(network) / 2000
    assert (found[MATRIX == 0] == 0).all()
    deviation = np.sqrt(MATRIX / 2000)
    assert (
        np.abs(found - MATRIX * (np.rint(MATRIX.sum(1)) / np.maximum(MATRIX.sum(1), 1))[:, None]) <= 5 * deviation
    ).all()
    of_neurons = np.bincount(synapses[:, TARGET], minlength=10_000).reshape(N, 2000)
    assert (of_neurons == np.rint(MATRIX.sum(1))[:, None]).all(), "that of a neuron is exact"
    assert len(target) == int(network.entries.synapses.sum().round())


def test_totals_and_out_degrees_of_pairs_are_exact(folder: Path) -> None:
    total = compiled(folder, "{kind: fixed_total_number, total: {matrix: " + str((MATRIX * 10).tolist()) + "}}")
    assert np.array_equal(counts(total), MATRIX * 10)
    whole = np.rint(MATRIX)
    out = compiled(folder, "{kind: fixed_outdegree, outdegree: {matrix: " + str(whole.tolist()) + "}}")
    assert np.array_equal(counts(out), whole * np.array(SIZES))
    given = ", ".join(f"{name}: {k}" for k, name in enumerate(REGIONS))
    out = compiled(folder, f"{{kind: fixed_outdegree, outdegree: {{regions: {{{given}}}}}}}")
    assert np.array_equal(counts(out), np.tile(np.arange(N) * np.array(SIZES), (N, 1))), "by region of the source"
    total = compiled(folder, f"{{kind: fixed_total_number, total: {{regions: {{{given}}}}}}}")
    assert np.array_equal(counts(total), np.tile(np.arange(N), (N, 1)).T), "by region of the target"


def test_probabilities_of_pairs(folder: Path) -> None:
    chances = MATRIX / 10
    rule = "{kind: pairwise_bernoulli, probability: {matrix: " + str(chances.tolist()) + "}}"
    network = compiled(folder, rule, "populations.E.size=200")
    found = counts(network)
    assert (np.abs(found - 40_000 * chances) <= 5 * np.sqrt(40_000 * chances * (1 - chances))).all()
    assert (found[chances == 1] == 40_000).all()


def test_in_degrees_by_region_of_the_target_and_for_every_neuron(folder: Path) -> None:
    region = compiled(folder, "{kind: fixed_indegree, indegree: {map: gradient}}")
    assert region.projections[0].piece_number.tolist() == [2, 4, 6, 10, 3]
    assert np.array_equal(
        np.bincount(all_synapses(region)[:, TARGET], minlength=130), np.repeat([2, 4, 6, 10, 3], SIZES)
    )
    listed = [k % 7 for k in range(130)]
    each = compiled(folder, f"{{kind: fixed_indegree, indegree: {listed}}}")
    assert np.array_equal(np.bincount(all_synapses(each)[:, TARGET], minlength=130), listed)
    drawn = compiled(
        folder, "{kind: fixed_indegree, indegree: {distribution: normal, mean: 40, sd: 8, low: 0}}",
        "populations.E.size=1000",
    )  # fmt: skip
    found = np.bincount(all_synapses(drawn)[:, TARGET], minlength=5000)
    edges = np.arange(20, 61) + 0.5
    observed = np.searchsorted(np.sort(found), edges) / found.size
    assert np.sqrt(found.size) * np.abs(observed - stats.norm(40, 8).cdf(edges)).max() < 1.9
    assert np.array_equal(all_synapses(drawn, 3, 2), all_synapses(drawn))


def test_in_degrees_follow_the_connectome_as_a_number_does(folder: Path) -> None:
    rule = "{kind: fixed_indegree, indegree: GIVEN}"
    scope = "projections.P.scope=connectome"
    number = compiled(folder, rule.replace("GIVEN", "70"), scope)
    by_region = compiled(folder, rule.replace("GIVEN", "{regions: {}, default: 70}"), scope)
    assert np.array_equal(all_synapses(by_region), all_synapses(number))


@pytest.mark.parametrize("unit", [1, -1])
def test_weights_of_pairs(folder: Path, unit: int) -> None:
    rule = "{kind: fixed_total_number, total: 50}"
    network = compiled(folder, rule, weight="{matrix: " + str((unit * ROWS).tolist()) + "}")
    synapses, target, source = by_pair(network)
    quantum = network.families[0].channels[0].quantum
    expected = unit * ROWS[target, source] / quantum
    assert np.abs(synapses[:, WEIGHT] - expected).max() <= 1
    spread = "{matrix: " + str(ROWS.tolist()) + ", relative_spread: {distribution: normal, mean: 1, sd: 0.1}}"
    network = compiled(folder, "{kind: fixed_total_number, total: 3000}", weight=spread)
    synapses, target, source = by_pair(network)
    quantum = network.families[0].channels[0].quantum
    factors = synapses[:, WEIGHT] * quantum / ROWS[target, source]
    for pair in range(N * N):
        of_pair = factors[target * N + source == pair]
        assert stats.kstest(of_pair, stats.norm(1, 0.1).cdf).pvalue > 1e-4


def test_delays_of_pairs(folder: Path) -> None:
    delays = np.round(0.5 + MATRIX * 1.3, 1)
    network = compiled(folder, "{kind: fixed_total_number, total: 20}", delay="{matrix: " + str(delays.tolist()) + "}")
    synapses, target, source = by_pair(network)
    assert np.array_equal(synapses[:, DELAY], np.rint(delays[target, source] * 10).astype(int))
    assert network.max_delay_steps == synapses[:, DELAY].max()


SPREADS = {
    "half the mean": ("relative_spread: {distribution: normal, mean: 1, sd: 0.5}", lambda m: (m, m / 2)),
    "wide": ("relative_spread: {distribution: normal, mean: 1, sd: 1.5}", lambda m: (m, 1.5 * m)),
    "in ms": ("spread: {distribution: normal, mean: 0.2, sd: 0.8}", lambda m: (m + 0.2, 0.8)),
}
RULES = {
    "in-degree": "{kind: fixed_indegree, indegree: 1500}",
    "total": "{kind: fixed_total_number, total: 45000}",
    "out-degree": "{kind: fixed_outdegree, outdegree: 2000}",
    "all": "all_to_all",
}


@pytest.mark.parametrize(("rule", "minimum"), [*((rule, 0.1) for rule in RULES), ("total", 1.0)])
@pytest.mark.parametrize("spread", SPREADS)
def test_delays_spread_around_tracts_and_are_drawn_again_below_one_step(
    folder: Path, spread: str, rule: str, minimum: float
) -> None:
    """Normal around length / velocity, truncated at the shortest delay: as NEST's redraw, then rounded."""
    written, normal = SPREADS[spread]
    delay = f"{{tract_velocity_m_per_s: 20, minimum_ms: {minimum}, {written}}}"
    size = "populations.E.size=220" if rule == "all" else "populations.E.size=40"
    network = compiled(folder, RULES[rule], "projections.P.scope=connectome", size,
                       "projections.P.connectome_scales=weight", delay=delay)  # fmt: skip
    synapses, target, source = by_pair(network)
    for pair in np.argwhere(WEIGHTS > 0).tolist():
        steps = synapses[(target == pair[0]) & (source == pair[1]), DELAY]
        mean = max(LENGTHS_MM[tuple(pair)] / 20, minimum)
        centre, sd = normal(mean)
        exact = stats.truncnorm((minimum - centre) / sd, np.inf, loc=centre, scale=sd)
        edges = (np.arange(round(minimum * 10), 120) + 0.5) / 10
        observed = np.searchsorted(np.sort(steps), edges * 10) / steps.size
        assert steps.size > 3000
        assert steps.min() >= round(minimum * 10)
        assert np.sqrt(steps.size) * np.abs(observed - exact.cdf(edges)).max() < 2.1, (pair, mean)
    entries = network.entries
    for target_index, source_index, low, high in zip(
        entries.target, entries.source, entries.shortest, entries.longest, strict=True
    ):
        steps = synapses[(target == target_index) & (source == source_index), DELAY]
        assert low <= steps.min() <= steps.max() <= high


def test_delays_of_a_matrix_spread_too(folder: Path) -> None:
    means = np.full((N, N), 3.0)
    delay = f"{{matrix: {means.tolist()}, relative_spread: {{distribution: uniform, low: 0.5, high: 1.5}}}}"
    same = "{distribution: uniform, low: 1.5, high: 4.5}"
    rule = "{kind: fixed_total_number, total: 2000}"
    found, expected = (all_synapses(compiled(folder, rule, delay=text)) for text in (delay, same))
    assert np.array_equal(found[:, [SOURCE, TARGET]], expected[:, [SOURCE, TARGET]])
    assert np.abs(found[:, DELAY] - expected[:, DELAY]).max() <= 1
    assert (found[:, DELAY] != expected[:, DELAY]).mean() < 0.01


ALL = [
    "projections.two={source: E, target: I, scope: all, weight_pA: {matrix: [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]], "
    "relative_spread: {distribution: lognormal, mean: 1, sd: 0.4}}, rule: {kind: fixed_indegree, indegree: "
    "{distribution: uniform, low: 2, high: 20}}, delay_ms: {tract_velocity_m_per_s: 5, spread: "
    "{distribution: normal, mean: 0, sd: 1}}}",
    "atlas=full.npz",
]


def test_spikes_are_the_same_on_any_ranks_and_threads_and_with_procedural_synapses(folder: Path) -> None:
    save_full_atlas(folder)
    delay = "{tract_velocity_m_per_s: 6, relative_spread: {distribution: normal, mean: 1, sd: 0.5}}"
    rule = "{kind: fixed_outdegree, outdegree: {matrix: " + str(np.rint(MATRIX).tolist()) + "}}"
    changes = [*ALL, "simulation.duration_ms=100"]
    network = compiled(folder, rule, *changes, weight="{map: gradient, low: 40, high: 90}", delay=delay)
    expected = simulate(network)
    assert len(expected) > 200
    assert np.array_equal(simulate(network, threads=3), expected)
    assert np.array_equal(simulate_ranks(network, 3), expected)
    again = compiled(
        folder,
        rule,
        *changes,
        "projections.P.procedural=true",
        weight="{map: gradient, low: 40, high: 90}",
        delay=delay,
    )
    assert np.array_equal(simulate(again), expected)


def save_full_atlas(folder: Path) -> None:
    """All pairs of regions have tracts."""
    from dtbsim.atlas import Atlas, save_atlas

    lengths = 10.0 + 5.0 * np.abs(np.subtract.outer(np.arange(N), np.arange(N)))
    np.fill_diagonal(lengths, 0.0)
    weights = np.ones((N, N)) - np.eye(N)
    maps = {"gradient": np.array([2.0, 4.0, 6.0, 10.0, 3.0])}
    xyz = np.arange(15.0).reshape(5, 3)
    atlas = Atlas(name="full", region_names=REGIONS, xyz_mm=xyz, weights=weights, lengths_mm=lengths,
                  lengths_source="measured", hemisphere=("L", "L", "R", "R", ""), maps=maps)  # fmt: skip
    save_atlas(atlas, folder / "full.npz")


def test_objects_from_python_hold_arrays(folder: Path) -> None:
    import dtbsim

    text = TEXT.replace("RULE", "{kind: fixed_indegree, indegree: 1}").replace("WEIGHT", "20").replace("DELAY", "1.5")
    config = load_config_text(text)
    config.projections["P"] = dtbsim.Projection(
        source="E", target="E", scope="all", weight_pA=20, delay_ms=1.5,
        rule=dtbsim.FixedIndegree(indegree=dtbsim.Matrix(matrix=MATRIX)),
    )  # fmt: skip
    found = all_synapses(compile_network(config, folder))
    assert np.array_equal(found, all_synapses(compiled(folder, f"{{kind: fixed_indegree, indegree: {M}}}")))
