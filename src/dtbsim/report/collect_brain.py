"""The 3-D brain: regions with values, what connects them, and hulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.report.brain_values import strongest
from dtbsim.report.data import Brain, Edges, FloatArray, RegionValue
from dtbsim.report.hull import hemisphere_hulls
from dtbsim.report.part import gathered

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas
    from dtbsim.report.source import Source

MOST_BALLS = 20_000
MAP_NAMES = {
    "area_mm2": ("surface area", "mm²"),
    "t1wt2w": ("T1w/T2w ratio (myelin)", ""),
    "thickness_mm": ("cortical thickness", "mm"),
    "curvature": ("curvature", ""),
    "fc_gradient0": ("principal gradient of FC", ""),
    "fc_gradient1": ("second gradient of FC", ""),
    "mpc_gradient0": ("principal gradient of microstructure", ""),
    "mpc_gradient1": ("second gradient of microstructure", ""),
}
"""Names and units of the maps of bundled atlases; those of other atlases are shown by their own names."""

HIDDEN_MAPS = ("normal_x", "normal_y", "normal_z")


def collect_brain(source: Source, found: dict[str, Any]) -> Brain | None:
    """Return region centroids with values, hulls and edges, where the atlas is known.

    `found` is what the parts of all kinds of recorders collected. Values of the last of them come first, which follow
    from those before; what the atlas itself holds stands last.
    """
    atlas = source.atlas
    if atlas is None:
        return None
    problem = no_brain(atlas)
    if problem is not None:
        source.absent.append(f"the brain ({problem})")
        return None
    last_first = dict(reversed(found.items()))
    values = gathered(last_first, "region_values", source.absent, source)
    drawn = gathered(found, "edges", source.absent, source)
    return brain_of(atlas, values, drawn)


def no_brain(atlas: Atlas) -> str | None:
    """Return why an atlas cannot be drawn as a brain, None where it can."""
    if atlas.n_regions > MOST_BALLS:
        return f"more than {MOST_BALLS:,} regions"
    if atlas.xyz_mm is None:
        return "the atlas has no centroids of its regions"
    if len(np.unique(atlas.xyz_mm, axis=0)) < min(2, atlas.n_regions):
        return "all regions have the same centroid"
    return None


def brain_of(atlas: Atlas, values: Sequence[RegionValue], edges: Sequence[Edges]) -> Brain:
    """Return an atlas as a brain; its own values and connections follow those that are given."""
    xyz_mm = np.asarray(atlas.xyz_mm, dtype=np.float64)
    return Brain(
        atlas=atlas.name,
        regions=list(atlas.display_names),
        xyz_mm=xyz_mm,
        values=[*values, *_atlas_values(atlas)],
        hulls=hemisphere_hulls(xyz_mm, list(atlas.hemisphere)),
        edges=[one for one in [_structural(atlas), *edges] if len(one.pairs)],
        left_x=left_side(xyz_mm, list(atlas.hemisphere)),
    )


def left_side(xyz_mm: FloatArray, hemisphere: list[str]) -> int:
    """Return the sign of x on the left side (-1, 1), 0 where hemispheres are not named or lie on the same side.

    With both hemispheres their mean positions decide, with one of them its side of x = 0.
    """
    sides = np.array(hemisphere)
    left, right = (xyz_mm[sides == side, 0] for side in ("L", "R"))
    if left.size and right.size:
        return int(np.sign(left.mean() - right.mean()))
    return int(np.sign(left.mean() if left.size else -right.mean())) if left.size or right.size else 0


def _atlas_values(atlas: Atlas) -> list[RegionValue]:
    from dtbsim.atlas import is_bundled

    note = "Total weight of the connections onto the region in the connectome."
    if atlas.weights_unit:
        note += f" Unit of the weights: {atlas.weights_unit}."
    result = [RegionValue("structural strength", "total weight", np.asarray(atlas.in_strength()), note)]
    names = MAP_NAMES if is_bundled(atlas) else {}
    for name, values in atlas.maps.items():
        if name in HIDDEN_MAPS and set(HIDDEN_MAPS) <= atlas.maps.keys():
            continue
        label, unit = names.get(name, (name, ""))
        result.append(RegionValue(label, unit, np.asarray(values), f"A map of the atlas ({name})."))
    return result


def _structural(atlas: Atlas) -> Edges:
    targets, sources, weights, _ = atlas.edges()
    return strongest("structural", np.stack([targets, sources], axis=1), weights)
