"""Places of the electrodes of the 10-10 system, from its definition; maps that go through the values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dtbsim.analysis.electrodes import electrode_directions, flat_positions, scalp_map
from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import load_lead_field

CHANNELS = load_lead_field(load_atlas("aal2"), "bem").channels


def directions(*names: str) -> np.ndarray:
    found = electrode_directions(names)
    assert found is not None
    return found


def angle(first: str, second: str) -> float:
    a, b = directions(first, second)
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def test_the_midline_and_the_circumference_are_divided_into_tenths() -> None:
    midline = ["Nz", "Fpz", "AFz", "Fz", "FCz", "Cz", "CPz", "Pz", "POz", "Oz", "Iz"]
    assert [angle(a, b) for a, b in itertools.pairwise(midline)] == pytest.approx([22.5] * 10)
    ring = ["Fpz", "Fp1", "AF7", "F7", "FT7", "T7", "TP7", "P7", "PO7", "O1", "Oz"]
    assert [angle(a, b) for a, b in itertools.pairwise(ring)] == pytest.approx([18] * 10)
    assert directions(*ring)[:, 2] == pytest.approx(np.zeros(11))
    assert directions("Cz")[0] == pytest.approx([0, 0, 1])
    assert directions("Fpz")[0] == pytest.approx([0, 1, 0])
    assert directions("T8")[0] == pytest.approx([1, 0, 0])
    assert angle("TP9", "TP7") == pytest.approx(22.5)


@pytest.mark.parametrize("row", [("F7", "F5", "F3", "F1", "Fz"), ("T7", "C5", "C3", "C1", "Cz"),
                                 ("P7", "P5", "P3", "P1", "Pz"), ("AF7", "AF5", "AF3", "AF1", "AFz")])  # fmt: skip
def test_rows_divide_the_arc_from_the_circumference_to_the_midline(row: tuple[str, ...]) -> None:
    steps = [angle(a, b) for a, b in itertools.pairwise(row)]
    assert steps == pytest.approx([steps[0]] * 4)
    points = directions(*row)
    normal = np.cross(points[1] - points[0], points[2] - points[0])
    assert (points - points[0]) @ normal == pytest.approx(np.zeros(5), abs=1e-12), "one circle"


def test_places_are_those_of_published_tables() -> None:
    """Azimuth from the right ear and elevation in degrees, of the spherical 10-20 tables of EEGLAB, rounded there."""
    for name, azimuth, elevation in (
        ("F3", 129, 30),
        ("F4", 51, 30),
        ("P3", -129, 30),
        ("C3", 180, 45),
        ("O2", -72, 0),
    ):
        (x, y, z) = directions(name)[0]
        assert np.degrees(np.arctan2(y, x)) == pytest.approx(azimuth, abs=1)
        assert np.degrees(np.arcsin(z)) == pytest.approx(elevation, abs=1)


def test_every_electrode_of_the_lead_fields_has_a_place_of_its_own() -> None:
    found = directions(*CHANNELS)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(64))
    apart = found @ found.T - 2 * np.eye(64)
    assert np.degrees(np.arccos(apart.max())) > 8
    for k, name in enumerate(CHANNELS):
        number = name[-2:].lstrip("AFCPOTpz")
        side = 0 if name.endswith("z") else -1 if int(number) % 2 else 1
        assert np.sign(round(found[k, 0], 9)) == side, name
    assert electrode_directions(["Cz", "E1"]) is None
    assert directions("FZ", "t3") == pytest.approx(directions("Fz", "T7")), "as it may be spelled; names of 10-20"


def test_maps_keep_the_distance_from_the_vertex() -> None:
    flat = flat_positions(directions("Cz", "Fpz", "T7", "C4", "Iz"))
    assert flat == pytest.approx(np.array([[0, 0], [0, 1], [-1, 0], [0.5, 0], [0, -1.25]]))


def test_a_map_goes_through_all_values_and_between_them() -> None:
    places = flat_positions(directions(*CHANNELS))
    values = np.random.default_rng(1).normal(size=64)
    assert scalp_map(places, values, places) == pytest.approx(values, abs=1e-6)
    smooth = 3 + 2 * places[:, 0] - places[:, 1] ** 2
    between = np.random.default_rng(2).uniform(-0.6, 0.6, (50, 2))
    assert scalp_map(places, smooth, between) == pytest.approx(3 + 2 * between[:, 0] - between[:, 1] ** 2, abs=0.05)
    assert scalp_map(places, np.full(64, 2.5), between) == pytest.approx(np.full(50, 2.5))
