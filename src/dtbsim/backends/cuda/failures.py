"""What the exceptions of CUDA mean to a user. They are known by their names, so that CuPy need not be imported."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from dtbsim.errors import DeviceError, DtbsimError, MemoryPlanError

Work = TypeVar("Work", bound=Callable[..., Any])
SMALLER = "use more GPUs, fewer synapses or neurons, or simulation.backend: cpu"
_EXCEPTIONS = ("CUDARuntimeError", "CUDADriverError", "NVRTCError")
_MEMORY = ("cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY")
_UNUSABLE = {
    "cudaErrorDevicesUnavailable": "close other programs on the GPU: it may be in exclusive mode",
    "cudaErrorSystemDriverMismatch": "restart the machine: driver and libraries are of different versions",
    "cudaErrorSystemNotReady": "start the services of the driver (nvidia-fabricmanager on machines with NVSwitch)",
    "cudaErrorInitializationError": "see whether `nvidia-smi` works",
    "cudaErrorUnknown": "see whether `nvidia-smi` works",
    "cudaErrorNoKernelImageForDevice": "remove the kernel cache (`dtbsim doctor` says where it is)",
    "CUDA_ERROR_NO_BINARY_FOR_GPU": "remove the kernel cache (`dtbsim doctor` says where it is)",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": "install a newer driver: it is older than the installed CUDA compiler",
    "cudaErrorECCUncorrectable": "the memory of the GPU is defective: use another one",
    "cudaErrorNvlinkUncorrectable": "the connection of the GPUs is defective: use another machine",
}


def device_failure(error: BaseException, free_bytes: Callable[[], int]) -> DtbsimError | None:
    """The error for the user, None where the exception is none of the device's or tells of a bug."""
    text = " ".join(str(error).split())
    name = text.split(":")[0]
    foreign = type(error).__name__ in _EXCEPTIONS
    if isinstance(error, MemoryError) or (foreign and name in _MEMORY):
        return MemoryPlanError(
            f"the GPU has no memory left: {text or 'allocation failed'}{_free(free_bytes)}", remedy=SMALLER
        )
    if foreign and name in _UNUSABLE:
        return DeviceError(f"the GPU cannot be used: {text}", remedy=_UNUSABLE[name])
    return None


def _free(free_bytes: Callable[[], int]) -> str:
    """How much is free, where that can still be asked."""
    try:
        return f"; {free_bytes() / 2**30:.2f} GiB are free"
    except Exception:  # noqa: BLE001 - a device that failed may fail again; its first failure is the one to tell
        return ""


def told_by_device(method: Work) -> Work:
    """Decorate methods of an object with a `_device`: what fails there is an error for the user."""

    @wraps(method)
    def told(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except DtbsimError:
            raise
        except Exception as error:
            failure = device_failure(error, self._device.free_bytes)
            if failure is None:
                raise
            raise failure from error

    return cast(Work, told)
