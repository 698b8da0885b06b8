"""What neurons receive against the weights that were given; and what the user reads of rounding."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import WEIGHT, built_rank, dynamic_synapses_of, network_of, synapses_of
from tests.helpers.small_atlas import WEIGHTS, save_small_atlas

import dtbsim
from dtbsim.config import load_located
from dtbsim.config.load import load_config_text
from dtbsim.errors import InputError
from dtbsim.numerics.fixed_point import FACTOR_BITS
from dtbsim.spec import Network, compile_network
from dtbsim.spec.resolution import MIN_RESOLUTION

COARSE = 2.0**-8
"""Largest relative change of a weight of MIN_RESOLUTION quanta."""

# -- what arrives -----------------------------------------------------------------------------------------------------

ARRIVING = """\
simulation: {{dt_ms: 0.1, duration_ms: 5, threads: 1}}
populations:
  S: {{model: spike_source, size: 3, spikes: {{neuron: [0, 2], time_ms: [1, 1]}}}}
  R: {{model: spike_source, size: 3, spikes: {{neuron: [1, 2], time_ms: [1, 1]}}}}
  T: {{model: iaf_psc_exp, size: 3}}
projections:
  strong: {{source: R, target: T, rule: one_to_one, weight_pA: {strong}, delay_ms: 1}}
{weak}
record: {{states: [{{population: T, variables: [I_syn_ex_pA], interval_ms: 0.1, neurons: 3}}]}}
"""
PROJECTED = "  weak: {{source: S, target: T, rule: one_to_one, weight_pA: {weak}, delay_ms: 1{more}}}"
LISTED = """\
drives:
  weak: {{kind: spike_trains, target: T, spikes: {{neuron: [0, 2], time_ms: [1.9, 1.9]}}, weight_pA: {weak}}}"""
KINDS = {
    "stored": PROJECTED.replace("{more}", ""),
    "procedural": PROJECTED.replace("{more}", ", procedural: true"),
    "plastic": PROJECTED.replace("{more}", ", synapse: {{kind: stdp, weight_max: {largest}}}"),
    "dopamine": PROJECTED.replace("{more}", ", synapse: {{kind: stdp_dopamine, dopamine: R, weight_max: {largest}}}"),
    "depressing": PROJECTED.replace("{more}", ", synapse: {{kind: tsodyks_markram, U: 1, tau_rec_ms: 100}}"),
    "listed": LISTED,
}


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(("strong", "weak"), [(1000.0, 0.5), (1000.0, 0.3), (1000.0, 0.0123), (0.7, 0.0001), (3e5, 7)])
def test_each_step_of_the_current_is_the_weight(tmp_path: Path, kind: str, strong: float, weak: float) -> None:
    text = ARRIVING.format(strong=strong, weak=KINDS[kind].format(weak=weak, largest=2 * strong))
    run = dtbsim.run(load_config_text(text), out=tmp_path / "run").open()
    first, second, both = np.asarray(run.states(0)["I_syn_ex_pA"]).reshape(-1, 3).max(axis=0).astype(np.float64)
    assert first == pytest.approx(weak, rel=COARSE), "alone: half a quantum of at least 128"
    assert second == pytest.approx(strong, rel=2.0**-15)
    assert both == pytest.approx(first + second, rel=2.0**-23), "together, as float32 can"
    assert run.summary["warnings"] == []


def test_plastic_weights_that_begin_at_0_are_transmitted_in_small_steps() -> None:
    """Their port has no other weight, so that its quantum follows the largest that they can reach."""
    for weight_max in (1e-3, 0.02, 2.0, 5e4):
        network = network_of(
            "simulation: {dt_ms: 0.1, duration_ms: 10}\npopulations: {A: {model: iaf_psc_exp, size: 3}}\n"
            "projections: {p: {source: A, target: A, rule: {kind: all_to_all}, weight_pA: 0, delay_ms: 1, "
            f"synapse: {{kind: stdp, weight_max: {weight_max}}}}}}}\n"
        )
        (channel,) = network.families[0].channels
        assert weight_max / 32_767 / 2 < channel.quantum <= weight_max / 16_383
        assert channel.max_plastic * channel.quantum == pytest.approx(weight_max, rel=1e-4)


def test_weights_that_grow_far_beyond_those_at_first_fit(tmp_path: Path) -> None:
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 300, threads: 1}
populations:
  S: {model: spike_source, size: 1, spikes: {neuron: [0, 0, 0, 0, 0], time_ms: [10, 60, 110, 160, 210]}}
  T: {model: iaf_psc_exp, size: 1, parameters: {I_e_pA: 600}}
  X: {model: iaf_psc_exp, size: 1}
projections:
  weak: {source: S, target: X, rule: all_to_all, weight_pA: 0.01, delay_ms: 1}
  strong: {source: S, target: X, rule: all_to_all, weight_pA: 100, delay_ms: 1}
  p:
    {source: S, target: T, rule: all_to_all, weight_pA: 1, delay_ms: 1,
     synapse: {kind: stdp, learning_rate: 0.5, mu_plus: 0, mu_minus: 0, alpha: 0, weight_max: WEIGHT_MAX}}
record: {weights: [{projection: p, interval_ms: 50, neurons: 1}]}
"""
    steps = {}
    for weight_max in (200, 1e4, 1e6):
        config = load_config_text(text.replace("WEIGHT_MAX", f"{weight_max}"))
        run = dtbsim.run(config, out=tmp_path / f"{weight_max}").open()
        weights = np.asarray(run.weights(0)).ravel()
        assert (np.diff(weights) >= 0).all()
        assert weights.min() >= 0.99
        assert weights[-1] <= weight_max
        steps[weight_max] = (weights[1] - 1) / weight_max
    assert steps[1e6] == pytest.approx(steps[200], rel=1e-3), "the first step is a share of weight_max"


