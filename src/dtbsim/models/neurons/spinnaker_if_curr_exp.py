"""IF_curr_exp of sPyNNaker as the cores of SpiNNaker compute it: fixed point, s16.15."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.language.subset import function_from_text
from dtbsim.models.neurons.spinnaker_numbers import accum, decay_and_init, divided, exp_accum, steps_up
from dtbsim.models.tables import Derived, Parameter, Receptor, State

_LSB = "2^-15"
LARGEST_mV = 511.0
"""Constants of a step have 24 bits here, and are whole 2^-15 mV."""

# The product of two numbers of 32 bits without one of 64: {x} {y} / 2^15, where {y} = 2^15 {y}_high + {y}_low.
_ACCUM_PRODUCT = """\
    {r}_h = {x} >> 15
    {r}_l = {x} & 32767
    {r} = (({r}_h * {y}_high) << 15) + {r}_h * {y}_low + {r}_l * {y}_high + (({r}_l * {y}_low) >> 15)
"""
# {x} {y} / 2^32 of a signed {x} and an unsigned {y} = 2^16 {y}_high + {y}_low; products stay below 2^31.
_DECAY_PRODUCT = """\
    {r}_h = {x} >> 16
    {r}_l = {x} & 65535
    {r}_p = {r}_h * {y}_low
    {r}_a = {r}_l * ({y}_high >> 8)
    {r}_b = {r}_l * ({y}_high & 255)
    {r}_c = ({r}_l * ({y}_low >> 8) + (({r}_l * ({y}_low & 255)) >> 8)) >> 8
    {r}_q = ({r}_a + ({r}_b >> 8)) >> 8
    {r}_s = ((({r}_a & 255) << 8) + {r}_b) & 65535
    {r} = {r}_h * {y}_high + ({r}_p >> 16) + {r}_q + ((({r}_p & 65535) + {r}_s + {r}_c) >> 16)
"""
_ARRIVAL = """\
    n_{k} = min(max(in_{k}, 0.0), 65535.0)
    arrived_{k} = (float_bits(n_{k} + 8388608.0) - 1258291200) << bits_{k}
