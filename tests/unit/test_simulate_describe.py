"""What a run says about itself: network.json and the numbers of its summary, as docs/run_folder.md promises them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.networks import all_synapses, network_of
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo

import dtbsim
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.atlas import load_atlas, save_atlas
from dtbsim.build.rank import plan_rank
from dtbsim.exchange.plan import plan_exchange
from dtbsim.models.connections import CONNECTION_RULES
from dtbsim.mpi import Comm, run_ranks
from dtbsim.simulate import RunResult
from dtbsim.simulate.describe import describe_network

DOCS = Path(__file__).parents[2] / "docs/run_folder.md"

CONFIG = """\
name: two
seed: 7
simulation: {dt_ms: 0.5, duration_ms: 100, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 80}
  I: {model: iaf_psc_exp, size: 20}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
"""


def write(folder: Path, text: str = CONFIG) -> Path:
    path = folder / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("alone")
    return dtbsim.run(write(folder), out=folder / "run")


# -- network.json --------------------------------------------------------------------------------------------------


def test_network_json_describes_every_part(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    plan = plan_rank(network, 0, 2, 1)
    found = json.loads(json.dumps(describe_network(network, plan, plan_exchange(network, plan.blocks, 2), [1000, 234])))
    assert found.keys() == documented_keys("network.json")
    assert (found["dt_ms"], found["n_steps"], found["n_synapses"]) == (0.1, 600, 1234)
    assert (found["n_neurons"], found["block_size"], found["atlas"]) == (network.n_neurons, 16, "small.npz")
    assert found["max_delay_steps"] == network.max_delay_steps
    assert found["regions"] == ["A_L", "B_L", "C_R", "D_R", "Mid"]

    populations = found["populations"]
    assert [entry["name"] for entry in populations] == network.population_names()
    gids = [gid for entry in populations for gid in range(entry["gid0"], entry["gid0"] + entry["size"])]
    assert gids == list(range(network.n_neurons))
    assert populations[1] == {
        "name": "E@B_L", "family": "E", "region": "B_L", "region_index": 1,
        "model": "iaf_psc_exp", "gid0": 50, "size": 50,
    }  # fmt: skip
    assert (populations[-1]["name"], populations[-1]["region"], populations[-1]["region_index"]) == ("M", None, -1)

    projections = {entry["name"]: entry for entry in found["projections"]}
    assert list(projections) == [projection.name for projection in network.projections]
    assert projections["self"] == {
        "name": "self", "source": "M", "target": "M", "rule": "one_to_one", "scope": "all",
        "connectome_reference": None, "expected_synapses": 33, "min_delay_steps": 3, "max_delay_steps": 3,
    }  # fmt: skip
    assert projections["MM"]["expected_synapses"] == 500
    assert projections["ZZ"]["expected_synapses"] == 40 * 39
    assert (projections["EI"]["scope"], projections["EI"]["expected_synapses"]) == ("same_region", 5 * 400)
    assert projections["EZ"]["expected_synapses"] == round(0.7 * 250 * 40)
    assert (projections["EE"]["min_delay_steps"], projections["EE"]["max_delay_steps"]) == (5, 30)
    built_in = {name for name in CONNECTION_RULES.names() if CONNECTION_RULES.origin(name) is None}
    assert {entry["rule"] for entry in found["projections"]} == built_in - {
        "fixed_outdegree",
        "explicit",
        "distance_dependent",
    }
    drawn = all_synapses(network)
    assert abs(sum(entry["expected_synapses"] for entry in found["projections"]) - len(drawn)) < 0.05 * len(drawn)

    partition = found["partition"]
    assert [(entry["rank"], entry["synapses"]) for entry in partition] == [(0, 1000), (1, 234)]
    assert sum(entry["neurons"] for entry in partition) == network.n_neurons
    assert sum(entry["work"] for entry in partition) == pytest.approx(float(plan.table.work.sum()))


def test_regions_are_those_that_some_population_lives_in(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    population = "E: {model: iaf_psc_exp, size: 20, regions: [D_R, B_L]}"
    text = f"{{atlas: small.npz, simulation: {{duration_ms: 1}}, populations: {{{population}}}}}"
    network = network_of(text, base_dir=tmp_path)
    plan = plan_rank(network, 0, 1, 1)
    found = describe_network(network, plan, plan_exchange(network, plan.blocks, 1), [0])
    assert found["ranks_per_spike"] == 0.0
    assert found["regions"] == ["B_L", "D_R"]
    assert [(entry["region"], entry["region_index"]) for entry in found["populations"]] == [("B_L", 0), ("D_R", 1)]
    assert found["projections"] == []


def documented_keys(file: str) -> set[str]:
    """Keys in the tables of the section about `file`, those of nested objects left out."""
    section = DOCS.read_text(encoding="utf-8").partition(f"\n## {file}\n")[2].partition("\n## ")[0]
    table = section.partition("| --- |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


# -- summary -------------------------------------------------------------------------------------------------------


def test_a_summary_has_what_the_documentation_promises(alone: RunResult) -> None:
    summary = alone.summary
    promised = documented_keys("summary.json")
    assert {"neurons", "spike_hash", "fc_correlation", "rtf"} < promised
    assert promised - summary.keys() == {"fc_correlation", "mean_abs_fc"}, "there is no atlas"
    assert alone.open().summary == summary
    assert (summary["name"], summary["neurons"], summary["synapses"]) == ("two", 100, 200)
    assert (summary["ranks"], summary["threads"], summary["backend"]) == (1, 1, "cpu")
    assert (summary["exchange"], summary["interrupted"]) == ("none", False)
    assert summary["run_dir"] == str(alone.run_dir)
    assert Path(summary["run_dir"]).is_absolute()
    assert re.fullmatch("[0-9a-f]{64}", summary["spike_hash"])
    assert alone.spike_hash == summary["spike_hash"]


def test_the_numbers_of_a_summary_fit_together(alone: RunResult) -> None:
    summary, run = alone.summary, alone.open()
    assert summary["spikes"] == len(run.spike_steps()[0]) > 100
    assert summary["biological_s"] == pytest.approx(0.1)
    assert summary["mean_rate_hz"] == pytest.approx(summary["spikes"] / 100 / 0.1)
    assert summary["rtf"] == pytest.approx(summary["simulate_s"] / 0.1)
    assert 4 < summary["bytes_per_synapse"] < 10_000
    gids = run.spike_steps()[1]
    arrived = run.spike_steps("E", stop_ms=99.0)[1]  # a delay of two steps: those of the last two are under way
    drawn = all_synapses(network_of(CONFIG))
    assert summary["events"] == np.bincount(drawn[:, 0], minlength=100)[arrived].sum()
    assert len(arrived) < len(gids)
    seconds = summary["stages"]
    assert {"network", "compile", "build", "simulate"} <= seconds.keys()
    for name in ("compile", "build", "simulate"):
        assert summary[f"{name}_s"] == seconds[name]["max_s"] > 0
    inside = sum(stage["max_s"] for name, stage in seconds.items() if name.startswith("simulate: "))
    assert 0 < inside < summary["simulate_s"] * 1.01


def test_memory_is_that_of_the_process(alone: RunResult) -> None:
    peak = alone.summary["peak_rss_bytes"]
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    now = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]
    assert peak["sum"] == peak["max"]
    assert 0.5 * now < peak["max"] <= now


def test_the_summary_of_several_ranks_is_one(tmp_path: Path, alone: RunResult) -> None:
    config = write(tmp_path)

    def work(comm: Comm) -> RunResult:
        return dtbsim.run(config, out=tmp_path / "run", set=["simulation.threads=2"], comm=comm)

    results = run_ranks(3, work)
    summary = results[0].summary
    assert all(result.summary == summary for result in results)
    for key in ("neurons", "synapses", "spikes", "events", "spike_hash", "mean_rate_hz"):
        assert summary[key] == alone.summary[key], key
    assert (summary["ranks"], summary["threads"], summary["exchange"]) == (3, 2, "shared_memory")
    peak = summary["peak_rss_bytes"]
    assert peak["sum"] == pytest.approx(3 * peak["max"], rel=0.05), "threads of one process play the ranks"
    for stage in summary["stages"].values():
        assert stage["max_s"] <= stage["sum_s"] <= 3 * stage["max_s"] * 1.0001
    assert [share["rank"] for share in summary["shares"]] == [0, 1, 2]
    partition = json.loads((tmp_path / "run/network.json").read_text())["partition"]
    assert sum(part["synapses"] for part in partition) == 200
    assert sum(part["neurons"] for part in partition) == 100


def test_without_synapses_there_are_no_bytes_per_synapse(tmp_path: Path) -> None:
    lonely = CONFIG.replace("projections:\n", "").replace(CONFIG[CONFIG.index("  EI:") : CONFIG.index("drives:")], "")
    summary = dtbsim.run(write(tmp_path, lonely), out=tmp_path / "run").summary
    assert (summary["synapses"], summary["bytes_per_synapse"], summary["events"]) == (0, None, 0)
    assert summary["spikes"] > 0


def test_provenance_is_of_this_run(alone: RunResult) -> None:
    provenance = alone.open().provenance
    assert (provenance["seed"], provenance["ranks"], provenance["threads"], provenance["backend"]) == (7, 1, 1, "cpu")
    assert provenance["dtbsim"] == dtbsim.__version__
    assert provenance["started"] <= provenance["finished"]
    assert provenance["packages"]["numpy"] == np.__version__
    status = alone.open().status
    assert (status["state"], status["step"], status["n_steps"], status["message"]) == ("done", 200, 200, None)


# -- functional connectivity ---------------------------------------------------------------------------------------

BRAIN = """\
name: brain
seed: 2
atlas: {atlas}
simulation: {{dt_ms: 1.0, duration_ms: 4000, threads: 1}}
populations:
  E: {{model: iaf_psc_exp, size: 20, regions: {regions}}}
