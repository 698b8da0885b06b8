"""A branch begins at a checkpoint of another run: from there on it is the run that its configuration describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.resumed import write_changing_config

import dtbsim
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks
from dtbsim.store import open_run
from dtbsim.store.inspection import inspect_run

AT_MS, END_MS = 173.5, 400.0
LATER = {
    "changes.trial": {"t_ms": AT_MS, "noise_seed": 11},
    "changes.shift": {"population": "I", "t_ms": AT_MS, "set": {"I_e_pA": 90}},
    "changes.late": {"projection": "EI", "t_ms": 300, "set": {"weight_factor": 2}},
    "drives.pulse": {"kind": "poisson", "target": "I", "rate_hz": 3000, "weight_pA": 50, "start_ms": 200},
    "drives.more": {"kind": "ou_current", "target": "E", "mean": 20, "sigma": 30, "tau_ms": 10, "start_ms": 180},
    "drives.regular": {"kind": "gamma", "target": "I", "rate_hz": 200, "shape": 3, "weight_pA": 60, "start_ms": 190},
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_changing_config(tmp_path_factory.mktemp("config") / "rich")


@pytest.fixture(scope="module")
def settled(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs until AT_MS, in two pieces, the last on two ranks: its checkpoints are at 150 ms and at the end."""
    out = tmp_path_factory.mktemp("settled") / "run"
    values: dict[str, Any] = {"simulation.duration_ms": AT_MS, "checkpoint": {"every_ms": 150}}
    run_ranks(2, lambda comm: dtbsim.run(config, out=out, set=values, comm=comm), timeout_s=200)
    return out


