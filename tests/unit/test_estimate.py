"""How a run would go: by hand where that is possible, else against what the engine itself plans, builds and sends."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from estimate_samples import HUGE, TWO, small_machine
from tests.helpers.networks import built_rank, network_of
from tests.helpers.zoo import zoo

import dtbsim
from dtbsim.build.blocks import assign_ranks, cut_blocks
from dtbsim.build.rank import plan_rank
from dtbsim.config import load_config_text
from dtbsim.errors import EXIT_INPUT, EXIT_MEMORY, EXIT_STORAGE, InputError, MemoryPlanError
from dtbsim.estimation.costs import firing_rates
from dtbsim.estimation.estimate import estimate_network
from dtbsim.estimation.loads import chosen_ranks, find_loads
from dtbsim.estimation.place import Asked
from dtbsim.estimation.profile import load_profile
from dtbsim.estimation.result import Band, Spread, json_schema
from dtbsim.estimation.schema import FILE, render_schema
from dtbsim.estimation.segments import Segments
from dtbsim.estimation.traffic import TrafficModel
from dtbsim.exchange.neighbours import neighbour_exchange
from dtbsim.exchange.plan import plan_exchange, shortest_window
from dtbsim.mpi import run_ranks

DOCS = Path(__file__).parents[2]


def estimated(text: str, ranks: int = 1, **options: Any) -> Any:
    return dtbsim.estimate(load_config_text(text), ranks, **options)


# -- by hand ----------------------------------------------------------------------------------------------------------


def test_two_ranks_and_one_projection_by_hand() -> None:
    """160 synapses from rank 0 to rank 1, 2.5 ms long: half of that is a window."""
    found = estimated(TWO, 2, ranks_per_node=1, machine="cluster", rate_hz=10)
    assert (found.machine.nodes, found.machine.ranks_per_node, found.machine.threads) == (2, 1, 1)
    assert found.neurons == Spread(32, 32, 32, 0)
    assert found.synapses == Spread(0, 80, 160, 1)
    assert (found.network.neurons, found.network.synapses, found.network.blocks) == (64, 160, 2)
    exchange = found.exchange
    assert (exchange.way, exchange.window_ms) == ("packets", pytest.approx(1.2))
    assert exchange.neighbours == Spread(0, 0.5, 1, 0)
    assert exchange.messages_per_window == Spread(0, 0.5, 1, 0)
    assert exchange.bytes_per_window == Spread(0, 64, 128, 0), "a message has room for 16 words at least"
    heard = 32 * 10 * (1 - math.exp(-5))
    assert exchange.spikes_received_per_s.largest == pytest.approx(heard)
    assert exchange.spikes_received_per_s.rank == 1
    assert found.refusals == ()


def test_on_one_node_ranks_read_from_shared_memory() -> None:
    found = estimated(TWO, 2, machine="cluster", rate_hz=10)
    assert (found.machine.nodes, found.machine.ranks_per_node) == (1, 2)
    assert (found.exchange.way, found.exchange.window_ms) == ("shared_memory", pytest.approx(2.5))
    assert found.exchange.messages_per_window.largest == 0
    assert found.exchange.bytes_per_window.largest == pytest.approx(8 * 32 * 10 * 2.5e-3)


def test_one_rank_exchanges_nothing() -> None:
    found = estimated(TWO, 1, machine="laptop")
    assert (found.exchange.way, found.exchange.window_ms, found.exchange.windows) == ("none", None, ())
    assert "exchange" not in found.time.parts


def test_what_a_step_costs_by_hand() -> None:
    """One rank, one thread: neurons, events and rows times what the profile says."""
    profile = load_profile("laptop")
    found = estimated(TWO, 1, machine="laptop", threads=1, rate_hz=10)
    parts = found.time.parts
    assert parts["neurons"] == pytest.approx(64 * 10_000 * profile["compute.neuron_update"] * 1e-9)
    events, rows = 160 * 10, 32 * 10 * (1 - math.exp(-5))  # one delay: a row for each source that has synapses
    expected = math.hypot(events * profile["compute.event"], rows * profile["compute.row"]) * 1e-9
    assert parts["synapses"] == pytest.approx(expected)
    rtf = found.time.real_time_factor
    assert rtf.expected == pytest.approx(sum(parts.values()))
    assert rtf.low < rtf.expected < rtf.high
    assert found.time.run_s.expected == pytest.approx(found.time.build_s.expected + rtf.expected)


# -- against the engine -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_ranks", [1, 3, 5])
def test_every_rank_has_the_bytes_that_it_plans_and_builds(tmp_path: Path, n_ranks: int) -> None:
    network = zoo(tmp_path)
    found = estimate_network(network, Asked(n_ranks, n_ranks, threads=2), "laptop")
    plans = [plan_rank(network, rank, n_ranks, 2).memory for rank in range(n_ranks)]
    for part in ("synapses", "tables", "building"):
        planned = [getattr(plan, part) for plan in plans]
        assert found.memory.parts[part] == Spread.of(planned, range(n_ranks))
    assert found.synapses.largest == pytest.approx(max(plan.n_synapses for plan in plans))
    built = [built_rank(network, rank, n_ranks, 2) for rank in range(n_ranks)]
    kept = max(one.synapse_bytes for one in built)
    assert kept == pytest.approx(found.memory.parts["synapses"].largest + found.memory.parts["tables"].largest, rel=0.5)
    assert found.neurons.largest == max(one.n_neurons for one in built)
    assert found.memory.node_bytes >= sum(plan.peak for plan in plans), "what a run will compare with its node"


@pytest.mark.parametrize("n_ranks", [2, 4])
def test_neighbours_and_windows_are_those_of_the_exchange(tmp_path: Path, n_ranks: int) -> None:
    network = zoo(tmp_path)
    blocks = plan_rank(network, 0, n_ranks, 1).blocks
    model = TrafficModel(network, blocks, n_ranks, firing_rates(network, 4.0))

    def opened(comm: Any) -> Any:
        built = built_rank(network, comm.rank, n_ranks, 1)
        exchange = neighbour_exchange(comm, built, plan_exchange(network, built.blocks, n_ranks))
        return exchange.neighbours, exchange.window

    for rank, (neighbours, window) in enumerate(run_ranks(n_ranks, opened)):
        traffic = model.by_messages(rank)
        assert (traffic.to, traffic.sources) == neighbours
        assert traffic.windows_per_s == pytest.approx(1000 / (window * network.dt_ms))
    assert shortest_window(network, blocks, n_ranks) == plan_exchange(network, blocks, n_ranks).window


def test_loads_of_all_ranks_are_those_of_single_plans(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    table = cut_blocks(network)
    blocks = assign_ranks(network, table, 4)
    loads = find_loads(network, table, blocks, 4)
    for rank in range(4):
        plan = plan_rank(network, rank, 4, 1)
        assert loads.synapses[rank] == pytest.approx(plan.memory.n_synapses)
        assert loads.neurons[rank] == sum(lane.n_local for lane in plan.lanes)
    assert loads.neurons.sum() == network.n_neurons
    assert chosen_ranks(loads, 4).tolist() == [0, 1, 2, 3]
    few = chosen_ranks(loads, 2)
    assert {int(np.argmax(loads.neurons)), int(np.argmax(loads.synapses)), int(np.argmax(loads.work))} <= set(few)


ROWS = """\
simulation: {{dt_ms: 0.1, duration_ms: 1}}
populations: {{A: {{model: iaf_psc_exp, size: 2000}}, B: {{model: iaf_psc_exp, size: 2000}}}}
projections:
  P: {{source: A, target: B, rule: {{kind: fixed_indegree, indegree: {k}}}, weight_pA: 3, delay_ms: {delay}}}
