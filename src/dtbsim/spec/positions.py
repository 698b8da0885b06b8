"""Positions of neurons in mm: drawn by gid, on a grid, as given, or the centroid of their region."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import positions as cfg
from dtbsim.errors import InputError
from dtbsim.files import read_npy
from dtbsim.numerics.philox import PURPOSE_POSITION, PURPOSE_SHIFT, philox_array
from dtbsim.paths import user_path
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

F64 = NDArray[np.float64]


def positions_of(
    item: cfg.Positions | None, draft: Draft, gid0: int, seed: int, atlas: Atlas | None, base_dir: Path, places: Places
) -> F64 | None:
    """float64[n, 2 or 3] of all neurons of a family, whose first gid is `gid0`; None: it has no positions.

    In regions, positions that are not `given` are around the centroid of the region; without any it is the centroid
    itself, where the atlas has them.
    """
    path, n = f"{draft.path}.positions", draft.size * draft.regions.size
    if isinstance(item, cfg.GivenPositions):
        return _given(item, n, base_dir, path, places)
    centroids = None if atlas is None or not draft.in_regions else atlas.xyz_mm
    if item is None:
        return None if centroids is None else np.repeat(_finite(centroids[draft.regions], path, places), draft.size, 0)
    if isinstance(item, cfg.GridPositions):
        own = np.tile(_grid(item, draft.size, path, places), (draft.regions.size, 1))
    else:
        own = _drawn(item, n, gid0, seed)
    if centroids is None:
        if draft.in_regions and draft.regions.size > 1:
            raise places.error(path, "the atlas has no centroids of its regions", "give all positions: kind: given")
        return own
    around = np.repeat(_finite(centroids[draft.regions], path, places), draft.size, axis=0)
    around[:, : own.shape[1]] += own
    return around


def _finite(centroids: F64, path: str, places: Places) -> F64:
    if not np.isfinite(centroids).all():
        raise places.error(path, "the atlas does not say where some of the regions are", "give positions: kind: given")
    return np.asarray(centroids, np.float64)


def _grid(item: cfg.GridPositions, size: int, path: str, places: Places) -> F64:
    room = math.prod(item.shape)
    if room < size:
        shape = " x ".join(map(str, item.shape))
        raise places.error(f"{path}.shape", f"{shape} has room for {room:,} neurons, not for {size:,}", "enlarge it")
    index = np.arange(size)
    axes = []
    for extent in item.shape:
        axes.append((index % extent - (extent - 1) / 2) * item.spacing_mm)
        index = index // extent
    return np.stack(axes, axis=1)


def _drawn(item: cfg.DiscPositions | cfg.BoxPositions, n: int, gid0: int, seed: int) -> F64:
    gids = np.arange(gid0, gid0 + n, dtype=np.int64)
    words = philox_array(gids, 0, 0, PURPOSE_POSITION << PURPOSE_SHIFT, seed)
    uniform = [(word.astype(np.float64) + 0.5) / 2.0**32 for word in words]
    if isinstance(item, cfg.BoxPositions):
        return np.stack([(u - 0.5) * side for u, side in zip(uniform, item.lengths_mm, strict=False)], axis=1)
    radius, angle = item.radius_mm * np.sqrt(uniform[0]), 2 * np.pi * uniform[1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _given(item: cfg.GivenPositions, n: int, base_dir: Path, path: str, places: Places) -> F64:
    where, name = f"{path}.{'coordinates_mm' if item.file is None else 'file'}", ""
    if item.file is None:
        rows = item.coordinates_mm or []
        if len({len(row) for row in rows}) > 1:
            raise places.error(where, "some positions have 2 coordinates and some 3", "give as many for each")
        found: NDArray[Any] = np.array(rows, np.float64)
    else:
        try:
            file = base_dir / user_path(item.file)
            name = f"{file}: "
            found = read_npy(file)
        except InputError as error:
            raise places.at(where, error) from None
        except OSError as error:
            raise places.error(
                where, f"{item.file} cannot be read: {error.strerror}", "give the path of an .npy"
            ) from None
    if found.ndim != 2 or found.shape[0] != n or found.shape[1] not in (2, 3) or found.dtype.kind not in "iuf":
        raise places.error(
            where,
            f"{name}positions of the shape {found.shape} ({found.dtype})",
            f"give a row of 2 or 3 numbers for each of the {n:,} neurons",
        )
    if not np.isfinite(found).all():
        raise places.error(where, f"{name}position {int(np.argmin(np.isfinite(found).all(axis=1)))} is not finite")
    return found.astype(np.float64)
