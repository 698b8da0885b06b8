"""The pictures of docs/models.md: what `dtbsim models show` draws, as SVG.

`python -m dtbsim.backends.model_pictures docs/images/models` writes one file per model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

from dtbsim.backends.probe import Curve, picture_of
from dtbsim.models import example_model, list_models

_WIDTH, _HEIGHT = 420, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 24, 40
_POINTS = 300
"""Points of a line at most; a trace is thinned out evenly."""


def svg_of(curve: Curve) -> str:
    """Return the picture of a curve, the same text for the same numbers; colours suit light and dark pages."""
    step = max(1, -(-curve.x.size // _POINTS))
    x, y = curve.x[::step], curve.y[::step]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    low, high = (float(curve.y.min()), float(curve.y.max()))
    columns = _LEFT + (x - curve.x[0]) / ((curve.x[-1] - curve.x[0]) or 1.0) * (right - _LEFT)
    rows = bottom - (y - low) / ((high - low) or 1.0) * (bottom - _TOP)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(columns.tolist(), rows.tolist(), strict=True))
    middle = (_LEFT + right) / 2
    texts = [
        (_LEFT - 6, _TOP + 4, "end", _number(high)),
        (_LEFT - 6, bottom + 4, "end", _number(low)),
        (_LEFT, bottom + 16, "start", _number(float(curve.x[0]))),
        (right, bottom + 16, "end", _number(float(curve.x[-1]))),
        (middle, bottom + 16, "middle", curve.x_label),
        (_LEFT, _TOP - 10, "start", curve.y_label),
        (middle, _HEIGHT - 6, "middle", curve.title),
    ]
    labels = "\n".join(
        f'<text x="{a:g}" y="{b:g}" text-anchor="{anchor}">{escape(text)}</text>' for a, b, anchor, text in texts
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="#808080">\n'
        f'<path d="M{_LEFT},{_TOP}V{bottom}H{right}" fill="none" stroke="#808080"/>\n'
        f'<polyline points="{points}" fill="none" stroke="#2a7fb8" stroke-width="1.5"/>\n'
        f"{labels}\n</svg>\n"
    )


def _number(value: float) -> str:
    return f"{value:.4g}"


def pictures() -> dict[str, str]:
    """Return the SVG of every model that has a picture, by name."""
    curves = {name: picture_of(example_model(name)) for name in list_models()}
    return {name: svg_of(curve) for name, curve in curves.items() if curve is not None}


def main(arguments: Sequence[str]) -> None:
    """Write the files into the given folder."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pictures().items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
