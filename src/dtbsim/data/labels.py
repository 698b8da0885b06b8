"""Labels of regions in different spellings and orders."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, did_you_mean

_SHOWN = 3
_LEFT = {"l", "lh", "left", "lefthemisphere"}
_RIGHT = {"r", "rh", "right", "righthemisphere"}
_IGNORED = {"ctx", "cortex"}


def match_labels(labels: Sequence[str], to: Sequence[str], *, where: str | None = None) -> NDArray[np.intp]:
    """Return where each of the regions `to` is in `labels`: `labels[result[k]]` is the region `to[k]`, intp[len(to)].

    Labels are compared as they are, then without regard to case, punctuation and where the hemisphere is written
    (`lh-Insula`, `ctx-lh-insula`, `Insula_L`, `Left Insula` are one region). Labels that `to` does not have are left
    out.

    Raises:
        InputError: a label twice, or regions of `to` that are not among `labels`.
    """
    check_unique(labels, where)
    exact = {label: index for index, label in enumerate(labels)}
    if all(name in exact for name in to):
        return np.array([exact[name] for name in to], dtype=np.intp)
    plain: dict[tuple[str, ...], list[int]] = {}
    for index, label in enumerate(labels):
        plain.setdefault(spelling(label), []).append(index)
    found: list[int] = []
    missing: list[str] = []
    for name in to:
        places = [exact[name]] if name in exact else plain.get(spelling(name), [])
        if len(places) > 1:
            both = " and ".join(repr(labels[place]) for place in places[:2])
            raise InputError(f"{name!r} may be {both}", where=where, remedy="use the labels of the atlas")
        found += places
        missing += [] if places else [name]
    if missing:
        raise _missing(missing, labels, to, where)
    doubled = {place for place in found if found.count(place) > 1} if len(set(found)) < len(found) else set()
    if doubled:
        raise InputError(
            f"{labels[min(doubled)]!r} is the label of two regions", where=where, remedy="use the labels of the atlas"
        )
    return np.array(found, dtype=np.intp)


def check_unique(labels: Sequence[str], where: str | None) -> None:
    """Raise InputError where a label occurs twice or is empty."""
    first: dict[str, int] = {}
    for index, label in enumerate(labels):
        if not label:
            raise InputError(f"region {index + 1} has no label", where=where, remedy="give every region a name")
        if label in first:
            raise InputError(
                f"the label {label!r} is there twice (regions {first[label] + 1} and {index + 1})",
                where=where,
                remedy="every region needs its own name, e.g. with _L and _R",
            )
        first[label] = index


def spelling(label: str) -> tuple[str, ...]:
    """Return the words of a label without case and punctuation, with the hemisphere, L or R, at the end."""
    words = [word for word in re.split(r"[\W_]+", label.lower()) if word and word not in _IGNORED]
    for place in (0, -1):
        if len(words) > 1 and words[place] in _LEFT | _RIGHT:
            side = "L" if words.pop(place) in _LEFT else "R"
            return ("".join(words), side)
    return ("".join(words),)


def hemisphere(label: str) -> str:
    """Return L or R where a label says so (`lh.insula`, `Insula_R`, `L_V1_ROI`), else nothing."""
    words = spelling(label)
    if len(words) > 1:
        return words[1]
    inner = [word for word in re.split(r"[\W_]+", label.lower()) if word]
    sides = {"L" if word in _LEFT else "R" for word in inner if word in _LEFT | _RIGHT}
    return sides.pop() if len(sides) == 1 else ""


def _missing(missing: list[str], labels: Sequence[str], to: Sequence[str], where: str | None) -> InputError:
    names = ", ".join(repr(name) for name in missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    return InputError(
        f"{len(missing)} of {len(to)} regions are not among its {len(labels)} labels: {names}",
        where=where,
        remedy=f"{did_you_mean(missing[0], labels)}; labels are matched by name, so use those of the atlas",
    )
