"""Objectives against closed forms, notes on landscapes, halves and people, and what journals keep."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.errors import InputError
from dtbsim.fitting.honest import baselines, notes_on_data, warnings_of
from dtbsim.fitting.journal import open_journal
from dtbsim.fitting.methods import worst_for_failed
from dtbsim.fitting.objectives import BANDS_HZ, OBJECTIVES, goal_of
from dtbsim.fitting.space import space_of
from dtbsim.fitting.target import Target, target_of

RANDOM = np.random.default_rng(3)


def score(name: str, simulated: Any, target: Target, **options: str) -> float:
    return OBJECTIVES.find(name).score(simulated, target, options)


def test_objectives_are_what_they_say() -> None:
    series = RANDOM.standard_normal((400, 5)) + RANDOM.standard_normal((400, 1))
    fc = functional_connectivity(series)
    target = target_of(series, None, None, interval_s=0.7)
    same = SimpleNamespace(fc=fc, bold=series, tr_s=0.7)
    assert score("fc", same, target) == pytest.approx(1.0)
    assert score("fc_mse", same, target) == 0.0
    assert score("fcd", same, target) == 0.0
    other = SimpleNamespace(fc=np.where(np.eye(5, dtype=bool), 1.0, fc / 2), bold=series[::-1] * 3.0, tr_s=0.7)
    assert score("fc", other, target) == pytest.approx(1.0)
    off = ~np.eye(5, dtype=bool)
    assert score("fc_mse", other, target) == pytest.approx(np.mean((fc[off] / 2) ** 2))
    assert 0 < score("fcd", other, target) < 0.2
    rates = SimpleNamespace(rates_hz={"E": 6.0, "I": 5.0})
    assert score("rates", rates, target, E="3", I="5") == pytest.approx(np.sqrt(0.5))
    with pytest.raises(InputError, match="there is no rate of 'X' \\(known: E, I"):
        score("rates", rates, target, X="1")


def test_spectra_are_compared_by_shares_of_power() -> None:
    rate_hz = 100.0
    white = RANDOM.standard_normal((60_000, 2))
    target = target_of(white, None, None, interval_s=1 / rate_hz)
    frequencies = np.arange(0, 50.01, 0.5)

    def made(power: Any) -> Any:
        return SimpleNamespace(spectrum=lambda name: (frequencies, np.repeat(power[:, None], 3, axis=1)))

    flat = made(np.full(frequencies.size, 7.0))
    assert score("spectrum", flat, target) < 0.6
    assert score("bands", flat, target) < 0.02
    inside = (frequencies >= 1) & (frequencies <= 45)
    alpha = (frequencies >= 8) & (frequencies < 13)
    peak = made(np.where(alpha, 100.0, 1.0))
    share = 100.0 * alpha.sum() / (100.0 * alpha.sum() + (inside & ~alpha).sum())
    measured = alpha.sum() / inside.sum()
    wrong = share - measured + sum(
        ((frequencies >= low) & (frequencies < high) & inside).sum() * (1 / inside.sum() - share / 100 / alpha.sum())
        for name, (low, high) in BANDS_HZ.items() if name != "alpha"
    )  # fmt: skip
    assert score("bands", peak, target) == pytest.approx(wrong / 2, abs=0.02)
    expected = 10 * np.log10(
        np.where(alpha, 100.0, 1.0)[inside] * inside.sum() / np.where(alpha, 100.0, 1.0)[inside].sum()
    )
    assert score("spectrum", peak, target) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.03)


def test_texts_of_objectives() -> None:
    goal = goal_of("fc + 0.5*fcd, 1e-1*rates(E=3, I=5)")
    assert [[(t.key, t.weight, dict(t.options)) for t in one] for one in goal.sums] == [
        [("fc", 1.0, {}), ("fcd", 0.5, {})], [("rates", 0.1, {"E": "3", "I": "5"})]
    ]  # fmt: skip
    assert goal.losses({"fc": 0.8, "fcd": 0.4, "rates": 2.0}) == pytest.approx([0.2 + 0.2, 0.2])
    assert goal.needs == {"bold", "rates"}
    for wrong in ("", "fc + fc", "rates(E)", "rates(E=-1)", "2**fc", "0*fc"):
        with pytest.raises(InputError):
            goal_of(wrong)


def test_bounds_flat_landscapes_and_pairs_are_named() -> None:
    space = space_of({"a": (0.0, 1.0), "b": (1.0, 100.0, "log")})
    units = RANDOM.random((200, 2))

    def notes(losses: Any, best: Any) -> str:
        return "; ".join(warnings_of(space, units, np.asarray(losses), np.asarray(best), 0.01))

    bowl = ((units - 0.5) ** 2).sum(axis=1)
    assert notes(bowl, [0.5, 0.5]) == ""
    assert "a is best at its lower bound, 0:" in notes(bowl, [0.001, 0.5])
    assert "b is best at its upper bound, 100:" in notes(bowl, [0.5, 0.995])
    assert "flat: all points are within" in notes(0.3 + 0.001 * bowl, [0.5, 0.5])
    assert "b is hardly told by the data" in notes((units[:, 0] - 0.5) ** 2, [0.5, 0.2])
    valley = notes((units.sum(axis=1) - 1) ** 2, [0.5, 0.5])
    assert "a and b are not told apart: moved together (the other way)" in valley
    failed = np.where(units[:, 0] > 0.5, np.nan, bowl)
    assert "points failed: the bounds reach where the model does not work" in notes(failed, [0.4, 0.5])


def test_data_in_another_order_are_suspected() -> None:
    atlas = dtbsim.load_atlas("aal2")
    fc, weights = np.asarray(atlas.fc), np.asarray(atlas.weights)
    assert notes_on_data(baselines(Target("x", fc), weights)) == []
    mixed = RANDOM.permutation(80)
    (note,) = notes_on_data(baselines(Target("x", fc[np.ix_(mixed, mixed)]), weights))
    assert note.startswith("FC and connectome are hardly alike: are their regions in the same order?")


def test_people_have_a_ceiling_and_one_can_be_left_out() -> None:
    common = RANDOM.standard_normal((300, 6)) @ RANDOM.standard_normal((6, 6))
    people = [common + 3.0 * RANDOM.standard_normal((300, 6)) for _ in range(3)]
    names = ["r"] * 6
    found = target_of(people[:2], names, None, interval_s=1.0, hold_out=people[2])
    each = [functional_connectivity(person) for person in people]
    assert found.fc is not None
    assert np.allclose(found.fc, (each[0] + each[1]) / 2)
    assert found.between_people is not None
    assert found.between_people == pytest.approx([fc_correlation(each[0], each[1])] * 2)
    assert found.ceiling is not None
    assert found.ceiling[0] == pytest.approx(fc_correlation(found.fc, each[2]))
    halves = target_of(people[0], names, None, interval_s=1.0, hold_out="half")
    assert halves.held_out is not None
    assert halves.series is not None
    assert np.array_equal(halves.series, people[0][:150])


def test_a_journal_belongs_to_one_process_and_says_where_it_is_damaged(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.add_all([{"n": k, "values": {"a": 0.1 + 0.2}, "seed": 1} for k in (3, 0)])
    with pytest.raises(InputError, match="another process works on this study"):
        open_journal(tmp_path)
    journal.close()
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"n": 7, "val')
    again = open_journal(tmp_path)
    assert [record["n"] for record in again] == [0, 3]
    assert again.get(3)["values"]["a"] == 0.1 + 0.2
    assert 7 not in again
    again.add({"n": 1})
    again.close()
    assert (tmp_path / "journal.jsonl").read_bytes().endswith(b'\n{"n":1}\n')
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(InputError, match=r"journal.jsonl:4: this line is damaged"):
        open_journal(tmp_path)


def test_failed_points_are_worse_than_all_others() -> None:
    assert worst_for_failed([1.0, float("nan"), 3.0]) == [1.0, 6.0, 3.0]
    assert worst_for_failed([float("nan")] * 2) == [1e6] * 2