# -- many magnitudes --------------------------------------------------------------------------------------------------


def magnitudes(seed: int) -> tuple[str, dict[str, float]]:
    """A network whose projections and drives share a port, and their weights by name."""
    draw = random.Random(seed)
    weights, projections, drives = {}, [], []
    for k in range(draw.randint(2, 6)):
        weight = float(f"{10 ** draw.uniform(-6, 6):.6g}")
        kind = draw.choice(["static", "static", "plastic", "depressing", "procedural", "drive", "listed"])
        weights[f"{kind}{k}"] = weight
        if kind == "drive":
            drives.append(f"  {kind}{k}: {{kind: poisson, target: A, rate_hz: 10, weight_pA: {weight}}}")
            continue
        if kind == "listed":
            spikes = "spikes: {neuron: [1], time_ms: [2]}"
            drives.append(f"  {kind}{k}: {{kind: spike_trains, target: A, {spikes}, weight_pA: {weight}}}")
            continue
        rule = f"{{kind: fixed_indegree, indegree: {draw.choice([1, 10, 300])}}}"
        more = {
            "static": "",
            "plastic": f", synapse: {{kind: stdp, weight_max: {weight * 10 ** draw.uniform(0.1, 4)}}}",
            "depressing": ", synapse: {kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100}",
            "procedural": ", procedural: true",
        }[kind]
        rule = "{kind: fixed_outdegree, outdegree: 10}" if kind == "procedural" else rule
        ends = "source: A, target: A, delay_ms: 1"
        projections.append(f"  {kind}{k}: {{{ends}, rule: {rule}, weight_pA: {weight}{more}}}")
    text = "simulation: {dt_ms: 0.1, duration_ms: 10}\npopulations: {A: {model: iaf_psc_exp, size: 8}}\n"
    for key, items in (("projections", projections), ("drives", drives)):
        text += "\n".join([f"{key}:", *items, ""]) if items else ""
    return text, weights


def found_weights(network: Network) -> Iterator[tuple[str, float]]:
    """Name and weight of every projection and drive, as they are built."""
    built = built_rank(network)
    quantum = network.families[0].channels[0].quantum
    largest = max((channel.max_weight for channel in network.families[0].channels), default=0)
    for drive in network.drives:
        yield drive.name, drive.weight * quantum
    for part, table in dynamic_synapses_of(built):
        shift = part.dynamics.shift(quantum)
        yield part.projection.name, np.abs(table[:, WEIGHT]).max() * quantum / 2**shift
    for state in built.lanes:
        for piece in state.procedural:
            yield piece.projection.name, piece.draws.weight * quantum
        if state.acc.dtype == np.int32:
            totals = np.zeros(state.lane.n_slots, np.int64)
            state.rows.add_magnitudes(totals)
            assert totals.max(initial=0) < 2**31, "the sum fits"
            assert largest < 2**31


