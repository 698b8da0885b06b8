"""Which way packets take between GPUs, and what NCCL and MPI are asked to do."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from tests.helpers.fake_nccl import UINT64, CUDARuntimeError, FakeCuda
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import ShimDevice

from dtbsim.backends.cuda.exchange import open_exchange
from dtbsim.backends.cuda.nccl import NcclRanks, nccl_version
from dtbsim.backends.cuda.transports import Choice, choose_way, open_transport
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_INPUT, DtbsimError, FaultError, InputError
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.mpi import FakeComm, FakeWorld, SerialComm, run_ranks
from dtbsim.mpi.channel import Messages
from dtbsim.mpi.gpu_memory import takes_gpu_memory


def device_of(rank: int, cuda: FakeCuda | None, *, shared: bool = False) -> ShimDevice:
    made = ShimDevice(identity="0000:0A:00.0" if shared else f"0000:{rank:02}:00.0")
    if cuda is not None:
        made.cuda, made.stream = cuda, cuda.Stream(non_blocking=True)
    return made


def choices(
    wanted: str = "auto",
    versions: tuple[int, ...] = (22005, 22005),
    aware: tuple[bool, ...] = (False, False),
    node_count: int = 1,
    *,
    shared: bool = False,
) -> Choice:
    """What two ranks agree on; version -1: the device is none of CUDA, 0: CuPy has no NCCL."""

    def work(comm: FakeComm) -> Choice:
        cuda = FakeCuda({}, versions[comm.rank])
        if versions[comm.rank] == 0:
            cuda.nccl.available = False
        comm.takes_gpu_memory = lambda: (aware[comm.rank], f"rank {comm.rank} says so")  # type: ignore[method-assign]
        return choose_way(wanted, device_of(comm.rank, cuda if versions[comm.rank] >= 0 else None, shared=shared), comm)

    first, second = run_ranks(2, work, node_count=node_count)
    assert first == second
    return first


def test_nccl_where_every_rank_has_it_and_a_gpu() -> None:
    assert choices() == Choice("nccl", "every rank has NCCL and a GPU of its own")
    assert choices(aware=(True, True)).way == "nccl"
    assert choices(node_count=2, shared=True).way == "nccl", "the same address on two nodes is not the same GPU"


@pytest.mark.parametrize(
    ("versions", "shared", "why"),
    [
        ((22005, 22005), True, "2 ranks share GPU 0000:0A:00.0 of node 0, where it allows one"),
        ((22005, 0), False, "CuPy does not find it (pip install nvidia-nccl-cu12, or -cu13) (rank 1)"),
        ((-1, 22005), False, "this device has none (rank 0)"),
        ((22005, 2604), False, "version 2604 cannot send from one GPU to one other (rank 1)"),
        ((22005, 22304), False, "the ranks have different versions of it (22005, 22304)"),
    ],
)
def test_what_stands_against_nccl(versions: tuple[int, int], shared: bool, why: str) -> None:
    aware = choices(versions=versions, aware=(True, True), shared=shared)
    assert aware == Choice("mpi", f"not NCCL: {why}; MPI takes GPU memory: rank 0 says so")
    hosts = choices(versions=versions, aware=(True, False), shared=shared)
    assert hosts == Choice("packets", f"not NCCL: {why}; not MPI from GPU to GPU: rank 1 says so (rank 1)")


def test_what_is_asked_for() -> None:
    assert choices("packets") == Choice("packets", "simulation.exchange is packets")
    with pytest.raises(InputError) as caught:
        choices("shared_memory")
    assert caught.value.exit_code == EXIT_INPUT
    assert str(caught.value) == (
        "simulation.exchange: simulation.exchange is shared_memory, but with backend cuda the spikes are in the memory "
        "of GPUs (use auto or packets)"
    )
    with pytest.raises(InputError, match=r"simulation\.exchange is two_level, but with backend cuda"):
        choices("two_level")


def test_one_process_and_threads_take_no_gpu_memory() -> None:
    assert SerialComm().takes_gpu_memory() == (False, "there is one rank")
    assert run_ranks(1, lambda comm: comm.takes_gpu_memory()) == [(False, "ranks are threads of one process")]


# -- NCCL ------------------------------------------------------------------------------------------------------------


def messages(ranks: list[int], sizes: list[int]) -> Messages:
    """One for each rank, of so many words."""
    at = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    return Messages(ranks, np.full(int(at[-1]), 99, np.uint64), at)


def test_the_calls_of_an_exchange() -> None:
    """One group for the messages with neighbours alone, once they are filled, on a stream of its own."""
    lines: dict[Any, Any] = {}
    cudas = [FakeCuda(lines) for _ in range(3)]
    to, sources = [[1, 2], [0], [0]], [[1, 2], [0], [0]]

    def work(comm: FakeComm) -> Any:
        transport = open_transport("nccl", device_of(comm.rank, cudas[comm.rank]), comm)
        out = messages(to[comm.rank], [8 * (comm.rank + 1)] * len(to[comm.rank]))
        into = messages(sources[comm.rank], [8 * (source + 1) for source in sources[comm.rank]])
        channel = transport.channel(comm.new_tag(), out, into)
        for k, rank in enumerate(to[comm.rank]):
            out[k][:] = 10 * comm.rank + rank
        for _ in range(2):
            channel.post()
            channel.complete()
        channel.close()
        transport.close()
        return [(message.size, int(message[0]), int(message[-1])) for _, message in into.parts]

    assert run_ranks(3, work) == [[(16, 10, 10), (24, 20, 20)], [(8, 1, 1)], [(8, 2, 2)]]
    steps, exchanges, filled, moved = 101, 102, 103, 104
    for rank, cuda in enumerate(cudas):
        sends = [("send", 8 * (rank + 1), UINT64, peer, exchanges) for peer in to[rank]]
        receives = [("recv", 8 * (peer + 1), UINT64, peer, exchanges) for peer in sources[rank]]
        group = [("groupStart",), *sends, *receives, ("groupEnd",)]
        once = [("record", filled, steps), ("wait_event", exchanges, filled), *group, ("record", moved, exchanges)]
        assert cuda.calls == [("init", 3, rank), *once, *once, ("destroy",)]


def test_leaving_in_the_middle_of_an_exchange_does_not_wait() -> None:
    def work(comm: FakeComm) -> Any:
        cuda = FakeCuda(lines)
        transport = open_transport("nccl", device_of(comm.rank, cuda), comm)
        other = [1 - comm.rank]
        transport.channel(comm.new_tag(), messages(other, [4]), messages(other, [4])).post()
        transport.close()
        return cuda.calls[-1]

    lines: dict[Any, Any] = {}
    assert run_ranks(2, work) == [("abort",)] * 2


def test_ranks_that_nccl_cannot_connect() -> None:
    def work(comm: FakeComm) -> None:
        NcclRanks(device_of(comm.rank, FakeCuda({}, refuses=True)), comm)

    with pytest.raises(DtbsimError) as caught:
        run_ranks(2, work)
    assert caught.value.exit_code == EXIT_ENVIRONMENT
    assert "NCCL cannot connect the GPUs of the ranks: NCCL_ERROR_INVALID_USAGE" in str(caught.value)
    assert "simulation.exchange: packets" in str(caught.value)


def test_without_a_key_all_ranks_leave() -> None:
    errors = []

    def work(comm: FakeComm) -> None:
        cuda = FakeCuda({})

        def no_key() -> bytes:
            raise RuntimeError("no network interface")

        cuda.nccl.get_unique_id = no_key  # type: ignore[method-assign]
        try:
            NcclRanks(device_of(comm.rank, cuda), comm)
        except DtbsimError as error:
            errors.append(str(error))

    run_ranks(2, work)
    assert len(errors) == 2
    assert all("no network interface" in error for error in errors)


def test_a_rank_that_fails_before_the_others_are_met_leaves_none_waiting() -> None:
    """Nobody goes where all wait for all; all say the same."""
    cudas = [FakeCuda({}) for _ in range(3)]
    errors = []

    def work(comm: FakeComm) -> None:
        device = device_of(comm.rank, cudas[comm.rank])
        cudas[comm.rank].out_of_memory = comm.rank == 1
        try:
            NcclRanks(device, comm)
        except DtbsimError as error:
            errors.append(error.message)

    run_ranks(3, work)
    assert [cuda.calls for cuda in cudas] == [[], [], []], "none has called ncclCommInitRank"
    assert len(errors) == 3
    assert len(set(errors)) == 1
    assert errors[0].startswith("[rank 1] NCCL cannot connect the GPUs of the ranks: cudaErrorMemoryAllocation")


def test_ranks_that_are_connected_leave_when_another_is_not() -> None:
    cudas = [FakeCuda({}, refuses=rank == 1) for rank in range(2)]

    def work(comm: FakeComm) -> None:
        with pytest.raises(DtbsimError, match="NCCL_ERROR_INVALID_USAGE"):
            NcclRanks(device_of(comm.rank, cudas[comm.rank]), comm)

    run_ranks(2, work)
    assert cudas[0].calls == [("init", 2, 0), ("abort",)]


def test_a_fault_of_the_gpu_ends_the_wait_for_messages() -> None:
    comm = run_ranks(1, lambda comm: comm)[0]
    cuda = FakeCuda({})
    ranks = NcclRanks(device_of(0, cuda), comm)
    channel = ranks.channel(1, messages([], []), messages([], []))
    channel.post()
    cuda.fault = 700
    with pytest.raises(CUDARuntimeError, match="cudaErrorIllegalAddress"):
        channel.complete()


def test_errors_of_nccl_during_a_run() -> None:
    """A send that fails, and an error that NCCL notices while this rank waits."""
    comm = run_ranks(1, lambda comm: comm)[0]
    cuda = FakeCuda({})
    ranks = NcclRanks(device_of(0, cuda), comm)
    channel = ranks.channel(1, messages([], []), messages([], []))
    channel.post()
    ranks._ranks.error = "NCCL_ERROR_SYSTEM_ERROR"
    with pytest.raises(FaultError, match="NCCL has lost another rank: NCCL_ERROR_SYSTEM_ERROR"):
        channel.complete()

    def broken() -> None:
        raise RuntimeError("NCCL_ERROR_UNHANDLED_CUDA_ERROR")

    cuda.nccl.groupEnd = broken  # type: ignore[method-assign]
    with pytest.raises(FaultError, match="NCCL cannot send spikes: NCCL_ERROR_UNHANDLED_CUDA_ERROR"):
        channel.post()


def test_versions() -> None:
    assert nccl_version(FakeCuda({}, 22005)) == (22005, "")
    assert nccl_version(FakeCuda({}, 2604))[0] == 0
    assert nccl_version(None)[0] == 0


# -- waiting by other means ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("comm", [SerialComm(), run_ranks(1, lambda comm: comm)[0]], ids=["serial", "threads"])
def test_polling_asks_until_it_is_done(comm: Any) -> None:
    answers = iter([False, False, True])
    comm.poll(lambda: next(answers))
    assert list(answers) == []


def test_polling_ends_when_another_rank_is_gone_or_does_not_come() -> None:
    world = FakeWorld(2)
    world.meeting.abort()
    with pytest.raises(FaultError, match="another rank failed or did not come"):
        world.comm(1).poll(lambda: False)
    with pytest.raises(FaultError, match="another rank failed or did not come"):
        FakeWorld(2, timeout_s=0.05).comm(0).poll(lambda: False)


# -- what MPI says of itself -----------------------------------------------------------------------------------------


class Info:
    def __init__(self, kinds: str | None) -> None:
        self.kinds, self.freed = kinds, False

    def Get_info(self) -> Info:
        return self

    def Get(self, name: str) -> str | None:
        assert name == "mpi_memory_alloc_kinds"
        return self.kinds

    def Free(self) -> None:
        self.freed = True


class Library:
    """Of MPI, with or without the question."""

    def __init__(self, answer: int | None) -> None:
        if answer is not None:
            self.MPIX_Query_cuda_support = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: answer)


@pytest.mark.parametrize(
    ("kinds", "answer", "environ", "expected"),
    [
        ("mpi,system,cuda:device", 0, {}, (True, "mpi_memory_alloc_kinds is mpi,system,cuda:device")),
        ("mpi,system", 1, {}, (True, "MPIX_Query_cuda_support says 1")),
        (None, 0, {"MV2_USE_CUDA": "1"}, (False, "MPIX_Query_cuda_support says 0")),
        (None, None, {"MPICH_GPU_SUPPORT_ENABLED": "1"}, (True, "MPICH_GPU_SUPPORT_ENABLED is 1")),
        (None, None, {"MV2_USE_CUDA": "0"}, (False, "nothing says that the MPI library takes it")),
    ],
)
def test_what_speaks_for_gpu_memory(
    kinds: str | None, answer: int | None, environ: dict[str, str], expected: tuple[bool, str]
) -> None:
    info = Info(kinds)
    assert takes_gpu_memory(info, environ, Library(answer)) == expected
    assert info.freed


def test_the_exchange_that_is_opened(caplog: pytest.LogCaptureFixture) -> None:
    network = network_of(
        "simulation: {duration_ms: 1, block_size: 16}\npopulations: {A: {model: izhikevich, size: 32}}\n"
    )
    plan = ExchangePlan.of(15, np.ones((2, 1), bool))

    def work(comm: FakeComm) -> Any:
        device = ShimDevice()
        return open_exchange(choose_way("auto", device, comm), device, comm, built_rank(network, comm.rank, 2), plan)

    with caplog.at_level("INFO", logger="dtbsim"):
        opened = run_ranks(2, work)
    assert [(one.way, one.window, one.overlapped) for one in opened] == [("packets", 7, True)] * 2
    assert (
        "exchange by packets through the memory of the hosts every 7 step(s): not NCCL: this device has" in caplog.text
    )