drives:
  background: {{kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
bold: {{population: E, tr_ms: 100}}
record: {{rate_bin_ms: null}}
"""
REGIONS = "[Insula_R, Precentral_L, Precentral_R, Calcarine_L]"


def test_the_correlation_with_the_measured_fc(tmp_path: Path) -> None:
    config = write(tmp_path, BRAIN.format(atlas="aal2", regions=REGIONS))
    result = dtbsim.run(config, out=tmp_path / "run")
    bold, atlas = result.open().bold(), load_atlas("aal2")
    chosen = [atlas.region_names.index(name) for name in bold.coords["region"].values.tolist()]
    assert chosen == sorted(chosen), "in the order of the atlas"
    assert len(chosen) == 4
    assert atlas.fc is not None
    expected = fc_correlation(functional_connectivity(bold.values), atlas.fc[np.ix_(chosen, chosen)])
    assert result.summary["fc_correlation"] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("lacking", ["bold", "fc", "samples", "regions"])
def test_without_enough_data_there_is_no_correlation(tmp_path: Path, lacking: str) -> None:
    atlas, regions = "aal2", REGIONS
    if lacking == "fc":
        save_small_atlas(tmp_path)
        atlas, regions = "small.npz", "all"
    if lacking == "regions":
        regions = "[Insula_R, Precentral_L]"
    text = BRAIN.format(atlas=atlas, regions=regions)
    if lacking == "bold":
        text = "\n".join(line for line in text.splitlines() if not line.startswith("bold"))
    if lacking == "samples":
        text = text.replace("tr_ms: 100", "tr_ms: 2000")
    summary = dtbsim.run(write(tmp_path, text), out=tmp_path / "run").summary
    assert "fc_correlation" not in summary


def test_a_region_that_does_not_move_is_left_out_of_the_correlation(tmp_path: Path) -> None:
    """Nobody in the fifth region spikes: its BOLD is constant, and a correlation with it has no meaning."""
    text = BRAIN.format(atlas="aal2", regions=REGIONS).replace(
        "drives:", "  Q: {model: iaf_psc_exp, size: 20, regions: [Lingual_L]}\ndrives:"
    )
    text = text.replace("bold: {population: E", "bold: {population: [E, Q]")
    result = dtbsim.run(write(tmp_path, text), out=tmp_path / "run")
    bold, atlas = result.open().bold(), load_atlas("aal2")
    names = bold.coords["region"].values.tolist()
    assert np.ptp(bold.sel(region="Lingual_L").values) == 0
    moving = [k for k, name in enumerate(names) if name != "Lingual_L"]
    chosen = [atlas.region_names.index(names[k]) for k in moving]
    assert len(chosen) == 4
    assert atlas.fc is not None
    expected = fc_correlation(functional_connectivity(bold.values[:, moving]), atlas.fc[np.ix_(chosen, chosen)])
    assert result.summary["fc_correlation"] == pytest.approx(expected, abs=1e-8)


def test_an_atlas_of_ones_own_with_measured_fc(tmp_path: Path) -> None:
    save_small_atlas(tmp_path)
    ranks = np.arange(1.0, 6.0)
    measured = np.where(np.eye(5) == 1, 1.0, 0.03 * np.outer(ranks, ranks))
    save_atlas(replace(load_atlas(tmp_path / "small.npz"), fc=measured), tmp_path / "own.npz")
    result = dtbsim.run(write(tmp_path, BRAIN.format(atlas="own.npz", regions="all")), out=tmp_path / "run")
    expected = fc_correlation(functional_connectivity(result.open().bold().values), measured)
    assert result.summary["fc_correlation"] == pytest.approx(expected, abs=1e-8)
