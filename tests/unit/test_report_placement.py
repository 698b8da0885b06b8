"""Where regions went: what a run folder says of it, and the panels that a report makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dtbsim.config import load_config_text
from dtbsim.mpi import run_ranks
from dtbsim.partition import BlockTable, Traffic, find_placement
from dtbsim.partition.placement import MOST_ROWS
from dtbsim.report.data import Brain
from dtbsim.report.placement import _placed as placed_of
from dtbsim.report.placement import colours, placement_panels, regions
from dtbsim.simulate import run


def table(n_regions: int, blocks_each: int) -> BlockTable:
    n = n_regions * blocks_each
    region = np.repeat(np.arange(n_regions), blocks_each)
    return BlockTable(np.full(n, 10), np.ones(n), region, region, np.arange(n) * 10)


def test_a_placement_by_hand() -> None:
    """Three regions of two blocks on two ranks: the middle one is split; rank 1 comes first in the given order."""
    blocks = table(3, 2)
    matrix = np.array([[1.0, 2, 4], [0, 8, 0], [16, 0, 0]])
    found = find_placement(blocks, np.array([1, 1, 0, 1, 0, 0], np.int32), Traffic(matrix, "region"))
    assert found.rank.tolist() == [1, 0, 0]
    assert found.n_ranks.tolist() == [1, 2, 1]
    assert found.first.tolist() == [0, 2, 4]
    assert np.array_equal(found.given, matrix)
    order = [2, 1, 0]
    assert np.array_equal(found.placed, matrix[np.ix_(order, order)])


def test_many_regions_are_added_up() -> None:
    n = 5 * MOST_ROWS
    matrix = np.random.default_rng(0).random((n, n))
    found = find_placement(table(n, 1), (np.arange(n) % 7).astype(np.int32), Traffic(matrix, "region"))
    assert found.given.shape == found.placed.shape == (MOST_ROWS, MOST_ROWS)
    assert found.given[0, 1] == pytest.approx(matrix[:5, 5:10].sum())
    assert found.placed.sum() == pytest.approx(matrix.sum())


NETWORK = """
simulation: {dt_ms: 0.5, duration_ms: 20, threads: 1, block_size: 16}
populations:
  A: {model: iaf_psc_exp, size: 32, parameters: {I_e_pA: 400}}
  B: {model: iaf_psc_exp, size: 32, parameters: {I_e_pA: 400}}
projections:
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 4}, weight_pA: 20, delay_ms: 1.5}
"""


def test_a_run_says_where_its_regions_are_and_its_report_shows_it(tmp_path: Path) -> None:
    config = load_config_text(NETWORK)
    run_ranks(2, lambda comm: run(config, out=tmp_path / "two", comm=comm))
    told = json.loads((tmp_path / "two" / "network.json").read_text())["placement"]
    assert [row["name"] for row in told["regions"]] == ["A", "B"]
    assert sorted(row["rank"] for row in told["regions"]) == [0, 1]
    assert told["traffic_given"] == [[0.0, 4 * 32 * 4.0], [0.0, 0.0]], "128 synapses at 4 Hz"
    page = (tmp_path / "two" / "report.html").read_text()
    assert "Regions on ranks" in page
    assert "Traffic before and after" in page
    run(config, out=tmp_path / "one")
    assert json.loads((tmp_path / "one" / "network.json").read_text())["placement"] is None
    assert "Regions on ranks" not in (tmp_path / "one" / "report.html").read_text()


def described(**changes: Any) -> dict[str, Any]:
    rows = [{"name": f"<r{k}>", "rank": k % 3, "ranks": 1 + k % 2} for k in range(6)]
    matrix = np.eye(6).tolist()
    return {"regions": rows, "traffic_given": matrix, "traffic_placed": matrix} | changes


def panels_of(placement: Any) -> list[Any]:
    network = {"placement": placement, "ranks_per_spike": 1.5}
    return placement_panels(SimpleNamespace(run=SimpleNamespace(network=network), brain=None))  # type: ignore[arg-type]


def test_panels_have_words_and_safe_names() -> None:
    where, matrices = panels_of(described())
    assert "3 regions of 6 are shared by several ranks" in where.text
    assert "A spike is sent to 1.50 other ranks on average" in matrices.text
    assert where.alt
    assert matrices.alt
    shown = where.figure.data[0].text[0]
    assert shown[1] == "&lt;r1&gt;<br>rank 1 and 1 more"


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        {"regions": []},
        described(regions=[1, 2]),
        described(regions=[{"name": "a", "rank": "0", "ranks": 1}]),
        described(regions=[{"name": "a", "rank": -1, "ranks": 1}]),
        described(traffic_given=[[1.0, 2.0]]),
        described(traffic_given=[["x"]]),
        described(traffic_placed=[[1.0]]),
        described(traffic_placed=None),
    ],
)
def test_a_damaged_description_gives_no_panel(damaged: Any) -> None:
    assert panels_of(damaged) == []


def test_regions_are_seen_from_above_where_they_have_a_place() -> None:
    placed = placed_of(described())
    assert placed is not None
    xyz = np.arange(18.0).reshape(6, 3)[::-1]
    brain = Brain("a", [f"<r{k}>" for k in range(6)], xyz, [], [], [])
    (marks,) = regions(placed, brain).data
    order = np.argsort(xyz[:, 2])
    assert np.array_equal(marks.x, xyz[order, 0])
    assert np.array_equal(marks.marker.color, np.array(placed.rank)[order])
    elsewhere = Brain("a", ["other"], xyz[:1], [], [], [])
    assert regions(placed, elsewhere).data[0].type == "heatmap"


def test_few_ranks_have_hues_and_many_a_scale() -> None:
    assert len({colour for _, colour in colours(5)["colorscale"]}) == 5
    assert colours(64) == {"colorscale": "Viridis", "cmin": 0, "cmax": 63}
