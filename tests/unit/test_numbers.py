"""Numbers of neurons from anywhere: parameters, initial values, sizes, rates, amplitudes, targets of controllers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import network_of, simulate, simulate_ranks
from tests.helpers.small_atlas import MAPS, REGIONS, save_small_atlas

import dtbsim
from dtbsim.build.kinds import neuron_values
from dtbsim.numerics.limits import MAX_MEAN

SIZE = 30
TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16}
seed: 4
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: 30, regions: all}
  N: {model: iaf_psc_exp, size: 12}
projections:
  EE: {source: E, target: E, scope: all, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: 60, delay_ms: 1.5}
drives:
  bg: {kind: poisson, target: [E, N], rate_hz: 9000, weight_pA: 60}
"""
GRADIENT = MAPS["gradient"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_small_atlas(tmp_path)
    rng = np.random.default_rng(1)
    np.save(tmp_path / "all.npy", rng.uniform(-70, -55, 5 * SIZE))
    np.savez(tmp_path / "some.npz", one=rng.uniform(-70, -55, SIZE), two=np.arange(SIZE))
    (tmp_path / "cells.csv").write_text("v,w\n" + "".join(f"{-70 + k / 3},{k}\n" for k in range(SIZE)))
    rows = [f"{name},{value},{k}\n" for k, (name, value) in enumerate(zip(REGIONS, GRADIENT, strict=True))]
    (tmp_path / "regions.csv").write_text("region,gradient,k\n" + "".join(reversed(rows)))
    np.savez(tmp_path / "regions.npz", region=np.array(REGIONS), gradient=GRADIENT)
    return tmp_path


def values(network: Any, family: int, what: str, name: str) -> list[Any]:
    """The values of one quantity for all neurons of every population of a family."""
    found = []
    for position, index in enumerate(network.families[family].populations):
        population = network.populations[int(index)]
        gids = np.arange(population.gid0, population.gid0 + population.size)
        given = neuron_values(network, family, position, gids, what)[name]
        found.append(np.broadcast_to(given, population.size))
    return found


@pytest.mark.parametrize(
    "written",
    [
        "{map: gradient}",
        "{map: gradient, low: 2, high: 10}",
        "{regions: {A_L: 2, B_L: 4, C_R: 6, D_R: 10, Mid: 3}}",
        "{regions: {B_L: 4, C_R: 6, D_R: 10, Mid: 3}, default: 2}",
        "{regions: regions.csv, column: gradient}",
        "{regions: regions.npz}",
    ],
)
def test_a_number_by_region(folder: Path, written: str) -> None:
    network = network_of(TEXT, f"populations.E.parameters={{t_ref_ms: {written}}}", base_dir=folder)
    for found, expected in zip(values(network, 0, "parameters", "t_ref_ms"), GRADIENT, strict=True):
        assert (found == expected).all()


@pytest.mark.parametrize("key", ["parameters={E_L_mV: GIVEN}", "initial={V_m_mV: GIVEN}"])
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{file: all.npy}", lambda f: np.load(f / "all.npy").reshape(5, SIZE)),
        ("{file: some.npz, column: one}", lambda f: [np.load(f / "some.npz")["one"]] * 5),
        ("{file: cells.csv, column: v}", lambda f: [-70 + np.arange(SIZE) / 3] * 5),
        (str([-70 + k / 4 for k in range(SIZE)]), lambda f: [-70 + np.arange(SIZE) / 4] * 5),
        (str([-70 + k / 16 for k in range(5 * SIZE)]), lambda f: (-70 + np.arange(5 * SIZE) / 16).reshape(5, SIZE)),
    ],
)
def test_a_number_for_every_neuron(folder: Path, key: str, written: str, read: Any) -> None:
    network = network_of(TEXT, f"populations.E.{key.replace('GIVEN', written)}", base_dir=folder)
    what, name = ("parameters", "E_L_mV") if "E_L" in key else ("initial", "V_m_mV")
    for found, expected in zip(values(network, 0, what, name), read(folder), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        ("relative_spread: {distribution: normal, mean: 1, sd: 0.1}", lambda m: stats.norm(m, 0.1 * m)),
        ("relative_spread: {distribution: uniform, low: 0.5, high: 2}", lambda m: stats.uniform(0.5 * m, 1.5 * m)),
        (
            "spread: {distribution: normal, mean: 0, sd: 2, low: -1}",
            lambda m: stats.truncnorm(-0.5, 99, loc=m, scale=2),
        ),
    ],
)
def test_a_spread_around_the_number_of_a_region(folder: Path, spread: str, expected: Any) -> None:
    given = f"populations.E.parameters={{I_e_pA: {{map: gradient, {spread}}}}}"
    network = network_of(TEXT, given, "populations.E.size=4000", base_dir=folder)
    found = values(network, 0, "parameters", "I_e_pA")
    for drawn, mean in zip(found, GRADIENT, strict=True):
        assert stats.kstest(drawn, expected(mean).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(found[0], found[1])[0, 1]) < 0.1


