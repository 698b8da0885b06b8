"""Neurons of chips as they would be without rounding, for what a conversion asks for."""

from __future__ import annotations

from dtbsim.models import NeuronModel
from dtbsim.models.base import Constants, Values
from dtbsim.models.tables import Derived, Parameter, Receptor, State


class UnroundedLoihi(NeuronModel):
    """`loihi_lif` with numbers of any kind in its registers, and a threshold that is reached."""

    name = "unrounded_loihi"
    summary = "Loihi without rounding"
    parameters = tuple(
        Parameter(name, "1", 0.0, name)
        for name in ("decay_u", "decay_v", "vth_mantissa", "bias_mantissa", "bias_exponent", "refractory_steps")
    )
    states = (State("v", "1", "v"), State("u", "1", "u"), State("refractory", "steps", "left", dtype="i32"))
    derived = (
        Derived("keep_u", "1", "kept"),
        Derived("keep_v", "1", "kept"),
        Derived("threshold", "1", "threshold"),
        Derived("bias", "1", "bias"),
        Derived("silent_steps", "steps", "silent", dtype="i32"),
    )
    receptors = (Receptor("syn", "1", "jump of u", channel=0),)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """As `loihi_lif`."""
        return {
            "keep_u": 1.0 - p["decay_u"] / 4096.0,
            "keep_v": 1.0 - p["decay_v"] / 4096.0,
            "threshold": 64.0 * p["vth_mantissa"],
            "bias": p["bias_mantissa"] * 2.0 ** p["bias_exponent"],
            "silent_steps": p["refractory_steps"] - 1.0,
        }

    @staticmethod
    def update(
        v: float, u: float, refractory: int, in_syn: float, keep_u: float, keep_v: float, threshold: float, bias: float,
        silent_steps: int,
    ) -> tuple[float, float, int, bool]:  # fmt: skip
        """As `loihi_lif`."""
        i = u + in_syn
        v = v * keep_v + i + bias if refractory == 0 else 0.0
        left = max(refractory - 1, 0)
        spiked = v >= threshold
        v = 0.0 if spiked else v
        left = silent_steps if spiked else left
        return v, i * keep_u, left, spiked


class UnroundedSpinnaker(NeuronModel):
    """`spinnaker_if_curr_exp` with numbers of any kind; weights in 2^-15 nA, potentials from rest."""

    name = "unrounded_spinnaker"
    summary = "SpiNNaker without rounding"
    parameters = tuple(
        Parameter(name, "1", 1.0, name)
        for name in ("tau_m_ms", "v_rest_mV", "v_thresh_mV", "v_reset_mV", "tau_refrac_ms", "tau_syn_ex_ms",
                     "tau_syn_in_ms", "cm_nF", "i_offset_nA")
    )  # fmt: skip
    states = (
        State("v", "1", "v, from rest"),
        State("i_ex", "1", "i"),
        State("i_in", "1", "i"),
        State("refractory", "steps", "left", dtype="i32"),
    )
    derived = (
        *(Derived(name, "1", name) for name in ("keep", "r", "keep_ex", "keep_in", "init_ex", "init_in")),
        *(Derived(name, "mV", name) for name in ("theta", "reset")),
        Derived("steps", "steps", "refractory", dtype="i32"),
    )
    receptors = (Receptor("ex", "1", "i_ex", channel=0), Receptor("in", "1", "i_in", channel=1))

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """As `spinnaker_if_curr_exp`."""
        import numpy as np

        kept = {k: np.exp(-dt_ms / p[f"tau_syn_{k}_ms"]) for k in ("ex", "in")}
        return {
            "keep": np.exp(-dt_ms / p["tau_m_ms"]),
            "r": p["tau_m_ms"] / p["cm_nF"] / 32768.0,
            **{f"keep_{k}": kept[k] for k in kept},
            **{f"init_{k}": p[f"tau_syn_{k}_ms"] / dt_ms * (1 - kept[k]) for k in kept},
            "theta": p["v_thresh_mV"] - p["v_rest_mV"],
            "reset": p["v_reset_mV"] - p["v_rest_mV"],
            "steps": np.ceil(np.round(p["tau_refrac_ms"] / dt_ms, 9)),
        }

    @staticmethod
    def update(
        v: float, i_ex: float, i_in: float, refractory: int, in_ex: float, in_in: float, i_offset_nA: float,
        keep: float, r: float, keep_ex: float, keep_in: float, init_ex: float, init_in: float, theta: float,
        reset: float, steps: int,
    ) -> tuple[float, float, float, int, bool]:  # fmt: skip
        """As `spinnaker_if_curr_exp`."""
        a = i_ex + init_ex * in_ex
        b = i_in + init_in * in_in
        alpha = (a - b + 32768.0 * i_offset_nA) * r
        v = alpha - keep * (alpha - v) if refractory == 0 else v
        left = max(refractory - 1, 0)
        spiked = v >= theta
        v = reset if spiked else v
        left = steps if spiked else left
        return v, a * keep_ex, b * keep_in, left, spiked
