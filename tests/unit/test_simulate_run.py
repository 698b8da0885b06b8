"""Runs in this process, from start to end: the run folder, and how a run ends that does not reach its end."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.backends import cpu_plan
from dtbsim.backends.cpu import CpuBackend
from dtbsim.config import load_located
from dtbsim.errors import (
    EXIT_INPUT,
    EXIT_MEMORY,
    EXIT_NUMERICS,
    EXIT_STORAGE,
    DtbsimError,
    InputError,
    MemoryPlanError,
    NumericsError,
    StorageError,
)
from dtbsim.mpi import Comm, run_ranks
from dtbsim.mpi.world import is_agreed
from dtbsim.runtime.interrupt import active_interrupt
from dtbsim.runtime.progress import SilentProgress
from dtbsim.simulate import RunResult, conductor
from dtbsim.simulate import run as conduct
from dtbsim.simulate.report_process import ReportError
from dtbsim.store.spike_writer import SpikeWriter

CONFIG = """\
name: two
seed: 7
simulation: {dt_ms: 0.5, duration_ms: 3000, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 80}
  I: {model: iaf_psc_exp, size: 20}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "two.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed(config: Path) -> RunResult:
    return dtbsim.run(config, out=config.with_suffix(".run"))


class Sink(SilentProgress):
    """Notes the stages and steps, and calls `act` once after the first chunk that ends at `at` or later."""

    def __init__(self, at: int = 10**9, act: Any = None) -> None:
        self.stages: list[str] = []
        self.steps: list[int] = [0]
        self._at, self._act = at, act

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        if dt_ms > 0:
            self.steps.append(step)
            if step >= self._at and self._act is not None:
                act, self._act = self._act, None
                act()


def run(config: Path, out: Path, sink: Sink | None = None, comm: Comm | None = None, **options: Any) -> RunResult:
    located = load_located(config)
    options = {"progress": sink or Sink(), "report": False} | options
    return conduct(located.config, out=out, base_dir=located.base_dir, locator=located.locator, comm=comm, **options)


def error_of(config: Path, out: Path, *arguments: Any) -> DtbsimError:
    with pytest.raises(DtbsimError) as caught:
        run(config, out, *arguments)
    return caught.value


def status(folder: Path) -> tuple[str, str | None]:
    found = json.loads((folder / "status.json").read_text())
    return found["state"], found["message"]


def assert_begins_like(found: RunResult | Path, undisturbed: RunResult, steps: int) -> None:
    """The stores hold the first `steps` steps of the undisturbed run, and are closed."""
    reader = found.open() if isinstance(found, RunResult) else dtbsim.open_run(found)
    assert reader.spike_store.closed
    assert reader.spike_store.complete_before == steps
    whole = undisturbed.open().spike_steps()
    before = whole[0] < steps
    assert before.sum() > 50
    np.testing.assert_array_equal(reader.spike_steps()[0], whole[0][before])
    np.testing.assert_array_equal(reader.spike_steps()[1], whole[1][before])


# -- a run that reaches its end ------------------------------------------------------------------------------------


def test_a_run_folder_has_what_the_documentation_lists(undisturbed: RunResult) -> None:
    names = {path.name for path in undisturbed.run_dir.iterdir()}
    assert names == {
        "config.yaml", "log.txt", "network.json", "provenance.json", "status.json", "stores", "summary.json"
    }  # fmt: skip
    assert status(undisturbed.run_dir) == ("done", None)
    assert not undisturbed.interrupted


