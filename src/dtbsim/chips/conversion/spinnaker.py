"""Networks in the numbers of sPyNNaker's IF_curr_exp: fixed point, weights of 16 bits with a shift for each receptor.

A current decays on the chip as that of `iaf_psc_exp`, but acts as its mean over a step, and from the step of its
arrival on. Both are the same linear map but for a factor of the weight, P21 / (R (1 - exp(-dt / tau_m)) init), and
one more step of delay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.chips.conversion.given import Cells, Events, Given, Refusals
from dtbsim.chips.conversion.membranes import CURRENTS, Membrane, membrane_of
from dtbsim.chips.conversion.parts import Item, Parts, Reached, check_delays, place_weights, source_population
from dtbsim.chips.conversion.result import ChipPopulation
from dtbsim.chips.conversion.weights import Format

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MODEL = "spinnaker_if_curr_exp"
ONE = 2.0**15
"""What a unit is in numbers s16.15."""
MOST_WEIGHT = 65535
RATE_HZ, SIGMA = 30.0, 5.0
"""Spikes that sPyNNaker expects of every source, and how far above their mean the sum of a step may be."""
PORTS = ("ex", "in")
_NAMES = {
    "tau_m_ms": "tau_m_ms", "v_rest_mV": "E_L_mV", "v_thresh_mV": "V_th_mV", "v_reset_mV": "V_reset_mV",
    "tau_refrac_ms": "t_ref_ms", "tau_syn_ex_ms": "tau_syn_ex_ms", "tau_syn_in_ms": "tau_syn_in_ms",
}  # fmt: skip


def to_spinnaker(given: Given, wrong: Refusals) -> Parts:
    """Convert a network."""
    membranes: dict[int, Membrane] = {}
    for index, cells in enumerate(given.cells):
        if not cells.model.is_source and cells.model.name != MODEL:
            membrane = membrane_of(cells, given.dt_ms, wrong, (CURRENTS,))
            if membrane is not None:
                membranes[index] = membrane
    wrong.tell()
    parts = Parts()
    reached = [_reach(given, item, membranes, wrong) for item in given.items]
    shifts = _shifts(given, reached, set(membranes))
    for index, cells in enumerate(given.cells):
        if cells.model.is_source:
            parts.populations[cells.name] = source_population(cells)
        elif index in membranes:
            parts.populations[cells.name] = _neurons(given, cells, shifts)
        else:
            parts.populations[cells.name] = _native(given, cells, shifts, wrong)
    wrong.tell()
    dropped = 16 - given.weight_bits
    fixed = {key: shift + dropped for key, shift in shifts.items()}
    form = Format(2**given.weight_bits - 1, 0, 16 + dropped, unsigned=True)
    place_weights(given, reached, form, parts, fixed)
    return parts


def _reach(given: Given, item: Item, membranes: dict[int, Membrane], wrong: Refusals) -> Reached:
    """Weights in 2^-15 nA, with the port that has their sign; of the chip's own neurons, in units of their shift."""
    cells, membrane = given.cells[item.target], membranes.get(item.target)
    gids = item.gid if isinstance(item, Events) else item.target_gid
    places = gids - cells.gids[0]
    if membrane is None:
        late, port = 0, item.port
        wanted = item.weight * 2.0 ** cells.p[f"shift_{port}"][places]
    else:
        late, port = 1, _port(item, wrong)
        wanted = np.abs(item.weight) * _factor(given, cells, membrane, item.port)[places] * ONE
    if isinstance(item, Events):
        steps = item.step + late
    else:
        steps = item.delay_steps + late
        check_delays(given, item, steps, 1, 32, wrong)
    return Reached(item, port, wanted, steps, ((port, np.ones(wanted.size, bool)),))


def _port(item: Item, wrong: Refusals) -> str:
    """Weights are sizes on the chip: the port says which way they act, and has its time constant."""
    if item.port == "ex" and (item.weight < 0).any():
        wrong.add(item.key_path, "weights below 0 into port 'ex'; weights of the chip have no sign", "use receptor: in")
    if item.port == "in" and (item.weight > 0).any():
        wrong.add(item.key_path, "weights above 0 into port 'in'; weights of the chip have no sign", "use receptor: ex")
    return item.port