@pytest.mark.parametrize("seed", range(120))
def test_weights_of_any_size_are_kept_or_reported(seed: int) -> None:
    text, weights = magnitudes(seed)
    try:
        network = network_of(text)
    except InputError as error:
        said = str(error)
        assert "is lost" in said
        strongest = max(item for item in weights.values())
        assert min(weights.values()) < strongest / 2**20, "only what is far too weak"
        return
    (channel,) = network.families[0].channels
    coarse = {name for name, weight in weights.items() if weight < MIN_RESOLUTION * channel.quantum}
    for name, used in found_weights(network):
        assert abs(used / weights[name] - 1) <= (COARSE if name not in coarse else 1.0), name
        assert used > 0, f"{name} has vanished"
    built = built_rank(network)
    stored = synapses_of(built)[:, WEIGHT] if any(state.rows.n_synapses for state in built.lanes) else np.zeros(0)
    for value in np.unique(stored) * channel.quantum:
        assert min(abs(value / weight - 1) for weight in weights.values()) <= (COARSE if not coarse else 1.0)
    assert bool(network.warnings) <= bool(coarse)
    for name in coarse:
        exact = weights[name] / channel.quantum == round(weights[name] / channel.quantum)
        assert network.warnings or exact or "plastic" in name
    (made,) = network.resolutions
    assert made.quantum == channel.quantum
    assert made.largest >= max(weights.values())
    assert made.quanta == pytest.approx(min(weights.values()) / channel.quantum, rel=1e-9)


# -- what the user reads ----------------------------------------------------------------------------------------------

PAIR = """\
simulation: {{dt_ms: 0.1, duration_ms: 10}}
populations: {{A: {{model: iaf_psc_exp, size: 4, parameters: {{tau_syn_in_ms: 5}}}}}}
projections:
  strong: {{source: A, target: A, rule: all_to_all, weight_pA: 1000, delay_ms: 1}}
  weak: {{source: A, target: A, rule: all_to_all, weight_pA: {weak}, receptor: ex, delay_ms: 1{more}}}
"""
WHY = (
    "the input of port 'ex' of population 'A' is summed in multiples of 7.63e-06 pA, as its largest weight is 1000 pA "
    "(projections.strong.weight_pA)"
)


def pair(weak: str, more: str = "") -> Network:
    return network_of(PAIR.format(weak=weak, more=more))


def test_a_coarse_weight_is_a_warning_with_its_place_and_what_is_used() -> None:
    network = pair("0.0003")
    quanta = round(0.0003 / 2.0**-17)
    said = f"a weight of 0.0003 pA counts as {quanta * 2.0**-17:g} pA, 39.3 quanta"
    assert network.warnings == (f"projections.weak.weight_pA: {said}: {WHY}",)
    (made,) = network.resolutions
    assert (made.population, made.ports, made.unit, made.quantum) == ("A", ("ex",), "pA", 2.0**-17)
    assert (made.change, made.changed) == (abs(quanta * 2.0**-17 / 0.0003 - 1), "projections.weak.weight_pA")
    assert made.quanta == pytest.approx(0.0003 / 2.0**-17)
    assert pair("0.001").warnings == (), "131 quanta"
    assert pair(repr(2.0**-15)).warnings == (), "exact, though it is 4 quanta"


def test_coarse_distributions_and_plastic_weights_are_warnings() -> None:
    mean = 1e-4 * math.sqrt(2 / math.pi)
    (said,) = pair("{distribution: normal, mean: 0, sd: 1e-4}").warnings
    quanta = f"{mean / 2.0**-17:.3g} quanta"
    assert said == f"projections.weak.weight_pA: weights of {mean:g} pA are {quanta} and coarsely rounded: {WHY}"
    (said,) = pair(repr(2.0**-15), ", synapse: {kind: stdp, weight_max: 5}").warnings
    assert "weights of 3.05176e-05 pA are 4 quanta and coarsely rounded" in said
    assert pair("0", ", synapse: {kind: stdp, weight_max: 5}").warnings == ()
    assert pair("{distribution: normal, mean: 0, sd: 100}").warnings == ()


