"""A run that is interrupted and resumed is the run that never was: bit for bit, on other ranks and threads, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.resumed import begin, contents, go_on, write_changing_config

import dtbsim
from dtbsim.errors import InputError
from dtbsim.run_folder.checkpoints import list_checkpoints
from dtbsim.store import open_run
from dtbsim.store.inspection import inspect_run


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_changing_config(tmp_path_factory.mktemp("config") / "rich")


@pytest.fixture(scope="module")
def whole(config: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("whole") / "run"
    dtbsim.run(config, out=out)
    return contents(out)


@pytest.mark.parametrize(
    ("ranks", "threads", "times_ms"),
    [
        ((1, 1), (1, 1), (173.5, 400)),
        ((1, 2, 1), (1, 2, 1), (101.5, 290, 400)),
        ((3, 1, 2), (1, 3, 2), (51.5, 119.5, 400)),
        ((2, 3), (1, 1), (200, 400)),
    ],
)
def test_resumed_is_uninterrupted(
    config: Path,
    whole: dict[str, str],
    tmp_path: Path,
    ranks: tuple[int, ...],
    threads: tuple[int, ...],
    times_ms: tuple[float, ...],
) -> None:
    out = tmp_path / "run"
    begin(config, out, times_ms[0], ranks[0], **{"simulation.threads": threads[0]})
    for n, k, until_ms in zip(ranks[1:], threads[1:], times_ms[1:], strict=True):
        summary = go_on(out, until_ms, n, **{"simulation.threads": k})
    assert summary["resumed_at_ms"] == times_ms[-2]
    found = contents(out)
    for key, value in whole.items():
        assert found[key] == value, key
    assert inspect_run(open_run(out), values=True) == []
    assert open_run(out).state == "done"
    assert len(list_checkpoints(out)) == 2


def test_records_after_a_checkpoint_are_made_again(config: Path, whole: dict[str, str], tmp_path: Path) -> None:
    """An earlier checkpoint than the last: what the run has stored since is cut off."""
    out = tmp_path / "run"
    begin(config, out, 307, checkpoint={"every_ms": 60, "keep": 9})
    names = [path.name for path in list_checkpoints(out)]
    assert names == [f"step_{step:012d}" for step in (120, 240, 360, 480, 600, 614)]
    dtbsim.resume(out, set={"simulation.duration_ms": 400}, checkpoint=names[1])
    assert contents(out) == whole
    begun = [path.name for path in list_checkpoints(out)]
    assert begun == [f"step_{step:012d}" for step in (120, 240, 360, 480, 600, 614, 720, 800)]


def test_checkpoints_change_no_bit(config: Path, whole: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    dtbsim.run(config, out=out, set={"checkpoint": {"every_ms": 21, "every_min": 1e-9, "keep": 1}})
    assert contents(out) == whole
    assert [path.name for path in list_checkpoints(out)] == [f"step_{800:012d}"]


def test_a_run_that_was_killed_after_its_last_step_is_completed(
    config: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    """Its last checkpoint is written before its stores are closed: what is stored at the end is stored again."""
    out = tmp_path / "run"
    dtbsim.run(config, out=out, set={"checkpoint": {}})
    with pytest.raises(InputError, match="nothing left to be done"):
        dtbsim.resume(out)
    (out / "summary.json").unlink()
    dtbsim.resume(out)
    assert contents(out) == whole
    assert open_run(out).state == "done"
