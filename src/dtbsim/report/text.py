"""Words and numbers for the report: escaping, and quantities with the digits a reader needs."""

from __future__ import annotations

import html
import math
from typing import TypeGuard


def safe(text: object) -> str:
    """Return `text` as it may stand in HTML and in plotly labels, which read a subset of HTML."""
    return html.escape(str(text), quote=True)


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether `value` is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def count(value: object) -> str:
    """Return a count with thousands separated (1,234,567), in words of size from ten million on (299 million)."""
    if not is_number(value):
        return "not known"
    number = float(value)
    for threshold, unit, word in ((1e12, 1e12, "trillion"), (1e9, 1e9, "billion"), (1e7, 1e6, "million")):
        if abs(number) >= threshold:
            return f"{significant(number / unit)} {word}"
    return f"{number:,.0f}"


def significant(value: float, digits: int = 3) -> str:
    """Return `value` with up to `digits` significant digits, without an exponent between 0.001 and a million."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "not known"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -3 or exponent >= 6:
        return f"{value:.{digits - 1}e}"
    decimals = max(digits - 1 - exponent, 0)
    text = f"{round(value, digits - 1 - exponent):,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(value: object) -> str:
    """Return a duration: 11 µs, 0.62 ms, 0.42 s, 12.3 s, 4 min 05 s, 1 h 02 min."""
    if not is_number(value):
        return "not known"
    number = float(value)
    if 0 < number < 1e-3:
        return f"{significant(1e3 * number)} ms" if number >= 1e-4 else f"{significant(1e6 * number)} µs"
    if number < 100:
        return f"{significant(number, 3)} s"
    whole = round(number)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def milliseconds(value: float) -> str:
    """Return a duration given in ms: 20 ms, 1.5 s."""
    return f"{significant(value)} ms" if value < 1000 else f"{significant(value / 1000)} s"


def size_of(value: object) -> str:
    """Return a number of bytes as kB, MB, GB (powers of ten)."""
    if not is_number(value):
        return "not known"
    number = float(value)
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(number) >= size:
            return f"{significant(number / size, 3)} {unit}"
    return f"{number:.0f} B"


def plural(number: int, singular: str, several: str | None = None) -> str:
    """Return `1 rank`, `2 ranks`."""
    return f"{count(number)} {singular if number == 1 else several or singular + 's'}"


def listing(words: list[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]
