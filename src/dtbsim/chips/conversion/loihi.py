"""Networks in the numbers of Loihi: a scale of potential for each core, decays of 12 bits, mantissas of weights.

A neuron of `iaf_psc_exp` whose synapses have one time constant is one of Loihi but for rounding: both are the same
linear map over a step. What arrives acts on the chip in the step of its arrival, and in NEST's models in the next, so
that delays of the chip are one step longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.chips.conversion.given import Cells, Events, Given, Refusals
from dtbsim.chips.conversion.membranes import CURRENTS, JUMPS, Membrane, membrane_of
from dtbsim.chips.conversion.parts import (
    Item,
    Parts,
    Reached,
    check_delays,
    place_weights,
    relative_error,
    source_population,
)
from dtbsim.chips.conversion.result import ChipPopulation
from dtbsim.chips.conversion.weights import Format
from dtbsim.interchange.base import Loss

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MODEL = "loihi_lif"
FINEST = 6
"""Weights are whole multiples of 2^6."""
LARGEST_WEIGHT_EXPONENT = 10
"""Of mantissas of 8 bits: sixteen of the largest weights fit into the 22 bits that the input of a step has."""
COMMON_THRESHOLD = 2.0**22
"""Half the range of v, so that it can go as far below rest and above threshold."""
LARGEST_THRESHOLD = 131071 * 64.0
LARGEST_BIAS = 4095
TOLERATED = 0.01
"""Relative error of a time constant that is said."""


def to_loihi(given: Given, wrong: Refusals) -> Parts:
    """Convert a network."""
    plain = [(index, cells) for index, cells in enumerate(given.cells) if not cells.model.is_source]
    native = [index for index, cells in plain if cells.model.name == MODEL]
    if native and len(native) < len(plain):
        wrong.add("populations", f"neurons of model {MODEL} beside those of others", f"use {MODEL} for all or for none")
    membranes = {
        index: membrane_of(cells, given.dt_ms, wrong, (CURRENTS, JUMPS))
        for index, cells in plain
        if cells.model.name != MODEL
    }
    wrong.tell()
    known = {index: membrane for index, membrane in membranes.items() if membrane is not None}
    most = 2**8 - 1 if native and not given.bits_given else 2 ** (given.weight_bits - 1) - 1
    scale = scales_of(given, known, most)
    parts = Parts()
    for index, cells in enumerate(given.cells):
        if cells.model.is_source:
            parts.populations[cells.name] = source_population(cells)
        elif index in known:
            own = scale[given.core[cells.gids]]
            parts.populations[cells.name] = _neurons(given, index, known[index], own, parts, wrong)
        else:
            parts.populations[cells.name] = _native(cells, wrong)
    reached = [_reach(given, item, known, scale, wrong) for item in given.items]
    wrong.tell()
    place_weights(given, reached, Format(most, FINEST, round(21 - np.log2(most + 1))), parts)
    return parts


def scales_of(given: Given, membranes: dict[int, Membrane], most: int) -> F64:
    """Return units of the chip for a mV, float64[cores]: the largest weight of a core has the largest mantissa."""
    n_cores = int(given.core.max(initial=0)) + 1
    theta, weight, constant = np.zeros(n_cores), np.zeros(n_cores), np.zeros(n_cores)
    for index, membrane in membranes.items():
        cells = given.cells[index]
        np.maximum.at(theta, given.core[cells.gids], membrane.theta)
        np.maximum.at(constant, given.core[cells.gids], np.abs(membrane.constant))
        for item in given.inputs_of(index):
            gids = item.gid if isinstance(item, Events) else item.target_gid
            gain = membrane.gain[item.port][gids - cells.gids[0]]
            np.maximum.at(weight, given.core[gids], np.abs(item.weight * gain))
    theta = np.where(theta > 0, theta, 1.0)
    with np.errstate(divide="ignore"):
        for_bias = LARGEST_BIAS * 2.0**7 / constant
        widest = np.minimum(COMMON_THRESHOLD / theta, for_bias)
        exponent = np.floor(np.log2(np.where(weight > 0, widest * weight / most, 1.0)))
    exponent = np.clip(exponent, FINEST, LARGEST_WEIGHT_EXPONENT + 7 - np.log2(most + 1))
    fitted = most * 2.0**exponent / np.where(weight > 0, weight, 1.0)
    return np.where(weight > 0, np.minimum(np.minimum(fitted, LARGEST_THRESHOLD / theta), for_bias), widest)


def _neurons(given: Given, index: int, membrane: Membrane, scale: F64, parts: Parts, wrong: Refusals) -> ChipPopulation:
    """A population in registers; `scale` float64[n]: units of the chip for a mV."""
    cells = given.cells[index]
    where = f"{cells.key_path}.parameters"
    keep_current = _one_current(given, index, membrane, wrong)
    beyond = np.abs(membrane.reset) > 1e-9
    if beyond.any():
        reset, rest = cells.p["V_reset_mV"][beyond][0], cells.p["E_L_mV"][beyond][0]
        wrong.add(
            f"{where}.V_reset_mV", f"population '{cells.name}' is reset to {reset:g} mV and rests at {rest:g} mV; the "
            "chip resets to rest", "give both the same value",
        )  # fmt: skip
    refractory = membrane.refractory + 1.0
    low, high = given.chip.get("numbers.refractory_min", 1), given.chip.get("numbers.refractory_max", 64)
    assert low is not None
    assert high is not None
    what = f"t_ref_ms in steps of {given.dt_ms:g} ms, and one,"
    wrong.limit(f"{where}.t_ref_ms", what, refractory, low, high, given.chip.cited("numbers.refractory_max"))
    wanted = {
        "decay_u": 4096.0 * (1.0 - keep_current),
        "decay_v": 4096.0 * (1.0 - membrane.keep),
        "vth_mantissa": membrane.theta * scale / 64.0,
    }
    bias = membrane.constant * scale
    with np.errstate(divide="ignore"):
        exponent = np.ceil(np.log2(np.maximum(np.abs(bias) / LARGEST_BIAS, 1.0)))
    exponent = np.minimum(exponent, 7.0)
    wanted["bias_mantissa"] = bias / 2.0**exponent
    got = {name: np.rint(value) for name, value in wanted.items()}
    _note_decays(cells, wanted, got, parts)
    start = sum(membrane.start_current[port] * membrane.gain[port] for port in membrane.gain) * scale
    initial = {"v": np.rint(membrane.start * scale), "u": np.rint(start)}
    return ChipPopulation(
        cells.name, MODEL, cells.gids, got | {"bias_exponent": exponent, "refractory_steps": refractory}, initial,
        wanted, 1.0 / scale,
    )  # fmt: skip


def _one_current(given: Given, index: int, membrane: Membrane, wrong: Refusals) -> F64:
    """What the current keeps over a step; a compartment has one."""
    cells = given.cells[index]
    used = {item.port for item in given.inputs_of(index) if item.weight.size}
    used |= {port for port, values in membrane.start_current.items() if values.any()}
    if not used:
        return np.zeros(cells.size)
    kept = [membrane.keep_current[port] for port in sorted(used)]
    different = np.flatnonzero(np.abs(kept[0] - kept[-1]) > 1e-12)
    if different.size:
        taus = " and ".join(f"{cells.p[f'tau_syn_{port}_ms'][different[0]]:g}" for port in sorted(used))
        wrong.add(
            f"{cells.key_path}.parameters", f"population '{cells.name}' has two time constants of synapses "
            f"({taus} ms); "
            "a compartment of the chip has one", "give tau_syn_ex_ms and tau_syn_in_ms the same value",
        )  # fmt: skip
    return kept[0]


def _note_decays(cells: Cells, wanted: dict[str, F64], got: dict[str, F64], parts: Parts) -> None:
    for name, label in (("decay_v", "tau_m_ms"), ("decay_u", "tau_syn_ms")):
        error = relative_error(got[name], wanted[name])
        if error == 0:
            continue
        where = f"{cells.key_path}.parameters"
        instead = f"{label} that is off by up to {100 * error:.2g} %"
        parts.losses.append(Loss("decays of 12 bits", where, instead, True, "a longer dt_ms"))
        if error > TOLERATED:
            low, high = float(got[name].min()), float(got[name].max())
            spread = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            parts.notes.append(
                f"{where}: {label} is off by up to {100 * error:.2g} %, as the chip takes {spread} of 4096 off "
                "in a step; "
                "a longer simulation.dt_ms, such as 1 ms, keeps it better"
            )


def _native(cells: Cells, wrong: Refusals) -> ChipPopulation:
    if (cells.current != 0).any():
        wrong.add(cells.key_path, "a current into neurons of the chip", "give it as bias_mantissa and bias_exponent")
    initial = {name: value for name, value in cells.initial.items() if value.any()}
    return ChipPopulation(cells.name, MODEL, cells.gids, dict(cells.p), initial)


def _reach(given: Given, item: Item, membranes: dict[int, Membrane], scale: F64, wrong: Refusals) -> Reached:
    """Weights of a projection or drive in units of the chip; those that excite and those that inhibit are apart."""
    cells, membrane = given.cells[item.target], membranes.get(item.target)
    gids = item.gid if isinstance(item, Events) else item.target_gid
    late = 0 if membrane is None else membrane.late
    wanted = item.weight
    if membrane is not None:
        wanted = wanted * membrane.gain[item.port][gids - cells.gids[0]] * scale[given.core[gids]]
    if isinstance(item, Events):
        steps = item.step + late
    else:
        steps = item.delay_steps + late - 1
        check_delays(given, item, steps, 0, 62, wrong)
    return Reached(item, "syn", wanted, steps, (("ex", wanted >= 0), ("in", wanted < 0)))
