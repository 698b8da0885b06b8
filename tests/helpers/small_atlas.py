"""An atlas of five regions whose connectome can be checked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dtbsim.atlas import Atlas, save_atlas

REGIONS = ("A_L", "B_L", "C_R", "D_R", "Mid")
WEIGHTS = np.array(
    [
        [0.0, 4.0, 1.0, 0.0, 0.5],
        [2.0, 0.0, 0.0, 1.0, 0.0],
        [3.0, 0.0, 0.0, 5.0, 0.0],
        [0.0, 0.25, 2.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
"""[target, source]; the last region receives nothing."""
LENGTHS_MM = np.where(WEIGHTS > 0, 5.0 + 10.0 * np.arange(25).reshape(5, 5), 0.0)
MAPS = {"gradient": np.array([2.0, 4.0, 6.0, 10.0, 3.0]), "flat": np.full(5, 7.0)}


def save_small_atlas(folder: Path, *, lengths: bool = True, name: str = "small") -> str:
    """Write the atlas and return its file name, for `atlas:` with the folder as base."""
    atlas = Atlas(
        name=name,
        region_names=REGIONS,
        xyz_mm=np.arange(15.0).reshape(5, 3),
        weights=WEIGHTS,
        lengths_mm=LENGTHS_MM if lengths else None,
        lengths_source="measured" if lengths else "none",
        hemisphere=("L", "L", "R", "R", ""),
        maps=MAPS,
    )
    return save_atlas(atlas, folder / f"{name}.npz").name
