"""Exported equations and networks in jNeuroML: valid, and with steps that get smaller the traces of dtbsim.

Needs a Python with pyneuroml 1.3.22 (jNeuroML 0.14.0, which needs Java):

    python -m venv /tmp/nml && /tmp/nml/bin/pip install pyneuroml==1.3.22
    DTBSIM_NEUROML_PYTHON=/tmp/nml/bin/python python -m pytest -m nightly -s tests/parity/test_neuroml_lems.py
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.helpers.lems_cases import CURRENTS, model_of
from tests.helpers.python_update import Stepper

import dtbsim
from dtbsim.interchange.neuroml.forms import Jump
from dtbsim.interchange.neuroml.types import (
    PREFIX,
    cell_parameters,
    component_types,
    form_of,
    lems_name,
    ports_of,
    write_xml,
)
from dtbsim.interchange.neuroml.units import unit_of

PYTHON = os.environ.get("DTBSIM_NEUROML_PYTHON")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(PYTHON is None, reason="needs DTBSIM_NEUROML_PYTHON, a Python with pyneuroml"),
]
LENGTH_MS = 8.0


def pynml(folder: Path, *arguments: str) -> str:
    assert PYTHON is not None
    command = [str(Path(PYTHON).with_name("pynml")), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout + done.stderr


def value(row: Any, number: float) -> str:
    return f"{np.format_float_positional(number)}{'' if row.unit == 'mM' else unit_of(row.unit).symbol}"


def one_of_each(folder: Path, step_ms: float) -> dict[str, np.ndarray]:
    """Traces of a neuron of each model in jNeuroML."""
    models = [model_of(name) for name in CURRENTS]
    root = component_types(models)
    network = ET.Element("network", id="net")
    simulation = ET.Element("Simulation", id="sim", length=f"{LENGTH_MS}ms", step=f"{step_ms}ms", target="net")
    output = ET.SubElement(simulation, "OutputFile", id="out", fileName="traces.dat")
    for model in models:
        form, p = form_of(model), model.complete(CURRENTS[model.name])
        started = model.initial_states(p)
        given = {lems_name(key): value(model.parameter(key), float(p[key])) for key in cell_parameters(model)}
        for state in form.states:
            number = float(model.recorded(state, started[state], p))
            given[f"{lems_name(state)}_0"] = value(model.state(state), number)
        for name, port in ports_of(model).items():
            if isinstance(port, Jump):
                given[f"weight_{name}"] = value(model.state(port.state), 0.0)
        root.append(ET.Element("Component", id=f"c_{model.name}", type=PREFIX + model.name, **given))
        ET.SubElement(network, "population", id=model.name, component=f"c_{model.name}", size="1")
        quantity = f"{model.name}[0]/{lems_name(form.states[0])}"
        ET.SubElement(output, "OutputColumn", id=model.name, quantity=quantity)
    root.extend((network, simulation, ET.Element("Target", component="sim")))
    write_xml(folder / "LEMS_each.xml", root)
    pynml(folder, "LEMS_each.xml", "-nogui")
    table = np.loadtxt(folder / "traces.dat")
    found = {}
    for k, model in enumerate(models):
        scale = 1e3 if model.state(form_of(model).states[0]).unit == "mV" else 1.0
        found[model.name] = table[:, k + 1] * scale
    return found


def order_of(errors: list[float]) -> float:
    """By how much halving the step makes the error smaller, as a power of two."""
    return float(np.log2(errors[0] / errors[-1]) / (len(errors) - 1))


def test_equations_converge_to_the_models(tmp_path: Path) -> None:
    """To first order, that of jNeuroML's method, before the first spike."""
    steps_ms = [0.04, 0.02, 0.01]
    traces = [one_of_each(tmp_path, step) for step in steps_ms]
    for name in CURRENTS:
        fine_ms, model = 0.0025, model_of(name)
        own = Stepper(model, CURRENTS[name], fine_ms)
        trace, spike_ms = [own.seen(model.states[0].name)], LENGTH_MS
        for step in range(round(LENGTH_MS / fine_ms)):
            if own.step():
                spike_ms = min(spike_ms, step * fine_ms)
            trace.append(own.seen(form_of(model).states[0]))
        until = int(0.7 * spike_ms / steps_ms[0])
        coarse = np.array(trace)[:: round(steps_ms[0] / fine_ms)][:until]
        errors = [
            float(np.abs(found[name][:: round(steps_ms[0] / h)][:until] - coarse).max())
            for found, h in zip(traces, steps_ms, strict=True)
        ]
        print(
            f"{name}: errors {', '.join(f'{e:.2g}' for e in errors)} of {np.ptp(coarse):.3g}, "
            f"order {order_of(errors):.2f}"
        )
        assert errors[-1] < 0.01 * np.ptp(coarse), name
        assert 0.8 < order_of(errors) < 1.4, name


