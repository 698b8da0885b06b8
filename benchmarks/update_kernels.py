"""Time of the update kernels: nanoseconds per neuron and step, call included, everything in the processor's cache.

    python benchmarks/update_kernels.py [--json FILE]

Each figure is over `REPEATS` repetitions of a compiled loop that calls the kernel through its pointer, as a run does.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from typing import Any

import common
import numba as nb
import numpy as np

from dtbsim.kernels.update_kernel import get_update_kernel
from dtbsim.models import NeuronModel, example_model, get_model

REPEATS = 15
NEURONS = (250, 1000, 4096, 16384)
NEURON_STEPS = 4_000_000
"""Per repetition."""
ODES = {
    "aeif_cond_exp": 800.0,
    "hh_psc_alpha": 1000.0,
    "hh_cond_exp_traub": 500.0,
    "izhikevich_2007": 100.0,
    "qif": 1.0,
    "theta": 1.0,
    "iaf_wang_2002": 500.0,
}
"""Models with a fixed scheme for non-linear equations, with a current above rheobase (pA; qif and theta: eta)."""


def variants() -> dict[str, tuple[NeuronModel, dict[str, Any]]]:
    """What is timed: label -> (model, arguments of get_update_kernel)."""
    iaf = get_model("iaf_psc_exp")
    ports = get_model("iaf_psc_exp_multisynapse", {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0})
    izhikevich, dtb = get_model("izhikevich"), get_model("lif_dtb")
    return {
        "iaf_psc_exp": (iaf, {}),
        "iaf_psc_exp, equal tau_syn": (iaf.simplify({}), {}),
        "iaf_psc_exp, input current, I_e per neuron": (
            iaf,
            {"use_stim": True, "array_constants": frozenset({"I_e_pA"})},
        ),
        "iaf_psc_exp, int64 input": (iaf, {"acc_bits": 64}),
        "iaf_psc_exp_multisynapse, 3 ports": (ports, {}),
        "iaf_psc_delta": (get_model("iaf_psc_delta"), {}),
        "iaf_psc_alpha": (get_model("iaf_psc_alpha"), {}),
        "iaf_psc_alpha, equal tau_syn": (get_model("iaf_psc_alpha").simplify({}), {}),
        "iaf_cond_exp": (get_model("iaf_cond_exp"), {}),
        "iaf_cond_alpha": (get_model("iaf_cond_alpha"), {}),
        "mat2_psc_exp": (get_model("mat2_psc_exp"), {}),
        "amat2_psc_exp": (get_model("amat2_psc_exp"), {}),
        "glif1_psc, 2 ports": (example_model("glif1_psc"), {}),
        "glif2_psc, 2 ports": (example_model("glif2_psc"), {}),
        "glif3_psc, 2 ports": (example_model("glif3_psc"), {}),
        "lif_dtb": (dtb.simplify({}), {}),
        "lif_dtb, magnesium block": (dtb, {}),
        "izhikevich": (izhikevich, {}),
        "izhikevich, a b c d per neuron": (
            izhikevich,
            {"array_constants": frozenset({"recovery", "b", "c_mV", "d"})},
        ),
        **{name: (get_model(name), {}) for name in ODES},
    }


def caller(address: int) -> Any:
    """Return compiled `loop(steps, F, I, acc, stim, spk, G, C)` around the kernel at `address`."""
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 7)(address)

    @nb.njit
    def loop(steps: int, F: Any, I: Any, acc: Any, stim: Any, spk: Any, G: Any, C: Any) -> None:  # noqa: E741
        for _ in range(steps):
            kernel(F.ctypes, I.ctypes, acc.ctypes, stim.ctypes, spk.ctypes, G.ctypes, C.ctypes)

    return loop


def arrays(model: NeuronModel, kernel: Any, n: int, acc_bits: int) -> list[Any]:
    """Return F, I, acc, stim, spk, G, C for n neurons that are driven and spike now and then."""
    size = -(-n // 16) * 16 + 16
    constants = model.constants(driving_parameters(model), 0.1)
    F = np.zeros(size * (len(model.states) + len(kernel.array_order)), np.float32)
    I = np.zeros(size * len(model.states), np.int32)  # noqa: E741
    starts = [k * size for k in range(len(model.states))]
    constant_starts = [size * (len(model.states) + k) for k in range(len(kernel.array_order))]
    for name, start in zip(kernel.array_order, constant_starts, strict=True):
        F[start : start + n] = constants[name]
    for row, value in zip(model.states, model.initial_states({}).values(), strict=True):
        if row.dtype == "f32":
            F[starts[model.states.index(row)] :][:n] = value
    acc = np.zeros(size * kernel.n_channels, np.int32 if acc_bits == 32 else np.int64)
    G = np.array([n, 0, 0, 0, *starts, *(k * size for k in range(kernel.n_channels)), *constant_starts], np.int64)
    C = kernel.pack_constants(constants, [1.0] * kernel.n_channels)
    return [F, I, acc, np.zeros(size, np.float32), np.zeros(size, np.uint8), G, C]


def driving_parameters(model: NeuronModel) -> dict[str, float]:
    """Constant current above rheobase."""
    if model.name in ("qif", "theta"):
        return {"eta": ODES[model.name]}
    given = {"I_e_mV_per_ms": 10.0, "I_e_uA_per_cm2": 1.0, "I_e_pA": ODES.get(model.name, 400.0)}
    return {row.name: given[row.name] for row in model.parameters if row.name in given}


def measure(model: NeuronModel, options: dict[str, Any], n: int) -> dict[str, float]:
    """Return min and median ns per neuron and step."""
    kernel = get_update_kernel(model, **options)
    data = arrays(model, kernel, n, options.get("acc_bits", 32))
    loop, steps = caller(kernel.address), NEURON_STEPS // n
    loop(steps // 10, *data)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        loop(steps, *data)
        times.append((time.perf_counter() - start) / (steps * n) * 1e9)
    return {"min_ns": round(min(times), 4), "median_ns": round(statistics.median(times), 4)}


def main() -> None:
    """Print the medians, and write everything."""
    options = common.parser(__doc__).parse_args()
    head = common.origin("update_kernels")
    results = {
        label: {str(n): measure(model, arguments, n) for n in NEURONS}
        for label, (model, arguments) in variants().items()
    }
    report = {**head, "unit": "ns per neuron and step, by neurons per call", "results": results}
    if options.json:
        common.write_json(options.json, report)
    print(common.headline(report) + "\n")
    rows = [(label, *(found["median_ns"] for found in by_size.values())) for label, by_size in results.items()]
    print(common.table(("median ns per neuron and step", *(f"{n} neurons" for n in NEURONS)), rows))


if __name__ == "__main__":
    main()
