"""The benchmarks run at a tiny size, write what they promise, and their checks can fail."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
MPIEXEC = Path(sys.executable).with_name("mpiexec")
TINY_PD14 = ("--scale", "0.02", "--t-sim", "60", "--transient", "20", "--threads", "1")
HEAD = {"benchmark", "date", "commit", "modified", "machine", "versions", "settings", "results"}
STEPPED = {
    "neurons", "synapses", "ranks", "threads_per_rank", "build_s", "compile_s", "rtf", "synaptic_events_per_s_per_core",
    "bytes_per_synapse", "peak_rss_bytes", "peak_rss_bytes_per_synapse", "stages", "mean_rate_hz",
}  # fmt: skip


def start(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=200, stdin=subprocess.DEVNULL)


def report_of(name: str, *arguments: str, cwd: Path) -> tuple[dict[str, Any], str]:
    done = start(name, *arguments, "--json", "result.json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    report = json.loads((cwd / "result.json").read_text())
    assert report.keys() >= HEAD
    assert report["benchmark"] == name.removesuffix(".py")
    assert report["machine"].keys() == {"cpu", "cores", "memory_GiB", "load_average"}
    assert str(cwd) not in json.dumps(report)
    assert [path.name for path in cwd.iterdir()] == ["result.json"]
    return report, done.stdout


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the benchmarks."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def test_starting(tmp_path: Path) -> None:
    report, shown = report_of("starting.py", "--repeats", "1", cwd=tmp_path)
    assert {"dtbsim --help", "import dtbsim"} < report["results"].keys()
    for found in report["results"].values():
        assert 0 < found["min_s"] <= found["median_s"]
    assert "dtbsim --help" in shown


def test_microcircuit(tmp_path: Path) -> None:
    report, shown = report_of("pd14.py", *TINY_PD14, cwd=tmp_path)
    found = report["results"]
    assert found.keys() >= STEPPED
    assert found["synapses"] == 119_646
    assert len(found["rtf"]["chunks"]) == report["settings"]["chunks"] == 10
    assert 0 < found["rtf"]["min"] <= found["rtf"]["median"]
    assert found["synaptic_events"] > 0
    assert found["stages"]["us_per_step"].keys() >= {"deliver", "drive", "update", "detect", "wait", "schedule"}
    assert sum(found["stages"]["share"].values()) == pytest.approx(1, abs=1e-3)
    assert report["recording"]["recording_share"] > 0
    assert report["recording"]["spikes"] >= found["spikes"] > 0
    validation = report["validation"]
    assert validation["passed"] is None
    assert "scale 0.02" in validation["notes"][0]
    assert len(validation["populations"]) == 8
    assert "validation: not applicable" in shown


@pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no mpiexec beside {sys.executable}: pip install 'dtbsim[mpi]'")
def test_microcircuit_on_two_ranks_fires_as_on_one(tmp_path: Path) -> None:
    arguments = (*TINY_PD14, "--without-recording")
    two, _ = report_of("pd14.py", *arguments, "--ranks", "2", cwd=tmp_path)
    assert two["results"]["ranks"] == 2
    assert two["results"]["exchange"] == "shared_memory"
    assert two["results"]["stages"]["us_per_step"]["exchange"] > 0
    one, _ = report_of("pd14.py", *arguments, cwd=tmp_path)
    assert one["results"]["spikes"] == two["results"]["spikes"] > 0
    assert one["results"]["synaptic_events"] == two["results"]["synaptic_events"]


@pytest.mark.nest
def test_microcircuit_beside_nest(tmp_path: Path) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    times = ("--nest-t-sim", "200", "--nest-transient", "20", "--without-recording")
    report, shown = report_of("pd14.py", *TINY_PD14, *times, "--vs", "nest", cwd=tmp_path)
    assert report["nest"]["synapses"] == report["results"]["synapses"]
    assert report["nest"]["mean_rate_hz"] == pytest.approx(report["results"]["mean_rate_hz"], rel=0.3)
    assert report["nest_over_dtbsim"].keys() == {"rtf_median", "rtf_min", "build_s", "peak_rss_bytes_per_synapse"}
    assert f"NEST {report['nest']['version']}" in shown


def test_without_nest_one_line_names_the_extra(tmp_path: Path) -> None:
    lacking = shutil.which("false") or "/bin/false"
    done = start("pd14.py", *TINY_PD14, "--vs", "nest", "--nest-python", lacking, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'dtbsim[reference]'" in done.stderr


def test_weak_scaling(tmp_path: Path) -> None:
    size = ("--regions-per-rank", "3", "--scale", "0.01", "--far-indegree", "5", "--t-sim", "50", "--transient", "10")
    report, shown = report_of("weak_scaling.py", "--ranks", "1", *size, cwd=tmp_path)
    (entry,) = report["results"]
    assert entry.keys() >= STEPPED | {"regions", "oversubscribed", "exchange_share", "efficiency"}
    assert entry["regions"] == 3
    assert entry["neurons"] == 3 * 771
    assert entry["efficiency"] == 1
    assert entry["exchange_share"] == 0
    assert not entry["oversubscribed"]
    assert "2,313" in shown


def test_strong_scaling(tmp_path: Path) -> None:
    size = ("--only", "pd14", "--scale", "0.01", "--t-sim", "60", "--repeats", "2")
    report, shown = report_of("strong_scaling.py", "--ranks", "1", *size, cwd=tmp_path)
    (entry,) = report["results"]
    assert (entry["network"], entry["ranks"], entry["oversubscribed"]) == ("pd14", 1, False)
    assert entry["efficiency"] == {"median": 1, "pairs": [1, 1]}
    assert len(entry["rtf"]["runs"]) == 2
    assert entry["stages_s"]["update"] > 0
    assert len(entry["spike_hash"]) == 64
    assert "pd14" in shown


def test_huge(tmp_path: Path) -> None:
    report, shown = report_of("huge.py", "--sizes", "2e3x10", "--t-sim", "5", "--transient", "5", cwd=tmp_path)
    (entry,) = report["results"]
    assert entry.keys() >= STEPPED | {"peak_bytes_per_neuron", "s_per_step", "build_ns_per_neuron"}
    assert (entry["neurons"], entry["synapses"], entry["synapses_per_neuron"]) == (2_000, 20_000, 10)
    assert entry["spikes"] > 0
    assert entry["peak_bytes_per_neuron"] == pytest.approx(entry["peak_rss_bytes"]["max"] / 2_000, rel=1e-3)
    assert "2,000" in shown


@pytest.mark.nightly
def test_scale(tmp_path: Path) -> None:
    tiny = (
        "--ranks",
        "1",
        "3",
        "--heard",
        "3",
        "--neighbours",
        "2",
        "64",
        "--only",
        "memory",
        "receive",
        "exchange",
        "rank",
        "--repeats",
        "1",
        "--neurons",
        "400",
        "--threads",
        "1",
    )
    report, shown = report_of("scale.py", *tiny, cwd=tmp_path)
    results = report["results"]
    assert [row["ranks"] for row in results["memory"]] == [1, 3, 1, 3]
    assert all(row["synapses"] == 100 * row["neurons"] for row in results["memory"])
    assert all(row["ns_per_spike_and_lane"] > 0 for row in results["receive"])
    assert [row["entries_received"] for row in results["exchange"]][:6] == [0, 200, 4882, 0, 4000, 97640]
    far = results["exchange"][6:]
    assert [row["level"] for row in far] == ["member"] * 3 + ["leader"] * 3
    for row in far:
        assert row["entries_received"] == pytest.approx(40 * row["spikes"], rel=0.15)
    assert [row["neighbours"] for row in results["rank"]] == [0, 2]
    assert results["rank"][1]["spikes_received_per_s"] > 0 == results["rank"][0]["spikes_received_per_s"]
    assert "ratio_to_one_rank" in shown


def test_estimate(tmp_path: Path) -> None:
    """One network on one rank: its memory is predicted; its time depends on who else uses the machine."""
    arguments = (
        "--only",
        "regions",
        "--ranks",
        "1",
        "--duration",
        "20",
        "--machine",
        "laptop",
        "--json",
        "result.json",
    )
    done = start("estimate.py", *arguments, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads((tmp_path / "result.json").read_text())
    (row,) = report["results"]
    assert row["neurons"] == 40_000
    assert abs(row["memory"]["error"]) < 0.2
    assert row["time"]["low"] < row["time"]["predicted"] < row["time"]["high"]
    assert row["within_limits"] == (done.returncode == 0)
    assert "name: laptop" in report["profile"]
    assert "regions" in done.stdout


def test_many_projections(tmp_path: Path) -> None:
    report, shown = report_of("many_projections.py", "--populations", "8", "4", "--distinct", cwd=tmp_path)
    small, large = report["results"]
    assert (small["projections"], large["projections"]) == (16, 64)
    assert (small["synapses"], large["synapses"]) == (4 * 20 * 4 * 2, 8 * 20 * 8 * 2)
    assert small["stages_s"].keys() >= {"load", "network", "write", "compile", "build", "simulate"}
    assert "within_limits" not in large
    assert large["s_per_1000_projections"] == pytest.approx(
        1000 * (large["wall_s"] - small["wall_s"]) / 48, rel=0.02, abs=1e-2
    )
    assert "s / 1000 more" in shown


def test_partitioners(tmp_path: Path) -> None:
    arguments = ["--ranks", "4", "16", "--partitioners", "ordered", "morton", "contiguous"]
    report, shown = report_of("partitioners.py", *arguments, "--neurons", "1000000", "--voxels", "1500", cwd=tmp_path)
    assert len(report["results"]) == 12
    by = {(row["network"][:4], row["ranks"], row["partitioner"]): row for row in report["results"]}
    for ranks in (4, 16):
        cortex, voxels = by["scha", ranks, "ordered"], by["1,50", ranks, "ordered"]
        assert cortex["imbalance"] <= 1.05
        assert voxels["imbalance"] <= 1.05
        assert cortex["local"] > by["scha", ranks, "contiguous"]["local"] + 0.2
        assert cortex["reached"] < by["scha", ranks, "contiguous"]["reached"]
        assert voxels["announced"] == pytest.approx(voxels["reached"], rel=0.05), (
            "ten synapses a link are sure to reach"
        )
    assert report["passed"]
    assert "announced" in shown


def test_resting_state(tmp_path: Path) -> None:
    report, shown = report_of("resting_state.py", "--seeds", "2", "--duration", "4000", cwd=tmp_path)
    (entry,) = report["results"]
    assert entry["seed"] == 2
    assert entry["biological_s"] == 4
    assert entry["wall_s_of_600_s"] == pytest.approx(600 * entry["rtf"], rel=1e-3)
    assert -1 <= entry["fc_correlation"] <= 1
    assert 2 < entry["rate_E_hz"] < 8
    assert 0 < entry["cv_isi_E"] < 2
    assert entry["fcd_ks"] is None  # too short for a window
    assert report["baselines"]["structural"] == pytest.approx(0.342, abs=1e-3)
    assert report["baselines"]["linear_network"]["correlation"] == pytest.approx(0.679, abs=1e-3)
    assert report["median"]["fc_correlation"] == entry["fc_correlation"]
    assert "seed 2" in shown


# --- parts ----------------------------------------------------------------------------------------------------------


def reference_entry(reference: dict[str, Any], name: str) -> dict[str, Any]:
    nest = reference["populations"][name]
    return {
        "rate_hz": reference["rates_INM6_hz"][name],
        "cv_isi": nest["cv_isi_mean"],
        "correlation": nest["corr_2ms_mean"],
    }


def test_the_reference_passes_and_what_is_off_fails(load: Any) -> None:
    validation, common = load("pd14_validation"), load("common")
    reference = common.read_json(validation.REFERENCE)
    assert validation.what_can_be_checked(1.0, [500.0, 2500.0], reference) == (True, True, [])
    for name, nest in reference["populations"].items():
        entry = reference_entry(reference, name)
        for change, passes in ((1.03, True), (1.05, name in ("L23E", "L6E")), (0.91, False)):
            assert validation.check_rate(name, {"rate_hz": entry["rate_hz"] * change}, reference)["passed"] is passes
        assert validation.check_rate(name, {"rate_hz": nest["rate_hz"]}, reference)["passed"]
        for change, passes in ((0.04, True), (-0.06, False)):
            assert validation.check_cv({"cv_isi": entry["cv_isi"] + change}, nest)["passed"] is passes
        assert not validation.check_cv({"cv_isi": None}, nest)["passed"]
        for value, passes in ((entry["correlation"], True), (0.02, False), (-0.01, False), (None, False)):
            assert validation.check_correlation({"correlation": value}, nest)["passed"] is passes


@pytest.mark.parametrize(
    ("scale", "window_ms", "rates", "irregularity"),
    [
        (0.5, [500.0, 2500.0], False, False),
        (1.0, [500.0, 2400.0], True, False),
        (1.0, [400.0, 2500.0], True, False),
        (1.0, [200.0, 900.0], False, False),
    ],
)
def test_what_is_too_small_or_too_short_is_not_checked(
    load: Any, scale: float, window_ms: list[float], rates: bool, irregularity: bool
) -> None:
    validation, common = load("pd14_validation"), load("common")
    reference = common.read_json(validation.REFERENCE)
    found = validation.what_can_be_checked(scale, window_ms, reference)
    assert found[:2] == (rates, irregularity)
    assert found[2]


def test_wrong_rates_at_full_scale_fail(load: Any, tmp_path: Path) -> None:
    validation, common = load("pd14_validation"), load("common")
    names = list(common.read_json(validation.REFERENCE)["populations"])
    steps, gids = np.arange(5000, 25_000, 10), np.arange(2000) % (100 * len(names))
    np.savez(tmp_path / "spikes.npz", steps=steps, gids=gids, gid_starts=100 * np.arange(len(names) + 1))
    result = validation.validate(tmp_path / "spikes.npz", 1.0, 0.1, [500.0, 2500.0])
    assert result["passed"] is False
    assert "NO" in validation.shown(result)


def test_the_model_for_nest_has_the_numbers_of_the_circuit(load: Any) -> None:
    model = load("pd14_model").plain_model(1.0)
    assert sum(entry["size"] for entry in model["populations"].values()) == 77_169
    assert sum(entry["total"] for entry in model["projections"]) == 298_880_968
    assert all(entry["I_e"] == 0 for entry in model["populations"].values())
    assert model["populations"]["L4E"]["poisson_rate_hz"] == 2100 * 8
    by_pair = {(entry["source"], entry["target"]): entry for entry in model["projections"]}
    assert by_pair["L4E", "L23E"]["weight_mean"] == pytest.approx(2 * 87.81, abs=0.01)
    assert by_pair["L23I", "L23E"]["weight_mean"] == pytest.approx(-4 * 87.81, abs=0.02)
    assert by_pair["L23I", "L23E"]["weight_high"] == 0
    small = load("pd14_model").plain_model(0.1)["populations"]["L4E"]
    assert small["poisson_rate_hz"] == pytest.approx(210 * 8)
    assert small["I_e"] > 0


@pytest.mark.parametrize(("regions", "neighbours"), [(4, 3), (24, 8), (100, 8)])
def test_every_region_of_the_ring_has_as_many_neighbours(
    load: Any, tmp_path: Path, regions: int, neighbours: int
) -> None:
    from dtbsim.atlas import load_atlas

    atlas = load_atlas(tmp_path / load("weak_scaling").save_ring(tmp_path, regions))
    assert set(atlas.in_strength()) == {neighbours}
    assert set(atlas.out_strength()) == {neighbours}
    lengths = atlas.lengths_mm[atlas.weights > 0]
    assert lengths.min() == 100
    assert lengths.max() == min(400, 100 * (regions // 2))


def test_recording_cost_is_a_share_of_the_steps(load: Any) -> None:
    recording = load("recording")
    from dtbsim.kernels.layout import STAGES

    parts = {f"simulate: {name}": {"sum_s": 2.0, "max_s": 1.0} for name in STAGES}
    summary: dict[str, Any] = dict.fromkeys(
        ("biological_s", "spikes", "spike_hash", "rtf", "build_s", "peak_rss_bytes")
    )
    summary |= {"ranks": 2, "simulate_s": 8.4, "stages": {**parts, "simulate: record": {"sum_s": 0.5, "max_s": 0.28}}}
    cost = recording.cost(summary)
    assert cost["stepping_s"] == 7
    assert cost["recording_share"] == pytest.approx(0.04)
    assert cost["beyond_stepping_share"] == pytest.approx(0.2)
    assert cost["passed"]
    summary["stages"]["simulate: record"]["max_s"] = 0.42
    assert not recording.cost(summary)["passed"]


def test_rounded_keeps_five_digits_and_what_is_not_a_number_with_a_point(load: Any) -> None:
    common = load("common")
    given = {"a": 1.23456789, "b": [298_880_968, True, None, "1.23456789"], "c": (0.000123456789,)}
    assert common.rounded(given) == {"a": 1.2346, "b": [298_880_968, True, None, "1.23456789"], "c": [0.00012346]}
