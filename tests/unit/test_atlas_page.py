"""The page of an atlas shows what the atlas has, and says where it comes from."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.lab_files import DIRECTED, FC, LABELS, LENGTHS, SIDES, WEIGHTS, XYZ, N

from dtbsim.atlas import Atlas, save_atlas
from dtbsim.cli import main
from dtbsim.errors import StorageError
from dtbsim.report.atlas_page import atlas_page, write_atlas_page
from dtbsim.report.figures_atlas import degree_distribution, strength_distribution, weight_distribution, weight_matrix
from dtbsim.report.layout import region_order

ATLAS = Atlas(
    name="six", region_names=LABELS, weights=WEIGHTS, lengths_mm=LENGTHS, xyz_mm=XYZ, hemisphere=SIDES, fc=FC,
    licence="<b>mine</b>",
)  # fmt: skip


def titles(page: str) -> list[str]:
    return re.findall(r"<h3>(.*?)</h3>", page)


def test_the_page_has_a_figure_for_everything(tmp_path: Path) -> None:
    page = atlas_page(ATLAS, {"taken": [{"file": "<w>.csv", "taken_for": "weights", "why": "x"}], "changes": ["y"]})
    assert titles(page) == [
        "Weights", "Lengths against weights", "Degree", "Strength", "Weights of connections",
        "Functional connectivity", "FC against weights", "Made of these files",
    ]  # fmt: skip
    assert "class='brain'" in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "&lt;w&gt;.csv" in page
    figures = re.findall(r"id='(figure-\d+)'>(.*?)</script>", page)
    assert len(figures) == 8
    assert all(json.loads(text)["data"] for _, text in figures)


def test_what_an_atlas_does_not_have_is_not_drawn() -> None:
    page = atlas_page(replace(ATLAS, xyz_mm=None, lengths_mm=None, lengths_source=None, fc=None))
    assert titles(page) == ["Weights", "Degree", "Strength", "Weights of connections"]
    assert "No picture: the atlas has no centroids of its regions." in page


def test_matrix_and_distributions_hold_the_numbers() -> None:
    atlas = replace(ATLAS, weights=DIRECTED)
    shown = weight_matrix(DIRECTED, region_order(LABELS, atlas)).data[0]
    off = ~np.eye(N, dtype=bool)
    np.testing.assert_allclose(10 ** np.asarray(shown.z)[off], DIRECTED[off], rtol=1e-5)
    assert np.isnan(np.asarray(shown.z)[~off]).all()
    for figure in (
        degree_distribution(np.full(N, 5.0), np.full(N, 5.0), True),
        strength_distribution(DIRECTED.sum(axis=1), DIRECTED.sum(axis=0), False),
    ):
        assert all(sum(bars.y) == N for bars in figure.data)
    assert sum(weight_distribution(DIRECTED[off]).data[0].y) == N * (N - 1)


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_atlas(ATLAS, tmp_path / "six.npz")
    assert main(["atlas", "show", str(tmp_path / "six.npz"), "--out", str(tmp_path / "a.html")]) == 0
    assert "written: " in capsys.readouterr().out
    assert "six: dtbsim atlas" in (tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(StorageError, match="nowhere"):
        write_atlas_page(ATLAS, tmp_path / "nowhere" / "a.html")
