"""Atlases made of others: numbers against sums by hand, people treated alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.lab_files import DIRECTED, FC, LABELS, LENGTHS, SIDES, WEIGHTS, XYZ, N, write_people

import dtbsim
from dtbsim.atlas import Atlas, load_atlas, save_atlas
from dtbsim.atlas.derive import group_mean, merged, with_density
from dtbsim.atlas.derive_folder import atlas_people
from dtbsim.cli import main
from dtbsim.errors import InputError

ATLAS = Atlas(
    name="six", region_names=LABELS, weights=WEIGHTS, lengths_mm=LENGTHS, xyz_mm=XYZ, hemisphere=SIDES, fc=FC,
    labels={"network": ("x", "x", "y", "x", "y", "y")}, maps={"size": np.arange(6.0)},
)  # fmt: skip


@pytest.mark.parametrize(("weights", "kept"), [(WEIGHTS, 8), (DIRECTED, 9)])
def test_the_strongest_connections_stay(weights: np.ndarray, kept: int) -> None:
    made, lines = with_density(replace(ATLAS, weights=weights), 0.3)
    assert made.n_connections == kept
    assert np.array_equal(made.weights, made.weights.T) == (kept == 8)
    assert made.weights[made.weights > 0].min() >= np.sort(weights[weights > 0])[-kept]
    assert lines == [f"{kept} of 30 connections stay (density {kept / 30:.3g}, it was 1)"]


def test_connections_that_few_people_have_are_left_out() -> None:
    people = []
    for k in range(4):
        weights = WEIGHTS * (k + 1)
        weights[0, 1] = WEIGHTS[0, 1] if k < 2 else 0.0
        people.append(replace(ATLAS, weights=weights, name=str(k), lengths_mm=LENGTHS + k * (LENGTHS > 0)))
    made, _ = group_mean(people, "group", 0.75)
    assert made.weights[0, 1] == 0
    assert made.weights[1, 0] == pytest.approx(2.5 * WEIGHTS[1, 0])
    assert made.lengths_mm[1, 0] == pytest.approx(LENGTHS[1, 0] + 1.5)
    loose, _ = group_mean(people, "group", 0.5)
    assert loose.weights[0, 1] == pytest.approx(WEIGHTS[0, 1] / 2)
    assert loose.lengths_mm[0, 1] == pytest.approx(LENGTHS[0, 1] + 0.5)


def test_regions_are_put_together() -> None:
    made, _ = merged(ATLAS, {"lh_Aa": "one", "lh_Bb": "one"})
    assert made.region_names == ("one", "lh_Cc", "rh_Aa", "rh_Bb", "rh_Cc")
    assert made.weights[0, 2] == pytest.approx(WEIGHTS[0, 3] + WEIGHTS[1, 3])
    assert made.weights[0, 0] == 0
    wanted = (WEIGHTS[0, 3] * LENGTHS[0, 3] + WEIGHTS[1, 3] * LENGTHS[1, 3]) / (WEIGHTS[0, 3] + WEIGHTS[1, 3])
    assert made.lengths_mm[0, 2] == pytest.approx(wanted)
    np.testing.assert_allclose(made.xyz_mm[0], XYZ[:2].mean(axis=0))
    assert made.fc[0, 2] == pytest.approx(np.tanh(np.arctanh(FC[:2, 3]).mean()))
    assert (made.hemisphere[0], made.labels["network"][0], made.maps["size"][0]) == ("L", "x", 0.5)


def test_people_are_treated_as_the_group_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dtbsim.import_atlas(write_people(tmp_path / "people", 3), out=tmp_path / "group")
    done = main(["atlas", "derive", str(tmp_path / "group"), "--merge", "network", "--density", "0.5", "--out",
                 str(tmp_path / "small")])  # fmt: skip
    assert done == 0
    assert "people, as members of an ensemble" in capsys.readouterr().out
    people = atlas_people(tmp_path / "small")
    assert list(people) == ["sub-01", "sub-02", "sub-03"]
    group = load_atlas(tmp_path / "small")
    assert all(load_atlas(path).region_names == group.region_names for path in people.values())
    assert group.n_connections <= (0.5 * group.n_regions * (group.n_regions - 1))
    left = dtbsim.derive_atlas(tmp_path / "group", regions="left", consensus=1.0, out=tmp_path / "left")
    assert left.atlas.n_regions == 3
    assert left.atlas.weights[0, 1] == 0
    assert left.changes[1] == "2 connections that fewer than 100% of people have are left out"


def test_several_atlases_become_their_mean(tmp_path: Path) -> None:
    turned = ATLAS.subset([3, 4, 5, 0, 1, 2])
    save_atlas(ATLAS, tmp_path / "a.npz")
    save_atlas(replace(turned, name="b"), tmp_path / "b.npz")
    made = dtbsim.derive_atlas(tmp_path / "a.npz", tmp_path / "b.npz", out=tmp_path / "mean")
    np.testing.assert_allclose(made.atlas.weights, WEIGHTS)
    assert made.people == ("six", "b")
    np.testing.assert_array_equal(load_atlas(tmp_path / "mean/subjects/b").weights, WEIGHTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to do"),
        ({"density": 1.5}, r"density: a density of 1\.5"),
        ({"consensus": 0.5}, "has no people among whom there could be a consensus"),
        ({"merge": "lobe"}, "has no texts 'lobe'"),
        ({"merge": {"nowhere": "x"}}, "has no region 'nowhere'"),
        ({"regions": ["nowhere"]}, "has no region 'nowhere'"),
    ],
)
def test_what_cannot_be_derived_leaves_nothing(tmp_path: Path, options: dict[str, object], message: str) -> None:
    save_atlas(ATLAS, tmp_path / "a.npz")
    with pytest.raises(InputError, match=message):
        dtbsim.derive_atlas(tmp_path / "a.npz", out=tmp_path / "out", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    save_atlas(ATLAS, tmp_path / "a.npz")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out: is there already"):
        dtbsim.derive_atlas(tmp_path / "a.npz", out=tmp_path / "out", density=0.5)
    assert ATLAS.n_regions == N