"""


@pytest.mark.parametrize("k", [3, 200])
@pytest.mark.parametrize(
    "delay", ["1.5", "{distribution: uniform, low: 1, high: 4}", "{distribution: normal, mean: 2, sd: 0.5, low: 0.1}"]
)
def test_rows_are_as_many_as_are_built(delay: str, k: int) -> None:
    network = network_of(ROWS.format(k=k, delay=delay))
    built = built_rank(network, 0, 1, 1)
    segments = sum(state.rows.segments.size for state in built.lanes)
    stored = np.ones(len(network.entries), dtype=bool)
    per_s = Segments(network).rows_per_s(network.entries.synapses, np.ones(2), len(built.lanes), stored)
    assert per_s == pytest.approx(segments, rel=0.03)


SHARED_ROWS = """\
simulation: {dt_ms: 0.1, duration_ms: 1}
populations: {A: {model: iaf_psc_exp, size: 2000}, B: {model: iaf_psc_exp, size: 2000}}
projections:
  P: {source: A, target: [A, B], rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 3, delay_ms: 1.5}
  Q: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 1}, weight_pA: 3, delay_ms: 0.5}
  R: {source: B, target: [A, B], rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 3, delay_ms: DRAWN}
"""


def test_projections_share_the_rows_of_their_sources() -> None:
    drawn = "{distribution: uniform, low: 1, high: 4}"
    network = network_of(SHARED_ROWS.replace("DRAWN", drawn))
    built = built_rank(network, 0, 1, 1)
    stored = np.ones(len(network.entries), dtype=bool)
    per_s = Segments(network).rows_per_s(network.entries.synapses, np.ones(2), len(built.lanes), stored)
    assert per_s == pytest.approx(sum(state.rows.segments.size for state in built.lanes), rel=0.03)


# -- what must hold ---------------------------------------------------------------------------------------------------

REGIONAL = """\
name: regional
atlas: schaefer400
simulation: {dt_ms: 0.1, duration_ms: 1000, partitioner: morton}
populations: {E: {model: iaf_psc_exp, size: 20000, regions: all}}
projections:
  EE: {source: E, target: E, scope: same_region, rule: {kind: fixed_indegree, indegree: 500}, weight_pA: 9, delay_ms: 1}
  far:
    source: E
    target: E
    scope: connectome
    rule: {kind: fixed_indegree, indegree: 500}
    weight_pA: 9
    delay_ms: {tract_velocity_m_per_s: 5}
