"""Distance-dependent probability: synapses by a second definition, and in closed form; positions of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import all_synapses, network_of
from tests.helpers.small_atlas import REGIONS, save_small_atlas

from dtbsim.atlas import load_atlas
from dtbsim.errors import InputError
from dtbsim.numerics.philox import PURPOSE_POSITION, PURPOSE_SHIFT, PURPOSE_SOURCE, philox_array
from dtbsim.spec import Network

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 5, block_size: 64}
seed: 11
populations:
  A: {model: iaf_psc_exp, size: 900, positions: {kind: grid, shape: [30, 30], spacing_mm: 0.1}}
  B: {model: iaf_psc_exp, size: 500, positions: {kind: uniform_disc, radius_mm: 1.2}}
projections:
  P: {source: SOURCE, target: TARGET, rule: {kind: distance_dependent, RULE}, weight_pA: 10, delay_ms: 1}
"""
PROFILES = {
    "gaussian": lambda d, p, w: p * np.exp(-(d**2) / (2 * w**2)),
    "exponential": lambda d, p, w: p * np.exp(-d / w),
    "box": lambda d, p, w: np.where(d <= w, p, 0.0),
}


def connected(rule: str, source: str = "A", target: str = "B") -> Network:
    return network_of(TEXT.replace("SOURCE", source).replace("TARGET", target).replace("RULE", rule))