def test_sizes_by_region(folder: Path) -> None:
    network = network_of(TEXT, "populations.E.size={map: gradient, low: 10, high: 50}", base_dir=folder)
    assert [population.size for population in network.populations] == [10, 20, 30, 50, 15, 12]
    network = network_of(
        TEXT, "populations.E.size={regions: regions.csv, column: gradient}",
        "populations.E.initial={V_m_mV: " + str([-60.0 - k for k in range(25)]) + "}", base_dir=folder,
    )  # fmt: skip
    assert [population.size for population in network.populations] == [2, 4, 6, 10, 3, 12]
    found = np.concatenate(values(network, 0, "initial", "V_m_mV"))
    assert (found == -60.0 - np.arange(25)).all()


def test_every_neuron_has_its_number_on_any_ranks_and_threads(folder: Path) -> None:
    overrides = [
        "populations.E.size={map: gradient, low: 10, high: 50}",
        "populations.E.parameters={I_e_pA: {map: gradient, relative_spread: {distribution: normal, mean: 1, sd: 0.3}}, "
        "C_m_pF: {regions: {Mid: 200}, default: 250}, tau_m_ms: {distribution: uniform, low: 9, high: 11}, "
        f"E_L_mV: {[-66 + k / 50 for k in range(125)]}}}",
        "populations.N.initial={V_m_mV: " + str([-70.0 + k for k in range(12)]) + "}",
        "drives.bg.rate_hz={regions: {A_L: 12000}, default: 9000}",
        "drives.bg.target=E",
        "drives.own={kind: poisson, target: N, weight_pA: 70, rate_hz: " + str([1000 * k for k in range(12)]) + "}",
        "drives.up={kind: dc, target: E, amplitude: {map: gradient, low: 0, high: 300}, start_ms: 20}",
        "drives.noise={kind: noise_current, target: E, mean: 0, std: {map: gradient}}",
    ]
    network = network_of(TEXT, *overrides, base_dir=folder)
    expected = simulate(network)
    assert len(expected) > 100
    assert np.array_equal(simulate(network, threads=3), expected)
    assert np.array_equal(simulate_ranks(network, 3), expected)


def test_drives_of_regions_are_those_of_a_drive_on_each_region(folder: Path) -> None:
    """Currents are bit for bit what a drive with the number of the region gives."""
    amplitudes = dict(zip(REGIONS, [100.0, 350.0, 0.0, 420.0, 390.5], strict=True))
    base = ["drives={}", "projections={}"]
    given = ", ".join(f"{name}: {value}" for name, value in amplitudes.items())
    one = network_of(
        TEXT, *base, f"drives.d={{kind: dc, target: E, amplitude: {{regions: {{{given}}}}}}}", base_dir=folder
    )
    each = [
        f"drives.d_{name}={{kind: dc, target: E, amplitude: {value}, regions: [{name}]}}"
        for name, value in amplitudes.items()
    ]
    found = simulate(one)
    assert len(found) > 10
    assert np.array_equal(found, simulate(network_of(TEXT, *base, *each, base_dir=folder)))


def test_weights_of_a_drive_by_region(folder: Path) -> None:
    given = "drives.bg.weight_pA={regions: {A_L: 20, B_L: 40}, default: 60}"
    network = network_of(TEXT, given, "drives.bg.target=E", base_dir=folder)
    quantum = network.families[0].channels[network.drives[0].channel].quantum
    assert [drive.weight for drive in network.drives] == [round(w / quantum) for w in (20, 40, 60, 60, 60)]


def test_rates_by_region_with_a_spread(folder: Path) -> None:
    given = "{map: gradient, low: 1000, high: 9000, relative_spread: {distribution: uniform, low: 0.5, high: 1.5}}"
    network = network_of(
        TEXT, f"drives.bg.rate_hz={given}", "drives.bg.target=E", "populations.E.size=900", base_dir=folder
    )
    for position, drive in enumerate(network.drives):
        mean = 1000 + 8000 * (GRADIENT[position] - 2) / 8
        gids = np.arange(900, dtype=np.uint32) + 900 * position
        drawn = drive.own_means.means(gids.astype(np.int64) - 900 * position, gids, drive.index, 4) * 1e4
        assert stats.kstest(drawn, stats.uniform(mean / 2, mean).cdf).pvalue > 1e-3
        assert drive.mean <= MAX_MEAN


def test_controllers_hold_each_region_at_its_own_rate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    text = (
        TEXT
        + """\
controllers:
  hold: {kind: homeostatic_tonic, population: E, target_rate_hz: {regions: {A_L: 8, D_R: 30}, default: 15},
         interval_ms: 100, gain: 30, start: {map: gradient, low: 100, high: 200}, stages: [{start_ms: 0, eta: 1}]}
"""
    )
    (folder / "net.yaml").write_text(text)
    changes = ["simulation.duration_ms=6000", "drives.bg.rate_hz=6000", "populations.E.size=60"]
    run = dtbsim.run(folder / "net.yaml", out=folder / "run", set=changes).open()
    rates = run.rates().sel(time_ms=slice(3000, None)).mean("time_ms")
    found = [float(rates.sel(population=f"E@{name}")) for name in REGIONS]
    np.testing.assert_allclose(found, [8, 15, 15, 30, 15], rtol=0.15)