"""
_CONSTANTS = [f"{name}_{part}" for name in ("r", "keep", "decay_ex", "init_ex", "decay_in", "init_in")
              for part in ("high", "low")]  # fmt: skip


def _text() -> str:
    lines = ["def update(", "    v, i_ex, i_in, refractory, in_ex, in_in, bits_ex, bits_in,"]
    lines += [f"    {', '.join(_CONSTANTS)},", "    v_rest, v_reset, v_thresh, i_offset, refractory_steps,", "):"]
    body = "\n".join(lines) + "\n"
    for k in ("ex", "in"):
        body += _ARRIVAL.format(k=k)
        body += _DECAY_PRODUCT.format(r=f"jump_{k}", x=f"arrived_{k}", y=f"init_{k}")
        body += f"    i_{k} = i_{k} + jump_{k}\n"
    body += "    total = i_ex - i_in + i_offset\n"
    body += _ACCUM_PRODUCT.format(r="lifted", x="total", y="r")
    body += "    alpha = lifted + v_rest\n    far = alpha - v\n"
    body += _ACCUM_PRODUCT.format(r="kept", x="far", y="keep")
    body += "    v = alpha - kept if refractory <= 0 else v\n"
    body += "    left = refractory - 1 if refractory > 0 else refractory\n"
    body += "    spiked = v >= v_thresh\n    v = v_reset if spiked else v\n"
    body += "    left = refractory_steps if spiked else left\n"
    for k in ("ex", "in"):
        body += _DECAY_PRODUCT.format(r=f"next_{k}", x=f"i_{k}", y=f"decay_{k}")
    return body + "    return v, next_ex, next_in, left, spiked\n"


class SpinnakerIfCurrExp(NeuronModel):
    """sPyNNaker's `IF_curr_exp`, one step of the neuron a step of the chip."""

    name = "spinnaker_if_curr_exp"
    summary = "Leaky integrate-and-fire neuron of sPyNNaker with exponential currents, in fixed point (s16.15)"
    citation = (
        "sPyNNaker 7.4.1 (Rhodes et al. 2018, doi:10.3389/fnins.2018.00816): neuron_model_lif_impl.h, "
        "exp_synapse_utils.h and neuron_impl_standard.h; products and constants as in its compiled "
        "IF_curr_exp_neuron.aplx; exponentials of spinn_common"
    )
    integration = (
        "that of the C code, in numbers of 32 bits that wrap: what arrives in a step, at most 65535 in whole weights "
        "for each port, is shifted left by its shift and scales the current by tau_syn / dt (1 - exp(-dt / tau_syn)); "
        "v approaches v_rest + R I with the current of the step, products rounded down; a neuron with v >= v_thresh "
        "spikes and is set to v_reset, where it stays for ceil(tau_refrac / dt) steps while the currents go on; then "
        "the currents decay, rounded down. Parameters are rounded to 2^-15 as sPyNNaker writes them, exp(-dt / tau) "
        "and R = tau_m / cm are computed from these as the core does. A weight is a whole number of 0 to 65535, "
        "weight 2^(shift - 15) nA. A delay of d steps is one of d on the chip. Left out are substeps, noise and "
        "stochastic rounding, which IF_curr_exp has not"
    )
    equations = (
        "i_x = i_x + init_x (min(sum_k w_k, 65535) << shift_x),   x = ex, in\n"
        "alpha = v_rest + R (i_ex - i_in + i_offset)\n"
        "v = alpha - exp(-dt / tau_m) (alpha - v)\n"
        "i_x = exp(-dt / tau_syn_x) i_x"
    )
    parameters = (
        Parameter("cm_nF", "nF", 1.0, "membrane capacitance", low=2.0**-15, high=65535.0),
        Parameter("tau_m_ms", "ms", 20.0, "membrane time constant", low=2.0**-15, high=65535.0),
        Parameter("v_rest_mV", "mV", -65.0, "resting potential", low=-LARGEST_mV, high=LARGEST_mV),
        Parameter("v_thresh_mV", "mV", -50.0, "threshold", low=-LARGEST_mV, high=LARGEST_mV),
        Parameter("v_reset_mV", "mV", -65.0, "potential after a spike", low=-LARGEST_mV, high=LARGEST_mV),
        Parameter("tau_refrac_ms", "ms", 0.1, "refractory period, rounded up to whole steps", low=0.0, high=65535.0),
        Parameter("tau_syn_ex_ms", "ms", 5.0, "time constant of the excitatory current", low=2.0**-15, high=65535.0),
        Parameter("tau_syn_in_ms", "ms", 5.0, "time constant of the inhibitory current", low=2.0**-15, high=65535.0),
        Parameter("i_offset_nA", "nA", 0.0, "constant input current", low=-LARGEST_mV, high=LARGEST_mV),
        Parameter(
            "shift_ex", "1", 0.0, "bits by which excitatory weights are shifted left", low=0, high=16, whole=True
        ),
        Parameter(
            "shift_in", "1", 0.0, "bits by which inhibitory weights are shifted left", low=0, high=16, whole=True
        ),
    )
    """Defaults are those of sPyNNaker's IF_curr_exp."""
    states = (
        State("v", f"{_LSB} mV", "potential", dtype="i32", starts_at="v_rest"),
        State("i_ex", f"{_LSB} nA", "excitatory current", dtype="i32"),
        State("i_in", f"{_LSB} nA", "inhibitory current, above 0", dtype="i32"),
        State("refractory", "steps", "steps left in the refractory period", dtype="i32"),
    )
    derived = (
        *(Derived(name, "1", "bits of a constant, see the text", dtype="i32") for name in _CONSTANTS),
        Derived("v_rest", f"{_LSB} mV", "v_rest_mV", dtype="i32"),
        Derived("v_reset", f"{_LSB} mV", "v_reset_mV", dtype="i32"),
        Derived("v_thresh", f"{_LSB} mV", "v_thresh_mV", dtype="i32"),
        Derived("i_offset", f"{_LSB} nA", "i_offset_nA", dtype="i32"),
        Derived("bits_ex", "1", "shift_ex", dtype="i32"),
        Derived("bits_in", "1", "shift_in", dtype="i32"),
        Derived("refractory_steps", "steps", "tau_refrac in steps", dtype="i32"),
    )
    receptors = (
        Receptor("ex", "1", "jump of i_ex, in units of the ring buffer, 2^(shift_ex - 15) nA", 0, takes="unsigned"),
        Receptor("in", "1", "jump of i_in, in units of the ring buffer, 2^(shift_in - 15) nA", 1, takes="unsigned"),
    )
    bit_operations = True
    update = staticmethod(function_from_text(_text(), name))

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """What the core computes when it starts."""
        step, tau_m = accum(dt_ms), accum(p["tau_m_ms"])
        constants: Constants = {}
        _split(constants, "r", divided(tau_m, accum(p["cm_nF"])), 15)
        _split(constants, "keep", exp_accum(-divided(step, tau_m)), 15)
        for port in ("ex", "in"):
            decay, first = decay_and_init(accum(p[f"tau_syn_{port}_ms"]), step)
            _split(constants, f"decay_{port}", decay, 16)
            _split(constants, f"init_{port}", first, 16)
        return constants | {
            "v_rest": accum(p["v_rest_mV"]).astype(np.float64),
            "v_reset": accum(p["v_reset_mV"]).astype(np.float64),
            "v_thresh": accum(p["v_thresh_mV"]).astype(np.float64),
            "i_offset": accum(p["i_offset_nA"]).astype(np.float64),
            "bits_ex": p["shift_ex"] * 1.0,
            "bits_in": p["shift_in"] * 1.0,
            "refractory_steps": steps_up(accum(p["tau_refrac_ms"]), step).astype(np.float64),
        }

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """The potential starts at rest."""
        return {"v": accum(p["v_rest_mV"]).astype(np.float64)}

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset is below the threshold, and quotients of times fit their registers."""
        if np.any(np.asarray(p["v_reset_mV"]) >= np.asarray(p["v_thresh_mV"])):
            raise InputError("v_reset_mV is not below v_thresh_mV; the neuron would fire for ever")
        if not 2.0**-15 <= dt_ms < 65536:
            raise InputError(f"dt_ms is {dt_ms:g}; the chip counts time in 2^-15 ms, up to 65535 ms")
        step = accum(dt_ms)
        for name in ("tau_m_ms", "tau_syn_ex_ms", "tau_syn_in_ms"):
            tau = accum(p[name])
            if np.any(divided(step, tau) == 0) or np.any(divided(tau, step) >= 2**31):
                raise InputError(f"{name} is too long for steps of {dt_ms:g} ms; allowed: up to 32768 steps")
        if np.any(divided(accum(p["tau_m_ms"]), accum(p["cm_nF"])) >= 2**31):
            raise InputError("tau_m_ms / cm_nF is beyond the chip's 65536 MOhm", remedy="raise cm_nF")


def _split(constants: Constants, name: str, value: Any, bits: int) -> None:
    """A constant of 32 bits in two, which float32 holds."""
    constants[f"{name}_high"] = (value >> bits).astype(np.float64)
    constants[f"{name}_low"] = (value & ((1 << bits) - 1)).astype(np.float64)
