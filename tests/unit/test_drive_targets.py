"""Which neurons a drive reaches, and when: regions, fractions, named neurons, windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import assert_for_people

from dtbsim.errors import InputError
from dtbsim.models.drives.waveforms import Windows, windows_of

BASE = """\
simulation: {dt_ms: 0.1, duration_ms: 20}
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: 30, regions: [C_R, A_L, D_R]}
  N: {model: iaf_psc_exp, size: 1000}
drives: {}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Any:
    save_small_atlas(tmp_path)
    return lambda drive, *more: network_of(BASE, f"drives.d={drive}", *more, base_dir=tmp_path)


def regions_of(network: Any) -> list[str]:
    return [network.populations[drive.population].name for drive in network.drives]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("all", ["E@A_L", "E@C_R", "E@D_R"]),
        ("left", ["E@A_L"]),
        ("right", ["E@C_R", "E@D_R"]),
        ("[D_R, A_L]", ["E@A_L", "E@D_R"]),
    ],
)
def test_regions(compiled: Any, given: str, expected: list[str]) -> None:
    assert regions_of(compiled(f"{{kind: dc, target: E, amplitude: 1, regions: {given}}}")) == expected


def test_a_rate_map_goes_with_the_region(compiled: Any) -> None:
    whole = compiled("{kind: poisson, target: E, rate_hz: {map: gradient, low: 10, high: 80}, weight_pA: 1}")
    right = compiled(
        "{kind: poisson, target: E, rate_hz: {map: gradient, low: 10, high: 80}, weight_pA: 1, regions: right}"
    )
    assert [d.mean for d in right.drives] == [d.mean for d in whole.drives][1:]


def test_named_neurons(compiled: Any) -> None:
    drives = compiled("{kind: dc, target: [E, N], amplitude: 1, neurons: [7, 2, 29]}").drives
    assert [d.neurons.tolist() for d in drives] == [[2, 7, 29]] * 4
    drives = compiled("{kind: dc, target: N, amplitude: 1, neurons: {start: 3, stop: 999, step: 400}}").drives
    assert drives[0].neurons.tolist() == [3, 403, 803]
    assert compiled("{kind: dc, target: N, amplitude: 1, neurons: {stop: 4}}").drives[0].neurons.tolist() == [
        0,
        1,
        2,
        3,
    ]


def test_a_fraction_is_a_number_of_neurons_drawn_by_seed_drive_and_gid(compiled: Any) -> None:
    drive = "{kind: dc, target: [E, N], amplitude: 1, fraction: 0.3}"
    drives = compiled(drive).drives
    assert [d.neurons.size for d in drives] == [9, 9, 9, 300]
    assert all((np.diff(d.neurons) > 0).all() for d in drives)
    assert drives[0].neurons.tolist() != drives[1].neurons.tolist(), "regions draw apart"
    again = compiled(drive, "simulation.block_size=16", "simulation.dt_ms=0.5").drives
    assert all((a.neurons == b.neurons).all() for a, b in zip(drives, again, strict=True))
    other = compiled(drive, "seed=2").drives[3].neurons
    second = compiled("{kind: dc, target: N, amplitude: 1, fraction: 0.3}", f"drives.e={drive}").drives
    for found in (other, second[-1].neurons):
        shared = np.intersect1d(drives[3].neurons, found).size
        assert abs(shared - 90) < 5 * 6.7, "as by chance: hypergeometric with mean 90, sd 6.7"
    larger = compiled("{kind: dc, target: N, amplitude: 1, fraction: 0.6}").drives[0].neurons
    assert np.isin(compiled("{kind: dc, target: N, amplitude: 1, fraction: 0.3}").drives[0].neurons, larger).all()
    assert compiled("{kind: dc, target: N, amplitude: 1, fraction: 1.0}").drives[0].neurons is None