"""


def test_more_ranks_have_less_each_and_more_activity_takes_longer() -> None:
    """Neurons, synapses, memory and computing of a rank fall; neighbours rise; busier neurons cost more."""
    found = [estimated(REGIONAL, ranks, machine="cluster", ranks_per_node=8, threads=1) for ranks in (8, 64, 512)]
    for few, many in itertools.pairwise(found):
        assert many.neurons.largest < few.neurons.largest
        assert many.synapses.largest < few.synapses.largest
        assert many.memory.peak.largest < few.memory.peak.largest
        assert many.time.parts["synapses"] < few.time.parts["synapses"]
        assert many.time.build_s.low < few.time.build_s.low
        assert many.exchange.neighbours.largest > few.exchange.neighbours.largest
        assert many.network == few.network
    assert found[-1].ranks_looked_at < 512
    assert len(found[-1].exchange.windows) > 1, "ranks that share a region exchange more often than others"
    busy = estimated(REGIONAL, 64, machine="cluster", ranks_per_node=8, threads=1, rate_hz=40)
    assert busy.time.real_time_factor.expected > 2 * found[1].time.real_time_factor.expected
    assert busy.memory.parts["synapses"] == found[1].memory.parts["synapses"]


def test_sampled_ranks_say_nearly_the_same_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from dtbsim.estimation import estimate

    every = estimated(REGIONAL, 150, machine="cluster", threads=1)
    monkeypatch.setattr(estimate, "ALL_UP_TO", 50)
    few = estimated(REGIONAL, 150, machine="cluster", threads=1)
    assert (few.ranks_looked_at, every.ranks_looked_at) == (pytest.approx(53, abs=3), 150)
    assert (few.neurons, few.synapses, few.imbalance) == (every.neurons, every.synapses, every.imbalance)
    assert few.memory.peak.largest == pytest.approx(every.memory.peak.largest, rel=0.05)
    assert few.exchange.neighbours.mean == pytest.approx(every.exchange.neighbours.mean, rel=0.1)


PEAK = """\
import sys
import dtbsim
from dtbsim.config import load_config_text
from dtbsim.simulate.stages import peak_rss_bytes

