"""What the models say of their synaptic currents, from which EEG is made."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.test_signals_eeg import REGIONS, lead_field

import dtbsim
from dtbsim.models import example_model, list_models


@pytest.mark.parametrize("name", list_models())
def test_currents_of_models_are_made_of_their_states(name: str) -> None:
    model = example_model(name)
    for current in model.synaptic_currents:
        state = model.state(current.state).unit
        if current.per_unit is None:
            assert state == ("pA" if current.reversal is None else "nS")
            assert current.unit == "pA"
        else:
            assert (state, model.parameter(current.per_unit).unit) == ("1", "mS/cm2")
            assert current.unit == model.current_unit == "uA/cm2"
        assert current.reversal is None or model.parameter(current.reversal).unit == "mV"
        assert current.reversal is None or model.state(current.potential).unit == "mV"
        assert current.magnesium is None or model.parameter(current.magnesium).unit == "mM"
    jumps = {"iaf_psc_delta", "izhikevich", "qif", "theta", "parrot_neuron"}
    jumps |= {"loihi_lif", "spinnaker_if_curr_exp", "truenorth"}  # in units of registers
    lasting = [] if name in jumps or model.is_source else model.receptors
    assert len(model.synaptic_currents) == len(lasting), "all but those whose potential jumps have currents"


@pytest.mark.parametrize(
    ("model", "parameters", "rows", "pA_per_unit"),
    [
        (
            "iaf_wang_2002",
            {"conc_Mg2_mM": 0.5, "E_ex_mV": 2.0},
            [
                ("ampa", "s_AMPA_nS", 1.0, 2.0, 0.0),
                ("gaba", "s_GABA_nS", 1.0, -70.0, 0.0),
                ("nmda", "s_NMDA_nS", 1.0, 2.0, 0.5),
            ],
            1.0,
        ),
        (
            "lif_dtb",
            {"Mg_mM": 1.5, "E_GABAb_mV": -90.0},
            [
                ("AMPA", "J_AMPA", 5.0 / 275.0, 0.0, 0.0),
                ("NMDA", "J_NMDA", 5.0 / 4000.0, 0.0, 1.5),
                ("GABAa", "J_GABAa", 3.0 / 30.0, -70.0, 0.0),
                ("GABAb", "J_GABAb", 3.0 / 730.0, -90.0, 0.0),
            ],
            300.0,  # 1 uA/cm2 of 30,000 um2
        ),
    ],
)
def test_conductances_make_currents_with_their_driving_force(
    model: str, parameters: dict[str, float], rows: list[tuple[str, str, float, float, float]], pA_per_unit: float
) -> None:
    """Every port gets input of its own; the EEG is that of the equations of the model."""
    drives = {
        port: {"kind": "poisson", "target": "E", "receptor": port, "rate_hz": 500, "weight": 3} for port, *_ in rows
    }
    unit = "weight_nS" if model == "iaf_wang_2002" else "weight"
    for drive in drives.values():
        drive[unit] = drive.pop("weight")
    config = {
        "atlas": "aal2",
        "simulation": {"dt_ms": 0.1, "duration_ms": 20, "threads": 1},
        "populations": {"E": {"model": model, "size": 5, "regions": REGIONS[:2], "parameters": parameters}},
        "drives": drives,
        "record": {
            "states": [
                {"population": "E", "variables": ["V_m_mV", *(row[1] for row in rows)], "neurons": 5, "interval_ms": 1}
            ]
        },
        "signals": {"eeg": {"kind": "eeg", "population": "E", "interval_ms": 1, "membrane_area_um2": 30_000}},
    }
    run = dtbsim.run(config).open()
    states = run.states(0)
    v = states["V_m_mV"].values.astype(float)
    total = np.zeros_like(v)
    for _, state, per_unit, reversal, magnesium in rows:
        current = per_unit * states[state].values.astype(float) * (v - reversal)
        current /= 1 + magnesium / 3.57 * np.exp(-0.062 * v)
        assert np.abs(current).max() > 0.05
        total += np.abs(current) * pA_per_unit
    regions = [str(name).partition("@")[2] for name in states["population"].values]
    sums = np.stack([total[:, [r == region for r in regions]].sum(axis=1) for region in REGIONS[:2]], axis=1)
    field = lead_field("bem")[:, :2]
    field -= field.mean(axis=0)
    eeg = 1e6 * (sums * 1e-12 * 0.3e-3) @ field.T
    assert np.abs(eeg).max() > 0
    np.testing.assert_allclose(run.eeg().values, eeg, rtol=1e-5, atol=1e-7 * np.abs(eeg).max())
