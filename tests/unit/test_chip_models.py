"""Models of chips: against slow references in integers, at the ends of their registers, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

import dtbsim
from dtbsim.errors import InputError
from dtbsim.models import get_model
from dtbsim.models.neurons.spinnaker_numbers import accum, decay_and_init, exp_accum

N = 64


def wrapped(x: int, bits: int) -> int:
    """x in so many bits, the sign among them."""
    half = 1 << (bits - 1)
    return (x + half) % (2 * half) - half


def shrunk(x: int, keep: int) -> int:
    return (abs(x) * keep >> 12) * (1 if x >= 0 else -1)


def loihi(p: dict[str, int], s: dict[str, int], given: int) -> bool:
    """A step of a neuron of Loihi."""
    i = wrapped(s["u"] + wrapped(given, 22), 24)
    free = shrunk(s["v"], 4096 - p["decay_v"]) + wrapped(i + p["bias_mantissa"] * 2 ** p["bias_exponent"], 24)
    s["v"] = max(min(free, 2**23 - 1), 1 - 2**23) if s["refractory"] == 0 else 0
    s["refractory"] = max(s["refractory"] - 1, 0)
    s["u"] = shrunk(i, 4096 - p["decay_u"])
    spiked = s["v"] > 64 * p["vth_mantissa"]
    if spiked:
        s["v"], s["refractory"] = 0, p["refractory_steps"] - 1
    return spiked


def truenorth(p: dict[str, int], s: dict[str, int], given: int) -> bool:
    """A tick of a neuron of TrueNorth."""
    v = max(min(s["v"] + given, 393216), -393216)
    sign = (v > 0) - (v < 0)
    after = v + (sign * p["leak"] if p["leak_reversal"] else p["leak"])
    v = 0 if p["leak_reversal"] and after * sign < 0 else max(min(after, 393216), -393216)
    spiked, mode = v >= p["threshold"], p["reset_mode"]
    if spiked:
        v = (p["reset"], v - p["threshold"], v)[mode]
    elif v < -p["negative_threshold"]:
        v = -p["negative_threshold"] if p["negative_saturates"] else (-p["reset"], v + p["negative_threshold"], v)[mode]
    s["v"] = v
    return spiked


def drawn(draw: np.random.Generator, **ends: tuple[int, int]) -> dict[str, Any]:
    return {name: draw.integers(low, high + 1, N) for name, (low, high) in ends.items()}


LOIHI = {"decay_u": (0, 4096), "decay_v": (0, 4096), "vth_mantissa": (0, 131071), "bias_mantissa": (-4095, 4095),
             "bias_exponent": (0, 7), "refractory_steps": (1, 64)}  # fmt: skip
TRUENORTH = {"leak": (-255, 255), "leak_reversal": (0, 1), "threshold": (1, 2000), "negative_threshold": (0, 2000),
                 "reset": (-300, 300), "reset_mode": (0, 2), "negative_saturates": (0, 1)}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "step", "ends", "states", "size"),
    [
        ("loihi_lif", loihi, LOIHI | {"vth_mantissa": (0, 9000)}, ("v", "u", "refractory"), 1 << 18),
        ("loihi_lif", loihi, LOIHI, ("v", "u", "refractory"), 1 << 23),
        ("truenorth", truenorth, TRUENORTH, ("v",), 500),
        ("truenorth", truenorth, TRUENORTH | {"threshold": (1 << 17, (1 << 18) - 1)}, ("v",), 1 << 18),
    ],
)
def test_every_step_is_that_of_integers(model: str, step: Any, ends: Any, states: tuple[str, ...], size: int) -> None:
    """Also where input, currents and potentials are beyond the registers."""
    draw = np.random.default_rng(size)
    p = drawn(draw, **ends)
    made = SinglePopulation(get_model(model), N, 1.0, {k: v.astype(float) for k, v in p.items()}, quanta=[1.0])
    kept: list[dict[str, int]] = [dict.fromkeys(states, 0) for _ in range(N)]
    spikes = 0
    for _ in range(200):
        given = draw.integers(-size, size + 1, N) * (draw.random(N) < 0.5)
        found = made.step({0: given})
        expected = [step({k: int(v[n]) for k, v in p.items()}, kept[n], int(given[n])) for n in range(N)]
        assert found.astype(bool).tolist() == expected
        for name in states:
            assert made.state(name).astype(int).tolist() == [s[name] for s in kept], name
        spikes += sum(expected)
    assert spikes > 50


def s32(x: int) -> int:
    return wrapped(x, 32)


def test_spinnaker_wraps_and_saturates_as_32_bits_do() -> None:
    """The C code with 64-bit products, on numbers that reach the ends: input saturates at 65535, sums wrap."""
    draw = np.random.default_rng(8)
    p = {
        "cm_nF": draw.uniform(0.01, 1.0, N), "tau_m_ms": draw.uniform(1.0, 60.0, N), "tau_syn_ex_ms": np.full(N, 500.0),
        "tau_syn_in_ms": draw.uniform(0.3, 9.0, N), "tau_refrac_ms": draw.uniform(0, 4, N),
        "v_thresh_mV": np.full(N, 300.0),
        "i_offset_nA": draw.uniform(-2, 2, N), "shift_ex": draw.integers(0, 17, N) * 1.0,
        "shift_in": draw.integers(0, 12, N) * 1.0,
    }  # fmt: skip
    made = SinglePopulation(get_model("spinnaker_if_curr_exp"), N, 1.0, p, quanta=[1.0, 1.0])
    r = (accum(p["tau_m_ms"]) << 15) // accum(p["cm_nF"])
    keep = exp_accum(-((accum(1.0) << 15) // accum(p["tau_m_ms"])))
    syn = {k: decay_and_init(accum(p[f"tau_syn_{k}_ms"]), accum(1.0)) for k in ("ex", "in")}
    rest, reset, high = (int(accum(x)) for x in (-65.0, -65.0, 300.0))
    offset, hold = accum(p["i_offset_nA"]), np.ceil(p["tau_refrac_ms"])
    v, current = [rest] * N, {"ex": [0] * N, "in": [0] * N}
    timer, wraps, spikes = [0] * N, 0, 0
    for _ in range(150):
        given = {k: draw.integers(0, 90_000, N) * (draw.random(N) < 0.4) for k in ("ex", "in")}
        found = made.step({0: given["ex"], 1: given["in"]}).astype(bool)
        for n in range(N):
            for k in ("ex", "in"):
                arrived = s32(min(int(given[k][n]), 65535) << int(p[f"shift_{k}"][n]))
                current[k][n] = s32(current[k][n] + s32(arrived * int(syn[k][1][n]) >> 32))
            total = s32(s32(current["ex"][n] - current["in"][n]) + int(offset[n]))
            alpha = s32(s32(total * int(r[n]) >> 15) + rest)
            wraps += abs((total * int(r[n]) >> 15) + rest) >= 2**31
            if timer[n] <= 0:
                v[n] = s32(alpha - s32(s32(alpha - v[n]) * int(keep[n]) >> 15))
            else:
                timer[n] -= 1
            assert found[n] == (v[n] >= high)
            if found[n]:
                v[n], timer[n], spikes = reset, int(hold[n]), spikes + 1
            for k in ("ex", "in"):
                current[k][n] = s32(current[k][n] * int(syn[k][0][n]) >> 32)
        assert made.state("v").astype(int).tolist() == v
        assert made.state("i_ex").astype(int).tolist() == current["ex"]
        assert made.state("i_in").astype(int).tolist() == current["in"]
    assert wraps > 100
    assert spikes > 100


@pytest.mark.parametrize(
    ("model", "parameters", "message"),
    [
        ("loihi_lif", {"decay_v": 4097}, r"decay_v is 4097; allowed: \[0, 4096\], whole"),
        ("loihi_lif", {"decay_u": 12.5}, r"decay_u is 12.5; allowed: \[0, 4096\], whole"),
        ("loihi_lif", {"vth_mantissa": 131072}, r"vth_mantissa is 131072; allowed: \[0, 131071\]"),
        ("loihi_lif", {"bias_exponent": 8}, "bias_exponent is 8"),
        ("loihi_lif", {"refractory_steps": 65}, r"refractory_steps is 65 steps; allowed: \[1, 64\]"),
        ("truenorth", {"leak": 256}, r"leak is 256; allowed: \[-255, 255\]"),
        ("truenorth", {"random_mask": 3}, "model 'truenorth' has no parameter 'random_mask'"),
        ("spinnaker_if_curr_exp", {"tau_m_ms": 60_000.0}, "tau_m_ms is too long for steps of 0.1 ms"),
        ("spinnaker_if_curr_exp", {"cm_nF": 0.0001}, "beyond the chip's 65536 MOhm"),
        ("spinnaker_if_curr_exp", {"v_reset_mV": -40}, "v_reset_mV is not below v_thresh_mV"),
        ("spinnaker_if_curr_exp", {"v_rest_mV": -600}, "v_rest_mV is -600 mV"),
        ("spinnaker_if_curr_exp", {"shift_ex": 1.5}, "shift_ex is 1.5; allowed: .*whole"),
    ],
)
def test_what_a_register_cannot_hold_is_refused(model: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_model(model).check(parameters, 0.1)


def network(model: str, **projection: Any) -> dict[str, Any]:
    rule = {"kind": "all_to_all"}
    made = {"source": "A", "target": "A", "rule": rule, "delay_ms": 1.0} | projection
    return {
        "name": "n",
        "simulation": {"dt_ms": 1.0, "duration_ms": 10},
        "populations": {"A": {"model": model, "size": 3}},
        "projections": {"AA": made},
    }


@pytest.mark.parametrize(
    ("model", "projection", "message"),
    [
        ("loihi_lif", {"weight": 64.5}, "a weight of 64.5: port 'syn' of model 'loihi_lif' takes whole numbers"),
        ("loihi_lif", {"weight": {"distribution": "uniform", "low": 1, "high": 9}}, "drawn ones are none"),
        ("loihi_lif", {"weight": 3, "receptor": {"syn": 0.5}}, "and no shares of them"),
        (
            "truenorth",
            {"rule": {"kind": "explicit", "edges": {"source": [0], "target": [1], "weight": [0.25]}}},
            "those that are listed are others",
        ),
        ("spinnaker_if_curr_exp", {"weight": -3, "receptor": "in"}, "its weights are not below 0"),
    ],
)
def test_weights_that_a_synapse_cannot_hold_are_refused(model: str, projection: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dtbsim.build(network(model, **projection))


def test_large_and_small_whole_weights_are_kept_exactly() -> None:
    weight = [127 << 14, -(255 << 6), 1, 3]
    edges = {"source": [0, 1, 2, 0], "target": [1, 1, 1, 2], "weight": weight}
    given = network("loihi_lif", rule={"kind": "explicit", "edges": edges})
    (part,) = dtbsim.build(given).projections["AA"].synapses()
    assert sorted(part.weight.tolist()) == sorted(weight)


def test_operations_on_bits_are_for_models_that_ask_for_them() -> None:
    from dtbsim.models.language.checked import checked_update

    class Shifting(type(get_model("truenorth"))):  # type: ignore[misc]
        derived = ()

        @staticmethod
        def update(v: float, in_syn: float) -> tuple[float, bool]:
            """Shift."""
            return v + in_syn + (2 << 3), v > 3.0

    with pytest.raises(InputError, match="operator << is not allowed"):
        checked_update(Shifting())
