"""Transfer entropy of linear processes whose covariances are known in closed form."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from dtbsim.analysis.directed import transfer_entropy
from dtbsim.errors import InputError

CHAIN = np.array([[0.5, 0.0, 0.0], [0.4, 0.3, 0.0], [0.0, 0.6, 0.2]])
"""x_t = CHAIN x_(t-1) + noise: 0 drives 1, 1 drives 2."""


def _course(samples: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((samples, 3))
    x = np.zeros((samples, 3))
    for t in range(1, samples):
        x[t] = CHAIN @ x[t - 1] + noise[t]
    return x


def _exact(target: int, source: int, given: tuple[int, ...] = ()) -> float:
    """Nats of one lag, from the stationary covariance C_0 and C_1 = A C_0."""
    now = solve_discrete_lyapunov(CHAIN, np.eye(3))
    back = CHAIN @ now

    def left(past: list[int]) -> float:
        across = back[target, past]
        return float(now[target, target] - across @ np.linalg.solve(now[np.ix_(past, past)], across))

    return 0.5 * np.log(left([target, *given]) / left([target, source, *given]))


def test_pairs_of_a_chain_have_the_entropy_of_its_covariances() -> None:
    found = transfer_entropy(_course(60_000), lags=1)
    for i, j in ((1, 0), (2, 1), (2, 0)):
        assert found.nats[i, j] == pytest.approx(_exact(i, j), rel=0.05)
        assert found.p_value[i, j] < 1e-6
    assert found.nats[0, 1] < 1e-4
    assert np.isnan(np.diag(found.nats)).all()


def test_what_comes_over_a_third_channel_does_not_count_given_all() -> None:
    found = transfer_entropy(_course(60_000), lags=1, conditional=True)
    assert found.nats[1, 0] == pytest.approx(_exact(1, 0, (2,)), rel=0.05)
    assert found.nats[2, 0] < 1e-4 < transfer_entropy(_course(60_000), lags=1).nats[2, 0]


def test_p_values_of_noise_are_uniform_and_units_do_not_matter() -> None:
    noise = np.random.default_rng(3).standard_normal((3000, 40))
    found = transfer_entropy(noise, lags=3)
    assert np.nanmean(found.p_value < 0.05) == pytest.approx(0.05, abs=0.02)
    again = transfer_entropy(noise * 1e-9 + 70, lags=3)
    np.testing.assert_allclose(again.nats, found.nats, rtol=1e-3, atol=1e-9)


def test_channels_that_stand_still_or_are_copies_are_nan_and_leave_the_others_alone() -> None:
    x = _course(2000)
    wide = np.column_stack([x, np.full(len(x), 3.0)])
    for conditional in (False, True):
        found = transfer_entropy(wide, lags=2, conditional=conditional).nats
        assert np.isnan(found[3]).all()
        assert np.isnan(found[:, 3]).all()
        np.testing.assert_allclose(found[:3, :3], transfer_entropy(x, lags=2, conditional=conditional).nats)
    delayed = np.column_stack([x[1:, 0], x[:-1, 0]])  # the second is the first a sample ago
    found = transfer_entropy(delayed, lags=2).nats
    assert np.isnan(found[1, 0])
    assert found[0, 1] < 1e-2


@pytest.mark.parametrize(
    ("series", "lags", "message"),
    [
        (np.zeros(100), 1, r"shape \(100,\)"),
        (np.zeros((100, 1)), 1, "two channels"),
        (np.zeros((100, 2)), 0, "from 1 on"),
        (np.zeros((100, 2)), 1.5, "from 1 on"),
        (np.zeros((10, 2)), 3, "10 samples for 6 regressors"),
        (np.full((100, 2), np.nan), 1, "not finite"),
    ],
)
def test_what_cannot_be_used_is_refused(series: np.ndarray, lags: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        transfer_entropy(series, lags=lags)  # type: ignore[arg-type]
