"""A run in pieces that is saved goes on as it was left: in pieces, as a whole, or as a branch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.resumed import contents, write_changing_config

import dtbsim
from dtbsim.errors import InputError
from dtbsim.run_folder.checkpoints import list_checkpoints
from dtbsim.simulate.live import LiveRun
from dtbsim.store import open_run


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_changing_config(tmp_path_factory.mktemp("config") / "rich")


def first_pieces(sim: LiveRun) -> None:
    sim.run(100)
    sim.set("I", I_e_pA=70)
    sim.set("background", rate_hz=8500)
    sim.run(60)
    sim.set("PI", weight_factor=1.2)
    sim.set("E", "V_m_mV", -66.0, neurons=[0, 2])


def last_pieces(sim: LiveRun) -> None:
    sim.run(100)
    sim.set("background", rate_hz=7900)
    sim.set("I", I_e_pA=20)
    sim.run(140)


@pytest.fixture(scope="module")
def whole(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that is never left."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with dtbsim.start(config, out=out) as sim:
        first_pieces(sim)
        last_pieces(sim)
    return out


def left(config: Path, out: Path, **values: Any) -> str:
    """A run that is saved, goes on for a while and is left without being closed, as if it was killed."""
    sim = dtbsim.start(config, out=out, set=values)
    first_pieces(sim)
    name = sim.save()
    sim.run(30)
    sim.set("I", I_e_pA=0)
    with pytest.raises(ZeroDivisionError), sim:
        raise ZeroDivisionError
    return name


def test_it_goes_on_in_pieces(config: Path, whole: Path, tmp_path: Path) -> None:
    """What was done after it was saved is not."""
    out = tmp_path / "run"
    name = left(config, out)
    assert [path.name for path in list_checkpoints(out)] == [name] == [f"step_{320:012d}"]
    with dtbsim.start(out) as sim:
        assert sim.time_ms == 160
        assert sim.get("background", "rate_hz") == 8500
        last_pieces(sim)
    assert contents(out) == contents(whole)
    assert sim.result.summary["resumed_at_ms"] == 160
    again = dtbsim.run(out / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == open_run(whole).spike_hash().digest


def test_it_goes_on_as_a_whole_run(config: Path, whole: Path, tmp_path: Path) -> None:
    out, later = tmp_path / "run", {"changes.a": {"drive": "background", "t_ms": 260, "set": {"rate_hz": 7900}}}
    left(config, out)
    later |= {"changes.b": {"population": "I", "t_ms": 260, "set": {"I_e_pA": 20}}}
    dtbsim.resume(out, out=tmp_path / "branch", set=later)
    steps, gids = open_run(whole).spike_steps()
    found = open_run(tmp_path / "branch").spike_steps()
    np.testing.assert_array_equal(found[0], steps[steps >= 320])
    np.testing.assert_array_equal(found[1], gids[steps >= 320])
    dtbsim.resume(out, set={"simulation.duration_ms": 260})
    mine = open_run(out).spike_steps()
    np.testing.assert_array_equal(mine[1], gids[steps < 520])


def test_a_whole_run_goes_on_in_pieces_and_as_a_branch(config: Path, tmp_path: Path) -> None:
    out, values = tmp_path / "run", {"simulation.duration_ms": 200, "checkpoint": {"every_ms": 90, "keep": 5}}
    dtbsim.run(config, out=out, set=values)
    with dtbsim.start(out, out=tmp_path / "branch") as sim:
        assert sim.time_ms == 200
        sim.run(100)
    with dtbsim.start(out) as same:
        same.run(100)
    whole = dtbsim.run(config, out=tmp_path / "whole", set={"simulation.duration_ms": 300})
    assert same.result.spike_hash == whole.spike_hash
    steps, gids = whole.open().spike_steps()
    np.testing.assert_array_equal(sim.result.open().spike_steps()[1], gids[steps >= 400])
    saved = [path.name for path in list_checkpoints(out)]
    assert saved == [f"step_{step:012d}" for step in (180, 360, 400, 540, 600)], "as its configuration says"


@pytest.mark.parametrize("closed", [True, False])
def test_what_was_set_where_it_ended_counts_when_it_goes_on(closed: bool, config: Path, tmp_path: Path) -> None:
    """Beyond the duration of the configuration, which says nothing of how long a run in pieces lasts."""
    short = {"simulation.duration_ms": 30}
    with dtbsim.start(config, out=tmp_path / "whole", set=short) as whole:
        first_pieces(whole)
        last_pieces(whole)
    runs = [tmp_path / "first", tmp_path / "second"]
    sim = dtbsim.start(config, out=runs[0], set=short)
    first_pieces(sim)
    sim.save()
    sim.close() if closed else sim.abandon()
    with dtbsim.start(runs[0], out=runs[1]) as branch:
        branch.run(100)
        branch.set("background", rate_hz=7900)
        branch.set("I", I_e_pA=20)
        branch.save()
    with dtbsim.start(runs[1]) as last:
        assert last.get("background", "rate_hz") == 7900
        last.run(140)
    steps, gids = whole.result.open().spike_steps()
    found = last.result.open().spike_steps()
    np.testing.assert_array_equal(found[0], steps[steps >= 320])
    np.testing.assert_array_equal(found[1], gids[steps >= 320])
    if closed:
        again = dtbsim.run(runs[0] / "config.yaml", out=tmp_path / "again")
        np.testing.assert_array_equal(again.open().spike_steps()[1], gids[steps < 320])


def test_what_cannot_be_saved_says_so(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dtbsim.intervene import Scaling

    monkeypatch.delattr(Scaling, "state")
    with dtbsim.start(config) as sim:
        sim.run(10)
        with pytest.raises(InputError, match="cannot be saved") as caught:
            sim.save()
        assert "\n" not in str(caught.value)
        sim.run(10)
    with pytest.raises(InputError, match=r"Scaling has no state\(\)"):
        dtbsim.start(config, set={"checkpoint": {}})


def test_weights_that_were_set_where_it_is_saved_are_set_once(config: Path, tmp_path: Path) -> None:
    """A factor of plastic weights multiplies what they are."""
    found = []
    for name in ("whole", "left"):
        sim = dtbsim.start(config, out=tmp_path / name)
        sim.run(50)
        sim.set("IE", weight_factor=1.5)
        if name == "left":
            sim.save()
            with pytest.raises(ZeroDivisionError), sim:
                raise ZeroDivisionError
            sim = dtbsim.start(tmp_path / name)
        sim.run(100)
        found.append(sim.close().open())
    assert found[0].weights(1).equals(found[1].weights(1))
    assert found[0].spike_hash().digest == found[1].spike_hash().digest
