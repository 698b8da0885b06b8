"""The atlas: regions of a brain, their connectome, and measured data that belong to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import refuse, text, texts, whole
from dtbsim.atlas import checks, connectome, validate
from dtbsim.atlas.connectome import Edges, Floats, Incoming, Ints, LengthsSource, Matrix
from dtbsim.errors import InputError, did_you_mean

Hemisphere = Literal["L", "R", ""]

_Item = TypeVar("_Item")


@dataclass(frozen=True, eq=False)
class FcdReference:
    """Measured functional connectivity dynamics: a pooled histogram of FCD values and how single scans differ from it.

    Attributes:
        hist: float64[bins], share of FCD values per bin (sums to 1).
        bin_edges: float64[bins + 1], ascending, within [-1, 1].
        window_s, step_s: length and shift of the sliding window.
        single_scan_ks: float64[scans] or None, Kolmogorov-Smirnov distance of each scan from the pool.
    """

    hist: Floats
    bin_edges: Floats
    window_s: float
    step_s: float
    single_scan_ks: Floats | None = None

    def __post_init__(self) -> None:
        where = "fcd"
        hist = validate.float_array(self.hist, (None,), "fcd/hist", where)
        bin_edges = validate.float_array(self.bin_edges, (hist.size + 1,), "fcd/bin_edges", where)
        if (hist < 0).any() or not hist.sum() > 0:
            raise InputError("fcd/hist must hold counts or shares of 0 or more, not all 0", where=where)
        if not (np.diff(bin_edges) > 0).all():
            raise InputError("fcd/bin_edges must ascend", where=where)
        if not (self.window_s > 0 and self.step_s > 0):
            raise InputError(
                f"fcd/window_s ({self.window_s:g}) and fcd/step_s ({self.step_s:g}) must be above 0", where=where
            )
        share = hist / hist.sum()
        share.setflags(write=False)
        object.__setattr__(self, "hist", share)
        object.__setattr__(self, "bin_edges", bin_edges)
        if self.single_scan_ks is not None:
            ks = validate.float_array(self.single_scan_ks, (None,), "fcd/single_scan_ks", where)
            object.__setattr__(self, "single_scan_ks", ks)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Atlas:
    """Regions, connectome and reference data; checked when made, arrays read-only.

    n is the number of regions. Matrices have the receiving region in the row: `weights[target, source]`.

    Attributes:
        name: short name.
        region_names: n unique names usable in keys (letters of any script, digits, `_`, `-`); other characters of
            given names become `_`, and `display_names` keeps the names as given.
        xyz_mm: float64[n, 3], region centroids (MNI or the atlas's own space), or None where they are not known.
        weights: float64[n, n] >= 0 with zero diagonal, or a scipy `csr_array` for atlases with very many regions.
            Asymmetric (directed) weights are allowed. `incoming`, `edges`, `in_strength` serve both kinds.
        lengths_mm: tract lengths of the same kind as `weights`, above 0 wherever a weight is; None if unknown.
        lengths_source: measured (tractography on these regions), resampled (from measured tracts of another
            parcellation), estimated (from centroid distance), unknown, none.
        hemisphere: n of "L", "R" or "" (midline or not known).
        is_cortex: bool[n]; all True unless given.
        maps: name -> float64[n], values per region.
        labels: name -> n texts per region (for example a network each region belongs to).
        fc: float64[n, n], measured functional connectivity (Pearson r); the diagonal carries no information.
        fc_tr_s: sampling interval of the measured BOLD behind `fc`, s.
        other_fc: name -> float64[n, n], further measured FCs (for example `holdout`: a second group of subjects).
        fc_leave_one_out: float64[subjects], correlation of each subject's FC with the mean of the others.
        fcd: measured FCD reference.
        lead_field: float64[channels, n], sensor signal per unit of region activity, in `lead_field_unit`.
        lead_field_channels: channel names, empty where none are known.
        weights_unit, description, licence, citation, acknowledgement, notes: texts.
        source: where it was read from (path), empty if made in memory.

    Raises:
        InputError: anything inconsistent; the message names the region and the cure.
    """

    name: str
    region_names: tuple[str, ...]
    weights: Matrix
    xyz_mm: Floats | None = None
    lengths_mm: Matrix | None = None
    lengths_source: LengthsSource | None = None
    display_names: tuple[str, ...] = ()
    hemisphere: tuple[Hemisphere, ...] = ()
    is_cortex: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    maps: Mapping[str, Floats] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fc: Floats | None = None
    fc_tr_s: float | None = None
    other_fc: Mapping[str, Floats] = field(default_factory=dict)
    fc_leave_one_out: Floats | None = None
    fcd: FcdReference | None = None
    lead_field: Floats | None = None
    lead_field_channels: tuple[str, ...] = ()
    lead_field_unit: str = ""
    weights_unit: str = ""
    description: str = ""
    licence: str = ""
    citation: str = ""
    acknowledgement: str = ""
    notes: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        checks.types(self)
        where = self.source or f"atlas {self.name}"
        for check in (checks.regions, checks.values, checks.measurements, checks.weights, checks.lengths):
            for key, value in check(self, where).items():  # later checks rely on what earlier ones put right
                object.__setattr__(self, key, value)

    def __repr__(self) -> str:
        return f"<Atlas {self.name}: {self.n_regions:,} regions, {self.n_connections:,} connections>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: sizes, what data there are, and where they come from."""
        from dtbsim.atlas.summary import atlas_html

        return atlas_html(self)

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return len(self.region_names)

    @property
    def is_sparse(self) -> bool:
        """True if `weights` (and `lengths_mm`) are scipy CSR arrays."""
        return connectome.is_sparse(self.weights)

    @property
    def n_connections(self) -> int:
        """Number of directed connections (weights above 0)."""
        return connectome.n_connections(self.weights)

    @property
    def lengths_measured(self) -> bool:
        """True if tract lengths come from tractography (directly or resampled), not from distance."""
        return self.lengths_source in ("measured", "resampled")

    def incoming(self, region: int) -> Incoming:
        """Return (sources, weights, lengths_mm or None) of the connections onto region index `region`."""
        index = whole(region, "region", below=self.n_regions, what="the index of a region")
        return connectome.incoming(self.weights, self.lengths_mm, index)

    def edges(self) -> Edges:
        """Return (targets, sources, weights, lengths_mm or None) of all connections, by target, then source."""
        return connectome.edges(self.weights, self.lengths_mm)

    def in_strength(self) -> Floats:
        """Return the total weight onto each region, sum_j w_ij, float64[n]."""
        return connectome.strengths(self.weights, axis=1)

    def out_strength(self) -> Floats:
        """Return the total weight from each region, sum_i w_ij, float64[n]."""
        return connectome.strengths(self.weights, axis=0)

    def index(self, name: str) -> int:
        """Return the index of a region given by its key or its display name.

        Raises:
            InputError: no such region.
        """
        index = self._index_of.get(text(name, "name"))
        if index is None:
            raise InputError(f"atlas {self.name} has no region {name!r}", remedy=did_you_mean(name, self.region_names))
        return index

    @cached_property
    def _index_of(self) -> dict[str, int]:
        names = {name: index for index, name in enumerate(self.display_names)}
        return names | {name: index for index, name in enumerate(self.region_names)}

    def select(self, regions: str | Sequence[str]) -> Ints:
        """Return region indices, int64[k]: "all", "left", "right" in atlas order, or a list of names in its order.

        Raises:
            InputError: an unknown or repeated name, an empty list, or a hemisphere the atlas does not have.
        """
        if isinstance(regions, str) and regions == "all":
            return np.arange(self.n_regions, dtype=np.int64)
        if isinstance(regions, str):
            return self._hemisphere_indices(regions)
        chosen = [self.index(name) for name in texts(regions, "regions", "all, left, right, or a list of names")]
        if not chosen:
            raise InputError("the list of regions is empty", remedy="name at least one region, or use all")
        if len(set(chosen)) < len(chosen):
            repeated = Counter(chosen).most_common(1)[0][0]
            raise InputError(f"region {self.region_names[repeated]} is listed twice")
        return np.array(chosen, dtype=np.int64)

    def _hemisphere_indices(self, side: str) -> Ints:
        letter = {"left": "L", "right": "R"}.get(side)
        if letter is None:
            raise InputError(f"unknown choice of regions {side!r}", remedy=did_you_mean(side, ("all", "left", "right")))
        indices = np.flatnonzero(np.array(self.hemisphere) == letter)
        if not indices.size:
            raise InputError(f"atlas {self.name} has no region marked {letter}", remedy="name the regions in a list")
        return indices

    def map(self, name: str) -> Floats:
        """Return the map `name`, float64[n].

        Raises:
            InputError: no such map.
        """
        return _pick(self.maps, text(name, "name"), "map", self.name)

    def empirical_fc(self, name: str | None = None) -> Floats:
        """Return the measured FC, or the one of `other_fc` called `name`, float64[n, n].

        Raises:
            InputError: the atlas holds no such FC.
        """
        if name is not None:
            return _pick(self.other_fc, text(name, "name"), "FC", self.name)
        if self.fc is None:
            raise InputError(f"atlas {self.name} holds no measured FC", remedy="add `fc` to the atlas file")
        return self.fc

    def with_estimated_lengths(self) -> Atlas:
        """Return a copy whose tract lengths are 1.172 x centroid distance + 38.7 mm (a rough stand-in).

        Raises:
            InputError: the atlas has no centroids.
        """
        if self.xyz_mm is None:
            raise InputError(
                f"tract lengths of atlas {self.name} cannot be estimated without centroids",
                where=self.source or None,
                remedy="give xyz_mm, or lengths_mm",
            )
        lengths = connectome.estimated_lengths(self.weights, self.xyz_mm)
        return replace(self, lengths_mm=lengths, lengths_source="estimated")

    def subset(self, regions: Sequence[int] | NDArray[Any], name: str | None = None) -> Atlas:
        """Return the atlas of some regions only, by indices (or a bool[n] mask), in the order given.

        Measurements of the whole set (FCD, leave-one-out) are left out.

        Raises:
            InputError: an index out of range or repeated, or none at all.
        """
        keep = self._checked_indices(regions)
        kept_lengths = None if self.lengths_mm is None else connectome.submatrix(self.lengths_mm, keep)
        return replace(
            self,
            name=self.name if name is None else text(name, "name"),
            region_names=_taken(self.region_names, keep),
            display_names=_taken(self.display_names, keep),
            hemisphere=_taken(self.hemisphere, keep),
            xyz_mm=None if self.xyz_mm is None else self.xyz_mm[keep],
            is_cortex=self.is_cortex[keep],
            weights=connectome.submatrix(self.weights, keep),
            lengths_mm=kept_lengths,
            maps={key: values[keep] for key, values in self.maps.items()},
            labels={key: _taken(texts, keep) for key, texts in self.labels.items()},
            fc=None if self.fc is None else self.fc[np.ix_(keep, keep)],
            other_fc={key: fc[np.ix_(keep, keep)] for key, fc in self.other_fc.items()},
            lead_field=None if self.lead_field is None else self.lead_field[:, keep],
            fc_leave_one_out=None,
            fcd=None,
        )

    def _checked_indices(self, regions: Sequence[int] | NDArray[Any]) -> Ints:
        listed = isinstance(regions, list | tuple | range) or (isinstance(regions, np.ndarray) and regions.ndim > 0)
        if not listed or len(regions) > self.n_regions:
            raise refuse(regions, "regions", f"a list of up to {self.n_regions} region indices, or a mask")
        try:
            given = np.asarray(regions)
        except (ValueError, TypeError) as error:
            raise refuse(regions, "regions", "a list of region indices, or a mask") from error
        keep = np.flatnonzero(given) if given.dtype == bool and given.shape == (self.n_regions,) else given
        if keep.dtype.kind not in "iu" or keep.ndim != 1 or not keep.size:
            raise InputError(f"needed a list of region indices or a mask of {self.n_regions} true/false values")
        if keep.min() < 0 or keep.max() >= self.n_regions:
            raise InputError(f"region indices must lie between 0 and {self.n_regions - 1}")
        if np.unique(keep).size != keep.size:
            raise InputError("a region index is repeated")
        return keep.astype(np.int64)


def _taken(items: tuple[_Item, ...], keep: Ints) -> tuple[_Item, ...]:
    return tuple(items[index] for index in keep)


def _pick(table: Mapping[str, Floats], name: str, what: str, atlas: str) -> Floats:
    if name not in table:
        remedy = did_you_mean(name, table) if table else f"the atlas file holds no {what}s of that kind"
        raise InputError(f"atlas {atlas} has no {what} {name!r}", remedy=remedy)
    return table[name]
