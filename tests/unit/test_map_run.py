"""Networks run as a chip would, beside themselves unrounded and with other seeds; files for tools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.cli import main
from dtbsim.errors import InputError
from dtbsim.mapping.compare import compare
from dtbsim.mapping.quantisation import rounded, rounding_of, weights_of


def config(tmp_path: Path, duration_ms: float = 300.0) -> Path:
    """E and I in five regions with one time constant of synapses, and currents that differ."""
    neurons = {
        "tau_m_ms": 20.0, "tau_syn_ex_ms": 5.0, "tau_syn_in_ms": 5.0, "E_L_mV": -65.0, "V_reset_mV": -65.0,
        "I_e_pA": {"distribution": "uniform", "low": 100.0, "high": 300.0},
    }  # fmt: skip
    start = {"V_m_mV": {"distribution": "uniform", "low": -65.0, "high": -56.0}}
    rule = {"kind": "fixed_indegree", "indegree": 5}
    both = {"target": ["E", "I"], "rule": rule, "delay_ms": 2, "scope": "same_region"}
    given = {
        "name": "five",
        "atlas": save_small_atlas(tmp_path),
        "simulation": {"duration_ms": duration_ms, "dt_ms": 1.0},
        "populations": {
            name: {"model": "iaf_psc_exp", "size": size, "regions": "all", "parameters": neurons, "initial": start}
            for name, size in (("E", 16), ("I", 4))
        },
        "projections": {
            "E": {"source": "E", "weight_pA": 40, **both},
            "I": {"source": "I", "weight_pA": -80, **both},
        },
    }
    path = tmp_path / "five.yaml"
    path.write_text(dtbsim.dump_config(dtbsim.RunConfig.model_validate(given)))
    return path


def test_the_chip_beside_the_network_and_another_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = dtbsim.map_network(config(tmp_path), to="loihi", out=tmp_path / "map")
    assert made.sizes == {"neurons": 100, "synapses": 1000, "cores": 5, "chips": 1}
    assert main(["map", str(tmp_path / "map"), "--run", "--seeds", "1"]) == 0
    shown = capsys.readouterr().out
    assert "other seeds:" in shown
    assert "region rates, correlation" in (tmp_path / "map" / "report.html").read_text()
    result = json.loads((tmp_path / "map" / "quantisation.json").read_text())
    assert result["warnings"] == []
    assert result["seconds"] == 0.3
    (regions,) = result["agreements"]
    assert -1 <= regions["chip"] < 1
    chip, reference = (dtbsim.open_run(tmp_path / "map" / name) for name in ("run", "reference"))
    steps, gids = chip.spike_steps()
    own = gids < 100
    assert result["spikes"] == [reference.spike_steps()[1].size, int(own.sum())]
    spikes = [
        set(zip(*(a.tolist() for a in pair), strict=True))
        for pair in (reference.spike_steps(), (steps[own], gids[own]))
    ]
    assert result["first_difference"] == min(step for step, _ in spikes[0] ^ spikes[1])
    assert abs(result["spike_change_percent"]) < 10
    npz = dtbsim.export_mapping(tmp_path / "map", to="npz")
    assert made.conversion is not None
    with np.load(npz.path) as arrays:  # every register, bit for bit
        for name, projection in made.conversion.projections.items():
            assert (arrays[f"projection/{name}/mantissa"] == projection.mantissa).all()
            weight = np.ldexp(projection.mantissa.astype(float), projection.exponent.astype(int))
            assert (weight == projection.weight).all()
        for name, population in made.conversion.populations.items():
            for key, values in population.parameters.items():
                assert arrays[f"population/{name}/parameter/{key}"].tobytes() == np.ascontiguousarray(values).tobytes()
    with pytest.raises(InputError, match=r"currents that outlast a step.*--lossy"):
        dtbsim.export_mapping(tmp_path / "map", to="sanafe")
    assert not (tmp_path / "map" / "sanafe").exists()
    with pytest.raises(InputError, match="sPyNNaker is not for loihi"):
        dtbsim.export_mapping(tmp_path / "map", to="spynnaker")
    other = {"simulation": {"duration_ms": 5}, "populations": {"E": {"model": "iaf_psc_exp", "size": 1}}}
    dtbsim.run(other, out=tmp_path / "other")
    with pytest.raises(InputError, match="the run has 1 neurons, the mapping 100"):
        dtbsim.run_mapping(tmp_path / "map", against=tmp_path / "other", seeds=0)


def test_a_population_that_rounding_silences(tmp_path: Path) -> None:
    """The weights of I are small beside those of E, so that two bits leave nothing of them."""
    neurons = {"tau_m_ms": 20.0, "tau_syn_ex_ms": 5.0, "tau_syn_in_ms": 5.0, "E_L_mV": -65.0, "V_reset_mV": -65.0}
    one = {"kind": "one_to_one"}
    given = {
        "name": "quiet",
        "simulation": {"duration_ms": 200, "dt_ms": 1.0},
        "populations": {
            "E": {"model": "iaf_psc_exp", "size": 20, "parameters": neurons | {"I_e_pA": 400.0}},
            "F": {"model": "iaf_psc_exp", "size": 20, "parameters": neurons | {"I_e_pA": 100.0}},
        },
        "projections": {
            "EF": {"source": "E", "target": "F", "rule": {"kind": "all_to_all"}, "weight_pA": 30, "delay_ms": 1},
            "EE": {"source": "E", "target": "E", "rule": one, "weight_pA": 500, "delay_ms": 1},
            "FF": {"source": "F", "target": "F", "rule": one, "weight_pA": 500, "delay_ms": 1},
        },
    }
    made = dtbsim.map_network(given, to="loihi", out=tmp_path / "map", weight_bits=3)
    lost = {item.where: item.vanished for item in rounding_of(made) if item.what == "weight"}
    assert lost == {"projections.EF": 400, "projections.EE": 0, "projections.FF": 0}
    wanted, got = weights_of(made, "EF")
    assert (got == 0).all()
    assert (wanted > 0).all()
    found = dtbsim.run_mapping(made, seeds=0)
    assert len(found.warnings) == 1
    assert "rounding silences F: 0 Hz in 0.2 s where the network has" in found.warnings[0]
    assert "rounding silences F" in (tmp_path / "map" / "report.html").read_text()


def test_a_run_beside_itself(tmp_path: Path) -> None:
    run = dtbsim.run(config(tmp_path, 2100.0), temporary=True).open()
    gids = {name: np.arange(*bounds) for name, bounds in (("E", (0, 80)), ("I", (80, 100)))}
    same = compare(run, run, [run], gids, n_neurons=100, start_ms=0.0)
    assert same.first_difference is None
    assert same.spike_change_percent == 0
    assert same.first_difference_text == f"All {same.n_spikes[0]:,} spikes are equal."
    assert [(value, others) for _, value, others in same.agreements] == [(pytest.approx(1), [pytest.approx(1)])] * 2
    with pytest.raises(InputError, match="the runs end at 2100 ms, comparison begins at 2500 ms"):
        compare(run, run, [], gids, n_neurons=100, start_ms=2500.0)


def test_errors_of_rounding() -> None:
    item = rounded(np.array([3.0, -4.0, 0.5]), np.array([3.0, -4.0, 0.0]), "projections.E", "weight")
    assert item.vanished == 1
    assert item.relative_rms == pytest.approx(0.5 / np.sqrt(9 + 16 + 0.25))
    assert item.most == 0.125
