"""What GPUs draw of Poisson drives: eight steps from one call of the generator, in both plans."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.two_backends import assert_same, on_cpu, on_gpu

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
N, STEPS = 150, 44
NETWORK = f"""\
simulation: {{dt_ms: 0.5, duration_ms: {STEPS * 0.5}, block_size: 32}}
populations: {{E: {{model: iaf_psc_exp, size: {N}}}}}
projections:
  EE: {{source: E, target: E, rule: {{kind: fixed_indegree, indegree: 5}}, weight_pA: 80, delay_ms: 1.5}}
drives: {{bg: {{kind: poisson, target: E, rate_hz: 9000, weight_pA: 120}}}}
"""


class CountingDevice(ShimDevice):
    """Counts the calls of Philox."""

    def compile(self, text: str) -> Any:
        loop = "for (int round = 0; round < 10; ++round) {"
        assert text.count(loop) == 1
        kernels = super().compile(
            "static i64_calls;\n".replace("static i64_calls", 'extern "C" { long long philox_calls = 0; }')
            + text.replace(loop, "++philox_calls;\n    " + loop)
        )
        if "dtb_neurons" in text or "dtb_persistent" in text:
            self.counter = ctypes.c_longlong.in_dll(kernels._library, "philox_calls")
            self.counter.value = 0
        return kernels


@pytest.mark.parametrize("plan", ["persistent", "general"])
@pytest.mark.parametrize("chunks", [(), (8, 9, 27)])
def test_a_call_serves_eight_steps(plan: str, chunks: tuple[int, ...]) -> None:
    network = network_of(NETWORK)
    device = CountingDevice()
    found = on_gpu(network, device, plan, chunks)
    assert_same(found, on_cpu(network, chunks=chunks))
    assert len(found[0]) > N
    eighths = len({(np.searchsorted(chunks, step, "right"), step // 8) for step in range(STEPS)})
    least = N * eighths
    assert least <= device.counter.value < 1.05 * least, "and a few draws that 15 bits leave open"
