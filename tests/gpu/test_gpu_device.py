"""The device itself: copies, graphs, cooperative launches, shared memory, and what happens without enough memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dtbsim.backends.cuda.device import Launch
from dtbsim.backends.cuda.failures import device_failure
from dtbsim.backends.cuda.source import constants_text, kernel_file
from dtbsim.errors import DeviceError, MemoryPlanError

TEXT = (
    constants_text()
    + kernel_file("base.cuh").replace("#pragma once", "")
    + """
DTB_KERNEL test_add(i64 address, i64 n, i64 value) {
    const Share share = share_of_row();
    for (i64 i = share.first; i < n; i += share.stride)
        at<i64>(address)[i] += value;
}

// Each block waits until all have come, which they only do if they all run.
DTB_KERNEL test_meet(i64 counter, i64 out) {
    if (threadIdx.x == 0) {
        take_from(at<i64>(counter), 1);
        while (read_shared_word(at<i64>(counter)) < (i64)gridDim.x)
            dtb_pause();
        at<i64>(out)[blockIdx.x] = read_shared_word(at<i64>(counter));
    }
}

// Halves, which are smaller than the smallest normal number.
DTB_KERNEL test_halve(i64 address, i64 n) {
    for (i64 i = threadIdx.x; i < n; i += blockDim.x)
        at<float>(address)[i] *= 0.5f;
}

// Fill the shared memory, then sum it up.
DTB_KERNEL test_shared(i64 words, i64 out) {
    for (i64 i = threadIdx.x; i < words; i += blockDim.x)
        dtb_shared_memory[i] = (u64)i;
    __syncthreads();
    for (i64 i = threadIdx.x; i < words; i += blockDim.x)
        add_to(at<i64>(out), (i64)dtb_shared_memory[words - 1 - i]);
}
"""
)


@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_copies(device: Any, size: int) -> None:
    values = np.arange(size, dtype=np.int64)
    array = device.upload(values)
    later = device.download_later(array)
    np.testing.assert_array_equal(device.download(array), values)
    np.testing.assert_array_equal(later.values(), values)
    values[...] = 5
    device.overwrite(array, values)
    values[...] = 6
    np.testing.assert_array_equal(device.download(array), 5)


def test_launches_graphs_and_copies_keep_their_order(device: Any) -> None:
    kernels = device.compile(TEXT)
    array = device.upload(np.zeros(100_000, np.int64))
    at = device.address(array)
    graph = device.capture(lambda: kernels.launch("test_add", Launch(8, 1, 256), at, array.size, 10))
    kernels.launch("test_add", Launch(3, 1, 256), at, array.size, 1)
    later = device.download_later(array[:10])
    np.testing.assert_array_equal(later.values(), 1)
    for _ in range(20):
        graph.launch()
    np.testing.assert_array_equal(device.download(array), 201)


def test_all_blocks_run_at_once(device: Any) -> None:
    kernels = device.compile(TEXT)
    blocks = device.limits.multiprocessors
    counter, out = device.upload(np.zeros(1, np.int64)), device.upload(np.zeros(blocks, np.int64))
    shape = Launch(blocks, 1, 1024, 100_000)
    kernels.launch_together("test_meet", shape, device.address(counter), device.address(out))
    np.testing.assert_array_equal(device.download(out), blocks)
    if device.name != "shim":
        with pytest.raises(DeviceError, match="blocks of 1024 threads"):
            kernels.launch_together("test_meet", Launch(100 * blocks, 1, 1024), 0, 0)


def test_small_numbers_are_kept(device: Any) -> None:
    """Not made zero, as with the options that CuPy adds to its own compilation."""
    values = np.array([1.5e-38, -2e-38, 3e-45, 1.0], np.float32)
    array = device.upload(values)
    device.compile(TEXT).launch("test_halve", Launch(1, 1, 32), device.address(array), values.size)
    np.testing.assert_array_equal(device.download(array), values * np.float32(0.5))
    assert device.download(array)[0] != 0


def test_all_shared_memory_of_a_block(device: Any) -> None:
    kernels = device.compile(TEXT)
    for n_bytes in (1024, 48 * 1024, device.limits.shared_bytes):
        out, words = device.upload(np.zeros(1, np.int64)), n_bytes // 8
        kernels.launch("test_shared", Launch(1, 1, 512, n_bytes), words, device.address(out))
        assert device.download(out)[0] == words * (words - 1) // 2


def test_more_memory_than_there_is(device: Any) -> None:
    """The error of the device becomes one with numbers."""
    if device.name == "shim":
        pytest.skip("the host lends memory that it does not have")
    with pytest.raises(MemoryError) as caught:
        device.xp.zeros(2 * int(device.facts["memory_bytes"]), np.uint8)
    failure = device_failure(caught.value, device.free_bytes)
    assert isinstance(failure, MemoryPlanError)
    assert "GiB are free" in str(failure)
    assert device.download(device.upload(np.ones(3)))[0] == 1, "it goes on"


def test_the_facts_of_the_device(device: Any) -> None:
    limits = device.limits
    assert limits.multiprocessors > 1
    assert limits.shared_bytes >= 64 * 1024
    assert device.free_bytes() > 0
    assert {"name", "device", "devices", "bus_id"} <= set(device.facts)