def test_fractions_are_spread_evenly(compiled: Any) -> None:
    """Chi-square of 10 bins of 100 neurons, 50 drives of 100 each: mean 9 * 0.9, within five standard deviations."""
    more = [f"drives.x{k}={{kind: dc, target: N, amplitude: 1, fraction: 0.1}}" for k in range(49)]
    drives = compiled("{kind: dc, target: N, amplitude: 1, fraction: 0.1}", *more).drives
    chosen = np.concatenate([d.neurons for d in drives])
    counts = np.bincount(chosen // 100, minlength=10)
    chi2 = float(((counts - 500) ** 2 / 500).sum())
    assert 0.5 < chi2 < 8.1 + 5 * np.sqrt(18)


def test_windows_are_cut_and_joined(compiled: Any) -> None:
    drive = compiled(
        "{kind: dc, target: N, amplitude: 2, start_ms: 1, windows_ms: [[0, 0.5], [0.9, 3], [3, 4], [6, 99]]}"
    )
    assert drive.drives[0].windows == Windows((10, 60), (40, 200))
    wave = drive.drives[0].waveform(np.arange(210), 0.1)
    assert np.flatnonzero(wave).tolist() == [*range(10, 40), *range(60, 200)]
    assert windows_of(5, 10, [(0, 5), (10, 20)]) == Windows((), ())
    assert not Windows((), ()).contain(np.arange(5)).any()


def test_listed_spikes_of_neurons_left_out_are_left_out(compiled: Any, tmp_path: Path) -> None:
    rows = [f"{n},{t}" for n, t in ((3, 1.0), (4, 1.0), (3, 2.0), (9, 5.0))]
    (tmp_path / "s.csv").write_text("\n".join(["neuron,time_ms", *rows]), encoding="utf-8")
    which = "neurons: [3, 9], windows_ms: [[0, 1.5], [4, 9]]"
    drive = f"{{kind: spike_trains, target: N, file: s.csv, weight_pA: 1, {which}}}"
    assert compiled(drive).drives[0].events.tolist() == [[10, 3], [50, 9]]


# -- mistakes ---------------------------------------------------------------------------------------------------------

DC = "kind: dc, amplitude: 1"
WRONG = {
    "off": (f"{{{DC}, target: N, windows_ms: [[1, 1.04]]}}", "1.04 ms is not a whole number", "windows_ms.0.1"),
    "apart": (f"{{{DC}, target: N, stop_ms: 5, windows_ms: [[6, 9]]}}", "the drive is never on: [6, 9] ms", "drives.d"),
    "start": (f"{{{DC}, target: N, start_ms: 19.98}}", "19.98 ms is not a whole number of steps", "drives.d.start_ms"),
    "both": (f"{{{DC}, target: N, fraction: 0.5, neurons: [1]}}", "give fraction or neurons, not both", "drives.d"),
    "twice": (f"{{{DC}, target: N, neurons: [1, 2, 1]}}", "neurons names 1 twice", "drives.d"),
    "empty": (f"{{{DC}, target: N, neurons: []}}", "got []", "drives.d.neurons"),
    "order": (f"{{{DC}, target: N, neurons: {{start: 4, stop: 4}}}}", "start (4) must be below", "drives.d.neurons"),
    "size": (
        f"{{{DC}, target: N, neurons: [0, 1000]}}",
        "there is no neuron 1000; 'N' has 0 to 999",
        "drives.d.neurons",
    ),
    "range": (
        f"{{{DC}, target: N, neurons: {{stop: 1099511627776}}}}",
        "there is no neuron 1099511627775",
        "drives.d.neurons.stop",
    ),
    "negative": (f"{{{DC}, target: N, neurons: [-1]}}", "got -1", "drives.d.neurons.0"),
    "too many": (f"{{{DC}, target: N, fraction: 1.5}}", "got 1.5", "drives.d.fraction"),
    "none": (f"{{{DC}, target: E, fraction: 0.01}}", "0.01 of the 30 neurons of 'E@A_L' is none", "drives.d.fraction"),
    "no regions": (f"{{{DC}, target: N, regions: left}}", "population 'N' lives in no regions", "drives.d.regions"),
    "region": (f"{{{DC}, target: E, regions: [A_L, B_L]}}", "'E' does not live in B_L", "drives.d.regions"),
    "unknown": (f"{{{DC}, target: E, regions: [A_M]}}", "atlas 'small' has no region 'A_M'", "drives.d.regions"),
    "window": (f"{{{DC}, target: N, windows_ms: [[2, 1]]}}", "windows_ms: [2, 1] must begin at 0", "drives.d"),
    "overlap": (f"{{{DC}, target: N, windows_ms: [[0, 5], [4, 9]]}}", "[4, 9] must begin at 5", "drives.d"),
    "pair": (f"{{{DC}, target: N, windows_ms: [[0, 5, 6]]}}", "got [0, 5, 6]", "drives.d.windows_ms.0"),
    "number": (f"{{{DC}, target: N, windows_ms: [[0, soon]]}}", "got 'soon'", "drives.d.windows_ms.0.1"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_told_where_they_are(compiled: Any, name: str) -> None:
    drive, said, where = WRONG[name]
    with pytest.raises(InputError) as caught:
        compiled(drive)
    assert said in caught.value.message
    assert (caught.value.where or "").endswith(where)
    assert_for_people(caught.value)


def test_regions_need_an_atlas() -> None:
    text = "simulation: {duration_ms: 1}\npopulations: {N: {model: iaf_psc_exp, size: 2}}\n"
    with pytest.raises(InputError, match="a drive in regions needs an atlas") as caught:
        network_of(text, f"drives.d={{{DC}, target: N, regions: left}}")
    assert (caught.value.where or "").endswith("drives.d.regions")
