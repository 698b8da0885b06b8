"""Equations of models as ComponentTypes of LEMS, and small networks as NeuroML."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.helpers.lems import Cell
from tests.helpers.lems_cases import CURRENTS, model_of
from tests.helpers.python_update import Stepper

import dtbsim
from dtbsim.errors import InputError
from dtbsim.interchange.neuroml.types import ALL_FORMS, cell_parameters, cell_type, form_of, lems_name
from dtbsim.models import list_models

DT_MS, DURATION_MS = 0.02, 20.0
CLOSE = {"izhikevich": 0.1}
"""Part of its range by which a trace may differ; that model is integrated to first order."""


def test_every_model_with_equations_has_its_type() -> None:
    assert set(ALL_FORMS) == set(CURRENTS)
    others = set(list_models()) - set(CURRENTS)
    assert {"parrot_neuron", "poisson_source", "spike_source"} <= others


@pytest.mark.parametrize("name", CURRENTS)
def test_the_equations_are_those_of_the_model(name: str) -> None:
    """Integrated by another method, with as small a step, they give trace and spikes of the model's own text."""
    model = model_of(name)
    p, form, kind = model.complete(CURRENTS[name]), form_of(model), cell_type(model)
    values = {lems_name(key): float(p[key]) for key in cell_parameters(model)}
    started = model.initial_states(p)
    values |= {f"{lems_name(state)}_0": float(model.recorded(state, started[state], p)) for state in form.states}
    values |= {x.attrib["name"]: 1.0 for x in kind.iter("Parameter") if x.attrib["name"].startswith("weight_")}
    cell, own = Cell(kind, values), Stepper(model, CURRENTS[name], DT_MS)
    n = round(DURATION_MS / DT_MS)
    traces, spikes = np.zeros((2, n)), ([], [])
    for step in range(n):
        for k, spiked in enumerate((cell.step(DT_MS), own.step())):
            if spiked:
                spikes[k].append(step)
        traces[:, step] = cell.scope[lems_name(form.states[0])], own.seen(form.states[0])
    theirs, ours = spikes
    assert len(theirs) == len(ours) >= 1
    until = min(theirs[0], ours[0]) - 2
    assert np.abs(traces[0, :until] - traces[1, :until]).max() < CLOSE.get(name, 5e-3) * np.ptp(traces[0, :until])
    assert np.abs(np.array(theirs) - np.array(ours)).max() <= 2 * len(ours)


def small(**more: Any) -> dict[str, Any]:
    """Three populations, a source, a drive and a current."""
    made: dict[str, Any] = {
        "name": "small-net",
        "seed": 4,
        "simulation": {"duration_ms": 20.0},
        "populations": {
            "E": {
                "model": "iaf_psc_exp",
                "size": 6,
                "initial": {"V_m_mV": {"distribution": "uniform", "low": -70, "high": -56}},
            },
            "I": {"model": "iaf_cond_exp", "size": 3},
            "A": {"model": "mat2_psc_exp", "size": 2},
            "S": {"model": "spike_source", "size": 2, "spikes": {"neuron": [0, 1, 1], "time_ms": [5.0, 9.0, 9.0]}},
        },
        "projections": {
            "EI": {
                "source": "E", "target": "I", "receptor": "in", "rule": {"kind": "all_to_all"}, "weight_nS": -5,
                "delay_ms": 1.5,
            },
            "IE": {
                "source": "I",
                "target": "E",
                "receptor": "in",
                "rule": {"kind": "fixed_indegree", "indegree": 2},
                "weight_pA": {"distribution": "normal", "mean": -200, "sd": 20},
                "delay_ms": {"distribution": "uniform", "low": 0.5, "high": 3.0},
            },
            "SE": {
                "source": "S", "target": "E", "receptor": "ex", "rule": {"kind": "all_to_all"}, "weight_pA": 500,
                "delay_ms": 1.0,
            },
        },
        "drives": {
            "background": {"kind": "poisson", "target": "E", "receptor": "ex", "rate_hz": 800, "weight_pA": 90},
            "step": {"kind": "step_current", "target": "I", "times_ms": [4, 12], "amplitudes": [300, 0]},
        },
    }  # fmt: skip
    return made | more


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("neuroml") / "net"
    made = dtbsim.export(small(), to="neuroml", out=folder, lossy=True)
    assert [loss.spikes for loss in made.losses] == [True]
    assert sorted(x.name for x in folder.iterdir()) == [
        "LEMS_small_net.xml", "cells.xml", "models.xml", "small_net.net.nml",
    ]  # fmt: skip
    return folder


