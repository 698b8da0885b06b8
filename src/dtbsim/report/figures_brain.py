"""The rotatable brain: a ball per region, sized and coloured by a value; strongest connections; translucent hulls.

The balls are meshes, lit like the hulls, so that depth can be read. Their vertices are made in the browser from the
region centroids, the radii and one unit sphere: that keeps the file small and lets the reader switch values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dtbsim.report.data import Brain, Edges, FloatArray, RegionValue
from dtbsim.report.figures_common import figure, square
from dtbsim.report.hull import icosphere
from dtbsim.report.text import safe, significant
from dtbsim.report.theme import CONTRAST, NEUTRAL, SEQUENTIAL

SMALLEST_SHARE = 0.38
"""Radius of the smallest ball as a share of the largest."""

HIGHEST, WIDEST = 0.85, 1.4
"""What the camera sees of the scene at its distance: height, and width of whatever is turned to it."""

BALL_LIGHT = {"ambient": 0.76, "diffuse": 0.42, "specular": 0.18, "roughness": 0.5, "fresnel": 0.1}
LIGHT_FROM = {"x": -50_000, "y": 50_000, "z": 100_000}
HULL_LIGHT = {"ambient": 0.7, "diffuse": 0.5, "specular": 0.1, "roughness": 0.9, "fresnel": 1.5}


def brain(data: Brain) -> go.Figure:
    """Return the 3-D figure without the balls' vertices, which the page's script fills in for the chosen value.

    The order of traces is what the script counts on: hulls, then edge sets (hidden), then the balls with a value, then
    those without one (grey).
    """
    fig = figure(600, margin={"l": 0, "r": 0, "t": 0, "b": 0}, hovermode="closest")
    for hull in data.hulls:
        x, y, z = hull.vertices_mm.round(1).astype(np.float32).T
        i, j, k = hull.triangles.astype(np.uint16).T
        mesh = {"x": x, "y": y, "z": z, "i": i, "j": j, "k": k}
        fig.add_mesh3d(**mesh, color=NEUTRAL, opacity=0.13, hoverinfo="skip", lighting=HULL_LIGHT)
    for edges in data.edges:
        _add_edges(fig, data, edges)
    bar = {"len": 0.55, "x": 1.0, "xanchor": "right"}
    ball = {"hoverinfo": "text", "lighting": BALL_LIGHT, "lightposition": LIGHT_FROM, "flatshading": False}
    fig.add_mesh3d(colorscale=SEQUENTIAL, showscale=True, colorbar=bar, **ball)
    fig.add_mesh3d(color=NEUTRAL, **ball)
    left = data.left_x or -1
    camera = {"eye": {"x": 1.1 * left, "y": 0.62, "z": 0.42}, "up": {"x": 0, "y": 0, "z": 1}}
    # Ranges are fixed so that the view does not jump when values, and with them radii, change.
    low, high = _extent(data)
    ranges = {f"{axis}axis": {"range": [low[i], high[i]]} for i, axis in enumerate("xyz")}
    square(fig, 20)
    aspect = dict(zip("xyz", _aspect(np.array(high) - np.array(low)), strict=True))
    scene = {"aspectmode": "manual", "aspectratio": aspect, "camera": camera, "dragmode": "orbit", **ranges}
    fig.update_layout(scene={**scene, "domain": {"x": [0, 0.9]}}, annotations=side_marks(data))
    return fig


def side_marks(data: Brain) -> list[dict[str, Any]]:
    """Return the letters at the left and right edge of the picture; none where the sides are not known.

    They are those of the first view, from the left and front; the page's script changes them as the brain is turned.
    """
    if data.left_x == 0:
        return []
    place = {"xref": "paper", "yref": "paper", "y": 0.5, "showarrow": False, "font": {"size": 17}}
    first, second = "RL" if data.left_x < 0 else "LR"
    return [
        {**place, "x": 0.02, "xanchor": "left", "text": f"<b>{first}</b>"},
        {**place, "x": 0.88, "xanchor": "right", "text": f"<b>{second}</b>"},
    ]


def brain_values(data: Brain) -> dict[str, Any]:
    """Return what the script needs: the unit sphere, centroids, and per value numbers, radii (mm) and hover texts."""
    largest = _largest_radius_mm(data.xyz_mm)
    vertices, triangles = icosphere(2 if len(data.regions) <= 150 else 1 if len(data.regions) <= 1500 else 0)
    return {
        "left": data.left_x or -1,
        "hulls": len(data.hulls),
        "edges": len(data.edges),
        "sphere": {"vertices": vertices.round(4).tolist(), "triangles": triangles.tolist()},
        "xyz": np.asarray(data.xyz_mm, dtype=float).round(2).tolist(),
        "values": [_value(data, value, largest) for value in data.values],
    }


def _value(data: Brain, value: RegionValue, largest_mm: float) -> dict[str, Any]:
    finite = value.values[np.isfinite(value.values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return {
        "note": safe(value.note),
        "unit": safe(value.unit or value.label),
        "numbers": [float(f"{v:.6g}") if np.isfinite(v) else None for v in value.values],
        "radii": (largest_mm * ball_sizes(value.values)).round(2).tolist(),
        "low": low,
        "high": high if high > low else low + 1.0,
        "text": _hover(data, value),
    }


def ball_sizes(values: FloatArray) -> FloatArray:
    """Return radii relative to the largest: the visible area grows linearly with the finite values."""
    finite = np.isfinite(values)
    share = np.zeros(len(values))
    if finite.any():
        span = float(np.ptp(values[finite]))
        share[finite] = (values[finite] - values[finite].min()) / span if span > 0 else 0.5
    return np.sqrt(SMALLEST_SHARE**2 + share * (1 - SMALLEST_SHARE**2))


def _largest_radius_mm(xyz_mm: FloatArray) -> float:
    """Return a radius at which neighbouring balls hardly touch: 45 % of the median distance to the nearest region."""
    from scipy.spatial import cKDTree

    if len(xyz_mm) < 2:
        return 5.0
    distance, _ = cKDTree(xyz_mm).query(xyz_mm, k=2)
    return float(np.clip(0.45 * np.median(distance[:, 1]), 0.5, 8.0))


def _extent(data: Brain) -> tuple[list[float], list[float]]:
    points = np.concatenate([data.xyz_mm, *(hull.vertices_mm for hull in data.hulls)])
    room = _largest_radius_mm(data.xyz_mm) + 1.0
    return (points.min(axis=0) - room).round(1).tolist(), (points.max(axis=0) + room).round(1).tolist()


def _aspect(span: FloatArray) -> list[float]:
    """Return lengths of the axes in the scene, in proportion to `span`: what stands before the camera fits its view."""
    scale = min(HIGHEST / span[2], WIDEST / float(np.hypot(span[0], span[1])))
    return [round(float(length), 4) for length in scale * span]


def _hover(data: Brain, value: RegionValue) -> list[str]:
    unit = f" {value.unit}" if value.unit else ""
    return [
        f"<b>{safe(region)}</b><br>{safe(value.label)}: "
        + (f"{significant(float(number))}{safe(unit)}" if np.isfinite(number) else "not known")
        for region, number in zip(data.regions, value.values, strict=True)
    ]


def _add_edges(fig: go.Figure, data: Brain, edges: Edges) -> None:
    gap = np.full((len(edges.pairs), 1, 3), np.nan)
    ends = np.asarray(data.xyz_mm, dtype=float)[edges.pairs]
    x, y, z = np.concatenate([ends, gap], axis=1).reshape(-1, 3).astype(np.float32).T
    line = {"color": CONTRAST, "width": 2.5}
    fig.add_scatter3d(x=x, y=y, z=z, mode="lines", line=line, opacity=0.6, hoverinfo="skip", visible=False)
