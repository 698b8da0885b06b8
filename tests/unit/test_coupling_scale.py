"""Coupling that does not depend on the scale of an atlas: references of projections, `normalise` of couplings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from dtbsim.atlas import Atlas, save_atlas
from dtbsim.atlas.connectome import DENSE_REGIONS, spectral_radius
from dtbsim.config import load_config_data
from dtbsim.errors import InputError
from dtbsim.spec import Network, compile_network

N = 7
RNG = np.random.default_rng(4)
WEIGHTS = RNG.uniform(0.1, 5.0, (N, N)) * (RNG.random((N, N)) < 0.7)
np.fill_diagonal(WEIGHTS, 0.0)
RADIUS = float(np.abs(np.linalg.eigvals(WEIGHTS)).max())


def atlas_file(folder: Path, weights: np.ndarray, name: str = "atlas") -> str:
    save_atlas(
        Atlas(
            name=name,
            region_names=tuple(f"R{i}" for i in range(N)),
            hemisphere=("",) * N,
            xyz_mm=RNG.normal(0, 30, (N, 3)),
            weights=weights,
        ),
        folder / f"{name}.npz",
    )
    return str(folder / f"{name}.npz")


def spiking(atlas: str, reference: Any, *, regions: Any = "all", rule: Any = None) -> Network:
    projection = {
        "source": "E", "target": "E", "scope": "connectome", "connectome_reference": reference, "weight_pA": 1,
        "delay_ms": 1, "rule": rule or {"kind": "fixed_indegree", "indegree": 1000},
    }  # fmt: skip
    population = {"model": "iaf_psc_exp", "size": 10, "regions": regions}
    data = {"atlas": atlas, "simulation": {"dt_ms": 0.1, "duration_ms": 10}, "populations": {"E": population}}
    return compile_network(load_config_data({**data, "projections": {"EE": projection}}))


def regional(atlas: str, coupling: dict[str, Any], *, regions: Any = "all", held: bool = False) -> Network:
    data: dict[str, Any] = {
        "atlas": atlas,
        "simulation": {"dt_ms": 1, "duration_ms": 10},
        "populations": {"c": {"model": "deco_2014", "regions": regions}},
        "couplings": {"far": {"source": "c", "target": "c", "variable": "S_E", **coupling}},
    }
    if held:
        data["controllers"] = {"i": {"kind": "feedback_inhibition", "population": "c"}}
    return compile_network(load_config_data(data))


def matrix_of(network: Network) -> np.ndarray:
    """Weights of the only coupling, [targets, sources]."""
    assert network.regions is not None
    wiring, n = network.regions.couplings[0].wirings[0], network.regions.populations[0].n_nodes
    found = np.zeros((n, n))
    found[np.repeat(np.arange(n), np.diff(wiring.starts)), wiring.sources] = wiring.weights
    return found


def indegrees(network: Network) -> np.ndarray:
    """In-degrees by pair, [targets, sources], before they are drawn."""
    (projection,) = network.projections
    return projection.piece_number.astype(float)


def test_the_spectral_radius_of_small_large_dense_and_sparse_matrices() -> None:
    assert spectral_radius(WEIGHTS) == pytest.approx(RADIUS, rel=1e-11)
    assert spectral_radius(csr_array(WEIGHTS)) == spectral_radius(WEIGHTS)
    cycle = np.roll(np.eye(5), 1, axis=1) * 8.0
    assert spectral_radius(cycle) == 8.0
    assert spectral_radius(np.tril(WEIGHTS, -1)) == 0.0
    assert spectral_radius(np.zeros((3, 3))) == 0.0
    n = DENSE_REGIONS + 100
    large = csr_array(random_array((n, n), density=0.01, rng=np.random.default_rng(1)))
    assert spectral_radius(large) == spectral_radius(large)
    mean = large.sum() / n  # of a random matrix with many entries, the radius is about the mean total of a row
    assert spectral_radius(large) == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(("reference", "by"), [("spectral_radius", RADIUS), ("mean", WEIGHTS.sum(1).mean())])
def test_in_degrees_are_the_same_whatever_the_scale_of_the_atlas(tmp_path: Path, reference: str, by: float) -> None:
    network = spiking(atlas_file(tmp_path, WEIGHTS), reference)
    assert network.projections[0].reference == pytest.approx(by, rel=1e-11)
    np.testing.assert_allclose(indegrees(network), 1000 * WEIGHTS.sum(1) / by, atol=0.5 + 1e-6)
    shares = WEIGHTS / WEIGHTS.sum(1, keepdims=True)
    if reference == "spectral_radius":
        radius = np.abs(np.linalg.eigvals(indegrees(network)[:, None] * shares)).max()
        assert radius == pytest.approx(1000, abs=1.0)
    else:
        assert indegrees(network).mean() == pytest.approx(1000, abs=0.5)
    scaled = spiking(atlas_file(tmp_path, WEIGHTS * 3e4, "scaled"), reference)
    np.testing.assert_array_equal(indegrees(scaled), indegrees(network))


def test_largest_is_what_no_reference_is(tmp_path: Path) -> None:
    atlas = atlas_file(tmp_path, WEIGHTS)
    named, default = spiking(atlas, "largest"), spiking(atlas, None)
    assert named.projections[0].reference == default.projections[0].reference == WEIGHTS.sum(1).max()
    pair = {"kind": "fixed_total_number", "total": 500}
    assert spiking(atlas, "mean", rule=pair).projections[0].reference == pytest.approx(WEIGHTS[WEIGHTS > 0].mean())


def test_a_region_that_is_left_out_changes_no_other(tmp_path: Path) -> None:
    atlas = atlas_file(tmp_path, WEIGHTS)
    part = {"all_but": ["R3"]}
    kept = [i for i in range(N) if i != 3]
    found = spiking(atlas, "spectral_radius", regions=part)
    np.testing.assert_allclose(indegrees(found), 1000 * WEIGHTS[np.ix_(kept, kept)].sum(1) / RADIUS, atol=0.5 + 1e-6)
    for normalise in ("spectral_radius", "mean_total"):
        whole = matrix_of(regional(atlas, {"normalise": normalise}))
        less = matrix_of(regional(atlas, {"normalise": normalise}, regions=part))
        np.testing.assert_array_equal(less, whole[np.ix_(kept, kept)])


@pytest.mark.parametrize(("normalise", "by"), [("spectral_radius", RADIUS), ("mean_total", WEIGHTS.sum(1).mean())])
def test_couplings_are_the_same_whatever_the_scale_of_the_atlas(tmp_path: Path, normalise: str, by: float) -> None:
    atlas, scaled = atlas_file(tmp_path, WEIGHTS), atlas_file(tmp_path, WEIGHTS * 7e-3, "scaled")
    found = matrix_of(regional(atlas, {"normalise": normalise}))
    np.testing.assert_allclose(found, WEIGHTS / by, rtol=1e-6)
    np.testing.assert_allclose(matrix_of(regional(scaled, {"normalise": normalise})), found, rtol=2e-7)
    given = {"matrix": (WEIGHTS * 9).tolist()}
    np.testing.assert_allclose(matrix_of(regional(atlas, {"normalise": normalise, "weights": given})), found, rtol=2e-7)


def test_feedback_inhibition_balances_the_normalised_network(tmp_path: Path) -> None:
    atlas = atlas_file(tmp_path, WEIGHTS)
    normalised = regional(atlas, {"normalise": "spectral_radius", "strength": 0.8}, held=True)
    plain = regional(atlas, {"strength": 0.8 / RADIUS}, held=True)
    found, expected = (
        network.regions.populations[0].parameters["J_i"] for network in (normalised, plain) if network.regions
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_what_cannot_be_scaled_so(tmp_path: Path) -> None:
    acyclic = atlas_file(tmp_path, np.tril(WEIGHTS, -1))
    with pytest.raises(
        InputError,
        match=r"EE.connectome_reference: the connectome has no cycle of connections: its spectral radius is 0.*largest",
    ):
        spiking(acyclic, "spectral_radius")
    with pytest.raises(InputError, match=r"far.normalise: weights have no cycle of connections.*mean_total"):
        regional(acyclic, {"normalise": "spectral_radius"})
    with pytest.raises(
        InputError, match=r"connectome_reference: got 'radius' \(allowed: .*largest \| mean \| spectral"
    ):
        spiking(acyclic, "radius")
    atlas = atlas_file(tmp_path, WEIGHTS)
    with pytest.raises(InputError, match=r"EE.connectome_reference: a probability of .*lower the number of the rule"):
        spiking(atlas, "mean", rule={"kind": "pairwise_bernoulli", "probability": 0.9})
    data = {
        "atlas": atlas,
        "simulation": {"dt_ms": 1, "duration_ms": 10},
        "populations": {
            "a": {"model": "hopf", "regions": ["R0", "R1"]},
            "b": {"model": "hopf", "regions": ["R2", "R3", "R4"]},
        },
        "couplings": {"far": {"source": "a", "target": "b", "normalise": "spectral_radius",
                              "weights": {"matrix": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}}},
    }  # fmt: skip
    with pytest.raises(InputError, match=r"far.normalise: a matrix from some regions to others has no spectral radius"):
        compile_network(load_config_data(data))
    data["couplings"]["far"]["weights"] = "connectome"  # type: ignore[index]
    assert compile_network(load_config_data(data)).regions is not None