@pytest.fixture(scope="module")
def whole(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    dtbsim.run(config, out=out)
    return out


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def branched(settled: Path, out: Path, ranks: int = 1, **values: Any) -> dtbsim.Run:
    """A branch until END_MS; its run must not notice."""
    before, overrides = everything(settled), {"simulation.duration_ms": END_MS, **values}
    run_ranks(ranks, lambda comm: dtbsim.resume(settled, out=out, set=overrides, comm=comm), timeout_s=200)
    assert everything(settled) == before
    return open_run(out)


def assert_same_from(branch: dtbsim.Run, whole: dtbsim.Run, at_ms: float = AT_MS) -> None:
    """Everything that a branch has stored is what a run from the start has stored of that time."""
    first = round(at_ms / 0.5)
    steps, gids = whole.spike_steps()
    mine = branch.spike_steps()
    np.testing.assert_array_equal(mine[0], steps[steps >= first])
    np.testing.assert_array_equal(mine[1], gids[steps >= first])
    assert branch.summary["spikes"] == mine[0].size > 100
    rates = branch.rates()
    assert rates.time_ms.values[0] == at_ms // 10 * 10
    assert rates.equals(whole.rates().sel(time_ms=slice(rates.time_ms.values[0], None)))
    bold = branch.bold()
    np.testing.assert_array_equal(bold.values, whole.bold().sel(time_s=slice(at_ms / 1000 + 1e-9, None)).values)
    np.testing.assert_allclose(bold.time_s.values, whole.bold().time_s.values[-len(bold) :])
    assert 0 < len(bold) < len(whole.bold())
    for k in range(2):
        assert branch.states(k).equals(whole.states(k, start_ms=at_ms)), k
    later = branch.weights(0, start_ms=at_ms)
    assert later.equals(whole.weights(0, start_ms=at_ms))
    assert branch.weights(0).time_ms.values.tolist() == [at_ms, 200, 300, 400]
    assert np.array_equal(branch.weights(1).values[-1], whole.weights(1).values[-1])


def assert_whole(branch: dtbsim.Run, settled: Path, at_ms: float = AT_MS) -> None:
    """It can be read, hashed and repeated, and says where it begins."""
    assert inspect_run(branch, values=True) == []
    assert branch.state == "done"
    found = branch.spike_hash()
    assert (found.source, found.agrees) == ("stores", True)
    name = f"step_{round(at_ms / 0.5):012d}"
    assert branch.branch is not None
    about = {key: branch.branch[key] for key in ("run", "checkpoint", "step", "time_ms")}
    assert about == {"run": str(settled), "checkpoint": name, "step": round(at_ms / 0.5), "time_ms": at_ms}
    from dtbsim.store.table_reader import TableReader

    stores = sorted(branch.path.rglob("*.zarr"))
    assert len(stores) >= 6
    for store in stores:
        assert TableReader(store, None).attribute("branch") == about, store


@pytest.mark.parametrize("ranks", [1, pytest.param(3, marks=pytest.mark.nightly)])
def test_a_branch_with_nothing_changed_is_the_run_from_there_on(
    settled: Path, whole: Path, tmp_path: Path, ranks: int
) -> None:
    branch, run = branched(settled, tmp_path / "branch", ranks), open_run(whole)
    assert_same_from(branch, run)
    assert_whole(branch, settled)
    summary, first = branch.summary, open_run(settled).summary
    for key in ("spikes", "events"):
        assert summary[key] + first[key] == run.summary[key], key
    assert (summary["begins_at_ms"], summary["resumed_at_ms"]) == (AT_MS, None)
    assert summary["biological_s"] == pytest.approx((END_MS - AT_MS) / 1000)


def test_a_branch_with_changes_is_the_run_of_its_configuration(settled: Path, config: Path, tmp_path: Path) -> None:
    branch = branched(settled, tmp_path / "branch", **LATER)
    result = dtbsim.run(tmp_path / "branch" / "config.yaml", out=tmp_path / "whole")
    assert_same_from(branch, result.open())
    assert_whole(branch, settled)
    assert branch.correlation().equals(result.open().correlation())
    assert branch.summary["synchrony"] is not None


def test_trials_with_other_noise(settled: Path, tmp_path: Path) -> None:
    """The same network and state, other spikes; the same seed gives the same ones, on two ranks, too."""
    found = []
    for k, seed in enumerate((5, 6, 5)):
        noise = {"changes.trial": {"t_ms": AT_MS, "noise_seed": seed}, "simulation.duration_ms": 220}
        found.append(branched(settled, tmp_path / str(k), 1 + k // 2, **noise).spike_hash().digest)
    assert found[0] == found[2] != found[1]


def test_an_earlier_checkpoint_and_other_records(settled: Path, config: Path, tmp_path: Path) -> None:
    values = {
        "simulation.duration_ms": END_MS,
        "record.states": [{"population": "E", "variables": ["V_m_mV"], "neurons": 4, "interval_ms": 1}],
        "record.correlations": [],
        "record.rate_bin_ms": 5,
        "bold.tr_ms": 25,
    }
    out = tmp_path / "branch"
    dtbsim.resume(settled, out=out, at_ms=150, set=values)
    branch = open_run(out)
    assert_whole(branch, settled, 150)
    run = dtbsim.run(out / "config.yaml", out=tmp_path / "whole").open()
    assert branch.states().equals(run.states(start_ms=150))
    assert branch.rates().equals(run.rates().sel(time_ms=slice(150, None)))
    assert branch.bold().time_s.values.tolist() == pytest.approx(run.bold().time_s.values[6:].tolist())
    assert not np.array_equal(branch.bold().values, run.bold().values[6:]), "it begins at rest"


def test_a_branch_is_killed_and_goes_on_and_has_branches(settled: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "branch"
    branched(settled, out, 2, **{"simulation.duration_ms": 250, "checkpoint": {"every_ms": 30, "keep": 9}})
    dtbsim.resume(out, set={"simulation.duration_ms": END_MS})
    assert_same_from(open_run(out), open_run(whole))
    assert_whole(open_run(out), settled)
    assert open_run(out).summary["events"] + open_run(settled).summary["events"] == open_run(whole).summary["events"]
    dtbsim.resume(out, out=tmp_path / "twig", at_ms=240)
    _, found = open_run(tmp_path / "twig").spike_steps()
    steps, gids = open_run(whole).spike_steps()
    np.testing.assert_array_equal(found, gids[steps >= 480])


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"seed": 8}, ("seed", "differs from the run")),
        ({"populations.E.size": 9}, ("populations.E.size", "differs")),
        ({"simulation.block_size": 32}, ("simulation.block_size", "differs")),
        ({"controllers.tonic.gain": 4}, ("controllers.tonic.gain", "differs")),
        ({"changes.step.set.I_e_pA": 51}, ("changes.step", "began before the branch")),
        ({"changes.x": {"t_ms": 173, "noise_seed": 4}}, ("changes.x", "begins at 173 ms, before the branch (173.5")),
        ({"drives.background.rate_hz": 9}, ("drives.background", "stop_ms")),
        ({"drives.background.stop_ms": 173}, ("drives.background", "differs")),
        ({"drives.x": {"kind": "poisson", "target": "E", "rate_hz": 1, "weight_pA": 1}}, ("drives.x.start_ms", "173")),
        ({"record.rate_bin_ms": 5}, ("within a bin of 5 ms of rates", "a multiple of 5 ms")),
        ({"record.spikes": {"stop_ms": 90}}, ("record.spikes.stop_ms", "before the branch")),
        ({"simulation.duration_ms": 150}, ("nothing left",)),
        (
            {"drives.x": {"kind": "poisson", "target": "I", "rate_hz": 1, "weight_pA": 9000, "start_ms": 200}},
            ("in other quanta", "declare it in the run"),
        ),
    ],
)
def test_what_had_an_effect_before_is_refused(
    settled: Path, tmp_path: Path, values: dict[str, Any], parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        dtbsim.resume(settled, out=tmp_path / "branch", set={"simulation.duration_ms": END_MS, **values})
    told = str(caught.value)
    assert all(part in told for part in parts), told
    assert "\n" not in told
    assert caught.value.remedy
    assert not (tmp_path / "branch").exists()


def test_where_a_branch_can_begin(settled: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint at 100 ms.*150, 173\.5") as caught:
        dtbsim.resume(settled, out=tmp_path / "branch", at_ms=100)
    with pytest.raises(InputError, match="a time are both given"):
        dtbsim.resume(settled, out=tmp_path / "branch", at_ms=150, checkpoint="step_000000000300")
    with pytest.raises(InputError, match="give a branch a folder"):
        dtbsim.resume(settled, at_ms=150)
    assert "keep" in (caught.value.remedy or "")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(InputError, match="full"):
        dtbsim.resume(settled, out=tmp_path / "full", set={"simulation.duration_ms": END_MS})
