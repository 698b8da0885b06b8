"""BOLD of regions: which populations count where, how long a bin is, and the stream against the model run by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.errors import InputError
from dtbsim.record.chunk import Chunk
from dtbsim.signals.bold import BalloonWindkessel
from dtbsim.signals.region_bold import BoldPlan, BoldRegions, BoldStream
from dtbsim.spec import Network
from dtbsim.store import series_reader

CONFIG = """\
atlas: small.npz
simulation: {dt_ms: 1.0, duration_ms: 6000}
populations:
  L: {model: iaf_psc_exp, size: 9}
  E: {model: iaf_psc_exp, size: 30, regions: [B_L, C_R, Mid]}
  I: {model: iaf_psc_exp, size: 10, regions: [A_L, C_R]}
bold: {population: [E, I], tr_ms: 720, discard_ms: 720}
"""
NAMES = ["L", "E@B_L", "E@C_R", "E@Mid", "I@A_L", "I@C_R"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("atlas")
    save_small_atlas(path)
    return path


def made(folder: Path, *overrides: str) -> tuple[Network, Any]:
    network = network_of(CONFIG, *overrides, base_dir=folder)
    assert network.population_names() == NAMES
    return network, network.records.bold


def test_regions_are_those_of_the_populations_in_the_order_of_the_atlas(folder: Path) -> None:
    network, config = made(folder)
    regions = BoldRegions(network, config)
    assert regions.names == ["A_L", "B_L", "C_R", "Mid"]
    assert regions.regions == [0, 1, 2, 4]
    assert regions.populations.tolist() == [1, 2, 3, 4, 5]


def test_a_region_has_the_mean_rate_of_all_its_neurons(folder: Path) -> None:
    """C_R has 30 E and 10 I neurons: 8 and 4 spikes in 10 ms are (8 + 4) / 40 / 0.01 s = 30 Hz."""
    network, config = made(folder)
    counts = np.array([[3, 8, 6, 1, 4], [0, 0, 0, 0, 1]])
    rates = BoldRegions(network, config).rates_hz(counts, 0.01)
    expected = [[10.0, 10.0, 30.0, 20.0], [0, 0, 2.5, 0]]
    np.testing.assert_allclose(rates, expected)


def test_one_population_may_be_named_by_itself(folder: Path) -> None:
    network, config = made(folder, "bold.population=I")
    regions = BoldRegions(network, config)
    assert (regions.names, regions.populations.tolist()) == (["A_L", "C_R"], [4, 5])
    np.testing.assert_allclose(regions.rates_hz(np.array([[1, 2]]), 0.1), [[1.0, 2.0]])


def test_a_population_without_regions_has_no_bold(folder: Path) -> None:
    network, config = made(folder, "bold.population=L")
    with pytest.raises(InputError) as caught:
        BoldRegions(network, config)
    assert str(caught.value) == (
        "bold.population: L live(s) in no region of an atlas (give the population `regions`, or leave bold out)"
    )
    network, config = made(folder, "bold.population=[L, I]")
    assert BoldRegions(network, config).names == ["A_L", "C_R"], "the others count"


@pytest.mark.parametrize(
    ("dt_ms", "tr_ms", "discard_ms", "steps"),
    [
        (1.0, 720, 0, 20),
        (1.0, 720, 720, 20),
        (1.0, 720, 710, 10),
        (1.0, 719, 0, 1),
        (1.0, 7, 0, 7),
        (0.1, 720, 0, 200),
        (0.1, 720.3, 0, 147),
        (0.1, 720, 0.3, 3),
        (0.1, 12.7, 0, 127),
        (0.7, 700, 0, 25),
    ],
)
def test_a_bin_is_the_longest_up_to_20_ms_that_divides_both_times(
    folder: Path, dt_ms: float, tr_ms: float, discard_ms: float, steps: int
) -> None:
    times = f"bold={{population: E, tr_ms: {tr_ms}, discard_ms: {discard_ms}}}"
    duration = f"simulation.duration_ms={dt_ms * 10_000}"
    network, config = made(folder, f"simulation.dt_ms={dt_ms}", duration, times)
    found = config.bin_steps(network.dt_ms)
    assert found == steps
    assert found * dt_ms <= 20 + 1e-9
    assert round(tr_ms / dt_ms) % found == round(discard_ms / dt_ms) % found == 0


def chunks_of(counts: Any, cuts: list[int]) -> list[Chunk]:
    """Chunks that bring only counts, cut at such rows."""
    none = np.zeros(0, np.int64)
    return [Chunk(0, 0, none, none.astype(np.uint32), part) for part in np.split(counts, cuts)]


@pytest.mark.parametrize("cuts", [[], [1, 2, 250, 999, 1000, 2500]])
def test_the_stream_is_the_model_fed_with_the_rates_of_its_bins(folder: Path, tmp_path: Path, cuts: list[int]) -> None:
    """Units of 2 steps; 6000 ms hold volumes at 1440, 2160, ..., 5760 ms."""
    network, config = made(folder, "bold.gain_per_hz=0.04", "bold.alpha=0.3", "bold.k2=1.9")
    counts = np.random.default_rng(2).poisson(0.3, (3000, len(NAMES)))
    regions = BoldRegions(network, config)
    stream = BoldStream(BoldPlan(network, config), 2, tmp_path)
    assert stream.samples.shape == (0, 4)
    for chunk in chunks_of(counts, cuts):
        stream.take(chunk)
    stream.close()

    bins = counts[:, 1:].reshape(300, 10, 5).sum(axis=1)
    rates = np.zeros((300, 4))
    for name, column in zip(NAMES[1:], bins.T, strict=True):
        rates[:, regions.names.index(name.partition("@")[2])] += column
    rates /= np.array([10, 30, 40, 30]) * 0.02
    model = BalloonWindkessel(4, dt_s=0.02, tr_s=0.72, discard_s=0.72, gain_per_hz=0.04, alpha=0.3, k2=1.9)
    expected = model.step(rates)
    assert expected.shape == (7, 4)
    assert expected.std() > 0
    np.testing.assert_array_equal(stream.samples, expected)

    stored = series_reader.read_bold(tmp_path / "bold.zarr")
    np.testing.assert_array_equal(stored.values, expected)
    assert stored.coords["region"].values.tolist() == regions.names
    np.testing.assert_allclose(stored.coords["time_s"].values, model.sample_times_s())
    np.testing.assert_allclose(stored.coords["time_s"].values, 1.44 + 0.72 * np.arange(7))
