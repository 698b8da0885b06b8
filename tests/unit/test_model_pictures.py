"""The committed pictures of docs/models.md are what the models do now."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dtbsim.backends.model_pictures import main, svg_of
from dtbsim.backends.probe import Curve, picture_of
from dtbsim.models import example_model, list_models

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "models"
NAMES = [name for name in list_models() if example_model(name).states]
"""Sources and parrots have none, and nothing to draw."""
RENEW = "run: python -m dtbsim.backends.model_pictures docs/images/models"


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_up_to_date(name: str) -> None:
    curve = picture_of(example_model(name))
    assert curve is not None
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == svg_of(curve), RENEW


def test_there_is_one_per_model() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*")) == NAMES, RENEW


def test_the_picture_of_a_curve() -> None:
    x = np.linspace(0.0, 2.0, 1201)
    root = ElementTree.fromstring(svg_of(Curve(x, x * x - 1, "t < 2 & more", "v", "a parabola")))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert texts == ["3", "-1", "0", "2", "t < 2 & more", "v", "a parabola"]
    (line,) = (element for element in root.iter() if element.tag.endswith("polyline"))
    points = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    assert len(points) <= 300
    assert points[0] == (62.0, 140.0)
    assert points[-1][0] == 408.0
    assert min(y for _, y in points) >= 24.0


def test_a_constant_is_a_line_at_the_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = svg_of(Curve(np.array([1.0, 2.0]), np.array([5.0, 5.0]), "x", "y", ""))
    assert 'points="62.0,140.0 408.0,140.0"' in text
    monkeypatch.setattr("dtbsim.backends.model_pictures.pictures", lambda: {"flat": text})
    main([str(tmp_path / "made")])
    assert (tmp_path / "made" / "flat.svg").read_text() == text
