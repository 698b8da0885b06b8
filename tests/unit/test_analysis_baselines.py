"""Baselines: linear networks in closed form, recovery of a planted coupling, and the values of the bundled atlas."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.analysis.baselines import (
    best_linear_network,
    linear_network_fc,
    log_structural_correlation,
    structural_correlation,
)
from dtbsim.analysis.fc import fc_correlation
from dtbsim.atlas import load_atlas
from dtbsim.errors import InputError


def random_weights(n: int, seed: int, *, directed: bool = False) -> np.ndarray:
    weights = np.random.default_rng(seed).lognormal(0, 1.5, size=(n, n))
    np.fill_diagonal(weights, 0)
    return weights if directed else weights + weights.T


@pytest.mark.parametrize("coupling", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("kind", "power"), [("slow", 2), ("instantaneous", 1)])
def test_all_to_all_network_has_the_correlation_of_its_two_eigenvalues(coupling: float, kind: str, power: int) -> None:
    n = 6
    along = 1 / (1 - coupling) ** power
    across = 1 / (1 + coupling / (n - 1)) ** power
    expected = (along - across) / (along + (n - 1) * across)
    fc = linear_network_fc(np.full((n, n), 3.0), coupling, kind)  # type: ignore[arg-type]
    np.testing.assert_allclose(fc[np.triu_indices(n, 1)], expected, atol=1e-12)
    np.testing.assert_allclose(np.diag(fc), 1.0)


@pytest.mark.parametrize("directed", [False, True])
def test_instantaneous_covariance_solves_the_lyapunov_equation(directed: bool) -> None:
    weights = random_weights(5, 2, directed=directed)
    drift = 0.8 * weights / np.abs(np.linalg.eigvals(weights)).max() - np.eye(5)
    identity = np.eye(5)
    operator = np.kron(drift, identity) + np.kron(identity, drift)
    covariance = np.linalg.solve(operator, -2 * identity.ravel()).reshape(5, 5)
    sd = np.sqrt(np.diag(covariance))
    expected = covariance / np.outer(sd, sd)
    np.testing.assert_allclose(linear_network_fc(weights, 0.8, "instantaneous"), expected, atol=1e-11)


def test_slow_fc_of_a_directed_network_follows_the_receiving_rows() -> None:
    # 0 -> 1 and 0 -> 2 (rows receive), and a loop 0 <-> 3 that sets the scale
    weights = np.zeros((4, 4))
    weights[1, 0] = weights[2, 0] = weights[3, 0] = weights[0, 3] = 1.0
    fc = linear_network_fc(weights, 0.9)
    assert fc[1, 2] > 0.5
    reversed_fc = linear_network_fc(weights.T, 0.9)
    assert reversed_fc[1, 2] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", ["slow", "instantaneous"])
@pytest.mark.parametrize("coupling", [0.2, 0.85, 0.99])
def test_a_planted_coupling_is_found(kind: str, coupling: float) -> None:
    weights = random_weights(20, 3)
    fit = best_linear_network(weights, linear_network_fc(weights, coupling, kind), kinds=(kind,))  # type: ignore[arg-type]
    assert fit.correlation == pytest.approx(1, abs=1e-6)
    assert fit.coupling == pytest.approx(coupling, abs=2e-3)
    assert fit.kind == kind


def test_structure_is_made_undirected_and_log_leaves_out_missing_connections() -> None:
    directed = random_weights(12, 4, directed=True)
    directed[2, 5] = directed[5, 2] = 0
    undirected = (directed + directed.T) / 2
    fc = random_weights(12, 5)
    assert structural_correlation(directed, fc) == pytest.approx(fc_correlation(undirected, fc), abs=1e-14)
    rows, columns = np.triu_indices(12, 1)
    there = undirected[rows, columns] > 0
    assert there.sum() == there.size - 1
    expected = np.corrcoef(np.log(undirected[rows, columns][there]), fc[rows, columns][there])[0, 1]
    assert log_structural_correlation(directed, fc) == pytest.approx(expected, abs=1e-14)


def test_baselines_of_the_default_atlas() -> None:
    atlas = load_atlas("aal2")
    assert atlas.fc is not None
    assert structural_correlation(atlas.weights, atlas.fc) == pytest.approx(0.34, abs=0.005)
    assert log_structural_correlation(atlas.weights, atlas.fc) == pytest.approx(0.46, abs=0.005)
    best = best_linear_network(atlas.weights, atlas.fc)
    assert best.correlation == pytest.approx(0.68, abs=0.005)
    assert fc_correlation(best.fc, atlas.fc) == best.correlation
    assert best.coupling == pytest.approx(0.934, abs=0.01)
    fast = best_linear_network(atlas.weights, atlas.fc, kinds=("instantaneous",))
    assert fast.correlation == pytest.approx(0.67, abs=0.005)


def test_bad_structure_and_coupling_are_refused() -> None:
    weights, fc = random_weights(5, 1), random_weights(5, 2)
    for coupling in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match="coupling"):
            linear_network_fc(weights, coupling)
    with pytest.raises(InputError, match="kind"):
        linear_network_fc(weights, 0.5, "fast")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no kind"):
        best_linear_network(weights, fc, kinds=())
    with pytest.raises(InputError, match="not negative"):
        structural_correlation(-weights, fc)
    with pytest.raises(InputError, match="spectral radius"):
        best_linear_network(np.zeros((5, 5)), fc)
    with pytest.raises(InputError, match="different sizes"):
        log_structural_correlation(weights, random_weights(6, 2))