def test_the_configuration_in_the_folder_gives_the_same_spikes(undisturbed: RunResult, tmp_path: Path) -> None:
    again = dtbsim.run(undisturbed.run_dir / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == undisturbed.spike_hash


def test_stages_and_steps_are_told(config: Path, tmp_path: Path) -> None:
    sink = Sink()
    run(config, tmp_path / "run", sink)
    assert sink.stages == ["network", "compile", "build", "compile", "simulate"]
    assert sink.steps[-1] == 6000
    assert sink.steps == sorted(set(sink.steps))


def test_without_a_name_the_folder_is_below_runs(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = [dtbsim.run(config), dtbsim.run(config)]
    assert results[0].run_dir != results[1].run_dir
    for result in results:
        assert result.run_dir.parent == tmp_path / "runs"
        assert result.run_dir.name.startswith("two-")


def test_a_report_that_fails_is_told_and_the_run_is_done(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> Path:
        raise ReportError("no ink", where=str(folder))

    monkeypatch.setattr(conductor, "report_in_own_process", fail)
    result = run(config, tmp_path / "run", report=True)
    assert result.report is None
    assert "no ink" in str(result.report_error)
    assert status(result.run_dir) == ("done", str(result.report_error))
    assert (result.run_dir / "summary.json").exists()


# -- refused, or failed before anything was recorded ---------------------------------------------------------------


@pytest.mark.parametrize("ranks", [1, 3])
def test_an_existing_folder_is_refused_and_left_alone(config: Path, tmp_path: Path, ranks: int) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "notes.txt").write_text("mine")
    errors = run_ranks(ranks, lambda comm: error_of(config, used, None, comm))
    assert {error.exit_code for error in errors} == {EXIT_INPUT}
    assert isinstance(errors[0], InputError)
    assert f"{used}: the run folder exists and is not empty" in str(errors[0])
    assert [path.name for path in used.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (StorageError("no temporary files"), EXIT_STORAGE, "no temporary files"),
        (
            MemoryError("7 GiB are too many"),
            EXIT_MEMORY,
            "out of memory while building: 7 GiB are too many",
        ),
    ],
    ids=["error", "memory"],
)
def test_a_failed_build_leaves_no_folder(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: int, failure: Exception, code: int, said: str
) -> None:
    real, last = cpu_plan.build_rank, ranks - 1

    def build(plan: Any, threads: int, progress: Any) -> Any:
        if plan.blocks.rank[next(iter(plan.lanes)).runs[0].gid0 // 16] == last:
            raise type(failure)(*failure.args)
        return real(plan, threads, progress)

    monkeypatch.setattr(cpu_plan, "build_rank", build)
    errors = run_ranks(ranks, lambda comm: error_of(config, tmp_path / "run", None, comm))
    named = "" if ranks == 1 else f"[rank {last}] "
    for error in errors:
        assert error.exit_code == code
        assert f"{named}{said}" in str(error)
        assert ranks == 1 or is_agreed(error)
    assert isinstance(errors[last], StorageError | MemoryPlanError)
    assert list(tmp_path.iterdir()) == []


def test_a_bug_in_the_build_leaves_the_folder_and_says_so(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: Any) -> Any:
        raise ZeroDivisionError("planned")

    monkeypatch.setattr(cpu_plan, "build_rank", build)
    with pytest.raises(ZeroDivisionError):
        run(config, tmp_path / "run")
    assert status(tmp_path / "run") == ("failed", "planned")
    assert (tmp_path / "run/log.txt").exists()
    assert active_interrupt() is None


def test_stores_that_cannot_be_made_leave_no_folder(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One rank alone fails; all leave together, and nobody waits."""

    def make(*arguments: Any) -> Any:
        if arguments[1].comm.rank == 1:
            raise StorageError("cannot write", where="spikes")
        return real(*arguments)

    real = conductor.Streams
    monkeypatch.setattr(conductor, "Streams", make)
    errors = run_ranks(2, lambda comm: error_of(config, tmp_path / "run", None, comm))
    assert {(error.exit_code, str(error)) for error in errors} == {(EXIT_STORAGE, "spikes: [rank 1] cannot write")}
    assert list(tmp_path.iterdir()) == []


# -- ended in the middle -------------------------------------------------------------------------------------------


@pytest.fixture
def spoiling(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From step 200 on, neuron 5 of E has no potential."""
    advance = CpuBackend.advance

    def advance_and_spoil(backend: CpuBackend, start: int, stop: int) -> None:
        advance(backend, start, stop)
        if start >= 200:
            for state in backend._built.lanes:
                local = np.flatnonzero(state.lane.gids == 5)
                group = state.neurons.groups[0]
                state.neurons.f32[group.state_offset["V_m_mV"] + local - group.start] = np.nan

    monkeypatch.setattr(CpuBackend, "advance", advance_and_spoil)
    return iter(())


@pytest.mark.parametrize("ranks", [1, 3])
def test_an_invalid_state_ends_the_run_and_keeps_what_led_there(
    config: Path, tmp_path: Path, undisturbed: RunResult, spoiling: None, ranks: int
) -> None:
    out = tmp_path / "run"
    errors = run_ranks(ranks, lambda comm: error_of(config, out, None, comm))
    assert {error.exit_code for error in errors} == {EXIT_NUMERICS}
    assert any(isinstance(error, NumericsError) for error in errors)
    assert len({str(error) for error in errors}) == 1
    message = str(errors[0])
    assert message.startswith("population E: ")
    assert "state V_m_mV of neuron 5 became NaN or infinite after step " in message
    assert status(out) == ("failed", message)
    assert not (out / "summary.json").exists()
    step = int(message.partition("by step ")[2].split()[0])
    assert step > 200
    reader = dtbsim.open_run(out)
    assert reader.spike_store.closed, "of every rank"
    assert reader.spike_store.complete_before == step
    kept, whole = reader.spike_steps(stop_ms=100), undisturbed.open().spike_steps(stop_ms=100)
    assert len(whole[0]) > 50
    np.testing.assert_array_equal(kept[0], whole[0])
    np.testing.assert_array_equal(kept[1], whole[1])


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_disk_that_fills_up_ends_the_run_on_all_ranks(
    config: Path, tmp_path: Path, undisturbed: RunResult, monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    """The others close their stores; the one that failed keeps what it had published (so early: nothing)."""
    append = SpikeWriter.append

    def append_or_fail(writer: Any, steps: Any, gids: Any, *, stop_step: int) -> None:
        if stop_step > 200 and writer._table.attributes["rank"] == ranks - 1:
            raise StorageError("cannot write: No space left on device", where=str(writer._table.path))
        append(writer, steps, gids, stop_step=stop_step)

    real = SpikeWriter.__init__

    def init(writer: Any, folder: Path, rank: int, **options: Any) -> None:
        real(writer, folder, rank, **options)
        writer._table.attributes = {"rank": rank}

    monkeypatch.setattr(SpikeWriter, "__init__", init)
    monkeypatch.setattr(SpikeWriter, "append", append_or_fail)
    out = tmp_path / "run"
    errors = run_ranks(ranks, lambda comm: error_of(config, out, None, comm))
    assert len({str(error) for error in errors}) == 1
    assert {error.exit_code for error in errors} == {EXIT_STORAGE}
    named = "" if ranks == 1 else f"[rank {ranks - 1}] "
    assert str(errors[0]).endswith(f".zarr: {named}cannot write: No space left on device")
    assert status(out) == ("failed", str(errors[0]))
    published = [json.loads(path.read_text()) for path in sorted((out / "stores/spikes").glob("*.json"))]
    assert len(published) == ranks
    assert all(entry["closed"] and entry["complete_before"] > 200 for entry in published[:-1])


def raise_and_wait(number: signal.Signals) -> None:
    """Raise a signal; a thread hears of it, which on a busy machine may take longer than the whole short run."""
    signal.raise_signal(number)
    interrupt, give_up_s = active_interrupt(), time.monotonic() + 30
    assert interrupt is not None
    while not interrupt.requested and time.monotonic() < give_up_s:
        time.sleep(0.001)
    assert interrupt.requested


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_run_from_python_between_two_chunks(
    config: Path, tmp_path: Path, undisturbed: RunResult, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    sink = Sink(at=200, act=lambda: raise_and_wait(number))
    result = run(config, tmp_path / "run", sink, report=True)
    assert result.interrupted
    steps = sink.steps[-1]
    assert 200 <= steps < 6000
    assert result.report is None, "a run that was stopped has no report"
    assert "report" not in sink.stages
    assert result.summary["interrupted"] is True
    assert result.summary["biological_s"] == pytest.approx(steps * 0.5e-3)
    assert status(result.run_dir) == ("interrupted", None)
    assert_begins_like(result, undisturbed, steps)
    assert dtbsim.hash_run(result.run_dir, recompute=True).agrees
    assert signal.getsignal(number) == before
    assert active_interrupt() is None


def test_ctrl_c_in_the_last_chunk_changes_nothing(config: Path, tmp_path: Path, undisturbed: RunResult) -> None:
    result = run(config, tmp_path / "run", Sink(at=6000, act=lambda: raise_and_wait(signal.SIGINT)))
    assert not result.interrupted
    assert result.spike_hash == undisturbed.spike_hash
    assert status(result.run_dir) == ("done", None)


def test_ctrl_c_before_the_simulation_leaves_a_run_without_spikes(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cpu_plan.build_rank

    def build(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*arguments)

    monkeypatch.setattr(cpu_plan, "build_rank", build)
    result = run(config, tmp_path / "run")
    assert result.interrupted
    assert result.spike_hash is None
    for key in ("spikes", "biological_s", "simulate_s"):
        assert result.summary[key] == 0
    for key in ("mean_rate_hz", "rtf", "spike_hash"):
        assert result.summary[key] is None
    assert result.open().summary == result.summary
    assert status(result.run_dir) == ("interrupted", None)
    assert not (result.run_dir / "stores").exists()


def test_an_exception_closes_the_stores(config: Path, tmp_path: Path, undisturbed: RunResult) -> None:
    def fail() -> None:
        raise ZeroDivisionError("planned")

    sink = Sink(at=200, act=fail)
    with pytest.raises(ZeroDivisionError):
        run(config, tmp_path / "run", sink)
    assert status(tmp_path / "run") == ("failed", "planned")
    assert_begins_like(tmp_path / "run", undisturbed, sink.steps[-1])
