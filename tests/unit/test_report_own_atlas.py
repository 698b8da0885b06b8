"""Reports of runs on atlases of the user's own: in their words, and without what they lack."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import report_folder as folder
from report_found import collect

from dtbsim.atlas import load_atlas, save_atlas


def test_centroids_that_are_all_the_same_make_no_brain(tmp_path: Path) -> None:
    atlas = dataclasses.replace(load_atlas("aal2"), xyz_mm=np.zeros((80, 3)), name="flat", source="")
    save_atlas(atlas, tmp_path / "flat.npz")
    run = folder.whole_brain_run(tmp_path / "run", duration_ms=500.0)
    text = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(text.replace("atlas: aal2", f"atlas: {tmp_path}/flat.npz"), encoding="utf-8")
    data = collect(run)
    assert data.brain is None
    assert "the brain (all regions have the same centroid)" in data.absent


def test_an_own_atlas_keeps_its_own_words(tmp_path: Path) -> None:
    labels = {"net": tuple("Vis" if i // 2 % 2 else "Cont" for i in range(80))}
    maps = {"thickness_mm": np.arange(80.0), "normal_x": np.arange(80.0)}
    changes = {"labels": labels, "maps": maps, "fc_leave_one_out": None, "source": ""}
    atlas = dataclasses.replace(load_atlas("aal2"), name="mine", **changes)
    save_atlas(atlas, tmp_path / "mine.npz")
    run = folder.whole_brain_run(tmp_path / "run", duration_ms=500.0)
    text = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(text.replace("atlas: aal2", f"atlas: {tmp_path}/mine.npz"), encoding="utf-8")
    data = collect(run)
    assert data.brain is not None
    assert data.brain.left_x == -1
    assert {"thickness_mm", "normal_x"} <= {value.label for value in data.brain.values}
    assert data.fc is not None
    assert data.fc.groups.labels == ["L Cont", "L Vis", "R Cont", "R Vis"]
    assert (data.fc.atlas, data.fc.subjects) == ("mine", None)
    assert data.population_rates is not None
    assert not data.population_rates.cortical
