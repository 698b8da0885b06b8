"""The stream of BOLD: when samples fall due, cutting and resuming the stream, guards, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.errors import EXIT_INPUT, EXIT_NUMERICS, InputError, NumericsError
from dtbsim.signals import BalloonWindkessel


def rates(n_bins: int, n_regions: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 4.0, size=(n_bins, n_regions))


def model(n_regions: int = 7, **changes: float) -> BalloonWindkessel:
    return BalloonWindkessel(n_regions, **{"dt_s": 0.01, "tr_s": 0.09, "discard_s": 0.25, **changes})


def test_samples_fall_due_every_tr_after_the_discarded_part() -> None:
    fine = model(tr_s=0.01, discard_s=0.0).step(rates(120, 7))
    coarse = model()
    bold = coarse.step(rates(120, 7))
    due = [34, 43, 52, 61, 70, 79, 88, 97, 106, 115]
    assert bold.shape == (10, 7)
    assert bold.dtype == np.float64
    assert coarse.n_samples == 10
    np.testing.assert_array_equal(bold, fine[np.array(due) - 1])
    np.testing.assert_allclose(coarse.sample_times_s(), np.array(due) * 0.01)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_regions", [1, 3, 80])
def test_the_cut_of_the_stream_changes_no_bit(seed: int, n_regions: int) -> None:
    stream = rates(400, n_regions, seed)
    whole = model(n_regions).step(stream)
    cuts = np.sort(np.random.default_rng(seed).integers(0, 401, 12))
    piecewise = model(n_regions)
    parts = [piecewise.step(part) for part in np.split(stream, cuts)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_smallest_change_of_one_rate_changes_bits() -> None:
    stream = rates(400, 3)
    changed = stream.copy()
    changed[100, 1] = np.nextafter(changed[100, 1], np.inf) * (1 + 1e-12)
    assert model(3).step(stream).tobytes() != model(3).step(changed).tobytes()


@pytest.mark.parametrize("dt_s", [0.01, 0.05])
def test_resuming_from_a_saved_state_changes_no_bit(dt_s: float) -> None:
    stream = rates(300, 7) * np.where(np.arange(300) < 100, 12, 0.1)[:, np.newaxis]
    settings = {"dt_s": dt_s, "tr_s": 9 * dt_s, "discard_s": 25 * dt_s}
    first, whole = model(**settings), model(**settings)
    expected = whole.step(stream)
    start = first.step(stream[:137])
    second = model(**settings)
    second.set_state(first.get_state())
    rest = second.step(stream[137:])
    assert np.concatenate([start, rest]).tobytes() == expected.tobytes()
    assert second.n_samples == whole.n_samples
    assert second.inflow_floored == whole.inflow_floored


def test_regions_do_not_influence_each_other() -> None:
    stream = rates(200, 4)
    together = model(4).step(stream)
    alone = model(1).step(stream[:, 2:3])
    np.testing.assert_allclose(together[:, 2:3], alone, rtol=1e-13)


def test_a_silent_region_stays_at_rest_exactly() -> None:
    assert not model().step(np.zeros((2000, 7))).any()


def test_given_weights_replace_those_that_follow_from_rho() -> None:
    stream = rates(300, 2)
    default, same = model(2, rho=0.4).step(stream), model(2, rho=0.4, k1=2.8, k3=0.6).step(stream)
    np.testing.assert_allclose(default, same, rtol=1e-12)
    assert not np.allclose(default, model(2, rho=0.4, k1=3.0).step(stream))


def test_an_inflow_below_zero_is_floored_and_counted() -> None:
    stream = np.concatenate([np.full((300, 2), 400.0), np.zeros((500, 2))])
    stream[:, 1] = 4.0
    strong = model(2)
    bold = strong.step(stream)
    assert np.isfinite(bold).all()
    assert 0 < strong.inflow_floored < 500
    volume = strong.get_state()["state"][2]
    assert (volume > 0).all()
    mild = model(1)
    mild.step(stream[:, 1:])
    assert mild.inflow_floored == 0


def test_rates_beyond_physiology_end_in_an_error_that_names_region_and_time() -> None:
    stream = np.full((1000, 3), 5.0)
    stream[:, 1] = 1e6
    with pytest.raises(NumericsError, match="volume became") as caught:
        model(3).step(stream)
    assert caught.value.exit_code == EXIT_NUMERICS
    assert "region 1" in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (np.zeros((5, 3)), "shape"),
        (np.zeros(7), "shape"),
        (np.where(np.arange(35).reshape(5, 7) == 17, np.nan, 1.0), "region 3"),
        (np.where(np.arange(35).reshape(5, 7) == 17, -1.0, 1.0), "bin 52"),
    ],
)
def test_bad_rates_are_refused_before_anything_advances(bad: np.ndarray, text: str) -> None:
    stream = model()
    stream.step(rates(50, 7))
    before = stream.get_state()["state"]
    with pytest.raises(InputError, match=text):
        stream.step(bad)
    np.testing.assert_array_equal(stream.get_state()["state"], before)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"dt_s": 0.0}, "dt_s"),
        ({"tr_s": -1.0}, "tr_s"),
        ({"tr_s": 0.095}, "whole number of bins"),
        ({"tr_s": 0.001}, "whole number of bins"),
        ({"discard_s": 0.255}, "whole number of bins"),
        ({"discard_s": -1.0}, "discard_s"),
        ({"discard_s": float("nan")}, "discard_s"),
        ({"rho": 1.0}, "rho"),
        ({"alpha": 0.0}, "alpha"),
        ({"tau_s": float("inf")}, "tau_s"),
        ({"kappa_per_s": 0.0}, "kappa_per_s"),
        ({"gamma_per_s": -0.41}, "gamma_per_s"),
        ({"gain_per_hz": 0.0}, "gain_per_hz"),
        ({"V0": 0.0}, "V0"),
    ],
)
def test_bad_parameters_are_named(change: dict[str, float], text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        model(**change)
    assert caught.value.exit_code == EXIT_INPUT


def test_no_regions_and_a_state_of_other_size_are_refused() -> None:
    with pytest.raises(InputError, match="n_regions"):
        model(0)
    with pytest.raises(InputError, match="saved state"):
        model(3).set_state(model(4).get_state())


def test_bits_do_not_depend_on_the_number_of_regions() -> None:
    stream = rates(90, 600)  # more than are stepped together, and no multiple of a vector
    together = model(600).step(stream)
    for first, last in ((0, 1), (250, 263), (597, 600)):
        assert together[:, first:last].tobytes() == model(last - first).step(stream[:, first:last]).tobytes()


def test_an_error_says_when_the_volume_was_lost_and_how_far_the_model_went() -> None:
    stream = np.full((1000, 300), 5.0)
    stream[:, 290] = 1e6
    lost = model(300)
    with pytest.raises(NumericsError, match=r"volume became \S+ at (\S+) s with a rate of 1e\+06 Hz") as caught:
        lost.step(stream)
    at_s = float(str(caught.value).split(" at ")[1].split(" s ")[0])
    assert lost.get_state()["counters"][0] == round(at_s / 0.01)
    before = model(300)
    before.step(stream[: round(at_s / 0.01) - 1])  # the bin before is well


def test_rates_that_cannot_be_written_to_and_of_other_types_are_taken() -> None:
    stream = rates(90, 7).astype(np.float32)
    stream.setflags(write=False)
    assert model().step(stream).tobytes() == model().step(stream.astype(np.float64)).tobytes()