def grid() -> Any:
    index = np.arange(900)
    return np.stack([index % 30 - 14.5, index // 30 - 14.5], axis=1) * 0.1


def disc(gid0: int = 900, n: int = 500, radius: float = 1.2, seed: int = 11) -> Any:
    words = philox_array(np.arange(gid0, gid0 + n, dtype=np.uint32), 0, 0, PURPOSE_POSITION << PURPOSE_SHIFT, seed)
    r = radius * np.sqrt((words[0] + 0.5) / 2**32)
    angle = 2 * np.pi * (words[1] + 0.5) / 2**32
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def distances(source: str, target: str) -> Any:
    """float64[targets, sources]."""
    there, here = ({"A": grid(), "B": disc()}[name] for name in (source, target))
    return np.linalg.norm(here[:, None] - there, axis=2)


def matrix(network: Network, synapses: Any, source: str, target: str) -> Any:
    """Number of synapses of each pair, int64[targets, sources]."""
    start, size = {"A": 0, "B": 900}, {"A": 900, "B": 500}
    found = np.zeros((size[target], size[source]), np.int64)
    np.add.at(found, (synapses[:, 1] - start[target], synapses[:, 0] - start[source]), 1)
    return found


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("source", "target"), [("A", "B"), ("A", "A")])
def test_every_pair_is_decided_by_its_own_word(profile: str, source: str, target: str) -> None:
    """The same synapses written down a second time; whatever ranks and threads own the targets."""
    network = connected(f"probability: 0.7, profile: {profile}, width_mm: 0.31, autapses: false", source, target)
    synapses = all_synapses(network)
    for n_ranks, threads in ((2, 1), (3, 2)):
        np.testing.assert_array_equal(all_synapses(network, n_ranks, threads), synapses)
    found = matrix(network, synapses, source, target)
    probability = PROFILES[profile](distances(source, target), 0.7, 0.31)
    gids = np.arange(found.shape[0], dtype=np.uint32)[:, None] + np.uint32(0 if target == "A" else 900)
    numbers = np.arange(found.shape[1], dtype=np.uint32)
    word = philox_array(gids, numbers, 1 << 2 | 3, PURPOSE_SOURCE << PURPOSE_SHIFT, 11)[0]
    expected = word < np.rint(probability * 2.0**32)
    if source == target:
        np.fill_diagonal(expected, False)
    clear = np.abs(word - probability * 2.0**32) > 4  # not decided by the last bit of exp
    np.testing.assert_array_equal(found[clear], expected[clear].astype(np.int64))
    assert found.sum() > 1000


def test_the_in_degree_is_the_integral_over_the_plane() -> None:
    """Gaussian: 2 pi sigma^2 p times the density; exponential 2 pi lambda^2 p; box pi r^2 p, far from the edge."""
    density, p = 100.0, 0.5
    middle = np.linalg.norm(disc(), axis=1) < 0.3
    for profile, area in (
        ("gaussian", 2 * np.pi * 0.2**2),
        ("exponential", 2 * np.pi * 0.12**2),
        ("box", np.pi * 0.55**2),
    ):
        width = {"gaussian": 0.2, "exponential": 0.12, "box": 0.55}[profile]
        network = connected(f"probability: {p}, profile: {profile}, width_mm: {width}")
        degrees = matrix(network, all_synapses(network), "A", "B").sum(axis=1)[middle]
        expected = p * area * density
        error = np.sqrt(expected / middle.sum())
        assert abs(degrees.mean() - expected) < 4 * error, profile
        # the expected number that memory and partition are planned with
        sums = PROFILES[profile](distances("A", "B"), p, width).sum()
        assert network.entries.synapses.sum() == pytest.approx(sums, rel=0.05)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_histogram_of_distances(profile: str) -> None:
    """In every ring of distances the share of connected pairs is the mean probability there (binomial, 4.5 sd)."""
    network = connected(f"probability: 0.9, profile: {profile}, width_mm: 0.4")
    found, d = matrix(network, all_synapses(network), "A", "B"), distances("A", "B")
    probability = PROFILES[profile](d, 0.9, 0.4)
    ring = (d / 0.1).astype(int)
    for k in range(ring.max() + 1):
        there = ring == k
        p = probability[there]
        sd = np.sqrt((p * (1 - p)).sum())
        assert abs(found[there].sum() - p.sum()) <= 4.5 * sd + 1e-9


def test_a_cap_keeps_so_many_sources_chosen_at_random() -> None:
    rule = "probability: 0.9, profile: gaussian, width_mm: 0.4"
    free = connected(rule)
    capped = connected(f"{rule}, indegree_max: 40")
    all_of_them = matrix(free, all_synapses(free), "A", "B")
    kept = matrix(capped, all_synapses(capped, 3, 2), "A", "B")
    assert (kept <= all_of_them).all()
    degrees = all_of_them.sum(axis=1)
    np.testing.assert_array_equal(kept.sum(axis=1), np.minimum(degrees, 40))
    assert (degrees > 60).sum() > 100
    # whether a source is kept does not depend on its distance
    d, chosen = distances("A", "B"), (all_of_them > 0) & (degrees > 60)[:, None]
    share = (40 / degrees)[:, None] * np.ones_like(d)
    near, far = chosen & (d < 0.3), chosen & (d > 0.5)
    for part in (near, far):
        p = share[part]
        assert abs(kept[part].sum() - p.sum()) < 4.5 * np.sqrt((p * (1 - p)).sum())
    nothing = connected(f"{rule}, indegree_max: 0")
    assert len(all_synapses(nothing)) == 0


def test_positions_in_regions_are_around_their_centroids(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 5, block_size: 16}
atlas: small.npz
populations:
  A: {model: iaf_psc_exp, size: 30, regions: allPOSITIONS}
projections:
  P:
    source: A
    target: A
    scope: SCOPE
    rule: {kind: distance_dependent, probability: 1, profile: box, width_mm: WIDTH}
    weight_pA: 10
    delay_ms: 1
"""
    xyz = load_atlas("small.npz", base_dir=tmp_path).xyz_mm
    assert xyz is not None
    far = np.linalg.norm(xyz[:, None] - xyz, axis=2)
    width = float(np.median(far)) * (1 + 1e-6)

    def synapses(positions: str, scope: str, width: float) -> Any:
        given = text.replace("POSITIONS", positions).replace("SCOPE", scope).replace("WIDTH", f"{width!r}")
        return all_synapses(network_of(given, base_dir=tmp_path), 2)

    linked = synapses("", "all", width)  # all neurons of a region are at its centroid
    pairs = np.zeros((len(REGIONS), len(REGIONS)), np.int64)
    np.add.at(pairs, (linked[:, 1] // 30, linked[:, 0] // 30), 1)
    np.testing.assert_array_equal(pairs, np.where(far <= width, 900, 0))
    box = ", positions: {kind: uniform_box, lengths_mm: [2, 2, 2]}"
    local = synapses(box, "same_region", 1.0)
    assert (local[:, 0] // 30 == local[:, 1] // 30).all()
    assert 0.2 < len(local) / (900 * len(REGIONS)) < 0.5  # a ball of radius 1 in a cube of side 2, edges cut off


def test_given_positions(tmp_path: Path) -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    np.save(tmp_path / "p.npy", points)
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 5}
populations: {A: {model: iaf_psc_exp, size: 3, positions: {kind: given, POINTS}}}
projections:
  P: {source: A, target: A, rule: {kind: distance_dependent, probability: 1, profile: box, width_mm: 1}, weight_pA: 1,
      delay_ms: 1}
"""
    for given in ("file: p.npy", f"coordinates_mm: {points.tolist()}"):
        network = network_of(text.replace("POINTS", given), base_dir=tmp_path)
        ends = all_synapses(network)[:, :2].tolist()
        assert ends == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({", positions: {kind: uniform_disc, radius_mm: 1.2}": ""}, "P.rule: population 'B' has no positions"),
        ({"[30, 30]": "[30, 29]"}, "populations.A.positions.shape: 30 x 29 has room for 870 neurons, not for 900"),
        ({"[30, 30]": "[30, 10, 3]"}, "positions of 'A' have 3 coordinates, those of 'B' 2"),
        ({"kind: uniform_disc, radius_mm: 1.2": "kind: given, coordinates_mm: [[1, 2]]"}, "of the shape (1, 2)"),
        ({"kind: uniform_disc, radius_mm: 1.2": "kind: given, file: no.npy"}, "no.npy cannot be read"),
        ({"kind: uniform_disc, radius_mm: 1.2": "kind: given"}, "give file or coordinates_mm"),
        ({"width_mm: 1": "width_mm: 0"}, "projections.P.rule.width_mm: got 0 (allowed: a number above 0)"),
        ({"probability: 1,": "probability: 1.5,"}, "projections.P.rule.probability: got 1.5"),
    ],
)  # fmt: skip
def test_what_cannot_be(changes: dict[str, str], expected: str) -> None:
    text = TEXT.replace("SOURCE", "A").replace("TARGET", "B")
    text = text.replace("RULE", "probability: 1, profile: box, width_mm: 1")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(InputError) as caught:
        network_of(text)
    assert expected in str(caught.value)
