"""A smooth translucent hull around region centroids, one per hemisphere: enough to read the points as a brain."""

from __future__ import annotations

import numpy as np

from dtbsim.report.data import FloatArray, IntArray, Surface

MARGIN_MM = 7.0
MIDLINE_GAP_MM = 1.0
SUBDIVISIONS = 4
CONCENTRATION = 14.0
POWER = 6.0


def hemisphere_hulls(xyz_mm: FloatArray, hemisphere: list[str]) -> list[Surface]:
    """Return a hull for each hemisphere label with at least eight centroids.

    The surface is star-shaped about the middle of the centroids' extent: in direction u its radius is the power mean
    of the centroids' radii, weighted by exp(k (u . u_i - 1)) (a von Mises-Fisher kernel), plus a margin. High powers
    let the outermost centroids decide, so deep regions do not dent it. Left and right stop at the midline.
    """
    labels = np.array(hemisphere)
    surfaces = []
    for label in dict.fromkeys(hemisphere):
        points = np.asarray(xyz_mm, dtype=float)[labels == label]
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) >= 8:
            vertices, triangles = _star_surface(points)
            surfaces.append(Surface(_stop_at_midline(vertices, points), triangles))
    return surfaces


def _star_surface(points: FloatArray) -> tuple[FloatArray, IntArray]:
    centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
    offsets = points - centre
    radii = np.linalg.norm(offsets, axis=1)
    kept = radii > 1e-6
    directions, triangles = icosphere(SUBDIVISIONS)
    cosines = directions @ (offsets[kept] / radii[kept, None]).T
    weights = np.exp(CONCENTRATION * (cosines - 1)) + 1e-12
    radius = ((weights @ radii[kept] ** POWER) / weights.sum(axis=1)) ** (1 / POWER) + MARGIN_MM
    return centre + directions * radius[:, None], triangles


def _stop_at_midline(vertices: FloatArray, points: FloatArray) -> FloatArray:
    """Flatten the medial wall at x = 0 where all centroids lie on one side of it."""
    side = np.sign(np.median(points[:, 0]))
    if side == 0 or (points[:, 0] * side < 0).mean() > 0.2:
        return vertices
    result = vertices.copy()
    result[:, 0] = side * np.maximum(result[:, 0] * side, MIDLINE_GAP_MM)
    return result


def icosphere(subdivisions: int) -> tuple[FloatArray, IntArray]:
    """Return unit vectors [10 * 4**n + 2, 3] and triangles [20 * 4**n, 3] of a subdivided icosahedron."""
    golden = (1 + 5**0.5) / 2
    corners = [(-1, golden, 0), (1, golden, 0), (-1, -golden, 0), (1, -golden, 0)]
    vertices = np.array(corners + [(c, a, b) for a, b, c in corners] + [(b, c, a) for a, b, c in corners], dtype=float)
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    # The faces of an icosahedron are the triples of mutually nearest corners.
    distance = np.linalg.norm(vertices[:, None] - vertices[None], axis=2)
    near = (distance > 0) & (distance < 1.1)
    triangles = np.array(
        [(i, j, k) for i in range(12) for j in range(i) for k in range(j) if near[i, j] and near[i, k] and near[j, k]]
    )
    for _ in range(subdivisions):
        vertices, triangles = _split(vertices, triangles)
    return vertices, _outward(vertices, triangles)


def _split(vertices: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray]:
    pairs = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, which = np.unique(pairs, axis=0, return_inverse=True)
    middles = vertices[unique].mean(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    ab, bc, ca = (which.reshape(-1, 3) + len(vertices)).T
    a, b, c = triangles.T
    children = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return np.vstack([vertices, middles]), np.concatenate([np.stack(child, axis=1) for child in children])


def _outward(vertices: FloatArray, triangles: IntArray) -> IntArray:
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    result = triangles.copy()
    result[inward] = result[inward][:, [0, 2, 1]]
    return result
