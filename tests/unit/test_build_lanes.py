"""Every block of a rank is on one lane, whatever it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.build import lanes
from dtbsim.build.blocks import assign_ranks, cut_blocks
from dtbsim.build.kinds import find_kinds
from dtbsim.build.lanes import MAX_DEVICE_LANES, Run, gather, lay_out
from dtbsim.build.neurons import MOST_AT_ONCE, joined
from dtbsim.spec import Network

SOURCES = """\
seed: 3
atlas: small.npz
simulation: {dt_ms: 0.1, duration_ms: 10, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 40, regions: all}
  P: {model: poisson_source, size: 33, regions: all, parameters: {rate_hz: 50}}
  S: {model: spike_source, size: 3, regions: [Mid], spikes: {neuron: [2], time_ms: [5]}}
  Q: {model: poisson_source, size: 70, parameters: {rate_hz: 50}}
projections:
  PE: {source: P, target: E, scope: same_region, rule: {kind: all_to_all}, weight_pA: 100, delay_ms: 1}
"""


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(-1, 6), st.integers(1, 300)), min_size=1, max_size=60),
    st.integers(1, 40),
)
def test_gathered_blocks_have_lanes_of_equal_size(blocks: list[tuple[int, int]], n: int) -> None:
    region, places = (np.array(column, dtype=np.int64) for column in zip(*blocks, strict=True))
    lane_of = gather(region, places, n)
    assert lane_of.min() >= 0
    assert lane_of.max() < n
    held = np.bincount(lane_of, places, n)
    assert held.max() < places.sum() / n + places.max()
    ordered = lane_of[np.lexsort((np.arange(region.size), region))]
    assert (np.diff(ordered) >= 0).all(), "a region is on neighbouring lanes"


@pytest.fixture
def sources(tmp_path: Path) -> Network:
    save_small_atlas(tmp_path)
    return network_of(SOURCES, base_dir=tmp_path)


@pytest.mark.parametrize("most_slots", [65_536, 700, 200])
@pytest.mark.parametrize("lanes_per_thread", [1, 8, MAX_DEVICE_LANES])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n_ranks", [1, 2, 5])
def test_every_neuron_is_on_one_lane(
    sources: Network,
    n_ranks: int,
    threads: int,
    lanes_per_thread: int,
    most_slots: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Populations without inputs take no slots, and yet they need a lane: they would never spike."""
    monkeypatch.setattr(lanes, "PACKED_SLOTS", most_slots)
    table = cut_blocks(sources)
    blocks = assign_ranks(sources, table, n_ranks)
    gids = []
    for rank in range(n_ranks):
        made, packed = lay_out(sources, find_kinds(sources), blocks, table, rank, threads, lanes_per_thread)
        gids += [lane.gids for lane in made]
        assert not packed or max(lane.n_slots for lane in made) <= most_slots
    np.testing.assert_array_equal(np.sort(np.concatenate(gids)), np.arange(sources.n_neurons))


def test_runs_are_joined_where_gids_and_places_go_on() -> None:
    """Not over a gap of gids or places, nor over populations or kinds, nor beyond what is made at once."""
    runs = [Run(0, 64, 0, 0, 0), Run(64, 64, 0, 64, 0), Run(128, 10, 0, 128, 0), Run(138, 64, 1, 138, 0)]
    gaps = [Run(300, 64, 1, 202, 0), Run(364, 64, 1, 266, 1), Run(428, 64, 1, 400, 1)]
    assert list(joined([*runs, *gaps])) == [Run(0, 138, 0, 0, 0), *runs[3:], *gaps]
    long = [Run(k * 4096, 4096, 0, k * 4096, 0) for k in range(40)]
    assert [run.size for run in joined(long)] == [MOST_AT_ONCE, MOST_AT_ONCE, 8 * 4096]
    assert list(joined([])) == []