def test_one_warning_for_all_of_a_port() -> None:
    text = PAIR.format(weak="0.0003", more="")
    for k in range(3):
        text += f"  x{k}: {{source: A, target: A, rule: all_to_all, weight_pA: 0.000{k + 4}, delay_ms: 1}}\n"
    (said,) = network_of(text).warnings
    assert said.endswith("; so are those of 3 more projections and drives")
    assert "a weight of 0.0004 pA counts as" in said, "the one that changes most"


@pytest.mark.parametrize("weak", ["3e-6", "-1e-12", "{distribution: uniform, low: 1e-7, high: 1e-6}"])
def test_a_weight_never_vanishes(weak: str) -> None:
    with pytest.raises(InputError, match="is lost: the input of port") as caught:
        pair(weak)
    assert caught.value.where == "projections.weak.weight_pA"
    assert caught.value.remedy is not None
    assert "a receptor port with a sum of its own" in caught.value.remedy
    assert pair("0").warnings == ()
    apart = PAIR.format(weak=weak, more="").replace("receptor: ex", "receptor: in")
    assert network_of(apart).warnings == (), "a sum of its own has quanta of its own"


def test_pairs_of_regions_that_are_coarse_or_lost_are_counted(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    text = """\
atlas: small.npz
simulation: {dt_ms: 0.1, duration_ms: 10}
populations: {A: {model: iaf_psc_exp, size: 5, regions: all}}
projections:
  p: {source: A, target: A, scope: connectome, connectome_scales: weight, rule: all_to_all, weight_pA: 10, delay_ms: 1}
"""
    network = network_of(text, base_dir=tmp_path)
    assert network.warnings == ()
    factors = network.projections[0].weight_factor.copy()
    quantum = network.families[0].channels[0].quantum
    weights = np.unique(synapses_of(built_rank(network))[:, WEIGHT]) * quantum
    expected = np.unique(10 * WEIGHTS[WEIGHTS > 0] / WEIGHTS.max())
    np.testing.assert_allclose(weights, expected, rtol=2.0**-14)

    atlas = np.load(tmp_path / "small.npz", allow_pickle=False)
    data = {key: atlas[key] for key in atlas.files}
    changed = data["weights"].copy()
    targets, sources = np.nonzero(changed)
    changed[targets[0], sources[0]] = 1e-7 * WEIGHTS.max()
    changed[targets[1], sources[1]] = 1e-11 * WEIGHTS.max()
    np.savez(tmp_path / "small.npz", **(data | {"weights": changed}))
    (said,) = network_of(text, base_dir=tmp_path).warnings
    n = int((factors > 0).sum())
    assert (
        f"weights are rounded for 2 of {n} pairs of regions by more than 0.4 %, 1 of them to 0: the input of ports 'ex'"
        in said
    )


def test_factors_of_the_connectome_are_kept_to_27_bits() -> None:
    assert FACTOR_BITS == 27
    assert (2**27 << 8) * 2**27 < 2**63, "the largest weight with its fraction times the largest factor"


def test_the_run_keeps_what_was_rounded_and_warned_of(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = dtbsim.run(load_config_text(PAIR.format(weak="0.0003", more="")), out=tmp_path / "run").open()
    (entry,) = json.loads((tmp_path / "run/network.json").read_text())["weights"]
    assert entry["population"] == "A"
    assert entry["ports"] == ["ex"]
    assert entry["quantum"] == 2.0**-17
    assert entry["changed"] == entry["smallest_of"] == "projections.weak.weight_pA"
    assert entry["largest_of"] == "projections.strong.weight_pA"
    (said,) = run.summary["warnings"]
    assert said.startswith("projections.weak.weight_pA: a weight of 0.0003 pA counts as")
    assert (tmp_path / "run/log.txt").read_text().count(said) == 1


@pytest.mark.parametrize("example", sorted(Path("examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_example_has_coarse_weights(example: Path) -> None:
    located: Any = load_located(example)
    network = compile_network(located.config, located.base_dir, located.locator)
    assert network.warnings == ()
    assert network.resolutions or not network.projections, "of mean-field regions there are none"
    assert max((item.change for item in network.resolutions), default=0.0) < 2.0**-13
