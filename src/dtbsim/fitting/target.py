"""Measured data that a model is fitted to, and the part of them that the fit does not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.fc import check_bold, constant_regions, fc_correlation, functional_connectivity
from dtbsim.errors import InputError

F64 = NDArray[np.float64]
HALF = "half"
LONGEST_TR_S = 20.0
FEWEST_SAMPLES = 20
"""Of a series, for an FC that says anything."""


@dataclass(frozen=True, eq=False)
class Target:
    """What is measured; everything in the order of the model's regions (or channels of `series`).

    Attributes:
        name: where it is from.
        fc: float64[n, n] functional connectivity, or None.
        series: float64[T, n] samples every `interval_s`, or None; of several people the first.
        fcd_values: float64[k] entries of the FCD, or a histogram `fcd_counts` [b] with `fcd_edges` [b + 1].
        fcd_window_s, fcd_step_s: of the windows of the FCD.
        people: FC of each person, where there are several.
        between_people: float64[m], FC correlation of each person with the mean of the others, where it is known.
        held_out: data that the fit does not see, None where there are none.
        held_out_name: what these are, in words.
    """

    name: str
    fc: F64 | None = None
    series: F64 | None = None
    interval_s: float | None = None
    fcd_values: F64 | None = None
    fcd_counts: F64 | None = None
    fcd_edges: F64 | None = None
    fcd_window_s: float = 60.0
    fcd_step_s: float = 2.16
    people: tuple[F64, ...] = ()
    between_people: F64 | None = None
    held_out: Target | None = None
    held_out_name: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def ceiling(self) -> tuple[float, str] | None:
        """How well data predict data, as an FC correlation, and in which words; None where the data do not say."""
        if self.held_out is not None and self.held_out.fc is not None and self.fc is not None:
            return fc_correlation(self.fc, self.held_out.fc), f"the data that were fitted against {self.held_out_name}"
        if self.between_people is not None and self.between_people.size:
            return float(self.between_people.mean()), "one person against the mean of the others"
        return None


def target_of(
    to: object, names: Sequence[str] | None, atlas: Any, *, interval_s: float | None = None, hold_out: object = None
) -> Target:
    """Return the data that `to` names.

    Args:
        to: "atlas": what the model's atlas holds; a path, or a list of paths, one for each person: an FC, or a series
            with `interval_s`; an array [n, n] or, with `interval_s`, [T, n]; a `Target`.
        names: the model's regions; None where it does not matter what columns of series are.
        atlas: of the model, None without one.
        interval_s: time between samples of series (s).
        hold_out: None, "half" (the second half of the series), or data like `to` that the fit is not to see.

    Raises:
        InputError: what does not fit the regions, has NaN, is too short, or cannot be held out.
    """
    if interval_s is not None and not 0 < interval_s <= LONGEST_TR_S:
        remedy = f"give seconds, such as 0.72; allowed: above 0, up to {LONGEST_TR_S:g}"
        raise InputError(f"got {interval_s:g} s between samples", where="--tr", remedy=remedy)
    if isinstance(to, Target):
        found = to
    elif isinstance(to, str) and to == "atlas":
        found = _of_atlas(atlas, names)
    else:
        several = list(to) if isinstance(to, list | tuple) else [to]
        found = _of_people([_one(each, names, interval_s, "--to") for each in several])
    if hold_out is None:
        return found
    if isinstance(hold_out, str) and hold_out == HALF:
        return _halves(found)
    several = list(hold_out) if isinstance(hold_out, list | tuple) else [hold_out]
    others = _of_people([_one(each, names, interval_s, "--hold-out") for each in several])
    if others.fc is not None and found.fc is not None and np.array_equal(others.fc, found.fc):
        raise InputError(
            "these are the data that are fitted", where="--hold-out", remedy="give others, or leave it out"
        )
    return replace(found, held_out=others, held_out_name="data left out" if len(several) > 1 else others.name)


def _of_atlas(atlas: Any, names: Sequence[str] | None) -> Target:
    if atlas is None or atlas.fc is None:
        what = "the configuration has no atlas" if atlas is None else f"atlas {atlas.name} holds no measured FC"
        raise InputError(what, where="--to atlas", remedy="give a file: --to FC.csv")
    keep = np.array([list(atlas.region_names).index(name) for name in names or atlas.region_names])

    def part(fc: Any) -> F64:
        return np.array(np.asarray(fc, np.float64)[np.ix_(keep, keep)])

    fcd: dict[str, Any] = {}
    if atlas.fcd is not None and len(keep) == atlas.n_regions:
        fcd = {"fcd_counts": np.asarray(atlas.fcd.hist), "fcd_edges": np.asarray(atlas.fcd.bin_edges)}
        fcd |= {"fcd_window_s": atlas.fcd.window_s, "fcd_step_s": atlas.fcd.step_s}
    between = None if atlas.fc_leave_one_out is None else np.asarray(atlas.fc_leave_one_out, np.float64)
    found = Target(f"FC of the atlas {atlas.name}", part(atlas.fc), between_people=between, **fcd)
    if "holdout" in atlas.other_fc:
        name = f"the second group of people of {atlas.name}"
        return replace(found, held_out=Target(name, part(atlas.other_fc["holdout"])), held_out_name=name)
    return found


def _one(given: object, names: Sequence[str] | None, interval_s: float | None, option: str) -> Target:
    """One person's FC or series, from a file or an array."""
    if isinstance(given, Target):
        return given
    n = None if names is None else len(names)
    if isinstance(given, np.ndarray):
        return _checked(np.array(given, np.float64), f"array {given.shape}", n, interval_s, option)
    from dtbsim.fitting.files import read_measured

    values, found_s = read_measured(given, names, interval_s, option)
    return _checked(values, str(given), n, found_s, option)


