"""Arguments of the Python interface: each comes back as what it must be, or is an InputError with its name.

Nothing heavy is imported: numpy's numbers are known by the abstract classes of `numbers`.
"""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError, did_you_mean
from dtbsim.paths import user_path

_LONGEST = 60
_DIGITS = 30
_LONGEST_PATH, _LONGEST_PART = 4000, 255
"""Bytes: of Linux (4095 with its end), and of its file systems."""
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


def show(value: Any) -> str:
    """Return a value as YAML would write it, shortened to about 60 characters; never fails and never takes long."""
    text = _shown(value, _LONGEST + 8, 4)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..." + text[-1]


def _shown(value: Any, room: int, depth: int) -> str:
    """The text of a value, of which only the first `room` characters and the last one count."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, int) and value.bit_length() > 3.33 * _DIGITS:
        return f"{'-' if value < 0 else ''}a whole number of about {round(value.bit_length() * math.log10(2)):,} digits"
    if isinstance(value, str | bytes):
        return repr(value if len(value) <= room else value[:room])
    if isinstance(value, dict):
        return _joined("{", (_entry(key, item, room, depth) for key, item in value.items()), "}", room, depth)
    if isinstance(value, list | tuple):
        return _joined("[", (_shown(item, room, depth - 1) for item in value), "]", room, depth)
    return _repr(value, room)


def _entry(key: Any, item: Any, room: int, depth: int) -> str:
    name = key if isinstance(key, str) and key.isprintable() else _shown(key, room, depth - 1)
    return f"{name[:room]}: {_shown(item, room, depth - 1)}"


def _joined(opening: str, parts: Iterable[str], closing: str, room: int, depth: int) -> str:
    if depth == 0:
        return f"{opening}...{closing}"
    text = opening
    for count, part in enumerate(parts):
        text += (", " if count else "") + part
        if len(text) > room:
            break
    return text + closing


def _repr(value: Any, room: int) -> str:
    kind = type(value).__name__
    if getattr(value, "shape", None) and hasattr(value, "dtype"):
        return f"an array of {value.dtype} with shape {tuple(value.shape)}"
    if isinstance(value, set | frozenset):
        return f"a {kind} of {len(value)}"
    if hasattr(value, "__next__"):
        return f"a {kind}"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an object of the user's: whatever its repr does, its type can be named
        return f"a {kind}"
    if isinstance(value, numbers.Number):
        return re.sub(r"^np\.\w+\((.*)\)$", r"\1", text)
    return (text if len(text) <= room else text[:room]) if not text.startswith("<") else f"a {kind}"


def unusable_character(text: str) -> str | None:
    """Return what no file can hold: NUL or half a surrogate pair, named as in an escape; None if there is none."""
    found = _UNUSABLE.search(text)
    return None if found is None else f"\\u{ord(found.group()):04x}"


def refuse(value: Any, name: str, allowed: str) -> InputError:
    """Return the error of an argument that is something else than what is allowed."""
    return InputError(f"got {show(value)}", where=name, remedy=f"allowed: {allowed}")


def text(value: Any, name: str) -> str:
    """Return a text without NUL and lone surrogates."""
    if not isinstance(value, str):
        raise refuse(value, name, "a text")
    if (bad := unusable_character(value)) is not None:
        raise InputError(f"{bad} in the text {show(value)} cannot be written to a file", where=name, remedy="remove it")
    return value


def path(value: Any, name: str) -> Path:
    """Return a path given as a text or `os.PathLike`, with a leading `~` replaced by the home folder."""
    given = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(given, str) or not given:
        raise refuse(value, name, "the path of a file or folder, a text or pathlib.Path")
    if (problem := path_problem(given)) is not None:
        raise InputError(problem, where=name)
    return user_path(given)


def path_problem(given: str) -> str | None:
    """Return why no file can have this path: NUL, or more than file systems take; None if one can."""
    if "\0" in given:
        return f"the path {show(given)} holds a NUL character"
    try:
        encoded = os.fsencode(given)
    except UnicodeEncodeError:
        return f"the path {show(given)} holds a character that no file name has"
    if len(encoded) > _LONGEST_PATH or any(len(part) > _LONGEST_PART for part in encoded.split(b"/")):
        return f"the path {show(given)} is too long"
    return None


def number(value: Any, name: str, *, above: float | None = None, at_least: float | None = None) -> float:
    """Return a finite number; texts, booleans, complex numbers and arrays are none."""
    allowed = "a number" + (f" above {above:g}" if above is not None else "")
    allowed += f" of at least {at_least:g}" if at_least is not None else ""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise refuse(value, name, allowed)
    try:
        converted = float(value)
    except OverflowError:
        raise refuse(value, name, allowed) from None
    outside = (above is not None and not converted > above) or (at_least is not None and not converted >= at_least)
    if not math.isfinite(converted) or outside:
        raise refuse(value, name, allowed)
    return converted


def whole(value: Any, name: str, *, at_least: int = 0, below: int | None = None, what: str = "a whole number") -> int:
    """Return a whole number within bounds."""
    allowed = f"{what} from {at_least} on" if below is None else f"{what} from {at_least} to {below - 1}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise refuse(value, name, allowed)
    if int(value) < at_least or (below is not None and int(value) >= below):
        raise refuse(value, name, allowed)
    return int(value)


def flag(value: Any, name: str) -> bool:
    """Return a boolean; numbers and texts are none."""
    if isinstance(value, bool):
        return value
    if type(value).__name__ in ("bool", "bool_") and type(value).__module__ == "numpy":
        return bool(value)
    raise refuse(value, name, "True or False")


def choice(value: Any, name: str, allowed: Sequence[str]) -> str:
    """Return one of the allowed texts."""
    if isinstance(value, str) and value in allowed:
        return value
    if isinstance(value, str):
        raise InputError(f"got {show(value)}", where=name, remedy=did_you_mean(value, allowed))
    raise refuse(value, name, " | ".join(allowed))


def texts(value: Any, name: str, allowed: str) -> list[str]:
    """Return a text, or a list, tuple or array of texts, as a list."""
    if isinstance(value, str):
        return [value]
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:
        value = value.tolist()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    raise refuse(value, name, allowed)


def instance(value: Any, name: str, kind: type, words: str) -> Any:
    """Return an object of a class."""
    if isinstance(value, kind):
        return value
    raise refuse(value, name, words)
