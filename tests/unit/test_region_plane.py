"""A region alone: points at rest, their stability, a scan, and the page that shows them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from cli_samples import Cli, is_one_error_line
from tests.helpers.region_cases import MODELS
from tests.helpers.region_oracle import Oracle

from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.models.region_plane import Node, scan
from dtbsim.models.region_registry import get_region_model


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


def points_of(name: str, **parameters: float) -> list[tuple[str, list[float]]]:
    node = Node(get_region_model(name), parameters)
    points = node.fixed_points(*node.search(*node.range()))
    return [(point.kind, [round(float(value), 4) for value in point.states]) for point in points]


@pytest.mark.parametrize("name", [name for name in MODELS if name != "aln"])
def test_the_drift_is_that_of_the_text(name: str) -> None:
    model = get_region_model(name)
    node = Node(model)
    x = node.start[:, None] * (1.0 + 0.1 * np.arange(3)) + 0.01
    assert node.drift(x) == pytest.approx(Oracle(model, {}, node.dt_ms).drift(x), rel=2e-6, abs=1e-6)


def test_the_three_points_of_montbrio_pazo_roxin_are_found() -> None:
    (low, middle, high) = points_of("montbrio_pazo_roxin")
    assert (low[0], low[1][0]) == ("stable node", 0.0811)
    assert (middle[0], middle[1][0]) == ("saddle", 0.473)
    assert (high[0], high[1][0]) == ("stable spiral", 1.0306)


def test_the_point_of_deco_2014() -> None:
    assert points_of("deco_2014") == [("stable node", [0.1648, 0.0392])]


@pytest.mark.nightly
def test_a_scan_meets_the_hopf_point() -> None:
    node = Node(get_region_model("hopf"), {"omega": 0.3})
    found = scan(node, "a", np.array([-0.2, -0.1, 0.1, 0.25]))
    assert [[point.kind for point in points] for points in found.points] == [
        ["stable spiral"], ["stable spiral"], ["unstable spiral"], ["unstable spiral"]
    ]  # fmt: skip
    assert found.highest[0] == pytest.approx([0.0, 0.0, np.sqrt(0.1), 0.5], abs=2e-3)
    assert found.lowest[0] == pytest.approx([0.0, 0.0, -np.sqrt(0.1), -0.5], abs=2e-3)


def test_rates_that_follow_at_once_are_refused() -> None:
    with pytest.raises(InputError, match="no phase plane"):
        Node(get_region_model("aln"))


def test_the_command_writes_a_page_that_loads_nothing(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "hopf.html"
    code, out, err = cli("models", "plot", "hopf", "--set", "a=0.2", "--out", str(page))
    assert (code, err) == (EXIT_OK, "")
    assert "unstable spiral" in out
    text = page.read_text(encoding="utf-8")
    assert re.search(r"dx(/|\\u002f)dt = 0", text)
    assert "src='http" not in text
    assert 'src="http' not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("hopf", "--set", "b=1"), "has no parameter 'b'"),
        (("hopf", "--set", "a=x"), "'x' is no number"),
        (("hopf", "--states", "x,v"), "has no state 'v'"),
        (("hopf", "--states", "x"), "two states make a plane"),
        (("hopf", "--scan", "a"), "needs --values LOW,HIGH"),
        (("hopf", "--scan", "a", "--values", "2,1"), "the first is not below the last"),
        (("hopp",), "did you mean 'hopf'"),
        (("qif",), "unknown region model 'qif'"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    code, _, err = cli("models", "plot", *given, "--out", str(tmp_path / "x.html"))
    assert code == EXIT_INPUT
    assert said in err
    assert is_one_error_line(err)
    assert not (tmp_path / "x.html").exists()