SYNAPSES: dict[str, dict[str, Any]] = {
    "iaf_psc_exp": {"ex": 100.0, "in": -60.0},
    "iaf_psc_alpha": {"ex": 100.0, "in": -60.0},
    "iaf_cond_exp": {"ex": 3.0, "in": 5.0},
    "iaf_cond_alpha": {"ex": 3.0, "in": 5.0},
    "iaf_wang_2002": {"ampa": 3.0, "gaba": 4.0, "nmda": 2.0},
    "aeif_cond_exp": {"ex": 3.0, "in": 5.0},
    "mat2_psc_exp": {"ex": 100.0, "in": -60.0},
}


def network(dt_ms: float) -> dict[str, Any]:
    """A neuron of each with synapses from three sources, below threshold."""
    projections, populations, states = {}, {}, []
    for name, ports in SYNAPSES.items():
        populations[name] = {"model": name, "size": 2, "parameters": {"tau_syn_ex_ms": 1.5} if "ex" in ports else {}}
        states.append({"population": name, "variables": ["V_m_mV"], "neurons": 1, "interval_ms": 0.2})
        unit = "pA" if "psc" in name else "nS"
        for port, weight in ports.items():
            projections[f"{name}_{port}"] = {
                "source": "S", "target": name, "receptor": port, "rule": {"kind": "all_to_all"},
                f"weight_{unit}": weight, "delay_ms": 1.2,
            }  # fmt: skip
    populations["S"] = {
        "model": "spike_source", "size": 3, "spikes": {"neuron": [0, 1, 2, 2, 0], "time_ms": [2.0, 4.4, 7.0, 7.0, 9.2]},
    }  # fmt: skip
    return {
        "name": "synapses",
        "simulation": {"duration_ms": 16.0, "dt_ms": dt_ms},
        "populations": populations,
        "projections": projections,
        "record": {"states": states},
    }


def test_synapses_converge_to_those_of_the_models(tmp_path: Path) -> None:
    """Events come a step earlier or later there, as times are sums of steps: errors jitter as they shrink."""
    run = dtbsim.run(network(0.0125), temporary=True).open()
    own = [run.states(k)["V_m_mV"].to_numpy().ravel() for k in range(len(SYNAPSES))]
    errors: list[list[float]] = [[] for _ in SYNAPSES]
    steps_ms = [0.1, 0.05, 0.025]
    for step_ms in steps_ms:
        folder = tmp_path / f"step_{step_ms}"
        dtbsim.export(network(step_ms), to="neuroml", out=folder, lossy=True)
        pynml(folder, "LEMS_synapses.xml", "-nogui")
        table = np.loadtxt(folder / "states.dat")
        for k, trace in enumerate(own):
            theirs = table[:: round(0.2 / step_ms), k + 1][1 : trace.size + 1] * 1e3
            errors[k].append(float(np.abs(theirs - trace[: theirs.size]).max()))
    for name, found, trace in zip(SYNAPSES, errors, own, strict=True):
        print(
            f"{name}: errors {', '.join(f'{e:.2g}' for e in found)} mV of {np.ptp(trace):.3g}, "
            f"order {order_of(found):.2f}"
        )
        assert found[-1] < 0.03 * np.ptp(trace), name
        assert found[-1] < 0.5 * max(found[:-1]), name


def test_a_network_is_valid(tmp_path: Path) -> None:
    """Against the schema and the further tests of pynml, with cells and synapses of core types."""
    given = network(0.1)
    for name in ("iaf_wang_2002", "aeif_cond_exp", "mat2_psc_exp"):  # types of their own, which it does not know
        del given["populations"][name]
        given["projections"] = {key: x for key, x in given["projections"].items() if x["target"] != name}
    del given["record"]
    given["drives"] = {
        "background": {
            "kind": "poisson", "target": "iaf_psc_exp", "receptor": "ex", "rate_hz": 500, "weight_pA": 50,
        },
        "step": {"kind": "step_current", "target": "iaf_psc_exp", "times_ms": [2.0, 5.0], "amplitudes": [100, 0]},
    }  # fmt: skip
    dtbsim.export(given, to="neuroml", out=tmp_path / "net", lossy=True)
    assert "Valid against schema and all tests" in pynml(tmp_path / "net", "-validate", "synapses.net.nml")
    pynml(tmp_path / "net", "LEMS_synapses.xml", "-nogui")
