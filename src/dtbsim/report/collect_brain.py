"""Values per region and strongest connections, for the 3-D brain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report.data import (
    Bold,
    Brain,
    Edges,
    FloatArray,
    FunctionalConnectivity,
    IntArray,
    PopulationRates,
    RegionValue,
)
from dtbsim.report.hull import hemisphere_hulls

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas
    from dtbsim.report.source import Source

MOST_BALLS = 20_000
MOST_EDGES = 160
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


def collect_brain(
    source: Source, rates: PopulationRates | None, bold: Bold | None, fc: FunctionalConnectivity | None
) -> Brain | None:
    """Return region centroids with values, hulls and edges, where the atlas is known."""
    atlas = source.atlas
    if atlas is None:
        return None
    if atlas.n_regions > MOST_BALLS:
        source.absent.append(f"the brain (more than {MOST_BALLS:,} regions)")
        return None
    if len(np.unique(atlas.xyz_mm, axis=0)) < min(2, atlas.n_regions):
        source.absent.append("the brain (all regions have the same centroid)")
        return None
    values = [*_signal_values(atlas, bold, fc), *_rate_values(atlas, rates), *_atlas_values(atlas)]
    return Brain(
        atlas=atlas.name,
        regions=list(atlas.display_names),
        xyz_mm=np.asarray(atlas.xyz_mm, dtype=np.float64),
        values=values,
        hulls=hemisphere_hulls(atlas.xyz_mm, list(atlas.hemisphere)),
        edges=_edges(atlas, fc),
        left_x=left_side(np.asarray(atlas.xyz_mm), list(atlas.hemisphere)),
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


def _rate_values(atlas: Atlas, rates: PopulationRates | None) -> list[RegionValue]:
    if rates is None:
        return []
    position = {name: i for i, name in enumerate(atlas.display_names)}
    result = []
    for family in dict.fromkeys(rates.families[i] for i in rates.choose(in_regions=True)):
        values = np.full(atlas.n_regions, np.nan)
        for name, region, rate in zip(rates.families, rates.regions, rates.rate_hz, strict=True):
            if name == family and region in position:
                values[position[region]] = rate
        result.append(RegionValue(f"mean rate, {family}", "Hz", values, "Mean over the region's neurons and time."))
    return result


def _signal_values(atlas: Atlas, bold: Bold | None, fc: FunctionalConnectivity | None) -> list[RegionValue]:
    if bold is None or bold.regions != list(atlas.display_names):
        return []
    result = []
    if fc is not None:
        note = "Mean correlation of the region's simulated BOLD with that of all other regions."
        result.append(RegionValue("FC strength", "mean r", _strength(fc.simulated), note))
    note = "Standard deviation of the simulated BOLD over time, in % signal change."
    result.append(RegionValue("BOLD fluctuation", "%", bold.percent.std(axis=0), note))
    if fc is not None and fc.empirical is not None:
        note = "Mean correlation of the region's measured BOLD with that of all other regions."
        result.append(RegionValue("measured FC strength", "mean r", _strength(fc.empirical), note))
        note = "Correlation of the region's simulated FC to all others with its measured FC: where the model does well."
        result.append(RegionValue("FC fit of the region", "r", _fit(fc.simulated, fc.empirical), note))
    return result


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


def _strength(matrix: FloatArray) -> FloatArray:
    values = np.array(matrix, dtype=float)
    np.fill_diagonal(values, np.nan)
    return _mean_of_finite(values)


def _fit(simulated: FloatArray, measured: FloatArray) -> FloatArray:
    """Return each row's Pearson correlation with its counterpart, off the diagonal; NaN where it is not defined."""
    a, b = (np.array(matrix, dtype=float) for matrix in (simulated, measured))
    unknown = ~(np.isfinite(a) & np.isfinite(b)) | np.eye(len(a), dtype=bool)
    a[unknown] = b[unknown] = np.nan
    a -= _mean_of_finite(a)[:, None]
    b -= _mean_of_finite(b)[:, None]
    scale = np.sqrt(np.nansum(a * a, axis=1) * np.nansum(b * b, axis=1))
    result: FloatArray = np.full(len(a), np.nan)
    np.divide(np.nansum(a * b, axis=1), scale, out=result, where=scale > 0)
    return result


def _mean_of_finite(values: FloatArray) -> FloatArray:
    """Return the mean of each row's finite values; NaN for a row without any."""
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    total = np.where(finite, values, 0.0).sum(axis=1)
    result: FloatArray = np.full(len(values), np.nan)
    np.divide(total, count, out=result, where=count > 0)
    return result


def _edges(atlas: Atlas, fc: FunctionalConnectivity | None) -> list[Edges]:
    targets, sources, weights, _ = atlas.edges()
    result = [_strongest("structural", np.stack([targets, sources], axis=1), weights)]
    matrices = [] if fc is None else [("simulated functional", fc.simulated), ("measured functional", fc.empirical)]
    for label, matrix in matrices:
        if matrix is not None:
            rows, columns = np.triu_indices(len(matrix), 1)
            result.append(_strongest(label, np.stack([rows, columns], axis=1), matrix[rows, columns]))
    return [edges for edges in result if len(edges.pairs)]


def _strongest(label: str, pairs: IntArray, strength: FloatArray) -> Edges:
    """Return the strongest pairs, each once whatever its direction."""
    known = np.flatnonzero(np.isfinite(strength) & (strength > 0))
    by_strength = known[np.argsort(-strength[known], kind="stable")][: 2 * MOST_EDGES]
    both = np.sort(pairs[by_strength], axis=1)
    _, first = np.unique(both, axis=0, return_index=True)
    chosen = np.sort(first)[:MOST_EDGES]
    return Edges(f"{len(chosen)} strongest {label}", both[chosen], strength[by_strength[chosen]])
