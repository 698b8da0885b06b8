"""Atlases made of others: mean over people, consensus, strongest connections, some regions, regions put together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import number
from dtbsim.atlas.correlation import mean_fc
from dtbsim.atlas.model import Atlas
from dtbsim.errors import InputError

F64 = NDArray[np.float64]


def group_mean(atlases: Sequence[Atlas], name: str, consensus: float = 0.0) -> tuple[Atlas, list[str]]:
    """Return the mean of atlases with the same regions, and what was done, in words.

    Weights are the mean over all, 0 where somebody has no connection; lengths the mean over those who have it. With
    `consensus`, connections that fewer than that share of people have are 0 (de Reus & van den Heuvel 2013,
    doi:10.1016/j.neuroimage.2012.12.066). FC is tanh of the mean Fisher z over those who have one, and
    `fc_leave_one_out` the correlation of each with the mean of the others. Regions, centroids and maps are those of the
    first, maps the mean where all have them.

    Raises:
        InputError: none, other regions, sparse weights.
    """
    if not atlases:
        raise InputError("the mean of no atlas", remedy="give atlases, or a folder that has people in subjects/")
    first, n = atlases[0], len(atlases)
    for atlas in atlases[1:]:
        _same_regions(first, atlas)
    weights = np.array([dense(atlas) for atlas in atlases])
    there = weights > 0
    kept = there.mean(axis=0) >= max(consensus, 1e-12)
    mean = np.where(kept, weights.mean(axis=0), 0.0)
    lines = [f"weights are the mean over {n} people; a connection that somebody does not have counts as 0"]
    if consensus:
        lost = int((there.any(axis=0) & ~kept).sum())
        lines.append(f"{lost} connections that fewer than {consensus:.0%} of people have are left out")
    values: dict[str, Any] = {"weights": mean} | _mean_lengths(atlases, there, kept)
    with_fc = [atlas.fc for atlas in atlases if atlas.fc is not None]
    if with_fc:
        values |= {"fc": mean_fc(with_fc), "fc_leave_one_out": _leave_one_out(with_fc) if len(with_fc) > 2 else None}
        who = "" if len(with_fc) == n else f" of the {len(with_fc)} who have one"
        lines.append(f"functional connectivity is the mean{who} (Fisher z)")
    shared = [key for key in first.maps if all(key in atlas.maps for atlas in atlases)]
    maps = {key: np.mean([atlas.maps[key] for atlas in atlases], axis=0) for key in shared}
    made = replace(first, name=name, maps=maps, other_fc={}, fcd=None, source="", **values)
    return made, lines


def _mean_lengths(atlases: Sequence[Atlas], there: NDArray[np.bool_], kept: NDArray[np.bool_]) -> dict[str, Any]:
    if any(atlas.lengths_mm is None for atlas in atlases):
        return {"lengths_mm": None, "lengths_source": "none"}
    lengths = np.array([atlas.lengths_mm for atlas in atlases])
    count = there.sum(axis=0)
    over_those = np.where(there, lengths, 0.0).sum(axis=0) / np.maximum(count, 1)
    return {"lengths_mm": np.where(kept, over_those, lengths.mean(axis=0))}


def _leave_one_out(matrices: Sequence[F64]) -> F64:
    pairs = np.triu_indices(len(matrices[0]), 1)
    found = []
    for k, matrix in enumerate(matrices):
        others = mean_fc([*matrices[:k], *matrices[k + 1 :]])
        found.append(float(np.corrcoef(matrix[pairs], others[pairs])[0, 1]))
    return np.array(found)


def _same_regions(first: Atlas, other: Atlas) -> None:
    if other.region_names == first.region_names:
        return
    missing = [name for name in first.region_names if name not in other.region_names]
    what = f"has no region {missing[0]}" if missing else "has its regions in another order, or more of them"
    raise InputError(
        f"atlas {other.name} {what}; {first.name} has {first.n_regions}",
        where=other.source or None,
        remedy="import all with --order-of one of them",
    )


def dense(atlas: Atlas) -> F64:
    """Return the weights of an atlas, float64[n, n].

    Raises:
        InputError: they are sparse.
    """
    if atlas.is_sparse:
        raise InputError(f"atlas {atlas.name} has sparse weights, which are not made dense", where=atlas.source or None)
    weights: F64 = atlas.weights
    return weights


def with_density(atlas: Atlas, density: float) -> tuple[Atlas, list[str]]:
    """Return the atlas with its strongest connections alone: the share `density`, 0 to 1, of all n (n - 1) pairs.

    Of symmetric weights both directions of a pair stay or go together. Of equal weights the first ones stay.

    Raises:
        InputError: no share, or sparse weights.
    """
    number(density, "density", above=0)
    if density > 1:
        raise InputError(f"a density of {density:g}", where="density", remedy="give a share, above 0 and up to 1")
    weights, n = dense(atlas), atlas.n_regions
    symmetric = bool(np.array_equal(weights, weights.T))
    rows, columns = np.triu_indices(n, 1) if symmetric else np.nonzero(~np.eye(n, dtype=bool))
    values = weights[rows, columns]
    wanted = math.floor(density * len(values) + 1e-9)
    strongest = np.argsort(-values, kind="stable")[:wanted]
    mask = np.zeros((n, n), dtype=bool)
    mask[rows[strongest], columns[strongest]] = True
    mask |= mask.T if symmetric else False
    kept = np.where(mask, weights, 0.0)
    before, after = np.count_nonzero(weights), np.count_nonzero(kept)
    possible = max(1, n * (n - 1))
    lines = [f"{after} of {before} connections stay (density {after / possible:.3g}, it was {before / possible:.3g})"]
    return replace(atlas, weights=kept), lines


def merged(atlas: Atlas, into: Mapping[str, str]) -> tuple[Atlas, list[str]]:
    """Return the atlas with regions put together: `into` gives the new name of each, others stay.

    Weights are added, lengths averaged by weight (all lengths alike where there is no connection), centroids and maps
    averaged. FC is tanh of the mean Fisher z over the pairs of regions. Connections within a new region are left out.

    Raises:
        InputError: a region that the atlas does not have, or sparse weights.
    """
    group = list(atlas.display_names)
    for name, new in into.items():
        group[atlas.index(name)] = new
    names = list(dict.fromkeys(group))
    member = np.array([[one == name for one in group] for name in names], dtype=np.float64)
    share = member / member.sum(axis=1, keepdims=True)
    weights = member @ dense(atlas) @ member.T
    inside = float(np.trace(weights) / weights.sum()) if weights.any() else 0.0
    np.fill_diagonal(weights, 0.0)
    made = Atlas(
        name=atlas.name,
        region_names=tuple(names),
        weights=weights,
        xyz_mm=None if atlas.xyz_mm is None else share @ atlas.xyz_mm,
        hemisphere=tuple(_common(atlas.hemisphere, group, name) for name in names),  # type: ignore[misc]
        is_cortex=share @ atlas.is_cortex > 0.5,
        maps={key: share @ values for key, values in atlas.maps.items()},
        labels={key: tuple(_common(texts, group, name) for name in names) for key, texts in atlas.labels.items()},
        fc=None if atlas.fc is None else _merged_fc(atlas.fc, share),
        fc_tr_s=atlas.fc_tr_s,
        weights_unit=atlas.weights_unit,
        description=atlas.description,
        licence=atlas.licence,
        citation=atlas.citation,
        acknowledgement=atlas.acknowledgement,
        notes=atlas.notes,
        **_merged_lengths(atlas, member, share),
    )
    lines = [f"{atlas.n_regions} regions became {len(names)}: weights added, {inside:.1%} of them within new regions"]
    if atlas.lead_field is not None:
        lines.append("the lead field is left out")
    return made, lines


def _merged_lengths(atlas: Atlas, member: F64, share: F64) -> dict[str, Any]:
    if atlas.lengths_mm is None:
        return {}
    weights = dense(atlas)
    total = member @ weights @ member.T
    weighted = member @ (weights * atlas.lengths_mm) @ member.T
    lengths = np.where(total > 0, weighted / np.where(total > 0, total, 1.0), share @ atlas.lengths_mm @ share.T)
    np.fill_diagonal(lengths, 0.0)
    return {"lengths_mm": lengths, "lengths_source": atlas.lengths_source}


def _merged_fc(fc: F64, share: F64) -> F64:
    z = np.arctanh(np.clip(np.where(np.eye(len(fc), dtype=bool), 0.0, fc), -1 + 1e-15, 1 - 1e-15))
    merged_fc: F64 = np.tanh(share @ z @ share.T)
    merged_fc = (merged_fc + merged_fc.T) / 2
    np.fill_diagonal(merged_fc, 1.0)
    return merged_fc


def _common(texts: Sequence[str], group: Sequence[str], name: str) -> str:
    """The text that all regions of a group have, else nothing."""
    found = {text for text, one in zip(texts, group, strict=True) if one == name}
    return found.pop() if len(found) == 1 else ""
