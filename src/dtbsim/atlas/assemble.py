"""Between the table of an atlas file (key -> array) and an `Atlas`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show, unusable_character
from dtbsim.atlas import connectome
from dtbsim.atlas.archive import Table
from dtbsim.atlas.keys import FORMAT_VERSION, TEXT_KEYS, check_keys
from dtbsim.atlas.model import Atlas, FcdReference
from dtbsim.atlas.names import check_names
from dtbsim.errors import InputError

_OPTIONAL_ARRAYS = ("fc", "fc_leave_one_out", "lead_field", "is_cortex")
_OPTIONAL_TEXTS = ("hemisphere", "display_names", "lead_field_channels")


def atlas_from_table(table: Table, sparse: Mapping[str, Any], *, name: str, where: str) -> Atlas:
    """Return the atlas a table describes; `sparse` holds matrices that are scipy CSR already.

    Raises:
        InputError: unknown or missing keys, wrong types, or anything `Atlas` itself refuses.
    """
    check_keys([*table, *sparse], where)
    version = _number(table, "format_version", where)
    if version is not None and version != FORMAT_VERSION:
        raise InputError(f"format_version is {version:g}; this program reads {FORMAT_VERSION}", where=where)
    region_names = _texts(table, "region_names", where)
    weights, lengths = _matrices(table, sparse, len(region_names), where)
    values: dict[str, Any] = {key: _text(table, key, where) for key in TEXT_KEYS if key in table}
    values |= {key: table[key] for key in _OPTIONAL_ARRAYS if key in table}
    values |= {key: _texts(table, key, where) for key in _OPTIONAL_TEXTS if key in table}
    estimate = values.get("lengths_source") == "estimated" and lengths is None
    if estimate:
        del values["lengths_source"]
    values = {
        "name": name,
        "region_names": region_names,
        "xyz_mm": table.get("xyz_mm"),
        "weights": weights,
        "lengths_mm": lengths,
        "fc_tr_s": _number(table, "fc_tr_s", where),
        "fcd": _fcd(table, where),
        "maps": _group(table, "maps/"),
        "other_fc": _group(table, "other_fc/"),
        "labels": {key: _texts(table, f"labels/{key}", where) for key in _group(table, "labels/")},
        "source": where,
    } | values
    atlas = Atlas(**values)
    return atlas.with_estimated_lengths() if estimate else atlas


def _group(table: Table, prefix: str) -> Table:
    return {key.removeprefix(prefix): array for key, array in table.items() if key.startswith(prefix)}


def _text(table: Table, key: str, where: str) -> str:
    value = table[key]
    if value.ndim != 0 or value.dtype.kind != "U":
        raise InputError(f"{key} must be one text", where=where)
    if (bad := unusable_character(str(value))) is not None:
        raise InputError(f"{key} is {show(str(value))}; {bad} cannot be written to a file", where=where)
    return str(value)


def _texts(table: Table, key: str, where: str) -> tuple[str, ...]:
    value = table[key]
    if value.ndim != 1 or value.dtype.kind not in "US":
        raise InputError(f"{key} must be a list of texts; it is {value.dtype} of {value.ndim} axes", where=where)
    try:
        texts = tuple(str(item) for item in (np.char.decode(value, "utf-8") if value.dtype.kind == "S" else value))
    except UnicodeDecodeError as error:
        raise InputError(f"{key} is not UTF-8 text: {error}", where=where) from error
    check_names(texts, f"{where}: {key}")
    return texts


def _number(table: Table, key: str, where: str) -> float | None:
    if key not in table:
        return None
    value = table[key]
    if value.ndim != 0 or value.dtype.kind not in "iuf":
        raise InputError(f"{key} must be one number", where=where)
    return float(value)


def _fcd(table: Table, where: str) -> FcdReference | None:
    parts = _group(table, "fcd/")
    if not parts:
        return None
    missing = [key for key in ("hist", "bin_edges", "window_s", "step_s") if key not in parts]
    if missing:
        raise InputError(f"missing {', '.join(f'fcd/{key}' for key in missing)}", where=where)
    values: dict[str, Any] = dict(parts)
    values |= {key: _number(table, f"fcd/{key}", where) for key in ("window_s", "step_s")}
    try:
        return FcdReference(**values)
    except InputError as error:
        raise InputError(error.message, where=where, remedy=error.remedy) from error


def _matrices(table: Table, sparse: Mapping[str, Any], n: int, where: str) -> tuple[Any, Any]:
    weights = sparse.get("weights", table.get("weights"))
    lengths = sparse.get("lengths_mm", table.get("lengths_mm"))
    if "weights/data" in table:
        weights = _csr(table, "weights/data", n, where)
    if "lengths_mm/data" in table:
        if "weights/data" not in table or lengths is not None:
            raise InputError("lengths_mm/data goes with weights/data and without lengths_mm", where=where)
        lengths = _csr(table, "lengths_mm/data", n, where)
    return weights, lengths


def _csr(table: Table, data_key: str, n: int, where: str) -> Any:
    """Return the CSR matrix with the values of `data_key` on the entries of weights/indices and weights/indptr."""
    from scipy.sparse import csr_array

    data, indices, indptr = table[data_key], table["weights/indices"], table["weights/indptr"]
    if data.ndim != 1 or data.dtype.kind not in "biuf":
        raise InputError(f"{data_key} must be a list of numbers", where=where)
    if indices.dtype.kind not in "iu" or indptr.dtype.kind not in "iu" or indices.shape != data.shape:
        raise InputError(
            f"weights/indices and weights/indptr must be integers, and weights/indices as long as {data_key} "
            f"({data.size}); it has {indices.size}",
            where=where,
        )
    if indptr.shape != (n + 1,) or indptr[0] != 0 or indptr[-1] != data.size or (np.diff(indptr.astype(int)) < 0).any():
        raise InputError(
            f"weights/indptr must be {n + 1} ascending integers from 0 to {data.size}",
            where=where,
            remedy="one more than regions: row r holds the entries indptr[r] to indptr[r + 1]",
        )
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < n:
        raise InputError(f"weights/indices must lie between 0 and {n - 1}", where=where)
    return csr_array((data.astype(np.float64), indices, indptr), shape=(n, n))


def table_from_atlas(atlas: Atlas, *, compact: bool) -> Table:
    """Return the table of an atlas: exact in float64, or with matrices and maps in float32 if `compact`."""
    table: dict[str, Any] = {"format_version": np.int64(FORMAT_VERSION)}
    table |= {key: text for key in TEXT_KEYS if (text := getattr(atlas, key)) and text != "none"}
    table |= {"region_names": list(atlas.region_names), "is_cortex": atlas.is_cortex}
    if any(atlas.hemisphere):
        table["hemisphere"] = list(atlas.hemisphere)
    if atlas.display_names != atlas.region_names:
        table["display_names"] = list(atlas.display_names)
    table |= _matrix_table(atlas)
    for key in ("xyz_mm", "fc", "fc_tr_s", "fc_leave_one_out", "lead_field"):
        if getattr(atlas, key) is not None:
            table[key] = getattr(atlas, key)
    if atlas.lead_field_channels:
        table["lead_field_channels"] = list(atlas.lead_field_channels)
    table |= {f"maps/{key}": values for key, values in atlas.maps.items()}
    table |= {f"labels/{key}": list(texts) for key, texts in atlas.labels.items()}
    table |= {f"other_fc/{key}": fc for key, fc in atlas.other_fc.items()}
    table |= _fcd_table(atlas.fcd)
    return {key: _stored(value, compact) for key, value in table.items()}


def _matrix_table(atlas: Atlas) -> dict[str, Any]:
    if connectome.is_sparse(atlas.weights):
        table = {f"weights/{key}": getattr(atlas.weights, key) for key in ("data", "indices", "indptr")}
        return table if atlas.lengths_mm is None else table | {"lengths_mm/data": atlas.lengths_mm.data}
    return {"weights": atlas.weights} | ({} if atlas.lengths_mm is None else {"lengths_mm": atlas.lengths_mm})


def _fcd_table(fcd: FcdReference | None) -> dict[str, Any]:
    if fcd is None:
        return {}
    return {f"fcd/{key}": value for key, value in vars(fcd).items() if value is not None}


def _stored(value: Any, compact: bool) -> NDArray[Any]:
    array = np.asarray(value)
    return array.astype(np.float32) if compact and array.dtype == np.float64 and array.ndim else array
