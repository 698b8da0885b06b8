"""Homeostatic drives: every update against the formula by hand, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import WEIGHTS, save_small_atlas

from dtbsim.errors import InputError
from dtbsim.intervene.homeostatic import HOMEOSTATIC, Controller
from dtbsim.spec import Network

CONFIG = """\
atlas: small.npz
simulation: {dt_ms: 0.5, duration_ms: 1000, max_delay_ms: 200}
populations:
  E: {model: iaf_psc_exp, size: 50, regions: all}
  I: {model: iaf_psc_exp, size: 20, regions: [A_L, D_R], parameters: {I_e_pA: 30}}
  M: {model: iaf_psc_exp, size: 20, regions: all, parameters: {I_e_pA: {map: gradient, low: 100, high: 500}}}
  D: {model: iaf_psc_exp, size: 20, parameters: {I_e_pA: {distribution: normal, mean: 100, sd: 5}}}
projections:
  long: {source: E, target: E, scope: connectome, rule: {kind: fixed_indegree, indegree: 40}, weight_pA: 1, delay_ms: 1}
  EI: {source: E, target: I, scope: same_region, rule: {kind: pairwise_bernoulli, probability: 0.5}, weight_pA: 1, delay_ms: 1}
controllers:
  tonic:
    kind: homeostatic_tonic
    population: E
    parameter: I_e_pA
    target_rate_hz: 4
    interval_ms: 50
    gain: 20
    clip: 2
    start: 7
    stages: [{start_ms: 0, eta: 0.3}, {start_ms: 100, eta: 0.1}, {start_ms: 190, eta: 0}]
