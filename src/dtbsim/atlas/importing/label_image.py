"""What a label image says of the regions of an atlas: their voxel values and their centroids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.importing.region_table import RegionTable
from dtbsim.data.images import label_numbers, load_image, lookup_names
from dtbsim.errors import InputError

VOXEL_VALUES = "label"
"""The text column of an atlas from which `dtbsim export` takes the values of regions."""


def regions_in(path: Path, n_regions: int) -> RegionTable:
    """Return voxel values and centroids (mm, by the image's affine) of the regions in a label image, by their number.

    Names are those of a table beside it; without one the regions are in the order of their values.

    Raises:
        InputError: no label image, or another number of regions without names.
        MissingDependencyError: nibabel is not there.
    """
    image = load_image(path)
    numbers = label_numbers(image, path)
    present = np.unique(numbers[numbers > 0])
    lookup = lookup_names(path)
    names = tuple(lookup.get(int(value), "") for value in present) if lookup else None
    if names is not None and not all(names):
        raise InputError(
            f"value {present[names.index('')]} has no name in the table beside it",
            where=str(path),
            remedy="name every value, or remove the table",
        )
    if names is None and len(present) != n_regions:
        raise InputError(
            f"has {len(present)} values above 0 where the weights have {n_regions} regions",
            where=str(path),
            remedy="give the label image of this atlas, or a table of its values and names beside it",
        )
    centroids = _centroids(numbers, present, np.asarray(image.affine, np.float64))
    values = tuple(str(int(value)) for value in present)
    return RegionTable(names, centroids, texts={VOXEL_VALUES: values}, where=str(path))


def _centroids(
    numbers: NDArray[np.int64], present: NDArray[np.int64], affine: NDArray[np.float64]
) -> NDArray[np.float64]:
    inside = numbers > 0
    region = np.searchsorted(present, numbers[inside])
    counts = np.bincount(region, minlength=len(present))
    voxels = np.argwhere(inside).astype(np.float64)
    mean = np.column_stack([np.bincount(region, voxels[:, k], len(present)) / counts for k in range(3)])
    found: NDArray[np.float64] = mean @ affine[:3, :3].T + affine[:3, 3]
    return found