def _factor(given: Given, cells: Cells, membrane: Membrane, port: str) -> F64:
    """nA of the chip for a pA."""
    tau_syn, resistance = cells.p[f"tau_syn_{port}_ms"], cells.p["tau_m_ms"] / (1e-3 * cells.p["C_m_pF"])
    first = tau_syn / given.dt_ms * (1.0 - membrane.keep_current[port])
    return membrane.gain[port] / (resistance * (1.0 - membrane.keep) * first)


def _shifts(given: Given, reached: list[Reached], converted: set[int]) -> dict[tuple[int, str], int]:
    """Shifts by core and port: sums of a step fit 16 bits, as sPyNNaker estimates them."""
    found: dict[tuple[int, str], int] = {}
    for index, cells in enumerate(given.cells):
        if cells.model.is_source:
            continue
        cores = given.core[cells.gids]
        for port in PORTS:
            if index in converted:
                bound = _largest_sum(given, cells, [item for item in reached if _is(item, index, port)])
                own = np.ceil(np.log2(np.maximum(bound / ONE, 1.0) * (1 + 1e-12))).astype(np.int64)
            else:
                own = cells.p[f"shift_{port}"].astype(np.int64)
            for core in np.unique(cores).tolist():
                key = core, port
                found[key] = max(found.get(key, 0), int(own[cores == core].max()))
    return found


def _is(item: Reached, cells: int, port: str) -> bool:
    return item.item.target == cells and item.port == port


def _largest_sum(given: Given, cells: Cells, reached: list[Reached]) -> F64:
    """float64[n]: the sum of weights that arrive in a step, which is not likely to be exceeded, in 2^-15 nA."""
    n, first = cells.size, int(cells.gids[0])
    mean, square, largest = np.zeros(n), np.zeros(n), np.zeros(n)
    for item in reached:
        places = item.target_gid - first
        np.maximum.at(largest, places, item.wanted)
        if isinstance(item.item, Events):
            share = 1.0 / max(given.network.n_steps, 1)
        else:
            share = RATE_HZ * 1e-3 * given.dt_ms
        mean += share * np.bincount(places, item.wanted, n)
        square += share * np.bincount(places, item.wanted**2, n)
    return np.maximum(mean + SIGMA * np.sqrt(square), largest)


def _neurons(given: Given, cells: Cells, shifts: dict[tuple[int, str], int]) -> ChipPopulation:
    """A population in numbers s16.15."""
    wanted = {name: cells.p[own] for name, own in _NAMES.items()}
    wanted |= {"cm_nF": 1e-3 * cells.p["C_m_pF"], "i_offset_nA": 1e-3 * (cells.p["I_e_pA"] + cells.current)}
    got: dict[str, F64] = {name: np.rint(value * ONE) / ONE for name, value in wanted.items()}
    initial = {"v": np.rint(cells.initial["V_m_mV"] * ONE)}
    for port in PORTS:
        sign = 1.0 if port == "ex" else -1.0
        start = sign * cells.initial[f"I_syn_{port}_pA"]
        if start.any():
            initial[f"i_{port}"] = np.rint(1e-3 * start * ONE)
        got[f"shift_{port}"] = _of_cores(given, cells, shifts, port)
    return ChipPopulation(cells.name, MODEL, cells.gids, got, initial, wanted, np.full(cells.size, 1.0 / ONE))


def _of_cores(given: Given, cells: Cells, shifts: dict[tuple[int, str], int], port: str) -> F64:
    return np.array([shifts[core, port] for core in given.core[cells.gids].tolist()], np.float64)


def _native(given: Given, cells: Cells, shifts: dict[tuple[int, str], int], wrong: Refusals) -> ChipPopulation:
    if (cells.current != 0).any():
        wrong.add(cells.key_path, "a current into neurons of the chip", "give it as i_offset_nA")
    for port in PORTS:
        if (cells.p[f"shift_{port}"] != _of_cores(given, cells, shifts, port)).any():
            wrong.add(cells.key_path, f"neurons of a core have different shifts of port '{port}'", "give them the same")
    initial = {name: value for name, value in cells.initial.items() if value.any()}
    return ChipPopulation(cells.name, MODEL, cells.gids, dict(cells.p), initial)