def _checked(values: F64, name: str, n: int | None, interval_s: float | None, option: str) -> Target:
    n = values.shape[-1] if n is None and values.ndim == 2 else n
    if values.ndim != 2 or values.shape[1] != n:
        what = f"it has shape {values.shape}, and the model {n} regions"
        remedy = "is it of another atlas? give [regions, regions], or a series [samples, regions] with --tr"
        raise InputError(what, where=f"{option} {name}", remedy=remedy)
    bad = _bad_columns(values, series=interval_s is not None)
    if bad.size:
        what = f"region {int(bad[0])} (of {n}, from 0) has NaN or infinite values"
        raise InputError(what, where=f"{option} {name}", remedy="leave this region out of data and model, or repair it")
    if interval_s is None:
        return _fc(values, name, option)
    if len(values) < FEWEST_SAMPLES:
        what = f"{len(values)} samples are too short a series; at least {FEWEST_SAMPLES} are needed"
        raise InputError(what, where=f"{option} {name}", remedy="give a longer one; rows are samples, columns regions")
    flat = np.flatnonzero(constant_regions(check_bold(values)))
    if flat.size:
        what = f"region {int(flat[0])} (from 0) is constant: it has no correlations"
        raise InputError(what, where=f"{option} {name}", remedy="leave it out of data and model")
    return Target(name, functional_connectivity(values), values, interval_s, **_fcd(values, interval_s))


def _bad_columns(values: F64, *, series: bool) -> NDArray[np.int64]:
    """Regions without any number of an FC, or with some missing in a series."""
    bad = ~np.isfinite(values)
    if series or values.shape[0] != values.shape[1]:
        return np.flatnonzero(bad.any(axis=0)) if series else np.zeros(0, np.int64)
    return np.flatnonzero((bad | np.eye(len(bad), dtype=bool)).all(axis=0))


def _fc(values: F64, name: str, option: str) -> Target:
    where = f"{option} {name}"
    n = values.shape[1]
    if values.shape[0] != n:
        remedy = "give --tr SECONDS, the time between its samples"
        raise InputError(
            f"a matrix {values.shape} is a series, whose sampling is not given", where=where, remedy=remedy
        )
    off = ~np.eye(n, dtype=bool)
    if not np.isfinite(values[off]).all():
        row, column = np.argwhere(~np.isfinite(values) & off)[0]
        raise InputError(f"entry [{row}, {column}] is {values[row, column]}", where=where, remedy="repair it")
    if np.abs(values[off]).max() > 1.0 + 1e-6:
        what = f"its entries reach {np.abs(values[off]).max():g}; correlations lie between -1 and 1"
        raise InputError(what, where=where, remedy="is it a connectome, or Fisher z? give correlations, tanh(z)")
    if np.abs(values - values.T).max() > 1e-3:
        raise InputError("it is not symmetric, as an FC is", where=where, remedy="is it a connectome?")
    fc = (values + values.T) / 2
    np.fill_diagonal(fc, 1.0)
    return Target(name, fc)


def _fcd(values: F64, interval_s: float) -> dict[str, Any]:
    from dtbsim.analysis.fcd import fcd_matrix, fcd_values

    try:
        return {"fcd_values": fcd_values(fcd_matrix(values, interval_s))}
    except InputError:  # too short for it; an objective that needs it says so
        return {}


def _of_people(people: list[Target]) -> Target:
    if len(people) == 1:
        return people[0]
    if not people:
        raise InputError("no data are given", where="--to", remedy="give atlas, or a file")
    matrices = tuple(person.fc for person in people if person.fc is not None)
    between = []
    for k, fc in enumerate(matrices):
        others = np.mean([other for j, other in enumerate(matrices) if j != k], axis=0)
        between.append(fc_correlation(fc, others))
    values = [person.fcd_values for person in people]
    pooled = (
        np.concatenate([each for each in values if each is not None]) if all(v is not None for v in values) else None
    )
    return Target(
        f"mean of {len(people)} people",
        np.mean(matrices, axis=0),
        people[0].series,
        people[0].interval_s,
        fcd_values=pooled,
        people=matrices,
        between_people=np.array(between),
    )


def _halves(found: Target) -> Target:
    if found.series is None or found.interval_s is None or found.people:
        remedy = "give one series with --tr, or left-out data: --hold-out FILE"
        raise InputError("an FC alone has no halves", where="--hold-out half", remedy=remedy)
    middle = len(found.series) // 2
    if middle < FEWEST_SAMPLES:
        what = f"{len(found.series)} samples are too short a series to be halved; {2 * FEWEST_SAMPLES} are needed"
        raise InputError(what, where="--hold-out half", remedy="give a longer one, or other data to hold out")
    parts = [found.series[:middle], found.series[middle:]]
    first, second = (
        Target(name, functional_connectivity(part), part, found.interval_s, **_fcd(part, found.interval_s))
        for name, part in zip((f"first half of {found.name}", f"second half of {found.name}"), parts, strict=True)
    )
    return replace(first, held_out=second, held_out_name="the second half of the series")
