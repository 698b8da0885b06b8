"""Which neuron model here is which model of NEST, and how its parameters are called there.

NEST's names are those here without their units. Models whose arithmetic is NEST's give the same spikes; of the others
NEST integrates the equations otherwise, so that spikes come near one another only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dtbsim.models import NeuronModel

UNITS = re.compile(r"_(pF|ms|mV|pA|nS|per_ms|mV_per_ms|pA_per_ms|Hz)$")
_STATES = {"u": "U_m", "w_pA": "w"}
_INDEXED = re.compile(r"(asc_amps|asc_decay|asc_r)_([12])")


@dataclass(frozen=True)
class NestModel:
    """A model of NEST: its name, parameters that select the variant, and whether spikes are equal.

    `names` of parameters that are called otherwise there; `fixed` parameters that must have a value, as NEST has none.
    """

    nest: str
    equal: bool
    flags: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    ports: str = "sign"
    """How a synapse chooses a port: by its `sign`, by `number` (receptor_type, from 1), or there is but `one`."""


def _glif(**flags: bool) -> NestModel:
    names = ("spike_dependent_threshold", "after_spike_currents", "adapting_threshold")
    given = {name: flags.get(name, False) for name in names}
    return NestModel("glif_psc", True, given, fixed={"I_e_pA": 0.0}, ports="number")


MODELS: dict[str, NestModel] = {
    "iaf_psc_exp": NestModel("iaf_psc_exp", True),
    "iaf_psc_alpha": NestModel("iaf_psc_alpha", True),
    "iaf_psc_delta": NestModel("iaf_psc_delta", True, ports="one"),
    "iaf_psc_exp_multisynapse": NestModel("iaf_psc_exp_multisynapse", True, ports="number"),
    "iaf_cond_exp": NestModel("iaf_cond_exp", True),
    "iaf_cond_alpha": NestModel("iaf_cond_alpha", True),
    "glif1_psc": _glif(),
    "glif2_psc": _glif(spike_dependent_threshold=True),
    "glif3_psc": _glif(after_spike_currents=True),
    "glif4_psc": _glif(spike_dependent_threshold=True, after_spike_currents=True),
    "glif5_psc": _glif(spike_dependent_threshold=True, after_spike_currents=True, adapting_threshold=True),
    "mat2_psc_exp": NestModel("mat2_psc_exp", True),
    "aeif_cond_exp": NestModel("aeif_cond_exp", False),
    "amat2_psc_exp": NestModel("amat2_psc_exp", False, names={"beta_per_ms": "beta", "tau_v_ms": "tau_v"}),
    "hh_psc_alpha": NestModel("hh_psc_alpha", False),
    "izhikevich": NestModel("izhikevich", False, {"consistent_integration": False}, ports="one"),
}
"""By name here. Whether spikes are equal is tested (tests/parity/test_sonata_nest.py)."""
FROM_NEST = {entry.nest: name for name, entry in MODELS.items() if entry.nest != "glif_psc"}


def nest_name(name: str) -> str:
    """Return the name of a parameter or state in NEST: C_m_pF is C_m."""
    return _STATES.get(name) or UNITS.sub("", name)


def own_names(model: NeuronModel, entry: NestModel) -> dict[str, str]:
    """Return names here by names of NEST: of parameters, and of the states that NEST lets one set."""
    found = {entry.names.get(row.name, nest_name(row.name)): row.name for row in model.parameters}
    return {**found, **{nest_name(row.name): row.name for row in settable(model)}}


def settable(model: NeuronModel) -> list[Any]:
    """Rows of the states that NEST lets one set: membrane potential and slow variables."""
    return [row for row in model.states if row.name in ("V_m_mV", "u", "w_pA")]


def nest_parameters(
    model: NeuronModel, entry: NestModel, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return scalars as NEST takes them, and arrays by name; a list of NEST (tau_syn, asc_amps) of which an element
    differs between neurons is left to arrays NAME_1, NAME_2, ... ."""
    ports = [row.name for row in model.receptors] if entry.ports == "number" else []
    scalars: dict[str, Any] = dict(entry.flags)
    arrays: dict[str, Any] = {}
    lists: dict[str, dict[int, Any]] = {}
    for name, value in values.items():
        if name in entry.fixed:
            continue
        indexed = _INDEXED.fullmatch(UNITS.sub("", name))
        port = next((k for k, port in enumerate(ports) if name == f"tau_syn_{port}_ms"), None)
        if port is not None:
            lists.setdefault("tau_syn", {})[port + 1] = value
        elif indexed is not None:
            lists.setdefault(indexed[1], {})[int(indexed[2])] = value
        elif np.ndim(value):
            arrays[entry.names.get(name, nest_name(name))] = value
        else:
            scalars[entry.names.get(name, nest_name(name))] = float(value)
    for name, items in lists.items():
        ordered = [items[k] for k in sorted(items)]
        if any(np.ndim(item) for item in ordered):
            n = max(np.size(item) for item in ordered)
            arrays |= {f"{name}_{k + 1}": np.broadcast_to(item, n) for k, item in enumerate(ordered)}
        else:
            scalars[name] = [float(item) for item in ordered]
    return scalars, arrays


def from_nest_lists(parameters: Mapping[str, Any], ports: Sequence[str]) -> dict[str, Any]:
    """Return parameters with the elements of NEST's lists by their names here (without units)."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        if name == "tau_syn" and ports and isinstance(value, list):
            found |= {f"tau_syn_{port}": item for port, item in zip(ports, value, strict=True)}
        elif isinstance(value, list) and name in ("asc_amps", "asc_decay", "asc_r"):
            found |= {f"{name}_{k + 1}": item for k, item in enumerate(value)}
        else:
            found[name] = value
    return found
