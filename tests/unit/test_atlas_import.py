"""An atlas is made of what laboratories have, says what each file was taken for, and is what was in the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from tests.helpers.lab_files import (
    BOLD,
    DIRECTED,
    FC,
    LABELS,
    LENGTHS,
    SIDES,
    WEIGHTS,
    XYZ,
    N,
    write_folder,
    write_graphml,
    write_labelled,
    write_people,
    write_tvb,
)  # fmt: skip

import dtbsim
from dtbsim.atlas import Atlas, load_atlas
from dtbsim.cli import main
from dtbsim.config import load_config_text
from dtbsim.data import read_series
from dtbsim.errors import InputError
from dtbsim.report.atlas_page import atlas_page
from dtbsim.spec import compile_network


def taken(made: Any) -> dict[str, str]:
    """Name of each file and variable: what it was taken for."""
    return {Path(one["file"]).name: one["taken_for"] for one in made.taken}


def test_a_folder_of_tables_becomes_an_atlas(tmp_path: Path) -> None:
    made = dtbsim.import_atlas(write_folder(tmp_path / "lab"), out=tmp_path / "brain")
    assert taken(made) == {
        "SC_weights.csv": "weights", "tract_lengths.csv": "tract lengths", "centroids.csv": "labels, centroids",
        "bold.npz: labels": "labels", "bold.npz: bold": "BOLD (50 samples)",
    }  # fmt: skip
    assert all(one["why"] for one in made.taken)
    atlas = load_atlas(tmp_path / "brain")
    np.testing.assert_array_equal(atlas.weights, WEIGHTS)
    np.testing.assert_array_equal(atlas.lengths_mm, LENGTHS)
    np.testing.assert_array_equal(atlas.xyz_mm, XYZ)
    np.testing.assert_allclose(atlas.fc, FC, atol=1e-12)
    assert (atlas.fc_tr_s, atlas.display_names, atlas.hemisphere) == (0.72, LABELS, SIDES)
    series = read_series(tmp_path / "brain" / "bold" / "bold.npz")
    np.testing.assert_array_equal(series.values, BOLD)
    assert (series.labels, series.period_s) == (LABELS, 0.72)
    record = json.loads((tmp_path / "brain" / "import.json").read_text())
    assert {Path(file["path"]).name for file in record["files"]} >= {"SC_weights.csv", "bold.npz"}
    assert "hemispheres from labels: 3 left, 3 right" in made.changes
    assert "weights are symmetric: both directions of a pair are the same" in made.changes


def test_a_connectivity_of_tvb_keeps_its_direction(tmp_path: Path) -> None:
    made = dtbsim.import_atlas(write_tvb(tmp_path / "tvb.zip"), out=tmp_path / "brain")
    atlas = made.atlas
    np.testing.assert_array_equal(atlas.weights, DIRECTED)
    np.testing.assert_array_equal(atlas.lengths_mm, LENGTHS)
    assert atlas.hemisphere == SIDES
    assert atlas.maps["areas"].tolist() == [1, 2, 3, 4, 5, 6]
    assert any(line.startswith("weights are directed: rows of the file receive") for line in made.changes)
    assert all(one["file"].startswith(str(tmp_path / "tvb.zip: ")) for one in made.taken)
    turned = dtbsim.import_atlas(tmp_path / "tvb.zip", out=tmp_path / "turned", transpose=True)
    np.testing.assert_array_equal(turned.atlas.weights, DIRECTED.T)


@pytest.mark.parametrize("kind", ["mat", "npz", "graphml"])
def test_one_file_with_everything(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"all.{kind}"
    if kind == "mat":
        scipy.io.savemat(path, {"SC": WEIGHTS, "len": LENGTHS, "names": np.array(LABELS, dtype=object), "centers": XYZ})
    elif kind == "npz":
        np.savez(path, SC=WEIGHTS, len=LENGTHS, names=np.array(LABELS), centers=XYZ)
    else:
        write_graphml(path)
    atlas = dtbsim.import_atlas(path, out=tmp_path / "brain").atlas
    np.testing.assert_allclose(atlas.weights, WEIGHTS, rtol=1e-12)
    np.testing.assert_allclose(atlas.lengths_mm, LENGTHS, rtol=1e-12)
    np.testing.assert_allclose(atlas.xyz_mm, XYZ)
    assert atlas.display_names == LABELS
    assert atlas.hemisphere == SIDES


def test_people_become_atlases_and_their_mean(tmp_path: Path) -> None:
    made = dtbsim.import_atlas(write_people(tmp_path / "people"), out=tmp_path / "group")
    assert made.people == ("sub-01", "sub-02", "sub-03", "sub-04")
    second = load_atlas(tmp_path / "group" / "subjects" / "sub-02")
    assert second.weights[2, 3] == 2 * WEIGHTS[2, 3]
    group = made.atlas
    assert group.weights[2, 3] == pytest.approx(2.5 * WEIGHTS[2, 3])
    assert group.weights[0, 1] == pytest.approx(WEIGHTS[0, 1] / 4)
    assert group.fc_leave_one_out is not None
    assert len(group.fc_leave_one_out) == 4
    assert group.fc_tr_s == 2
    z = np.arctanh(np.array([load_atlas(made.path / "subjects" / who).fc[0, 1] for who in made.people]))
    assert group.fc[0, 1] == pytest.approx(np.tanh(z.mean()))
    assert "everybody: functional connectivity worked out from BOLD (Pearson r)" in made.changes


def test_regions_are_matched_by_label_to_another_atlas(tmp_path: Path) -> None:
    order = [4, 2, 0, 5, 1, 3]
    write_labelled(tmp_path / "weights.csv", WEIGHTS, order)
    reference = Atlas(
        name="other", region_names=("Aa_R", "Cc_L", "Bb_L"), weights=np.zeros((3, 3)), xyz_mm=XYZ[:3],
        hemisphere=("R", "L", "L"),
    )  # fmt: skip
    dtbsim.atlas.save_atlas(reference, tmp_path / "other.npz")
    made = dtbsim.import_atlas(tmp_path / "weights.csv", out=tmp_path / "brain", order_of=tmp_path / "other.npz")
    where = [3, 2, 1]
    np.testing.assert_array_equal(made.atlas.weights, WEIGHTS[np.ix_(where, where)])
    assert made.atlas.region_names == reference.region_names
    np.testing.assert_array_equal(made.atlas.xyz_mm, XYZ[:3])
    assert "3 regions that atlas other does not have are left out: rh.Bb, lh.Aa, rh.Cc" in made.changes
    assert "centroids from atlas other" in made.changes


def test_weights_are_changed_only_where_that_is_asked_for(tmp_path: Path) -> None:
    write_labelled(tmp_path / "w.csv", WEIGHTS + 7 * np.eye(N))
    plain = dtbsim.import_atlas(tmp_path / "w.csv", out=tmp_path / "plain")
    np.testing.assert_array_equal(plain.atlas.weights, WEIGHTS)
    assert "diagonal of the weights set to 0 (6 regions were connected with themselves)" in plain.changes
    assert any(line.startswith("no centroids: there will be no picture of the brain") for line in plain.changes)
    made = dtbsim.import_atlas(tmp_path / "w.csv", out=tmp_path / "made", log=True, normalise="max")
    np.testing.assert_allclose(made.atlas.weights, np.log1p(WEIGHTS) / np.log1p(WEIGHTS).max())
    assert made.atlas.weights_unit == "ln(1 + w) / largest"


def test_what_is_named_wins_over_what_is_guessed(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", a=WEIGHTS, b=DIRECTED, fc=FC)
    np.savetxt(tmp_path / "names.txt", np.array(LABELS), fmt="%s")
    made = dtbsim.import_atlas(
        tmp_path / "all.npz", out=tmp_path / "brain", weights=f"{tmp_path}/all.npz:b", labels=tmp_path / "names.txt"
    )
    np.testing.assert_array_equal(made.atlas.weights, DIRECTED)
    assert made.atlas.display_names == LABELS
    assert taken(made)["all.npz: a"] == "left out"


def test_missing_lengths_are_estimated_where_that_is_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path / "lab")
    lengths = LENGTHS.copy()
    lengths[1, 2] = lengths[2, 1] = 0
    np.savetxt(tmp_path / "lab" / "tract_lengths.csv", lengths, delimiter=",")
    with pytest.raises(InputError, match=r"lengths\.csv: 2 connections have a weight but no length .*row 2, column 3"):
        dtbsim.import_atlas(tmp_path / "lab", out=tmp_path / "brain")
    made = dtbsim.import_atlas(tmp_path / "lab", out=tmp_path / "brain", estimate_lengths=True)
    assert made.atlas.lengths_mm[1, 2] == pytest.approx(1.172 * np.linalg.norm(XYZ[1] - XYZ[2]) + 38.7)
    assert made.atlas.lengths_mm[1, 3] == LENGTHS[1, 3]
    assert "2 missing tract lengths estimated from the distance of centroids" in made.changes


def test_an_atlas_without_centroids_is_used_and_says_so(tmp_path: Path) -> None:
    write_labelled(tmp_path / "w.csv", WEIGHTS)
    made = dtbsim.import_atlas(tmp_path / "w.csv", out=tmp_path / "brain")
    populations = "populations: {E: {model: iaf_psc_exp, size: 2, regions: all}}"
    config = load_config_text(f"atlas: {tmp_path / 'brain'}\nsimulation: {{duration_ms: 1}}\n{populations}\n")
    network = compile_network(config)
    assert network.region_names == made.atlas.region_names
    assert "No picture: the atlas has no centroids of its regions." in atlas_page(made.atlas)
    with pytest.raises(InputError, match="cannot be estimated without centroids"):
        dtbsim.import_atlas(tmp_path / "w.csv", out=tmp_path / "other", estimate_lengths=True)
    assert not (tmp_path / "other").exists()


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_people(tmp_path / "people", 2)
    assert main(["atlas", "import", str(tmp_path / "people"), "--out", str(tmp_path / "group")]) == 0
    out = capsys.readouterr().out
    assert "sub-01_connectome.csv" in out
    assert "its name has the word 'connectome'" in out
    assert f"    - {{atlas: {tmp_path / 'group' / 'subjects' / 'sub-02'}}}" in out
    assert out.rstrip().endswith(f"written: {tmp_path / 'group'}")


def test_a_label_image_gives_centroids_and_is_kept(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel: pip install 'dtbsim[nifti]'")
    voxels = np.zeros((8, 8, 8), np.int16)
    for region in range(N):
        voxels[region, region : region + 2, 3] = 10 * (region + 1)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -5
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "parc_dseg.nii.gz")
    names = "\n".join(f"{10 * (k + 1)}\t{name}" for k, name in enumerate(LABELS))
    (tmp_path / "parc_dseg.tsv").write_text(f"index\tname\n{names}\n")
    write_labelled(tmp_path / "weights.csv", WEIGHTS)
    image = np.stack([np.where(voxels > 0, voxels / 10 * t, 0.0) for t in range(1, 5)], axis=-1)
    bold = nibabel.Nifti1Image(image, affine)
    bold.header.set_zooms((2, 2, 2, 0.8))
    bold.header.set_xyzt_units("mm", "sec")
    nibabel.save(bold, tmp_path / "bold.nii.gz")
    made = dtbsim.import_atlas(
        tmp_path / "weights.csv", out=tmp_path / "brain", label_image=tmp_path / "parc_dseg.nii.gz"
    )
    np.testing.assert_allclose(made.atlas.xyz_mm[1], [-3, -2, 1])
    assert made.atlas.labels["label"] == ("10", "20", "30", "40", "50", "60")
    assert (made.path / "images" / "parc_dseg.nii.gz").is_file()
    series = read_series(tmp_path / "bold.nii.gz", label_image=tmp_path / "parc_dseg.nii.gz")
    assert (series.labels, series.period_s) == (LABELS, 0.8)
    np.testing.assert_allclose(series.values[2], 3.0 * np.arange(1, N + 1))
