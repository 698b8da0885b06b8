"""What the guide says of the default partitioner is what a default run does: it looks at the traffic."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtbsim.build.blocks import traffic
from dtbsim.build.rank import plan_rank
from dtbsim.config import RunConfig, load_config_text
from dtbsim.errors import DtbsimError
from dtbsim.exchange.plan import plan_exchange
from dtbsim.mpi import run_ranks
from dtbsim.partition import OrderedPartitioner, PartitionSummary, summarise
from dtbsim.simulate import run
from dtbsim.simulate.prepare import prepare
from dtbsim.spec import Network, compile_network

PARTNERS = {0: 7, 1: 4, 2: 9, 3: 8, 5: 10, 6: 11}
"""Twelve populations in six pairs that talk to each other and to nobody else."""


def config(**changes: str) -> RunConfig:
    lines = [
        "simulation: {dt_ms: 0.5, duration_ms: 40, threads: 1, block_size: 32}",
        "populations:",
        *(f"  p{k}: {{model: iaf_psc_exp, size: 64, parameters: {{I_e_pA: 400}}}}" for k in range(12)),
        "projections:",
    ]
    for a, b in PARTNERS.items():
        for source, target in ((a, b), (b, a)):
            rule = "{kind: fixed_indegree, indegree: 8}"
            lines.append(
                f"  p{source}_p{target}: "
                f"{{source: p{source}, target: p{target}, rule: {rule}, weight_pA: 20, delay_ms: 1.5}}"
            )
    return load_config_text("\n".join(lines), overrides=[f"{key}={value}" for key, value in changes.items()])


def expected(network: Network, n_ranks: int, flow: Any) -> tuple[Any, PartitionSummary, float]:
    """Blocks' ranks of the default partitioner with or without traffic, its measures, and ranks that hear a spike."""
    plan = plan_rank(network, 0, n_ranks, 1)
    rank = OrderedPartitioner().assign(plan.table, n_ranks, flow)
    plan.blocks.rank[:] = rank
    hears = plan_exchange(network, plan.blocks, n_ranks).ranks_per_spike(network.sizes)
    return rank, summarise(plan.table, rank, traffic(network)), hears


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_a_default_run_keeps_traffic_local(tmp_path: Path, n_ranks: int) -> None:
    network = compile_network(config())
    rank, aware, heard = expected(network, n_ranks, traffic(network))
    _, blind, heard_blindly = expected(network, n_ranks, None)
    assert np.array_equal(plan_rank(network, 0, n_ranks, 1).blocks.rank, rank)
    results = run_ranks(n_ranks, lambda comm: run(config(), out=tmp_path / "run", comm=comm, report=False))
    described = json.loads((tmp_path / "run" / "network.json").read_text())
    assert described["ranks_per_spike"] == heard < heard_blindly
    log = (tmp_path / "run" / "log.txt").read_text()
    said = re.search(r"partition \(ordered\): .* ([0-9.]+) % of the traffic stays local", log)
    assert said is not None
    assert float(said[1]) == pytest.approx(100 * (aware.local_share or 0), abs=0.05)
    assert float(said[1]) > 100 * (blind.local_share or 0) + 10
    assert f"a spike is sent to {heard:.2f} other ranks on average" in log
    assert results[0].summary["spikes"] > 100
    alone = run(config(), out=tmp_path / "alone", report=False)
    assert alone.spike_hash == results[0].spike_hash


def test_the_partition_is_found_on_rank_0_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all ranks; what it finds is where every rank has the blocks, and it has been given the traffic."""
    seen = []
    assign = OrderedPartitioner.assign

    def counted(self: OrderedPartitioner, blocks: Any, n_parts: int, flow: Any = None) -> Any:
        seen.append((n_parts, flow.matrix.nnz))
        return assign(self, blocks, n_parts, flow)

    monkeypatch.setattr(OrderedPartitioner, "assign", counted)
    plans = run_ranks(3, lambda comm: prepare(config(), comm, None, None).plan)
    assert seen == [(3, 2 * len(PARTNERS))]
    assert all(np.array_equal(plan.blocks.rank, plans[0].blocks.rank) for plan in plans)
    assert set(plans[0].blocks.rank) == {0, 1, 2}


def test_more_ranks_than_blocks_is_one_error_for_all() -> None:
    def refused(comm: Any) -> str:
        with pytest.raises(DtbsimError) as caught:
            prepare(config(**{"simulation.block_size": "64"}), comm, None, None)
        return str(caught.value)

    said = run_ranks(13, refused)
    assert "13 ranks, but the network has only 12 block(s) of neurons" in said[0]


def test_pairs_are_never_parted_where_they_need_not_be() -> None:
    """Six pairs on two and three ranks: no spike has to travel, in the best partition as in the one that is found."""
    network = compile_network(config())
    for n_ranks in (2, 3):
        _, aware, heard = expected(network, n_ranks, traffic(network))
        assert (aware.local_share, heard) == (1.0, 0.0)
        assert aware.imbalance == pytest.approx(1.0)


def test_traffic_takes_memory_for_pairs_that_talk_only() -> None:
    """5,000 populations in a ring: 10,000 numbers instead of 25 million."""
    lines = ["simulation: {dt_ms: 0.5, duration_ms: 1}", "populations:"]
    lines += [f"  p{k}: {{model: iaf_psc_exp, size: 1}}" for k in range(5000)] + ["projections:"]
    rule = "rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1"
    lines += [f"  j{k}: {{source: p{k}, target: p{(k + 1237) % 5000}, {rule}}}" for k in range(5000)]
    network = compile_network(load_config_text("\n".join(lines)))
    flow = traffic(network)
    assert flow.matrix.nnz == 5000
    plan = plan_rank(network, 0, 4, 1)
    found = summarise(plan.table, plan.blocks.rank, flow)
    blind = summarise(plan.table, OrderedPartitioner().assign(plan.table, 4), flow)
    assert found.imbalance < 1.02
    assert (found.local_share or 0) > (blind.local_share or 0) + 0.2
