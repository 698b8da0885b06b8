"""The device behind CuPy: copies, graphs, launches; and every reason why there is none. CuPy itself is a fake."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers import fake_cupy
from tests.helpers.networks import built_rank, network_of, simulate, sorted_rows, spikes_of
from tests.helpers.shim_device import GXX

from dtbsim.backends.cuda import choose
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.compiler import COMPILE_OPTIONS, architecture_of
from dtbsim.backends.cuda.device import Launch
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_MEMORY, DeviceError, DtbsimError, MemoryPlanError

needs_gxx = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
KERNEL = """
#define DTB_KERNEL extern "C" void
DTB_KERNEL add(long long at, long long n, long long value) {
    for (long long i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        ((long long *)at)[i] += value;
}
"""
NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 30, block_size: 32}
populations:
  E: {model: iaf_psc_exp, size: 200, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 80, delay_ms: 0.3}
drives:
  bg: {kind: poisson, target: E, rate_hz: 9000, weight_pA: 60}
record:
  states: [{population: E, variables: [V_m_mV], neurons: 3}]
"""


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> fake_cupy.State:
    return fake_cupy.install(monkeypatch)


def error_of(work: Callable[[], Any]) -> DtbsimError:
    with pytest.raises(DtbsimError) as caught:
        work()
    return caught.value


def opened(rank: int = 0) -> Any:
    return choose.open_device(rank)


# -- copies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float32])
def test_values_come_back_as_they_were(state: fake_cupy.State, size: int, dtype: Any) -> None:
    device = opened()
    values = (np.arange(size) % 251).astype(dtype)
    expected = values.copy()
    array = device.upload(values)
    values[...] = 7  # the copy has not begun yet
    later = device.download_later(array)
    np.testing.assert_array_equal(device.download(array), expected)
    np.testing.assert_array_equal(later.values(), expected)
    assert later.values() is later.values()
    other = np.flip(expected)
    device.overwrite(array, other)
    np.testing.assert_array_equal(device.download(array), other)
    assert device.address(array) == array.data.ptr


def test_a_part_of_an_array_and_two_dimensions(state: fake_cupy.State) -> None:
    device = opened()
    values = np.arange(60).reshape(6, 10)
    array = device.upload(values)
    assert array.shape == (6, 10)
    device.overwrite(array[2:4], np.zeros((2, 10), np.int64))
    values[2:4] = 0
    np.testing.assert_array_equal(device.download(array), values)
    np.testing.assert_array_equal(device.download(array[:, 3:5]), values[:, 3:5])
    np.testing.assert_array_equal(device.download_later(array[2:3]).values(), values[2:3])
    with pytest.raises(ValueError, match="not in one piece"):
        device.download_later(array[:, 1])


def test_what_does_not_fit_is_not_copied(state: fake_cupy.State) -> None:
    device = opened()
    array = device.upload(np.zeros((4, 4), np.int64))
    for part, values in ((array, np.zeros(15, np.int64)), (array, np.zeros(16, np.int32)), (array[:, :2], np.zeros(8))):
        with pytest.raises(ValueError, match="cannot overwrite"):
            device.overwrite(part, values)


def test_many_small_copies_do_not_pile_up(state: fake_cupy.State) -> None:
    device = opened()
    array = device.upload(np.zeros(4, np.int64))
    for k in range(50):
        device.overwrite(array, np.full(4, k))
        assert device.download(array)[0] == k
    assert len(device._on_their_way) <= 2
    device.synchronise()
    assert not device._on_their_way


def test_a_fault_of_a_kernel_shows_at_the_next_event(state: fake_cupy.State) -> None:
    """And is not taken for work that goes on."""
    device = opened()
    array = device.upload(np.zeros(4, np.int64))
    state.fault = 700
    with pytest.raises(fake_cupy.CUDARuntimeError, match="cudaErrorIllegalAddress: 700"):
        device.overwrite(array, np.ones(4, np.int64))


# -- kernels -------------------------------------------------------------------------------------------------------


@needs_gxx
def test_launches_graphs_and_copies_keep_their_order(state: fake_cupy.State) -> None:
    device = opened()
    kernels = device.compile(KERNEL)
    array = device.upload(np.zeros(100, np.int64))
    at = device.address(array)
    kernels.launch("add", Launch(2, 1, 32), at, 100, 1)
    first = device.download_later(array)
    graph = device.capture(lambda: kernels.launch("add", Launch(1, 1, 64), at, 100, 10))
    np.testing.assert_array_equal(first.values(), 1)
    graph.launch()
    graph.launch()
    kernels.launch_together("add", Launch(2, 1, 32), at, 100, 100)
    np.testing.assert_array_equal(device.download(array), 121)
    assert state.together == [False, False, True]
    assert state.options == [("--gpu-architecture=sm_90", *COMPILE_OPTIONS)]
    assert kernels.resources("add") == {"registers": 40, "local_bytes": 0}


@needs_gxx
def test_a_capture_that_fails_ends(state: fake_cupy.State) -> None:
    device = opened()

    def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        device.capture(work)
    assert state.captures == 1
    device.synchronise()


@needs_gxx
def test_much_shared_memory_is_asked_for_once(state: fake_cupy.State) -> None:
    device = opened()
    kernels = device.compile(KERNEL)
    array = device.upload(np.zeros(1, np.int64))
    for shared in (0, 48 * 1024, 50_000, 50_000, 60_000):
        kernels.launch("add", Launch(1, 1, 32, shared), device.address(array), 1, 1)
    assert state.allowed == [("add", 50_000), ("add", 60_000)]
    assert device.download(array)[0] == 5


@needs_gxx
def test_blocks_that_do_not_fit_at_once_are_an_error(state: fake_cupy.State) -> None:
    device = opened()
    kernels = device.compile(KERNEL)
    kernels.launch_together("add", Launch(16, 1, 32), 0, 0, 0)
    error = error_of(lambda: kernels.launch_together("add", Launch(17, 1, 256, 1024), 0, 0, 0))
    assert str(error) == (
        "add needs 17 blocks of 256 threads and 1024 bytes of shared memory at once; Fake GPU runs 4 on each of its 4 "
        "multiprocessors (close other programs on the GPU, or use another GPU)"
    )


def test_a_text_that_does_not_compile(state: fake_cupy.State) -> None:
    log = "model.cu(3): warning: x\nmodel.cu(7): error: identifier is undefined\n\n1 error detected\n"
    state.failing["compile"] = Exception(log)
    error = error_of(lambda: opened().compile("text"))
    assert isinstance(error, DeviceError)
    assert "on Fake GPU: model.cu(7): error: identifier is undefined | 1 error detected (please report" in str(error)
    assert state.destroyed == 1


@needs_gxx
def test_machine_code_is_kept_and_taken_only_as_it_was_written(state: fake_cupy.State) -> None:
    for _ in range(2):
        opened().compile(KERNEL)
    assert len(state.options) == 1, "the second time it came from the disk"
    (path,) = Path(state.folder.name).iterdir()
    assert (path.suffix, path.stat().st_mode & 0o777) == (".sm_90", 0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    opened().compile(KERNEL)
    opened().compile(KERNEL + "\n")
    assert len(state.options) == 3, "damage and another text are compiled"
    state.capability = (12, 1)
    opened().compile(KERNEL)
    assert state.options[-1][0] == "--gpu-architecture=compute_120", "newer than the compiler: the driver translates"


def test_what_a_gpu_is_compiled_for() -> None:
    known = (70, 75, 80, 90)
    assert [architecture_of(one, known) for one in (70, 87, 90, 121)] == ["sm_70", "compute_80", "sm_90", "compute_90"]
    assert architecture_of(70, (75, 80)) is None


def test_blocks_at_once_are_asked_for_every_kernel_and_shape(state: fake_cupy.State) -> None:
    kernels = opened().compile(KERNEL)
    for threads in (32, 32, 64):
        kernels.launch_together("add", Launch(1, 1, threads), 0, 0, 0)
    assert state.asked == [("add", 32, 0), ("add", 64, 0)]


# -- a network -----------------------------------------------------------------------------------------------------


@needs_gxx
def test_a_network_on_it_gives_the_spikes_of_the_cpu(state: fake_cupy.State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.log.ENTRIES", 400)
    network = network_of(NETWORK)
    backend = CudaBackend(built_rank(network), None, opened(), first_bucket=2)
    backend.compile()
    parts = []
    for start, stop in ((0, 77), (77, 300)):
        backend.advance(start, stop)
        parts.append(spikes_of(backend))
        steps, values = backend.sampler.take(0)
        assert (steps[0], steps[-1], np.isfinite(values).all()) == (start, stop - 1, True)
    backend.check_finite(0, 300)
    backend.close()
    expected = simulate(network)
    np.testing.assert_array_equal(sorted_rows(np.concatenate(parts)), expected)
    assert len(expected) > 400, "the log changed its parts"


@needs_gxx
@pytest.mark.parametrize("lanes", [1, 3])
def test_logs_of_lanes_travel_while_the_next_launch_fills_them(
    state: fake_cupy.State, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    """Also of a single lane, whose log is in one piece: copies are made as late as they may be."""
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.LOG_STEPS", 7)
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.BLOCK_THREADS", 64)
    network = network_of(NETWORK)
    built = built_rank(network, threads=lanes)
    backend = PersistentBackend(built, None, opened())
    backend.compile()
    backend.advance(0, 300)
    assert len(built.lanes) == lanes
    assert len(backend._collected) > 20
    np.testing.assert_array_equal(sorted_rows(spikes_of(backend)), simulate(network))
    backend.close()


@needs_gxx
def test_no_memory_left(state: fake_cupy.State) -> None:
    built, device = built_rank(network_of(NETWORK)), opened()
    state.failing["zeros"] = MemoryError("Out of memory allocating 1,024 bytes")
    error = error_of(lambda: CudaBackend(built, None, device))
    assert (type(error), error.exit_code) == (MemoryPlanError, EXIT_MEMORY)
    assert "no memory left: Out of memory allocating 1,024 bytes; 4.00 GiB are free (use more GPUs" in str(error)
    del state.failing["zeros"]
    backend = CudaBackend(built, None, device, first_bucket=2)
    backend.compile()
    state.failing["zeros"] = MemoryError("Out of memory allocating 2,048 bytes")
    error = error_of(lambda: backend.advance(0, 300))
    assert (type(error), error.exit_code) == (MemoryPlanError, EXIT_MEMORY)


def test_failures_while_stepping_are_told_or_are_bugs(state: fake_cupy.State, monkeypatch: pytest.MonkeyPatch) -> None:
    from dtbsim.backends.cuda.failures import device_failure

    def no_answer() -> int:
        raise RuntimeError("lost")

    ecc = fake_cupy.CUDARuntimeError("cudaErrorECCUncorrectable: uncorrectable ECC error encountered")
    assert "the memory of the GPU is defective" in str(device_failure(ecc, no_answer))
    memory = device_failure(fake_cupy.CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"), no_answer)
    assert isinstance(memory, MemoryPlanError)
    assert "are free" not in str(memory)
    assert device_failure(fake_cupy.CUDARuntimeError("cudaErrorIllegalAddress: bad"), no_answer) is None
    assert device_failure(KeyError("cudaErrorECCUncorrectable"), no_answer) is None


# -- which device, and why none ------------------------------------------------------------------------------------


def test_ranks_are_dealt_to_devices(state: fake_cupy.State) -> None:
    state.devices = 2
    devices = [opened(rank) for rank in range(5)]
    assert state.used == [0, 1, 0, 1, 0]
    assert [device.facts["bus_id"] for device in devices[:3]] == ["0000:00:00.0", "0000:01:00.0", "0000:00:00.0"]
    facts = dict(devices[1].facts)
    assert {key: facts[key] for key in ("name", "device", "devices", "driver_cuda", "nvrtc", "cupy")} == {
        "name": "Fake GPU", "device": 1, "devices": 2, "driver_cuda": "12.8", "nvrtc": "12.8", "cupy": "13.6.0"
    }  # fmt: skip
    assert devices[0].limits.multiprocessors == 4


def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy.forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "cupy", None)
    error = error_of(opened)
    assert error.exit_code == EXIT_ENVIRONMENT
    assert str(error).startswith("CuPy is not installed (pip install 'dtbsim[cuda12]'")


def test_a_cupy_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own message has many lines; the last one that says something is shown."""

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: Any) -> None:
            if name == "cupy":
                raise ImportError("\n=====\nFailed\n\nOriginal error:\n  OSError: libx.so is missing\n=====\n")

    fake_cupy.forget(monkeypatch)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    error = error_of(opened)
    assert "CuPy is installed, but cannot be imported: OSError: libx.so is missing (pip install" in str(error)


FAILURES = [
    ("getDeviceCount", "cudaErrorNoDevice: no CUDA-capable device is detected", 12080, "no GPU that this process may"),
    ("getDeviceCount", "cudaErrorInsufficientDriver: too old", 0, "this machine has no NVIDIA driver"),
    ("getDeviceCount", "cudaErrorInsufficientDriver: too old", 11040, "for CUDA 11.4, too old for the CuPy"),
    ("getDeviceCount", "cudaErrorSystemNotReady: not yet", 12080, "nvidia-fabricmanager"),
    ("getDeviceCount", "cudaErrorSomething: else", 12080, "the driver does not answer: cudaErrorSomething: else"),
    ("nvrtc", "CuPy failed to load libnvrtc.so.12: OSError", 12080, "NVRTC, the CUDA compiler, cannot be loaded: CuPy"),
    ("Device", "cudaErrorDevicesUnavailable: busy", 12080, "exclusive mode"),
    ("Device", "cudaErrorSomething: else", 12080, "GPU 0 cannot be used: cudaErrorSomething: else"),
]


@pytest.mark.parametrize(("function", "message", "driver", "expected"), FAILURES)
def test_every_cause_has_its_error(
    state: fake_cupy.State, function: str, message: str, driver: int, expected: str
) -> None:
    state.driver, state.failing[function] = driver, fake_cupy.CUDARuntimeError(message)
    error = error_of(opened)
    assert error.exit_code == EXIT_ENVIRONMENT
    assert error.remedy
    assert expected in str(error)


def test_no_memory_for_the_context(state: fake_cupy.State) -> None:
    state.failing["Device"] = fake_cupy.CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")
    assert error_of(opened).exit_code == EXIT_MEMORY


def test_no_device_at_all_and_one_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy.install(monkeypatch, devices=0)
    assert "no GPU that this process may use" in str(error_of(opened))
    fake_cupy.install(monkeypatch, capability=(6, 1))
    error = error_of(opened)
    assert "Fake GPU has compute capability 6.1; dtbsim needs 7 or more" in str(error)
    assert isinstance(error, DeviceError)
    fake_cupy.install(monkeypatch, capability=(7, 0), architectures=(75, 80, 90))
    assert "Fake GPU has compute capability 7.0; NVRTC 12.8, the CUDA compiler, compiles for 7.5 or more (pip" in str(
        error_of(opened)
    )
    fake_cupy.install(monkeypatch, capability=(12, 0))
    assert opened().facts["compute_capability"] == "12.0"
