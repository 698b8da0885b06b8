"""`dtbsim.sweep` with `vary`: members of ensembles in one table, which does not depend on how it was made."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fit_samples import KEY, A, InThisProcess, without_seconds, write_small

import dtbsim
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.errors import InputError
from dtbsim.fitting.evaluate import INVALID
from dtbsim.fitting.table import has_parquet


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_small(tmp_path)


def test_a_row_is_the_run_with_its_values_on_any_workers(config: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"vary": {KEY: (0.0, 0.1, 3)}, "seeds": 2, "progress": False}
    here = InThisProcess()
    table = dtbsim.sweep(config, executor=here, **asked)
    assert here.batches == [1] * 6  # shared out among as many workers as there may be
    processes = dtbsim.sweep(config, workers=2, out=tmp_path / "two", **asked)
    pd.testing.assert_frame_equal(without_seconds(table), without_seconds(processes), check_dtype=False)
    assert table[KEY].tolist() == [0.0, 0.0, 0.05, 0.05, 0.1, 0.1]
    assert table.seed.tolist() == [3, 4] * 3
    alone = dtbsim.run(config, temporary=True, set={KEY: 0.1, "seed": 4}, report=False).open()
    fc = functional_connectivity(alone.bold().values)
    atlas = dtbsim.load_atlas("aal2")
    keep = [list(atlas.region_names).index(str(name)) for name in alone.bold().region.values]
    assert table.fc[5] == fc_correlation(fc, np.asarray(atlas.fc)[np.ix_(keep, keep)])
    suffix = "parquet" if has_parquet() else "csv"
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "journal.jsonl", "report.html", "study.json", f"table.{suffix}"
    ]  # fmt: skip


def test_a_member_that_blows_up_does_not_take_the_others_with_it(config: Path) -> None:
    here = InThisProcess()
    table = dtbsim.sweep(config, vary=[f"{A}=-0.02,9,-0.03,30"], executor=here, workers=1, progress=False)
    assert table.error.tolist() == [None, INVALID, None, INVALID]
    alone = dtbsim.sweep(config, vary=[f"{A}=-0.03"], executor=here, progress=False)
    assert alone.fc[0] == table.fc[2]
    assert here.batches == [4, 1]


def test_it_goes_on_after_a_kill_and_evaluates_nothing_twice(config: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    asked: dict[str, Any] = {"vary": f"{KEY}=0:0.1:5", "progress": False, "report": False}
    table = dtbsim.sweep(config, out=whole, executor=InThisProcess(), **asked)
    cut.mkdir()
    (cut / "study.json").write_bytes((whole / "study.json").read_bytes())
    journal = (whole / "journal.jsonl").read_bytes()
    (cut / "journal.jsonl").write_bytes(journal[: journal.index(b"\n", journal.index(b"\n") + 1) + 40])
    here = InThisProcess()
    again = dtbsim.sweep(config, out=cut, resume=True, executor=here, **asked)
    assert sum(here.batches) == 3
    pd.testing.assert_frame_equal(without_seconds(table), without_seconds(again))
    nothing = InThisProcess()
    dtbsim.sweep(config, out=cut, resume=True, executor=nothing, **asked)
    assert nothing.batches == []


def kills_itself(simulated: Any) -> dict[str, float]:
    if simulated.values[KEY] == 0.05:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"mean": float(simulated.bold.mean())}


def test_a_killed_worker_loses_its_own_evaluation_alone(config: Path) -> None:
    table = dtbsim.sweep(config, vary={KEY: (0.0, 0.1, 3)}, workers=1, measure=kills_itself, progress=False)
    assert table.error.isna().tolist() == [True, False, True]
    assert table.error[1].startswith("its process was killed")
    assert table["mean"].isna().tolist() == [False, True, False]


def test_samples_are_those_of_scipy() -> None:
    from scipy.stats import qmc

    from dtbsim.fitting.space import points_of

    points = list(points_of([f"{KEY}=0:2", f"{A}=0.01:1:log"], "sobol", 8, 5))
    unit = qmc.Sobol(2, rng=np.random.default_rng(5)).random_base2(3)
    assert [point[KEY] for point in points] == (2 * unit[:, 0]).tolist()
    assert np.allclose([point[A] for point in points], 0.01 ** (1 - unit[:, 1]))
    assert len(list(points_of({KEY: (0.0, 1.0)}, "latin", 7, 5))) == 7


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"vary": []}, "nothing varies"),
        ({"vary": "x"}, "--vary: got 'x' (give KEY=FIRST:LAST:NUMBER"),
        ({"vary": f"{KEY}=0:1"}, "how many values between them?"),
        ({"vary": f"{KEY}=0:1:2.5"}, "2.5 values from 0 to 1"),
        ({"vary": f"{KEY}=0:1:3:log"}, "a logarithmic grid needs numbers above 0"),
        ({"vary": f"{KEY}=0:1", "sample": "sobol"}, "how many points of a sobol sample?"),
        ({"vary": f"{KEY}=0:1:3", "points": 4}, "as many points as its numbers say"),
        ({"vary": f"{KEY}=0:1:3", "sample": "random"}, "allowed: grid, sobol, latin"),
        ({"vary": "couplings.c.strenth=0:1:3"}, "did you mean 'strength'"),
        ({"vary": "couplings.c.source=0:1:3"}, "couplings.c.source=0"),
        ({"vary": "simulation.duration_ms=10:20:3"}, "simulation.duration_ms is no parameter of the model"),
        ({"vary": f"{KEY}=0:1:3", "resume": True}, "there is no folder to go on in"),
        ({"grid": {"seed": [1]}, "vary": f"{KEY}=0:1:3"}, "give grid, or vary, and not both"),
        ({}, "there are no values to try"),
    ],
)
def test_what_cannot_be_swept(config: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        dtbsim.sweep(config, progress=False, **asked)
    assert said in str(caught.value)


def test_folders_that_are_no_study_are_left_alone(config: Path, tmp_path: Path) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "notes.txt").write_text("mine")
    asked: dict[str, Any] = {"vary": f"{KEY}=0:0.1:2", "progress": False, "executor": InThisProcess()}
    for out, resume, said in (
        (full, False, "the folder is not empty and holds no study"),
        (full, True, "this is not the folder of a study: it has no study.json"),
        (empty, True, "the folder is empty: it has no study.json"),
        (tmp_path / "none", True, "there is no such folder"),
    ):
        with pytest.raises(InputError, match=said):
            dtbsim.sweep(config, out=out, resume=resume, **asked)
    assert [path.name for path in full.iterdir()] == ["notes.txt"]
    assert not list(empty.iterdir())
    assert not (tmp_path / "none").exists()
    dtbsim.sweep(config, out=empty, report=False, **asked)
    with pytest.raises(InputError, match="holds a study already"):
        dtbsim.sweep(config, out=empty, **asked)
    with pytest.raises(InputError, match="another study: it differs in seeds"):
        dtbsim.sweep(config, out=empty, resume=True, seeds=2, **asked)
    with pytest.raises(InputError, match="the configuration or the data"):
        dtbsim.sweep(config, out=empty, resume=True, set={"bold.gain": 2.0}, **asked)
