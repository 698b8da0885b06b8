"""Files of numbers, and long arrays, are kept with a run: it can be repeated from its folder, with the same spikes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.config import dump_config, load_config, load_config_text
from dtbsim.config.dump import MOST_LISTED
from dtbsim.errors import InputError

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 60, threads: 1}
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: {regions: regions.csv}, regions: all, initial: {V_m_mV: {file: data/v.npy}}}
projections:
  P:
    source: E
    target: E
    scope: all
    rule: {kind: fixed_total_number, total: {matrix: data/m.npz, array: n}}
    weight_pA: {matrix: data/m.npz, array: w}
    delay_ms: {matrix: delays.csv, relative_spread: {distribution: normal, mean: 1, sd: 0.5}}
drives:
  bg: {kind: poisson, target: E, rate_hz: {file: rates.csv, column: rate}, weight_pA: {regions: {Mid: 70}, default: 60}}
"""
REGIONS = ("A_L", "B_L", "C_R", "D_R", "Mid")
KEPT = {
    "populations.E.size.regions": "inputs/populations.E.size.csv",
    "populations.E.initial.V_m_mV.file": "inputs/populations.E.initial.V_m_mV.npy",
    "projections.P.rule.total.matrix": "inputs/projections.P.rule.total.npz",
    "projections.P.weight_pA.matrix": "inputs/projections.P.rule.total.npz",
    "projections.P.delay_ms.matrix": "inputs/projections.P.delay_ms.csv",
    "drives.bg.rate_hz.file": "inputs/drives.bg.rate_hz.csv",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    folder = tmp_path / "given"
    (folder / "data").mkdir(parents=True)
    save_small_atlas(folder)
    rng = np.random.default_rng(3)
    (folder / "regions.csv").write_text("region,n\n" + "".join(f"{name},{10 + k}\n" for k, name in enumerate(REGIONS)))
    np.save(folder / "data/v.npy", rng.uniform(-70, -55, 60))
    np.savez(folder / "data/m.npz", n=np.full((5, 5), 40.0), w=rng.uniform(10, 90, (5, 5)))
    lines = [",".join(["", *REGIONS]), *[",".join([name, *["2.5"] * 5]) for name in REGIONS]]
    (folder / "delays.csv").write_text("\n".join(lines))
    (folder / "rates.csv").write_text("rate,id\n" + "".join(f"{5000 + 100 * k},{k}\n" for k in range(60)))
    (folder / "net.yaml").write_text(TEXT)
    return folder


def test_files_are_kept_and_the_run_can_be_repeated_without_them(folder: Path, tmp_path: Path) -> None:
    result = dtbsim.run(folder / "net.yaml", out=tmp_path / "run")
    assert result.summary["spikes"] > 50
    inputs = {entry["key"]: entry for entry in result.open().inputs}
    assert {key: entry["file"] for key, entry in inputs.items() if key != "atlas"} == KEPT
    for entry in inputs.values():
        digest = hashlib.sha256((tmp_path / "run" / entry["file"]).read_bytes()).hexdigest()
        assert entry["sha256"] == digest
    shutil.rmtree(folder)
    shutil.move(tmp_path / "run", tmp_path / "moved")
    again = dtbsim.run(tmp_path / "moved/config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash
    assert (
        load_config(tmp_path / "again/config.yaml").projections
        == load_config(tmp_path / "moved/config.yaml").projections
    )


def test_long_arrays_become_files(folder: Path, tmp_path: Path) -> None:
    size = MOST_LISTED + 1
    start = np.random.default_rng(2).uniform(-70, -50, size)
    config = dtbsim.RunConfig(
        simulation={"dt_ms": 0.1, "duration_ms": 30, "threads": 1},
        populations={
            "N": dtbsim.Population(
                model="iaf_psc_exp", size=size, initial={"V_m_mV": start}, parameters={"I_e_pA": 400}
            )
        },
    )
    with pytest.raises(
        InputError, match=r"populations.N.initial.V_m_mV: 10,001 numbers given as an array are too many"
    ):
        dump_config(config)
    result = dtbsim.run(config, out=tmp_path / "run")
    (entry,) = result.open().inputs
    assert (entry["key"], entry["file"]) == ("populations.N.initial.V_m_mV", "inputs/populations.N.initial.V_m_mV.npy")
    assert (np.load(tmp_path / "run" / entry["file"]) == start).all()
    again = dtbsim.run(tmp_path / "run/config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash


def test_a_file_that_has_gone_is_an_error_in_one_line(folder: Path) -> None:
    (folder / "rates.csv").unlink()
    with pytest.raises(InputError, match=r"net.yaml:14: drives.bg.rate_hz.file: there is no file .*rates.csv"):
        dtbsim.validate(folder / "net.yaml")


@pytest.mark.parametrize("given", ["{matrix: [[1, 2.5], [3, 4]]}", "{file: a.npy}", "{regions: {A_L: 2}, default: 1}"])
def test_sources_are_written_as_they_were_read(given: str) -> None:
    key = "matrix" if "matrix" in given else "C_m_pF"
    text = "atlas: aal2\nsimulation: {duration_ms: 1}\npopulations: {E: {model: iaf_psc_exp, size: 2, regions: left"
    text += "}}\n" if key == "matrix" else f", parameters: {{C_m_pF: {given}}}}}}}\n"
    if key == "matrix":
        text += "projections: {P: {source: E, target: E, scope: all, rule: all_to_all, weight_pA: 1, delay_ms: "
        text += given + "}}\n"
    config = load_config_text(text)
    assert load_config_text(dump_config(config)) == config
