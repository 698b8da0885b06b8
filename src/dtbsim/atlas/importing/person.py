"""An atlas from the parts of one source: chosen, matched by label, checked, with a line for each that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.connectome import estimated_lengths
from dtbsim.atlas.correlation import mean_correlation
from dtbsim.atlas.importing.given import raw_of
from dtbsim.atlas.importing.label_image import regions_in
from dtbsim.atlas.importing.options import Given, Options
from dtbsim.atlas.importing.raw import Raw
from dtbsim.atlas.importing.region_table import RegionTable
from dtbsim.atlas.importing.roles import WORDS, Item, Left, item_of, number_of_regions, values_of
from dtbsim.atlas.importing.sessions import mean_of_sessions, sessions_of
from dtbsim.atlas.load import load_atlas
from dtbsim.atlas.model import Atlas
from dtbsim.data.labels import check_unique, hemisphere, match_labels
from dtbsim.data.model import Matrix, Series, check_number
from dtbsim.data.series import read_series, series_of_values
from dtbsim.data.table import Table
from dtbsim.errors import InputError, MissingDependencyError

F64 = NDArray[np.float64]

_COLUMNS = {"xyz_mm": "centroids", "is_cortex": "which regions are cortex"}
_UNRELATED = 0.05
"""Correlation of weights and FC below which they may be of different orders."""
_SHORT_MM = 5.0


@dataclass
class Found:
    """What was made of a source: the atlas, its series, files to keep, and what is to be said of them."""

    atlas: Atlas
    series: dict[str, Series] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)
    surfaces: list[Path] = field(default_factory=list)
    taken: list[dict[str, str]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def make_atlas(raws: Sequence[Raw], options: Options, name: str, description: str) -> Found:
    """Return the atlas of what is in the files of one source.

    Raises:
        InputError: no weights, several candidates for one role, regions that do not match.
    """
    return _Maker(raws, options).make(name, description)


class _Maker:
    """Takes the parts of a source one by one; `changes` and `taken` collect what is said of them."""

    def __init__(self, raws: Sequence[Raw], options: Options) -> None:
        self.options = options
        self.changes: list[str] = []
        self.taken: list[dict[str, str]] = []
        given = [(one.role, raw_of(one)) for one in options.given]
        given += [(raw.role, raw) for raw in raws if raw.role is not None]
        paths = {(raw.path, raw.variable) for _, raw in given}
        others = [raw for raw in raws if (raw.path, raw.variable) not in paths]
        weights = [raw for role, raw in given if role == "weights"]
        n = number_of_regions(weights or [*others, *(raw for _, raw in given)])
        self.items: list[Item] = []
        for role, raw in given:
            self._add(item_of(raw, n, role))
        chosen = {role for role, _ in given}
        for raw in others:
            item = item_of(raw, n)
            if isinstance(item, Item) and item.role in chosen - {"bold"}:
                item = Left(item.where, f"other {WORDS.get(item.role, item.role)} were given")
            self._add(item)

    def _add(self, item: Item | Left) -> None:
        if isinstance(item, Left):
            self._said(item.where, "left out", item.why)
        else:
            self.items.append(item)

    def _said(self, where: str, taken_for: str, why: str) -> None:
        self.taken.append({"file": where, "taken_for": taken_for, "why": why})

    def make(self, name: str, description: str) -> Found:
        weights = self._matrix("weights")
        if weights is None:
            listed = ", ".join(one["file"] for one in self.taken[:4]) or "nothing"
            raise InputError(
                f"found no weights of connections (found {listed})", remedy="name the file: --weights FILE"
            )
        lengths, fc = self._matrix("lengths"), self._matrix("fc")
        tables = [*self._tables(), *self._of_images(len(weights.values))]
        names = self._names(weights, tables)
        order, reference = self._order(names)
        weights = self._matched(weights, names, order, "weights")
        atlas_parts = self._regions(tables, names, order, reference)
        values = self._prepared(weights)
        series = self._series(names, order)
        values |= self._lengths(lengths, values["weights"], names, order, atlas_parts.get("xyz_mm"))
        values |= self._fc(fc, series, names, order, values["weights"])
        values |= self._lead_field(names, order)
        atlas = Atlas(name=name, region_names=order, description=description, **values, **atlas_parts)
        if lengths is None and self.options.estimate_lengths:
            atlas = atlas.with_estimated_lengths()
            self.changes.append("tract lengths estimated from the distance of centroids")
        files = {
            role: [item.raw.path for item in self.items if item.role == role] for role in ("label_image", "surface")
        }
        for role in files:
            for item in self.items:
                if item.role == role:
                    self._said(item.where, WORDS[role], item.why)
        return Found(atlas, series, files["label_image"], files["surface"], self.taken, self.changes)

    def _matrix(self, role: str) -> Matrix | None:
        items = [item for item in self.items if item.role == role]
        if len(items) > 1 and (sessions := sessions_of([item.raw for item in items])) is not None:
            for item in items:
                self._said(item.where, WORDS[role], item.why)
            return self._noticed(role, mean_of_sessions([item.value for item in items], sessions))
        if len(items) > 1:
            listed = ", ".join(item.where for item in items)
            raise InputError(
                f"{len(items)} parts may be the {WORDS[role]}: {listed}",
                remedy=f"name one: --{role} FILE or FILE:VARIABLE",
            )
        if not items:
            return None
        matrix: Matrix = items[0].value
        self._said(items[0].where, WORDS[role], items[0].why)
        return self._noticed(role, matrix)

    def _noticed(self, role: str, matrix: Matrix) -> Matrix:
        self.changes += [f"{WORDS[role]}: {notice}" for notice in matrix.notices]
        return matrix

    def _tables(self) -> list[RegionTable]:
        found = []
        for item in self.items:
            if item.role == "regions":
                self._said(item.where, item.value.says, item.why)
                found.append(item.value)
        return found

    def _of_images(self, n: int) -> list[RegionTable]:
        """Centroids and voxel values of regions from a label image; without nibabel it is kept, and that is said."""
        found = []
        for item in self.items:
            if item.role == "label_image":
                try:
                    found.append(regions_in(item.raw.path, n))
                    self.changes.append(f"centroids of voxels and values of regions from {item.raw.path.name}")
                except MissingDependencyError as error:
                    self.changes.append(f"nothing is read from the label image: {error}")
        return found

    def _names(self, weights: Matrix, tables: Sequence[RegionTable]) -> tuple[str, ...]:
        """Labels of the rows of the weights: given, their own, or those of a table with as many regions."""
        n = len(weights.values)
        given = {one.path for one in self.options.of("labels")}
        tables = [table for table in tables if table.names is not None]
        first = [table for table in tables if any(table.where.startswith(str(path)) for path in given)]
        if weights.labels is not None and not first:
            return weights.labels
        for table in [*first, *tables]:
            names = table.names or ()
            if len(names) == n:
                check_unique(names, table.where)
                return names
            if first:
                check_number(len(names), n, table.where)
        sizes = ", ".join(f"{table.where} has {table.n}" for table in tables)
        if tables:
            raise InputError(
                f"weights of {n} regions, but {sizes} labels",
                where=weights.where,
                remedy="give labels of these regions",
            )
        self.changes.append(f"no labels found: regions are named region_1 to region_{n}")
        return tuple(f"region_{k + 1}" for k in range(n))

    def _order(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], Atlas | None]:
        """The regions of the atlas in their order, and the atlas whose order was asked for."""
        if self.options.order_of is None:
            return names, None
        reference = load_atlas(self.options.order_of)
        order = match_labels(names, reference.display_names, where="weights")
        left = [name for k, name in enumerate(names) if k not in set(order.tolist())]
        moved = "" if order.tolist() == list(range(len(names))) else ", in another order than before"
        self.changes.append(f"regions are those of atlas {reference.name}, matched by label{moved}")
        if left:
            shown = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
            self.changes.append(f"{len(left)} regions that atlas {reference.name} does not have are left out: {shown}")
        return tuple(reference.display_names), reference

    def _matched(self, matrix: Matrix, names: tuple[str, ...], order: tuple[str, ...], what: str) -> Matrix:
        if matrix.labels is None:
            check_number(len(matrix.values), len(names), matrix.where)
            matrix = replace(matrix, labels=names)
            if what != "weights":
                self.changes.append(f"{what}: no labels, so the rows are taken in the order of the weights")
        return matrix.ordered(order)

    def _prepared(self, weights: Matrix) -> dict[str, Any]:
        """Weights with what was asked for, and what is said of their direction."""
        values, unit = weights.values.copy(), ""
        if self.options.transpose:
            values = values.T.copy()
            self.changes.append("weights transposed: columns of the file receive, rows send")
        diagonal = np.count_nonzero(values.diagonal())
        if diagonal:
            np.fill_diagonal(values, 0.0)
            self.changes.append(f"diagonal of the weights set to 0 ({diagonal} regions were connected with themselves)")
        if weights.symmetric:
            self.changes.append("weights are symmetric: both directions of a pair are the same")
            values = (values + values.T) / 2
        else:
            receive = "columns" if self.options.transpose else "rows"
            other = "leave --transpose out" if self.options.transpose else "--transpose"
            self.changes.append(f"weights are directed: {receive} of the file receive ({other} if they send)")
        if self.options.log:
            values, unit = np.log1p(values), "ln(1 + w)"
            self.changes.append("weights are ln(1 + w) now")
        if self.options.normalise == "max" and values.any():
            self.changes.append(f"weights divided by the largest, {values.max():.6g}")
            values, unit = values / values.max(), f"{unit or 'w'} / largest"
        return {"weights": values, "weights_unit": unit}

    def _lengths(
        self,
        lengths: Matrix | None,
        weights: F64,
        names: tuple[str, ...],
        order: tuple[str, ...],
        xyz_mm: F64 | None,
    ) -> dict[str, Any]:
        if lengths is None:
            return {}
        found = self._matched(lengths, names, order, "tract lengths").values.copy()
        if self.options.transpose:
            found = found.T.copy()
        np.fill_diagonal(found, 0.0)
        gaps = (weights > 0) & (found == 0)
        if gaps.any():
            found = self._filled(found, gaps, weights, xyz_mm, lengths.where)
        used = found[weights > 0]
        if used.size and 0 < np.median(used) < _SHORT_MM:
            self.changes.append(
                f"tract lengths have a median of {np.median(used):.3g}: lengths are mm here; multiply those in cm or m"
            )
        return {"lengths_mm": found, "lengths_source": "measured"}

    def _filled(self, found: F64, gaps: NDArray[np.bool_], weights: F64, xyz_mm: F64 | None, where: str) -> F64:
        """Lengths with estimates where there is a connection without one, if that is asked for."""
        number = int(gaps.sum())
        if not self.options.estimate_lengths or xyz_mm is None:
            row, column = (int(k) for k in np.argwhere(gaps)[0])
            raise InputError(
                f"{number} connections have a weight but no length (the first in row {row + 1}, column {column + 1})",
                where=where,
                remedy="--estimate-lengths fills them from the distance of centroids; or leave the lengths out",
            )
        self.changes.append(f"{number} missing tract lengths estimated from the distance of centroids")
        return np.where(gaps, estimated_lengths(weights, xyz_mm), found)

    def _series(self, names: tuple[str, ...], order: tuple[str, ...]) -> dict[str, Series]:
        series: dict[str, Series] = {}
        images = self.options.of("label_image") or [
            Given("label_image", item.raw.path) for item in self.items if item.role == "label_image"
        ]
        for item in self.items:
            if item.role != "bold":
                continue
            found = self._read(item.raw, images, len(names))
            self._said(item.where, f"BOLD ({found.values.shape[0]} samples)", item.why)
            self.changes += [f"BOLD: {notice}" for notice in found.notices]
            if found.labels is None:
                found = found.ordered(names)
                self.changes.append("BOLD: no labels, so the regions are taken in the order of the weights")
            name = item.raw.name if item.raw.name not in series else f"{item.raw.name}_{len(series) + 1}"
            series[name] = found.ordered(order)
        return series

    def _read(self, raw: Raw, images: Sequence[Given], n: int) -> Series:
        if raw.split:
            return series_of_values(values_of(raw), raw.beside, raw.where, raw.path, n, self.options.period_s)
        return read_series(
            raw.path,
            period_s=self.options.period_s,
            variable=raw.variable,
            label_image=images[0].path if images and raw.value is None else None,
            n_regions=n,
        )

    def _fc(
        self, fc: Matrix | None, series: dict[str, Series], names: tuple[str, ...], order: tuple[str, ...], weights: F64
    ) -> dict[str, Any]:
        periods = {one.period_s for one in series.values() if one.period_s is not None}
        period = periods.pop() if len(periods) == 1 else None
        if fc is not None:
            values = self._matched(fc, names, order, "functional connectivity").values.copy()
            np.fill_diagonal(values, 1.0)
            if fc.symmetric:
                values = (values + values.T) / 2
        elif series:
            values = mean_correlation([one.values for one in series.values()], list(series))
            runs = f", mean over {len(series)} series (Fisher z)" if len(series) > 1 else ""
            self.changes.append(f"functional connectivity worked out from BOLD (Pearson r{runs})")
        else:
            return {}
        self._compare(values, weights)
        return {"fc": values, "fc_tr_s": period}

    def _compare(self, fc: F64, weights: F64) -> None:
        pairs = np.triu_indices(len(fc), 1)
        both = np.log1p(weights + weights.T)[pairs]
        if both.std() > 0 and fc[pairs].std() > 0:
            r = float(np.corrcoef(both, fc[pairs])[0, 1])
            doubt = "; are both in the same order of regions?" if r < _UNRELATED else ""
            self.changes.append(f"functional connectivity and log weights are correlated at r = {r:.2f}{doubt}")

    def _lead_field(self, names: tuple[str, ...], order: tuple[str, ...]) -> dict[str, Any]:
        items = [item for item in self.items if item.role == "lead_field"]
        if not items:
            return {}
        raw = items[0].raw
        values = values_of(raw)
        labels = raw.value.columns if isinstance(raw.value, Table) else None
        channels = raw.value.rows if isinstance(raw.value, Table) else raw.labels.get(len(values))
        if labels is None:
            check_number(values.shape[1], len(names), raw.where)
        place = match_labels(labels or names, order, where=raw.where)
        self._said(raw.where, "lead field", items[0].why)
        return {"lead_field": values[:, place], "lead_field_channels": channels or ()}

    def _regions(
        self, tables: Sequence[RegionTable], names: tuple[str, ...], order: tuple[str, ...], reference: Atlas | None
    ) -> dict[str, Any]:
        """Centroids, hemispheres and what else is known of regions, in their order."""
        found: dict[str, Any] = {"maps": {}, "labels": {}}
        for table in tables:
            if table.names is None:
                check_number(table.n, len(names), table.where)
            place = match_labels(table.names or names, order, where=table.where)
            for key in ("xyz_mm", "is_cortex"):
                column = getattr(table, key)
                if column is not None and key in found:
                    self.changes.append(f"{_COLUMNS[key]} of {table.where} left out: there are others")
                elif column is not None:
                    found[key] = column[place]
            if table.hemisphere is not None:
                found.setdefault("hemisphere", tuple(table.hemisphere[k] for k in place))
            found["maps"] |= {key: column[place] for key, column in table.maps.items()}
            found["labels"] |= {key: tuple(texts[k] for k in place) for key, texts in table.texts.items()}
        if reference is not None:
            self._from_reference(found, reference)
        if "hemisphere" not in found:
            sides = tuple(hemisphere(name) for name in order)
            if any(sides):
                found["hemisphere"] = sides
                self.changes.append(f"hemispheres from labels: {sides.count('L')} left, {sides.count('R')} right")
        if "xyz_mm" not in found:
            self.changes.append("no centroids: there will be no picture of the brain (give them with --centroids FILE)")
        return found

    def _from_reference(self, found: dict[str, Any], reference: Atlas) -> None:
        if "xyz_mm" not in found and reference.xyz_mm is not None:
            found["xyz_mm"] = reference.xyz_mm
            self.changes.append(f"centroids from atlas {reference.name}")
        if "hemisphere" not in found and any(reference.hemisphere):
            found["hemisphere"] = reference.hemisphere
            self.changes.append(f"hemispheres from atlas {reference.name}")
        found.setdefault("is_cortex", reference.is_cortex)
