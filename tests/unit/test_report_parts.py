"""Pieces of the report: words and numbers, colours, hulls, the order of regions, published rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbsim.atlas import load_atlas
from dtbsim.report import text, theme
from dtbsim.report.data import Groups
from dtbsim.report.figures_brain import SMALLEST_SHARE, ball_sizes
from dtbsim.report.figures_common import figure, label_groups, log_axis, log_label
from dtbsim.report.hull import hemisphere_hulls, icosphere
from dtbsim.report.layout import region_order
from dtbsim.report.published import PD14_RATES_HZ, published_rates


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (0.0123456, "0.0123"),
        (4.9, "4.9"),
        (60.0, "60"),
        (1234567, "1.23e+06"),
        (99950.0, "100,000"),
        (-2.5, "-2.5"),
    ],
)
def test_significant(value: float, expected: str) -> None:
    assert text.significant(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (950, "950"),
        (2_700_000, "2,700,000"),
        (298_880_941, "299 million"),
        (24.2e9, "24.2 billion"),
        (None, "not known"),
    ],
)
def test_count(value: object, expected: str) -> None:
    assert text.count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.11e-5, "11.1 µs"),
        (6.2e-4, "0.62 ms"),
        (0.42, "0.42 s"),
        (700, "11 min 40 s"),
        (3725, "1 h 02 min"),
        (float("nan"), "not known"),
    ],
)
def test_seconds(value: object, expected: str) -> None:
    assert text.seconds(value) == expected


def test_sizes_and_lists() -> None:
    assert text.size_of(1.9e9) == "1.9 GB"
    assert text.size_of(512) == "512 B"
    assert text.milliseconds(20) == "20 ms"
    assert text.milliseconds(1000) == "1 s"
    assert text.listing(["a"]) == "a"
    assert text.listing(["a", "b", "c"]) == "a, b and c"
    assert text.plural(1, "rank") == "1 rank"
    assert text.plural(2, "rank") == "2 ranks"
    assert not text.is_number(True)
    assert not text.is_number(float("inf"))


def test_one_pair_of_families_gets_two_hues_and_layers_one_hue_each() -> None:
    pair = theme.family_colours(["E", "I"])
    assert pair == {"E": theme.EXCITATORY, "I": theme.INHIBITORY}
    layers = theme.family_colours(["L23E", "L23I", "L4E", "L4I"])
    assert len(set(layers.values())) == 4
    assert (layers["L23E"], layers["L23I"]) == theme.HUES[0]
    assert (layers["L4E"], layers["L4I"]) == theme.HUES[1]


def luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_strong_hues_stand_out_on_both_grounds() -> None:
    for strong, _ in theme.HUES:
        for ground in (theme.LIGHT["paper"], theme.DARK["paper"]):
            high, low = sorted((luminance(strong), luminance(ground)), reverse=True)
            assert (high + 0.05) / (low + 0.05) > 3.0, (strong, ground)


def test_icosphere_is_closed_round_and_points_outward() -> None:
    vertices, triangles = icosphere(2)
    assert vertices.shape == (162, 3)
    assert triangles.shape == (320, 3)
    assert np.allclose(np.linalg.norm(vertices, axis=1), 1)
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0).all()


def test_hulls_hold_their_centroids_and_stop_at_the_midline() -> None:
    atlas = load_atlas("aal2")
    hulls = hemisphere_hulls(atlas.xyz_mm, list(atlas.hemisphere))
    assert len(hulls) == 2
    for hull, side in zip(hulls, ("L", "R"), strict=True):
        points = atlas.xyz_mm[np.array(atlas.hemisphere) == side]
        sign = np.sign(np.median(points[:, 0]))
        assert (hull.vertices_mm[:, 0] * sign > 0).all()
        span = np.ptp(hull.vertices_mm, axis=0) / np.ptp(points, axis=0)
        assert (span[1:] > 1.0).all()
        assert (span < 1.5).all()


def test_too_few_or_missing_centroids_make_no_hull() -> None:
    assert hemisphere_hulls(np.zeros((7, 3)), ["L"] * 7) == []
    assert hemisphere_hulls(np.full((20, 3), np.nan), ["L"] * 20) == []


def test_ball_areas_grow_linearly() -> None:
    sizes = ball_sizes(np.array([0.0, 1.0, 2.0, np.nan]))
    assert sizes[[0, 2]] == pytest.approx([SMALLEST_SHARE, 1.0])
    assert sizes[1] ** 2 == pytest.approx((sizes[0] ** 2 + sizes[2] ** 2) / 2)
    assert sizes[3] == pytest.approx(SMALLEST_SHARE)
    assert np.ptp(ball_sizes(np.ones(4))) == 0


def test_regions_are_grouped_by_hemisphere_and_network() -> None:
    atlas = load_atlas("aal2")
    order = region_order(list(atlas.region_names), atlas)
    assert sorted(order.order) == list(range(80))
    assert len(order.groups.labels) == 14
    labels = atlas.labels["yeo7"]
    for label, start, stop in zip(order.groups.labels, order.groups.edges[:-1], order.groups.edges[1:], strict=True):
        members = order.order[start:stop]
        assert len({(atlas.hemisphere[i], labels[i]) for i in members}) == 1
        assert label.startswith(atlas.hemisphere[members[0]])
    assert order.groups.edges[-1] == 80


def test_regions_without_an_atlas_keep_their_order() -> None:
    order = region_order(["b", "a"], None)
    assert order.ordered_names == ["b", "a"]
    assert order.groups == Groups(["b", "a"], [0, 1, 2])


def test_labels_of_groups_are_left_to_what_fits() -> None:
    fig = figure(480)
    label_groups(fig, "yaxis", Groups(["a", "<b>", "c"], [0, 2, 4, 100]), taken=80)
    (thin,) = fig.layout.meta["thin"]
    assert thin["values"] == [0.5, 2.5, 51.5]
    assert thin["labels"] == ["a", "&lt;b&gt;", "c"]
    assert (thin["axis"], thin["taken"]) == ("yaxis", 80)
    assert list(fig.layout.yaxis.tickvals) == thin["values"], "without a script all are there"


@settings(derandomize=True, max_examples=300)
@given(st.floats(-12, 8), st.floats(0, 12))
def test_a_logarithmic_axis_has_numbers(power: float, decades: float) -> None:
    low, high = 10**power, 10 ** (power + decades)
    axis = log_axis(low, high)
    shown = [v for v in axis["tickvals"] if axis["range"][0] <= np.log10(v) <= axis["range"][1]]
    assert 3 <= len(shown) == len(axis["tickvals"]) <= 12
    assert len(set(axis["ticktext"])) == len(shown)
    assert axis["range"][0] <= np.log10(low)
    assert np.log10(high) <= axis["range"][1]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 5.0), (float("nan"), 1.0), (3.0, 2.0), (-1.0, 1.0), (1.0, float("inf"))]
)
def test_a_logarithmic_axis_without_anything_to_show_still_has_numbers(low: float, high: float) -> None:
    assert log_axis(low, high)["ticktext"] == log_axis(0.1, 10.0)["ticktext"]


def test_labels_of_a_logarithmic_axis() -> None:
    assert log_axis(3, 6)["ticktext"] == ["3", "4", "5", "6"]
    assert log_axis(0.6, 50)["ticktext"] == ["1", "2", "5", "10", "20", "50"]
    assert [log_label(v) for v in (1e-4, 0.02, 20000.0, 1e6, 2e-7)] == [
        "10<sup>-4</sup>",
        "0.02",
        "20000",
        "10<sup>6</sup>",
        "2\u00b710<sup>-7</sup>",
    ]


def test_published_rates_only_for_the_very_model() -> None:
    circuit = {"kind": "potjans_diesmann", "scale": 1.0, "indegree_scale": 1.0, "drive": "poisson", "regions": None}
    rates, source = published_rates({"circuits": {"column": circuit}})
    assert rates == {f"column.{name}": rate for name, rate in PD14_RATES_HZ.items()}
    assert source
    for change in (
        {"scale": 0.1},
        {"indegree_scale": 0.5},
        {"drive": "dc"},
        {"regions": "all"},
        {"kind": "balanced_ei"},
    ):
        assert published_rates({"circuits": {"column": circuit | change}}) == ({}, "")
    assert published_rates({"circuits": {"a": circuit, "b": circuit}}) == ({}, "")
    assert published_rates({"circuits": {"a": circuit}, "drives": {"x": {}}}) == ({}, "")
