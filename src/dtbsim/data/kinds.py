"""What a matrix between regions is: by the name of its file or variable, then by its numbers."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

KINDS = ("weights", "lengths", "fc")

_WORDS = {
    "weights": (
        "weights weight sc scs cmat cmats connectivity connectome structural counts count streamlines streamline "
        "nos sift sift2 fa dti w adjacency adj"
    ),
    "lengths": "lengths length len lens dist distance distances dmat dmats tractlengths tract lmat delays d l",
    "fc": "fc fcs functional corr correlation correlations pearson fcmat fcmats emp_fc",
}
_KIND_OF_WORD = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_ORDER = ("lengths", "fc", "weights")
"""Which kind wins where a name has words of several: structural connectivity lengths are lengths."""
_SYMMETRIC = 1e-6


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters: `SC_tractLengths2` gives sc, tract, lengths."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^A-Za-z0-9]+", parts.lower()) if word] + [
        word.rstrip("0123456789") for word in re.split(r"[^A-Za-z]+", name.lower()) if word
    ]


def kind_of_name(name: str) -> tuple[str, str] | None:
    """Return the kind that a name says and the word that says it, or None."""
    found = {_KIND_OF_WORD[word]: word for word in reversed(words_of(name)) if word in _KIND_OF_WORD}
    for kind in _ORDER:
        if kind in found:
            return kind, found[kind]
    return None


def kind_of_values(values: NDArray[np.float64]) -> tuple[str, str]:
    """Return the kind that the numbers of a square matrix suggest, and why."""
    off = values[~np.eye(len(values), dtype=bool)]
    largest = float(np.abs(off).max(initial=0.0))
    if is_symmetric(values) and largest <= 1 + 1e-6:
        diagonal = values.diagonal()
        if off.size and (off < 0).any():
            return "fc", "symmetric, between -1 and 1, some below 0"
        if np.allclose(diagonal[np.isfinite(diagonal)], 1) and len(values) > 1:
            return "fc", "symmetric, up to 1, ones in the diagonal"
    return "weights", "nothing in its name, and its numbers are no correlations"


def is_symmetric(values: NDArray[np.float64]) -> bool:
    """Whether a square matrix is its own transpose but for rounding; the diagonal does not count."""
    off = np.where(np.eye(len(values), dtype=bool), 0.0, values)
    scale = float(np.abs(off).max(initial=0.0))
    return bool(np.abs(off - off.T).max(initial=0.0) <= _SYMMETRIC * scale)


def choose_kind(name: str, values: NDArray[np.float64], where: str) -> tuple[str, str]:
    """Return kind and reason of a square matrix; the name decides, where the numbers do not rule it out.

    Raises:
        InputError: numbers below 0 that are no correlations.
    """
    named = kind_of_name(name)
    guessed, why = kind_of_values(values)
    if named is None:
        kind = guessed
    else:
        kind, why = named[0], f"its name has the word {named[1]!r}"
    if kind != "fc":
        refuse_negative(values, kind, where)
    return kind, why


def refuse_negative(values: NDArray[np.float64], kind: str, where: str) -> None:
    """Raise InputError where weights or lengths are below 0."""
    off = np.where(np.eye(len(values), dtype=bool), 0.0, values)
    if (off < 0).any():
        row, column = np.argwhere(off < 0)[0]
        cure = "take exp of logarithms; correlations are functional connectivity" if kind == "weights" else "give mm"
        raise InputError(
            f"{kind} in row {row + 1}, column {column + 1} are {values[row, column]:g}; needed 0 or more",
            where=where,
            remedy=cure,
        )
