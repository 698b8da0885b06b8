"""Series of regions from neuroimaging files, through nibabel (extra `nifti`)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.data.model import Series
from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.files.limits import most_array_bytes, size_of
from dtbsim.files.regular import check_regular

_UNITS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "SECOND": 1.0, "MSEC": 1e-3, "USEC": 1e-6}
_LOOKUP_SUFFIXES = (".tsv", ".csv", ".txt")
_NUMBER_COLUMNS, _NAME_COLUMNS = (
    ("index", "id", "value", "label_id", "roi"),
    ("name", "label", "region", "abbreviation"),
)


def read_parcellated(path: Path) -> Series:
    """Return the series of a parcellated CIFTI-2 file (`.ptseries.nii`), with its labels and sampling period.

    Raises:
        InputError: no such file.
        MissingDependencyError: nibabel is not there.
    """
    image = load_image(path)
    axes = [image.header.get_axis(index) for index in range(2)] if hasattr(image.header, "get_axis") else []
    kinds = [type(axis).__name__ for axis in axes]
    if sorted(kinds) != ["ParcelsAxis", "SeriesAxis"]:
        raise InputError(
            f"has the axes {', '.join(kinds) or 'of an ordinary image'}; a .ptseries.nii has series and parcels",
            where=str(path),
            remedy="parcellate the dense file first (wb_command -cifti-parcellate)",
        )
    values = _numbers(image, path)
    if kinds[0] == "ParcelsAxis":
        values, axes = values.T, axes[::-1]
    period = float(axes[0].step) * _UNITS.get(str(axes[0].unit).upper(), 0.0)
    labels = tuple(str(name) for name in axes[1].name)
    return Series(np.ascontiguousarray(values), labels, period or None, str(path))


def read_image_series(path: Path, label_image: Path | None) -> Series:
    """Return the mean series over the voxels of each number above 0 in a label image, in the order of the numbers.

    Labels come from a table beside the label image (`index` and `name` of BIDS, or number and name in each line), else
    they are the numbers.

    Raises:
        InputError: no label image, no image, or one of another grid.
        MissingDependencyError: nibabel is not there.
    """
    if label_image is None:
        raise InputError("an image needs a label image", where=str(path), remedy="give --label-image FILE.nii.gz")
    image, labelled = load_image(path), load_image(label_image)
    if len(image.shape) != 4:
        raise InputError(f"has {len(image.shape)} axes; a series of images has 4", where=str(path))
    numbers = label_numbers(labelled, label_image)
    if numbers.shape != image.shape[:3] or not np.allclose(image.affine, labelled.affine, atol=1e-3):
        raise InputError(
            f"the label image has the grid {_grid(labelled)}, the series {_grid(image)}",
            where=str(label_image),
            remedy="resample the label image to the series (nearest neighbour)",
        )
    present = [int(value) for value in np.unique(numbers) if value > 0]
    if not present:
        raise InputError("has no voxel above 0", where=str(label_image))
    voxels = np.flatnonzero(numbers.ravel() > 0)
    region = np.searchsorted(present, numbers.ravel()[voxels])
    counts = np.bincount(region, minlength=len(present))
    values = np.empty((image.shape[3], len(present)))
    for time in range(image.shape[3]):
        volume = _numbers(image, path, (..., time)).ravel()[voxels]
        values[time] = np.bincount(region, weights=volume, minlength=len(present)) / counts
    names = lookup_names(label_image)
    labels = tuple(names.get(value, str(value)) for value in present)
    unit = image.header.get_xyzt_units()[1]
    period = float(image.header.get_zooms()[3]) * _UNITS.get(unit, 0.0)
    notice = f"mean over {voxels.size} voxels of {len(present)} regions of {label_image.name}"
    return Series(values, labels, float(f"{period:.6g}") or None, str(path), (notice,))


def label_numbers(image: Any, path: Path) -> NDArray[np.int64]:
    """Return the whole numbers of a label image, int64[x, y, z]; InputError where it is none."""
    voxels = _numbers(image, path)
    while voxels.ndim > 3 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    numbers: NDArray[np.int64] = np.rint(voxels).astype(np.int64)
    if voxels.ndim != 3 or not np.array_equal(numbers, voxels):
        raise InputError(
            f"a label image has three axes and whole numbers; this has shape {voxels.shape}, {voxels.dtype}",
            where=str(path),
        )
    return numbers


def lookup_names(label_image: Path) -> dict[int, str]:
    """Return the names of the numbers of a label image from a table of the same name beside it, as far as there is one.

    Raises:
        InputError: the table has no number and name in a line.
    """
    stem = label_image.name.split(".")[0]
    for suffix in _LOOKUP_SUFFIXES:
        table = label_image.with_name(stem + suffix)
        if table.is_file():
            return read_lookup(table)
    return {}


def read_lookup(table: Path) -> dict[int, str]:
    """Return number -> name of a table: BIDS (`index`, `name`), or lines of a number and a name (FreeSurfer).

    Raises:
        InputError: a line without number and name.
    """
    from dtbsim.files import read_text

    names: dict[int, str] = {}
    columns = (0, 1)
    for line, text in enumerate(read_text(table, 1 << 22, "give a smaller table").splitlines(), start=1):
        cells = [cell.strip().strip('"') for cell in _split(text)]
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        lowered = [cell.lower() for cell in cells]
        if not names and any(name in lowered for name in _NUMBER_COLUMNS) and any(c in lowered for c in _NAME_COLUMNS):
            columns = (
                next(lowered.index(name) for name in _NUMBER_COLUMNS if name in lowered),
                next(lowered.index(name) for name in _NAME_COLUMNS if name in lowered),
            )
            continue
        try:
            names[int(cells[columns[0]])] = cells[columns[1]]
        except (ValueError, IndexError):
            raise InputError(
                "needed a number and a name", where=f"{table}:{line}", remedy="columns index and name, as in BIDS"
            ) from None
    return names


def _split(text: str) -> list[str]:
    for separator in ("\t", ","):
        if separator in text:
            return text.split(separator)
    return text.split()


def _numbers(image: Any, path: Path, part: Any = ...) -> NDArray[np.float64]:
    """Return the numbers of an image, or of a part of it; InputError where the file is damaged."""
    try:
        return np.asarray(image.dataobj[part], dtype=np.float64)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"cannot be read: {reason}", where=str(path), remedy="copy or export it again") from error


def _grid(image: Any) -> str:
    size = "x".join(map(str, image.shape[:3]))
    return f"{size} of {'x'.join(f'{step:.3g}' for step in image.header.get_zooms()[:3])} mm"


def load_image(path: Path) -> Any:
    """Return an image of nibabel, of which nothing but the header has been read.

    Raises:
        InputError: no such file, no image, or one that says that it is larger than its file can be.
        MissingDependencyError: nibabel is not there.
    """
    try:
        import nibabel
    except ImportError as error:
        raise MissingDependencyError(
            f"the package nibabel cannot be imported: {error}", remedy="pip install 'dtbsim[nifti]'"
        ) from error
    if not path.is_file():
        raise InputError("there is no such file", where=str(path))
    check_regular(path)
    try:
        image: Any = nibabel.load(path)
        declared = math.prod(image.shape) * image.get_data_dtype().itemsize
    except Exception as error:
        raise InputError(f"is no image: {error}", where=str(path), remedy="give a NIfTI file") from error
    most = most_array_bytes(path.stat().st_size)
    if declared > most:
        raise InputError(
            f"says that it unpacks to {size_of(declared)}; at most {size_of(most)} are read of a file of this size",
            where=str(path),
            remedy="copy or export it again",
        )
    return image
