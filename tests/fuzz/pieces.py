"""Values and texts that are wrong in every way that comes to mind; all choices are made by the generator given."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

HOSTILE_TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "x" * 300, "x" * 5000, "../../etc/passwd", "/dev/zero", "/dev/stdin", "~",
    "~nobody-here/x", "null", "true", "1e400", "nan", "E@A_L", "E.E", "all", "left", "my.py:Model", "missing.npz",
    "é\u202e", "\x1b[31m", "a\nb", "{}", "%s %d {0}", "-1", "0x1", "𝔘", "\ufeff", "lif", "iaf_psc_exp", "poisson",
    "dk68", "E", "I",
)  # fmt: skip
HOSTILE_NUMBERS: tuple[Any, ...] = (
    0, -0.0, -1, 1, 2, 0.1, 0.05, 0.35, 1e-300, 5e-324, 1e-9, 1e9, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1,
    2**63 - 1, 2**63, 2**64, 1e15, 1e18, 1e38, 3.5e38, 1e300, 1.7e308, float("inf"), float("-inf"), float("nan"),
    -(2**63), 10**400, -(10**400), 10**5000, 3, 7, 100, 1000, 0.5, 1 / 3,
)  # fmt: skip


def value(rng: Random, depth: int = 2) -> Any:
    """Something that a YAML or JSON file can hold."""
    kinds = ["text", "number", "number", "none", "flag"] + (["list", "mapping"] if depth else [])
    match rng.choice(kinds):
        case "text":
            return rng.choice(HOSTILE_TEXTS)
        case "number":
            return rng.choice(HOSTILE_NUMBERS)
        case "none":
            return None
        case "flag":
            return rng.random() < 0.5
        case "list":
            return [value(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 3, 40)))]
        case _:
            keys = [
                rng.choice((*HOSTILE_TEXTS, "kind", "map", "distribution", "value")) for _ in range(rng.randrange(4))
            ]
            return {key: value(rng, depth - 1) for key in keys}


def python_object(rng: Random) -> Any:
    """Something that only Python can hand over."""
    endless: list[Any] = []
    endless.append(endless)
    makers: list[Callable[[], Any]] = [
        lambda: value(rng),
        lambda: b"bytes",
        lambda: bytearray(3),
        lambda: (item for item in (1, 2)),
        lambda: iter([1]),
        lambda: {1, 2},
        lambda: frozenset("ab"),
        lambda: deque([1]),
        lambda: range(rng.choice((0, 3, 10**12))),
        lambda: object(),
        lambda: type,
        lambda: int,
        lambda: len,
        lambda: 3 + 4j,
        lambda: np.float32(1.5),
        lambda: np.int64(-1),
        lambda: np.array(rng.choice(([], [1, 2], [[1.0]], ["a"], [None], [np.nan]))),
        lambda: np.zeros(rng.choice(((0,), (3, 0), (2, 2, 2)))),
        lambda: np.datetime64("2020-01-01"),
        lambda: np.array(3),
        lambda: np.bool_(True),
        lambda: Path("a/b"),
        lambda: Path("x" * 400),
        lambda: {3: 4},
        lambda: {b"a": 1, None: 2},
        lambda: {"a": {1}},
        lambda: endless,
        lambda: Exception("no value"),
        lambda: Grumpy(),
        lambda: memoryview(b"ab"),
    ]
    return rng.choice(makers)()


class Grumpy:
    """An object that fails at whatever it is asked."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __len__(self) -> int:
        raise RuntimeError("no length")


def changed_bytes(data: bytes, rng: Random) -> bytes:
    """Bytes with some flipped, cut, doubled, or put in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if not out:
            break
        at = rng.randrange(len(out))
        match rng.randrange(7):
            case 0 | 1:
                out[at] ^= 1 << rng.randrange(8)
            case 2:
                out[at] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
            case 3:
                del out[at : at + rng.choice((1, 4, 100))]
            case 4:
                out[at:at] = out[at : at + rng.choice((1, 8, 64))]
            case 5:
                out[at : at + 8] = rng.choice(
                    (b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7, (2**31).to_bytes(8, "little"))
                )
            case _:
                out = out[:at]
    return bytes(out)


TOKENS = (
    "&a ", "*a", "<<: *a", "<<: [*a, *a]", "!!python/object:os.system ", "!!binary ", "[", "]", "{", "}", "- ",
    "? ", ": ", "| ", ">\n", "'", '"', '"\\ud800"', '"\\0"', "\t", "#", "%YAML 1.1\n", "---\n", "...\n", "\x07",
    "\u2028", "\x85", "\ufeff", "~", "0x", "1e400", "9" * 5000, "[" * 200, "{a: " * 100, "&a [*a, *a]", "\r", "!",
    "@", "`", "null", ".nan", ".inf",
)  # fmt: skip


def changed_text(text: str, rng: Random) -> str:
    """A text with lines moved, lost or doubled, tokens put in, values replaced."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        match rng.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[rng.randrange(len(lines))])
            case 2:
                lines[at] = " " * rng.randrange(6) + lines[at].lstrip()
            case 3:
                place = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + rng.choice(TOKENS) + lines[at][place:]
            case 4 if ":" in lines[at]:
                lines[at] = lines[at].partition(":")[0] + ": " + rng.choice((*TOKENS, *map(repr, HOSTILE_TEXTS[:12])))
            case 5:
                lines[at] = lines[at].replace(rng.choice("aeioE_:[]{},."), rng.choice(("", "x", "__", "::")))
            case _:
                data = changed_bytes("\n".join(lines).encode("utf-8", "surrogatepass"), rng)
                return data.decode("utf-8", "replace")
        text = "\n".join(lines)
    return text


def _is_float(number: float) -> bool:
    """Whether it can be multiplied: whole numbers beyond 1e308 cannot."""
    return abs(number) <= sys.float_info.max


def changed_data(data: Any, rng: Random, make: Callable[[Random], Any] = value) -> Any:
    """Nested data with one of its values replaced, removed, doubled or renamed; in place where it can be."""
    holder, key = data, None
    while True:
        inside = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not inside:
            return data
        key = rng.choice(inside)
        child = holder[key]
        if isinstance(child, dict | list) and child and rng.random() < 0.8:
            holder = child
            continue
        break
    match rng.randrange(6):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice((*HOSTILE_TEXTS, str(key).upper(), f"{key}x"))] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.append(holder[key])
        case 3 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool) and _is_float(holder[key]):
            holder[key] = holder[key] * rng.choice((-1, 0, 0.5, 1e3, 1e9, 1 + 1e-7))
        case _:
            holder[key] = make(rng)
    return data
