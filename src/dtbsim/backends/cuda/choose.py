"""Which GPU a rank uses, and what is missing where it can use none: one error per cause, with what to do."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from dtbsim.backends.cuda.compiler import architecture_of
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.failures import device_failure
from dtbsim.errors import DeviceError, MissingDependencyError

OLDEST = 70
"""Compute capability 7.0 (Volta): threads of a warp that wait for each other."""
INSTALL = "pip install 'dtbsim[cuda12]', or 'dtbsim[cuda13]' for a driver of CUDA 13"
NO_DEVICE, OLD_DRIVER = "cudaErrorNoDevice", "cudaErrorInsufficientDriver"


def open_device(local_rank: int) -> Device:
    """The GPU of a rank: the ranks of a machine are dealt to the devices in turn (CUDA_VISIBLE_DEVICES is respected).

    Raises MissingDependencyError without CuPy, a driver, a device or NVRTC, DeviceError where they do not work together
    or the device is too old, MemoryPlanError where it has no memory left.
    """
    gpu = _cupy()
    n_devices = _count(gpu)
    try:
        gpu.compiler_version()
    except Exception as error:
        raise MissingDependencyError(f"NVRTC, the CUDA compiler, cannot be loaded: {error}", remedy=INSTALL) from error
    try:
        device: Device = gpu.CupyDevice(local_rank % n_devices)
    except Exception as error:
        failure = device_failure(error, lambda: 0)
        if failure is None:
            raise DeviceError(
                f"GPU {local_rank % n_devices} cannot be used: {error}", remedy="see whether `nvidia-smi` works"
            ) from error
        raise failure from error
    capability = str(device.facts["compute_capability"])
    if int(capability.replace(".", "")) < OLDEST:
        raise DeviceError(
            f"{device.name} has compute capability {capability}; dtbsim needs {OLDEST / 10:g} or more (Volta, 2017)",
            remedy="use another GPU, or simulation.backend: cpu",
        )
    known = gpu.architectures()
    if architecture_of(int(capability.replace(".", "")), known) is None:
        raise DeviceError(
            f"{device.name} has compute capability {capability}; NVRTC {device.facts['nvrtc']}, the CUDA compiler, "
            f"compiles for {min(known) / 10:g} or more",
            remedy="pip install 'dtbsim[cuda12]' in the place of cuda13, or use another GPU",
        )
    return device


def _cupy() -> ModuleType:
    """The module that uses CuPy."""
    try:
        return import_module("dtbsim.backends.cuda.cupy_device")
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise
        raise MissingDependencyError("CuPy is not installed", remedy=INSTALL) from error
    except ImportError as error:
        reason = next(
            (line.strip() for line in reversed(str(error).splitlines()) if line.strip(" =")), "no reason given"
        )
        raise MissingDependencyError(f"CuPy is installed, but cannot be imported: {reason}", remedy=INSTALL) from error


def _count(gpu: ModuleType) -> int:
    """Devices of this process."""
    try:
        found = int(gpu.count_devices())
    except Exception as error:
        text, code = str(error), str(error).split(":")[0]
        if code == NO_DEVICE:
            found = 0
        elif code == OLD_DRIVER and gpu.driver_version() == 0:
            raise MissingDependencyError(
                "this machine has no NVIDIA driver", remedy="install one, or use simulation.backend: cpu"
            ) from error
        elif code == OLD_DRIVER:
            versions = [f"{v // 1000}.{v % 1000 // 10}" for v in (gpu.driver_version(), gpu.runtime_version())]
            raise MissingDependencyError(
                "the NVIDIA driver is for CUDA {}, too old for the CuPy that is installed (CUDA {})".format(*versions),
                remedy="renew the driver, or " + INSTALL,
            ) from error
        else:
            failure = device_failure(error, lambda: 0)
            raise failure or DeviceError(
                f"the driver does not answer: {text}", remedy="see whether `nvidia-smi` works"
            ) from error
    if found == 0:
        raise MissingDependencyError(
            "there is no GPU that this process may use",
            remedy="look at `nvidia-smi` and CUDA_VISIBLE_DEVICES, or use simulation.backend: cpu",
        )
    return found
