"""Neuron of Intel's Loihi in its registers: whole numbers, step by step as the chip computes."""

from __future__ import annotations

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.neurons.whole_numbers import floor, kept, wrapped_22, wrapped_24
from dtbsim.models.tables import Derived, Parameter, Receptor, State

V_MAX = 2**23 - 1
"""Of the register of v, in size."""
MANTISSA_SHIFT = 6
"""Weights and thresholds are mantissas times 2^6."""


class LoihiLif(NeuronModel):
    """The leaky integrate-and-fire neuron of Loihi with exponential current (CUBA)."""

    name = "loihi_lif"
    summary = "Leaky integrate-and-fire neuron of the Loihi chip, in whole numbers (CUBA)"
    citation = (
        "Davies et al. 2018 (doi:10.1109/MM.2018.112130359); rounding, order and refractoriness as Brian2Loihi 0.5.2 "
        "(Michaelis et al. 2022, doi:10.3389/fninf.2022.1015624), whose spikes these are; bias and overflow as the "
        "emulator of nengo-loihi 1.1.0"
    )
    integration = (
        "one step of the chip a step, whatever dt_ms is, in whole numbers that float32 holds exactly: the input of a "
        "step is added to u, u and the bias to what is left of v, and then u decays; decays round towards 0. Where "
        "v > 64 vth_mantissa the neuron spikes, and v is 0 in the following refractory_steps - 1 steps, while u goes "
        "on. The sum of the input wraps at 22 bits with its sign, u with and without the bias at 24, v stays within "
        "2^23 - 1; sums of input beyond 2^24 times the finest weight are rounded first. Weights are the chip's "
        "mantissa 2^(6 + exponent). A delay of d steps is one of d - 1 on the chip, which counts from 0 to 62. No "
        "noise, no dendrites of several compartments, no learning. A decay of u of nengo-loihi and NxSDK is one less "
        "than decay_u, which counts as in Brian2Loihi"
    )
    equations = (
        "i = u + sum_k w_k\n"
        "v = trunc(v (4096 - decay_v) / 4096) + i + bias_mantissa 2^bias_exponent\n"
        "u = trunc(i (4096 - decay_u) / 4096)\n"
        "v > 64 vth_mantissa:  v = 0"
    )
    parameters = (
        Parameter("decay_u", "1", 4096.0, "share of u that decays in a step, in 1/4096", low=0, high=4096, whole=True),
        Parameter("decay_v", "1", 128.0, "share of v that decays in a step, in 1/4096", low=0, high=4096, whole=True),
        Parameter("vth_mantissa", "1", 100.0, "threshold of v, in 64", low=0, high=131071, whole=True),
        Parameter("bias_mantissa", "1", 0.0, "constant input", low=-4095, high=4095, whole=True),
        Parameter("bias_exponent", "1", 0.0, "power of two that it is multiplied by", low=0, high=7, whole=True),
        Parameter(
            "refractory_steps", "steps", 1.0, "steps from a spike to the next possible one", low=1, high=64, whole=True
        ),
    )
    states = (
        State("v", "1", "potential"),
        State("u", "1", "current, as it is left for the next step"),
        State("refractory", "steps", "steps left in which v is 0", dtype="i32"),
    )
    derived = (
        Derived("keep_u", "1", "4096 - decay_u"),
        Derived("keep_v", "1", "4096 - decay_v"),
        Derived("threshold", "1", "64 vth_mantissa"),
        Derived("bias", "1", "bias_mantissa 2^bias_exponent"),
        Derived("silent_steps", "steps", "refractory_steps - 1", dtype="i32"),
    )
    receptors = (Receptor("syn", "1", "jump of u; whole numbers of either sign", channel=0, takes="whole"),)
    functions = (floor, wrapped_22, wrapped_24, kept)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Registers as the step uses them."""
        return {
            "keep_u": 4096.0 - p["decay_u"],
            "keep_v": 4096.0 - p["decay_v"],
            "threshold": p["vth_mantissa"] * 2.0**MANTISSA_SHIFT,
            "bias": p["bias_mantissa"] * np.exp2(p["bias_exponent"]),
            "silent_steps": p["refractory_steps"] - 1.0,
        }

    @staticmethod
    def update(
        v: float,
        u: float,
        refractory: int,
        in_syn: float,
        keep_u: float,
        keep_v: float,
        threshold: float,
        bias: float,
        silent_steps: int,
    ) -> tuple[float, float, int, bool]:
        """Input to u, u to v, threshold, and what is left of u."""
        i = wrapped_24(u + wrapped_22(in_syn))
        free = min(max(kept(v, keep_v) + wrapped_24(i + bias), -8388607.0), 8388607.0)
        v = free if refractory == 0 else 0.0
        left = max(refractory - 1, 0)
        spiked = v > threshold
        v = 0.0 if spiked else v
        left = silent_steps if spiked else left
        return v, kept(i, keep_u), left, spiked
