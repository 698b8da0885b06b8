"""What is decided before anything large is allocated: backend, threads, exchange, and whether the memory is enough."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dtbsim
from dtbsim.config import RunConfig, load_config_text
from dtbsim.errors import (
    EXIT_ENVIRONMENT,
    EXIT_INPUT,
    EXIT_MEMORY,
    DeviceError,
    DtbsimError,
    InputError,
    MemoryPlanError,
    MissingDependencyError,
)
from dtbsim.mpi import Comm, SerialComm, run_ranks
from dtbsim.mpi.world import is_agreed
from dtbsim.simulate import prepare as module
from dtbsim.simulate.choose import Choice, choose_backend, choose_exchange, choose_threads
from dtbsim.simulate.prepare import check_node_memory, prepare
from dtbsim.spec import compile_network
from dtbsim.spec.records import execution_of

CONFIG = """\
simulation: {dt_ms: 0.5, duration_ms: 20, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 100}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1.5}
"""
GIB = 2**30


def config(*overrides: str) -> RunConfig:
    return load_config_text(CONFIG, overrides=overrides)


def error_of(work: Callable[[], Any]) -> DtbsimError:
    with pytest.raises(DtbsimError) as caught:
        work()
    return caught.value


# -- backend -------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_device(local_rank: int) -> None:
        raise MissingDependencyError("CuPy is not installed", remedy="pip install it")

    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", open_device)


def chosen(*overrides: str, comm: Comm | None = None) -> Choice:
    network = compile_network(config(*overrides), None, None)
    return choose_backend(network, comm if comm is not None else SerialComm())


@pytest.mark.usefixtures("no_cupy")
def test_auto_without_a_gpu_and_cpu_are_the_cpu() -> None:
    assert [chosen(*overrides).name for overrides in ([], ["simulation.backend=cpu"])] == ["cpu", "cpu"]
    assert [chosen(*overrides).reason for overrides in ([], ["simulation.backend=cpu"])] == [
        "auto: CuPy is not installed",
        "as configured",
    ]


@pytest.mark.usefixtures("no_cupy")
def test_a_backend_that_is_not_there_is_an_error_and_no_other_one(tmp_path: Path) -> None:
    wish = config("simulation.backend=cuda")
    errors = run_ranks(2, lambda comm: error_of(lambda: dtbsim.run(wish, out=tmp_path / "run", comm=comm)))
    for error in errors:
        assert error.exit_code == EXIT_ENVIRONMENT
        assert str(error) == "CuPy is not installed (pip install it)"
        assert is_agreed(error)
    assert not (tmp_path / "run").exists()


def test_auto_needs_a_gpu_on_every_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking: set[int] = set()

    def open_device(local_rank: int) -> Any:
        if local_rank in lacking:
            raise DeviceError(f"GPU {local_rank} is broken")
        return SimpleNamespace(name="G", facts={}, identity=str(local_rank // 2))

    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", open_device)
    found = run_ranks(3, lambda comm: chosen(comm=comm))
    assert [(choice.name, choice.reason, choice.shared_by) for choice in found] == [
        ("cuda", "auto: G", 2), ("cuda", "auto: G", 2), ("cuda", "auto: G", 1)
    ]  # fmt: skip
    lacking.add(1)
    found = run_ranks(3, lambda comm: chosen(comm=comm))
    assert {(choice.name, choice.reason, choice.device) for choice in found} == {("cpu", "auto: GPU 1 is broken", None)}
    errors = run_ranks(3, lambda comm: error_of(lambda: chosen("simulation.backend=cuda", comm=comm)))
    assert {(error.message, error.exit_code) for error in errors} == {("[rank 1] GPU 1 is broken", EXIT_ENVIRONMENT)}


@pytest.mark.usefixtures("no_cupy")
def test_the_log_says_what_auto_became_and_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dtbsim"):
        dtbsim.run(config(), out=tmp_path / "run")
    log = (tmp_path / "run/log.txt").read_text()
    assert "backend cpu (auto: CuPy is not installed)" in log
    assert "exchange none" in log


# -- threads -------------------------------------------------------------------------------------------------------


def test_the_configured_number_of_threads_is_taken_as_it_is() -> None:
    assert choose_threads(execution_of(config("simulation.threads=7")), SerialComm()) == 7


@pytest.mark.parametrize(
    ("ranks", "nodes", "cores", "expected"),
    [
        (1, 1, [8], [8]),
        (2, 1, [8, 8], [4, 4]),  # both may use all eight: half each
        (3, 1, [8, 8, 8], [2, 2, 2]),
        (3, 1, [2, 2, 2], [1, 1, 1]),
        (4, 2, [8, 8, 6, 6], [4, 4, 3, 3]),
    ],
)
def test_by_default_ranks_share_the_cores_of_their_node(
    monkeypatch: pytest.MonkeyPatch, ranks: int, nodes: int, cores: list[int], expected: list[int]
) -> None:
    """Which rank asks is the name of its thread."""

    def affinity(pid: int) -> set[int]:
        return set(range(cores[int(threading.current_thread().name.removeprefix("rank "))]))

    monkeypatch.setattr(os, "sched_getaffinity", affinity)
    assert run_ranks(ranks, lambda comm: choose_threads(execution_of(config()), comm), node_count=nodes) == expected


def test_ranks_that_are_bound_keep_to_their_own_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [{0, 1}, {2, 3}, {4, 5}]
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: own[int(threading.current_thread().name[-1])])
    assert run_ranks(3, lambda comm: choose_threads(execution_of(config()), comm)) == [2, 2, 2]


# -- exchange ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranks", "nodes", "wanted", "expected"),
    [
        (1, 1, "auto", "none"),
        (1, 1, "packets", "none"),
        (3, 1, "auto", "shared_memory"),
        (3, 1, "shared_memory", "shared_memory"),
        (3, 1, "packets", "packets"),
        (4, 2, "auto", "packets"),
        (4, 2, "packets", "packets"),
    ],
)
def test_how_spikes_travel(ranks: int, nodes: int, wanted: str, expected: str) -> None:
    wish = execution_of(config(f"simulation.exchange={wanted}"))
    assert run_ranks(ranks, lambda comm: choose_exchange(wish, comm), node_count=nodes) == [expected] * ranks


def test_memory_is_not_shared_between_nodes() -> None:
    wish = config("simulation.exchange=shared_memory")
    errors = run_ranks(4, lambda comm: error_of(lambda: choose_exchange(execution_of(wish), comm)), node_count=2)
    assert {(type(error), str(error)) for error in errors} == {
        (InputError, "simulation.exchange is shared_memory, but the ranks are on 2 nodes (use auto or packets)")
    }


# -- plans and memory ----------------------------------------------------------------------------------------------


def test_everything_prepared_fits_together() -> None:
    prepared = run_ranks(2, lambda comm: prepare(config("simulation.threads=2"), comm, None, None))
    for found in prepared:
        assert (found.threads, found.backend, found.exchange) == (2, "cpu", "shared_memory")
        assert found.exchange_plan.window == 3
        assert found.network.n_neurons == 100
        assert len(found.plan.lanes) == 2
    ranks = [found.plan.blocks.rank.tolist() for found in prepared]
    assert ranks[0] == ranks[1], "all know who owns what"


def test_more_ranks_than_blocks_is_the_same_error_on_all() -> None:
    errors = run_ranks(9, lambda comm: error_of(lambda: prepare(config(), comm, None, None)))
    assert len({str(error) for error in errors}) == 1
    assert all(is_agreed(error) for error in errors)
    assert errors[0].exit_code == EXIT_INPUT
    assert "9 ranks, but the network has only 7 block(s)" in str(errors[0])


def node_of(comm: Comm, peak: int) -> None:
    class Memory:
        pass

    plan: Any = Memory()
    plan.memory = Memory()
    plan.memory.peak = peak
    check_node_memory(plan, comm)


def test_ranks_of_a_node_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_bytes", lambda: 4 * GIB)
    run_ranks(4, lambda comm: node_of(comm, 2 * GIB), node_count=2)
    errors = run_ranks(4, lambda comm: error_of(lambda: node_of(comm, 2 * GIB + comm.rank // 2)), node_count=2)
    assert {str(error) for error in errors} == {
        "the network needs 4.0 GiB on this node (2 rank(s)), but 4.0 GiB are available "
        "(use more nodes, fewer synapses or a smaller scale)"
    }
    assert all(isinstance(error, MemoryPlanError) for error in errors)


def test_a_network_that_does_not_fit_is_refused_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is built and no folder is made; the numbers are those of the plan and of the machine."""
    monkeypatch.setattr(module, "available_bytes", lambda: 100 * 2**20)
    monkeypatch.setattr("dtbsim.backends.cpu_plan.build_rank", lambda *_: pytest.fail("it was built"))
    needed = prepare_peak(monkeypatch)
    errors = run_ranks(2, lambda comm: error_of(lambda: dtbsim.run(config(), out=tmp_path / "run", comm=comm)))
    for error in errors:
        assert error.exit_code == EXIT_MEMORY
        assert f"needs {2 * needed / GIB:.1f} GiB on this node (2 rank(s)), but 0.1 GiB are available" in str(error)
    assert not (tmp_path / "run").exists()


def prepare_peak(monkeypatch: pytest.MonkeyPatch) -> int:
    with monkeypatch.context() as patch:
        patch.setattr(module, "available_bytes", lambda: 10**15)
        return prepare(config(), SerialComm(), None, None).plan.memory.peak


def test_it_fits_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = prepare_peak(monkeypatch)
    monkeypatch.setattr(module, "available_bytes", lambda: needed)
    prepare(config(), SerialComm(), None, None)
    monkeypatch.setattr(module, "available_bytes", lambda: needed - 1)
    with pytest.raises(MemoryPlanError):
        prepare(config(), SerialComm(), None, None)
