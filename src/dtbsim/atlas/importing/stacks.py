"""Arrays with an axis of people (N x N x people, cells of matrices), taken apart person by person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.importing.given import raw_of
from dtbsim.atlas.importing.options import GIVEN, Options
from dtbsim.atlas.importing.raw import PEOPLE_WORDS, Raw
from dtbsim.atlas.importing.region_table import RegionTable
from dtbsim.atlas.importing.roles import BOLD_WORDS, MATRICES
from dtbsim.data.kinds import is_symmetric, words_of
from dtbsim.errors import InputError

F64 = NDArray[np.float64]

_CELL = re.compile(r"(.*)\{(\d+)\}$")
_NAMES = {*PEOPLE_WORDS, "sub", "subs", "ids", "id"}
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SPLIT = (*MATRICES, "bold")


@dataclass(frozen=True)
class _Stack:
    """A part of a source for each person, in order; `how` says which axis was taken for people."""

    raw: Raw
    parts: tuple[F64, ...]
    how: str


def split_people(raws: Sequence[Raw], options: Options) -> tuple[list[Raw], dict[str, list[Raw]], Options, list[str]]:
    """Return what belongs to all, the parts of each person by name, options without files that were split, and notices.

    No person where no array has an axis of people. In matrices that is the axis beside two of equal length; in series
    the one that is as long as in matrices, else the shorter of those that are not regions. Arrays of one person have
    that axis taken off.

    Raises:
        InputError: more axes than three, an axis that cannot be told, different numbers of people, bad names.
    """
    given = [(one, raw_of(one)) for one in options.given if one.role in _SPLIT]
    stacked = {(raw.path, raw.variable): one for one, raw in given if _is_stacked(raw)}
    named = [replace(raw, role=one.role) for one, raw in given if (raw.path, raw.variable) in stacked]
    others = [raw for raw in raws if (raw.path, raw.variable) not in stacked]
    options = replace(options, given=tuple(one for one in options.given if one not in stacked.values()))
    plain, cells = _cells([*named, *others])
    arrays = [raw for raw in plain if _is_stacked(raw)]
    plain = [raw for raw in plain if not _is_stacked(raw)]
    if not arrays and not cells:
        return plain, {}, options, []
    matrices = [stack for raw in arrays if (stack := _matrices(raw)) is not None]
    sizes = Counter(stack.parts[0].shape[0] for stack in [*matrices, *cells] if _square(stack.parts[0]))
    sizes.update(raw.shape[0] for raw in plain if len(raw.shape) == 2 and raw.shape[0] == raw.shape[1])
    n = sizes.most_common(1)[0][0] if sizes else None
    counts = [len(stack.parts) for stack in [*matrices, *cells]]
    of_matrices = {stack.raw.where for stack in matrices}
    series = [_series(raw, n, counts[0] if counts else None) for raw in arrays if raw.where not in of_matrices]
    stacks = [*matrices, *cells, *series]
    several = [stack for stack in stacks if len(stack.parts) > 1]
    single = [_part(stack, 0, "") for stack in stacks if len(stack.parts) == 1]
    notices = [f"{stack.raw.where}: {stack.how}" for stack in stacks]
    if not several:
        return [*plain, *single], {}, options, notices
    people = len(several[0].parts)
    for stack in several[1:]:
        if len(stack.parts) != people:
            raise InputError(
                f"{len(stack.parts)} people, but {several[0].raw.where} has {people} ({several[0].how})",
                where=stack.raw.where,
                remedy="give data of the same people, or each person's in a folder of its own",
            )
    names, plain = _names([*plain, *single], people, n)
    found = {name: [_part(stack, k, name) for stack in several] for k, name in enumerate(names)}
    return plain, found, options, notices


def _is_stacked(raw: Raw) -> bool:
    if len(raw.shape) > 3 and not isinstance(raw.value, RegionTable):
        raise InputError(
            f"has {len(raw.shape)} axes ({_shown(raw)}); at most 3 are read: region, region, people",
            where=raw.where,
            remedy="save one array for each session or condition",
        )
    return len(raw.shape) == 3


def _shown(raw: Raw) -> str:
    return "x".join(map(str, raw.shape))


def _square(values: F64) -> bool:
    return values.ndim == 2 and values.shape[0] == values.shape[1] > 1


def _cells(raws: Sequence[Raw]) -> tuple[list[Raw], list[_Stack]]:
    """Cell arrays of MATLAB whose cells are all alike: variables NAME{1}, NAME{2}, ..."""
    groups: dict[tuple[Any, str], list[Raw]] = {}
    for raw in raws:
        match = _CELL.match(raw.variable or "")
        if match and len(raw.shape) == 2:
            groups.setdefault((raw.path, match.group(1)), []).append(raw)
    stacks, taken = [], set()
    for (path, name), cells in groups.items():
        alike = all(_square(_numbers(cell)) for cell in cells) or bool(set(words_of(name)) & BOLD_WORDS)
        if len(cells) > 1 and alike:
            whole = replace(cells[0], name=name.split("/")[-1], where=f"{path}: {name}", variable=name)
            stacks.append(_Stack(whole, tuple(_numbers(cell) for cell in cells), f"{len(cells)} cells are people"))
            taken |= {cell.where for cell in cells}
    return [raw for raw in raws if raw.where not in taken], stacks


def _numbers(raw: Raw) -> F64:
    assert isinstance(raw.value, np.ndarray)
    return np.asarray(raw.value, np.float64)


def _taken_apart(raw: Raw, axis: int, why: str) -> _Stack:
    values = np.moveaxis(_numbers(raw), axis, 0)
    place = ("first", "second", "third")[axis]
    return _Stack(raw, tuple(values), f"the {place} axis is people ({len(values)}{why})")


def _matrices(raw: Raw) -> _Stack | None:
    """Matrices of people, or None where no two axes are alike or the name says a series."""
    if raw.role == "bold" or (raw.role is None and set(words_of(raw.name)) & BOLD_WORDS):
        return None
    values = _numbers(raw)
    axes = [axis for axis in range(3) if len({*values.shape[:axis], *values.shape[axis + 1 :]}) == 1]
    axes = [axis for axis in axes if values.shape[(axis + 1) % 3] > 1]
    if len(axes) > 1:  # as many people as regions
        axes = [axis for axis in axes if all(is_symmetric(one) for one in np.moveaxis(values, axis, 0))]
        if len(axes) != 1:
            raise InputError(
                f"has three axes of {values.shape[0]}: which are people cannot be told",
                where=raw.where,
                remedy="save the matrix of each person in a folder of its own",
            )
    return _taken_apart(raw, axes[0], "") if axes else None


def _series(raw: Raw, n: int | None, people: int | None) -> _Stack:
    """Series of people; `n` regions, and as many people as matrices have."""
    shape = raw.shape
    regions = [axis for axis in range(3) if shape[axis] == n]
    left = [axis for axis in range(3) if axis not in regions[:1]]
    if len(regions) == 1 or (people is not None and people != n and regions):
        fits = [axis for axis in left if shape[axis] == people]
        if len(fits) == 1:
            return _taken_apart(raw, fits[0], ", as in the matrices")
        if people is None and shape[left[0]] != shape[left[1]]:
            axis = min(left, key=lambda axis: shape[axis])
            return _taken_apart(raw, axis, ", the shorter of those that are not regions")
    regions_of = f"{n} regions" if n else "regions, whose number no matrix says,"
    raise InputError(
        f"has {_shown(raw)} numbers: which axes are {regions_of} and {people or 'how many'} people cannot be told",
        where=raw.where,
        remedy="save the series of each person in a file of its own, in folders sub-NAME",
    )


def _names(plain: list[Raw], people: int, n: int | None) -> tuple[list[str], list[Raw]]:
    """Names of people: a list of as many texts that says so by its name, else sub-01 and so on; and the other parts."""
    lists = [
        raw
        for raw in plain
        if isinstance(raw.value, RegionTable) and raw.value.names is not None and len(raw.value.names) == people
        and (people != n or set(words_of(raw.name)) <= _NAMES) and set(words_of(raw.name)) & _NAMES
    ]  # fmt: skip
    if len(lists) != 1:
        width = max(2, len(str(people)))
        return [f"sub-{k:0{width}d}" for k in range(1, people + 1)], plain
    table = lists[0].value
    assert isinstance(table, RegionTable)
    names = [name.strip() for name in table.names or ()]
    bad = next((name for name in names if not _FOLDER.fullmatch(name) or names.count(name) > 1), None)
    if bad is not None:
        raise InputError(
            f"the person {bad!r} is there twice, or its name is none for a folder",
            where=lists[0].where,
            remedy="letters, digits, '.', '_' and '-', each name once",
        )
    return names, [raw for raw in plain if raw is not lists[0]]


def _part(stack: _Stack, k: int, name: str) -> Raw:
    where = f"{stack.raw.where}, {name}" if name else stack.raw.where
    return replace(stack.raw, value=stack.parts[k], where=where, split=True)


def given_twice(options: Options, persons: Mapping[str, Any]) -> None:
    """Raise InputError where a file of one person is given beside data of several."""
    per_person = [one.role for one in options.given if one.role in GIVEN and one.role in ("weights", "fc", "bold")]
    if per_person:
        raise InputError(
            f"--{per_person[0]} is of one person, but the sources are of {len(persons)} people",
            remedy="give the files of one person, or a folder for each",
        )
