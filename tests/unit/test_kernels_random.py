"""Counter-based random numbers: Philox against its published vectors, Poisson counts against scipy."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.helpers.lane_table import runs_of_one
from tests.helpers.poisson_reference import reference_counts

from dtbsim.kernels.philox import below, philox4x32
from dtbsim.kernels.poisson import (
    COARSE_TOP,
    SCRATCH_WORDS,
    STEPS,
    UNREACHABLE,
    coarse_thresholds,
    poisson_counts,
    poisson_thresholds,
)
from dtbsim.numerics.limits import MAX_COUNT, MAX_MEAN
from dtbsim.numerics.philox import philox_array, seed_key

WORD = st.integers(0, 2**32 - 1)

# kat_vectors of Random123, philox4x32 with 10 rounds: counter, key, output
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@nb.njit
def compiled_philox(words: Any, k0: Any, k1: Any) -> Any:
    return philox4x32(words[0], words[1], words[2], words[3], k0, k1)


@nb.njit
def compiled_below(high: Any, low: Any, n: Any) -> Any:
    return below(high, low, n)


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_philox_gives_the_known_answers(counter: Any, key: Any, output: Any) -> None:
    words = np.array(counter, np.uint32)
    assert compiled_philox(words, np.uint32(key[0]), np.uint32(key[1])) == output
    seed = key[0] | key[1] << 32
    assert seed_key(seed) == key
    assert tuple(int(word) for word in philox_array(*words, seed)) == output


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, min_size=4, max_size=4), st.integers(0, 2**64 - 1))
def test_the_host_form_gives_the_words_of_the_compiled_one(counter: list[int], seed: int) -> None:
    words = np.array(counter, np.uint32)
    assert compiled_philox(words, *seed_key(seed)) == tuple(int(word) for word in philox_array(*words, seed))


def test_the_host_form_broadcasts() -> None:
    gids = np.arange(5, dtype=np.uint32)
    together = philox_array(gids, 7, 0, 3, 42)
    for i in range(5):
        assert [word[i] for word in together] == list(philox_array(gids[i], 7, 0, 3, 42))
    assert len({int(word) for part in together for word in part}) == 20


@settings(max_examples=200, deadline=None)
@given(WORD, WORD, st.integers(1, 2**32 - 1))
def test_below_is_the_exact_product_of_64_random_bits(high: int, low: int, n: int) -> None:
    assert compiled_below(np.uint32(high), np.uint32(low), np.int64(n)) == ((high << 32 | low) * n) >> 64


def counts(mean: float, gids: Any, calls: range, seed: int = 5, drive: int = 3) -> Any:
    """uint8[STEPS * len(calls), n] of drawn counts, the first at step STEPS * calls[0]."""
    out = np.full((len(calls), STEPS, len(gids)), 99, np.uint8)
    scratch = np.full(SCRATCH_WORDS, 0xFFFF, np.uint16)
    thresholds = poisson_thresholds(mean)
    coarse = coarse_thresholds(thresholds)
    runs = runs_of_one(np.asarray(gids).tolist(), [-1] * len(gids))
    for k, call in enumerate(calls):
        key = np.uint32(drive), *seed_key(seed)
        poisson_counts(runs, 0, len(gids), call, *key, thresholds, coarse, scratch, out[k])
    return out.reshape(-1, len(gids))


@pytest.mark.parametrize("mean", [1e-12, 1e-3, 0.8, 5.0, 22.2, 40.0, MAX_MEAN])
def test_thresholds_are_the_cumulative_probabilities(mean: float) -> None:
    thresholds = poisson_thresholds(mean)
    assert thresholds.dtype == np.uint32
    assert thresholds[-1] == UNREACHABLE
    real = thresholds[thresholds < UNREACHABLE].astype(np.float64)
    expected = np.maximum(np.rint(stats.poisson.cdf(np.arange(real.size), mean) * 2.0**32) - 1, 0)
    assert np.abs(real - expected).max(initial=0) <= 2
    assert stats.poisson.sf(real.size, mean) < 2.0**-31, "the list ends where nothing is left"


@pytest.mark.parametrize("mean", [0.0, 1e-12, 1e-3, 0.8, 22.2, MAX_MEAN])
def test_coarse_thresholds_are_the_upper_15_bits_that_can_be_exceeded(mean: float) -> None:
    thresholds = poisson_thresholds(mean)
    coarse = coarse_thresholds(thresholds)
    assert coarse.dtype == np.int16
    assert coarse.size % 4 == 0
    reachable = [int(t) >> 17 for t in thresholds if int(t) >> 17 < COARSE_TOP]
    assert coarse.tolist() == reachable + [COARSE_TOP] * (coarse.size - len(reachable))
    assert coarse.size - len(reachable) < 4


def test_counts_fit_a_byte_up_to_the_largest_mean() -> None:
    assert stats.poisson.sf(MAX_COUNT, MAX_MEAN) < 2.0**-32
    assert poisson_thresholds(MAX_MEAN).size < MAX_COUNT
    for mean in (-1e-9, MAX_MEAN * 1.001, float("nan")):
        with pytest.raises(ValueError, match=r"Poisson mean per step .* is outside \[0, 100\]"):
            poisson_thresholds(mean)


def test_no_input_gives_no_counts() -> None:
    assert counts(0.0, np.arange(1000, dtype=np.uint32), range(3)).max() == 0


@pytest.mark.parametrize("mean", [0.02, 0.8, 5.0, 30.0, 100.0])
def test_counts_are_poisson_distributed(mean: float) -> None:
    drawn = counts(mean, np.arange(20_000, dtype=np.uint32), range(3)).astype(np.int64)
    n = drawn.size
    assert abs(drawn.mean() - mean) < 4 * np.sqrt(mean / n)
    spread = np.sqrt((mean + 2 * mean**2) / n)  # of the sample variance: (mu4 - var^2) / n
    assert abs(drawn.var() - mean) < 4 * spread
    low, high = (int(k) for k in stats.poisson.ppf([20 / n, 1 - 20 / n], mean))
    observed = np.bincount(np.clip(drawn.ravel(), low, high), minlength=high + 1)[low:]
    edges = stats.poisson.cdf(np.arange(low, high), mean)
    expected = n * np.diff(np.concatenate([[0.0], edges, [1.0]]))
    assert stats.chisquare(observed, expected).pvalue > 1e-3
    assert stats.chisquare(observed, n * np.roll(expected, 1) / n).pvalue < 1e-9, "the test sees a shift by one"


def test_steps_and_neurons_are_independent() -> None:
    drawn = counts(2.0, np.arange(400, dtype=np.uint32), range(125)).astype(np.float64)
    limit = 5 / np.sqrt(400 * 1000)
    centred = (drawn - 2.0) / np.sqrt(2.0)
    for lag in (1, 2, 3, 4, 5, 8):
        assert abs((centred[lag:] * centred[:-lag]).mean()) < limit
        assert abs((centred[:, lag:] * centred[:, :-lag]).mean()) < limit


def test_a_count_depends_on_neuron_step_drive_and_seed_alone() -> None:
    gids = np.arange(1500, dtype=np.uint32)
    whole = counts(3.0, gids, range(4, 6))
    shuffled = np.random.default_rng(0).permutation(gids)
    assert (counts(3.0, shuffled, range(4, 6)) == whole[:, shuffled]).all()
    assert (counts(3.0, gids[700:703], range(5, 6)) == whole[STEPS:, 700:703]).all()
    for other in (counts(3.0, gids, range(4, 6), seed=6), counts(3.0, gids, range(4, 6), drive=4)):
        assert 0.05 < (other == whole).mean() < 0.35, "as many equal as by chance"


@pytest.mark.parametrize("mean", [1e-4, 0.3, 7.0, 22.5, 99.0])
def test_the_definition_of_a_count(mean: float) -> None:
    """Whether 15 bits decide or all 32 are needed, the count is that of the 32-bit word."""
    gids = np.random.default_rng(8).integers(0, 2**32, 3001).astype(np.uint32)
    gids[[0, -1]] = 0, 2**32 - 1
    drawn = counts(mean, gids, range(9, 12), seed=2**40 + 7, drive=11)
    for k in range(3):
        expected = reference_counts(gids, 9 + k, 11, mean, 2**40 + 7)
        assert (drawn[STEPS * k : STEPS * (k + 1)] == expected).all()


def test_rare_counts_need_all_32_bits() -> None:
    """With a mean of 2e-5 the only counts lie where the upper 15 bits are all 1."""
    drawn = counts(2e-5, np.arange(100_000, dtype=np.uint32), range(30))
    expected = 2e-5 * drawn.size
    assert abs(drawn.sum() - expected) < 4 * np.sqrt(expected)
    assert drawn.max() == 1
