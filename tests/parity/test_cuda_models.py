"""Every neuron model by the kernels of both plans, run on the host: spikes and states are those of the CPU."""

from __future__ import annotations

import pytest
from tests.helpers.model_zoo import NAMES, model_zoo
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.two_backends import assert_same, on_cpu, on_gpu

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")


@pytest.mark.parametrize("plan", ["persistent", "general"])
def test_all_models_side_by_side(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.BLOCK_THREADS", 64)
    network = model_zoo(*NAMES)
    expected = on_cpu(network)
    assert len(set(expected[0][:, 1])) > 20 * len(NAMES)
    assert_same(on_gpu(network, ShimDevice(), plan), expected)