found = dtbsim.estimate(load_config_text(sys.argv[1]), int(sys.argv[2]), machine="cluster", threads=1)
print(found.network.neurons, found.ranks_looked_at, peak_rss_bytes())
"""


def test_thousands_of_ranks_take_little_memory() -> None:
    """No array of the size of the network, of its synapses, or of ranks times populations."""
    text = REGIONAL.replace("size: 20000", "size: 2000000").replace("1000,", "1000, block_size: 65536,")
    done = subprocess.run([sys.executable, "-c", PEAK, text, "5000"], capture_output=True, text=True, check=True)
    neurons, looked_at, peak = map(int, done.stdout.split())
    assert neurons == 800_000_000
    assert looked_at < 300
    assert peak < 400 * 2**20, "an interpreter with its libraries, and less than a quarter of a byte for each neuron"


@pytest.mark.nightly
def test_a_hundred_thousand_ranks_take_a_minute() -> None:
    text = REGIONAL.replace("size: 20000", "size: 2500000").replace(", partitioner: morton", "")
    found = estimated(text, 100_000, machine="cluster", threads=1)
    assert found.neurons.mean == 10_000
    assert found.exchange.neighbours.largest > 1000


# -- what a run would be refused for --------------------------------------------------------------------------------


def test_more_ranks_than_blocks_are_an_error() -> None:
    with pytest.raises(InputError, match=r"3 ranks, but the network has only 2 block"):
        estimated(TWO, 3, machine="laptop")


def test_a_node_that_is_too_small_refuses_before_a_run_does(tmp_path: Path) -> None:
    found = estimated(TWO, 2, machine=small_machine(tmp_path, 0.5))
    (refusal,) = found.refusals
    assert refusal.exit_code == EXIT_MEMORY
    assert refusal.message == "the network needs 0.7 GiB on this node (2 rank(s)), but 0.5 GiB are available"
    with pytest.raises(MemoryPlanError):
        found.check()
    apart = estimated(TWO, 2, ranks_per_node=1, machine=small_machine(tmp_path, 0.5))
    assert apart.refusals == ()


def test_results_that_do_not_fit_the_disk_are_refused() -> None:
    network = network_of(TWO)
    found = estimate_network(network, Asked(1), "laptop", available_disk=1000.0)
    assert [refusal.exit_code for refusal in found.refusals] == [EXIT_STORAGE]
    assert estimate_network(network, Asked(1), "laptop", available_disk=1e9).refusals == ()


def test_shared_memory_does_not_reach_other_nodes() -> None:
    options: dict[str, Any] = {"machine": "cluster", "set": {"simulation.exchange": "shared_memory"}}
    assert estimated(TWO, 2, **options).refusals == ()
    (refusal,) = estimated(TWO, 2, ranks_per_node=1, **options).refusals
    assert refusal.message == "simulation.exchange is shared_memory, but the ranks are on 2 nodes"
    assert refusal.exit_code == EXIT_INPUT


GPUS = """\
simulation: {dt_ms: 0.1, duration_ms: 1000}
populations: {A: {model: iaf_psc_exp, size: 1000000}}
projections: {AA: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 5000}, weight_pA: 3, delay_ms: 1}}
"""


def test_a_gpu_that_is_too_small_is_refused() -> None:
    """Two GPUs have room for 2.5 billion synapses each, a tenth of one has none for 2 billion."""
    fits = estimated(GPUS, 2, machine="h200")
    assert (fits.machine.ranks_per_node, fits.machine.gpus_per_node, fits.exchange.way) == (2, 8, "gpu")
    assert fits.refusals == ()
    assert fits.memory.device is not None
    assert 1e10 <= fits.memory.device["synapses"].largest <= 5e10
    assert fits.memory.parts["synapses"].largest == 0, "nothing of them is on the host"
    more = estimated(GPUS.replace("5000", "20000"), 10, ranks_per_node=10, gpus_per_node=1, machine="a100")
    assert more.memory.device_available == pytest.approx(79 * 2**30 / 10)
    assert [refusal.exit_code for refusal in more.refusals] == [EXIT_MEMORY]
    assert "GiB on its GPU" in more.refusals[0].message
    assert any("share 1 GPU(s)" in text for text in more.warnings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranks": 0}, "--ranks: got 0"),
        ({"ranks": 2, "ranks_per_node": -1}, "--ranks-per-node: got -1"),
        ({"ranks": 2, "machine": "cluster", "gpus_per_node": 2}, "'cluster' is a machine without GPUs"),
        ({"ranks": 2, "machine": "cluste"}, "did you mean 'cluster'"),
        ({"ranks": 2.5}, "a whole number above 0"),
        ({"ranks": 2, "rate_hz": -1}, "a number from 0 to"),
    ],
)
def test_options_that_do_not_fit_are_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        estimated(TWO, **options)
    assert message in str(caught.value)


def test_cuda_needs_a_machine_with_gpus() -> None:
    with pytest.raises(InputError, match=r"simulation\.backend is cuda"):
        estimated(TWO, 1, machine="cluster", set={"simulation.backend": "cuda"})
    here = estimated(TWO, 1, set={"simulation.backend": "cuda"})
    assert any("name a machine with GPUs" in text for text in here.warnings)


def test_warnings_say_what_would_be_slow() -> None:
    crowded = estimated(TWO, 2, machine="laptop", ranks_per_node=2, threads=8)
    assert any("share 8 cores" in text for text in crowded.warnings)
    uneven = estimated(TWO.replace("B: {model: iaf_psc_exp, size: 32}", "B: {model: iaf_psc_exp, size: 3}"), 2)
    assert any("the work is uneven" in text for text in uneven.warnings)
    short = estimated(TWO.replace("delay_ms: 2.5", "delay_ms: 0.1"), 2, machine="laptop")
    assert any("after every step" in text for text in short.warnings)


# -- 86 billion neurons -----------------------------------------------------------------------------------------------


def test_a_human_brain_is_estimated_and_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.estimation.estimate.ALL_UP_TO", 16)
    found = estimated(HUGE, 1024, machine="cluster", ranks_per_node=8)
    assert found.network.neurons == 86_000_000_000
    assert found.network.synapses > 2.5e13
    assert found.neurons.mean == pytest.approx(86e9 / 1024)
    assert found.memory.peak.largest > 20e9
    messages = [refusal.message for refusal in found.refusals]
    assert re.fullmatch(r"rank \d+ hears \d,\d+,\d+,000 neurons; a rank can number 2,147,483,647", messages[0])
    assert found.refusals[0].exit_code == EXIT_INPUT
    with pytest.raises(InputError, match=r"rank 0 hears 86,000,000,000 neurons; a rank can number 2,147,483,647"):
        dtbsim.run(load_config_text(HUGE))
    assert dtbsim.build(load_config_text(HUGE)).n_neurons == 86_000_000_000


def test_gpus_have_ids_of_32_bits() -> None:
    found = estimated(HUGE, 14_000, machine="h200", ranks_per_node=8)
    assert "86,000,000,000 neurons; on GPUs 4,294,967,295 can be simulated" in [r.message for r in found.refusals]


# -- as data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["laptop", "cluster", "h200"])
def test_the_output_fits_its_schema(machine: str) -> None:
    data = json.loads(json.dumps(estimated(TWO, 2, machine=machine).to_dict(), allow_nan=False))
    jsonschema.validate(data, json_schema())
    assert data["format"] == 1
    del data["memory"]["peak"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema())


def test_the_schema_in_the_documents_is_up_to_date() -> None:
    assert (DOCS / FILE).read_text(encoding="utf-8") == render_schema(), "python -m dtbsim.estimation.schema"


def test_spreads_and_bands() -> None:
    assert Spread.of([3.0, 7.0, 7.0, 1.0], [10, 20, 30, 40]) == Spread(1.0, 4.5, 7.0, 20)
    assert Band(1, 2, 4) + Band(1, 1, 1) == Band(2, 3, 5)
    assert Band(1, 2, 4).scaled(2) == Band(2, 4, 8)
