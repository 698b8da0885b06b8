"""The CUDA text of synapses that change compiled by NVRTC; no GPU is needed."""

from __future__ import annotations

import re

import pytest
from tests.helpers import nvrtc
from tests.helpers.changing_synapses import dynamic_text
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import ShimDevice
from tests.unit.test_models_nvrtc import unwanted

from dtbsim.backends.cuda.source import whole_text
from dtbsim.backends.cuda.tables import DeviceLaneTables
from dtbsim.kernels.update_cuda import updates_text

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed: pip install 'dtbsim[cuda-check]'"
)


def step_text() -> str:
    built = built_rank(network_of(dynamic_text("triplets")))
    variants = DeviceLaneTables(built, 64, ShimDevice()).variants
    return whole_text("step.cu", {"updates.cuh": updates_text(variants)}, {"DTB_DYNAMIC": 1})


@pytest.mark.parametrize("architecture", [70, 90])
@pytest.mark.parametrize("name", ["step.cu", "dynamic.cu"])
def test_kernels_compile_without_contraction(name: str, architecture: int) -> None:
    found = nvrtc.compiled(step_text() if name == "step.cu" else whole_text(name, {}), architecture)
    assert found.works, found.log
    assert set(re.findall(r"warning (#[\w-]+)", found.log)) <= {"#177-D"}, "constants that are not used"
    assert "dtb_input" in found.ptx if name == "step.cu" else "dtb_catch_up" in found.ptx
    assert unwanted(found.ptx) == []
