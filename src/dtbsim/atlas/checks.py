"""What `Atlas` checks and completes when it is made: each function returns the fields it has put right.

`values` and later functions rely on `regions` having run; `lengths` on `weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np

from dtbsim.arguments import refuse, text, texts
from dtbsim.atlas import connectome, validate
from dtbsim.atlas.connectome import LengthsSource, Matrix
from dtbsim.atlas.keys import TEXT_KEYS
from dtbsim.atlas.names import region_keys
from dtbsim.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from dtbsim.atlas.model import Atlas

_Item = TypeVar("_Item")


_TEXTS = ("name", "source", *TEXT_KEYS)
_LISTS = ("region_names", "display_names", "hemisphere", "lead_field_channels")
_MAPPINGS = ("maps", "labels", "other_fc")


def types(atlas: Atlas) -> None:
    """Raise InputError, with the name of the argument, where an atlas is made of something else than it can be."""
    for key in _TEXTS:
        if key != "lengths_source" or atlas.lengths_source is not None:
            text(getattr(atlas, key), key)
    for key in _LISTS:
        if isinstance(given := getattr(atlas, key), str):
            raise refuse(given, key, "a list of texts")
        texts(given, key, "a list of texts")
    for key in _MAPPINGS:
        if not isinstance(given := getattr(atlas, key), Mapping) or not all(isinstance(name, str) for name in given):
            raise refuse(given, key, "a mapping of names")
    for name, items in atlas.labels.items():
        texts(items, f"labels[{name!r}]", "a list of texts")
    if atlas.fc_tr_s is not None and (isinstance(atlas.fc_tr_s, bool) or not isinstance(atlas.fc_tr_s, Real)):
        raise refuse(atlas.fc_tr_s, "fc_tr_s", "a number above 0")
    if atlas.fcd is not None and not hasattr(atlas.fcd, "bin_edges"):
        raise refuse(atlas.fcd, "fcd", "an FcdReference")


def regions(atlas: Atlas, where: str) -> dict[str, Any]:
    """Names made usable as keys, hemispheres, coordinates."""
    given = tuple(str(name) for name in atlas.region_names)
    if not given:
        raise InputError("region_names is empty", where=where, remedy="an atlas needs at least one region")
    n = len(given)
    hemisphere = tuple(str(side).strip() for side in atlas.hemisphere) or ("",) * n
    for index, side in enumerate(_of_length(hemisphere, n, "hemisphere", where)):
        if side not in ("L", "R", ""):
            raise InputError(
                f"hemisphere of region {given[index]} is {side!r}", where=where, remedy="allowed: L, R or empty"
            )
    is_cortex = np.array(atlas.is_cortex) if np.size(atlas.is_cortex) else np.ones(n, dtype=bool)
    if is_cortex.shape != (n,) or not np.isin(is_cortex, (0, 1)).all():
        raise InputError(f"is_cortex must hold {n} values true or false (1 or 0)", where=where)
    is_cortex = is_cortex.astype(bool)
    is_cortex.setflags(write=False)
    return {
        "region_names": region_keys(given, where),
        "display_names": _of_length(tuple(atlas.display_names) or given, n, "display_names", where),
        "hemisphere": hemisphere,
        "is_cortex": is_cortex,
        "xyz_mm": None if atlas.xyz_mm is None else validate.float_array(atlas.xyz_mm, (n, 3), "xyz_mm", where),
    }


def _of_length(items: tuple[_Item, ...], n: int, what: str, where: str) -> tuple[_Item, ...]:
    if len(items) != n:
        raise InputError(f"{what} has {len(items)} entries for {n} regions", where=where)
    return items


def values(atlas: Atlas, where: str) -> dict[str, Any]:
    """Maps, labels and the lead field."""
    n = len(atlas.region_names)
    lead_field = atlas.lead_field
    if lead_field is not None:
        lead_field = validate.float_array(lead_field, (None, n), "lead_field", where)
        if atlas.lead_field_channels:
            _of_length(atlas.lead_field_channels, len(lead_field), "lead_field_channels", f"{where}: per channel")
    return {
        "maps": {key: validate.float_array(v, (n,), f"maps/{key}", where) for key, v in atlas.maps.items()},
        "labels": {
            key: _of_length(tuple(str(text) for text in texts), n, f"labels/{key}", where)
            for key, texts in atlas.labels.items()
        },
        "lead_field": lead_field,
        "lead_field_channels": tuple(atlas.lead_field_channels),
    }


def measurements(atlas: Atlas, where: str) -> dict[str, Any]:
    """Functional connectivity and what belongs to it."""
    n = len(atlas.region_names)
    if atlas.fc_tr_s is not None and not (np.isfinite(atlas.fc_tr_s) and atlas.fc_tr_s > 0):
        raise InputError(f"fc_tr_s is {atlas.fc_tr_s}; needed a time above 0 s", where=where)
    leave_one_out = atlas.fc_leave_one_out
    if leave_one_out is not None:
        leave_one_out = validate.float_array(leave_one_out, (None,), "fc_leave_one_out", where)
    return {
        "fc": None if atlas.fc is None else validate.correlation_matrix(atlas.fc, n, "fc", where),
        "other_fc": {
            key: validate.correlation_matrix(fc, n, f"other_fc/{key}", where) for key, fc in atlas.other_fc.items()
        },
        "fc_leave_one_out": leave_one_out,
    }


def weights(atlas: Atlas, where: str) -> dict[str, Any]:
    """Weights, dense or sparse."""
    check = validate.sparse_weights if connectome.is_sparse(atlas.weights) else validate.dense_weights
    return {"weights": check(atlas.weights, atlas.region_names, where)}


def lengths(atlas: Atlas, where: str) -> dict[str, Any]:
    """Tract lengths, of the same kind as the weights, and where they come from."""
    allowed = get_args(LengthsSource)
    source = atlas.lengths_source or ("none" if atlas.lengths_mm is None else "unknown")
    if source not in allowed:
        raise InputError(f"lengths_source is {source!r}", where=where, remedy=did_you_mean(str(source), allowed))
    if (atlas.lengths_mm is None) != (source == "none"):
        there = "no lengths_mm are given" if atlas.lengths_mm is None else "lengths_mm are given"
        raise InputError(f"lengths_source is {source} but {there}", where=where)
    return {"lengths_mm": _lengths_like_weights(atlas, where), "lengths_source": source}


def _lengths_like_weights(atlas: Atlas, where: str) -> Matrix | None:
    given = atlas.lengths_mm
    if given is None:
        return None
    if connectome.is_sparse(atlas.weights):
        return validate.sparse_lengths(given, atlas.weights, atlas.region_names, where)
    dense = given.toarray() if connectome.is_sparse(given) else given
    return validate.dense_lengths(dense, atlas.weights, atlas.region_names, where)
