"""`dtbsim.fit`: planted numbers are found again, resumed studies are the same, and scores stand beside baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fit_samples import KEY, A, InThisProcess, without_seconds, write_small
from numpy.typing import NDArray

import dtbsim
from dtbsim.analysis.baselines import best_linear_network
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.errors import InputError, MissingDependencyError, NumericsError

F64 = NDArray[np.float64]
QUICK: dict[str, Any] = {"progress": False, "executor": InThisProcess(), "workers": 1, "report": False}
SHORT = {"simulation.duration_ms": 24000}
pytest.importorskip("cma")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_small(tmp_path)


def test_the_best_is_scored_with_other_seeds_and_on_what_was_not_seen(config: Path, tmp_path: Path) -> None:
    bold = dtbsim.run(config, temporary=True, report=False, set={"seed": 77}).open().bold().values
    out = tmp_path / "fit"
    found = dtbsim.fit(
        config, np.asarray(bold), {KEY: (0.001, 0.06)}, method="grid", tr_s=0.5, objective="fc_mse", evaluations=8,
        repeats=3, hold_out="half", out=out, set=SHORT, **{**QUICK, "report": True},
    )  # fmt: skip
    table = found.table
    assert table.stage.value_counts().to_dict() == {"search": 8, "repeat": 3}
    assert found.best[KEY] == table[KEY][table.fc_mse[:8].idxmin()]
    repeats = table[table.stage == "repeat"]
    assert set(repeats.seed) == {4, 5, 6}
    assert found.scores["fc_mse"]["mean"] == pytest.approx(repeats.fc_mse.mean())
    assert found.held_out["fc_mse"]["mean"] == pytest.approx(repeats["held_out.fc_mse"].mean())
    assert found.title.startswith("Held out, the second half of the series: fc_mse 0.")
    halves = [functional_connectivity(part) for part in (bold[: len(bold) // 2], bold[len(bold) // 2 :])]
    assert found.baselines["ceiling"]["r"] == pytest.approx(fc_correlation(*halves))
    assert found.baselines["ceiling"]["of"] == "the data that were fitted against the second half of the series"
    linear = best_linear_network(connectome(found.regions), halves[0])
    assert found.baselines["linear_network"]["fitted"] == pytest.approx(linear.correlation)
    assert found.baselines["linear_network"]["held_out"] == pytest.approx(fc_correlation(linear.fc, halves[1]))
    best = dtbsim.run(out / "best.yaml", temporary=True, report=False, set={"seed": 4})
    assert best.open().config["couplings"]["c"]["strength"] == found.best[KEY]
    assert best.summary["mean_abs_fc"] == pytest.approx(repeats.mean_abs_fc[repeats.seed == 4].iloc[0], abs=1e-12)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Held out, the second half of the series" in page
    assert "BOLD is short for FC" in page


def connectome(regions: tuple[str, ...]) -> F64:
    atlas = dtbsim.load_atlas("aal2")
    keep = [list(atlas.region_names).index(name) for name in regions]
    return np.asarray(atlas.weights, np.float64)[np.ix_(keep, keep)]


def test_a_resumed_fit_asks_the_same_and_evaluates_nothing_twice(config: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    asked: dict[str, Any] = {"population": 4, "evaluations": 12, "repeats": 2, "seeds": 2, **QUICK}
    free = {KEY: (0.001, 0.08), A: (-0.06, -0.01)}
    asked["set"] = SHORT
    np.random.seed(1)
    first = dtbsim.fit(config, "atlas", free, out=whole, **asked)
    cut.mkdir()
    (cut / "study.json").write_bytes((whole / "study.json").read_bytes())
    lines = (whole / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kept = b"".join(lines[:11])
    (cut / "journal.jsonl").write_bytes(kept + lines[11][:30])
    np.random.seed(2)
    second = dtbsim.fit(config, "atlas", free, out=cut, resume=True, **asked)
    assert (cut / "journal.jsonl").read_bytes().startswith(kept)
    assert second.best == first.best
    assert second.scores == first.scores
    pd.testing.assert_frame_equal(without_seconds(first.table), without_seconds(second.table))
    assert len(lines) == 12 * 2 + 2
    assert first.title.startswith("No data are held out")
    assert first.baselines["ceiling"]["r"] > 0.7
    with pytest.raises(InputError, match="another study: it differs in method"):
        dtbsim.fit(config, "atlas", free, out=cut, resume=True, method="grid", **asked)


def sometimes_no_number(simulated: Any, target: Any) -> float:
    return float("nan") if simulated.values[KEY] > 0.04 else abs(simulated.values[KEY] - 0.02)


def test_an_own_function_that_returns_nan_is_counted_and_not_fatal(config: Path, tmp_path: Path) -> None:
    own = f"{__file__}:sometimes_no_number"
    found = dtbsim.fit(
        config, "atlas", {KEY: (0.001, 0.08)}, method="grid", objective=own, evaluations=9, set=SHORT, **QUICK
    )
    assert found.n_failed == 5
    assert found.best[KEY] == pytest.approx(0.02, abs=0.005)
    assert found.table.error.dropna().unique().tolist() == ["sometimes_no_number is nan"]
    assert any("5 of 9 points failed" in note for note in found.notes)
    with pytest.raises(NumericsError, match="no evaluation succeeded; the first error: sometimes_no_number is nan"):
        dtbsim.fit(
            config, "atlas", {KEY: (0.05, 0.08)}, method="grid", objective=own, evaluations=2, set=SHORT, **QUICK
        )


def test_several_objectives_have_a_front(config: Path) -> None:
    found = dtbsim.fit(
        config,
        "atlas",
        {KEY: (0.001, 0.08)},
        method="grid",
        objective="fc, 2*fc_mse",
        evaluations=6,
        repeats=1,
        set=SHORT,
        **QUICK,
    )
    losses = np.array([one["losses"] for one in found.front])
    assert np.all(np.diff(losses[:, 0]) > 0)
    assert np.all(np.diff(losses[:, 1]) < 0)
    assert losses[:, 0].min() == found.losses[:, 0].min()
    with pytest.raises(InputError, match="cmaes has one objective, not 2"):
        dtbsim.fit(config, "atlas", {KEY: (0.001, 0.08)}, objective="fc, fc_mse", **QUICK)


NEURONS: dict[str, Any] = {
    "seed": 3,
    "simulation": {"dt_ms": 0.1, "duration_ms": 200},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 60}},
    "drives": {"p": {"kind": "poisson", "target": "E", "rate_hz": 8000, "weight_pA": 60}},
}


def test_neurons_are_fitted_to_rates_in_runs_of_their_own() -> None:
    here = InThisProcess()
    found = dtbsim.fit(
        NEURONS, np.eye(3), {"drives.p.rate_hz": (6000, 10000)}, method="grid", objective="rates(E=25)",
        evaluations=5, repeats=2, executor=here, progress=False,
    )  # fmt: skip
    assert here.batches == [1] * 7
    rates = found.table["rate_hz.E"]
    assert rates[:5].is_monotonic_increasing
    nearest = np.argmin(np.abs(np.log2(rates[:5] / 25)))
    assert found.best["drives.p.rate_hz"] == found.table["drives.p.rate_hz"][nearest]
    alone = dtbsim.run(NEURONS, temporary=True, set={"drives.p.rate_hz": 7000, "seed": 3}, report=False)
    assert rates[1] == pytest.approx(alone.summary["mean_rate_hz"])
    assert found.baselines == {}
    assert "no baseline" in str(found)


def test_keys_in_which_members_cannot_differ_are_runs_of_their_own(config: Path) -> None:
    here = InThisProcess()
    asked: dict[str, Any] = {"executor": here, "workers": 1, "progress": False, "set": SHORT}
    table = dtbsim.sweep(config, vary={"bold.tau_s": (0.8, 1.2, 2)}, **asked)
    assert here.batches == [1, 1]
    assert table.error.isna().all()
    assert table.fc[0] != table.fc[1]


FC = np.eye(8) + 0.1
FC[np.eye(8, dtype=bool)] = 1.0
SERIES = np.random.default_rng(1).standard_normal((100, 8))


def _with(values: F64, place: Any, value: float) -> F64:
    found = values.copy()
    found[place] = value
    return found


@pytest.mark.parametrize(
    ("to", "asked", "said"),
    [
        (FC[:6, :6], {}, "it has shape (6, 6), and the model 8 regions (is it of another atlas?"),
        (_with(FC, (slice(None), 2), np.nan), {}, "region 2 (of 8, from 0) has NaN"),
        (_with(FC, (0, 1), np.nan), {}, "entry [0, 1] is nan"),
        (_with(FC, (0, 1), 0.9), {}, "it is not symmetric"),
        (30 * FC, {}, "correlations lie between -1 and 1"),
        (SERIES, {}, "give --tr SECONDS"),
        (SERIES, {"tr_s": 720.0}, "got 720 s between samples (give seconds, such as 0.72"),
        (SERIES[:10], {"tr_s": 0.5}, "10 samples are too short a series"),
        (_with(SERIES, (5, 3), np.inf), {"tr_s": 0.5}, "region 3 (of 8, from 0) has NaN or infinite"),
        (_with(SERIES, (slice(None), 3), 1.0), {"tr_s": 0.5}, "region 3 (from 0) is constant"),
        (FC, {"hold_out": "half"}, "an FC alone has no halves"),
        (SERIES[:30], {"tr_s": 0.5, "hold_out": "half"}, "30 samples are too short a series to be halved"),
        (FC, {"hold_out": FC}, "these are the data that are fitted"),
        (FC, {"objective": "fcd"}, "array (8, 8) has no FCD"),
        (FC, {"objective": "spectrum"}, "has no series"),
        (FC, {"objective": "rates"}, "no rates are wanted"),
        (FC, {"objective": "fd"}, "unknown objective 'fd'"),
        (FC, {"objective": "-1*fc"}, "the weight -1"),
        (FC, {"objective": "nothing.py:f"}, "there is no file nothing.py"),
        (FC, {"method": "gradient"}, "allowed: grid, cmaes, tpe, sbi, enki"),
        (FC, {"free": {}}, "there is no free parameter"),
        (
            FC,
            {"free": {KEY: (0.2, 0.1)}},
            "the bounds 0.2 and 0.1 are not in order (give couplings.c.strength=0.1:0.2)",
        ),
        (FC, {"free": f"{KEY}=0:1:log"}, "0 has no logarithm"),
        (FC, {"free": [f"{KEY}=0:1", f"{KEY}=0:2"]}, "is given twice"),
        (FC, {"free": {"name": (0, 1)}}, "name is no parameter of the model"),
        (FC, {"free": {"couplings.c.nothing": (0, 1)}}, "nothing"),
        (FC, {"free": {"populations.x.noise.x.sigma": (-1, 1)}}, "sigma"),
        ("no_such.csv", {}, "there is no file no_such.csv"),
        (FC, {"set": {"bold": None}}, "the configuration makes no BOLD"),
        (FC, {"set": {"ensemble": {"grid": {"seed": [1, 2]}}}}, "the configuration is an ensemble already"),
    ],
)
def test_what_cannot_be_fitted(config: Path, to: Any, asked: dict[str, Any], said: str) -> None:
    options = dict(asked)
    free = options.pop("free", {KEY: (0.01, 0.1)})
    with pytest.raises(InputError) as caught:
        dtbsim.fit(config, to, free, out=config.parent / "fit", **QUICK, **options)
    assert said in str(caught.value)
    assert not (config.parent / "fit").exists()


@pytest.mark.parametrize(("method", "extra"), [("tpe", "optuna"), ("sbi", "infer")])
def test_a_missing_extra_is_one_line(config: Path, monkeypatch: pytest.MonkeyPatch, method: str, extra: str) -> None:
    for name in ("optuna", "sbi", "torch"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingDependencyError) as caught:
        dtbsim.fit(config, "atlas", {KEY: (0.01, 0.1)}, method=method, out=config.parent / "fit", **QUICK)
    assert f"pip install 'dtbsim[{extra}]'" in str(caught.value)
    assert not (config.parent / "fit").exists()


def test_tpe_repeats_itself(config: Path) -> None:
    pytest.importorskip("optuna")
    asked: dict[str, Any] = {"method": "tpe", "evaluations": 8, "population": 4, "repeats": 1, "set": SHORT, **QUICK}
    first, second = (dtbsim.fit(config, "atlas", {KEY: (0.001, 0.08)}, **asked) for _ in range(2))
    assert np.array_equal(first.units, second.units)
    assert len(first.units) == 8
