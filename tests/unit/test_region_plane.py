"""A region alone: points at rest, their stability, a scan, and the page that shows them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_samples import Cli, is_one_error_line
from tests.helpers.region_cases import MODELS
from tests.helpers.region_oracle import Oracle

import dtbsim
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_INPUT, EXIT_OK
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


@pytest.mark.nightly
def test_rates_that_follow_at_once_rest_where_a_simulation_does(tmp_path: Path) -> None:
    """Of ALN, whose rates are functions of its states, which follow them a delay later."""
    node = Node(get_region_model("aln"), {"mu_E_ext": 2.5, "mu_I_ext": 2.5})
    (point,) = node.fixed_points(*node.search(*node.range()))
    assert point.kind == "stable node"
    assert abs(node.drift(point.states[:, None])).max() < 1e-9
    names = [row.name for row in node.model.states]
    parameters = {"mu_E_ext": 2.5, "mu_I_ext": 2.5}
    config = {
        "simulation": {"dt_ms": 0.1, "duration_ms": 2500},
        "populations": {"n": {"model": "aln", "parameters": parameters}},
        "record": {"states": [{"population": "n", "variables": names, "interval_ms": 2500}]},
    }
    ended = dtbsim.run(config, out=tmp_path / "run").open().states(0).isel(time_ms=-1, region=0)
    assert [float(ended[name]) for name in names] == pytest.approx(point.states, rel=1e-3, abs=1e-3)


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
        (("qif", "--scan", "V_th"), "'qif' is a model of neurons"),
        (("spike_source",), "has no potential"),
        (("stdp",), "is a model of synapses"),
        (("hopf", "--values", "1,2"), "no parameter is scanned"),
        (("hopf", "--out", "x.gif"), "ends in .html, .htm, .png, .svg, .pdf"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    code, _, err = cli("models", "plot", "--out", str(tmp_path / "x.html"), *given)
    assert code == EXIT_INPUT
    assert said in err
    assert is_one_error_line(err)
    assert not (tmp_path / "x.html").exists()


def test_a_neuron_is_drawn_by_its_rate_over_a_current(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "iaf.html"
    code, _, _ = cli("models", "plot", "iaf_psc_exp", "--out", str(page))
    assert code == EXIT_OK
    assert "I_stim (pA)" in page.read_text(encoding="utf-8")


def test_without_matplotlib_a_picture_is_refused_before_anything_is_computed(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = cli("models", "plot", "hopf", "--out", str(tmp_path / "x.png"))
    assert (code, out) == (EXIT_ENVIRONMENT, "")
    assert "dtbsim[plot]" in err
    assert is_one_error_line(err)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_has_the_nullclines_points_and_scan_of_the_page(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (dtbsim[plot])")
    picture = tmp_path / "wc.svg"
    code, _, err = cli(
        "models", "plot", "montbrio_pazo_roxin", "--scan", "eta", "--values=-6,-3", "--out", str(picture)
    )
    assert (code, err) == (EXIT_OK, "")
    text = picture.read_text(encoding="utf-8")
    for said in ("dr/dt = 0", "dV/dt = 0", "saddle", "stable spiral", "unstable point at rest", "over eta"):
        assert f"<!-- {said} -->" in text
    for name in ("wc.png", "wc.pdf"):
        assert cli("models", "plot", "hopf", "--out", str(tmp_path / name))[0] == EXIT_OK
    assert (tmp_path / "wc.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "wc.pdf").read_bytes()[:5] == b"%PDF-"
    assert {path.name for path in tmp_path.iterdir()} == {"wc.svg", "wc.png", "wc.pdf"}
