"""Series of regions as images in time (NIfTI), by the label image of an atlas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    import xarray as xr

LARGEST_BYTES = 8 << 30
"""An image takes no more memory."""


def to_image(data: xr.DataArray, labels: Path, config: dict[str, Any]) -> Any:
    """Return a nibabel image, float32 (x, y, z, time): every voxel has the series of its region, 0 outside of regions.

    In the label image voxel value k is the k-th region of the atlas, counted from 1, or what the text column `label` of
    the atlas gives it; 0 is outside. Values without a region in the series are outside, too. InputError where a region
    has no voxel, or the series is not one of regions of the atlas.
    """
    try:
        import nibabel
    except ImportError as error:
        raise MissingDependencyError(
            f"the package nibabel cannot be imported: {error}", remedy="pip install 'dtbsim[nifti]'"
        ) from error
    rows = str(data.dims[0])
    if rows not in ("time_ms", "time_s") or data.ndim != 2 or not data.sizes[rows]:
        raise InputError(f"'{data.name}' is no series", remedy="name a series of regions, such as bold")
    if not labels.is_file():
        raise InputError("there is no such label image", where=str(labels))
    try:
        image: Any = nibabel.load(labels)
        voxels = np.asarray(image.dataobj)
    except Exception as error:
        raise InputError(f"this is no image: {error}", where=str(labels), remedy="give a NIfTI file") from error
    numbers = voxels.astype(np.int64)
    if voxels.ndim != 3 or not np.array_equal(numbers, voxels):
        raise InputError(
            f"a label image has three dimensions and whole numbers; this has shape {voxels.shape}, {voxels.dtype}",
            where=str(labels),
        )
    values = _label_values(data, config)
    lost = [name for name, value in values.items() if not (numbers == value).any()]
    if lost:
        raise InputError(
            f"region {lost[0]} (label {values[lost[0]]}) and {len(lost) - 1} more have no voxel",
            where=str(labels),
            remedy="give the label image of the run's atlas",
        )
    needed = numbers.size * data.sizes[rows] * 4
    if needed > LARGEST_BYTES:
        raise InputError(
            f"the image would take {needed / 2**30:.1f} GiB; at most {LARGEST_BYTES >> 30} are allowed",
            remedy="give a window (start_ms, stop_ms), or a coarser label image",
        )
    out = np.zeros((*numbers.shape, data.sizes[rows]), np.float32)
    for column, value in enumerate(values.values()):
        out[numbers == value] = data.values[:, column].astype(np.float32)
    made = nibabel.Nifti1Image(out, image.affine)
    times_s = data[rows].values * (1e-3 if rows == "time_ms" else 1.0)
    interval_s = float(times_s[1] - times_s[0]) if len(times_s) > 1 else 1.0
    made.header.set_zooms((*image.header.get_zooms()[:3], interval_s))
    made.header.set_xyzt_units("mm", "sec")
    made.header["toffset"] = times_s[0]
    return made


def _label_values(data: xr.DataArray, config: dict[str, Any]) -> dict[str, int]:
    """The voxel value of every channel; InputError where they are no regions of the atlas."""
    from dtbsim.atlas import load_atlas

    reference = config.get("atlas")
    if not isinstance(reference, str):
        raise InputError("the run has no atlas, so that its series are none of regions")
    atlas = load_atlas(reference)
    names = [str(name) for name in data[data.dims[1]].values]
    strangers = [name for name in names if name not in atlas.region_names]
    if strangers:
        raise InputError(
            f"'{data.name}' is no series of regions: '{strangers[0]}' is none of atlas '{atlas.name}'",
            remedy="name bold, lfp, source, or a band of these",
        )
    given = atlas.labels.get("label")
    number = {name: int(given[k]) if given else k + 1 for k, name in enumerate(atlas.region_names)}
    return {name: number[name] for name in names}