"""  # noqa: E501
UNIT = 20
"""Steps: an interval of 100 steps is five units."""
FAMILY_E, FAMILY_M = 0, 2


class FakeBackend:
    """Notes what is set."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str, Any]] = []

    def set_parameter(self, family: int, parameter: str, values: Any) -> None:
        self.calls.append((family, parameter, np.array(values)))

    @property
    def last(self) -> Any:
        return self.calls[-1][2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("atlas")
    save_small_atlas(path)
    return path


def controller(folder: Path, *overrides: str, unit: int = UNIT) -> tuple[Controller, FakeBackend, Network]:
    prefixed = [f"controllers.tonic.{override}" if override[0] != "+" else override[1:] for override in overrides]
    network = network_of(CONFIG, *prefixed, base_dir=folder)
    made = Controller(HOMEOSTATIC.plan(network, "tonic", network.controllers[0].options), unit)
    backend = FakeBackend()
    made.begin(backend)  # type: ignore[arg-type]
    return made, backend, network


def counts_for(network: Network, family: int, spikes: list[int], units: int = 5) -> Any:
    """Counts of one interval: `spikes` of each population of the family, spread over the units, noise elsewhere."""
    counts = np.random.default_rng(1).integers(0, 50, (units, len(network.populations)))
    for population, n in zip(network.families[family].populations, spikes, strict=True):
        counts[:, population] = n // units
        counts[-1, population] += n % units
    return counts


def test_it_starts_with_the_configured_value_on_top_of_the_populations_own(folder: Path) -> None:
    _, backend, _ = controller(folder)
    family, parameter, values = backend.calls[0]
    assert (family, parameter) == (FAMILY_E, "I_e_pA")
    np.testing.assert_array_equal(values, np.full(5, 7.0))
    assert len(backend.calls) == 1

    _, backend, _ = controller(folder, "population=I")
    np.testing.assert_array_equal(backend.last, [37.0, 37.0])

    _, backend, network = controller(folder, "population=M")
    own = network.families[FAMILY_M].parameters["I_e_pA"]
    assert len(set(np.asarray(own).tolist())) == 5
    np.testing.assert_allclose(backend.last, np.asarray(own) + 7.0)


def test_one_update_by_hand(folder: Path) -> None:
    """50 neurons over 0.05 s: 10 spikes are 4 Hz, the target. 20 * 0.3 is 6 pA per unit of relative error."""
    made, backend, network = controller(folder)
    made.follow(counts_for(network, FAMILY_E, [10, 0, 15, 25, 500]), backend)  # type: ignore[arg-type]
    expected = [7.0, 7.0 + 6.0, 7.0 - 6.0 * 0.5, 7.0 - 6.0 * 1.5, 7.0 - 6.0 * 2.0]  # the last one is clipped
    np.testing.assert_allclose(backend.last, expected, rtol=1e-12)
    np.testing.assert_allclose(made.drive, expected, rtol=1e-12)


def test_the_schedule_of_eta_follows_the_start_of_the_interval(folder: Path) -> None:
    """Intervals begin at 0, 50, 100, 150, 200 ms: eta 0.3, 0.3, 0.1, 0.1, and 0 from 190 ms on."""
    made, backend, network = controller(folder)
    silent = counts_for(network, FAMILY_E, [0] * 5)
    drives = []
    for _ in range(6):
        made.follow(silent, backend)  # type: ignore[arg-type]
        drives.append(backend.last[0])
    np.testing.assert_allclose(np.diff([7.0, *drives]), [6, 6, 2, 2, 0, 0], atol=1e-12)
    assert len(backend.calls) == 7


def test_before_the_first_stage_nothing_moves(folder: Path) -> None:
    made, backend, network = controller(folder, "stages=[{start_ms: 100, eta: 0.5}]")
    for expected in (7, 7, 17):
        made.follow(counts_for(network, FAMILY_E, [0] * 5), backend)  # type: ignore[arg-type]
        np.testing.assert_allclose(backend.last, expected)


def test_stages_count_in_whole_steps(folder: Path) -> None:
    """The interval that begins at 8 * 1.8 = 14.4 ms, 14.399999999999999 in floating point, is of the stage of 14.4."""
    times = ("+simulation.dt_ms=0.1", "interval_ms=1.8", "stages=[{start_ms: 0, eta: 0}, {start_ms: 14.4, eta: 0.5}]")
    made, backend, network = controller(folder, *times, unit=18)
    for interval in range(10):
        made.follow(counts_for(network, FAMILY_E, [0] * 5, units=1), backend)  # type: ignore[arg-type]
        assert (backend.last[0] > 7) == (interval >= 8), interval


def test_units_of_several_chunks_make_an_interval(folder: Path) -> None:
    made, backend, network = controller(folder)
    counts = counts_for(network, FAMILY_E, [10, 0, 15, 25, 500])
    made.follow(counts[:2], backend)  # type: ignore[arg-type]
    made.follow(counts[2:2], backend)  # type: ignore[arg-type]
    made.follow(counts[2:4], backend)  # type: ignore[arg-type]
    assert len(backend.calls) == 1, "not yet"
    made.follow(counts[4:], backend)  # type: ignore[arg-type]
    np.testing.assert_allclose(backend.last, [7, 13, 4, -2, -5], rtol=1e-12)


def test_several_intervals_at_once_are_as_many_updates(folder: Path) -> None:
    made, backend, network = controller(folder)
    silent = counts_for(network, FAMILY_E, [0] * 5)
    made.follow(np.concatenate([silent, silent, silent, silent[:3]]), backend)  # type: ignore[arg-type]
    assert [values[0] for _, _, values in backend.calls] == pytest.approx([7, 13, 19, 21])


def test_the_average_replaces_the_drive_when_it_ends(folder: Path) -> None:
    """Averaged are the values set at 150, 200 and 250 ms (13, 19 and 25); from 250 ms on it goes on from their mean."""
    stages = "stages=[{start_ms: 0, eta: 0}, {start_ms: 100, eta: 0.3}]"
    made, backend, network = controller(folder, stages, "average_from_ms=100", "average_until_ms=250")
    silent = counts_for(network, FAMILY_E, [0] * 5)
    found = []
    for _ in range(7):
        made.follow(silent, backend)  # type: ignore[arg-type]
        found.append(backend.last[0])
    assert found == pytest.approx([7, 7, 13, 19, 19, 25, 31])


def test_an_average_that_ends_inside_an_interval_ends_with_the_one_before(folder: Path) -> None:
    stages = "stages=[{start_ms: 0, eta: 0.3}]"
    made, backend, network = controller(folder, stages, "average_from_ms=10", "average_until_ms=160")
    found = []
    for _ in range(4):
        made.follow(counts_for(network, FAMILY_E, [0] * 5), backend)  # type: ignore[arg-type]
        found.append(backend.last[0])
    assert found == pytest.approx([13, 19, (19 + 25) / 2, (19 + 25) / 2 + 6])


def test_an_average_counts_in_whole_steps(folder: Path) -> None:
    """One interval of 10.1 ms, 10.100000000000001 in floating point, ends with the average."""
    times = ("+simulation.dt_ms=0.1", "interval_ms=10.1", "stages=[{start_ms: 0, eta: 0.3}]")
    made, backend, network = controller(folder, *times, "average_from_ms=0", "average_until_ms=20.2", unit=101)
    found = []
    for _ in range(3):
        made.follow(counts_for(network, FAMILY_E, [0] * 5, units=1), backend)  # type: ignore[arg-type]
        found.append(backend.last[0])
    assert found == pytest.approx([13, 16, 22])


def test_the_start_may_follow_the_indegree(folder: Path) -> None:
    """Region i has 40 * sum_j w_ij / max_i sum_j w_ij inputs of the connectome; the last region has none."""
    made, backend, _ = controller(folder, "start_per_indegree=-0.5", "projection=long")
    strength = WEIGHTS.sum(axis=1)
    indegrees = np.rint(40 * strength / strength.max())
    assert indegrees[-1] == 0
    np.testing.assert_allclose(backend.last, 7 - 0.5 * indegrees)
    np.testing.assert_allclose(made.drive, 7 - 0.5 * indegrees)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("interval_ms=50.2",), "controllers.tonic.interval_ms: 50.2 ms is not a whole number of steps of 0.5 ms"),
        (("interval_ms=0.6",), "controllers.tonic.interval_ms: 0.6 ms is not a whole number of steps"),
        (("population=D",), "controllers.tonic.parameter: I_e_pA of population D differs between neurons"),
        (
            ("population=I", "start_per_indegree=1", "projection=long"),
            "controllers.tonic.projection: projection long ends on E, not on I (name a projection onto I)",
        ),
        (
            ("population=I", "start_per_indegree=1", "projection=EI"),
            "controllers.tonic.projection: projection EI has no in-degree (use the rule fixed_indegree)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError) as caught:
        controller(folder, *overrides)
    assert said in str(caught.value)