def tags(root: ET.Element, name: str) -> list[ET.Element]:
    return [x for x in root.iter() if x.tag.rpartition("}")[2] == name]


def test_spikes_would_differ_so_that_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="equations to integrate") as caught:
        dtbsim.export(small(), to="neuroml", out=tmp_path / "net")
    assert "--lossy" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_every_synapse_is_there_with_weight_and_delay(written: Path) -> None:
    root, net = ET.parse(written / "small_net.net.nml").getroot(), dtbsim.build(small())
    found = []
    for projection in tags(root, "projection"):
        if projection.attrib["id"].startswith(("EI_", "IE_")):
            for x in tags(projection, "connectionWD"):
                ends = [x.attrib[key].removeprefix("../") for key in ("preCellId", "postCellId")]
                found.append((*ends, float(x.attrib["weight"]), float(x.attrib["delay"].split()[0])))
    expected = []
    for name, scale in (("EI", -1.0), ("IE", 1e-3)):  # sizes in nS; nA
        for row in next(net.projections[name].synapses()).itertuples():
            # the potentials of E differ, so that each of its neurons is a population; those of I do not
            ends = (
                [f"E_{row.source}[0]", f"I[{row.target}]"]
                if name == "EI"
                else [f"I[{row.source}]", f"E_{row.target}[0]"]
            )
            expected.append((*ends, row.weight * scale, row.delay_ms))
    assert len(found) == 18 + 12
    for one, other in zip(sorted(found), sorted(expected), strict=True):
        assert one[:2] == other[:2]
        assert one[2:] == pytest.approx(other[2:], rel=1e-12)


def test_cells_inputs_and_what_is_recorded(written: Path) -> None:
    root, net = ET.parse(written / "small_net.net.nml").getroot(), dtbsim.build(small())
    potentials = [float(x.attrib["v_init"]) for x in tags(root, "IF_curr_exp")]
    assert potentials == pytest.approx(net.populations["E"].initial_states["V_m_mV"].tolist())
    cond = tags(root, "IF_cond_exp")[0]
    assert (float(cond.attrib["cm"]), float(cond.attrib["tau_m"])) == pytest.approx((0.25, 250 / 16.6667))
    arrays = {x.attrib["id"]: [s.attrib["time"] for s in x] for x in tags(root, "spikeArray")}
    assert arrays["spikes_S_0"] == ["5.0 ms"]
    assert arrays["spikes_S_1"] == ["9.0 ms", "9.0 ms"]
    assert len(arrays) == 2 + 6
    (pulse,) = tags(root, "pulseGenerator")
    assert (pulse.attrib["delay"], pulse.attrib["duration"]) == ("4.0 ms", "8.0 ms")
    assert [x.attrib["target"] for x in tags(root, "explicitInput")] == ["I[0]", "I[1]", "I[2]"]
    cells = tags(ET.parse(written / "cells.xml").getroot(), "Component")
    assert [x.attrib["type"] for x in cells] == ["dtbsim_mat2_psc_exp"]
    selected = tags(ET.parse(written / "LEMS_small_net.xml").getroot(), "EventSelection")
    assert [x.attrib["id"] for x in selected] == [str(k) for k in range(11)]


def test_what_neuroml_cannot_say(tmp_path: Path) -> None:
    def refused(given: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            dtbsim.export(given, to="neuroml", out=tmp_path / "net", lossy=True)
        assert caught.value.where
        assert not list(tmp_path.iterdir())

    alone = {"projections": {}, "drives": {}}
    delta = {"E": {"model": "iaf_psc_delta", "size": 3}}
    jumps = {"EE": {"source": "E", "target": "E", "rule": {"kind": "all_to_all"}, "weight_mV": 1.0, "delay_ms": 1.0}}
    refused(small(populations=delta, **alone | {"projections": jumps}), "no synapse of NeuroML does")
    refused(
        small(populations={"P": {"model": "parrot_neuron", "size": 3}}, **alone), "no equations that LEMS could say"
    )
    many = {"E": {"model": "iaf_psc_exp", "size": 500}}
    dense = {"EE": jumps["EE"] | {"receptor": "ex", "weight_pA": 1.0}}
    del dense["EE"]["weight_mV"]
    refused(small(populations=many, **alone | {"projections": dense}), "about 250,000 connections")
