"""Poisson drives that give each neuron a rate of its own: drawn, listed, or from Python as an array."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import network_of
from tests.helpers.poisson_reference import reference_counts
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.stimulus import poisson_sums_of
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.errors import InputError
from dtbsim.kernels.poisson import UNREACHABLE, coarse_thresholds, own_tables, poisson_thresholds

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: DURATION, block_size: 64}
populations: {N: {model: iaf_psc_exp, size: SIZE}}
drives: {d: {kind: poisson, target: N, weight_pA: 1, rate_hz: RATE}}
"""


def network(rate: object, size: int, duration_ms: float = 5, *overrides: str) -> Any:
    text = TEXT.replace("DURATION", f"{duration_ms:g}").replace("SIZE", str(size)).replace("RATE", str(rate))
    return network_of(text, *overrides)


def counts(compiled: Any, chunks: tuple[int, ...] = ()) -> Any:
    """Spikes per step and neuron."""
    sums = poisson_sums_of(compiled, chunks)
    assert (sums % compiled.drives[0].weight == 0).all()
    return sums // compiled.drives[0].weight


def test_thresholds_of_each_mean_are_those_of_a_drive_of_that_rate() -> None:
    means = np.array([3.7, 0.0, 1e-12, 1e-4, 0.3, 1.0, 0.3, 2.5, 17.3, 99.9, 100.0])
    thresholds, coarse = own_tables(means)
    assert coarse.shape[0] % 4 == 0
    for i, mean in enumerate(means):
        single = poisson_thresholds(mean)
        assert (thresholds[i, : single.size] == single).all()
        assert (thresholds[i, single.size :] == UNREACHABLE).all()
        own = coarse_thresholds(single)
        assert (coarse[: own.size, i] == own).all()
        assert (coarse[own.size :, i] == 0x7FFF).all()
    for bad in (-1e-9, 100.1, math.nan):
        with pytest.raises(ValueError, match="not within"):
            own_tables(np.array([0.5, bad]))
    assert own_tables(np.zeros(0))[0].shape[0] == 0


@pytest.mark.parametrize("chunks", [(), (1, 6, 8, 13)])
def test_a_listed_rate_is_that_of_a_drive_of_this_neuron_alone(chunks: tuple[int, ...]) -> None:
    rates = [0.0, 700.0, 12_345.6, 1e6, 3.0, *np.linspace(1, 90_000, 600).round(3).tolist()]
    found = counts(network(rates, len(rates)), chunks)
    for neuron, rate in enumerate(rates):
        blocks = [reference_counts([neuron], block, 0, rate * 0.1 * 1e-3, 1) for block in range(7)]
        assert (found[:, neuron] == np.concatenate(blocks)[:50, 0]).all()


@pytest.mark.parametrize(
    "written",
    ["[800, 800, 800]", "{distribution: constant, value: 800}", "{distribution: normal, mean: 800, sd: 0}"],
)
def test_equal_rates_are_one_rate(written: str) -> None:
    compiled = network(written, 3)
    assert compiled.drives[0].own_means is None
    assert (counts(compiled) == counts(network(800, 3))).all()


def test_drawn_rates_follow_the_distribution_and_stay() -> None:
    compiled = network("{distribution: uniform, low: 1000, high: 50000}", 2000, 200)
    found = counts(compiled)
    mean_hz = found.mean(axis=0) * 1e4
    error_hz = np.sqrt(mean_hz * 1e4 / 2000)
    drive = compiled.drives[0]
    gids = np.arange(2000, dtype=np.uint32)
    drawn = drive.own_means.means(gids.astype(np.int64), gids, drive.index, compiled.seed) * 1e4
    assert (np.abs(mean_hz - drawn) < 5 * error_hz).all()
    assert stats.kstest(drawn, stats.uniform(1000, 49_000).cdf).pvalue > 1e-3
    half = len(found) // 2
    correlation = np.corrcoef(found[:half].mean(axis=0), found[half:].mean(axis=0))[0, 1]
    assert correlation > 0.99


def test_it_does_not_depend_on_the_blocks_or_on_who_else_is_driven() -> None:
    rate = "{distribution: lognormal, mean: 9000, sd: 7000}"
    whole = counts(network(rate, 300))
    assert (counts(network(rate, 300, 5, "simulation.block_size=16")) == whole).all()
    chosen = counts(network(rate, 300, 5, "drives.d.neurons={start: 7, stop: 250, step: 9}"))
    assert (chosen[:, 7:250:9] == whole[:, 7:250:9]).all()
    assert chosen.sum() == whole[:, 7:250:9].sum()


def test_windows_switch_it_off() -> None:
    rate = "{distribution: uniform, low: 9000, high: 90000}"
    whole = counts(network(rate, 80))
    found = counts(network(rate, 80, 5, "drives.d.windows_ms=[[0.3, 1.1], [1.2, 4]]"))
    on = np.zeros(50, bool)
    on[3:11] = on[12:40] = True
    assert (found[on] == whole[on]).all()
    assert (found[~on] == 0).all()


def test_populations_in_regions_take_the_list_each(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    text = TEXT.replace("SIZE", "3, regions: all").replace("DURATION", "5").replace("RATE", "[0, 20000, 60000]")
    compiled = network_of(text + "atlas: small.npz\n", base_dir=tmp_path)
    sums = [poisson_sums_of(compiled)[:, population.gid0 :][:, :3] for population in compiled.populations]
    for found in sums:
        assert (found[:, 0] == 0).all()
        assert 0 < found[:, 1].sum() < found[:, 2].sum()
    assert len({found.tobytes() for found in sums}) == len(sums)


def test_an_array_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    rates = np.array([0.0, 4e4, 8e4])
    config = dtbsim.RunConfig(
        simulation={"dt_ms": 0.1, "duration_ms": 300},
        populations={"N": dtbsim.Population(model="iaf_psc_exp", size=3)},
        drives={"d": dtbsim.PoissonDrive(target="N", weight_pA=30, rate_hz=rates)},
    )
    result = dtbsim.run(config, out=tmp_path / "run")
    spikes = np.bincount(result.open().spikes("N").neuron, minlength=3)
    assert spikes[0] == 0 < spikes[1] < spikes[2]
    again = dtbsim.run(tmp_path / "run" / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash


@pytest.mark.parametrize(
    ("rate", "size", "more", "message"),
    [
        ("[1, 2]", 3, (), "drives.d.rate_hz: 2 numbers for 3 neurons"),
        ("[1, -2, 3]", 3, (), "drives.d.rate_hz.1"),
        ("[]", 3, (), "drives.d.rate_hz"),
        ("[1, .nan, 3]", 3, (), "drives.d.rate_hz.1"),
        ("[1, 2, 3]", 3, ("drives.d.shared=true",), "shared: true gives all targets one train"),
        ("{distribution: uniform, low: 1, high: 9}", 3, ("drives.d.shared=true",), "differ between the neurons"),
        ("{distribution: normal, mean: 100, sd: 50}", 3, (), "drives.d.rate_hz: rates down to -1"),
        ("{distribution: uniform, low: -1, high: 9}", 3, (), "drives.d.rate_hz.low: a rate of -1 Hz"),
        ("[1, 2, 1.1e6]", 3, (), "drives.d.rate_hz: 110 events per step; allowed: 0 to 100"),
        ("{distribution: uniform, low: 0, high: 2e6}", 3, (), "200 events per step"),
    ],
)
def test_errors(rate: str, size: int, more: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        network(rate, size, 5, *more)
    assert message in str(caught.value)
    assert_for_people(caught.value)
