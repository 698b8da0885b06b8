"""`dtbsim tune` from end to end: small networks come to working points, the same on any number of workers."""

from __future__ import annotations

import concurrent.futures
import json
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.cli.entry import run_command_line as main
from dtbsim.config.plain import plain
from dtbsim.errors import InputError
from dtbsim.tuning.bench import Bench
from dtbsim.tuning.observe import Watched

OSCILLATORS = """# five oscillators
name: five
atlas: small.npz            # beside this file
seed: 3
simulation: {dt_ms: 2, duration_ms: 16000, settling_ms: 4000}
populations:
  cortex:
    model: hopf
    regions: [A_L, B_L, C_R, D_R]
    parameters: {a: -0.02, omega: 0.006}
    noise: {x: {sigma: 0.02}, y: {sigma: 0.02}}
couplings:
  far: {source: cortex, target: cortex, function: linear, normalise: spectral_radius, strength: 0.02}   # guessed
"""
CIRCUIT = """
name: circuit
simulation: {dt_ms: 1, duration_ms: 2500, settling_ms: 500}
circuits: {c: {kind: balanced_ei, size_E: 160, size_I: 40, drive_rate_E_hz: 1500}}
"""
RATES = {"c.E": 4, "c.I": 7}


class InThisProcess:
    """An executor without processes: code is compiled, or read, once for all tests."""

    def submit(self, function: Any, job: Any) -> concurrent.futures.Future[Any]:
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        done.set_result(function(job))
        return done


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_small_atlas(tmp_path)
    (tmp_path / "five.yaml").write_text(OSCILLATORS)
    (tmp_path / "circuit.yaml").write_text(CIRCUIT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tuned_five(folder: Path, out: str, **options: Any) -> Any:
    return dtbsim.tune(folder / "five.yaml", out=folder / out, points=4, resolution=0.1, progress=False, **options)


def test_regions_come_below_the_edge_and_the_folder_says_how(folder: Path) -> None:
    found = tuned_five(folder, "deep/out", executor=InThisProcess())
    (change,) = found.changes
    assert (change.key, change.old) == ("couplings.far.strength", 0.02)
    assert found.edge is not None
    assert found.edge.kind == "synchrony"
    assert found.edge.width <= 0.1
    assert found.distance == pytest.approx(0.1, abs=0.01)
    assert change.new == pytest.approx(0.02 * found.point.factor)
    beyond = found.table.set_index("factor")["beyond"]
    assert beyond[beyond.index < found.edge.factor].isna().all()
    assert beyond[found.edge.high].startswith("regions move as one")
    assert 0.2 < found.check["together"] < 0.75

    out = folder / "deep" / "out"
    text = (out / "tuned.yaml").read_text()
    given = OSCILLATORS.replace("strength: 0.02}", f"strength: {change.new:g}}}").replace(
        "small.npz", "../../small.npz"
    )
    assert text == given
    dtbsim.validate(out / "tuned.yaml")
    assert plain(dtbsim.load_config(out / "tuned.yaml")) == plain(found.config) | {"atlas": "../../small.npz"}
    said = json.loads((out / "tune.json").read_text())
    assert said["edge"]["why"] == found.edge.why
    assert said["changes"] == [{"key": change.key, "old": 0.02, "new": change.new}]
    assert (out / "scan.csv").read_text().count("\n") == len(found.table) + 1
    page = (out / "report.html").read_text()
    for part in ("five: tuning", "couplings.far.strength", "Do regions move as one?", found.edge.why[:20], "chosen"):
        assert part in page


def test_it_is_the_same_on_one_and_two_workers_and_when_it_goes_on(folder: Path) -> None:
    """Members of an ensemble are runs of their own to the last bit; what was simulated is read."""
    options: dict[str, Any] = {"span": (1, 4), "report": False}
    one, two = tuned_five(folder, "one", workers=1, **options), tuned_five(folder, "two", workers=2, **options)
    assert one.table.equals(two.table)
    assert one.check == two.check
    assert one.changes == two.changes
    runs = folder / "two" / "runs"
    (runs / "00000" / "summary.json").unlink()
    began = {path: path.stat().st_mtime_ns for path in runs.glob("*/summary.json")}
    again = tuned_five(folder, "two", **options)
    assert again.table.equals(one.table)
    assert began == {path: path.stat().st_mtime_ns for path in began}
    with pytest.raises(InputError, match="a sweep of another configuration"):
        tuned_five(folder, "two", **options, set={"seed": 4})


@pytest.mark.nightly
def test_without_a_folder_the_result_is_the_same(folder: Path) -> None:
    kept = tuned_five(folder, "kept")
    alone = dtbsim.tune(folder / "five.yaml", points=4, resolution=0.1, progress=False)
    assert alone.folder is None
    assert alone.table.equals(kept.table)


def test_settings_that_fail_do_not_take_others_with_them(folder: Path) -> None:
    """An ensemble in which one member cannot be is simulated member by member."""
    states = [{"population": "cortex", "variables": ["x"], "interval_ms": 100}]
    base = {"simulation.duration_ms": 4200.0, "record": {"states": states}}
    watched = Watched((), (("cortex", "x", False),), 100.0)
    bench = Bench(folder / "five.yaml", base, watched, side_by_side=True, executor=InThisProcess())
    fine, wrong = {"couplings.far.strength": 0.01}, {"couplings.far.strength": "much"}
    seen = bench.see([fine, wrong])
    assert "error" not in seen[0]
    assert "got 'much'" in seen[1]["error"]
    assert bench.see([fine]) == seen[:1]
    assert bench.runs == 2


def test_rates_come_to_their_targets_and_the_command_says_what_differs(folder: Path, capfd: Any) -> None:
    arguments = ["tune", "circuit.yaml", "--coupling", "none", "--rates", "c.E=4", "--rates", "c.I=7", "--out", "out"]
    assert main([*arguments, "--tolerance", "0.08", "--quiet"]) == 0
    said = capfd.readouterr().out
    assert "circuits.c.drive_rate_E_hz" in said
    assert "1500 -> " in said
    assert "out/tuned.yaml" in said
    found = json.loads((folder / "out" / "tune.json").read_text())
    keys = {change["key"] for change in found["changes"]}
    assert keys == {"circuits.c.drive_rate_E_hz", "circuits.c.drive_rate_I_hz"}
    for name, target in RATES.items():
        assert found["point"]["seen"][f"rate.{name}"] == pytest.approx(target, rel=0.08)
        assert found["check"][f"rate.{name}"] == pytest.approx(target, rel=0.25)
        assert found["check"][f"cv.{name}"] > 0.5
    config = dtbsim.load_config("out/tuned.yaml")
    assert config.circuits["c"].drive_rate_E_hz == found["changes"][0]["new"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["circuit.yaml"], "circuit: there is no coupling between regions to scan"),
        (["circuit.yaml", "--coupling", "none"], "there is nothing to tune (give --rates POPULATION=HZ)"),
        (["circuit.yaml", "--rates", "c.X=4", "--coupling", "none"], "there is no population 'c.X'"),
        (["circuit.yaml", "--rates", "c.E"], "--rates: got 'c.E' (give POPULATION=HZ)"),
        (["circuit.yaml", "--rates", "c.E=fast"], "--rates c.E: got 'fast' (give a number, in Hz)"),
        (["five.yaml", "--range", "2"], "--range: got '2' (give LOW:HIGH"),
        (["five.yaml", "--range", "2:1"], "span: got"),
        (["five.yaml", "--rates", "cortex=4"], "'cortex' has no rate: hopf has no variable that is one"),
        (["five.yaml", "--below", "1"], "below: got 1"),
        (["five.yaml", "--points", "1"], "points: got 1"),
        (["five.yaml", "--set", "ensemble={grid: {seed: [1, 2]}}"], "is an ensemble, and tuning is of one network"),
        (["five.yaml", "--out", "circuit.yaml"], "circuit.yaml"),
    ],
)
def test_what_cannot_be_tuned(folder: Path, capfd: Any, arguments: list[str], said: str) -> None:
    before = {path.name for path in folder.iterdir()}
    assert main(["tune", *arguments]) in (2, 5)
    lines = capfd.readouterr().err.strip().splitlines()
    assert said in lines[-1]
    assert {path.name for path in folder.iterdir()} == before


def test_one_of_several_ranks_is_told_how(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DTBSIM_MPI", raising=False)
    monkeypatch.setenv("PMI_SIZE", "3")
    with pytest.raises(InputError, match=r"mpiexec: tuning starts its runs itself.*--workers N"):
        dtbsim.tune(folder / "five.yaml")


def test_targets_that_are_not_reached_are_told_with_what_was(folder: Path) -> None:
    text = CIRCUIT + "drives: {far: {kind: poisson, target: c.E, receptor: gaba, rate_hz: 10, weight_pA: -0.001}}\n"
    (folder / "deaf.yaml").write_text(text.replace("2500", "900"))
    with pytest.raises(InputError) as caught:
        dtbsim.tune(
            "deaf.yaml", {"c.E": 90}, couplings=["none"], knobs={"c.E": "drives.far.rate_hz"},
            executor=InThisProcess(), progress=False,
        )  # fmt: skip
    said = str(caught.value)
    assert "targets are not reached: c.E fires at " in said
    assert "target 90 Hz; turned were drives.far.rate_hz from" in said
    assert "another" in said or "other numbers by --knob" in said
