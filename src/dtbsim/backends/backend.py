"""What a run needs of the object that steps a rank's neurons."""

from __future__ import annotations

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend

Backend = CpuBackend | CudaBackend
