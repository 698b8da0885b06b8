"""Checkpoints that cannot be used, and runs that cannot go on: one line that says why, and nothing is changed."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of

import dtbsim
from dtbsim.checksum import checked, with_checksum
from dtbsim.config.controllers import INTERVENTIONS
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import DtbsimError, InputError, StorageError
from dtbsim.mpi import SerialComm, run_ranks
from dtbsim.run_folder.checkpoint_file import check_file, read_file, write_file
from dtbsim.run_folder.checkpoints import list_checkpoints
from dtbsim.runtime.process import process_start
from dtbsim.signals.stream import Plan, Stream
from dtbsim.simulate import saved
from dtbsim.version import VERSION

CONFIG = """\
name: small
simulation: {dt_ms: 0.5, duration_ms: 60, threads: 1, block_size: 16}
populations: {E: {model: iaf_psc_exp, size: 40}}
projections: {EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 20, delay_ms: 1}}
drives: {background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
checkpoint: {every_ms: 20}
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 60 ms with checkpoints at 40 and 60 ms."""
    folder = tmp_path_factory.mktemp("ended")
    (folder / "small.yaml").write_text(CONFIG, encoding="utf-8")
    dtbsim.run(folder / "small.yaml", out=folder / "run")
    return folder / "run"


@pytest.fixture
def run(ended: Path, tmp_path: Path) -> Path:
    shutil.copytree(ended, tmp_path / "run")
    return tmp_path / "run"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(run: Path, *parts: str, **arguments: Any) -> None:
    """Resuming is refused with one line that has these parts, and leaves the folder as it is."""
    before = everything(run)
    with pytest.raises(InputError) as caught:
        dtbsim.resume(run, **{"set": {"simulation.duration_ms": 80}} | arguments)
    told = str(caught.value)
    assert all(part in told for part in parts), told
    assert "\n" not in told
    assert caught.value.remedy
    assert everything(run) == before


def test_every_array_comes_back(tmp_path: Path) -> None:
    arrays = {
        "words": np.arange(5, dtype=np.uint64).reshape(5, 1),
        "none": np.zeros((0, 2), np.float32),
        "one": np.array(7),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "bytes": np.arange(3, dtype=np.uint8),
        "other/endian": np.arange(3, dtype=">i4"),
    }
    written = write_file(tmp_path / "f", {"step": 3}, arrays)
    about, found = read_file(tmp_path / "f", written)
    assert about == {"step": 3}
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], array)


def test_every_flipped_bit_and_every_lost_byte_of_a_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "f"
    written = write_file(path, {"step": 3}, {"a": np.arange(9.0), "b": np.arange(5, dtype=np.uint8)})
    data = path.read_bytes()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="does not match its checksum") as caught:
            check_file(path, written)
        assert caught.value.where == str(path)
        with contextlib.suppress(InputError):  # what is read is what was written: zeros between arrays are not read
            _, found = read_file(path, written)
            assert found["a"].tolist() == list(range(9))
            assert found["b"].tolist() == list(range(5))
    for length in (0, 10, 100, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=f"{length} bytes of {len(data)}"):
            read_file(path, written)


@pytest.mark.parametrize("name", ["manifest.json", "rank_00000.ckpt"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_can_be_used(run: Path, name: str, damage: str) -> None:
    last = list_checkpoints(run)[-1] / name
    data = bytearray(last.read_bytes())
    if damage == "flipped":
        data[random.Random(name).randrange(len(data))] ^= 16
    last.write_bytes(data if damage == "flipped" else data[: len(data) // 2])
    if damage == "missing":
        last.unlink()
    refused(run, str(last), "resume from another one: dtbsim resume RUN --checkpoint step_000000000080")
    result = dtbsim.resume(run, set={"simulation.duration_ms": 80}, checkpoint="step_000000000080")
    assert result.summary["biological_s"] == pytest.approx(0.08)


def test_another_version_is_refused(run: Path) -> None:
    manifest = list_checkpoints(run)[-1] / "manifest.json"
    manifest.write_text(with_checksum(checked(manifest.read_bytes()) | {"dtbsim": "0.0.7"}), encoding="utf-8")
    refused(run, "written by dtbsim 0.0.7", "pip install dtbsim==0.0.7")
    values = checked(manifest.read_bytes()) | {"dtbsim": VERSION, "checkpoint_format": 99}
    manifest.write_text(with_checksum(values), encoding="utf-8")
    refused(run, f"the checkpoint has format 99, of another state of dtbsim {VERSION}", "the dtbsim that wrote it")


def test_another_configuration_is_refused(run: Path) -> None:
    refused(run, "of another configuration", set={"simulation.duration_ms": 80, "seed": 7})
    refused(run, "of another configuration", set={"populations.E.size": 41})
    (run / "config.yaml").write_text((run / "config.yaml").read_text().replace("8000", "9000"))
    refused(run, "config.yaml")


def test_nothing_to_resume(run: Path, tmp_path: Path) -> None:
    refused(run, "nothing left to be done", "60 ms of 60", set={})
    refused(run, "nothing left to be done", set={"simulation.duration_ms": 50})
    refused(run, "no checkpoint 'step_1'", checkpoint="step_1")
    shutil.rmtree(run / "checkpoints")
    refused(run, "no checkpoint, so there is nothing to resume")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "not the folder of a run")


def test_a_run_that_goes_on_is_left_alone(run: Path) -> None:
    status = run / "status.json"
    ended = checked(status.read_bytes())
    alive = ended | {"state": "running", "pid": os.getpid(), "pid_started": process_start(os.getpid())}
    status.write_text(with_checksum(alive | {"host": socket.gethostname()}), encoding="utf-8")
    refused(run, "goes on", f"process {os.getpid()}")
    status.write_text(with_checksum(alive | {"host": "elsewhere"}), encoding="utf-8")
    refused(run, "goes on", "on elsewhere", "--take-over")
    assert dtbsim.resume(run, set={"simulation.duration_ms": 80}, take_over=True).summary["spikes"] > 0


def test_a_store_that_lacks_what_the_checkpoint_counts_is_named(run: Path) -> None:
    shutil.rmtree(run / "stores" / "rates.zarr" / "count" / "c")
    with pytest.raises(InputError, match=r"rates\.zarr"):
        dtbsim.resume(run, set={"simulation.duration_ms": 80})


def test_what_was_being_written_when_a_run_was_killed_is_no_checkpoint(run: Path) -> None:
    last = list_checkpoints(run)[-1]
    last.rename(last.with_name(f".{last.name}.tmp"))
    result = dtbsim.resume(run, set={"simulation.duration_ms": 80})
    assert result.summary["resumed_at_ms"] == 40
    left = sorted(entry.name for entry in (run / "checkpoints").iterdir())
    assert left == ["step_000000000120", "step_000000000160"]


class Forgetful(Stream):
    """Counts, and does not say what it has counted."""


class ForgetfulPlan(Plan):
    def open(self, site: Any) -> Stream:
        return Forgetful() if site.comm.is_root else Stream()


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_stream_without_state_refuses_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    (tmp_path / "small.yaml").write_text(CONFIG, encoding="utf-8")
    plans = SIGNALS.find("synchrony").plans
    kind = type(SIGNALS.find("synchrony"))
    monkeypatch.setattr(kind, "plans", lambda self, network: [*plans(network), ForgetfulPlan()])
    small = tmp_path / "small.yaml"
    with pytest.raises(DtbsimError, match=r"Forgetful has no state\(\) of its own"):
        run_ranks(ranks, lambda comm: dtbsim.run(small, out=tmp_path / "run", comm=comm), timeout_s=60)
    without = {"checkpoint": None}
    run_ranks(ranks, lambda comm: dtbsim.run(small, out=tmp_path / "other", set=without, comm=comm), timeout_s=60)
    assert "no checkpoints can be written" in (tmp_path / "other" / "log.txt").read_text()


def _all_of(base: type) -> list[type]:
    found = base.__subclasses__()
    return [*found, *(deeper for kind in found for deeper in _all_of(kind))]


def test_every_stream_and_every_intervention_says_what_its_state_is() -> None:
    """All kinds in the registries; one that is added later is among them."""
    for name in SIGNALS.names():
        SIGNALS.find(name)
    streams = [kind for kind in _all_of(Stream) if kind.__module__.startswith("dtbsim.")]
    assert len(streams) >= 8
    for kind in streams:
        assert kind.state is not Stream.state, kind
    network = network_of(
        "simulation: {dt_ms: 0.5, duration_ms: 60}\npopulations: {E: {model: iaf_psc_exp, size: 20}}\n"
    )
    kinds = {type(made).__name__ for made in _interventions(network)}
    assert {"WeightSchedule", "Schedule"} <= kinds
    for name in INTERVENTIONS.names():
        kind = INTERVENTIONS.find(name)
        module = __import__(type(kind).__module__, fromlist=["its classes"])
        plan = getattr(module, kind.plan.__annotations__["return"])
        made = getattr(module, plan.open.__annotations__["return"])
        assert all(callable(getattr(made, method, None)) for method in ("state", "restore")), name


def _interventions(network: Any) -> list[Any]:
    from dtbsim.intervene import intervention_plans, open_interventions

    return list(open_interventions(network, intervention_plans(network), None, 0))  # type: ignore[arg-type]


def test_states_of_interventions_are_put_together_by_gid() -> None:
    first = {"gids": np.array([4, 9]), "rates_hz": np.array([1.0, 2.0])}
    second = {"gids": np.array([2, 5]), "rates_hz": np.array([3.0, 4.0])}
    found = saved.of_one_rank([first, second], SerialComm(), "Scaling")
    assert found["gids"].tolist() == [2, 4, 5, 9]
    assert found["rates_hz"].tolist() == [3.0, 1.0, 4.0, 2.0]
    with pytest.raises(InputError, match="start 2 ranks"):
        saved.of_one_rank([{"a": np.array(1)}, {"a": np.array(2)}], SerialComm(), "Own")


def test_a_full_disk_leaves_the_checkpoints_that_there_are(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dtbsim.simulate.checkpointing as checkpointing

    def full(*_: Any) -> Any:
        raise StorageError("cannot write: No space left on device", where="x", remedy="free some space")

    before = [path.name for path in list_checkpoints(run)]
    monkeypatch.setattr(checkpointing, "write_file", full)
    with pytest.raises(StorageError, match="No space left"):
        dtbsim.resume(run, set={"simulation.duration_ms": 90})
    monkeypatch.undo()
    assert [path.name for path in list_checkpoints(run)] == before
    assert dtbsim.resume(run, set={"simulation.duration_ms": 90}).summary["resumed_at_ms"] == 60


def test_a_network_that_is_another_is_refused(run: Path) -> None:
    """The configuration is the same, what is made of it is not: another version of a package of someone else's."""
    manifest = list_checkpoints(run)[-1] / "manifest.json"
    as_it_was = checked(manifest.read_bytes())
    assert as_it_was["parts"][-2:] == ["WeightSchedule", "Schedule"]
    assert as_it_was["quanta"]
    for key, value in (("parts", ["Unknown"]), ("quanta", [[0.5]])):
        manifest.write_text(with_checksum(as_it_was | {key: value}), encoding="utf-8")
        with pytest.raises(InputError, match="the checkpoint is of a network with"):
            dtbsim.resume(run, set={"simulation.duration_ms": 80})
    manifest.write_text(with_checksum(as_it_was), encoding="utf-8")
    assert dtbsim.resume(run, set={"simulation.duration_ms": 80}).summary["resumed_at_ms"] == 60
