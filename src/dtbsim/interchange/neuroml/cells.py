"""Neurons of a network as components of LEMS: one for each set of values that occurs, and a population for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.errors import InputError
from dtbsim.interchange.neuroml.forms import Jump, Synapse
from dtbsim.interchange.neuroml.types import NMDA, PREFIX, cell_parameters, form_of, lems_name, ports_of
from dtbsim.interchange.neuroml.units import unit_of
from dtbsim.models import NeuronModel
from dtbsim.models.tables import Parameter, State

MOST_POPULATIONS = 2_000
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Neurons of a population of the configuration: their populations in NeuroML, and where each neuron is.

    `names[part[i]]` is the population of neuron i, `index[i]` its number there, `rows` the values of every part.
    """

    family: int
    model: NeuronModel
    names: list[str]
    part: I64
    index: I64
    sizes: list[int]
    rows: pd.DataFrame
    gid0: int


def cells_of(built: BuiltNetwork) -> dict[int, Cells]:
    """Return the neurons of every family that has some; InputError where they are too many sets of values."""
    found: dict[int, Cells] = {}
    for index, family in enumerate(built.network.families):
        if family.declared.is_source:
            continue
        shown = built.populations[family.name]
        table = pd.concat([shown.parameters, _initial(shown.initial_states, family.declared)], axis=1)
        keep = [name for name in table if name not in ("refractory", "pause_ms")]
        rows, part = np.unique(table[keep].to_numpy(np.float64), axis=0, return_inverse=True)
        part = np.ravel(part)
        order = np.argsort(np.unique(part, return_index=True)[1], kind="stable")  # parts in the order of neurons
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        part, rows = rank[part], rows[order]
        sizes = np.bincount(part).tolist()
        number = np.zeros(part.size, np.int64)
        for k in range(len(sizes)):
            mine = part == k
            number[mine] = np.arange(sizes[k])
        name = _safe(family.name)
        names = [name] if len(sizes) == 1 else [f"{name}_{k}" for k in range(len(sizes))]
        frame = pd.DataFrame(rows, columns=keep)
        found[index] = Cells(
            index, family.declared, names, part, number, sizes, frame, int(shown.gids[0])
        )  # fmt: skip
    n = sum(len(cells.names) for cells in found.values())
    if n > MOST_POPULATIONS:
        raise InputError(
            f"neurons have {n:,} different sets of values, each a population of NeuroML; allowed: "
            f"{MOST_POPULATIONS:,}",
            where="populations", remedy="export a smaller network",
        )  # fmt: skip
    return found


def _initial(states: pd.DataFrame, model: NeuronModel) -> pd.DataFrame:
    """States at the beginning, under names that parameters cannot have."""
    wanted = form_of(model).states
    return states[[name for name in states if name in wanted]].rename(columns=lambda name: f"{name} at 0")


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)


CORE_CELLS = {
    "iaf_psc_exp": "IF_curr_exp",
    "iaf_psc_exp_multisynapse": "IF_curr_exp",
    "iaf_psc_alpha": "IF_curr_alpha",
    "iaf_cond_exp": "IF_cond_exp",
    "iaf_cond_alpha": "IF_cond_alpha",
}
"""Models whose membrane is that of a core type of NeuroML, which its validator knows."""


def component(cells: Cells, part: int) -> ET.Element:
    """Return the component of a part: a core type where there is one of these equations, else one of `models.xml`."""
    row, model = cells.rows.iloc[part], cells.model
    name = f"cell_{cells.names[part]}"
    if model.name in CORE_CELLS:
        return _core_cell(CORE_CELLS[model.name], name, row)
    given = {lems_name(key): _text(model.parameter(key), row[key]) for key in cell_parameters(model)}
    for key in form_of(model).states:
        given[f"{lems_name(key)}_0"] = _text(model.state(key), row[f"{key} at 0"])
    for key, port in ports_of(model).items():
        if isinstance(port, Jump):
            given[f"weight_{key}"] = _text(model.state(port.state), 0.0)
    return ET.Element("Component", {"id": name, "type": PREFIX + model.name, **given})


def _core_cell(kind: str, name: str, row: Any) -> ET.Element:
    """A leaky integrate-and-fire cell of NeuroML, whose numbers are in mV, ms, nF and nA.

    It needs time constants and reversal potentials of synapses, which it does not use: each synapse has its own.
    """
    conductances = kind.startswith("IF_cond")
    tau_m = row["C_m_pF"] / row["g_L_nS"] if conductances else row["tau_m_ms"]
    values = {
        "cm": row["C_m_pF"] * 1e-3,
        "i_offset": row["I_e_pA"] * 1e-3,
        "tau_syn_E": 1.0,
        "tau_syn_I": 1.0,
        "v_init": row["V_m_mV at 0"],
        "tau_m": tau_m,
        "tau_refrac": row["t_ref_ms"],
        "v_reset": row["V_reset_mV"],
        "v_rest": row["E_L_mV"],
        "v_thresh": row["V_th_mV"],
    }
    if conductances:
        values |= {"e_rev_E": row["E_ex_mV"], "e_rev_I": row["E_in_mV"]}
    return ET.Element(kind, {"id": name} | {key: _decimal(value) for key, value in values.items()})


def _text(row: Parameter | State, value: Any) -> str:
    symbol = "" if row.unit == "mM" else unit_of(row.unit).symbol
    return f"{_decimal(value)}{symbol}"


def _decimal(value: Any) -> str:
    """A number as LEMS reads it in every place, without an exponent."""
    return np.format_float_positional(float(value), trim="0")


def synapse_component(cells: Cells, part: int, port_name: str) -> ET.Element:
    """Return the component of a port of a part, of a core type where there is one; a weight of 1 is 1 pA or 1 nS.

    Raises InputError for ports whose spikes make a state jump, which no synapse of NeuroML does.
    """
    port, row = ports_of(cells.model)[port_name], cells.rows.iloc[part]
    if not isinstance(port, Synapse):
        raise InputError(
            f"a spike makes a state of '{cells.model.name}' jump, which no synapse of NeuroML does",
            where=cells.names[part], remedy="use a model with synaptic currents or conductances",
        )  # fmt: skip
    name, tau = f"syn_{cells.names[part]}_{_safe(port_name)}", _decimal(row[port.tau])
    if port.kind == "exp_current":  # its weights are in nA
        return ET.Element("expCurrSynapse", id=name, tau_syn=tau)
    if port.kind == "alpha_current":
        return ET.Element("alphaCurrentSynapse", id=name, tau=f"{tau}ms", ibase="1pA")
    assert port.reversal is not None
    given: dict[str, str] = {"gbase": "1nS", "erev": f"{_decimal(row[port.reversal])}mV"}
    if port.kind == "alpha_conductance":
        return ET.Element("alphaSynapse", {"id": name, "tau": f"{tau}ms", **given})
    if port.kind == "exp_conductance":
        return ET.Element("expOneSynapse", {"id": name, "tauDecay": f"{tau}ms", **given})
    assert port.magnesium is not None
    given |= {"tauDecay": f"{tau}ms", "conc_Mg2": _decimal(row[port.magnesium])}
    return ET.Element("Component", {"id": name, "type": NMDA, **given})
